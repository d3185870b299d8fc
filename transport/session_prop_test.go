package transport

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// maxBranch is how far a forked author goes on.
const maxBranch = 20

// A scenario is two logs that share a part, made from one seed.
type scenario struct {
	authors int // who write at all
	common  int // changes that both hold
	only    [2]int
	forks   int // authors that go on differently on the two sides
}

// build writes the two logs. The authors of the parts differ, so that each side has authors that the other lacks.
func (sc scenario) build(t testing.TB, seed uint64) (a, b *crdt.Replica) {
	random := rand.New(rand.NewPCG(seed, 3))
	a, b = mustReplica(t), mustReplica(t)
	spread := func(r *crdt.Replica, changes, first, authors int) {
		for changes > 0 {
			n := min(changes, 1+random.IntN(max(1, 2*changes/max(1, authors))))
			mustWrite(t, r, testKey(first+random.IntN(max(1, authors))), n)
			changes -= n
		}
	}
	spread(a, sc.common, 0, sc.authors)
	mustCopy(t, b, a, 0)
	// Common authors go on at one side, the halves apart; forked ones at both.
	half := max(1, sc.authors/2)
	spread(a, sc.only[0], sc.forks, max(1, half-sc.forks))
	spread(b, sc.only[1], sc.forks+max(1, half-sc.forks), max(1, sc.authors-half))
	for k := range min(sc.forks, half) {
		mustWrite(t, a, testKey(k), 1+random.IntN(maxBranch))
		l, _ := crdt.EncodeLiteral("another")
		w, _ := b.Writer(testKey(k))
		if _, err := w.Change(7, func(tx *crdt.Tx) error { _, err := tx.Append(l); return err }); err != nil {
			t.Fatal(err)
		}
		w.Sign()
		mustWrite(t, b, testKey(k), random.IntN(maxBranch))
	}
	return a, b
}

// TestTwoLogsBecomeEqual: whatever two nodes hold, they end with the same log. Where nobody forked, no change is sent that the
// other side held; where an author did, no more than the way from its tip to the fork.
func TestTwoLogsBecomeEqual(t *testing.T) {
	race.OneGoroutine(t)
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		sc := scenario{
			authors: rapid.SampledFrom([]int{1, 2, 5, 63, 65, 150}).Draw(rt, "authors"),
			common:  rapid.SampledFrom([]int{0, 1, 50, 300}).Draw(rt, "common"),
			only:    [2]int{rapid.SampledFrom([]int{0, 1, 40, 300}).Draw(rt, "only a"), rapid.SampledFrom([]int{0, 1, 40, 300}).Draw(rt, "only b")},
			forks:   rapid.SampledFrom([]int{0, 0, 0, 1, 3}).Draw(rt, "forks"),
		}
		a, b := sc.build(t, seed)
		checkTwo(t, seed, a, b, sc.forks*maxBranch)
	})
}

// checkTwo connects two nodes and waits. twice is how many changes each may send that the other holds.
func checkTwo(t testing.TB, seed uint64, a, b *crdt.Replica, twice int) *testLink {
	t.Helper()
	lacks := func(r, other *crdt.Replica) (n int) {
		for i := range other.Len() {
			if _, ok := r.Index(other.ID(i)); !ok {
				n++
			}
		}
		return n
	}
	lack := [2]int{lacks(b, a), lacks(a, b)}
	n := newTestNet(t, seed)
	x, y := n.add(storeOf(a), -1), n.add(storeOf(b), -1)
	l := n.connect(x, y)
	n.settle()
	n.wantEqual()
	for i := range lack {
		if got := l.sent[i].changes; got < lack[i] || got > lack[i]+twice {
			t.Fatalf("side %d sent %d changes, the other lacked %d; at most %d are sent twice", i, got, lack[i], twice)
		}
	}
	for _, node := range n.nodes {
		if s := node.core.Snapshot(n.now); s.Live != 1 || s.Peers[0].Behind != 0 {
			t.Fatalf("node %d: live %d, peer behind by %d; want 1, 0", node.name, s.Live, s.Peers[0].Behind)
		}
	}
	return l
}

