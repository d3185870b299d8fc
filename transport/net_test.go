package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/store"
)

// testPatience is how long a test waits for what has to happen.
const testPatience = 20 * time.Second

// startHub runs a hub and a listener for it until the test ends, and returns its ws:// address.
func startHub(t testing.TB, cfg HubConfig) (*Hub, string) {
	t.Helper()
	h := NewHub(cfg)
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	running := make(chan struct{})
	wg.Go(func() {
		close(running)
		if err := h.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	<-running
	for h.running() == nil { // Run has begun, and is about to take its mutex
		runtime.Gosched()
	}
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		stop()
		wg.Wait()
		server.Close()
	})
	return h, "ws" + strings.TrimPrefix(server.URL, "http")
}

func (h *Hub) running() context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ctx
}

// startNode runs a node until the test ends.
func startNode(t testing.TB, cfg NodeConfig) *Node {
	t.Helper()
	if cfg.Charter.Name == "" {
		cfg.Charter = testCharter
	}
	if cfg.Store == nil {
		cfg.Store = &memStore{}
	}
	if cfg.Key != nil && cfg.Last == nil {
		cfg.Last = &memLast{}
	}
	n, err := OpenNode(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := n.Run(ctx); err != nil && !errors.Is(err, ErrFatal) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		wg.Wait()
	})
	return n
}

// waitFor waits until a node's snapshot is as wanted.
func waitFor(t testing.TB, n *Node, what string, ok func(*Snapshot) bool) *Snapshot {
	t.Helper()
	patience := time.NewTimer(testPatience)
	defer patience.Stop()
	for {
		if s := n.Snapshot(); ok(s) {
			return s
		}
		select {
		case <-n.Changed():
		case <-patience.C:
			s := n.Snapshot()
			t.Fatalf("waited for %s; link %v, %d changes, %d unsent, peers %+v", what, s.Link, s.View.Changes(), s.Unsent, s.Peers)
		}
	}
}

