package fugue

import "math/bits"

// What is known of each number: the leaf that it lies in, and four bits.

// pageLen numbers make a page of exactly one of the allocator's size classes.
const pageLen = 512

type page struct {
	slot [pageLen]uint32 // 0, leaf plus 1, or noteBit with a note
	bits [pageLen / 64]word
}

// word is the bits of 64 numbers, by kind.
type word [4]uint64

const (
	hasRight = iota // it has a right child
	hasLeft
	joined // it and the number before it are elements of one sequence
	dead
)

const noteBit = 1 << 31

// slot is 0 for what is beyond the pages.
func (f *Forest) slot(e Elem) uint32 {
	if i := e / pageLen; int(i) < len(f.pages) {
		return f.pages[i].slot[e%pageLen]
	}
	return 0
}

func (f *Forest) fill(first Elem, n int, to uint32) {
	for n > 0 {
		from := first % pageLen
		part := f.pages[first/pageLen].slot[from:]
		part = part[:min(n, len(part))]
		for i := range part {
			part[i] = to
		}
		first += Elem(len(part))
		n -= len(part)
	}
}

func (f *Forest) bit(e Elem, kind int) bool {
	return f.pages[e/pageLen].bits[e%pageLen/64][kind]>>(e%64)&1 != 0
}

func (f *Forest) setBits(kind int, first Elem, n int) {
	for n > 0 {
		from := first % 64
		k := min(n, int(64-from))
		f.pages[first/pageLen].bits[first%pageLen/64][kind] |= (1<<k - 1) << from
		first += Elem(k)
		n -= k
	}
}

// ones is how many numbers from e on have a bit, at most limit.
func (f *Forest) ones(kind int, e Elem, limit int) int {
	n := 0
	for n < limit {
		f.steps++
		x := e + Elem(n)
		if int(x/pageLen) >= len(f.pages) {
			break
		}
		w := f.pages[x/pageLen].bits[x%pageLen/64][kind] >> (x % 64)
		k := bits.TrailingZeros64(^w)
		n += k
		if k < int(64-x%64) {
			break
		}
	}
	return min(n, limit)
}

// SeqOf is the sequence of which e is an element, dead or live; false if it is
// none. e may be any number.
func (f *Forest) SeqOf(e Elem) (Seq, bool) {
	x := f.slot(e)
	if x == 0 || x >= noteBit {
		return 0, false
	}
	return f.leaves.at(x - 1).seq, true
}

// Same says whether first … first+n-1 are all elements of s, dead or live. It
// looks at 64 of them in a step. They may be any numbers; n may be 0.
func (f *Forest) Same(s Seq, first Elem, n int) bool {
	if n <= 0 {
		return true
	}
	q, ok := f.SeqOf(first)
	return ok && q == s && f.ones(joined, first+1, n-1) == n-1
}

// Live says whether e is an element that was not deleted. e may be any number.
func (f *Forest) Live(e Elem) bool {
	x := f.slot(e)
	return x != 0 && x < noteBit && !f.bit(e, dead)
}

// DeadRun is how many of the numbers e, e+1, … are dead elements, of whichever
// sequence, up to the first that is not, and at most limit. It looks at 64 in a
// step.
func (f *Forest) DeadRun(e Elem, limit int) int { return f.ones(dead, e, limit) }

// Note keeps x, below 1<<31, at e, which is no element and never becomes one. A
// later note replaces it.
func (f *Forest) Note(e Elem, x uint32) { f.fill(e, 1, noteBit|x) }

// Noted is what was noted at e; false if nothing was. e may be any number.
func (f *Forest) Noted(e Elem) (uint32, bool) {
	x := f.slot(e)
	return x &^ noteBit, x >= noteBit
}
