package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestStopCommits: what Submit took before the end is durable, and its receipt has come, when Run has returned; after that
// Submit refuses.
func TestStopCommits(t *testing.T) {
	for range 5 {
		s := &memStore{}
		n, err := OpenNode(context.Background(), NodeConfig{Charter: testCharter, Store: s, Key: testKey(1)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		var taken, receipts atomic.Int64
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					err := n.Submit(context.Background(), AppendIntent(1, entry(t, "x"), func(r Receipt) {
						if r.Err != nil {
							t.Error(r.Err)
						}
						if receipts.Add(1) == 100 {
							stop()
						}
					}))
					if errors.Is(err, ErrStopped) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					taken.Add(1)
				}
			})
		}
		if err := n.Run(ctx); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if taken.Load() != receipts.Load() {
			t.Fatalf("%d intents taken, %d receipts", taken.Load(), receipts.Load())
		}
		again := mustCore(t, NodeConfig{Store: s})
		if int64(again.replica.Len()) != taken.Load() || n.Snapshot().View.Changes() != again.replica.Len() {
			t.Fatalf("%d changes in the store, %d in the snapshot, %d taken", again.replica.Len(), n.Snapshot().View.Changes(), taken.Load())
		}
		stop()
	}
}

// TestFatalStops: after a failed write Run returns its error, every Submit gets one, and the snapshot tells why.
func TestFatalStops(t *testing.T) {
	errDisk := errors.New("disk is full")
	s := &memStore{fail: func() error { return errDisk }}
	n, err := OpenNode(context.Background(), NodeConfig{Charter: testCharter, Store: s, Key: testKey(1)})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- n.Run(context.Background()) }()
	if _, err := n.Append(context.Background(), 1, entry(t, "x")); !errors.Is(err, errDisk) || !errors.Is(err, ErrFatal) {
		t.Errorf("Append: %v, want ErrFatal for the disk's", err)
	}
	if err := <-ran; !errors.Is(err, errDisk) {
		t.Errorf("Run: %v, want the disk's error", err)
	}
	if _, err := n.Append(context.Background(), 1, entry(t, "x")); !errors.Is(err, ErrFatal) {
		t.Errorf("Append after the end: %v, want ErrFatal", err)
	}
	if s := n.Snapshot(); s.Writing != WriteStoreError || s.View.Changes() != 0 && !errors.Is(s.StoreErr, errDisk) {
		t.Errorf("snapshot: %v, %v", s.Writing, s.StoreErr)
	}
}

// TestSubmitRefusals: what cannot be written is refused at once, with its reason.
func TestSubmitRefusals(t *testing.T) {
	reader := startNode(t, NodeConfig{})
	if err := reader.Submit(context.Background(), Intent{}); !errors.Is(err, ErrNoAuthor) {
		t.Errorf("a node without key: %v, want ErrNoAuthor", err)
	}
	copied := startNode(t, NodeConfig{Key: testKey(1), Copied: true})
	if err := copied.Submit(context.Background(), Intent{}); !errors.Is(err, ErrGuarded) {
		t.Errorf("a copied store: %v, want ErrGuarded", err)
	}
	copied.ConfirmOnlyCopy()
	waitFor(t, copied, "writing to be open", func(s *Snapshot) bool { return s.Writing == WriteOpen })
	mustAppend(t, copied, "now")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	idle, err := OpenNode(context.Background(), NodeConfig{Charter: testCharter, Store: &memStore{}, Key: testKey(1)})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil { // nobody runs it: the queue fills
		err = idle.Submit(ctx, AppendIntent(1, entry(t, "x"), nil))
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a full queue: %v, want context.Canceled", err)
	}
	if len(idle.intents) > intentQueue {
		t.Errorf("%d intents queued", len(idle.intents))
	}
}