func entry(t testing.TB, text string) crdt.Literal {
	t.Helper()
	l, err := crdt.EncodeLiteral(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustAppend(t testing.TB, n *Node, text string) Receipt {
	t.Helper()
	r, err := n.Append(context.Background(), 1, entry(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// openStore makes a real store that is checked when the test ends.
func openStore(t testing.TB) *store.Store {
	t.Helper()
	charter := testCharter.Append(nil)
	s, err := store.Create(filepath.Join(t.TempDir(), "room.db"), store.Meta{Room: testCharter.ID(), Charter: charter})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestTwoNodesOverWebsocket: two nodes with real stores, one listening, one dialling, write at once and end equal; then one
// is stopped and started again from its store.
func TestTwoNodesOverWebsocket(t *testing.T) {
	hubA, url := startHub(t, HubConfig{Agent: "tallystick node test"})
	hubB, _ := startHub(t, HubConfig{Agent: "tallystick node test"})
	storeA, storeB := openStore(t), openStore(t)
	last, err := store.OpenLast(filepath.Join(t.TempDir(), "last"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := last.Close(); err != nil {
			t.Error(err)
		}
	})
	a := startNode(t, NodeConfig{Store: storeA, Key: testKey(1), Last: last})
	b := startNode(t, NodeConfig{Store: storeB, Key: testKey(2)})
	if err := hubA.Add(a); err != nil {
		t.Fatal(err)
	}
	if err := hubB.Add(b); err != nil {
		t.Fatal(err)
	}
	peer, err := hubB.Connect(b, url)
	if err != nil {
		t.Fatal(err)
	}
	const each = 200
	var wg sync.WaitGroup
	for _, n := range []*Node{a, b} {
		wg.Go(func() {
			for i := range each {
				if err := n.Submit(context.Background(), AppendIntent(1, entry(t, fmt.Sprint(i)), nil)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	done := func(s *Snapshot) bool {
		return s.View.Changes() == 2*each && s.Unsent == 0 && s.Link == LinkLive
	}
	sa, sb := waitFor(t, a, "all of b", done), waitFor(t, b, "all of a", done)
	if sa.View.LogDigest() != sb.View.LogDigest() || sa.View.DocDigest() != sb.View.DocDigest() {
		t.Error("digests differ")
	}
	st, ok := sb.Peer(peer)
	if !ok || st.State != PeerLive || st.Role != RoleNode || st.BytesIn == 0 || st.BytesOut == 0 || st.Behind != 0 || st.Theirs != 2*each {
		t.Errorf("status of the listener: %+v", st)
	}
	if id, ok := last.ID(); !ok || crdt.ChangeID(id) != newestOf(sa, sa.Me) {
		t.Errorf("last is %x, want the newest own change", id[:4])
	}
	again, err := OpenCore(context.Background(), NodeConfig{Charter: testCharter, Store: storeA})
	if err != nil {
		t.Fatal(err)
	}
	if again.replica.LogDigest() != sa.View.LogDigest() {
		t.Error("the store holds another log than the node")
	}
}

// newestOf is the newest change of an author without forks.
func newestOf(s *Snapshot, a crdt.Author) (id crdt.ChangeID) {
	for i := range s.View.Changes() {
		if c := s.View.ChangeAt(i); c.Author == a {
			id = c.ID
		}
	}
	return id
}

// TestSeveralRoomsOneConnection: two rooms of one program share a connection; the relay opens both on demand, and refuses a
// third.
func TestSeveralRoomsOneConnection(t *testing.T) {
	var mu sync.Mutex
	relayRooms := make(map[crdt.RoomID]*Node)
	relay, url := startHub(t, HubConfig{Agent: "tallystick relay test", Open: func(_ context.Context, room crdt.RoomID, c crdt.Charter) (*Node, error) {
		mu.Lock()
		defer mu.Unlock()
		if c.Name == "third" {
			return nil, &RefuseError{"room-full", "no more rooms today"}
		}
		if relayRooms[room] == nil {
			relayRooms[room] = startNode(t, NodeConfig{Charter: c})
		}
		return relayRooms[room], nil
	}})
	hub, _ := startHub(t, HubConfig{Agent: "tallystick node test"})
	var nodes []*Node
	for _, name := range []string{"first", "second", "third"} {
		n := startNode(t, NodeConfig{Charter: crdt.OpenLedger(name), Key: testKey(1)})
		mustAppend(t, n, name)
		if _, err := hub.Connect(n, url); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, n)
	}
	for _, n := range nodes[:2] {
		s := waitFor(t, n, "the relay to store", func(s *Snapshot) bool { return s.Unsent == 0 && s.Live == 1 })
		if st := s.State(0); st.Standing != Sent || st.By != 1 || st.Of != 1 || s.Peers[0].Role != RoleRelay {
			t.Errorf("state %+v, role %v; want sent 1 of 1, relay", st, s.Peers[0].Role)
		}
	}
	s := waitFor(t, nodes[2], "the refusal", func(s *Snapshot) bool { return len(s.Peers) == 1 && s.Peers[0].Reason.Code == "room-full" })
	if !s.Peers[0].Reason.Remote || s.Peers[0].Reason.Text != "no more rooms today" {
		t.Errorf("reason %+v", s.Peers[0].Reason)
	}
	relay.mu.Lock()
	conns := len(relay.conns)
	relay.mu.Unlock()
	if conns != 1 {
		t.Errorf("%d connections, want 1 for all rooms", conns)
	}
}

// TestRelayFansOut: what one node writes reaches all others over a relay, encoded once.
func TestRelayFansOut(t *testing.T) {
	relayNode := startNode(t, NodeConfig{})
	relay, url := startHub(t, HubConfig{Agent: "tallystick relay test"})
	if err := relay.Add(relayNode); err != nil {
		t.Fatal(err)
	}
	hub, _ := startHub(t, HubConfig{Agent: "tallystick node test"})
	var nodes []*Node
	for k := range 6 {
		n := startNode(t, NodeConfig{Key: testKey(k)})
		h := hub
		if k > 0 {
			h, _ = startHub(t, HubConfig{Agent: "tallystick node test"})
		}
		if _, err := h.Connect(n, url); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		waitFor(t, n, "live", func(s *Snapshot) bool { return s.Link == LinkLive })
	}
	for i := range 50 {
		mustAppend(t, nodes[i%2], fmt.Sprint(i))
	}
	var want [32]byte
	for k, n := range nodes {
		s := waitFor(t, n, "50 changes", func(s *Snapshot) bool { return s.View.Changes() == 50 && s.Unsent == 0 })
		if k == 0 {
			want = s.View.LogDigest()
		}
		if s.View.LogDigest() != want {
			t.Errorf("node %d: other digest", k)
		}
	}
}
