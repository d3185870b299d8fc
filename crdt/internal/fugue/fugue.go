// Package fugue keeps lists and texts after Fugue in its tree form (Weidner and
// Kleppmann, "The Art of the Fugue", 2023, §4). Every element hangs on one side of
// its parent, or on the right of the root; the order is that of an in-order walk
// in which siblings on one side come as the caller orders them. So the order is a
// function of the set of elements alone, and runs made at once do not interleave.
//
// Elements are numbers. The caller gives them out; a number that was not inserted
// is no element, and can hold a note of the caller instead.
//
// # How it is kept
//
// Each sequence is a B+ tree over its order. Leaves hold spans of 8 bytes: up to
// 1024 consecutive numbers that are all live or all dead, and marks. Each number
// has the leaf that it lies in (4 bytes) and four bits. Nodes are known by index
// and lie in slabs that never move; the collector finds no pointers in them.
//
// Marks are brackets of no width around subtrees, so that "before the subtree of
// a sibling" and "after it" are looked up in the B+ tree, however deep the Fugue
// tree is. With left children l1, l2 and right children r1, r2, the subtree of p
// is laid out as
//
//	( l1… ) ( l2… ) p ( r1… ) r2…
//
// Invariant: every left child's subtree is in brackets, and every right child's
// but that of the last sibling. So the innermost brackets around an element that
// has a pair of its own are its own, and what was typed in order is one span.
//
// Every method is n log n over any sequence of calls that n elements allow: no
// walk is longer than the B+ tree is high, but for walks that can happen once for
// an element.
package fugue

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
	before   func(a, b Elem) bool
	seqs     []sequence
	widths   []func(first Elem, n int) (utf8, utf16 int)
	families *families

	pages  []*page
	leaves slab[leaf]
	inners slab[inner]
	chunks chunks

	cur   cursor
	steps int // what was visited, but for a constant a call; for the tests of growth
}

type sequence struct {
	root   uint32 // a leaf, if height is 0; nowhere while size is 0
	height uint32
	size   uint32
	live   uint32
	width  uint32 // index in widths plus 1; 0 if it is not widened
}

// nowhere is no node.
const nowhere = 1<<32 - 1

// New makes an empty forest. before says which of two siblings comes first; it
// must be a total order that never changes for two elements. It is called only
// for elements of one sequence on one side of one parent, a few times log n for an
// insert among n of them, and not at all for an insert that has no sibling.
func New(before func(a, b Elem) bool) *Forest {
	f := &Forest{before: before}
	f.cur.id = nowhere
	return f
}

// NewSeq makes an empty sequence. It takes 20 bytes, and 52 more with its first
// elements.
func (f *Forest) NewSeq() Seq {
	f.seqs = append(f.seqs, sequence{root: nowhere})
	return Seq(len(f.seqs) - 1)
}

// Grow makes room for elements below n, which must not exceed 1<<31. Numbers at or
// above the greatest n so far are no elements.
func (f *Forest) Grow(n int) {
	for len(f.pages)*pageLen < n {
		f.pages = append(f.pages, new(page))
	}
}

// Insert makes first, first+1, … first+n-1 elements of s: the first hangs on the
// given side of parent, each other one on the right of the one before it. parent
// is an element of s, or None with Right; the n numbers are no elements yet, hold
// no notes and lie below what [Forest.Grow] was told; n may be 0. before, and in a
// widened sequence width, must know them already.
func (f *Forest) Insert(s Seq, parent Elem, side Side, first Elem, n int) {
	if n <= 0 {
		return
	}
	if c := &f.cur; c.id != nowhere && side == Right && parent+1 == first {
		// Typing on: the span under the cursor ends in parent and grows. A mark's or a
		// dead run's nk exceeds maxRun.
		sp := &c.spans[c.i]
		if sp.first+sp.nk == first && sp.nk <= maxRun && n <= int(maxRun-sp.nk) && f.extend(c, s, first, n) {
			sp.nk += uint32(n)
			return
		}
	}
	f.insert(s, parent, side, first, n)
}

// extend makes n numbers elements behind the one before them, in the leaf under the
// cursor, but for its span; false if something hangs there.
func (f *Forest) extend(c *cursor, s Seq, first Elem, n int) bool {
	at := first % pageLen
	if n > 1 || at%64 == 0 {
		if f.bit(first-1, hasRight) {
			return false
		}
		f.setBits(hasRight, first-1, n)
		f.enrol(s, first, n, c.id)
		f.credit(c.l, first, n)
		return true
	}
	p := f.pages[first/pageLen]
	w := &p.bits[at/64]
	here := uint64(1) << (at % 64)
	if w[hasRight]&(here>>1) != 0 {
		return false
	}
	w[hasRight] |= here >> 1
	w[joined] |= here
	p.slot[at] = c.id + 1
	if f.slot(first+1) != 0 {
		f.adjoin(s, first+1)
	}
	q := &f.seqs[s]
	q.size++
	if q.width != 0 {
		f.credit(c.l, first, 1)
		return true
	}
	q.live++
	c.l.sum.live++
	c.dirty = true
	return true
}

