package crdt

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/tidwall/btree"
)

// The log: what is known of each accepted change, in flat arrays that are filled
// from the front and never moved. Ids, payloads, heads and hashing are in ids.go,
// blocks.go, heads.go and hash.go; packs and signatures in seal.go.

// slabSize is the number of changes in a slab. Slabs are filled, never grown or
// moved, so a View reads them while the replica appends. Each is as large as Go
// allocates without loss.
const slabSize = 512

// A record is one accepted change, less its id and payload. Invariant: it never
// changes once its index is below the length that a View was made with.
type record struct {
	pos     uint32 // of the payload's head, in its block
	author  uint32 // index into log.keys and log.authors, and flags
	prev    int32  // log index, or none
	jump    int32  // an ancestor on the chain, or none: see log.back
	seq     uint32
	lamport uint32
}

// Flags of a change, above the bits of the author's number.
const (
	flagDecodes uint32 = 1 << 31 // the ops do: else they are void as a whole
	flagLinks   uint32 = 1 << 30 // it has links
	flagAppend  uint32 = 1 << 29 // its ops are one append to the feed, and decode
	authorBits  uint32 = flagAppend - 1
)

// none in place of a log index is the room itself: seq 0, lamport 0.
const none int32 = -1

// What a log holds at most: so its numbers, and those of the things that changes
// make, fit the types that hold them. Variables for tests alone.
var (
	maxLogChanges      = math.MaxInt32 - 1
	maxLogLinks        = math.MaxInt32 - 1
	maxLogPayloadBytes = math.MaxUint32 - 1
)

// authorState is what the log knows of one author. Invariant: tip and tips are
// the changes of the author that have no chain child.
type authorState struct {
	tip     int32          // the only tip, or one of them
	tips    map[int32]bool // all of them, if there are several
	genesis int32          // the first accepted change with prev = room
	forked  bool
}

// log holds the accepted changes in order of acceptance, parents first.
type log struct {
	room     RoomID
	n        int32
	ids      []*[slabSize]ChangeID
	records  []*[slabSize]record
	children []*[slabSize]int32 // a chain child, or none: the one that came in the same run, else the first accepted
	blocks   blocks
	index    *idTable // of ids; none in a View
	// Like records, links never change.
	linkRefs   []int32     // of all changes in order, as their payloads sort them
	linkStarts []linkStart // of the changes that have links, in order

	keys         []Author      // by author number; like records, never changed
	authors      []authorState // by author number
	authorOf     map[Author]uint32
	heads        heads
	payloadBytes int // of all changes
	packs        []packMark
	sealed       int32              // the changes below it lie in packs; own unsigned ones follow
	unsigned     int                // bytes that those take in a pack
	sigs         map[int32][64]byte // of the last change of every run
	forks        []Fork
	forked       *btree.BTreeG[Author] // whose forks those are; nil: nobody's. A View copies it in O(1)
	forkAt       map[forkKey]int       // into forks
	refused      refusedIDs
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
		index:    newIDTable(0),
		authorOf: make(map[Author]uint32),
		heads:    newHeads(),
		sigs:     make(map[int32][64]byte),
		forkAt:   make(map[forkKey]int),
	}
}

func (l *log) at(i int32) *record { return &l.records[uint32(i)/slabSize][uint32(i)%slabSize] }

// id is the id of change i.
func (l *log) id(i int32) ChangeID { return *l.idAt(i) }

// idAt is the id of change i: read only.
func (l *log) idAt(i int32) *ChangeID { return &l.ids[uint32(i)/slabSize][uint32(i)%slabSize] }

// payload is the payload of change i. It aliases the log: read only.
func (l *log) payload(i int32) []byte {
	block := l.blocks.of(i)
	start, end := byteStringAt(block, l.at(i).pos)
	return block[start:end:end]
}

// ops are the undecoded ops of change i. They alias the log: read only.
func (l *log) ops(i int32) []byte { return opsOf(l.payload(i)) }

// decodes reports whether the ops of change i do: else they are void as a whole.
func (l *log) decodes(i int32) bool { return l.at(i).author&flagDecodes != 0 }

// oneAppend reports whether the ops of change i are one append to a feed and nothing
// else. Most are, and of those it is known without a look at them what they made.
func (l *log) oneAppend(i int32) bool { return l.at(i).author&flagAppend != 0 }

// author is the number of the author of change i.
func (l *log) author(i int32) uint32 { return l.at(i).author & authorBits }

// prev is what change i follows on its chain, or none.
func (l *log) prev(i int32) int32 { return l.at(i).prev }

// child is a change that follows i on its chain, or none: the one that came in
// the same run, else the first accepted.
func (l *log) child(i int32) int32 { return l.children[uint32(i)/slabSize][uint32(i)%slabSize] }

func (l *log) setChild(i, c int32) { l.children[uint32(i)/slabSize][uint32(i)%slabSize] = c }

