package relay

import (
	"context"
	"crypto/ed25519"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/transport"
)

// patience bounds every wait of these tests; none is expected to take it.
const patience = 20 * time.Second

// running is a relay under test.
type running struct {
	*Relay
	t    testing.TB
	data string
	stop func() error // ends it and returns what Run returned
}

// startRelay runs a relay on dir until the test ends or stop is called.
func startRelay(t testing.TB, dir string, p Policy, log *slog.Logger) *running {
	t.Helper()
	return startRelayConfig(t, Config{Addr: "127.0.0.1:0", Data: dir, Version: "test", Policy: p, Log: log})
}

func startRelayLimits(t testing.TB, dir string, p Policy, l transport.Limits) *running {
	t.Helper()
	return startRelayConfig(t, Config{Addr: "127.0.0.1:0", Data: dir, Version: "test", Policy: p, Limits: l})
}

func startRelayConfig(t testing.TB, cfg Config) *running {
	t.Helper()
	r, err := New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	run := &running{Relay: r, t: t, data: cfg.Data}
	run.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = run.stop() }) // tests that care call it themselves
	return run
}

// base is the relay's URL without path, for HTTP.
func (r *running) base() string { return "http://" + r.Addr().String() }

// get asks for a path.
func (r *running) get(path string) (status int, body string) {
	r.t.Helper()
	resp, err := http.Get(r.base() + path)
	if err != nil {
		r.t.Fatalf("GET %s: %v", path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatalf("GET %s: %v", path, err)
	}
	return resp.StatusCode, string(b)
}

// files are the rooms that have a file.
func (r *running) files() []string {
	r.t.Helper()
	names, err := filepath.Glob(filepath.Join(r.data, "rooms", "*.db"))
	if err != nil {
		r.t.Fatal(err)
	}
	return names
}

// eventually waits for something that tells nobody when it happens.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// person is a node that is connected to a relay.
type person struct {
	t    testing.TB
	node *transport.Node
	hub  *transport.Hub
	peer transport.PeerID
	stop func()
}

// join connects a new person to the room of that name.
func join(t testing.TB, url, room string) *person {
	t.Helper()
	hub := transport.NewHub(transport.HubConfig{Agent: "tallystick node test", Limits: transport.Limits{BackoffMax: 50 * time.Millisecond}})
	p := &person{t: t, hub: hub, node: newNode(t, room)}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	if err := hub.Add(p.node); err != nil {
		t.Fatal(err)
	}
	wg.Go(func() { _ = p.node.Run(ctx) })
	wg.Go(func() { _ = hub.Run(ctx) })
	p.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	t.Cleanup(p.stop)
	var err error
	if p.peer, err = hub.Connect(p.node, url); err != nil {
		t.Fatal(err)
	}
	return p
}

// newNode opens a node with a new key on a new store.
func newNode(t testing.TB, room string) *transport.Node {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	charter := crdt.OpenLedger(room)
	st, err := store.Create(filepath.Join(dir, "room.db"), store.Meta{Room: charter.ID(), Charter: charter.Append(nil)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	last, err := store.OpenLast(filepath.Join(dir, "last"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = last.Close() })
	n, err := transport.OpenNode(context.Background(), transport.NodeConfig{Charter: charter, Key: key, Store: st, Last: last})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// say appends so many literals of about size bytes each and waits until they are durable here.
func (p *person) say(n, size int) {
	p.t.Helper()
	literal, err := crdt.EncodeLiteral(make([]byte, size))
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for range n {
		if _, err := p.node.Append(ctx, 1, literal); err != nil {
			p.t.Fatalf("append: %v", err)
		}
	}
}

// until waits for a snapshot that is as wanted.
func (p *person) until(what string, ok func(*transport.Snapshot) bool) *transport.Snapshot {
	p.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		s := p.node.Snapshot()
		if ok(s) {
			return s
		}
		select {
		case <-p.node.Changed():
		case <-deadline.C:
			p.t.Fatalf("waited in vain: %s; peers %+v", what, s.Peers)
		}
	}
}

// live waits until the person is equal with its relay, and has so many changes.
func (p *person) live(changes int) *transport.Snapshot {
	p.t.Helper()
	return p.until("live", func(s *transport.Snapshot) bool {
		return s.View.Changes() == changes && s.Unsent == 0 && s.Live == 1
	})
}

// refused waits until the relay has refused the room with that code.
func (p *person) refused(code string) {
	p.t.Helper()
	p.until("refused with "+code, func(s *transport.Snapshot) bool {
		peer, ok := s.Peer(p.peer)
		return ok && peer.Reason.Code == code && peer.Reason.Remote
	})
}
