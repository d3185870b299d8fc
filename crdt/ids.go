package crdt

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// The table of ids: which change has an id. The ids themselves stand elsewhere,
// once, in the order of the changes; the table holds their numbers.

// idTable finds numbers by id. It is cut into segments that grow one by one, so
// that no change pays for all of it. Its hash is seeded: ids can be ground, to
// agree in some bits.
type idTable struct {
	seed     maphash.Seed
	segments [idSegments]idSegment
}

const (
	idSegments    = 64
	idSegmentBits = 6
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

func newIDTable() *idTable { return &idTable{seed: maphash.MakeSeed()} }

func (t *idTable) hash(id *ChangeID) uint64 { return maphash.Bytes(t.seed, id[:]) }

func (t *idTable) segment(hash uint64) *idSegment { return &t.segments[hash>>(64-idSegmentBits)] }

// find returns the number of id, which is that for which same says so.
func (t *idTable) find(id *ChangeID, same func(at uint32) bool) (uint32, bool) {
	h := t.hash(id)
	s := t.segment(h)
	if s.used == 0 {
		return 0, false
	}
	tag, mask := tagOf(h), s.mask()
	for g := h >> 8 & mask; ; g = (g + 1) & mask {
		group := binary.LittleEndian.Uint64(s.tags[g*8:])
		agree := group ^ uint64(tag)*tagOnes
		// Each byte of agree that is zero is marked, and a few others may be: same decides.
		for m := (agree - tagOnes) &^ agree & tagHighs; m != 0; m &= m - 1 {
			if at := s.at[g*8+uint64(bits.TrailingZeros64(m))/8]; same(at) {
				return at, true
			}
		}
		if freeSlots(group) != 0 {
			return 0, false
		}
	}
}

// add notes the number of an id that is not in the table. idAt finds the ids that
// are.
func (t *idTable) add(id *ChangeID, at uint32, idAt func(at uint32) *ChangeID) {
	h := t.hash(id)
	s := t.segment(h)
	if s.used >= len(s.tags)/8*7 {
		old := *s
		s.tags, s.at = make([]byte, max(8, 2*len(old.tags))), make([]uint32, max(8, 2*len(old.at)))
		for slot, tag := range old.tags {
			if tag != 0 {
				s.put(t.hash(idAt(old.at[slot])), old.at[slot])
			}
		}
	}
	s.put(h, at)
	s.used++
}

func (s *idSegment) mask() uint64 { return uint64(len(s.tags)/8 - 1) }

// put takes the first free slot.
func (s *idSegment) put(h uint64, at uint32) {
	mask := s.mask()
	for g := h >> 8 & mask; ; g = (g + 1) & mask {
		if free := freeSlots(binary.LittleEndian.Uint64(s.tags[g*8:])); free != 0 {
			slot := g*8 + uint64(bits.TrailingZeros64(free))/8 // the lowest mark is exact
			s.tags[slot], s.at[slot] = tagOf(h), at
			return
		}
	}
}

func freeSlots(group uint64) uint64 { return (group - tagOnes) &^ group & tagHighs }

func tagOf(h uint64) byte { return max(1, byte(h)) }

// len is the number of ids in the table.
func (t *idTable) len() int {
	n := 0
	for i := range t.segments {
		n += t.segments[i].used
	}
	return n
}
