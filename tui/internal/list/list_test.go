package list

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// rows are keys in ascending order.
type rows []int

func (r rows) Len() int                    { return len(r) }
func (r rows) Key(i int) int               { return r[i] }
func (r rows) IndexOf(key int) (int, bool) { return slices.BinarySearch(r, key) }

func TestAnchored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := List[int]{Follow: rapid.Bool().Draw(t, "follow")}
		r := rows(rapid.SliceOfNDistinct(rapid.IntRange(0, 1000), 0, 30, rapid.ID[int]).Draw(t, "rows"))
		slices.Sort(r)
		height := rapid.IntRange(1, 12).Draw(t, "height")
		l.Sync(r)
		l.Window(height)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			before, had := l.Cursor()
			line, following, n := l.line, l.Following(), len(r)
			what := rapid.IntRange(0, 6).Draw(t, "what")
			switch what {
			case 0, 1: // rows come in
				next := slices.Concat(r, rapid.SliceOfN(rapid.IntRange(0, 1000), 0, 8).Draw(t, "add"))
				slices.Sort(next)
				r = slices.Compact(next)
				l.Sync(r)
			case 2: // rows go, the one under the cursor stays
				gone := rapid.SliceOfN(rapid.IntRange(0, max(n-1, 0)), 0, 8).Draw(t, "remove")
				var next rows
				for i, k := range r {
					if k == before || !slices.Contains(gone, i) {
						next = append(next, k)
					}
				}
				r = next
				l.Sync(r)
			case 3: // the one under the cursor goes
				if had {
					i, _ := r.IndexOf(before)
					r = slices.Delete(slices.Clone(r), i, i+1)
					l.Sync(r)
				}
			case 4:
				l.Move(r, rapid.IntRange(-15, 15).Draw(t, "by"))
			case 5:
				l.Page(r, rapid.SampledFrom([]int{-1, 1}).Draw(t, "pages"))
			case 6:
				height = rapid.IntRange(1, 12).Draw(t, "height")
			}
			top, shown := l.Window(height)
			after, ok := l.Cursor()

			if ok != (len(r) > 0) {
				t.Fatalf("cursor: got %v with %d rows", ok, len(r))
			}
			if !ok {
				continue
			}
			i, there := r.IndexOf(after)
			if !there || i != l.Index() {
				t.Fatalf("cursor on %d at %d; rows have it at %d, %v", after, l.Index(), i, there)
			}
			if top < 0 || i < top || i >= top+shown || top+shown > len(r) || shown < min(height, len(r)) {
				t.Fatalf("row %d of %d, window %d+%d of height %d", i, len(r), top, shown, height)
			}
			if l.Fresh() < 0 || l.Fresh() > len(r)-1-i {
				t.Fatalf("%d new below, %d rows there", l.Fresh(), len(r)-1-i)
			}
			if what > 2 || !had {
				continue
			}
			if following && len(r) >= n && what < 2 {
				if i != len(r)-1 {
					t.Fatalf("followed to row %d of %d", i, len(r))
				}
				continue
			}
			if following {
				continue
			}
			if after != before {
				t.Fatalf("cursor went from %d to %d as rows came or went", before, after)
			}
			if l.line != line && top > 0 && top+height < len(r) {
				t.Fatalf("cursor went from line %d to %d of the window, which touches neither end", line, l.line)
			}
		}
	})
}

func TestFollow(t *testing.T) {
	t.Parallel()
	l := List[int]{Follow: true}
	r := rows{1, 2, 3}
	l.Sync(r)
	l.Window(2)
	if k, _ := l.Cursor(); k != 3 || !l.Following() {
		t.Fatalf("begins on %d, want the last row", k)
	}
	r = rows{0, 1, 2, 3, 4, 5}
	l.Sync(r)
	if k, _ := l.Cursor(); k != 5 || l.Fresh() != 0 {
		t.Errorf("followed to %d with %d new below, want 5 and 0", k, l.Fresh())
	}
	l.Move(r, -1)
	r = rows{0, 1, 2, 3, 4, 5, 6, 7, 8}
	l.Sync(r)
	if k, _ := l.Cursor(); k != 4 || l.Fresh() != 3 {
		t.Errorf("on %d with %d new below, want 4 and 3", k, l.Fresh())
	}
	l.To(r, 8)
	if l.Fresh() != 0 || !l.Following() {
		t.Errorf("on the last row: %d new below, following %v", l.Fresh(), l.Following())
	}
}

func TestWindowFollowsItsHeight(t *testing.T) {
	t.Parallel()
	l := List[int]{Follow: true}
	r := make(rows, 100)
	for i := range r {
		r[i] = i
	}
	l.Sync(r)
	for _, h := range []int{20, 1, 30} {
		if top, n := l.Window(h); top != 100-h || n != h {
			t.Errorf("height %d: window %d+%d, want the last %d rows", h, top, n, h)
		}
	}
	l.To(r, 50)
	top, _ := l.Window(30)
	l.Window(1)
	if back, _ := l.Window(30); back > 50 || back+30 <= 50 {
		t.Errorf("after height 1 and back the window begins at %d (before: %d) and misses row 50", back, top)
	}
}
