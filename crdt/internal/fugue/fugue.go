// Package fugue keeps lists and texts after Fugue in its tree form (Weidner and
// Kleppmann, "The Art of the Fugue", 2023, §4). Every element hangs on one side of
// its parent, or on the right of the root; the order is that of an in-order walk
// in which siblings on one side come as the caller orders them. So the order is a
// function of the set of elements alone, and runs made at once do not interleave.
//
// Elements are numbers. The caller gives them out; a number that was not inserted
// is no element, and can hold a note of the caller instead.
package fugue

import (
	"slices"
	"sort"
)

// Elem is the number of an element: below 1<<31, given by the caller, dense.
type Elem = uint32

// None is no element; as a parent, the root of a sequence.
const None Elem = 1<<32 - 1

// Side is the side of its parent on which an element hangs.
type Side uint8

// The root has right children only.
const (
	Left Side = iota
	Right
)

// Seq is a sequence of a [Forest].
type Seq uint32

// A Forest holds any number of sequences whose elements share one numbering.
// It is not safe for concurrent use, and not by readers alone either: reading
// moves a cursor.
type Forest struct {
	before func(a, b Elem) bool
	elems  []element
	seqs   []sequence
}

type element struct {
	is     bool
	dead   bool
	noted  bool
	note   uint32
	seq    Seq
	parent Elem
	kids   [2][]Elem
}

type sequence struct {
	kids  []Elem
	order []Elem // the walk, dead elements included; nil when out of date
	width func(first Elem, n int) (utf8, utf16 int)
}

// New makes an empty forest. before says which of two siblings comes first; it
// must be a total order that never changes for two elements. It is called only
// for elements of one sequence on one side of one parent, about log n times for
// an insert among n of them, and not at all for an insert that has no sibling.
func New(before func(a, b Elem) bool) *Forest { return &Forest{before: before} }

// NewSeq makes an empty sequence.
func (f *Forest) NewSeq() Seq {
	f.seqs = append(f.seqs, sequence{})
	return Seq(len(f.seqs) - 1)
}

// Grow makes room for elements below n, which must not exceed 1<<31. Numbers at or
// above the greatest n so far are no elements.
func (f *Forest) Grow(n int) {
	for len(f.elems) < n {
		f.elems = append(f.elems, element{})
	}
}

// Insert makes first, first+1, … first+n-1 elements of s: the first hangs on the
// given side of parent, each other one on the right of the one before it. parent
// is an element of s, or None with Right; the n numbers are no elements yet, hold
// no notes and lie below what [Forest.Grow] was told; n may be 0.
func (f *Forest) Insert(s Seq, parent Elem, side Side, first Elem, n int) {
	for e := first; e < first+Elem(n); e++ {
		kids := &f.seqs[s].kids
		if parent != None {
			kids = &f.elems[parent].kids[side]
		}
		at := sort.Search(len(*kids), func(i int) bool { return f.before(e, (*kids)[i]) })
		*kids = slices.Insert(*kids, at, e)
		f.elems[e] = element{is: true, seq: s, parent: parent}
		parent, side = e, Right
	}
	f.seqs[s].order = nil
}

// all is every element of s in order.
func (f *Forest) all(s Seq) []Elem {
	q := &f.seqs[s]
	if q.order != nil {
		return q.order
	}
	type frame struct {
		e    Elem
		self bool // its left children were pushed: e itself comes next
	}
	var stack []frame
	push := func(kids []Elem) {
		for _, e := range slices.Backward(kids) {
			stack = append(stack, frame{e: e})
		}
	}
	push(q.kids)
	q.order = []Elem{}
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !top.self {
			stack = append(stack, frame{top.e, true})
			push(f.elems[top.e].kids[Left])
			continue
		}
		q.order = append(q.order, top.e)
		push(f.elems[top.e].kids[Right])
	}
	return q.order
}

func (f *Forest) live(s Seq) []Elem {
	var live []Elem
	for _, e := range f.all(s) {
		if !f.elems[e].dead {
			live = append(live, e)
		}
	}
	return live
}

func (f *Forest) is(e Elem) bool { return int(e) < len(f.elems) && f.elems[e].is }

// SeqOf is the sequence of which e is an element, dead or live; false if it is
// none. e may be any number.
func (f *Forest) SeqOf(e Elem) (Seq, bool) {
	if !f.is(e) {
		return 0, false
	}
	return f.elems[e].seq, true
}

// Same says whether first … first+n-1 are all elements of s, dead or live. It
// looks at 64 of them in a step. They may be any numbers; n may be 0.
func (f *Forest) Same(s Seq, first Elem, n int) bool {
	for i := range n {
		if q, ok := f.SeqOf(first + Elem(i)); !ok || q != s {
			return false
		}
	}
	return true
}

// Delete kills first … first+n-1, which must be elements of one sequence, and says
// how many were live. The dead keep their places. Those dead before are skipped 64
// in a step.
func (f *Forest) Delete(first Elem, n int) (killed int) {
	for e := first; e < first+Elem(n); e++ {
		if !f.elems[e].dead {
			f.elems[e].dead = true
			killed++
		}
	}
	return killed
}

// Live says whether e is an element that was not deleted. e may be any number.
func (f *Forest) Live(e Elem) bool { return f.is(e) && !f.elems[e].dead }