// TestManyAuthors: thousands of tips, few of which differ, are compared with few bytes.
func TestManyAuthors(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 5,200 authors")
	}
	a, b := mustReplica(t), mustReplica(t)
	mustLoad(t, a, firstChanges())
	mustLoad(t, b, firstChanges())
	for k := range 10 {
		mustWrite(t, a, testKey(10_000+k*100), 3)
		mustWrite(t, b, testKey(k), 2)
	}
	l := checkTwo(t, 4, a, b, 0)
	for i, c := range l.sent {
		t.Logf("side %d: %d messages, %d bytes of control, %d changes in %d packs", i, c.messages, c.control, c.changes, c.packs)
		if c.control > 400_000 {
			t.Errorf("side %d said %d bytes to compare 5,200 tips of which 20 differ", i, c.control)
		}
	}
}

// TestAllDifferent: thousands of tips on one side, other thousands on the other.
func TestAllDifferent(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 5,200 authors")
	}
	a, b := mustReplica(t), mustReplica(t)
	half := len(firstChanges()) / 2
	mustLoad(t, a, firstChanges()[:half])
	mustLoad(t, b, firstChanges()[half:])
	checkTwo(t, 5, a, b, 0)
}

// TestNetworkBecomesEqual: several nodes that write, lose connections and make new ones, while comparisons are under way.
func TestNetworkBecomesEqual(t *testing.T) {
	race.OneGoroutine(t)
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		n := newTestNet(t, seed)
		n.slots = rapid.IntRange(1, 6).Draw(rt, "slots")
		count := rapid.IntRange(2, 5).Draw(rt, "nodes")
		shared := mustReplica(t)
		mustLoad(t, shared, firstChanges()[:rapid.SampledFrom([]int{0, 0, 3, 70}).Draw(rt, "authors before")])
		for k := range count {
			store := &memStore{}
			if k%2 == 0 {
				store = storeOf(shared)
			}
			n.add(store, k)
		}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			switch n.rand.IntN(6) {
			case 0, 1:
				n.write(n.nodes[n.rand.IntN(count)], 1+n.rand.IntN(40))
			case 2:
				i := n.rand.IntN(count)
				n.connect(n.nodes[i], n.nodes[(i+1+n.rand.IntN(count-1))%count])
			case 3:
				if len(n.links) > 0 {
					if l := n.links[n.rand.IntN(len(n.links))]; !l.cut {
						n.drop(l)
					}
				}
			default:
				n.steps(n.rand.IntN(40))
			}
		}
		for i := 1; i < count; i++ {
			n.connect(n.nodes[i-1], n.nodes[i])
		}
		n.settle()
		n.wantEqual()
		for _, node := range n.nodes {
			if s := node.core.Snapshot(n.now); s.Unsent != 0 || s.Link != LinkLive {
				t.Fatalf("node %d: %d unsent, link %v: want 0, live", node.name, s.Unsent, s.Link)
			}
			checkReopen(t, node)
		}
	})
}

// checkReopen loads a node's store anew and compares.
func checkReopen(t testing.TB, node *testNode) {
	t.Helper()
	r := mustReplica(t)
	for _, f := range node.store.frames {
		if err := r.Load(append([]byte(nil), f...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.VerifyTips(); err != nil {
		t.Fatal(err)
	}
	if got, want := r.LogDigest(), node.core.replica.LogDigest(); got != want {
		t.Fatalf("node %d: the store holds %d changes (%x), memory %d (%x)", node.name, r.Len(), got, node.core.replica.Len(), want)
	}
}

// TestManyBranches: an author who forked hundreds of times, of which each side holds other branches.
func TestManyBranches(t *testing.T) {
	base := mustReplica(t)
	mustWrite(t, base, testKey(1), 3)
	a, b := mustReplica(t), mustReplica(t)
	mustCopy(t, a, base, 0)
	mustCopy(t, b, base, 0)
	for k := range 300 {
		branch := mustReplica(t)
		mustCopy(t, branch, base, 0)
		w, err := branch.Writer(testKey(1))
		if err != nil {
			t.Fatal(err)
		}
		l := entry(t, fmt.Sprint(k))
		for range 1 + k%3 {
			if _, err := w.Change(1, func(tx *crdt.Tx) error { _, err := tx.Append(l); return err }); err != nil {
				t.Fatal(err)
			}
		}
		w.Sign()
		if k%4 != 0 {
			mustCopy(t, a, branch, 3)
		}
		if k%5 != 0 {
			mustCopy(t, b, branch, 3)
		}
	}
	checkTwo(t, 6, a, b, 0)
}
