package fugue

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestAsTheSlowForest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		steps := rapid.IntRange(1, 500).Draw(t, "steps")
		every := rapid.SampledFrom([]int{1, 7, 50}).Draw(t, "every")
		program(t, randomChoices{rand.New(rand.NewPCG(seed, 1))}, seed, steps, every)
	})
}

// The first two bytes give the order of siblings, the rest is the program.
func FuzzProgram(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &byteChoices{data}
		seed := uint64(c.below(1 << 16))
		program(t, c, seed, min(len(data)/4, 200), 40)
	})
}

// Elements come in any order in which parents come first: the sequences are the
// same.
func TestAnyOrderOfArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		r := rand.New(rand.NewPCG(seed, 2))
		p := program(t, randomChoices{r}, seed, rapid.IntRange(1, 300).Draw(t, "steps"), 1000)
		other := newPair(t, seed)
		for range p.slow.seqs {
			other.newSeq()
		}
		other.grow(int(p.next) + 8)
		ready := func(x insertion) bool { return x.parent == None || other.slow.is(x.parent) }
		for log := slices.Clone(p.log); len(log) > 0; {
			i := r.IntN(len(log))
			for !ready(log[i]) {
				i = (i + 1) % len(log)
			}
			x := log[i]
			other.insert(x.s, x.parent, x.side, x.first, x.n)
			log = slices.Delete(log, i, i+1)
		}
		for e, x := range p.slow.elems {
			if x.dead {
				other.fast.Delete(Elem(e), 1)
				other.slow.Delete(Elem(e), 1)
			}
		}
		other.fast.check(t, p.slow)
		for s := range Seq(len(p.slow.seqs)) {
			if !slices.Equal(spans(other.fast, s), spans(p.fast, s)) {
				t.Fatalf("sequence %d:\n%v, want\n%v", s, spans(other.fast, s), spans(p.fast, s))
			}
		}
	})
}

func spans(f *Forest, s Seq) (all []run) {
	f.Spans(s, func(first Elem, n int, live bool) bool { all = append(all, run{first, n, live}); return true })
	return all
}

func TestConcurrentRunsDoNotInterleave(t *testing.T) {
	f := New(func(a, b Elem) bool { return a < b })
	s := f.NewSeq()
	f.Grow(7)
	f.Insert(s, None, Right, 0, 1)
	f.Insert(s, 0, Right, 4, 3)
	f.Insert(s, 0, Right, 1, 3)
	if got, want := spans(f, s), []run{{0, 7, true}}; !slices.Equal(got, want) {
		t.Fatalf("order %v, want %v", got, want)
	}
	if killed := f.Delete(2, 4); killed != 4 || f.Len(s) != 3 || f.Size(s) != 7 {
		t.Fatalf("killed %d, %d of %d live", killed, f.Len(s), f.Size(s))
	}
}

func TestNotes(t *testing.T) {
	f := New(nil)
	s := f.NewSeq()
	f.Grow(3)
	f.Note(1, 1<<31-1)
	f.Insert(s, None, Right, 2, 1)
	for e, want := range []bool{false, true, false, false} {
		if x, ok := f.Noted(Elem(e)); ok != want || ok && x != 1<<31-1 {
			t.Errorf("note at %d is %d, %v", e, x, ok)
		}
	}
	f.Note(1, 0)
	if x, ok := f.Noted(1); x != 0 || !ok {
		t.Errorf("the later note is %d, %v", x, ok)
	}
	if _, ok := f.SeqOf(1); ok || f.Live(1) || f.Same(s, 1, 2) || f.Same(s, 2, 2) || f.DeadRun(None, 9) != 0 {
		t.Error("a note is an element")
	}
	if !f.Same(s, 2, 1) || !f.Same(s, 9, 0) {
		t.Error("an element is not the same as itself")
	}
}
