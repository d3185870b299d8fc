package crdt

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// The table of ids: which change has an id. The ids themselves stand elsewhere,
// once, in the order of the changes; the table holds their numbers.

// idTable finds numbers by id. It is a row of hash tables: when one is full, the
// next is begun, half as large as all before, and nothing is ever moved. So adding
// one costs the same always. What is looked for is mostly new, and found in the last;
// what is not there at all costs a look into each: some 15 in a log of a million.
//
// The hash is seeded: ids can be ground, to agree in some bits.
type idTable struct {
	seed     maphash.Seed
	segments []idSegment
}

const (
	firstSegmentSlots = 64
	maxSegmentSlots   = 1 << 20
)

// idSegment is a hash table with open addressing. Slots lie in groups of 8, whose
// tags are compared at once; an id is read only where the tag agrees.
//
// Invariant: at least one slot in 8 is free.
type idSegment struct {
	tags []byte   // by slot: 0 if it is free, else bits of the hash
	at   []uint32 // by slot: the number of the id
	used int
}

const (
	tagOnes  = 0x0101010101010101
	tagHighs = 0x8080808080808080
)

// newIDTable returns a table in which n ids fit without a second segment.
func newIDTable(n int) *idTable {
	t := &idTable{seed: maphash.MakeSeed()}
	t.open(n * 8 / 7)
	return t
}

// open begins a segment of about so many slots.
func (t *idTable) open(slots int) {
	slots = min(max(slots, firstSegmentSlots), maxSegmentSlots)/8*8 + 8
	t.segments = append(t.segments, idSegment{tags: make([]byte, slots), at: make([]uint32, slots)})
}

func (t *idTable) hash(id *ChangeID) uint64 { return maphash.Bytes(t.seed, id[:]) }

// find returns the number of id, which is that for which same says so.
func (t *idTable) find(id *ChangeID, same func(at uint32) bool) (uint32, bool) {
	h := t.hash(id)
	for k := len(t.segments) - 1; k >= 0; k-- {
		if at, ok := t.segments[k].find(h, same); ok {
			return at, true
		}
	}
	return 0, false
}

func (s *idSegment) find(h uint64, same func(at uint32) bool) (uint32, bool) {
	tag := uint64(tagOf(h)) * tagOnes
	for g := s.group(h); ; g = s.next(g) {
		group := binary.LittleEndian.Uint64(s.tags[g:])
		agree := group ^ tag
		// Each byte of agree that is zero is marked, and a few others may be: same decides.
		for m := (agree - tagOnes) &^ agree & tagHighs; m != 0; m &= m - 1 {
			if at := s.at[g+bits.TrailingZeros64(m)/8]; same(at) {
				return at, true
			}
		}
		if freeSlots(group) != 0 {
			return 0, false
		}
	}
}

// add notes the number of an id that is not in the table.
func (t *idTable) add(id *ChangeID, at uint32) {
	h := t.hash(id)
	s := &t.segments[len(t.segments)-1]
	if s.used == len(s.tags)/8*7 {
		slots := 0
		for k := range t.segments {
			slots += len(t.segments[k].tags)
		}
		t.open(slots / 2)
		s = &t.segments[len(t.segments)-1]
	}
	s.used++
	for g := s.group(h); ; g = s.next(g) {
		if free := freeSlots(binary.LittleEndian.Uint64(s.tags[g:])); free != 0 {
			slot := g + bits.TrailingZeros64(free)/8 // the lowest mark is exact
			s.tags[slot], s.at[slot] = tagOf(h), at
			return
		}
	}
}

// group is the first slot of the group where h belongs.
func (s *idSegment) group(h uint64) int {
	g, _ := bits.Mul64(h, uint64(len(s.tags)/8))
	return int(g) * 8
}

func (s *idSegment) next(g int) int {
	if g += 8; g == len(s.tags) {
		return 0
	}
	return g
}

// freeSlots marks the slots of a group that are free, exactly so up to the first.
func freeSlots(group uint64) uint64 { return (group - tagOnes) &^ group & tagHighs }

func tagOf(h uint64) byte { return max(1, byte(h)) }

// len is the number of ids in the table.
func (t *idTable) len() int {
	n := 0
	for k := range t.segments {
		n += t.segments[k].used
	}
	return n
}
