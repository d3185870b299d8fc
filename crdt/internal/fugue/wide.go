package fugue

// Widen makes s keep UTF-8 and UTF-16 offsets. width is what the n elements from
// first on, live or dead, take in both, at least n each; it must never change for
// an element, and is called from within any method for elements of s, old and new
// ones. A sequence that is not widened has one unit an element. Widening twice
// changes nothing. Units of one sequence must stay below 1<<32. Cost: once over s,
// and then width once for each element that comes or goes and as often as its leaf
// is split, on average less than once.
func (f *Forest) Widen(s Seq, width func(first Elem, n int) (utf8, utf16 int)) {
	q := &f.seqs[s]
	if q.width != 0 {
		return
	}
	f.widths = append(f.widths, width)
	q.width = uint32(len(f.widths))
	if q.size == 0 {
		return
	}
	for id := f.start(s).leaf; id != nowhere; id = f.next(id) {
		f.measure(f.leaves.at(id))
		f.lift(id)
	}
}

// units is what elements of s take beyond one unit each, if they live.
func (f *Forest) units(s Seq, first Elem, n uint32) units {
	w := f.seqs[s].width
	if w == 0 || n == 0 {
		return noUnits
	}
	utf8, utf16 := f.widths[w-1](first, int(n))
	return units{uint32(utf8) - n, uint32(utf16) - n}
}

// measure takes the units of a leaf anew.
func (f *Forest) measure(l *leaf) {
	l.sum.units = noUnits
	if f.seqs[l.seq].width == 0 {
		return
	}
	for _, sp := range f.spans(l) {
		l.sum.units = l.sum.units.plus(f.units(l.seq, sp.first, sp.live()))
	}
}

// credit counts live elements that came into the leaf under the cursor.
func (f *Forest) credit(l *leaf, first Elem, n int) {
	q := &f.seqs[l.seq]
	q.live += uint32(n)
	l.sum.live += uint32(n)
	f.cur.dirty = true
	if q.width != 0 {
		l.sum.units = l.sum.units.plus(f.units(l.seq, first, uint32(n)))
	}
}

// debit counts elements of the leaf under the cursor that died.
func (f *Forest) debit(l *leaf, first Elem, n int) {
	q := &f.seqs[l.seq]
	q.live -= uint32(n)
	l.sum.live -= uint32(n)
	f.cur.dirty = true
	if q.width != 0 {
		l.sum.units = l.sum.units.minus(f.units(l.seq, first, uint32(n)))
	}
}

// Offset is what the live elements of s before index, at most Len, take in UTF-8
// and in UTF-16; both are index unless s was widened.
func (f *Forest) Offset(s Seq, index int) (utf8, utf16 int) {
	if f.seqs[s].width == 0 || index == 0 {
		return index, index
	}
	// What is before the last element counts, and that element.
	off := f.seekIndex(s, index-1)
	c := &f.cur
	var before units
	if c.l.sum.units != noUnits {
		for _, sp := range c.spans[:c.i] {
			before = before.plus(f.units(s, sp.first, sp.live()))
		}
		before = before.plus(f.units(s, c.spans[c.i].first, off+1))
	}
	f.flush()
	f.up(c.id, func(n *inner, i int) {
		for _, u := range n.units[:i] {
			before = before.plus(u)
		}
	})
	return index + int(before.x8), index + int(before.x16)
}

// IndexUTF8 is the index of the live element of s in which the UTF-8 offset lies,
// and whether it begins there; the offset behind the last is Len, exact. A
// negative offset gives (0, false), one beyond the end (Len, false).
func (f *Forest) IndexUTF8(s Seq, offset int) (index int, exact bool) {
	return f.indexOf(s, offset, func(u units) uint32 { return u.x8 })
}

// IndexUTF16 is [Forest.IndexUTF8] for UTF-16.
func (f *Forest) IndexUTF16(s Seq, offset int) (index int, exact bool) {
	return f.indexOf(s, offset, func(u units) uint32 { return u.x16 })
}

func (f *Forest) indexOf(s Seq, offset int, extra func(units) uint32) (index int, exact bool) {
	q := &f.seqs[s]
	switch {
	case offset < 0:
		return 0, false
	case q.live == 0 || q.width == 0:
		return min(offset, int(q.live)), offset <= int(q.live)
	}
	f.flush()
	at := q.root
	for range q.height {
		f.steps++
		n := f.inners.at(at)
		i := 0
		for ; i < int(n.n)-1; i++ {
			k := int(n.live[i]) + int(extra(n.units[i]))
			if offset < k {
				break
			}
			offset -= k
			index += int(n.live[i])
		}
		at = n.child[i]
	}
	l := f.leaves.at(at)
	plain := l.sum.units == noUnits
	measure := func(first Elem, n uint32) int {
		if plain {
			return int(n)
		}
		return int(n) + int(extra(f.units(s, first, n)))
	}
	for _, sp := range f.spans(l) {
		f.steps++
		n := sp.live()
		if n == 0 {
			continue
		}
		k := measure(sp.first, n)
		if offset >= k {
			offset -= k
			index += int(n)
			continue
		}
		// Halve the span until one element is left.
		for e := sp.first; ; {
			if n == 1 {
				return index, offset == 0
			}
			half := n / 2
			if k := measure(e, half); offset >= k {
				offset -= k
				index += int(half)
				e += half
				n -= half
			} else {
				n = half
			}
		}
	}
	return index, offset == 0
}
