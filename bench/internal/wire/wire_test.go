package wire

import (
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/relay"
	"github.com/tallystick/tallystick/transport"
)

// startRelay runs a relay within the test and returns the URL of its websocket.
func startRelay(t *testing.T) string {
	t.Helper()
	r, err := relay.New(relay.Config{Addr: "127.0.0.1:0", Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Errorf("relay: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return "ws://" + r.Addr().String() + relay.PathWebsocket
}

func TestPublishAndSubscribe(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	url := startRelay(t)
	charter := crdt.OpenLedger("wire")
	people := sample.People()
	sub, err := Dial(ctx, url, charter, nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- sub.Run() }()
	if err := sub.WaitLive(time.Minute); err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for i, c := range []struct{ packs, run, under int }{{20, 1, 1}, {300, 1, 64}, {40, 32, 64}, {5, 32, 1}} {
		chain, err := NewChain(charter, people[i], c.packs, c.run, 300)
		if err != nil {
			t.Fatal(err)
		}
		if per := chain.Bytes / c.run; per < 290 || per > 500 {
			t.Errorf("pack of %d changes: %d bytes a change, want about 300", c.run, per)
		}
		p, err := NewPublisher(ctx, url, charter, chain, c.under)
		if err != nil {
			t.Fatal(err)
		}
		n, took, err := p.Run(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if n != c.packs*c.run || len(took) != c.packs {
			t.Errorf("%+v: %d changes stored, %d times, want %d, %d", c, n, len(took), c.packs*c.run, c.packs)
		}
		total += int64(n)
		if err := sub.Wait(ctx, total); err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if err := p.Client.Close(); err != nil {
			t.Error(err)
		}
	}
	if got, _, _ := sub.Received(); got != total {
		t.Errorf("the subscriber got %d changes, want %d", got, total)
	}
	if err := sub.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("subscriber: %v", err)
	}
}

// TestCloseBeforeAnswer: a client that is closed while it has a message to answer ends without an error.
func TestCloseBeforeAnswer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	charter := crdt.OpenLedger("close")
	chain, err := NewChain(charter, sample.People()[0], 1, 1, 300)
	if err != nil {
		t.Fatal(err)
	}
	var both []byte // frames of websocket, in one write: who has read the first has the second too
	for _, m := range []transport.Body{&transport.Stored{Credit: 1}, transport.Packs(chain.Packs)} {
		msg := transport.AppendMessage(nil, charter.ID(), m)
		both = binary.BigEndian.AppendUint16(append(both, 0x82, 126), uint16(len(msg)))
		both = append(both, msg...)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return // it has answered
		}
		defer ws.Close() // it is over
		_, _ = ws.NetConn().Write(both)
		_, _ = io.Copy(io.Discard, ws.NetConn()) // until the client has gone
	}))
	defer server.Close()
	var c *Client
	c, err = Dial(ctx, "ws"+strings.TrimPrefix(server.URL, "http"), charter, func(*transport.Stored) {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(); err != nil {
		t.Errorf("closed with a message to answer: %v", err)
	}
	if _, messages, _ := c.Received(); messages != 1 {
		t.Errorf("got %d messages of packs, want 1: nothing was left to answer", messages)
	}
}

// TestStall: a client that stalls takes nothing, and all of it when it goes on.
func TestStall(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	url := startRelay(t)
	charter := crdt.OpenLedger("stall")
	var clients []*Client
	for range 2 {
		c, err := Dial(ctx, url, charter, nil)
		if err != nil {
			t.Fatal(err)
		}
		go c.Run() // its error is seen by Wait
		if err := c.WaitLive(time.Minute); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	chain, err := NewChain(charter, sample.People()[0], 100, 1, 300)
	if err != nil {
		t.Fatal(err)
	}
	clients[0].Stall()
	p, err := NewPublisher(ctx, url, charter, chain, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := clients[1].Wait(ctx, 100); err != nil {
		t.Fatal(err)
	}
	// One message may have been on its way into the client when it stalled.
	if got, _, _ := clients[0].Received(); got > 1 {
		t.Errorf("the stalled client took %d changes", got)
	}
	clients[0].Resume()
	if err := clients[0].Wait(ctx, 100); err != nil {
		t.Error(err)
	}
	for _, c := range append(clients, p.Client) {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestContinue(t *testing.T) {
	t.Parallel()
	people := sample.People()
	room, err := sample.NewRoom("go on", people, 50, 1)
	if err != nil {
		t.Fatal(err)
	}
	chains, err := Continue(room, people, 4, 300)
	if err != nil {
		t.Fatal(err)
	}
	r, err := crdt.NewReplica(room.Charter)
	if err != nil {
		t.Fatal(err)
	}
	for _, pack := range room.Packs {
		if err := r.Load(pack); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range chains {
		if err := r.Load(c.Packs[0]); err != nil {
			t.Error(err)
		}
	}
	if got, want := r.Len(), 50+4*len(people); got != want || len(r.Forks()) > 0 {
		t.Errorf("got %d changes, %d forks, want %d, none", got, len(r.Forks()), want)
	}
}

func TestCountChanges(t *testing.T) {
	t.Parallel()
	chain, err := NewChain(crdt.OpenLedger("wire"), sample.People()[0], 2, 7, 100)
	if err != nil {
		t.Fatal(err)
	}
	if got := CountChanges(chain.Packs[1]); got != 7 {
		t.Errorf("got %d, want 7", got)
	}
	if got := CountChanges(chain.Packs[1][:len(chain.Packs[1])-1]); got != 0 {
		t.Errorf("cut short: got %d, want 0", got)
	}
}
