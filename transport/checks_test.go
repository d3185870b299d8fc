package transport

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// queued has checks of the given addresses wait, in that order, for the one place of q, which is taken; what is returned notes
// the order in which they have their turn, each of which takes took of the queue's time.
func queued(t *testing.T, q *checkQueue, took time.Duration, addresses ...string) (order *[]string, wait func()) {
	t.Helper()
	order = new([]string)
	var all sync.WaitGroup
	for i, a := range addresses {
		c := &check{address: a, frames: [][]byte{nil}}
		all.Go(func() {
			if !q.await(c, nil) {
				t.Error("no turn")
				return
			}
			*order = append(*order, a) // there is one place
			q.finish([]*check{c}, took)
		})
		awaitWaiting(q, i+1)
	}
	return order, all.Wait
}

// awaitWaiting returns when n checks wait.
func awaitWaiting(q *checkQueue, n int) {
	for {
		q.mu.Lock()
		got := 0
		for _, s := range q.waiting {
			got += len(s.waiting)
		}
		q.mu.Unlock()
		if got == n {
			return
		}
		runtime.Gosched()
	}
}

// takePlace takes a place of q for address, used for took.
func takePlace(t *testing.T, q *checkQueue, address string) (finish func(took time.Duration)) {
	t.Helper()
	c := &check{address: address, frames: [][]byte{nil}}
	if !q.await(c, nil) {
		t.Fatal("no place")
	}
	return func(took time.Duration) { q.finish([]*check{c}, took) }
}

// TestFairShare: who asks for little is next, however many others wait, and those who ask for much take turns by what they use.
func TestFairShare(t *testing.T) {
	q := newCheckQueue(1, new(Meter))
	finish := takePlace(t, q, "flood 1")
	order, wait := queued(t, q, time.Second, "flood 1", "flood 1", "flood 2", "flood 2", "flood 1", "honest")
	finish(2500 * time.Millisecond) // flood 1 has used more than the second of all others
	wait()
	rank := func(address string, k int) int { // of its k-th turn
		for i, a := range *order {
			if a == address {
				if k--; k < 0 {
					return i
				}
			}
		}
		return -1
	}
	if rank("honest", 0) > 1 || rank("flood 2", 0) > 1 || rank("flood 2", 1) != 2 || rank("flood 1", 0) != 3 {
		t.Errorf("order %q, want honest and flood 2, flood 2, then flood 1", *order)
	}
	// To have used nothing for long is no claim, and to have used much no debt: what was used while nobody waited is forgotten.
	finish = takePlace(t, q, "honest")
	order, wait = queued(t, q, 2*time.Second, "flood 2", "flood 1", "flood 2")
	finish(time.Second)
	wait()
	if rank("flood 1", 0) > 1 {
		t.Errorf("order %q, want flood 1 not last", *order)
	}
}

// TestCheckAborted: who goes away while waiting is not waited for, and a place that came too late is passed on.
func TestCheckAborted(t *testing.T) {
	q := newCheckQueue(1, new(Meter))
	finish := takePlace(t, q, "a")
	abort := make(chan struct{})
	var gone sync.WaitGroup
	gone.Go(func() {
		if q.run(&check{address: "b", frames: [][]byte{nil}}, abort) {
			t.Error("checked after its end")
		}
	})
	awaitWaiting(q, 1)
	close(abort)
	gone.Wait()
	awaitWaiting(q, 0)
	finish(1)
	for range 100 { // place and end at once: either may be seen first
		finish := takePlace(t, q, "a")
		abort := make(chan struct{})
		gone.Go(func() {
			c := &check{address: "b", frames: [][]byte{nil}}
			if q.await(c, abort) {
				q.finish([]*check{c}, 1)
			}
		})
		awaitWaiting(q, 1)
		go close(abort)
		finish(1)
		gone.Wait()
	}
	takePlace(t, q, "c")(1)
	if q.free != 1 {
		t.Errorf("%d places are free, want 1", q.free)
	}
}

