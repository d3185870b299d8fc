package transport

import (
	"container/heap"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// groupPacks and groupBytes bound what of several connections is checked together.
	groupPacks = 64
	groupBytes = 512 << 10
	// maxShares bounds the addresses of which it is known what they have used.
	maxShares = 4096
)

// A checkQueue shares the cores among those whose packs are to be checked: whoever waits and has used least is next. It is
// start-time fair queueing (Goyal, Vin & Cheng 1996): a part starts, in the queue's own time, when that of its address before it
// ended, or now if that is later; the least start is next. So who asks for little hardly waits, however much others ask for.
// Safe for concurrent use.
//
// While nobody waits, everybody is checked at once. Under load the one whose turn it is takes others along: signatures of
// many packs cost half in a batch.
//
// Invariant: while somebody waits, no place is free.
type checkQueue struct {
	meter *Meter

	mu      sync.Mutex
	free    int               // guarded by mu; places
	now     time.Duration     // guarded by mu; the queue's own time: the start of the newest that had its turn
	shares  map[string]*share // guarded by mu; by address
	waiting shareHeap         // guarded by mu; those of whom somebody waits
	asked   uint64            // guarded by mu
}

// A share is that of one address. Guarded by the queue's mu.
type share struct {
	start   time.Duration // of the first that waits; of equal ones the first that asked is next
	asked   uint64
	end     time.Duration // of the newest that was checked
	waiting []*check      // first come, first served
	at      int           // in the heap; -1: nobody waits
}

// A check is a part of a packs message.
type check struct {
	inspector *Inspector
	address   string // whose share it is of: see shareOf
	frames    [][]byte
	bytes     int
	joins     bool          // may be checked together with others': a forgery in a batch is paid for by all of it
	out       []checkedPack // what came of it
	share     *share
	start     time.Duration // guarded by the queue's mu: when it had its turn
	turn      chan struct{} // closed when there is a place for it
	done      chan struct{} // closed when another has checked it
}

func newCheckQueue(places int, m *Meter) *checkQueue {
	return &checkQueue{meter: m, free: places, shares: make(map[string]*share)}
}

// shareOf is the part of an address that has one share of the cores, as with what relays admit: an IPv4 address, or an IPv6 /64.
// An URL that we have dialled is one of its own.
func shareOf(address string) string {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return address
	}
	ip := ap.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}

// run waits for a turn and checks c. It reports false if abort was closed before.
func (q *checkQueue) run(c *check, abort <-chan struct{}) bool {
	q.meter.Waiting.Add(1)
	ok := q.await(c, abort)
	q.meter.Waiting.Add(-1)
	if !ok {
		return false
	}
	if c.out != nil {
		return true
	}
	group := q.join(c)
	q.meter.Checking.Add(1)
	began := time.Now()
	checkTogether(group)
	q.finish(group, time.Since(began))
	q.meter.Checking.Add(-1)
	return true
}

// await returns true when there is a place for c, or when another has checked it: then c.out is set.
func (q *checkQueue) await(c *check, abort <-chan struct{}) bool {
	q.mu.Lock()
	s := q.share(c.address)
	c.share = s
	if q.free > 0 {
		q.free--
		q.now = max(q.now, s.end)
		c.start = q.now
		q.mu.Unlock()
		return true
	}
	c.turn, c.done = make(chan struct{}), make(chan struct{})
	s.waiting = append(s.waiting, c)
	q.wait(s)
	q.mu.Unlock()
	select {
	case <-c.turn:
		return true
	case <-c.done:
		return true
	case <-abort:
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(s.waiting, c); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
		if len(s.waiting) == 0 {
			heap.Remove(&q.waiting, s.at)
		}
		return false
	}
	select {
	case <-c.turn:
		q.next()
	default: // another is checking it
	}
	return false
}

// share returns that of address. Call it with mu held.
func (q *checkQueue) share(address string) *share {
	s := q.shares[address]
	if s == nil {
		if len(q.shares) >= maxShares {
			q.forget()
		}
		s = &share{at: -1}
		q.shares[address] = s
	}
	return s
}

