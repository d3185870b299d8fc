package fugue

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// failer is of testing and rapid alike.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// choices drive a program: every number is as good as another.
type choices interface{ below(n int) int }

type randomChoices struct{ *rand.Rand }

func (r randomChoices) below(n int) int { return r.IntN(n) }

// byteChoices come from a fuzzer; after the last byte they are all 0.
type byteChoices struct{ data []byte }

func (b *byteChoices) below(n int) int {
	x := 0
	for m := n - 1; m > 0; m >>= 8 {
		x <<= 8
		if len(b.data) > 0 {
			x |= int(b.data[0])
			b.data = b.data[1:]
		}
	}
	return x % n
}

// A pair is both forests and the order of siblings: by a rank that has nothing to
// do with the numbers, as change ids have not.
type pair struct {
	t      failer
	fast   *Forest
	slow   *slow
	rank   []uint64
	seed   uint64
	next   Elem
	held   []Elem // starts of 8 numbers that were passed over
	recent []Elem
	all    []Elem
	log    []insertion
}

type insertion struct {
	s      Seq
	parent Elem
	side   Side
	first  Elem
	n      int
}

func newPair(t failer, seed uint64) *pair {
	p := &pair{t: t, seed: seed}
	before := func(a, b Elem) bool { return cmp.Less(p.rank[a], p.rank[b]) }
	p.fast, p.slow = New(before), newSlow(before)
	return p
}

func (p *pair) newSeq() {
	p.fast.NewSeq()
	p.slow.NewSeq()
}

// grow gives out numbers.
func (p *pair) grow(n int) {
	for len(p.rank) < n {
		x := (uint64(len(p.rank)) + p.seed) * 0x9e3779b97f4a7c15
		p.rank = append(p.rank, (x^x>>29)*0xbf58476d1ce4e5b9)
	}
	p.fast.Grow(n)
	p.slow.Grow(n)
}

func (p *pair) insert(s Seq, parent Elem, side Side, first Elem, n int) {
	p.fast.Insert(s, parent, side, first, n)
	p.slow.Insert(s, parent, side, first, n)
	p.log = append(p.log, insertion{s, parent, side, first, n})
	for i := range n {
		p.all = append(p.all, first+Elem(i))
	}
	p.recent = append(p.recent, first+Elem(n)-1)
}

func width(first Elem, n int) (utf8, utf16 int) {
	for e := first; e < first+Elem(n); e++ {
		w := 1
		if e/64%2 == 1 {
			w += int(e % 4)
		}
		utf8 += w
		utf16 += 1 + w/4
	}
	return utf8, utf16
}

// step does one thing to both.
func (p *pair) step(c choices) {
	s := Seq(c.below(len(p.slow.seqs)))
	switch c.below(16) {
	case 0, 1, 2, 3, 4: // a local insert
		index := c.below(p.fast.Len(s) + 1)
		if c.below(3) == 0 {
			index = min(index, 3)
		}
		p.local(c, s, index)
	case 5, 6, 7, 8, 9, 10: // an insert of someone else
		if len(p.all) == 0 || c.below(30) == 0 {
			p.remote(c, s, None, Right)
			return
		}
		parent := p.all[c.below(len(p.all))]
		if c.below(2) == 0 {
			parent = p.recent[len(p.recent)-1-c.below(min(len(p.recent), 4))]
		}
		s, _ = p.slow.SeqOf(parent)
		p.remote(c, s, parent, Side(c.below(2)))
	case 11, 12, 13, 14:
		if len(p.all) == 0 {
			return
		}
		e := p.all[c.below(len(p.all))]
		s, _ = p.slow.SeqOf(e)
		n := 1
		for limit := 1 << c.below(12); n < limit && p.slow.Same(s, e, n+1); {
			n++
		}
		if got, want := p.fast.Delete(e, n), p.slow.Delete(e, n); got != want {
			p.t.Fatalf("deleting %d from %d on killed %d, want %d", n, e, got, want)
		}
	default:
		if c.below(8) == 0 {
			p.fast.Widen(s, width)
			p.slow.Widen(s, width)
		} else if len(p.slow.seqs) < 5 {
			p.newSeq()
		}
	}
}

// take gives n numbers: mostly the next ones, at times others than those.
func (p *pair) take(c choices, n int) Elem {
	if n <= 8 && len(p.held) > 0 && c.below(4) == 0 {
		i := c.below(len(p.held))
		e := p.held[i]
		p.held = slices.Delete(p.held, i, i+1)
		return e
	}
	if c.below(10) == 0 {
		p.held = append(p.held, p.next)
		p.next += 8
	}
	e := p.next
	p.next += Elem(n)
	p.grow(int(p.next))
	return e
}

func (p *pair) local(c choices, s Seq, index int) {
	parent, side := p.fast.Place(s, index)
	if x, y := p.slow.Place(s, index); x != parent || y != side {
		p.t.Fatalf("place %d is %d, %d, want %d, %d", index, parent, side, x, y)
	}
	n := 1 + c.below(4)
	e := p.take(c, n)
	p.insert(s, parent, side, e, n)
	for i := range n {
		if got := p.fast.At(s, index+i); got != e+Elem(i) {
			p.t.Fatalf("inserted %d at %d, found %d", e, index, got)
		}
	}
}

