package tui

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/transport"
)

// TestSeenRows: rows without the hidden ones are what one gets by leaving them out one after another.
func TestSeenRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t).demo(60)
	v := w.Snapshot().View
	rapid.Check(t, func(rt *rapid.T) {
		hide := rapid.SliceOfN(rapid.Bool(), v.Len(), v.Len()).Draw(rt, "hidden")
		var hidden, want []crdt.Key
		var places []int
		for i := range v.Len() {
			k := v.Row(i).Key
			if hide[i] {
				hidden = append(hidden, k)
				continue
			}
			want = append(want, k)
			places = append(places, i)
		}
		r := seenRows{v, hidden}
		if r.Len() != len(want) {
			rt.Fatalf("%d rows, want %d", r.Len(), len(want))
		}
		for i, k := range want {
			if r.Key(i) != k {
				rt.Fatalf("row %d is %v, want %v", i, r.Key(i), k)
			}
			if at, ok := r.IndexOf(k); !ok || at != i {
				rt.Fatalf("row %d is found at %d, %v", i, at, ok)
			}
		}
		for _, k := range hidden {
			if _, ok := r.IndexOf(k); ok {
				rt.Fatalf("hidden %v is found", k)
			}
		}
		if len(want) > 0 {
			top := rapid.IntRange(0, len(want)-1).Draw(rt, "top")
			n := rapid.IntRange(0, len(want)-top).Draw(rt, "n")
			if got := r.window(nil, top, n); !slices.Equal(got, places[top:top+n]) {
				rt.Fatalf("window %d+%d: %v, want %v", top, n, got, places[top:top+n])
			}
		}
	})
}

// TestHiddenFollowsTheBook: whatever is said of entries, in steps of any size, the list shows just those that are not
// withdrawn, and the cursor stays on its entry while that is shown.
func TestHiddenFollowsTheBook(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		w.named("alice", "bob")
		var keys []crdt.Key
		for range 12 {
			keys = append(keys, w.bound("bob", "bob -> alice 3"))
		}
		d := newDriver(t, w, 80, 24)
		d.press("esc", "k", "k", "k", "k")
		for range rapid.IntRange(1, 10).Draw(rt, "steps") {
			before, _ := d.m.ledger.list.Cursor()
			following := d.m.ledger.list.Following()
			for range rapid.IntRange(1, 4).Draw(rt, "marks") {
				k := rapid.SampledFrom(keys).Draw(rt, "entry")
				w.says(rapid.SampledFrom([]string{"alice", "bob"}).Draw(rt, "who"), k, ledger.Say(rapid.IntRange(0, 3).Draw(rt, "say")), "")
			}
			if rapid.Bool().Draw(rt, "flood") {
				for range maxBookChanges + 1 {
					w.append("bob", w.encode(ledger.NewTransfer("x", "y", 1, 0, "", "")))
				}
				w.publish()
			}
			d.refresh()
			v := d.m.snap.View
			var want []crdt.Key
			for i := range v.Len() {
				if k := v.Row(i).Key; d.m.book.book.Standing(k) != ledger.Withdrawn {
					want = append(want, k)
				}
			}
			if got := d.m.ledger.rows.Len(); got != len(want) {
				rt.Fatalf("%d rows are shown, want %d", got, len(want))
			}
			for i, k := range want {
				if d.m.ledger.rows.Key(i) != k {
					rt.Fatalf("row %d is %v, want %v", i, d.m.ledger.rows.Key(i), k)
				}
			}
			after, _ := d.m.ledger.list.Cursor()
			if !following && after != before && slices.Contains(want, before) {
				rt.Fatalf("the cursor went from %v to %v", before, after)
			}
		}
	})
}

// sayOf is what an author says of an entry, in the world's newest document.
func sayOf(d *driver, author string, k crdt.Key) ledger.Say {
	for _, s := range d.m.book.book.Said(k) {
		if s.Author == d.w.key(author) {
			return s.Say
		}
	}
	return ledger.Nothing
}

