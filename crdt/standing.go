package crdt

import (
	"slices"

	"github.com/tidwall/btree"
)

// A slot is where values stand: a key of a map, or a register.
type slot struct {
	holder *object
	key    string // of a register: ""
	standing
}

// is reports whether s is key of holder. A map forgets the slot of a key under
// which nothing lives any more, so it can have had others.
func (s *slot) is(holder *object, key string) bool { return s.holder == holder && s.key == key }

// A value is what one op put into a slot.
type value struct {
	slot   *slot
	object *object // or nil: a literal
	number uint32
	place  int32 // offset of the literal in the ops of its change, or 0; of a dead value: less than 0, its complement
}

// living reports whether no effective set or unset named v.
func (v *value) living() bool { return v.place >= 0 }

func (v *value) die() { v.place = ^v.place }

func (v *value) offset() int32 {
	if v.living() {
		return v.place
	}
	return ^v.place
}

// fewStanding is up to how many values a slot keeps in a plain slice.
const fewStanding = 16

// standing are the living values of a slot, by number in jsonDoc.values, the winner
// first. Nothing is kept of the dead, of which there may be many more. What an author
// costs who lets 10^5 conflicting values stand is a logarithm of that a value.
type standing struct {
	few  []uint32
	many *btree.BTreeG[uint32] // in place of few, once there were more
}

func (s *standing) len() int {
	if s.many != nil {
		return s.many.Len()
	}
	return len(s.few)
}

// each yields the values, the winner first.
func (s *standing) each(yield func(v uint32) bool) {
	if s.many != nil {
		s.many.Scan(yield)
		return
	}
	for _, v := range s.few {
		if !yield(v) {
			return
		}
	}
}

// wins is the order of values: the greatest (lamport, change id, place of the op)
// comes first.
func (d *jsonDoc) wins(a, b uint32) bool {
	x, y := d.values[a].number, d.values[b].number
	i, j := d.change(x), d.change(y)
	if i == j {
		return x > y
	}
	return d.log.before(j, i)
}

func (d *jsonDoc) stand(s *standing, v uint32) {
	if s.many != nil {
		s.many.Set(v)
		return
	}
	if len(s.few) < fewStanding {
		at, _ := slices.BinarySearchFunc(s.few, v, d.compareValues)
		s.few = slices.Insert(s.few, at, v)
		return
	}
	s.many = btree.NewBTreeGOptions(d.wins, btree.Options{NoLocks: true})
	for _, old := range s.few {
		s.many.Set(old)
	}
	s.many.Set(v)
	s.few = nil
}

func (d *jsonDoc) fall(s *standing, v uint32) {
	if s.many != nil {
		s.many.Delete(v)
		return
	}
	at, _ := slices.BinarySearchFunc(s.few, v, d.compareValues)
	s.few = slices.Delete(s.few, at, at+1)
}

func (d *jsonDoc) compareValues(a, b uint32) int {
	switch {
	case a == b:
		return 0
	case d.wins(a, b):
		return -1
	default:
		return 1
	}
}
