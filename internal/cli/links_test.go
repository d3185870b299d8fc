package cli

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/transport"
)

// patience bounds every wait of these tests; none is expected to take it.
const patience = 20 * time.Second

// guest is a node with the connections of the command line, on the real network.
type guest struct {
	t     testing.TB
	node  *transport.Node
	links *links
	leave func()

	mu    sync.Mutex
	said  []string
	poked chan struct{} // one place: something was said
}

// newGuest starts a node that keeps up the default connection at addr.
func newGuest(t testing.TB, addr, room string) *guest {
	t.Helper()
	g := &guest{t: t, node: testNode(t, room), poked: make(chan struct{}, 1)}
	hub := transport.NewHub(transport.HubConfig{Agent: "tallystick node test"})
	if err := hub.Add(g.node); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = g.node.Run(ctx) })
	wg.Go(func() { _ = hub.Run(ctx) })
	g.links = &links{hub: hub, node: g.node, changed: func() {}, say: func(format string, args ...any) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.said = append(g.said, fmt.Sprintf(format, args...))
		poke(g.poked)
	}}
	if err := g.links.run(ctx, linkPlan{meet: addr}, wg.Go); err != nil {
		t.Fatal(err)
	}
	g.leave = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	t.Cleanup(g.leave)
	return g
}

func testNode(t testing.TB, room string) *transport.Node {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	dir, charter := t.TempDir(), crdt.OpenLedger(room)
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

// hears waits until something that was said contains text, and forgets all up to there.
func (g *guest) hears(text string) {
	g.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		g.mu.Lock()
		for i, s := range g.said {
			if strings.Contains(s, text) {
				g.said = g.said[i+1:]
				g.mu.Unlock()
				return
			}
		}
		said := strings.Join(g.said, "\n")
		g.mu.Unlock()
		select {
		case <-g.poked:
		case <-deadline.C:
			g.t.Fatalf("waited in vain for %q; said:\n%s", text, said)
		}
	}
}

// has waits until the node has so many changes.
func (g *guest) has(changes int) *transport.Snapshot {
	g.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		s := g.node.Snapshot()
		if s.View.Changes() == changes {
			return s
		}
		select {
		case <-g.node.Changed():
		case <-deadline.C:
			g.t.Fatalf("has %d changes, want %d; peers %+v", s.View.Changes(), changes, s.Peers)
		}
	}
}

func (g *guest) write() {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	literal, err := crdt.EncodeLiteral("x")
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := g.node.Append(ctx, 1, literal); err != nil {
		g.t.Fatal(err)
	}
}

// freeAddr is an address that nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

// Three nodes meet where none is told anything; the one that listens leaves, and another takes its place.
func TestDefaultConnection(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	a := newGuest(t, addr, "main")
	a.hears("listening there")
	b := newGuest(t, addr, "main")
	b.hears("connected to ws://" + addr)
	c := newGuest(t, addr, "main")
	c.hears("connected to ws://" + addr)
	a.write()
	b.has(1)
	c.has(1)

	a.leave()
	b.write()
	s, z := b.has(2), c.has(2)
	if s.View.LogDigest() != z.View.LogDigest() {
		t.Error("log digests differ")
	}
	// It comes back, and connects to whoever took over.
	d := newGuest(t, addr, "main")
	d.hears("connected to")
	d.has(2)
}

func TestDefaultConnectionStranger(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	addr := strings.TrimPrefix(web.URL, "http://")
	g := newGuest(t, addr, "main")
	g.hears(addr + " is taken: ")
	g.write() // it goes on offline
	if s := g.node.Snapshot(); !g.links.settled(s) {
		t.Error("not settled: there is nothing more to expect")
	}
}

func TestDefaultConnectionOtherRoom(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	a := newGuest(t, addr, "main")
	a.hears("listening there")
	b := newGuest(t, addr, "other")
	b.hears("does not serve this room")
}

// Many start at once: one listens.
func TestDefaultConnectionRace(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	var guests []*guest
	for range 6 {
		guests = append(guests, newGuest(t, addr, "main"))
	}
	for _, g := range guests {
		g.write()
	}
	var digest [32]byte
	for i, g := range guests {
		s := g.has(len(guests))
		if i == 0 {
			digest = s.View.LogDigest()
		} else if s.View.LogDigest() != digest {
			t.Error("log digests differ")
		}
	}
}