// forget drops the shares that say nothing any more: nobody waits, and who asks now starts now. If that is not enough, all of
// whom nobody waits: then they begin anew. Call it with mu held.
func (q *checkQueue) forget() {
	for a, s := range q.shares {
		if s.at < 0 && s.end <= q.now {
			delete(q.shares, a)
		}
	}
	if len(q.shares) < maxShares {
		return
	}
	for a, s := range q.shares {
		if s.at < 0 {
			delete(q.shares, a)
		}
	}
}

// wait puts s into the heap, if it is not there. Call it with mu held.
func (q *checkQueue) wait(s *share) {
	if s.at < 0 && len(s.waiting) > 0 {
		q.asked++
		s.start, s.asked = max(q.now, s.end), q.asked
		heap.Push(&q.waiting, s)
	}
}

// next gives a place that is free to who is next. Call it with mu held.
func (q *checkQueue) next() {
	if len(q.waiting) == 0 {
		q.free++
		return
	}
	s := heap.Pop(&q.waiting).(*share)
	c := s.pop()
	q.now = max(q.now, s.start)
	close(c.turn)
	// The next of the same address starts when c will have ended: that is known when it has. Until then it is as if c cost nothing;
	// finish puts that right.
	q.wait(s)
}

func (s *share) pop() *check {
	c := s.waiting[0]
	c.start = s.start
	s.waiting[0] = nil
	if s.waiting = s.waiting[1:]; len(s.waiting) == 0 {
		s.waiting = nil
	}
	return c
}

// join returns c and those who wait and are checked together with it.
func (q *checkQueue) join(c *check) []*check {
	group := []*check{c}
	if !c.joins {
		return group
	}
	packs, bytes := len(c.frames), c.bytes
	q.mu.Lock()
	defer q.mu.Unlock()
	var seen []*share
	for full := false; !full && len(q.waiting) > 0 && len(seen) < groupPacks; {
		s := heap.Pop(&q.waiting).(*share)
		seen = append(seen, s)
		for len(s.waiting) > 0 {
			o := s.waiting[0]
			if !o.joins || o.inspector != c.inspector {
				break
			}
			if full = packs+len(o.frames) > groupPacks || bytes+o.bytes > groupBytes; full {
				break
			}
			packs += len(o.frames)
			bytes += o.bytes
			group = append(group, s.pop())
		}
	}
	for _, s := range seen {
		if len(s.waiting) > 0 {
			heap.Push(&q.waiting, s) // it has waited since its start
		}
	}
	return group
}

// finish charges those of the group with the time that it took, and gives the place on.
func (q *checkQueue) finish(group []*check, took time.Duration) {
	packs := 0
	for _, c := range group {
		packs += len(c.frames)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, c := range group {
		s := c.share
		s.end = max(s.end, c.start) + took*time.Duration(len(c.frames))/time.Duration(packs)
		if s.at >= 0 {
			s.start = max(s.start, s.end)
			heap.Fix(&q.waiting, s.at)
		}
		if i > 0 {
			close(c.done)
		}
	}
	q.next()
}

// checkTogether sets the out of all of the group.
func checkTogether(group []*check) {
	frames := group[0].frames
	if len(group) > 1 {
		frames = nil
		for _, c := range group {
			frames = append(frames, c.frames...)
		}
	}
	out := group[0].inspector.check(frames)
	for _, c := range group {
		n := len(c.frames)
		c.out, out = out[:n:n], out[n:]
	}
}

// shareHeap is a heap by start.
type shareHeap []*share

func (h shareHeap) Len() int { return len(h) }
func (h shareHeap) Less(i, j int) bool {
	return h[i].start < h[j].start || h[i].start == h[j].start && h[i].asked < h[j].asked
}
func (h shareHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i]; h[i].at, h[j].at = i, j }
func (h *shareHeap) Push(x any)   { s := x.(*share); s.at = len(*h); *h = append(*h, s) }
func (h *shareHeap) Pop() any {
	old := *h
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*h, s.at = old[:len(old)-1], -1
	return s
}
