package crdt

import (
	"cmp"
	"slices"

	"github.com/tidwall/btree"
)

// slabSize is the number of records in a slab. Slabs are filled, never grown or
// moved, so a View reads them while the replica appends.
const slabSize = 4096

// A record is one accepted change. Invariant: it never changes once its index is
// below the length that a View was made with.
type record struct {
	id      ChangeID
	payload []byte
	decodes bool   // the ops do: else they are void as a whole
	linked  bool   // it has links
	author  uint32 // index into log.keys and log.authors
	prev    int32  // log index, or none
	jump    int32  // an ancestor on the chain, or none: see log.back
	seq     uint32
	lamport uint32
}

// none in place of a log index is the room itself: seq 0, lamport 0.
const none int32 = -1

// authorState is what the log knows of one author. Invariant: tip and tips are
// the changes of the author that have no chain child.
type authorState struct {
	prefix  chainPrefix
	tip     int32          // the only tip, or one of them
	tips    map[int32]bool // all of them, if there are several
	genesis int32          // the first accepted change with prev = room
	forked  bool
}

// packMark is where a pack begins in the log. It ends where the next one begins.
// Invariant: every change in between that no later one of the same pack
// continues (run grouping as in log.eachRun) has its signature in log.sigs.
type packMark struct {
	start int32
	runs  int32
	bytes int32 // upper bound of its frame
}

// log holds the accepted changes in order of acceptance, parents first.
type log struct {
	room  RoomID
	slabs [][]record
	n     int32
	index map[ChangeID]int32
	// Like records, links never change.
	linkRefs   []int32       // of all changes in order, as their payloads sort them
	linkStarts []linkStart   // of the changes that have links, in order
	child      []int32       // a chain child, or none: the one that came in the same run, else the first accepted
	keys       []Author      // by author number; like records, never changed
	authors    []authorState // by author number
	authorOf   map[Author]uint32
	heads      *btree.BTreeG[int32] // by index: the newest last
	packs      []packMark
	sealed     int32              // the changes below it lie in packs; own unsigned ones follow
	unsigned   int                // bytes that those take in a pack
	sigs       map[int32][64]byte // of the last change of every run
	forks      []Fork
	forkAt     map[forkKey]int // into forks
	refused    refusedIDs
}

type forkKey struct {
	author uint32
	prev   int32
}

// linkStart is where the links of a change begin in log.linkRefs. They end where
// the next begin.
type linkStart struct{ change, start int32 }

func newLog(room RoomID) *log {
	return &log{
		room:     room,
		index:    make(map[ChangeID]int32),
		authorOf: make(map[Author]uint32),
		heads:    btree.NewBTreeGOptions(func(a, b int32) bool { return a < b }, btree.Options{NoLocks: true}),
		sigs:     make(map[int32][64]byte),
		forkAt:   make(map[forkKey]int),
	}
}

func (l *log) at(i int32) *record { return &l.slabs[i/slabSize][i%slabSize] }

// id is the id of change i.
func (l *log) id(i int32) ChangeID { return l.at(i).id }

// payload is the payload of change i. It aliases the log: read only.
func (l *log) payload(i int32) []byte { return l.at(i).payload }

// ops are the undecoded ops of change i. They alias the log: read only.
func (l *log) ops(i int32) []byte { return reparse(l.payload(i)).ops }

// decodes reports whether the ops of change i do: else they are void as a whole.
func (l *log) decodes(i int32) bool { return l.at(i).decodes }

// author is the number of the author of change i.
func (l *log) author(i int32) uint32 { return l.at(i).author }

// prev is what change i follows on its chain, or none.
func (l *log) prev(i int32) int32 { return l.at(i).prev }

// links are what change i names besides prev, in the order of its payload:
// links(i)[k] is link k. They alias the log: read only. O(log n) if there are any.
func (l *log) links(i int32) []int32 {
	if !l.at(i).linked {
		return nil
	}
	k, _ := slices.BinarySearchFunc(l.linkStarts, i, func(s linkStart, i int32) int { return cmp.Compare(s.change, i) })
	if k+1 < len(l.linkStarts) {
		return l.linkRefs[l.linkStarts[k].start:l.linkStarts[k+1].start]
	}
	return l.linkRefs[l.linkStarts[k].start:]
}

