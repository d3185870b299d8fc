package fugue_test

import (
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt/internal/fugue"
)

func elements(f *fugue.Forest, s fugue.Seq) (all []fugue.Elem) {
	f.Spans(s, func(first fugue.Elem, n int, _ bool) bool {
		for i := range n {
			all = append(all, first+fugue.Elem(i))
		}
		return true
	})
	return all
}

func TestConcurrentRunsDoNotInterleave(t *testing.T) {
	f := fugue.New(func(a, b fugue.Elem) bool { return a < b })
	s := f.NewSeq()
	f.Grow(7)
	f.Insert(s, fugue.None, fugue.Right, 0, 1)
	f.Insert(s, 0, fugue.Right, 4, 3)
	f.Insert(s, 0, fugue.Right, 1, 3)
	if got, want := elements(f, s), []fugue.Elem{0, 1, 2, 3, 4, 5, 6}; !slices.Equal(got, want) {
		t.Fatalf("order %v, want %v", got, want)
	}
	if killed := f.Delete(2, 4); killed != 4 || f.Len(s) != 3 || f.Size(s) != 7 {
		t.Fatalf("killed %d, %d of %d live", killed, f.Len(s), f.Size(s))
	}
	if parent, side := f.Place(s, 1); parent != 1 || side != fugue.Left {
		t.Fatalf("place 1 is %d, %d", parent, side)
	}
	if parent, side := f.Place(s, 2); parent != 2 || side != fugue.Left {
		t.Fatalf("place 2 is %d, %d", parent, side)
	}
}
