package fugue

import "github.com/tidwall/btree"

// families holds the siblings of every side of a parent that has two or more.
type families = btree.BTreeG[member]

type member struct {
	of uint64 // parent and side, or the root of a sequence
	e  Elem
}

const rootFamily = 1 << 33

func (f *Forest) newFamilies() *families {
	return btree.NewBTreeGOptions(func(a, b member) bool {
		f.steps++
		if a.of != b.of {
			return a.of < b.of
		}
		return a.e != b.e && f.before(a.e, b.e)
	}, btree.Options{NoLocks: true})
}

// join puts e among its siblings, of which there is one at least, and gives its
// neighbours: last, prev, e, next.
func (f *Forest) join(s Seq, parent Elem, side Side, e Elem) (last, prev, next Elem) {
	last, prev, next = None, None, None
	of := uint64(parent)<<1 | uint64(side)
	if parent == None {
		of = rootFamily | uint64(s)
	}
	if f.families == nil {
		f.families = f.newFamilies()
	}
	var hint btree.PathHint
	f.families.SetHint(member{of, e}, &hint)
	// The hint leads back to e with two comparisons a level.
	f.families.AscendHint(member{of, e}, func(x member) bool {
		if x.of == of && x.e != e {
			next = x.e
		}
		return x.of == of && next == None
	}, &hint)
	f.families.DescendHint(member{of, e}, func(x member) bool {
		switch {
		case x.of != of:
			return false
		case x.e == e:
		case prev == None:
			prev = x.e
		default:
			last = x.e
		}
		return last == None
	}, &hint)
	if prev == None && next == None {
		only := f.onlyChild(s, parent, side)
		f.families.Set(member{of, only})
		if f.before(e, only) {
			next = only
		} else {
			prev = only
		}
	}
	return last, prev, next
}

// onlyChild finds the one child on a side by its place: behind its left children,
// which it skips. An element becomes a member once, so each is skipped once.
func (f *Forest) onlyChild(s Seq, parent Elem, side Side) Elem {
	var at place
	switch {
	case parent == None:
		at = f.start(s)
	case side == Right:
		off := f.seek(parent)
		if off+1 < f.cur.spans[f.cur.i].n() {
			return parent + 1
		}
		at = place{leaf: f.cur.id, i: f.cur.i + 1}
	default:
		// Its brackets end right before parent.
		f.seek(parent)
		id, i := f.cur.id, f.cur.i-1
		if i < 0 {
			id = f.prev(id)
			i = int(f.leaves.at(id).n) - 1
		}
		at = f.backward(id, i-1, f.spans(f.leaves.at(id))[i].n())
		at.off++
	}
	for {
		spans := f.spans(f.leaves.at(at.leaf))
		if at.i == len(spans) {
			at = place{leaf: f.next(at.leaf)}
			continue
		}
		sp := spans[at.i]
		switch {
		case at.off == sp.n():
			at.i++
			at.off = 0
		case sp.first != markFirst:
			return sp.first + at.off
		default: // the brackets of a left child
			at, _ = f.forward(at.leaf, at.i+1, sp.n()-at.off)
			at.off++
		}
	}
}