// find is the log index of an accepted change.
func (l *log) find(id ChangeID) (int32, bool) {
	i, ok := l.index[id]
	return i, ok
}

func (l *log) lamport(i int32) uint32 { return l.at(i).lamport }

func (l *log) seq(i int32) uint32 {
	if i == none {
		return 0
	}
	return l.at(i).seq
}

// back is the change d before i on its chain, or none if that is the room or
// before it. Each record holds one jump besides prev, whose length follows from
// seq alone (Myers, "An applicative random-access stack", 1983): O(log d),
// across nested forks too.
func (l *log) back(i int32, d uint64) int32 {
	if i == none || d >= uint64(l.seq(i)) {
		return none
	}
	want := l.seq(i) - uint32(d)
	for l.seq(i) > want {
		if r := l.at(i); l.seq(r.jump) >= want {
			i = r.jump
		} else {
			i = r.prev
		}
	}
	return i
}

// jumpOf is the jump of a change after prev. The room, none, jumps to itself.
func (l *log) jumpOf(prev int32) int32 {
	jump := func(i int32) int32 {
		if i == none {
			return none
		}
		return l.at(i).jump
	}
	near, far := jump(prev), jump(jump(prev))
	if l.seq(prev)-l.seq(near) == l.seq(near)-l.seq(far) {
		return far
	}
	return prev
}

func (l *log) authorIndex(a Author) uint32 {
	if i, ok := l.authorOf[a]; ok {
		return i
	}
	i := uint32(len(l.authors))
	l.keys = append(l.keys, a)
	l.authors = append(l.authors, authorState{prefix: newChainPrefix(l.room, a), tip: none, genesis: none})
	l.authorOf[a] = i
	return i
}

// add appends an accepted change whose parents are all in the log, and returns
// its index.
func (l *log) add(author uint32, prev int32, c *checkedChange) int32 {
	i := l.n
	rec := record{id: c.id, payload: c.payload, decodes: c.decodes, author: author, prev: prev, jump: l.jumpOf(prev), seq: l.seq(prev) + 1}
	if prev != none {
		rec.lamport = l.at(prev).lamport
		l.heads.Delete(prev)
	}
	if c.envelope.links.Len() > 0 {
		rec.linked = true
		l.linkStarts = append(l.linkStarts, linkStart{i, int32(len(l.linkRefs))})
	}
	for k := range c.envelope.links.Len() {
		p, _ := l.find(c.envelope.links.At(k))
		l.linkRefs = append(l.linkRefs, p)
		rec.lamport = max(rec.lamport, l.at(p).lamport)
		l.heads.Delete(p)
	}
	rec.lamport++
	if int(i)%slabSize == 0 {
		l.slabs = append(l.slabs, make([]record, slabSize))
	}
	*l.at(i) = rec
	l.n++
	l.index[c.id] = i
	l.child = append(l.child, none)
	l.heads.Load(i)
	l.extendChain(author, prev, i)
	return i
}

// extendChain moves the author's tip from prev to i, or notes the fork.
func (l *log) extendChain(author uint32, prev, i int32) {
	a := &l.authors[author]
	sibling := a.genesis
	if prev != none {
		sibling = l.child[prev]
	}
	if sibling != none {
		l.addTip(a, i)
		a.forked = true
		key := forkKey{author, prev}
		if _, known := l.forkAt[key]; !known {
			l.forkAt[key] = len(l.forks)
			l.forks = append(l.forks, newFork(l, author, prev, sibling, i))
		}
		return
	}
	if prev == none {
		a.genesis = i
	} else {
		l.child[prev] = i
	}
	switch {
	case a.tips != nil:
		delete(a.tips, prev)
		a.tips[i] = true
		if a.tip == prev {
			a.tip = i
		}
	default:
		a.tip = i
	}
}

func (l *log) addTip(a *authorState, i int32) {
	if a.tips == nil {
		a.tips = map[int32]bool{a.tip: true}
	}
	a.tips[i] = true
}

// eachTip calls yield with the changes of a that have no chain child.
func (a *authorState) eachTip(yield func(int32) bool) {
	if a.tips == nil {
		if a.tip != none {
			yield(a.tip)
		}
		return
	}
	for i := range a.tips {
		if !yield(i) {
			return
		}
	}
}

