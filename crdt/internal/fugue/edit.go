package fugue

// A place lies in a leaf before what is at off of its span i; a mark is one wide
// here. off may be the span's length, and i the number of spans with off 0.
type place struct {
	leaf uint32
	i    int
	off  uint32
}

// put makes the k numbers from first on, at most maxRun, elements of s there; in
// brackets if they are a subtree that needs them.
func (f *Forest) put(at place, s Seq, first Elem, k int, brackets bool) {
	f.enlist(at, s, first, k)
	run := span{first, uint32(k)}
	if brackets {
		f.wedge(at, span{markFirst, openMark | 1}, run, span{markFirst, shutMark | 1})
	} else {
		f.wedge(at, run)
	}
}

// putBehindMark puts ")" there and then the elements.
func (f *Forest) putBehindMark(at place, s Seq, first Elem, k int) {
	f.enlist(at, s, first, k)
	f.wedge(at, span{markFirst, shutMark | 1}, span{first, uint32(k)})
}

func (f *Forest) putOpen(at place) {
	f.visit(at.leaf)
	f.wedge(at, span{markFirst, openMark | 1})
}

// enlist makes numbers elements of the leaf at a place, but for its spans.
func (f *Forest) enlist(at place, s Seq, first Elem, k int) {
	f.visit(at.leaf)
	f.enrol(s, first, k, at.leaf)
	f.credit(f.cur.l, first, k)
}

// wedge puts spans at a place of the leaf under the cursor.
func (f *Forest) wedge(at place, spans ...span) {
	if at.off == 0 || at.off == f.cur.spans[at.i].n() {
		if at.off > 0 {
			at.i++
		}
		f.splice(at.i, 0, spans)
		return
	}
	sp := f.cur.spans[at.i]
	head := span{sp.first, sp.kind() | at.off}
	rest := span{sp.first + at.off, sp.kind() | (sp.n() - at.off)}
	if sp.first == markFirst {
		rest.first = markFirst
	}
	var parts [5]span
	add := append(append(append(parts[:0], head), spans...), rest)
	f.splice(at.i, 1, add)
}

// splice puts add, not empty, in place of del spans from i on of the leaf under the
// cursor, whose live and units are exact already, and joins what can be joined.
// The cursor stays on the leaf, or on none if the leaf was split.
func (f *Forest) splice(i, del int, add []span) {
	c := &f.cur
	l, old := c.l, c.spans
	last := 0
	for _, sp := range add[1:] {
		if one, ok := add[last].with(sp); ok {
			add[last] = one
		} else {
			last++
			add[last] = sp
		}
	}
	add = add[:last+1]
	if i > 0 {
		if one, ok := old[i-1].with(add[0]); ok {
			add[0] = one
			i--
			del++
		}
	}
	if i+del < len(old) {
		if one, ok := add[len(add)-1].with(old[i+del]); ok {
			add[len(add)-1] = one
			del++
		}
	}
	// Brackets come in pairs mostly, and then the balance stays.
	tilt := 0
	for _, sp := range add {
		tilt += sp.tilt()
	}
	for _, sp := range old[i : i+del] {
		tilt -= sp.tilt()
	}
	for c.i > i {
		c.i--
		c.prior -= int(old[c.i].live())
	}
	n := len(old) - del + len(add)
	if n > leafCap {
		var all [leafCap + 8]span
		copy(all[:], old[:i])
		copy(all[i:], add)
		copy(all[i+len(add):], old[i+del:])
		half := n / 2
		switch {
		case i+len(add) >= n-1: // what grows at its end leaves full leaves behind
			half = n - minPart
		case i <= 1:
			half = minPart
		}
		f.split(c.id, all[:n], half)
		return
	}
	spans := f.room(l, max(n, len(old)))
	copy(spans[i+len(add):n], spans[i+del:len(old)])
	copy(spans[i:], add)
	l.n = uint8(n)
	c.spans = spans[:n]
	c.dirty = true
	if tilt != 0 {
		l.sum.marks = balance(c.spans)
		f.flush()
	}
}

// balance counts the marks that lack their other halves.
func balance(spans []span) (t marks) {
	for _, sp := range spans {
		switch sp.kind() {
		case openMark:
			t.open += sp.n()
		case shutMark:
			t = t.plus(marks{shut: sp.n()})
		}
	}
	return t
}

// split gives a leaf, the one under the cursor, the spans all, in two parts. The
// part with fewer elements moves to a new leaf: so an element moves about as often
// as a leaf's elements can be halved, 15 times, whatever an author does.
func (f *Forest) split(id uint32, all []span, half int) {
	l := f.leaves.at(id)
	stay, move, right := all[:half], all[half:], 1
	if elements(stay) < elements(move) {
		stay, move, right = move, stay, 0
	}
	f.cur = cursor{id: nowhere}
	to, m := f.newLeaf(l.seq, len(move))
	copy(f.spans(m), move)
	copy(f.room(l, len(stay)), stay)
	for _, sp := range move {
		if sp.first != markFirst {
			f.steps += int(sp.n()) / 8 // eight in a cache line's half
			f.fill(sp.first, int(sp.n()), to+1)
		}
		m.sum.live += sp.live()
	}
	f.measure(m)
	m.sum.marks = balance(move)
	l.sum.live -= m.sum.live
	l.sum.units = l.sum.units.minus(m.sum.units)
	l.sum.marks = balance(stay)
	if l.parent == nowhere {
		at, n := f.inners.add()
		n.parent, n.low = nowhere, true
		n.insert(0, id, sum{})
		l.parent = at
		f.seqs[l.seq].root, f.seqs[l.seq].height = at, 1
	}
	f.adopt(l.seq, l.parent, f.inners.at(l.parent).slot(id)+right, to)
	f.lift(to)
	f.lift(id)
}

func elements(spans []span) (n uint32) {
	for _, sp := range spans {
		if sp.first != markFirst {
			n += sp.n()
		}
	}
	return n
}

// adopt makes a leaf, whose sum counts as empty for now, the child i of a node, and
// splits what is full.
func (f *Forest) adopt(s Seq, at uint32, i int, child uint32) {
	var its sum
	for {
		f.steps++
		n := f.inners.at(at)
		if n.n < fan {
			n.insert(i, child, its)
			f.setParent(n.low, child, at)
			return
		}
		half := fan / 2
		switch i {
		case fan:
			half = fan - 2
		case 0:
			half = 2
		}
		to, m := f.inners.add()
		m.low, m.parent = n.low, n.parent
		for j := half; j < fan; j++ {
			m.insert(j-half, n.child[j], n.get(j))
			f.setParent(n.low, n.child[j], to)
		}
		n.n = uint8(half)
		if i <= half {
			n.insert(i, child, its)
			f.setParent(n.low, child, at)
		} else {
			m.insert(i-half, child, its)
			f.setParent(n.low, child, to)
		}
		if n.parent == nowhere {
			top, r := f.inners.add()
			r.parent = nowhere
			r.insert(0, at, sum{})
			n.parent, m.parent = top, top
			f.seqs[s].root = top
			f.seqs[s].height++
		}
		p := f.inners.at(n.parent)
		j := p.slot(at)
		p.set(j, n.total())
		at, i, child, its = n.parent, j+1, to, m.total()
	}
}

func (f *Forest) setParent(low bool, child, parent uint32) {
	if low {
		f.leaves.at(child).parent = parent
	} else {
		f.inners.at(child).parent = parent
	}
}
