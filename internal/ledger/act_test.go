package ledger

import (
	"errors"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// keyOf is the key of an entry at a scribe.
func (w *world) keyOf(i int, n crdt.Name) crdt.Key {
	w.t.Helper()
	change, ok := w.scribes[i].Index(n.Change)
	if !ok {
		w.t.Fatalf("no change %v", n)
	}
	return crdt.Key{Change: change, Index: n.Index}
}

func (w *world) book(i int) *Book {
	b := NewBook(w.scribes[i].key)
	b.Update(w.scribes[i].View())
	return b
}

// What may be said of what, and why not.
func TestMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, 1, 2)
	own := w.write(0, AppendEdit(give(0, 1, 100), nil))
	others := w.write(1, AppendEdit(give(1, 2, 100), nil))
	w.share()
	named := w.write(1, AppendEdit(NewTransfer("a", "b", 5, 0, "", ""), nil))
	theirs := w.write(1, AppendEdit(give(1, 0, 100), nil))
	mine := w.write(1, AppendEdit(give(1, 0, 700), nil))
	bad := give(1, 0, 1)
	bad.Replaces = Ref{K: 100}
	invalid := w.write(1, AppendEdit(bad, nil))
	gone := w.write(1, AppendEdit(give(1, 0, 300), nil))
	w.say(1, gone, Withdraw)
	corrected := w.write(1, AppendEdit(give(1, 0, 400), nil))
	w.share()
	w.write(0, AppendEdit(give(1, 0, 401), &corrected))
	instead := w.write(1, AppendEdit(give(1, 2, 100), &theirs)) // without author 0
	w.share()
	agreed := w.write(1, AppendEdit(give(1, 0, 500), nil))
	w.share()
	w.say(0, agreed, Agree)
	b := w.book(0)
	me := w.scribes[0].key
	for _, c := range []struct {
		name string
		k    crdt.Key
		say  Say
		want error
	}{
		{"own", w.keyOf(0, own), Agree, ErrOwnEntry},
		{"own", w.keyOf(0, own), Dispute, nil},
		{"own", w.keyOf(0, own), Withdraw, nil},
		{"own", w.keyOf(0, own), Nothing, ErrNothingSaid},
		{"others", w.keyOf(0, others), Agree, ErrNotParty},
		{"others", w.keyOf(0, others), Dispute, ErrNotParty},
		{"others", w.keyOf(0, others), Withdraw, ErrNotParty},
		{"labels", w.keyOf(0, named), Agree, ErrNotParty},
		{"theirs", w.keyOf(0, mine), Agree, nil},
		{"invalid", w.keyOf(0, invalid), Agree, ErrInvalidEntry},
		{"withdrawn", w.keyOf(0, gone), Agree, ErrWithdrawn},
		{"withdrawn", w.keyOf(0, gone), Dispute, ErrWithdrawn},
		{"corrected by me", w.keyOf(0, corrected), Agree, ErrCorrected},
		{"instead of one of mine", w.keyOf(0, instead), Agree, nil},
		{"agreed", w.keyOf(0, agreed), Agree, ErrSaidAlready},
		{"agreed", w.keyOf(0, agreed), Dispute, nil},
		{"agreed", w.keyOf(0, agreed), Nothing, nil},
		{"none", crdt.Key{Change: 10_000}, Agree, ErrNoEntry},
		{"none", crdt.Key{Change: -1}, Agree, ErrNoEntry},
		{"a mark", crdt.Key{Change: b.Changes() - 1}, Agree, ErrNoEntry},
	} {
		err := b.May(me, c.k, c.say)
		if !errors.Is(err, c.want) {
			t.Errorf("%s %s: got %v, want %v", c.say, c.name, err, c.want)
		}
		if m := (*MarkError)(nil); err != nil && (!errors.As(err, &m) || m.Do == "") {
			t.Errorf("%s %s: %v does not say what to do", c.say, c.name, err)
		}
	}
	if s := b.After(me, w.keyOf(0, mine), Agree); s.Standing != Tallied {
		t.Errorf("after agreeing: %+v", s)
	}
	if s := b.After(me, w.keyOf(0, agreed), Nothing); s.Standing != Claimed || s.StandBy != 1 || s.Sides != 2 {
		t.Errorf("after taking back: %+v", s)
	}
	if s := b.After(me, w.keyOf(0, own), Withdraw); s.Standing != Withdrawn || s.By != me {
		t.Errorf("after withdrawing: %+v", s)
	}
}

