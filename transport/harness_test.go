package transport

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// memStore is a Store in memory. It keeps what Append got, as a disk would.
type memStore struct {
	frames [][]byte
	fail   func() error // asked before each Append; nil: none fails
	late   error        // what Append returns after it has persisted
}

func (m *memStore) Records(yield func(uint64, []byte) error) error {
	for i, f := range m.frames {
		if err := yield(uint64(i), f); err != nil {
			return err
		}
	}
	return nil
}

func (m *memStore) Append(frames [][]byte) (uint64, error) {
	if m.fail != nil {
		if err := m.fail(); err != nil {
			return 0, err
		}
	}
	first := uint64(len(m.frames))
	for _, f := range frames {
		m.frames = append(m.frames, append([]byte(nil), f...))
	}
	return first, m.late
}

// memLast is a LastFile in memory.
type memLast struct {
	id  [32]byte
	set bool
}

func (m *memLast) ID() ([32]byte, bool)  { return m.id, m.set }
func (m *memLast) Set(id [32]byte) error { m.id, m.set = id, true; return nil }

// testKey is the key number n.
func testKey(n int) ed25519.PrivateKey {
	seed := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("test key"), uint64(n)))
	return ed25519.NewKeyFromSeed(seed[:])
}

var testCharter = crdt.OpenLedger("test")