// adjoin notes that a number is an element as the one before it is, if it is one.
func (f *Forest) adjoin(s Seq, e Elem) {
	if q, ok := f.SeqOf(e); ok && q == s {
		f.setBits(joined, e, 1)
	}
}

// enrol makes n numbers elements of s in a leaf.
func (f *Forest) enrol(s Seq, first Elem, n int, leaf uint32) {
	f.fill(first, n, leaf+1)
	f.seqs[s].size += uint32(n)
	f.setBits(joined, first+1, n-1)
	f.adjoin(s, first+Elem(n))
	if q, ok := f.SeqOf(first - 1); ok && q == s { // none before 0
		f.setBits(joined, first, 1)
	}
}

// insert is Insert where no span grows in place.
func (f *Forest) insert(s Seq, parent Elem, side Side, first Elem, n int) {
	kind := hasRight
	if side == Left {
		kind = hasLeft
	}
	var siblings bool
	if parent == None {
		siblings = f.seqs[s].size > 0
	} else if siblings = f.bit(parent, kind); !siblings {
		f.setBits(kind, parent, 1)
	}
	head := min(n, maxRun)
	last, prev, next := None, None, None // siblings in order, first between prev and next
	if siblings {
		last, prev, next = f.join(s, parent, side, first)
	}
	switch {
	case side == Left && next == None:
		off := f.seek(parent)
		f.put(place{f.cur.id, f.cur.i, off}, s, first, head, true)
	case side == Left:
		f.put(f.opening(next), s, first, head, true)
	case !siblings:
		f.put(f.behind(s, parent), s, first, head, false)
	case prev == None:
		f.put(f.behind(s, parent), s, first, head, true)
	case next != None:
		at, _ := f.closing(prev)
		at.off++
		f.put(at, s, first, head, true)
	default:
		// prev was the last sibling and gets brackets. It ends where the subtree of
		// parent ends: the later place is changed first.
		at, ok := f.closing(prev)
		if !ok {
			at = f.end(s)
		}
		f.putBehindMark(at, s, first, head)
		if last == None {
			at = f.behind(s, parent)
		} else {
			at, _ = f.closing(last)
			at.off++
		}
		f.putOpen(at)
	}
	for done := head; done < n; {
		k := min(n-done, maxRun)
		off := f.seek(first + Elem(done) - 1)
		f.put(place{f.cur.id, f.cur.i, off + 1}, s, first+Elem(done), k, false)
		done += k
	}
	f.setBits(hasRight, first, n-1)
}

// Delete kills first … first+n-1, which must be elements of one sequence, and says
// how many were live. The dead keep their places. Those dead before are skipped 64
// in a step, wherever they lie.
func (f *Forest) Delete(first Elem, n int) (killed int) {
	for done := 0; done < n; {
		e := first + Elem(done)
		if f.bit(e, dead) {
			done += f.DeadRun(e, n-done)
			continue
		}
		off := f.seek(e)
		k := min(int(f.cur.spans[f.cur.i].nk-off), n-done)
		f.kill(off, uint32(k))
		f.setBits(dead, e, k)
		done += k
		killed += k
	}
	return killed
}

// kill makes k elements, from off on, of the live span under the cursor dead.
func (f *Forest) kill(off, k uint32) {
	c := &f.cur
	sp := &c.spans[c.i]
	e, n := sp.first+off, sp.nk
	f.debit(c.l, e, int(k))
	if k < n {
		// Typing's usual deletes: a dead neighbour grows.
		if off+k == n && c.i+1 < len(c.spans) {
			if next := &c.spans[c.i+1]; next.kind() == deadRun && next.first == e+k && next.n()+k <= maxRun {
				sp.nk -= k
				next.first -= k
				next.nk += k
				return
			}
		}
		if off == 0 && c.i > 0 {
			if prev := &c.spans[c.i-1]; prev.kind() == deadRun && prev.first+prev.n() == e && prev.n()+k <= maxRun {
				prev.nk += k
				sp.first += k
				sp.nk -= k
				return
			}
		}
	}
	var parts [3]span
	add := parts[:0]
	if off > 0 {
		add = append(add, span{sp.first, off})
	}
	add = append(add, span{e, deadRun | k})
	if off+k < n {
		add = append(add, span{e + k, n - off - k})
	}
	f.splice(c.i, 1, add)
}