// DeadRun is how many of the numbers e, e+1, … are dead elements, of whichever
// sequence, up to the first that is not, and at most limit. It looks at 64 in a
// step.
func (f *Forest) DeadRun(e Elem, limit int) int {
	n := 0
	for n < limit && f.is(e+Elem(n)) && f.elems[e+Elem(n)].dead {
		n++
	}
	return n
}

// Note keeps x, below 1<<31, at e, which is no element and never becomes one. A
// later note replaces it.
func (f *Forest) Note(e Elem, x uint32) { f.elems[e].noted, f.elems[e].note = true, x }

// Noted is what was noted at e; false if nothing was. e may be any number.
func (f *Forest) Noted(e Elem) (uint32, bool) {
	if int(e) >= len(f.elems) || !f.elems[e].noted {
		return 0, false
	}
	return f.elems[e].note, true
}

// Len is the number of live elements of s.
func (f *Forest) Len(s Seq) int { return len(f.live(s)) }

// Size is the number of elements of s, the dead included.
func (f *Forest) Size(s Seq) int { return len(f.all(s)) }

// At is the live element of s at index, which is below Len.
func (f *Forest) At(s Seq, index int) Elem { return f.live(s)[index] }

// Rank is the number of live elements before e in its sequence. e is an element,
// dead or live: a dead one would come to that index if it lived.
func (f *Forest) Rank(e Elem) int {
	n := 0
	for _, x := range f.all(f.elems[e].seq) {
		if x == e {
			break
		}
		if !f.elems[x].dead {
			n++
		}
	}
	return n
}

// Place is where Fugue puts a new element so that it comes to index, at most Len,
// of s: right of the live element before it if nothing hangs there, else left of
// what comes next, dead or live.
func (f *Forest) Place(s Seq, index int) (parent Elem, side Side) {
	all := f.all(s)
	if index == 0 {
		if len(all) == 0 {
			return None, Right
		}
		return all[0], Left
	}
	p := f.live(s)[index-1]
	if len(f.elems[p].kids[Right]) == 0 {
		return p, Right
	}
	return all[slices.Index(all, p)+1], Left
}

// Spans yields all elements of s in order, as the longest runs of consecutive
// numbers that are all live or all dead. The forest must not change meanwhile.
func (f *Forest) Spans(s Seq, yield func(first Elem, n int, live bool) bool) {
	all := f.all(s)
	for i := 0; i < len(all); {
		n := 1
		for i+n < len(all) && all[i+n] == all[i]+Elem(n) && f.elems[all[i+n]].dead == f.elems[all[i]].dead {
			n++
		}
		if !yield(all[i], n, !f.elems[all[i]].dead) {
			return
		}
		i += n
	}
}

// Range yields the live elements of s with index ≤ their index < index+n, in
// order, as the longest runs of consecutive numbers. index+n is at most Len. The
// forest must not change meanwhile.
func (f *Forest) Range(s Seq, index, n int, yield func(first Elem, n int) bool) {
	live := f.live(s)[index : index+n]
	for i := 0; i < len(live); {
		n := 1
		for i+n < len(live) && live[i+n] == live[i]+Elem(n) {
			n++
		}
		if !yield(live[i], n) {
			return
		}
		i += n
	}
}

// Widen makes s keep UTF-8 and UTF-16 offsets. width is what the n elements from
// first on, live or dead, take in both; it must never change for an element, and
// is called for elements of s, old and new ones, from within any method. A
// sequence that is not widened has one unit an element. Widening twice changes
// nothing. Cost: once over s.
func (f *Forest) Widen(s Seq, width func(first Elem, n int) (utf8, utf16 int)) {
	if f.seqs[s].width == nil {
		f.seqs[s].width = width
	}
}

// Offset is what the live elements of s before index, at most Len, take in UTF-8
// and in UTF-16; both are index unless s was widened.
func (f *Forest) Offset(s Seq, index int) (utf8, utf16 int) {
	if f.seqs[s].width == nil {
		return index, index
	}
	for _, e := range f.live(s)[:index] {
		a, b := f.seqs[s].width(e, 1)
		utf8, utf16 = utf8+a, utf16+b
	}
	return utf8, utf16
}

// IndexUTF8 is the index of the live element of s in which the UTF-8 offset lies,
// and whether it begins there; the offset behind the last is Len, exact. A
// negative offset gives (0, false), one beyond the end (Len, false).
func (f *Forest) IndexUTF8(s Seq, offset int) (index int, exact bool) {
	return f.indexOf(s, offset, func(utf8, _ int) int { return utf8 })
}

// IndexUTF16 is [Forest.IndexUTF8] for UTF-16.
func (f *Forest) IndexUTF16(s Seq, offset int) (index int, exact bool) {
	return f.indexOf(s, offset, func(_, utf16 int) int { return utf16 })
}

func (f *Forest) indexOf(s Seq, offset int, unit func(utf8, utf16 int) int) (index int, exact bool) {
	n := f.Len(s)
	i := sort.Search(n+1, func(i int) bool { return unit(f.Offset(s, i)) > offset }) - 1
	if i < 0 {
		return 0, false
	}
	return i, unit(f.Offset(s, i)) == offset
}