// After says what the book says when it was said, of any author and entry.
func TestAfter(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	for _, say := range []Say{Nothing, Agree, Dispute, Withdraw} {
		for i := range 3 {
			w := story(t)
			v := w.scribes[i].View()
			for row := range v.Rows {
				name := v.NameOf(row.Key)
				want := w.book(i).After(w.scribes[i].key, row.Key, say)
				w.say(i, name, say)
				if got := w.book(i).Status(row.Key); got.Standing != want.Standing || got.By != want.By || got.StandBy != want.StandBy {
					t.Fatalf("scribe %d says %q: got %+v, want %+v", i, say, got, want)
				}
			}
		}
	}
}

func TestLastOwnMarks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, 1)
	if _, _, _, ok := w.book(0).LastOwnMark(); ok {
		t.Error("nothing was said")
	}
	a := w.write(1, AppendEdit(give(1, 0, 1), nil))
	c := w.write(1, AppendEdit(give(1, 0, 2), nil))
	w.share()
	w.write(0, MarkEdit(a, Dispute, "why?"))
	w.write(0, MarkEdit(a, Agree, ""), MarkEdit(c, Agree, ""))
	marks := w.book(0).LastOwnMarks()
	if len(marks) != 2 || marks[0].Key != w.keyOf(0, a) || marks[0].Now.Say != Agree || marks[0].Before.Say != Dispute || marks[0].Before.Memo != "why?" ||
		marks[1].Key != w.keyOf(0, c) || marks[1].Now.Say != Agree || marks[1].Before.Say != Nothing {
		t.Errorf("%+v", marks)
	}
	k, now, before, ok := w.book(0).LastOwnMark()
	if !ok || k != marks[1].Key || now != marks[1].Now || before != marks[1].Before {
		t.Error(k, now, before, ok)
	}
	w.say(0, c, Nothing) // undone
	if k, now, before, ok := w.book(0).LastOwnMark(); !ok || k != w.keyOf(0, c) || now.Say != Nothing || before.Say != Agree {
		t.Error(k, now, before, ok)
	}
}