func (p *pair) remote(c choices, s Seq, parent Elem, side Side) {
	n := 1 + c.below(5)
	if c.below(60) == 0 {
		n = 1 + c.below(3000)
	}
	p.insert(s, parent, side, p.take(c, n), n)
}

type run struct {
	first Elem
	n     int
	live  bool
}

// compare asks both everything.
func (p *pair) compare(c choices) {
	t := p.t
	t.Helper()
	if c.below(2) == 0 {
		p.fast.check(t, p.slow)
	}
	for s := range Seq(len(p.slow.seqs)) {
		n := p.slow.Len(s)
		if p.fast.Len(s) != n || p.fast.Size(s) != p.slow.Size(s) {
			t.Fatalf("sequence %d: %d live of %d, want %d of %d", s, p.fast.Len(s), p.fast.Size(s), n, p.slow.Size(s))
		}
		var got, want []run
		p.fast.Spans(s, func(first Elem, n int, live bool) bool { got = append(got, run{first, n, live}); return true })
		p.slow.Spans(s, func(first Elem, n int, live bool) bool { want = append(want, run{first, n, live}); return true })
		if !slices.Equal(got, want) {
			t.Fatalf("sequence %d: spans\n%v, want\n%v", s, got, want)
		}
		index := c.below(n + 1)
		part := c.below(n - index + 1)
		got, want = got[:0], want[:0]
		p.fast.Range(s, index, part, func(first Elem, n int) bool { got = append(got, run{first, n, true}); return true })
		p.slow.Range(s, index, part, func(first Elem, n int) bool { want = append(want, run{first, n, true}); return true })
		if !slices.Equal(got, want) {
			t.Fatalf("sequence %d: range %d, %d: %v, want %v", s, index, part, got, want)
		}
		if index < n && p.fast.At(s, index) != p.slow.At(s, index) {
			t.Fatalf("sequence %d: %d at %d", s, p.fast.At(s, index), index)
		}
		e1, s1 := p.fast.Place(s, index)
		if e2, s2 := p.slow.Place(s, index); e1 != e2 || s1 != s2 {
			t.Fatalf("place %d is %d, %d, want %d, %d", index, e1, s1, e2, s2)
		}
		if all := p.slow.all(s); len(all) > 0 {
			e := all[c.below(len(all))]
			e1, s1 := p.fast.PlaceBehind(e)
			if e2, s2 := p.slow.PlaceBehind(e); e1 != e2 || s1 != s2 {
				t.Fatalf("place behind %d is %d, %d, want %d, %d", e, e1, s1, e2, s2)
			}
		}
		a8, a16 := p.fast.Offset(s, index)
		if b8, b16 := p.slow.Offset(s, index); a8 != b8 || a16 != b16 {
			t.Fatalf("offset of %d is %d, %d, want %d, %d", index, a8, a16, b8, b16)
		}
		for _, at := range []int{a8 - 1, a8, a8 + 1, a16, a16 + 1, a8 + n} {
			i8, x8 := p.fast.IndexUTF8(s, at)
			i16, x16 := p.fast.IndexUTF16(s, at)
			j8, y8 := p.slow.IndexUTF8(s, at)
			j16, y16 := p.slow.IndexUTF16(s, at)
			if i8 != j8 || x8 != y8 || i16 != j16 || x16 != y16 {
				t.Fatalf("offset %d is %d %v, %d %v, want %d %v, %d %v", at, i8, x8, i16, x16, j8, y8, j16, y16)
			}
		}
	}
	if len(p.rank) == 0 {
		return
	}
	for range 4 {
		e, n := Elem(c.below(len(p.rank)+2)), c.below(200)
		s, ok := p.slow.SeqOf(e)
		if r, is := p.fast.SeqOf(e); is != ok || r != s {
			t.Fatalf("element %d is of %d %v, want %d %v", e, r, is, s, ok)
		}
		if got, want := p.fast.Same(s, e, n), p.slow.Same(s, e, n); got != want {
			t.Fatalf("same %d, %d: %v", e, n, got)
		}
		if got, want := p.fast.DeadRun(e, n), p.slow.DeadRun(e, n); got != want {
			t.Fatalf("dead run %d, %d: %d, want %d", e, n, got, want)
		}
		if got, want := p.fast.Live(e), p.slow.Live(e); got != want {
			t.Fatalf("live %d: %v", e, got)
		}
		if ok && p.fast.Rank(e) != p.slow.Rank(e) {
			t.Fatalf("rank of %d: %d, want %d", e, p.fast.Rank(e), p.slow.Rank(e))
		}
	}
}

func program(t failer, c choices, seed uint64, steps, every int) *pair {
	p := newPair(t, seed)
	p.newSeq()
	for i := range steps {
		p.step(c)
		if i%every == every-1 {
			p.compare(c)
		}
	}
	p.compare(c)
	p.fast.check(t, p.slow)
	return p
}
