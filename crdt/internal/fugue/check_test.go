package fugue

import "slices"

// token is an element, or a mark as "(" or ")" below zero.
type token int64

const (
	tokenOpen token = -1
	tokenShut token = -2
)

// layout is what the leaves of s must hold by the package's invariant.
func (f *slow) layout(s Seq) []token {
	type frame struct {
		t    token
		self bool // its left children were pushed
	}
	var stack []frame
	push := func(kids []Elem, all bool) {
		for i, e := range slices.Backward(kids) {
			marked := all || i < len(kids)-1
			if marked {
				stack = append(stack, frame{t: tokenShut})
			}
			stack = append(stack, frame{t: token(e)})
			if marked {
				stack = append(stack, frame{t: tokenOpen})
			}
		}
	}
	push(f.seqs[s].kids, false)
	var out []token
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		switch {
		case top.t < 0:
			out = append(out, top.t)
		case !top.self:
			stack = append(stack, frame{top.t, true})
			push(f.elems[top.t].kids[Left], true)
		default:
			out = append(out, top.t)
			push(f.elems[top.t].kids[Right], false)
		}
	}
	return out
}

// check holds every invariant of f against the slow forest of the same elements.
func (f *Forest) check(t failer, want *slow) {
	t.Helper()
	seen := map[uint32]bool{}
	for i := range f.seqs {
		f.checkSeq(t, Seq(i), want, seen)
	}
	if len(seen) != int(f.leaves.n) {
		t.Fatalf("%d of %d leaves are in a sequence", len(seen), f.leaves.n)
	}
	for e := range Elem(len(want.elems)) {
		x := want.elems[e]
		if _, ok := f.SeqOf(e); ok != x.is {
			t.Fatalf("element %d: %v, want %v", e, ok, x.is)
		}
		together := x.is && e > 0 && want.elems[e-1].is && want.elems[e-1].seq == x.seq
		for kind, want := range []bool{hasRight: len(x.kids[Right]) > 0, hasLeft: len(x.kids[Left]) > 0, joined: together, dead: x.dead} {
			if f.bit(e, kind) != want {
				t.Fatalf("element %d: bit %d is %v", e, kind, !want)
			}
		}
	}
}

func (f *Forest) checkSeq(t failer, s Seq, want *slow, seen map[uint32]bool) {
	t.Helper()
	q := f.seqs[s]
	if q.root == nowhere {
		if q.size != 0 || len(want.all(s)) != 0 {
			t.Fatalf("sequence %d has no root", s)
		}
		return
	}
	tokens := want.layout(s)
	at := 0
	level := []uint32{q.root}
	for h := q.height; h > 0; h-- {
		var below []uint32
		for _, id := range level {
			n := f.inners.at(id)
			if n.low != (h == 1) || n.n == 0 {
				t.Fatalf("node %d of height %d: low %v, %d children", id, h, n.low, n.n)
			}
			for i, c := range n.child[:n.n] {
				var parent uint32
				var sums sum
				if n.low {
					parent, sums = f.leaves.at(c).parent, f.leaves.at(c).sum
				} else {
					parent, sums = f.inners.at(c).parent, f.inners.at(c).total()
				}
				stale := n.low && f.cur.id == c && f.cur.dirty
				if parent != id || !stale && sums != n.get(i) {
					t.Fatalf("child %d of node %d: parent %d, sum %+v, noted %+v", c, id, parent, sums, n.get(i))
				}
				below = append(below, c)
			}
		}
		level = below
	}
	var live uint32
	for _, id := range level {
		l := f.leaves.at(id)
		seen[id] = true
		live += l.sum.live
		spans := f.spans(l)
		if l.seq != s || elements(spans) == 0 {
			t.Fatalf("leaf %d of sequence %d, not %d, has %d elements", id, l.seq, s, elements(spans))
		}
		was := l.sum
		f.measure(l)
		now := sum{0, balance(spans), l.sum.units}
		for i, sp := range spans {
			now.live += sp.live()
			if sp.n() == 0 || sp.first != markFirst && sp.n() > maxRun || (sp.first == markFirst) != (sp.kind() >= 2<<30) {
				t.Fatalf("leaf %d: span %+v", id, sp)
			}
			if i > 0 {
				if _, ok := spans[i-1].with(sp); ok && sp.first == markFirst {
					t.Fatalf("leaf %d: marks %d and %d could be one", id, i-1, i)
				}
			}
			for k := range sp.n() {
				x := token(sp.first + k)
				switch sp.kind() {
				case openMark:
					x = tokenOpen
				case shutMark:
					x = tokenShut
				default:
					if f.slot(sp.first+k) != id+1 || want.elems[sp.first+k].dead != (sp.kind() == deadRun) {
						t.Fatalf("element %d: leaf %d, kind %x", sp.first+k, id, sp.kind())
					}
				}
				if at == len(tokens) || tokens[at] != x {
					t.Fatalf("sequence %d: token %d is %d", s, at, x)
				}
				at++
			}
		}
		if now != was {
			t.Fatalf("leaf %d: sum %+v, noted %+v", id, now, was)
		}
	}
	if at != len(tokens) || live != q.live || int(q.size) != len(want.all(s)) {
		t.Fatalf("sequence %d: %d tokens of %d, %d live, noted %+v", s, at, len(tokens), live, q)
	}
}