// Who wrote an entry that binds it not withdraws it by correcting it.
func TestCorrectEdit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, 1)
	old := w.write(0, AppendEdit(NewTransfer("alice", "bob", 5, 0, "", ""), nil))
	mine := w.write(0, AppendEdit(give(0, 1, 5), nil))
	b, me := w.book(0), w.scribes[0].key
	w.write(0, b.CorrectEdit(me, w.keyOf(0, old), old, give(0, 1, 500)))
	w.write(0, b.CorrectEdit(me, w.keyOf(0, mine), mine, give(0, 1, 6)))
	b = w.book(0)
	for _, n := range []crdt.Name{old, mine} {
		if s := b.Status(w.keyOf(0, n)); s.Standing != Withdrawn || len(s.ReplacedBy) != 1 {
			t.Errorf("%+v", s)
		}
	}
	if n := len(b.Said(w.keyOf(0, mine))); n != 0 {
		t.Errorf("%d marks where the correction does", n)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	w := newWorld(t, 0)
	var names []crdt.Name
	for range 1000 { // some ids of which begin alike
		names = append(names, w.write(0, AppendEdit(give(0, 1, 1), nil)))
	}
	two := w.write(0, AppendEdit(give(0, 1, 1), nil), AppendEdit(give(0, 1, 2), nil))
	b, v := w.book(0), w.scribes[0].View()
	for _, n := range names {
		k := w.keyOf(0, n)
		for _, id := range []string{EntryID(v, k), ShortID(v, k), strings.ToUpper(EntryID(v, k))} {
			if got, err := b.Find(v, id); err != nil || got != k {
				t.Fatalf("%s: %v, %v", id, got, err)
			}
		}
	}
	ambiguous := (*AmbiguousIDError)(nil)
	found := false
	for _, n := range names {
		id := ShortID(v, w.keyOf(0, n))[:4]
		if _, err := b.Find(v, id); errors.As(err, &ambiguous) {
			found = true
			for i, k := range ambiguous.Keys {
				if got, err := b.Find(v, ambiguous.IDs[i]); err != nil || got != k {
					t.Fatalf("%v of %v: %v", ambiguous.IDs[i], err, got)
				}
			}
		}
	}
	if !found {
		t.Error("no two ids begin alike")
	}
	k := w.keyOf(0, two)
	id := ShortID(v, k)
	if !strings.HasSuffix(id, ".1") {
		t.Errorf("the first of two is %s", id)
	}
	k.Index = 1
	if got, err := b.Find(v, strings.TrimSuffix(id, "1")+"2"); err != nil || got != k {
		t.Error(got, err)
	}
	if _, err := b.Find(v, strings.TrimSuffix(id, ".1")); !errors.As(err, &ambiguous) || len(ambiguous.IDs) != 2 {
		t.Error(err)
	}
	for text, want := range map[string]error{
		"": ErrBadID, "abc": ErrBadID, "xyzw": ErrBadID, "abcd.": ErrBadID, "abcd.0": ErrBadID, "abcd.-1": ErrBadID, "abcd.+1": ErrBadID, "abcd.01": ErrBadID,
		strings.Repeat("a", 65): ErrBadID, strings.Repeat("a", 64): ErrNoEntry, strings.TrimSuffix(id, "1") + "3": ErrNoEntry, "abcd.9999999999999999999": ErrBadID, "\x1b[2J": ErrBadID,
	} {
		_, err := b.Find(v, text)
		if e := (*IDError)(nil); !errors.Is(err, want) || !errors.As(err, &e) || strings.ContainsRune(err.Error(), 0x1b) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A correction of a correction, 1,000 deep, of which every standing changes with each
// mark on the last: a batch costs no more than counting anew.
func TestDeepCorrections(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	w := newWorld(t, 0, 1, 2)
	n := w.write(0, AppendEdit(give(1, 2, 1), nil)) // author 0 is no side of any
	for range 1000 {
		n = w.write(0, AppendEdit(give(1, 2, 1), &n))
	}
	w.share()
	b := w.book(1)
	b.leastSteps = 0
	steps := 0
	for i := range 40 {
		w.say(1, n, []Say{Agree, Dispute}[i%2])
		w.say(1, n, []Say{Nothing, Agree, Nothing}[i%3])
		b.Update(w.scribes[1].View())
		steps = max(steps, b.steps)
	}
	if most := (maxSteps + 1) * len(b.entries); steps > most {
		t.Errorf("%d steps, at most %d", steps, most)
	}
	again := w.book(1)
	for row := range w.scribes[1].View().Rows {
		if x, y := b.Standing(row.Key), again.Standing(row.Key); x != y {
			t.Fatalf("%v: %v, counted anew %v", row.Key, x, y)
		}
	}
}

// Changed names what changed, and says so when it has forgotten.
func TestChanged(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	w := newWorld(t, 0, 1)
	a := w.write(0, AppendEdit(give(0, 1, 1), nil))
	w.write(0, AppendEdit(give(0, 1, 1), nil))
	w.share()
	b := w.book(1)
	since := b.Version()
	if keys, ok := b.Changed(0); !ok || len(keys) != 2 {
		t.Error(keys, ok)
	}
	w.say(1, a, Agree)
	b.Update(w.scribes[1].View())
	if keys, ok := b.Changed(since); !ok || len(keys) != 1 || keys[0] != w.keyOf(1, a) {
		t.Error(keys, ok)
	}
	all := []func(*crdt.Tx) error{MarkEdit(a, Dispute, "")}
	for range 255 {
		all = append(all, MarkEdit(w.write(1, AppendEdit(give(0, 1, 1), nil)), Agree, ""))
	}
	for range maxChanged/len(all) + 1 {
		w.write(1, all...)
		b.Update(w.scribes[1].View())
	}
	if _, ok := b.Changed(since); ok {
		t.Error("a ring without an end")
	}
	if keys, ok := b.Changed(b.Version() - 10); !ok || len(keys) != len(all) {
		t.Error(keys, ok)
	}
}
