package oracle

import (
	"hash/maphash"

	"github.com/tallystick/tallystick/crdt"
)

// An idIndex finds changes by id: a hash table with open addressing of numbers, the ids
// themselves stand in the nodes. The hash is seeded, as ids can be ground to agree in
// some bits.
type idIndex struct {
	seed  maphash.Seed
	slots []uint64 // half of the hash, and 1 + number; 0: free. A power of two, at most 3/4 used
	used  int
}

func newIDIndex() idIndex { return idIndex{seed: maphash.MakeSeed(), slots: make([]uint64, 64)} }

// home is where what has that half of a hash belongs: so the table grows without a look
// at the ids, which lie all over memory.
func (x *idIndex) home(s uint64) uint64 { return s >> 32 & uint64(len(x.slots)-1) }

func (x *idIndex) after(i uint64) uint64 { return (i + 1) & uint64(len(x.slots)-1) }

// place is where id is, or where it would be.
func (x *idIndex) place(id *crdt.ChangeID, idOf func(int32) *crdt.ChangeID) (i, tag uint64) {
	const number = 1<<32 - 1
	tag = maphash.Bytes(x.seed, id[:]) &^ number
	for i = x.home(tag); ; i = x.after(i) {
		s := x.slots[i]
		if s == 0 || s&^number == tag && *idOf(int32(s&number) - 1) == *id {
			return i, tag
		}
	}
}

func (x *idIndex) find(id *crdt.ChangeID, idOf func(int32) *crdt.ChangeID) (int32, bool) {
	i, _ := x.place(id, idOf)
	return int32(uint32(x.slots[i])) - 1, x.slots[i] != 0
}

// add adds an id, and reports whether it was not there.
func (x *idIndex) add(id *crdt.ChangeID, n int32, idOf func(int32) *crdt.ChangeID) bool {
	if x.used >= len(x.slots)/4*3 {
		old := x.slots
		x.slots = make([]uint64, 2*len(old))
		for _, s := range old {
			if s == 0 {
				continue
			}
			i := x.home(s)
			for x.slots[i] != 0 {
				i = x.after(i)
			}
			x.slots[i] = s
		}
	}
	i, tag := x.place(id, idOf)
	if x.slots[i] != 0 {
		return false
	}
	x.slots[i] = tag | uint64(n+1)
	x.used++
	return true
}
