package fugue

// slab holds nodes by index, in blocks that never move.
type slab[T any] struct {
	blocks []*[slabLen]T
	n      uint32
}

const slabLen = 64

func (s *slab[T]) at(i uint32) *T { return &s.blocks[i/slabLen][i%slabLen] }

func (s *slab[T]) add() (uint32, *T) {
	if s.n%slabLen == 0 {
		s.blocks = append(s.blocks, new([slabLen]T))
	}
	s.n++
	return s.n - 1, s.at(s.n - 1)
}

// A span is consecutive numbers of one kind, or marks of one kind.
type span struct {
	first Elem   // markFirst for marks
	nk    uint32 // how many, and the kind in the two highest bits
}

const (
	liveRun  = iota << 30
	deadRun  // at most maxRun, as live ones
	openMark // "("
	shutMark // ")"
	kindMask = 3 << 30

	// maxRun bounds what a leaf's split relabels.
	maxRun = 1024
	// markFirst is so far from every element that no subtraction makes it near.
	markFirst = 1 << 31
)

func (s span) kind() uint32 { return s.nk & kindMask }
func (s span) n() uint32    { return s.nk &^ kindMask }

// live is how many of it are live.
func (s span) live() uint32 {
	if s.nk >= deadRun {
		return 0
	}
	return s.nk
}

// tilt is how many more brackets it opens than it closes.
func (s span) tilt() int {
	switch s.kind() {
	case openMark:
		return int(s.n())
	case shutMark:
		return -int(s.n())
	}
	return 0
}

// with is s and t in one, if they can be.
func (s span) with(t span) (span, bool) {
	switch n := s.n() + t.n(); {
	case s.kind() != t.kind():
	case s.first == markFirst:
		return span{markFirst, s.nk + t.n()}, n < deadRun
	case s.first+s.n() == t.first:
		return span{s.first, s.nk + t.n()}, n <= maxRun
	}
	return span{}, false
}

// A sum is of the spans below a node.
type sum struct {
	live uint32
	marks
	units
}

// marks are those that lack their other halves.
type marks struct{ shut, open uint32 }

// plus is the marks of what a and, behind it, b are of.
func (a marks) plus(b marks) marks {
	pairs := min(a.open, b.shut)
	return marks{a.shut + b.shut - pairs, a.open + b.open - pairs}
}

// units are UTF-8 and UTF-16 units of live elements beyond one each.
type units struct{ x8, x16 uint32 }

var noUnits units

func (a units) plus(b units) units  { return units{a.x8 + b.x8, a.x16 + b.x16} }
func (a units) minus(b units) units { return units{a.x8 - b.x8, a.x16 - b.x16} }

const (
	leafCap = 32
	fan     = 32
)

// A leaf has its spans in a chunk. A sequence's first leaf is small.
//
// Invariant: a leaf never becomes empty, since elements are never removed; it is
// made by a split, with at least minPart spans, so there are fewer leaves than
// spans ever made. Adjacent marks of one kind in one leaf are one span: so among
// minPart spans of a leaf one is of elements.
type leaf struct {
	sum    sum
	parent uint32
	seq    Seq
	chunk  uint32
	n      uint8
	class  uint8
}

const minPart = 4

// An inner node has the sum of each child: exact, but for the live and the units
// of the leaf under the cursor.
type inner struct {
	child  [fan]uint32
	live   [fan]uint32
	marks  [fan]marks
	units  [fan]units
	parent uint32
	n      uint8
	low    bool // the children are leaves
}

func (n *inner) slot(child uint32) int {
	for i, c := range n.child[:n.n] {
		if c == child {
			return i
		}
	}
	panic("fugue: a node is not its parent's child")
}

func (n *inner) total() (t sum) {
	for i := range int(n.n) {
		t.live += n.live[i]
		t.marks = t.marks.plus(n.marks[i])
		t.units = t.units.plus(n.units[i])
	}
	return t
}

// balance is total's marks.
func (n *inner) balance() (t marks) {
	for _, m := range n.marks[:n.n] {
		t = t.plus(m)
	}
	return t
}

func (n *inner) insert(i int, child uint32, s sum) {
	copy(n.child[i+1:], n.child[i:n.n])
	copy(n.live[i+1:], n.live[i:n.n])
	copy(n.marks[i+1:], n.marks[i:n.n])
	copy(n.units[i+1:], n.units[i:n.n])
	n.child[i] = child
	n.n++
	n.set(i, s)
}

func (n *inner) get(i int) sum { return sum{n.live[i], n.marks[i], n.units[i]} }

func (n *inner) set(i int, s sum) { n.live[i], n.marks[i], n.units[i] = s.live, s.marks, s.units }

// lift makes the sums above a leaf exact.
func (f *Forest) lift(id uint32) {
	l := f.leaves.at(id)
	if l.parent == nowhere {
		return
	}
	at := l.parent
	n := f.inners.at(at)
	i := n.slot(id)
	live, units, now := l.sum.live-n.live[i], l.sum.units.minus(n.units[i]), l.sum.marks
	for {
		f.steps++
		was := n.marks[i]
		if live == 0 && units == noUnits && now == was {
			return
		}
		n.live[i] += live
		if units != noUnits {
			n.units[i] = n.units[i].plus(units)
		}
		n.marks[i] = now
		if n.parent == nowhere {
			return
		}
		p := f.inners.at(n.parent)
		j := p.slot(at)
		if now != was {
			now = n.balance()
		} else {
			now = p.marks[j]
		}
		at, n, i = n.parent, p, j
	}
}