// TestMarks says things of entries by key, as a person does.
func TestMarks(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T) (*driver, crdt.Key) {
		w := newWorld(t)
		w.named("alice", "bob")
		k := w.bound("bob", "bob -> alice 12.50 EUR lunch")
		d := newDriver(t, w, 120, 36)
		d.press("esc")
		d.sees("claimed by bob", "1 waits for you: I")
		return d, k
	}
	t.Run("agree", func(t *testing.T) {
		d, k := open(t)
		d.press("a")
		d.refresh()
		d.sees("tallied", "U takes it back")
		d.seesNot("waits for you")
		if sayOf(d, "alice", k) != ledger.Agree {
			t.Error("alice does not agree")
		}
		d.press("a")
		d.sees("said already")
		d.press("U")
		d.refresh()
		d.sees("claimed by bob", "1 waits for you")
		d.press("U")
		d.refresh()
		d.sees("tallied")
	})
	t.Run("dispute with a memo", func(t *testing.T) {
		d, k := open(t)
		d.press("d")
		d.sees("Dispute", "Then: disputed by alice", "y/N")
		d.press("n")
		d.refresh()
		if sayOf(d, "alice", k) != ledger.Nothing {
			t.Error("disputed though the answer was no")
		}
		d.press("d", "m")
		d.write("it was 11")
		d.press("enter")
		d.refresh()
		d.sees("disputed by alice", "it was 11")
	})
	t.Run("own entries", func(t *testing.T) {
		d, _ := open(t)
		d.w.bound("alice", "alice -> bob 4 EUR")
		d.refresh()
		d.press("G", "a")
		d.sees("the other side is to agree")
	})
	t.Run("foreign entries", func(t *testing.T) {
		d, _ := open(t)
		d.w.bound("bob", "bob -> carol 4 EUR")
		d.refresh()
		d.press("G", "a")
		d.sees("does not bind")
		d.press("e")
		d.sees("not yours")
	})
	t.Run("withdraw hides", func(t *testing.T) {
		d, _ := open(t)
		k := d.w.bound("alice", "alice -> bob 4 EUR mistake")
		d.refresh()
		d.press("G", "u", "y")
		d.refresh()
		d.seesNot("mistake  ")
		d.sees("1 withdrawn hidden (w)")
		d.press("w")
		d.sees("mistake", "withdrawn")
		if d.m.book.book.Standing(k) != ledger.Withdrawn {
			t.Error("not withdrawn")
		}
	})
	t.Run("several", func(t *testing.T) {
		d, _ := open(t)
		d.w.bound("bob", "bob -> alice 4 EUR")
		d.w.bound("bob", "bob -> alice 5 EUR")
		d.refresh()
		d.press("I")
		d.sees("3 entries wait for your word")
		d.press("space", "space", "space")
		d.sees("3 selected")
		d.press("a")
		d.refresh()
		d.sees("Nothing waits for your word", "agreed: 3 entries", "U takes them back")
		d.press("U")
		d.refresh()
		d.sees("of 3 entries", "3 entries wait for your word")
		d.press("U")
		d.refresh()
		d.sees("Nothing waits for your word")
		if n := d.m.book.book.WaitingCount(); n != 0 {
			t.Errorf("%d still wait", n)
		}
		d.press("esc")
		d.sees("3 rows")
	})
	t.Run("faster than pictures", func(t *testing.T) {
		d, _ := open(t)
		d.w.bound("bob", "bob -> alice 4 EUR")
		d.w.bound("bob", "bob -> alice 5 EUR")
		d.refresh()
		for _, k := range []string{"I", "space", "space", "space", "a"} { // all within one read of the terminal
			d.update(keyNamed(k))
		}
		d.refresh()
		if n := d.m.book.book.WaitingCount(); n != 0 {
			t.Errorf("%d still wait", n)
		}
		d.press("esc", "G")
		for _, k := range []string{"k", "k", "enter"} {
			d.update(keyNamed(k))
		}
		if page, ok := d.m.overlay[len(d.m.overlay)-1].(*detailOverlay); !ok || page.entry != d.m.snap.View.Row(0).Key {
			t.Errorf("Enter opened %v, not the row that k k went to", d.m.overlay)
		}
	})
	t.Run("correct", func(t *testing.T) {
		d, _ := open(t)
		k := d.w.bound("alice", "alice -> bob 4 EUR bus")
		d.refresh()
		d.press("G", "e")
		d.sees("Correct ", "alice -> bob 4 EUR bus")
		d.press("esc")
		d.press("e", "ctrl+u")
		d.write("alice -> bob 5 EUR bus")
		d.press("enter")
		d.refresh()
		d.press("esc")
		at, _ := d.m.ledger.list.Cursor()
		s := d.m.book.book.Status(at)
		if !s.IsCorrection || s.Replaces != k || s.Sides != 2 {
			t.Errorf("the correction is %+v", s)
		}
		d.press("enter")
		d.sees("old", "new", "(this one)", "alice wrote it")
	})
	t.Run("commands", func(t *testing.T) {
		d, k := open(t)
		id := string(d.m.entryID(k))
		d.press("n")
		d.write(":agree " + id)
		d.press("enter")
		d.refresh()
		d.sees("tallied")
		d.write(":dispute " + id + " too much")
		d.press("enter", "y")
		d.refresh()
		d.sees("disputed by alice", "too much")
		d.write(":undo")
		d.press("enter")
		d.refresh()
		d.sees("tallied")
		d.write(":agree ffffffff")
		d.press("enter")
		d.sees("no ")
		d.press("ctrl+u")
		d.write(":balances EUR")
		d.press("enter")
		d.sees("┌ Balances", "12.50")
	})
	t.Run("nobody writes", func(t *testing.T) {
		d, _ := open(t)
		d.w.with(func(s *transport.Snapshot) { s.Writing = transport.WriteNoAuthor })
		d.refresh()
		d.press("a")
		d.sees("may read this room")
		if d.w.submitted.Load() != 0 {
			t.Error("something was submitted")
		}
	})
}

