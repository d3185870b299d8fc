package fugue

import (
	"slices"
	"sort"
)

// A slow is a forest after the book: explicit trees of nodes, walked anew for every
// question.
type slow struct {
	before func(a, b Elem) bool
	elems  []element
	seqs   []slowSeq
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

type slowSeq struct {
	kids  []Elem
	order []Elem // the walk, dead elements included; nil when out of date
	width func(first Elem, n int) (utf8, utf16 int)
}

func newSlow(before func(a, b Elem) bool) *slow { return &slow{before: before} }

func (f *slow) NewSeq() Seq {
	f.seqs = append(f.seqs, slowSeq{})
	return Seq(len(f.seqs) - 1)
}

func (f *slow) Grow(n int) {
	for len(f.elems) < n {
		f.elems = append(f.elems, element{})
	}
}

func (f *slow) Insert(s Seq, parent Elem, side Side, first Elem, n int) {
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
func (f *slow) all(s Seq) []Elem {
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

func (f *slow) live(s Seq) []Elem {
	var live []Elem
	for _, e := range f.all(s) {
		if !f.elems[e].dead {
			live = append(live, e)
		}
	}
	return live
}

func (f *slow) is(e Elem) bool { return int(e) < len(f.elems) && f.elems[e].is }

func (f *slow) SeqOf(e Elem) (Seq, bool) {
	if !f.is(e) {
		return 0, false
	}
	return f.elems[e].seq, true
}

func (f *slow) Same(s Seq, first Elem, n int) bool {
	for i := range n {
		if q, ok := f.SeqOf(first + Elem(i)); !ok || q != s {
			return false
		}
	}
	return true
}

func (f *slow) Delete(first Elem, n int) (killed int) {
	for e := first; e < first+Elem(n); e++ {
		if !f.elems[e].dead {
			f.elems[e].dead = true
			killed++
		}
	}
	return killed
}

func (f *slow) Live(e Elem) bool { return f.is(e) && !f.elems[e].dead }

func (f *slow) DeadRun(e Elem, limit int) int {
	n := 0
	for n < limit && f.is(e+Elem(n)) && f.elems[e+Elem(n)].dead {
		n++
	}
	return n
}

func (f *slow) Note(e Elem, x uint32) { f.elems[e].noted, f.elems[e].note = true, x }

func (f *slow) Noted(e Elem) (uint32, bool) {
	if int(e) >= len(f.elems) || !f.elems[e].noted {
		return 0, false
	}
	return f.elems[e].note, true
}

func (f *slow) Len(s Seq) int { return len(f.live(s)) }

func (f *slow) Size(s Seq) int { return len(f.all(s)) }

func (f *slow) At(s Seq, index int) Elem { return f.live(s)[index] }

func (f *slow) Rank(e Elem) int {
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

func (f *slow) Place(s Seq, index int) (parent Elem, side Side) {
	all := f.all(s)
	if index == 0 {
		if len(all) == 0 {
			return None, Right
		}
		return all[0], Left
	}
	return f.PlaceBehind(f.live(s)[index-1])
}

func (f *slow) PlaceBehind(e Elem) (parent Elem, side Side) {
	if len(f.elems[e].kids[Right]) == 0 {
		return e, Right
	}
	all := f.all(f.elems[e].seq)
	return all[slices.Index(all, e)+1], Left
}

func (f *slow) Spans(s Seq, yield func(first Elem, n int, live bool) bool) {
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

func (f *slow) Range(s Seq, index, n int, yield func(first Elem, n int) bool) {
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

func (f *slow) Widen(s Seq, width func(first Elem, n int) (utf8, utf16 int)) {
	if f.seqs[s].width == nil {
		f.seqs[s].width = width
	}
}

func (f *slow) Offset(s Seq, index int) (utf8, utf16 int) {
	if f.seqs[s].width == nil {
		return index, index
	}
	for _, e := range f.live(s)[:index] {
		a, b := f.seqs[s].width(e, 1)
		utf8, utf16 = utf8+a, utf16+b
	}
	return utf8, utf16
}

func (f *slow) IndexUTF8(s Seq, offset int) (index int, exact bool) {
	return f.indexOf(s, offset, func(utf8, _ int) int { return utf8 })
}

func (f *slow) IndexUTF16(s Seq, offset int) (index int, exact bool) {
	return f.indexOf(s, offset, func(_, utf16 int) int { return utf16 })
}

func (f *slow) indexOf(s Seq, offset int, unit func(utf8, utf16 int) int) (index int, exact bool) {
	n := f.Len(s)
	i := sort.Search(n+1, func(i int) bool { return unit(f.Offset(s, i)) > offset }) - 1
	if i < 0 {
		return 0, false
	}
	return i, unit(f.Offset(s, i)) == offset
}
