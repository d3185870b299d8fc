package transport

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestIndexSetEqualsSlice drives indexSets and their frozen copies beside plain slices of bool.
func TestIndexSetEqualsSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const space = 2*chunkBits + 100
		var o ownerSource
		type pair struct {
			set  indexSet
			want []bool
		}
		live := []*pair{{newIndexSet(&o), make([]bool, space)}}
		var frozen []*pair
		index := rapid.IntRange(0, space-1)
		pick := func(t *rapid.T) *pair { return live[rapid.IntRange(0, len(live)-1).Draw(t, "set")] }
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				p, i := pick(t), index.Draw(t, "i")
				if got := p.set.add(i); got == p.want[i] {
					t.Fatalf("add(%d) = %v, was there: %v", i, got, p.want[i])
				}
				p.want[i] = true
			},
			"addRange": func(t *rapid.T) {
				p, a := pick(t), index.Draw(t, "from")
				b := rapid.IntRange(a, space).Draw(t, "to")
				p.set.addRange(a, b)
				for i := a; i < b; i++ {
					p.want[i] = true
				}
			},
			"addAll": func(t *rapid.T) {
				p, q := pick(t), pick(t)
				p.set.addAll(&q.set)
				for i, ok := range q.want {
					p.want[i] = p.want[i] || ok
				}
			},
			"freeze": func(t *rapid.T) {
				p := pick(t)
				frozen = append(frozen, &pair{p.set.freeze(&o), slices.Clone(p.want)})
			},
			"clone": func(t *rapid.T) {
				if p := pick(t); len(live) < 4 {
					live = append(live, &pair{p.set.clone(&o), slices.Clone(p.want)})
				}
			},
		})
		for _, p := range append(live, frozen...) {
			checkSet(t, &p.set, p.want)
		}
	})
}

func checkSet(t *rapid.T, s *indexSet, want []bool) {
	n, clear, set := 0, len(want), -1
	for i := len(want) - 1; i >= 0; i-- {
		if s.has(i) != want[i] {
			t.Fatalf("has(%d) = %v, want %v", i, s.has(i), want[i])
		}
		if want[i] {
			n, set = n+1, i
		} else {
			clear = i
		}
		if got := s.nextClear(i); got != clear {
			t.Fatalf("nextClear(%d) = %d, want %d", i, got, clear)
		}
		if got := s.nextSet(i); got != set {
			t.Fatalf("nextSet(%d) = %d, want %d", i, got, set)
		}
	}
	if s.len() != n {
		t.Fatalf("len = %d, want %d", s.len(), n)
	}
}