// TestNamesBind: the names of people who are known are bound to their keys; of several with one name it is asked who.
func TestNamesBind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.named("alice", "carol")
	w.does("bob", ledger.NameEdit("bob"))
	d := newDriver(t, w, 120, 36)
	d.write("alice -> bob 3")
	d.press("enter")
	d.refresh()
	d.sees("claimed by alice")
	w.does("mallory", ledger.NameEdit("bob"))
	d.refresh()
	d.write("alice -> bob 4")
	d.press("enter")
	d.sees("Which bob is meant?")
	d.press("enter")
	d.refresh()
	d.press("esc")
	at, _ := d.m.ledger.list.Cursor()
	if s := d.m.book.book.Status(at); s.Standing != ledger.Claimed || s.Sides != 2 {
		t.Errorf("the entry stands %+v", s)
	}
	d.sees("bob?") // looks like another's
}

// TestOfferToBind: who is named without a key can have the entry written anew with it.
func TestOfferToBind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.named("alice", "bob")
	w.enter("bob", "bob -> alice 3 coffee")
	old := w.Snapshot().View.Row(0).Key
	d := newDriver(t, w, 120, 36)
	d.press("esc", "a")
	d.sees("names you without your key")
	d.press("y")
	d.refresh()
	d.sees("claimed by alice")
	at, _ := d.m.ledger.list.Cursor()
	if s := d.m.book.book.Status(at); !s.IsCorrection || s.Replaces != old || s.Sides != 2 {
		t.Errorf("it stands %+v", s)
	}
}

// TestAnnounce: one's name is said once, as soon as somebody is there, and not where nobody may write.
func TestAnnounce(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		set  func(*transport.Snapshot)
		want int32
	}{
		{"live", func(*transport.Snapshot) {}, 1},
		{"alone", func(s *transport.Snapshot) { s.Live = 0 }, 0},
		{"reading", func(s *transport.Snapshot) { s.Writing = transport.WriteNoAuthor }, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.enter("bob", "bob -> alice 3")
			w.with(tc.set)
			d := newDriver(t, w, 120, 36)
			clear(d.m.announced)
			d.run(d.m.afterSnapshot())
			d.refresh()
			d.refresh()
			if got := w.submitted.Load(); got != tc.want {
				t.Errorf("%d submitted, want %d", got, tc.want)
			}
			if name := d.m.book.book.Name(w.key("alice")); (name == "alice") != (tc.want == 1) {
				t.Errorf("alice is called %q", name)
			}
		})
	}
}

// TestGlyphsDiffer: no two standings look alike where there is room for one cell.
func TestGlyphsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for s := ledger.Invalid; s <= ledger.Hearsay; s++ {
		g := string(glyphs[s])
		if len(g) != 1 || seen[g] || strings.ContainsAny(g, "*>!") {
			t.Errorf("%v: %q", s, g)
		}
		seen[g] = true
	}
}
