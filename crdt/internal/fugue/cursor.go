package fugue

// A cursor rests on a span of a leaf, so that what is typed or read nearby needs no
// way down the tree. It sends the live and the units of its leaf up when it leaves.
type cursor struct {
	id    uint32 // of the leaf; nowhere if there is none
	dirty bool   // the sums above the leaf may be out of date
	known bool   // base is
	i     int
	base  int // live elements before the leaf
	prior int // live elements of the leaf before span i
	l     *leaf
	spans []span
}

// visit rests the cursor on a leaf.
func (f *Forest) visit(id uint32) {
	if f.cur.id != id {
		f.flush()
		l := f.leaves.at(id)
		f.cur = cursor{id: id, l: l, spans: f.spans(l)}
	}
}

func (f *Forest) flush() {
	if f.cur.dirty {
		f.cur.dirty = false
		f.lift(f.cur.id)
	}
}

// seek rests the cursor on the span of an element, and says how far in it is.
func (f *Forest) seek(e Elem) (off uint32) {
	c := &f.cur
	if c.id != nowhere {
		if sp := c.spans[c.i]; e-sp.first < sp.n() {
			return e - sp.first
		}
		if c.i+1 < len(c.spans) {
			if sp := c.spans[c.i+1]; e-sp.first < sp.n() {
				c.prior += int(c.spans[c.i].live())
				c.i++
				return e - sp.first
			}
		}
	}
	f.visit(f.slot(e) - 1)
	prior := 0
	for i, sp := range c.spans {
		f.steps++
		if e-sp.first < sp.n() {
			c.i, c.prior = i, prior
			return e - sp.first
		}
		prior += int(sp.live())
	}
	panic("fugue: an element is not in its leaf")
}

// seekIndex rests the cursor on the span of the live element at index, below Len,
// and says how far in it is.
func (f *Forest) seekIndex(s Seq, index int) (off uint32) {
	c := &f.cur
	if c.id == nowhere || !c.known || c.l.seq != s || uint(index-c.base) >= uint(c.l.sum.live) {
		f.descend(s, index)
	}
	rest := index - c.base
	i, prior := c.i, c.prior
	for rest < prior {
		f.steps++
		i--
		prior -= int(c.spans[i].live())
	}
	for {
		n := int(c.spans[i].live())
		if rest < prior+n {
			break
		}
		f.steps++
		prior += n
		i++
	}
	c.i, c.prior = i, prior
	return uint32(rest - prior)
}

// descend rests the cursor on the leaf of the live element at index.
func (f *Forest) descend(s Seq, index int) {
	f.flush()
	q := &f.seqs[s]
	at, rest := q.root, uint32(index)
	for range q.height {
		f.steps++
		n := f.inners.at(at)
		i := 0
		for rest >= n.live[i] {
			rest -= n.live[i]
			i++
		}
		at = n.child[i]
	}
	f.visit(at)
	f.cur.base, f.cur.known = index-int(rest), true
}

// locate makes the cursor know its base.
func (f *Forest) locate() {
	c := &f.cur
	if c.known {
		return
	}
	base := 0
	f.up(c.id, func(n *inner, i int) {
		for _, live := range n.live[:i] {
			base += int(live)
		}
	})
	c.base, c.known = base, true
}

// up yields the inner nodes above a leaf, and on which child the way lies.
func (f *Forest) up(id uint32, yield func(n *inner, i int)) {
	child, at := id, f.leaves.at(id).parent
	for at != nowhere {
		f.steps++
		n := f.inners.at(at)
		yield(n, n.slot(child))
		child, at = at, n.parent
	}
}

// next is the leaf behind one, or nowhere.
func (f *Forest) next(id uint32) uint32 {
	child, at := id, f.leaves.at(id).parent
	for at != nowhere {
		f.steps++
		n := f.inners.at(at)
		if i := n.slot(child) + 1; i < int(n.n) {
			return f.outermost(n.child[i], n.low, false)
		}
		child, at = at, n.parent
	}
	return nowhere
}

// prev is the leaf before one, or nowhere.
func (f *Forest) prev(id uint32) uint32 {
	child, at := id, f.leaves.at(id).parent
	for at != nowhere {
		f.steps++
		n := f.inners.at(at)
		if i := n.slot(child) - 1; i >= 0 {
			return f.outermost(n.child[i], n.low, true)
		}
		child, at = at, n.parent
	}
	return nowhere
}

// outermost is the first or last leaf below a node.
func (f *Forest) outermost(at uint32, isLeaf, last bool) uint32 {
	for !isLeaf {
		f.steps++
		n := f.inners.at(at)
		isLeaf, at = n.low, n.child[0]
		if last {
			at = n.child[n.n-1]
		}
	}
	return at
}

// start is the place before everything in s, which must not be empty.
func (f *Forest) start(s Seq) place {
	q := &f.seqs[s]
	return place{leaf: f.outermost(q.root, q.height == 0, false)}
}

// end is the place behind everything in s, which must not be empty.
func (f *Forest) end(s Seq) place {
	q := &f.seqs[s]
	id := f.outermost(q.root, q.height == 0, true)
	spans := f.spans(f.leaves.at(id))
	return place{id, len(spans) - 1, spans[len(spans)-1].n()}
}

// behind is the place right behind a parent, which may be the root. It makes the
// first leaf of s.
func (f *Forest) behind(s Seq, parent Elem) place {
	if parent != None {
		off := f.seek(parent)
		return place{f.cur.id, f.cur.i, off + 1}
	}
	if q := &f.seqs[s]; q.root == nowhere {
		q.root, _ = f.newLeaf(s, 0)
	}
	return f.start(s)
}