// TestRemove: peers of a room that is closed are told why, and a later hello opens it again.
func TestRemove(t *testing.T) {
	relayNode := startNode(t, NodeConfig{})
	relay, url := startHub(t, HubConfig{Agent: "tallystick relay test"})
	if err := relay.Add(relayNode); err != nil {
		t.Fatal(err)
	}
	if err := relay.Add(startNode(t, NodeConfig{})); !errors.Is(err, ErrRoomOpen) {
		t.Errorf("a second node of the room: %v, want ErrRoomOpen", err)
	}
	hub, _ := startHub(t, HubConfig{Agent: "tallystick node test", Limits: Limits{BackoffMax: 1}})
	n := startNode(t, NodeConfig{Key: testKey(1)})
	id, err := hub.Connect(n, url)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := hub.Connect(n, url); err != nil || again != id {
		t.Errorf("connecting again gives peer %d, %v; want %d", again, err, id)
	}
	waitFor(t, n, "live", func(s *Snapshot) bool { return s.Link == LinkLive })
	relay.Remove(relayNode, &RefuseError{"room-full", "full up"})
	<-hub.Ended(id)
	waitFor(t, n, "the reason", func(s *Snapshot) bool {
		p, _ := s.Peer(id)
		return p.Reason.Code == "no-room" && p.Reason.Remote // asked again, refused again
	})
	told := false
	for _, e := range n.Snapshot().Events {
		told = told || e.Kind == EventPeerClosed && e.Code == "room-full"
	}
	if !told {
		t.Error("no event tells of room-full")
	}
	if err := relay.Add(relayNode); err != nil {
		t.Fatal(err)
	}
	waitFor(t, n, "live again", func(s *Snapshot) bool { return s.Link == LinkLive })
}

// TestReconnect: a relay that goes and comes back, ten times, while both sides write: nothing is lost, nothing doubled.
func TestReconnect(t *testing.T) {
	store := openStore(t)
	var nodes []*Node
	var hubs []*Hub
	for k := range 2 {
		hub, _ := startHub(t, HubConfig{Agent: "tallystick node test", Limits: Limits{BackoffMin: 1, BackoffMax: 1}})
		hubs, nodes = append(hubs, hub), append(nodes, startNode(t, NodeConfig{Key: testKey(k)}))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	for k := range nodes {
		if _, err := hubs[k].Connect(nodes[k], "ws://"+address); err != nil {
			t.Fatal(err)
		}
	}
	const rounds, each = 10, 30
	for r := range rounds {
		if r > 0 {
			if listener, err = net.Listen("tcp", address); err != nil {
				t.Fatal(err)
			}
		}
		stop := serveRelay(t, store, listener)
		for i := range each {
			for _, n := range nodes {
				if err := n.Submit(context.Background(), AppendIntent(1, entry(t, fmt.Sprint(r, i)), nil)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if r%2 == 0 { // else it goes at any moment
			waitFor(t, nodes[0], "everything so far", func(s *Snapshot) bool { return s.View.Changes() == 2*each*(r+1) && s.Unsent == 0 })
		}
		if r == rounds-1 {
			for _, n := range nodes {
				waitFor(t, n, "all", func(s *Snapshot) bool { return s.View.Changes() == 2*rounds*each && s.Unsent == 0 })
			}
		}
		stop()
	}
	a, b := nodes[0].Snapshot(), nodes[1].Snapshot()
	if a.View.LogDigest() != b.View.LogDigest() || a.View.DocDigest() != b.View.DocDigest() || a.View.Len() != 2*rounds*each {
		t.Errorf("digests %x and %x, %d rows", a.View.LogDigest(), b.View.LogDigest(), a.View.Len())
	}
}

// TestNoGoroutineStays: when hubs and nodes have ended, so have all their goroutines.
func TestNoGoroutineStays(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("a network", func(t *testing.T) {
		relay, url := startHub(t, HubConfig{Agent: "tallystick relay test"})
		if err := relay.Add(startNode(t, NodeConfig{})); err != nil {
			t.Fatal(err)
		}
		hub, _ := startHub(t, HubConfig{Agent: "tallystick node test"})
		n := startNode(t, NodeConfig{Key: testKey(1)})
		if _, err := hub.Connect(n, url); err != nil {
			t.Fatal(err)
		}
		if _, err := hub.Connect(n, refusedAddress(t)); err != nil {
			t.Fatal(err)
		}
		dialRaw(t, url)
		waitFor(t, n, "live", func(s *Snapshot) bool { return s.Live == 1 })
	})
	// They have been told to end; a loaded machine may take its time. Only a test that fails waits this long.
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 20_000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		<-tick.C
	}
	buf := make([]byte, 1<<20)
	stacks := string(buf[:runtime.Stack(buf, true)])
	if strings.Contains(stacks, "transport.(*") {
		t.Errorf("goroutines are left:\n%s", stacks)
	}
}
