package crdt

import (
	"math"
	"unicode/utf8"
)

// maxThings is how many things a json room holds here: their numbers and notes of
// them take 31 bits. A variable for tests alone.
var maxThings = math.MaxInt32

// pageSize is the number of items in a page. Pages are filled, never moved.
const pageSize = 1024

// numbering gives all things that changes make dense numbers, in the order of the
// log: thing k of change i is number base(i) + k. Whether a thing is void makes no
// difference to it.
type numbering struct {
	bases []*[pageSize]uint32 // by log index
	n     int32               // changes begun
	next  uint32              // the number after all things made so far
	hints []int32             // by number/64: the change that makes it, or a thing after it
}

const hintShift = 6

// begin opens change i = n: its things begin at next. Who makes one moves next on.
func (b *numbering) begin() {
	if b.n%pageSize == 0 {
		b.bases = append(b.bases, new([pageSize]uint32))
	}
	b.bases[uint32(b.n)/pageSize][uint32(b.n)%pageSize] = b.next
	b.n++
}

// end closes the change begun last.
func (b *numbering) end() {
	for uint32(len(b.hints))<<hintShift < b.next {
		b.hints = append(b.hints, b.n-1)
	}
}

func (b *numbering) base(i int32) uint32 {
	return b.bases[uint32(i)/pageSize][uint32(i)%pageSize]
}

// after is the number that follows the things of change i, of those that it made
// so far if it is being applied.
func (b *numbering) after(i int32) uint32 {
	if i+1 < b.n {
		return b.base(i + 1)
	}
	return b.next
}

// made is how many things change i makes.
func (b *numbering) made(i int32) int { return int(b.after(i) - b.base(i)) }

// change is the change that makes number e. O(log of the changes that made nothing
// between e and the next multiple of 64).
func (b *numbering) change(e uint32) int32 {
	if e >= b.base(b.n-1) {
		return b.n - 1
	}
	lo, hi := b.hints[e>>hintShift], b.n
	if next := e>>hintShift + 1; next < uint32(len(b.hints)) {
		hi = b.hints[next] + 1
	}
	for lo+1 < hi { // base(lo) ≤ e, and hi is too late
		if mid := (lo + hi) / 2; b.base(mid) <= e {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// thing is number e by log index.
func (b *numbering) thing(e uint32) thing {
	i := b.change(e)
	return thing{i, e - b.base(i)}
}

// split yields n numbers from e on, change by change.
func (b *numbering) split(e uint32, n int, yield func(t thing, e uint32, n int) bool) bool {
	for n > 0 {
		t := b.thing(e)
		own := min(n, b.made(t.change)-int(t.index))
		if !yield(t, e, own) {
			return false
		}
		e, n = e+uint32(own), n-own
	}
	return true
}

// contents holds a number for each element of a list or text: the code point, or
// the offset of the literal in the ops of the change; 0 for an object. A page takes a
// byte an element while all of it fits.
type contents []contentPage

type contentPage struct {
	narrow *[pageSize]uint8
	wide   *[pageSize]uint32
}

func (c contents) at(e uint32) uint32 {
	p := &c[e/pageSize]
	if p.wide != nil {
		return p.wide[e%pageSize]
	}
	if p.narrow == nil {
		return 0
	}
	return uint32(p.narrow[e%pageSize])
}

// set notes x at e. Pages of numbers that are no elements stay empty.
func (c *contents) set(e, x uint32) {
	for int(e/pageSize) >= len(*c) {
		*c = append(*c, contentPage{})
	}
	p := &(*c)[e/pageSize]
	switch {
	case p.wide != nil:
		p.wide[e%pageSize] = x
	case x <= math.MaxUint8:
		if p.narrow == nil {
			p.narrow = new([pageSize]uint8)
		}
		p.narrow[e%pageSize] = uint8(x)
	default:
		p.widen()
		p.wide[e%pageSize] = x
	}
}

func (p *contentPage) widen() {
	p.wide = new([pageSize]uint32)
	if p.narrow != nil {
		for i, x := range p.narrow {
			p.wide[i] = uint32(x)
		}
		p.narrow = nil
	}
}

// appendText appends the code points of e … e+n-1.
func (c contents) appendText(dst []byte, e uint32, n int) []byte {
	for n > 0 {
		from := int(e % pageSize)
		size := min(n, pageSize-from)
		p := &c[e/pageSize]
		if p.wide != nil {
			for _, x := range p.wide[from : from+size] {
				dst = utf8.AppendRune(dst, rune(x))
			}
		} else {
			for _, x := range p.narrow[from : from+size] {
				dst = utf8.AppendRune(dst, rune(x))
			}
		}
		e, n = e+uint32(size), n-size
	}
	return dst
}
