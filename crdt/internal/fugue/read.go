package fugue

// Len is the number of live elements of s.
func (f *Forest) Len(s Seq) int { return int(f.seqs[s].live) }

// Size is the number of elements of s, the dead included.
func (f *Forest) Size(s Seq) int { return int(f.seqs[s].size) }

// At is the live element of s at index, which is below Len.
func (f *Forest) At(s Seq, index int) Elem {
	off := f.seekIndex(s, index)
	return f.cur.spans[f.cur.i].first + off
}

// Rank is the number of live elements before e in its sequence. e is an element,
// dead or live: a dead one would come to that index if it lived.
func (f *Forest) Rank(e Elem) int {
	off := f.seek(e)
	f.locate()
	c := &f.cur
	if c.spans[c.i].kind() != liveRun {
		off = 0
	}
	return c.base + c.prior + int(off)
}

// Place is where Fugue puts a new element so that it comes to index, at most Len,
// of s: right of the live element before it if nothing hangs there, else left of
// what comes next, dead or live.
func (f *Forest) Place(s Seq, index int) (parent Elem, side Side) {
	if index == 0 {
		if f.seqs[s].size == 0 {
			return None, Right
		}
		at := f.start(s)
		return f.elementFrom(at.leaf, at.i), Left
	}
	return f.placeBehind(f.seekIndex(s, index-1))
}

// PlaceBehind is where a new element goes so that it comes right behind e, an
// element, dead or live.
func (f *Forest) PlaceBehind(e Elem) (parent Elem, side Side) { return f.placeBehind(f.seek(e)) }

// placeBehind places behind the element so far into the span at which the cursor is.
func (f *Forest) placeBehind(off uint32) (parent Elem, side Side) {
	sp := f.cur.spans[f.cur.i]
	p := sp.first + off
	switch {
	case !f.bit(p, hasRight):
		return p, Right
	case off+1 < sp.n():
		return p + 1, Left
	default:
		return f.elementFrom(f.cur.id, f.cur.i+1), Left
	}
}

// elementFrom is the first element in the spans from one on, where there is one:
// marks take up two spans of a leaf at most, so it is in the next leaf or here.
func (f *Forest) elementFrom(id uint32, i int) Elem {
	for {
		for _, sp := range f.spans(f.leaves.at(id))[i:] {
			f.steps++
			if sp.first != markFirst {
				return sp.first
			}
		}
		id, i = f.next(id), 0
	}
}

// Spans yields all elements of s in order, as the longest runs of consecutive
// numbers that are all live or all dead. The forest must not change meanwhile.
func (f *Forest) Spans(s Seq, yield func(first Elem, n int, live bool) bool) {
	if f.seqs[s].size == 0 {
		return
	}
	var first Elem
	var n int
	var kind uint32
	for id := f.start(s).leaf; id != nowhere; id = f.next(id) {
		for _, sp := range f.spans(f.leaves.at(id)) {
			switch {
			case sp.first == markFirst:
			case n > 0 && sp.kind() == kind && sp.first == first+Elem(n):
				n += int(sp.n())
			default:
				if n > 0 && !yield(first, n, kind == liveRun) {
					return
				}
				first, n, kind = sp.first, int(sp.n()), sp.kind()
			}
		}
	}
	yield(first, n, kind == liveRun)
}

// Range yields the live elements of s with index ≤ their index < index+n, in
// order, as the longest runs of consecutive numbers. index+n is at most Len. The
// forest must not change meanwhile.
func (f *Forest) Range(s Seq, index, n int, yield func(first Elem, n int) bool) {
	if n <= 0 {
		return
	}
	off := f.seekIndex(s, index)
	id, i := f.cur.id, f.cur.i
	first, have := f.cur.spans[i].first+off, 0
	for {
		for _, sp := range f.spans(f.leaves.at(id))[i:] {
			k := int(sp.live() - off)
			if sp.live() == 0 {
				continue
			}
			e := sp.first + off
			off = 0
			if e != first+Elem(have) {
				if !yield(first, have) {
					return
				}
				first, have = e, 0
			}
			k = min(k, n)
			have += k
			if n -= k; n == 0 {
				yield(first, have)
				return
			}
		}
		id, i = f.next(id), 0
	}
}
