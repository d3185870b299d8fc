package tui

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
)

// TestNamesInAnyOrder: what is offered depends on what was read, not on the order in which it was; and it is the last used first.
func TestNamesInAnyOrder(t *testing.T) {
	t.Parallel()
	type noted struct {
		label string
		at    use
	}
	rapid.Check(t, func(rt *rapid.T) {
		uses := rapid.Custom(func(rt *rapid.T) noted {
			at := use{}
			if lamport := rapid.Uint64Range(0, 3).Draw(rt, "lamport"); lamport > 0 {
				at = use{lamport, crdt.ChangeID{rapid.Byte().Draw(rt, "change")}, rapid.Uint32Range(0, 1).Draw(rt, "index"), rapid.IntRange(0, 1).Draw(rt, "posting")}
			}
			return noted{rapid.SampledFrom([]string{"alice", "bob", "carol", "dora"}).Draw(rt, "label"), at}
		})
		all := rapid.SliceOf(uses).Draw(rt, "uses")
		last := map[string]use{}
		for _, n := range all {
			if old, ok := last[n.label]; !ok || n.at.compare(old) > 0 {
				last[n.label] = n.at
			}
		}
		var one, other namesState
		for _, n := range all {
			one.note(n.label, n.at)
		}
		for _, n := range rapid.Permutation(all).Draw(rt, "order") {
			other.note(n.label, n.at)
			other.offered()
		}
		got := one.offered()
		if !slices.Equal(got, other.offered()) || len(got) != len(last) {
			rt.Fatalf("%q and %q are offered after the same %d labels", got, other.offered(), len(last))
		}
		for i := 1; i < len(got); i++ {
			if last[got[i-1]].compare(last[got[i]]) < 0 {
				rt.Fatalf("%q before %q, which was used later", got[i-1], got[i])
			}
		}
	})
}

// TestNamesBounded: of too many names the last used are kept.
func TestNamesBounded(t *testing.T) {
	t.Parallel()
	var s namesState
	for i := range 5 * maxNames {
		s.note(fmt.Sprint(i), use{lamport: uint64(i%7) + 1})
		if len(s.all) > 2*maxNames+1 {
			t.Fatalf("%d names are kept", len(s.all))
		}
	}
	if got := s.offered(); len(got) != maxNames || len(s.all) != maxNames || s.all[got[maxNames-1]].lamport < 6 {
		t.Errorf("%d names are offered, the last of them used at %d", len(got), s.all[got[len(got)-1]].lamport)
	}
}
