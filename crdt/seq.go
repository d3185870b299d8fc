package crdt

import "slices"

// A sequence is a list or a text after Fugue in its tree form (Weidner and
// Kleppmann, "The Art of the Fugue", 2023, §4): every element names a parent and
// a side; the order is that of an in-order walk in which siblings on one side
// come by (change id, index). Concurrent runs do not interleave.
//
// Invariant: the tree is a function of the set of elements alone.
type sequence struct {
	of    thing // the object
	text  bool
	depth int        // of the object
	first []*element // right children of the root
	order []*element // the walk, dead elements included; nil when out of date
}

// side is the side of its parent on which an element hangs.
type side uint8

const (
	left side = iota
	right
)

// An element is one item of a list or one Unicode scalar value of a text.
type element struct {
	at       thing
	seq      *sequence
	parent   *element
	children [2][]*element // by side
	dead     bool
	literal  Literal
	object   *object
	char     rune
}

// insert hangs e on the given side of parent; nil is the root.
func (s *sequence) insert(l *log, parent *element, on side, e *element) {
	e.parent = parent
	siblings := &s.first
	if parent != nil {
		siblings = &parent.children[on]
	}
	at, _ := slices.BinarySearchFunc(*siblings, e, func(a, b *element) int { return l.compareThings(a.at, b.at) })
	*siblings = slices.Insert(*siblings, at, e)
	s.changed()
}

// compareThings orders by (change id, index), the same on every replica.
func (l *log) compareThings(a, b thing) int { return l.name(a).compare(l.name(b)) }

func (s *sequence) changed() { s.order = nil }

// all is every element in order. The walk keeps its own stack: an author can
// make the tree as deep as the log is long.
func (s *sequence) all() []*element {
	if s.order != nil {
		return s.order
	}
	type frame struct {
		e    *element
		self bool // its left children were pushed: e itself comes next
	}
	var stack []frame
	push := func(siblings []*element) {
		for _, e := range slices.Backward(siblings) {
			stack = append(stack, frame{e: e})
		}
	}
	push(s.first)
	s.order = []*element{}
	for len(stack) > 0 {
		f := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !f.self {
			stack = append(stack, frame{f.e, true})
			push(f.e.children[left])
			continue
		}
		s.order = append(s.order, f.e)
		push(f.e.children[right])
	}
	return s.order
}

// live is all without the dead elements.
func (s *sequence) live() []*element {
	var live []*element
	for _, e := range s.all() {
		if !e.dead {
			live = append(live, e)
		}
	}
	return live
}

// place is where an author inserts at index of the live elements: the parent and
// side that Fugue gives to an element between its neighbours.
func (s *sequence) place(index int) (*element, side, bool) {
	if index == 0 {
		if len(s.first) == 0 {
			return nil, right, true
		}
		return s.all()[0], left, true
	}
	n := 0
	for i, e := range s.all() {
		if e.dead {
			continue
		}
		if n++; n < index {
			continue
		}
		if len(e.children[right]) == 0 {
			return e, right, true
		}
		return s.all()[i+1], left, true
	}
	return nil, right, false
}