func mustReplica(t testing.TB) *crdt.Replica {
	t.Helper()
	r, err := crdt.NewReplica(testCharter)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustWrite(t testing.TB, r *crdt.Replica, key ed25519.PrivateKey, n int) {
	t.Helper()
	w, err := r.Writer(key)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		l, err := crdt.EncodeLiteral(fmt.Sprintf("entry %d", i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Change(int64(i), func(tx *crdt.Tx) error { _, err := tx.Append(l); return err }); err != nil {
			t.Fatal(err)
		}
	}
	w.Sign()
}

// mustCopy gives dst the log of src from index from on.
func mustCopy(t testing.TB, dst, src *crdt.Replica, from int) {
	t.Helper()
	eachFrame(src, from, func(pack []byte) {
		if err := dst.Load(append([]byte(nil), pack...)); err != nil {
			t.Fatal(err)
		}
	})
}

func storeOf(r *crdt.Replica) *memStore {
	m := &memStore{}
	eachFrame(r, 0, func(pack []byte) { m.frames = append(m.frames, pack) })
	return m
}

// A testNet runs cores in one goroutine with a clock of its own. Connections carry bytes, in order, with a bounded
// queue in each direction.
type testNet struct {
	t     testing.TB
	rand  *rand.Rand
	now   time.Time
	nodes []*testNode
	links []*testLink
	ids   PeerID
	slots int // messages that a direction holds
	trace func(from, to int, msg []byte)
}

type testNode struct {
	name  int
	cfg   NodeConfig
	store *memStore
	core  *Core
	ended []Ended
}

type testLink struct {
	ends  [2]*testNode
	peers [2]PeerID   // peers[i] is how ends[i] calls the other
	queue [2][][]byte // queue[i] is on its way to ends[i]
	cut   bool
	sent  [2]linkCount // by ends[i]
}

type linkCount struct {
	messages, packs, changes, bytes, control int
}

func newTestNet(t testing.TB, seed uint64) *testNet {
	return &testNet{t: t, rand: rand.New(rand.NewPCG(seed, 7)), now: time.Unix(1_800_000_000, 0), slots: 4}
}

// add makes a node over a store; key < 0 makes one without author.
func (n *testNet) add(store *memStore, key int) *testNode {
	n.t.Helper()
	cfg := NodeConfig{Charter: testCharter, Store: store, Agent: "test relay", Rand: rand.New(rand.NewPCG(n.rand.Uint64(), 1))}
	if key >= 0 {
		cfg.Key, cfg.Last, cfg.Agent = testKey(key), &memLast{}, "test node"
	}
	node := &testNode{name: len(n.nodes), cfg: cfg, store: store}
	n.nodes = append(n.nodes, node)
	n.open(node)
	return node
}

func (n *testNet) open(node *testNode) {
	n.t.Helper()
	core, err := OpenCore(context.Background(), node.cfg)
	if err != nil {
		n.t.Fatal(err)
	}
	node.core = core
}

// connect joins two nodes; a has dialled.
func (n *testNet) connect(a, b *testNode) *testLink {
	n.ids += 2
	l := &testLink{ends: [2]*testNode{a, b}, peers: [2]PeerID{n.ids - 1, n.ids}}
	n.links = append(n.links, l)
	a.core.Attach(n.now, PeerInfo{ID: l.peers[0], Address: fmt.Sprint("node", b.name), Direction: Dialled})
	b.core.Attach(n.now, PeerInfo{ID: l.peers[1], Address: fmt.Sprint("node", a.name), Direction: Accepted})
	return l
}

// drop cuts a connection; what was on its way is lost.
func (n *testNet) drop(l *testLink) {
	l.cut = true
	for i, e := range l.ends {
		l.queue[i] = nil
		e.core.Detach(n.now, l.peers[i], ErrConnection, time.Time{})
	}
}

// turn lets one node take some of what has arrived, commit and send.
func (n *testNet) turn(node *testNode) (busy bool) {
	c := node.core
	c.Tick(n.now)
	for _, l := range n.links {
		for i := range l.ends {
			if l.ends[i] != node || l.cut {
				continue
			}
			k := len(l.queue[i])
			if k > 1 {
				k = 1 + n.rand.IntN(k)
			}
			for range k {
				frame := l.queue[i][0]
				l.queue[i] = l.queue[i][1:]
				busy = true
				m, err := DecodeMessage(frame)
				if err != nil {
					n.t.Fatalf("node %d got a bad message: %v", node.name, err)
				}
				c.Receive(n.now, l.peers[i], c.Inspector().Inspect(m.Body))
			}
		}
	}
	if err := c.Commit(n.now); err != nil && !errors.Is(err, ErrFatal) {
		n.t.Fatal(err)
	}
	node.ended = append(node.ended, c.Ended()...)
	for _, l := range n.links {
		for i := range l.ends {
			for l.ends[i] == node && !l.cut && len(l.queue[1-i]) < n.slots {
				msg, ok := c.Next(n.now, l.peers[i])
				if !ok {
					break
				}
				busy = true
				l.count(n.t, i, msg)
				if n.trace != nil {
					n.trace(node.name, l.ends[1-i].name, msg)
				}
				l.queue[1-i] = append(l.queue[1-i], msg)
			}
		}
	}
	return busy
}

func (l *testLink) count(t testing.TB, i int, msg []byte) {
	c := &l.sent[i]
	c.messages++
	c.bytes += len(msg)
	m, err := DecodeMessage(msg)
	if err != nil {
		t.Fatalf("sent a bad message: %v", err)
	}
	packs, ok := m.Body.(Packs)
	if !ok {
		c.control += len(msg)
	}
	for _, p := range packs { // whoever gets them checks them in full
		c.packs++
		c.changes += countChanges(t, p)
	}
}

// countChanges counts the changes of a pack without checking it.
func countChanges(t testing.TB, pack []byte) (n int) {
	r := dcbor.NewReader(pack)
	for range r.Array() {
		r.ArrayN(4)
		r.Bytes32()
		r.Bytes32()
		k := r.Array()
		n += k
		for range k {
			r.Bytes()
		}
		r.Bytes()
	}
	if err := r.Done(); err != nil {
		t.Fatalf("sent a pack that is none: %v", err)
	}
	return n
}

// firstChanges are packs of one change each, by as many authors, that know nothing of each other.
var firstChanges = sync.OnceValue(func() (packs Packs) {
	for k := range 5200 {
		r, err := crdt.NewReplica(testCharter)
		if err != nil {
			panic(err)
		}
		w, err := r.Writer(testKey(10_000 + k))
		if err != nil {
			panic(err)
		}
		if _, err := w.Change(1, func(tx *crdt.Tx) error { _, err := tx.Append(crdt.Literal{0x01}); return err }); err != nil {
			panic(err)
		}
		w.Sign()
		pack, _ := r.PackFrom(0, nil)
		packs = append(packs, pack)
	}
	return packs
})

// mustLoad gives a replica packs.
func mustLoad(t testing.TB, r *crdt.Replica, packs Packs) {
	t.Helper()
	for _, p := range packs {
		if err := r.Load(p); err != nil {
			t.Fatal(err)
		}
	}
}

// settle runs until nothing is on its way and nothing is due within a minute.
func (n *testNet) settle() {
	n.t.Helper()
	for steps := 0; ; steps++ {
		if steps > 200_000 {
			n.t.Fatal("the network does not come to rest")
		}
		busy := false
		for _, k := range n.rand.Perm(len(n.nodes)) {
			busy = n.turn(n.nodes[k]) || busy
		}
		if busy {
			continue
		}
		var next time.Time
		for _, node := range n.nodes {
			if at := node.core.Deadline(); !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
		if next.IsZero() || next.After(n.now.Add(time.Minute)) {
			return
		}
		if next.After(n.now) {
			n.now = next
		} else {
			n.now = n.now.Add(time.Millisecond)
		}
	}
}

// steps runs n turns of random nodes.
func (n *testNet) steps(count int) {
	for range count {
		n.turn(n.nodes[n.rand.IntN(len(n.nodes))])
	}
}

// write makes changes at a node with a key.
func (n *testNet) write(node *testNode, count int) {
	n.t.Helper()
	for k := range count {
		l, err := crdt.EncodeLiteral(fmt.Sprintf("node %d at %d, %d", node.name, n.now.UnixMilli(), k))
		if err != nil {
			n.t.Fatal(err)
		}
		node.core.Edit(n.now, AppendIntent(n.now.Unix(), l, func(r Receipt) {
			if r.Err != nil {
				n.t.Fatalf("node %d: %v", node.name, r.Err)
			}
		}))
	}
	if err := node.core.Commit(n.now); err != nil {
		n.t.Fatal(err)
	}
}

// wantEqual fails unless all nodes hold the same log and nobody was refused.
func (n *testNet) wantEqual() {
	n.t.Helper()
	want := n.nodes[0].core.replica
	for _, node := range n.nodes {
		r := node.core.replica
		if r.Len() != want.Len() || r.LogDigest() != want.LogDigest() {
			n.t.Fatalf("node %d holds %d changes, node 0 %d; digests %x, %x", node.name, r.Len(), want.Len(), r.LogDigest(), want.LogDigest())
		}
		if len(node.ended) > 0 {
			n.t.Fatalf("node %d ended a session: %v", node.name, node.ended[0].Err)
		}
		if packs, _ := r.Pending(); packs > 0 {
			n.t.Fatalf("node %d has %d packs pending", node.name, packs)
		}
	}
}