func TestShares(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7:4000":              "192.0.2.7",
		"[::ffff:192.0.2.7]:4001":     "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:4000": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:4000":         "fe80::/64",
		"ws://relay.example/x":        "ws://relay.example/x",
	} {
		if got := shareOf(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
	q := newCheckQueue(1, new(Meter))
	for i := range 3 * maxShares {
		takePlace(t, q, fmt.Sprint(i))(time.Second)
	}
	if len(q.shares) > maxShares {
		t.Errorf("%d shares are remembered, want at most %d", len(q.shares), maxShares)
	}
}

// forge makes the signature of a pack's last run that of another.
func forge(pack []byte) []byte {
	forged := slices.Clone(pack)
	forged[len(forged)-32] ^= 1
	return forged
}

// TestCheckedTogether: what is checked with that of others has the verdict that it has alone, and is not checked again.
func TestCheckedTogether(t *testing.T) {
	x, other := &Inspector{checker: crdt.NewChecker(testCharter)}, &Inspector{checker: crdt.NewChecker(testCharter)}
	q := newCheckQueue(1, new(Meter))
	finish := takePlace(t, q, "somebody")
	chain := func(author, n int) Packs { packs, _ := chainOf(t, author, n); return packs }
	bad := chain(3, 3)
	bad[1] = forge(bad[1])
	checks := []*check{
		{inspector: x, address: "a", frames: chain(1, 2), joins: true},
		{inspector: x, address: "b", frames: chain(2, 5), joins: true},
		{inspector: x, address: "c", frames: bad, joins: true},
		{inspector: x, address: "d", frames: chain(4, 1), joins: false},
		{inspector: other, address: "e", frames: chain(5, 1), joins: true},
		{inspector: x, address: "f", frames: chain(6, groupPacks), joins: true},
	}
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() {
			if !q.run(c, nil) {
				t.Errorf("%s: not checked", c.address)
			}
		})
		awaitWaiting(q, i+1)
	}
	finish(1)
	all.Wait()
	for _, c := range checks {
		if len(c.out) != len(c.frames) {
			t.Fatalf("%s: %d verdicts of %d packs", c.address, len(c.out), len(c.frames))
		}
		for k, got := range c.out {
			want := x.check(c.frames[k : k+1])[0]
			if crdt.Code(got.err) != crdt.Code(want.err) || (got.err == nil) != (want.err == nil) || !slices.Equal(got.ends, want.ends) {
				t.Errorf("%s, pack %d: got %v, %v, alone %v, %v", c.address, k, got.err, got.ends, want.err, want.ends)
			}
		}
		together := func() bool {
			select {
			case <-c.done:
				return true
			default:
				return false
			}
		}()
		if want := c.address == "b" || c.address == "c"; together != want {
			t.Errorf("%s: checked with others: %v, want %v", c.address, together, want)
		}
	}
	if got := checks[2].out[1].err; crdt.Code(got) != "bad-signature" {
		t.Errorf("the forged pack: got %v", got)
	}
}

// TestLittleIsCheckedOfForgers: of a peer that has shown nothing, few packs are checked before the first bad one is seen;
// what is known already shows nothing.
func TestLittleIsCheckedOfForgers(t *testing.T) {
	x := &Inspector{checker: crdt.NewChecker(testCharter)}
	packs, _ := chainOf(t, 1, 300)
	var size partSize
	var sizes []int
	n := newInspection(packs, true)
	for part := n.part(&size); len(part) > 0; part = n.part(&size) {
		sizes = append(sizes, len(part))
		n.take(part, x.check(part), &size)
	}
	if want := []int{4, 8, 16, 32, 64, 64, 64, 48}; !slices.Equal(sizes, want) {
		t.Errorf("parts of %v packs, want %v", sizes, want)
	}
	if n.in.Changes != 300 || len(n.in.packs) != 300 {
		t.Errorf("%d changes in %d packs came out, want 300 in 300", n.in.Changes, len(n.in.packs))
	}

	var ends []crdt.ChangeID
	for _, k := range n.in.packs {
		ends = append(ends, k.ends...)
	}
	x.known.add(ends)
	size = 0
	replayed := newInspection(packs, true)
	part := replayed.part(&size)
	replayed.take(part, x.check(part), &size)
	if size.proven() {
		t.Error("packs that are known prove their sender")
	}

	forged, _ := chainOf(t, 2, 300)
	for k := range forged {
		forged[k] = forge(forged[k])
	}
	n = newInspection(forged, true)
	part = n.part(&size)
	n.take(part, x.check(part), &size)
	if len(part) != firstPart || len(n.part(&size)) != 0 || len(n.in.packs) != 1 || crdt.Code(n.in.packs[0].err) != "bad-signature" {
		t.Errorf("%d packs checked, %d came out, %d are left", len(part), len(n.in.packs), len(n.left))
	}
}
