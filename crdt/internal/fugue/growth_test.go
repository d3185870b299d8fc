package fugue

import (
	"cmp"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// What an author can do to make a sequence dear, n times. No shape may cost more
// than n log n.
var shapes = []struct {
	name string
	do   func(a *attack, n int)
}{
	{"append", func(a *attack, n int) {
		for i := range n {
			a.place(i, 1)
		}
	}},
	{"append, a span each", func(a *attack, n int) {
		for i := range n {
			a.skip()
			a.place(i, 1)
		}
	}},
	{"head", func(a *attack, n int) {
		for range n {
			a.place(0, 1)
		}
	}},
	{"head and tail", func(a *attack, n int) {
		for i := range n {
			a.place(i%2*i, 1)
		}
	}},
	{"random place", func(a *attack, n int) {
		for i := range n {
			a.place(a.r.IntN(i+1), 1)
		}
	}},
	{"random element", func(a *attack, n int) {
		e := a.insert(None, Right, 1)
		for range n {
			e = a.insert(Elem(a.r.IntN(int(e+1))), Side(a.r.IntN(2)), 1)
		}
	}},
	{"siblings in order", func(a *attack, n int) { a.siblings(n, func(e Elem) uint64 { return uint64(e) }) }},
	{"siblings in reverse", func(a *attack, n int) { a.siblings(n, func(e Elem) uint64 { return uint64(None - e) }) }},
	{"siblings", func(a *attack, n int) { a.siblings(n, a.rank) }},
	{"siblings left and right", func(a *attack, n int) {
		e := a.insert(None, Right, 1)
		for range n {
			a.insert(e, Side(a.r.IntN(2)), 1)
		}
	}},
	{"right spine, siblings along it", func(a *attack, n int) { a.spine(n, func(int) Side { return Right }) }},
	{"left spine, siblings along it", func(a *attack, n int) { a.spine(n, func(int) Side { return Left }) }},
	{"zigzag spine, siblings along it", func(a *attack, n int) { a.spine(n, func(i int) Side { return Side(i % 2) }) }},
	{"spine below a sibling among siblings", func(a *attack, n int) {
		top := a.insert(None, Right, 1)
		e := a.insert(top, Right, 1)
		for i := range n / 2 {
			a.skip()
			e = a.insert(e, Side(i/100%2), 1)
			a.insert(top, Right, 1)
		}
	}},
	{"an only child's many children, again and again", func(a *attack, n int) {
		const many = 30
		top := a.insert(None, Right, 1)
		for range n / (many + 2) {
			only := a.insert(top, Left, 1)
			for range many {
				a.insert(only, Left, 1)
			}
			a.insert(top, Left, 1)
			top = only
		}
	}},
	{"an only child's many children", func(a *attack, n int) {
		top := a.insert(None, Right, 1)
		only := a.insert(top, Right, 1)
		for range n {
			a.insert(only, Left, 1)
		}
		a.insert(top, Right, 1)
	}},
	{"delete one by one", func(a *attack, n int) {
		a.insert(None, Right, n)
		for e := range n {
			a.f.Delete(Elem(e), 1)
		}
	}},
	{"delete every other", func(a *attack, n int) {
		a.insert(None, Right, n)
		for e := 0; e < n; e += 2 {
			a.f.Delete(Elem(e), 1)
		}
	}},
	{"delete at random", func(a *attack, n int) {
		a.insert(None, Right, n)
		for range n {
			a.f.Delete(Elem(a.r.IntN(n)), 1)
		}
	}},
	{"delete scattered ranges again and again", func(a *attack, n int) {
		e := a.insert(None, Right, 1)
		for range n {
			e = a.insert(Elem(a.r.IntN(int(e+1))), Side(a.r.IntN(2)), 1)
		}
		// 64 dead elements are skipped in a step: so many steps as elements.
		k := min(n/2, 1<<16)
		for range n / (k / 64) {
			a.f.Delete(Elem(a.r.IntN(n-k)), k)
		}
	}},
	{"split one paste", func(a *attack, n int) {
		a.insert(None, Right, n)
		for i := range n {
			a.place((n+i)/2, 1)
		}
	}},
	{"split one paste at random", func(a *attack, n int) {
		a.insert(None, Right, n)
		for i := range n {
			a.place(a.r.IntN(n+i), 1)
		}
	}},
	{"read by index and by element", func(a *attack, n int) {
		e := a.insert(None, Right, 1)
		for range n {
			e = a.insert(Elem(a.r.IntN(int(e+1))), Side(a.r.IntN(2)), 1)
		}
		for i := range n {
			a.f.Place(a.s, i)
			a.f.Rank(a.f.At(a.s, a.r.IntN(n)))
		}
	}},
	{"offsets of a wide text", func(a *attack, n int) {
		a.f.Widen(a.s, func(_ Elem, n int) (int, int) { return 4 * n, 2 * n })
		for i := range n {
			a.place(a.r.IntN(i+1), 1)
		}
		for range n {
			utf8, _ := a.f.Offset(a.s, a.r.IntN(n))
			a.f.IndexUTF8(a.s, utf8)
		}
	}},
}

type attack struct {
	f    *Forest
	s    Seq
	r    *rand.Rand
	next Elem
	rank func(Elem) uint64
	do   func(parent Elem, side Side, first Elem, n int) // beside f, if not nil
}

func newAttack() *attack {
	a := &attack{r: rand.New(rand.NewPCG(3, 4))}
	a.rank = func(e Elem) uint64 {
		x := uint64(e) * 0x9e3779b97f4a7c15
		return (x ^ x>>29) * 0xbf58476d1ce4e5b9
	}
	a.f = New(a.before)
	a.s = a.f.NewSeq()
	return a
}

func (a *attack) before(x, y Elem) bool { return cmp.Less(a.rank(x), a.rank(y)) }

// skip keeps the next element out of the span of the one before it.
func (a *attack) skip() { a.next++ }

func (a *attack) insert(parent Elem, side Side, n int) Elem {
	e := a.next
	a.next += Elem(n)
	a.f.Grow(int(a.next))
	a.f.Insert(a.s, parent, side, e, n)
	if a.do != nil {
		a.do(parent, side, e, n)
	}
	return e
}

func (a *attack) place(index, n int) {
	parent, side := a.f.Place(a.s, index)
	a.insert(parent, side, n)
}

func (a *attack) siblings(n int, rank func(Elem) uint64) {
	a.rank = rank
	for range n {
		a.insert(None, Right, 1)
	}
}

// spine makes n/2 elements, each below the one before it, and then as many that
// hang along them.
func (a *attack) spine(n int, side func(int) Side) {
	a.skip()
	spine := []Elem{a.insert(None, Right, 1)}
	for i := range n / 2 {
		a.skip()
		spine = append(spine, a.insert(spine[i], side(i), 1))
	}
	for range n / 2 {
		i := a.r.IntN(n / 2)
		a.insert(spine[i], side(i), 1)
	}
}

// No shape takes more than perOp steps for n and log n: what is counted is nodes,
// spans, comparisons and lines of memory visited, not time.
func TestGrowth(t *testing.T) {
	const perOp = 12
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			for _, n := range []int{1 << 11, 1 << 13, 1 << 16} {
				a := newAttack()
				shape.do(a, n)
				unit := n * bits.Len(uint(n))
				t.Logf("n %d: %.2f", n, float64(a.f.steps)/float64(unit))
				if a.f.steps > perOp*unit {
					t.Errorf("%d operations took %d steps, %.1f n log n", n, a.f.steps, float64(a.f.steps)/float64(unit))
				}
			}
		})
	}
}

// What the shapes make is as the slow forest has it.
func TestShapesAsTheSlowForest(t *testing.T) {
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			a := newAttack()
			want := newSlow(a.before)
			s := want.NewSeq()
			a.do = func(parent Elem, side Side, first Elem, n int) {
				want.Grow(int(a.next))
				want.Insert(s, parent, side, first, n)
			}
			shape.do(a, 1<<14)
			for e := range a.next {
				if _, ok := a.f.SeqOf(e); ok && !a.f.Live(e) {
					want.Delete(e, 1)
				}
			}
			a.f.check(t, want)
		})
	}
}

func BenchmarkGrowth(b *testing.B) {
	for _, shape := range shapes {
		for n := 125_000; n <= 1_000_000; n *= 2 {
			b.Run(fmt.Sprintf("%s/%d", shape.name, n), func(b *testing.B) {
				for b.Loop() {
					shape.do(newAttack(), n)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/elem")
			})
		}
	}
}