// links are what change i names besides prev, in the order of its payload:
// links(i)[k] is link k. They alias the log: read only. O(log n) if there are any.
func (l *log) links(i int32) []int32 {
	if l.at(i).author&flagLinks == 0 {
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
	at, ok := l.index.find(&id, func(at uint32) bool { return *l.idAt(int32(at)) == id })
	return int32(at), ok
}

func (l *log) has(id ChangeID) bool {
	_, ok := l.find(id)
	return ok
}

// lamport is 1 + the greatest of the parents of change i.
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
	if i == none || d == 0 {
		return i
	}
	if d >= uint64(l.seq(i)) {
		return none
	}
	want := l.seq(i) - uint32(d)
	// Who writes alone has a chain that is a row of the log; who never forked, one
	// change of each seq.
	if a := l.author(i); d <= uint64(i) && a < uint32(len(l.authors)) && !l.authors[a].forked {
		if j := i - int32(d); l.author(j) == a && l.seq(j) == want {
			return j
		}
	}
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
	l.authors = append(l.authors, authorState{tip: none, genesis: none})
	l.authorOf[a] = i
	return i
}

// space returns [ErrFull] unless so many changes, with so many links and bytes of
// payloads, can still be added. There are fewer authors than changes, and each
// thing that a change makes takes a byte of its payload.
func (l *log) space(changes, links, payloadBytes int) error {
	switch {
	case changes > min(maxLogChanges, int(authorBits))-int(l.n):
		return fmt.Errorf("%w: %d changes", ErrFull, l.n)
	case links > maxLogLinks-len(l.linkRefs):
		return fmt.Errorf("%w: %d links", ErrFull, len(l.linkRefs))
	case payloadBytes > maxLogPayloadBytes-l.payloadBytes:
		return fmt.Errorf("%w: %d bytes of payloads", ErrFull, l.payloadBytes)
	}
	return nil
}

// add appends an accepted change whose parents are all in the log, and whose
// payload has its place: of payloadBytes bytes, its head at pos of the newest
// extent's block or an earlier one. It returns its index.
func (l *log) add(id *ChangeID, author uint32, prev int32, links []int32, decodes bool, pos uint32, payloadBytes int) int32 {
	i := l.n
	if i%slabSize == 0 {
		l.ids = append(l.ids, new([slabSize]ChangeID))
		l.records = append(l.records, new([slabSize]record))
		l.children = append(l.children, new([slabSize]int32))
		l.blocks.mark()
	}
	rec := record{pos: pos, author: author, prev: prev, jump: l.jumpOf(prev), seq: l.seq(prev) + 1}
	if decodes {
		rec.author |= flagDecodes
	}
	if prev != none {
		rec.lamport = l.lamport(prev)
		l.heads.name(prev)
	}
	if len(links) > 0 {
		rec.author |= flagLinks
		l.linkStarts = append(l.linkStarts, linkStart{i, int32(len(l.linkRefs))})
		l.linkRefs = append(l.linkRefs, links...)
	}
	for _, p := range links {
		rec.lamport = max(rec.lamport, l.lamport(p))
		l.heads.name(p)
	}
	rec.lamport++
	*l.at(i) = rec
	if decodes && bytes.HasPrefix(l.ops(i), oneAppend) {
		l.at(i).author |= flagAppend
	}
	*l.idAt(i) = *id
	l.setChild(i, none)
	l.n++
	l.heads.add()
	l.index.add(id, uint32(i))
	l.payloadBytes += payloadBytes
	l.unsigned += payloadBytes + changeOverheadBytes
	l.extendChain(author, prev, i)
	return i
}

// extendChain moves the author's tip from prev to i, or notes the fork.
func (l *log) extendChain(author uint32, prev, i int32) {
	a := &l.authors[author]
	sibling := a.genesis
	if prev != none {
		sibling = l.child(prev)
	}
	if sibling != none {
		l.addTip(a, i)
		if !a.forked {
			a.forked = true
			l.noteForked(l.keys[author])
		}
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
		l.setChild(prev, i)
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

func (l *log) noteForked(a Author) {
	if l.forked == nil {
		l.forked = btree.NewBTreeGOptions(func(a, b Author) bool { return bytes.Compare(a[:], b[:]) < 0 }, btree.Options{NoLocks: true})
	}
	l.forked.Set(a)
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

// view is the part of the log that never changes: no ids can be found in it, and
// chains are followed backwards alone.
func (l *log) view() *log {
	return &log{
		room: l.room, n: l.n, ids: slices.Clip(l.ids), records: slices.Clip(l.records), blocks: l.blocks.view(),
		linkRefs: slices.Clip(l.linkRefs), linkStarts: slices.Clip(l.linkStarts), keys: slices.Clip(l.keys), heads: l.heads.view(),
	}
}

// headIDs are the ids of the heads, oldest arrival first.
func (l *log) headIDs() []ChangeID {
	ids := make([]ChangeID, 0, l.heads.len())
	for i := range l.heads.up {
		ids = append(ids, l.id(i))
	}
	return ids
}

// changeAt is what callers see of record i.
func (l *log) changeAt(i int32) Change {
	r := l.at(i)
	payload := l.payload(i)
	e := reparse(payload)
	c := Change{
		ID: l.id(i), Author: l.keys[l.author(i)], Seq: uint64(r.seq), Lamport: uint64(r.lamport),
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
	if la, lb := l.lamport(a), l.lamport(b); la != lb {
		return la < lb
	}
	return bytes.Compare(l.idAt(a)[:], l.idAt(b)[:]) < 0
}