// seal makes the changes that lie in no pack yet one pack, or part of the pack
// before it where both fit into one. sigs holds the signature of each run's last
// change.
func (l *log) seal(sigs []runEnd) {
	start := l.sealed
	l.sealed = l.n
	l.unsigned = 0
	for _, s := range sigs {
		l.sigs[s.last] = s.sig
	}
	size := packOverheadBytes + runOverheadBytes*len(sigs)
	for i := start; i < l.n; i++ {
		size += len(l.payload(i)) + changeOverheadBytes
	}
	mark := packMark{start: start, runs: int32(len(sigs)), bytes: int32(size)}
	if n := len(l.packs); n > 0 {
		last := &l.packs[n-1]
		joined := l.joins(last.start, start)
		if l.n-last.start <= MaxPackChanges &&
			last.runs+mark.runs-int32(len(joined)) <= MaxPackRuns &&
			last.bytes+mark.bytes <= MaxPackBytes {
			for _, i := range joined {
				delete(l.sigs, i)
			}
			last.runs += mark.runs - int32(len(joined))
			last.bytes += mark.bytes
			return
		}
	}
	l.packs = append(l.packs, mark)
}

// joins are the run ends in [packStart, start) that a change in [start, n)
// continues.
func (l *log) joins(packStart, start int32) []int32 {
	var joined []int32
	for i := start; i < l.n; i++ {
		prev := l.prev(i)
		if prev >= packStart && prev < start && l.child[prev] == i {
			if _, end := l.sigs[prev]; end {
				joined = append(joined, prev)
			}
		}
	}
	return joined
}

type runEnd struct {
	last int32
	sig  [64]byte
}

// packAt is the number of the pack that holds change i.
func (l *log) packAt(i int32) int {
	lo, hi := 0, len(l.packs)
	for lo+1 < hi {
		if mid := (lo + hi) / 2; l.packs[mid].start <= i {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

func (l *log) packEnd(p int) int32 {
	if p+1 < len(l.packs) {
		return l.packs[p+1].start
	}
	return l.sealed
}

// view is the part of the log that never changes: no ids can be found in it, and
// chains are followed backwards alone.
func (l *log) view() *log {
	return &log{
		room: l.room, n: l.n, slabs: slices.Clip(l.slabs), keys: slices.Clip(l.keys),
		linkRefs: slices.Clip(l.linkRefs), linkStarts: slices.Clip(l.linkStarts),
	}
}

// changeAt is what callers see of record i.
func (l *log) changeAt(i int32) Change {
	r := l.at(i)
	payload := l.payload(i)
	e := reparse(payload)
	c := Change{
		ID: l.id(i), Author: l.keys[r.author], Seq: uint64(r.seq), Lamport: uint64(r.lamport),
		Time: e.time, Links: e.links, Payload: payload,
	}
	if r.prev != none {
		c.Prev = l.id(r.prev)
	}
	return c
}

// before is the order of (lamport, change id) that decides winners and the order
// of feeds.
func (l *log) before(a, b int32) bool {
	ra, rb := l.at(a), l.at(b)
	if ra.lamport != rb.lamport {
		return ra.lamport < rb.lamport
	}
	return l.id(a).compare(l.id(b)) < 0
}

// refusedIDs remembers changes that were refused for their own bytes: whatever
// comes later, they and what follows them never get in. It is bounded, and
// forgetting is harmless: the child of a forgotten one waits, and expires.
type refusedIDs struct {
	ids  map[ChangeID]struct{}
	ring []ChangeID
	next int
}

func (r *refusedIDs) has(id ChangeID) bool {
	_, ok := r.ids[id]
	return ok
}

func (r *refusedIDs) add(id ChangeID) {
	if r.has(id) {
		return
	}
	if r.ids == nil {
		r.ids = make(map[ChangeID]struct{})
	}
	if len(r.ring) < maxRefusedIDs {
		r.ring = append(r.ring, id)
	} else {
		delete(r.ids, r.ring[r.next])
		r.ring[r.next] = id
		r.next = (r.next + 1) % maxRefusedIDs
	}
	r.ids[id] = struct{}{}
}
