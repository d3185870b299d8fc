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
	met   chan struct{} // closed when the rendezvous has ended

	mu    sync.Mutex
	said  []string
	poked chan struct{} // one place: something was said
}

// newGuest starts a node that keeps up the default connection at addr.
func newGuest(t testing.TB, addr, room string) *guest {
	t.Helper()
	g := &guest{t: t, node: testNode(t, room), met: make(chan struct{}), poked: make(chan struct{}, 1)}
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
	start := func(f func()) { // the only one is the rendezvous
		wg.Go(func() {
			defer close(g.met)
			f()
		})
	}
	if err := g.links.run(ctx, linkPlan{meet: addr}, start); err != nil {
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
	return g.until(fmt.Sprint(changes, " changes"), func(s *transport.Snapshot) bool { return s.View.Changes() == changes })
}

// until waits for a snapshot that is as wanted.
func (g *guest) until(what string, ok func(*transport.Snapshot) bool) *transport.Snapshot {
	g.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		s := g.node.Snapshot()
		if ok(s) {
			return s
		}
		select {
		case <-g.node.Changed():
		case <-deadline.C:
			g.t.Fatalf("waited in vain: %s; %d changes, peers %+v", what, s.View.Changes(), s.Peers)
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

// The user's word counts: a default connection that was ended stays so.
func TestDefaultConnectionDisconnected(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	a := newGuest(t, addr, "main")
	a.hears("listening there")
	b := newGuest(t, addr, "main")
	b.hears("connected to")
	a.write()
	s := b.has(1)
	b.links.disconnect(s.Peers[0].ID)
	b.until("no peer", func(s *transport.Snapshot) bool { return len(s.Peers) == 0 })
	a.until("peer gone", func(s *transport.Snapshot) bool {
		return len(s.Peers) == 0 || s.Peers[0].State == transport.PeerClosed
	})
	// What would bring it back has ended, so this cannot change any more.
	select {
	case <-b.met:
	case <-time.After(patience):
		t.Fatal("the rendezvous goes on")
	}
	if s := b.node.Snapshot(); len(s.Peers) != 0 {
		t.Errorf("peers %+v, want none", s.Peers)
	}
}
