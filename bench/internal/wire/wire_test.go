package wire

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/relay"
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
