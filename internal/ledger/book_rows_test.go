package ledger

import (
	"bytes"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// half is an entry of three sides, of which the last is a label alone.
func half(a, b int) Entry {
	x, y := testAuthor(a), testAuthor(b)
	return Entry{Scale: 2, Unit: "EUR", Postings: []Posting{{Label: "a", Key: &x, Amount: 300}, {Label: "b", Key: &y, Amount: -200}, {Label: "c", Amount: -100}}}
}

// odd marks an entry with a literal as it is.
func odd(target crdt.Name, v any) func(*crdt.Tx) error {
	return func(tx *crdt.Tx) error {
		l, err := crdt.EncodeLiteral(v)
		if err != nil {
			return err
		}
		return tx.Mark(target, l)
	}
}

// invalidCorrection corrects target, but for its unit, which is none.
func invalidCorrection(e Entry, target crdt.Name) func(*crdt.Tx) error {
	return func(tx *crdt.Tx) error {
		_, err := tx.AppendReferring(target, func(k int64, index uint32, d int64) (crdt.Literal, error) {
			if e.Replaces = (Ref{K: k, I: index, D: d}); k == 0 {
				e.Replaces.K = 1 // it is not known yet
			}
			l, err := Encode(e)
			return bytes.Replace(l, []byte("EUR"), []byte("eur"), 1), err
		})
		return err
	}
}

// TestStandingRows holds every row of docs/protocol.md §8 against who would gain by another: people 0 and 1 are the sides, 2 is
// none.
func TestStandingRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		play    func(w *world, n crdt.Name) crdt.Name // the entry to look at; n was written by 0, gives to 1, and is known to all
		want    Standing
		by      int
		standBy int
	}{
		{"written", func(_ *world, n crdt.Name) crdt.Name { return n }, Claimed, 0, 1},
		{"both", func(w *world, n crdt.Name) crdt.Name { w.say(1, n, Agree); return n }, Tallied, 0, 2},
		{"two of three, one by its label alone", func(w *world, _ crdt.Name) crdt.Name {
			n := w.write(0, AppendEdit(half(0, 1), nil))
			w.share()
			w.say(1, n, Agree)
			return n
		}, Claimed, 0, 2},
		{"a stranger agrees", func(w *world, n crdt.Name) crdt.Name { w.say(2, n, Agree); return n }, Claimed, 0, 1},
		{"a stranger disputes", func(w *world, n crdt.Name) crdt.Name { w.say(1, n, Agree); w.say(2, n, Dispute); return n }, Tallied, 0, 2},
		{"a stranger withdraws", func(w *world, n crdt.Name) crdt.Name { w.say(2, n, Withdraw); return n }, Claimed, 0, 1},
		{"a stranger wrote it", func(w *world, _ crdt.Name) crdt.Name { return w.write(2, AppendEdit(give(0, 1, 5), nil)) }, Hearsay, 2, 0},
		{"a stranger wrote it and agrees", func(w *world, _ crdt.Name) crdt.Name {
			n := w.write(2, AppendEdit(give(0, 1, 5), nil))
			w.say(2, n, Agree)
			return n
		}, Hearsay, 2, 0},
		{"a stranger wrote it, one side agrees", func(w *world, _ crdt.Name) crdt.Name {
			n := w.write(2, AppendEdit(give(0, 1, 5), nil))
			w.share()
			w.say(1, n, Agree)
			return n
		}, Claimed, 1, 1},
		{"its writer, no side, withdraws what both agreed to", func(w *world, _ crdt.Name) crdt.Name {
			n := w.write(2, AppendEdit(give(0, 1, 5), nil))
			w.share()
			w.say(0, n, Agree)
			w.say(1, n, Agree)
			w.say(2, n, Withdraw)
			return n
		}, Tallied, 2, 2},
		{"its writer, no side, withdraws what nobody agreed to", func(w *world, _ crdt.Name) crdt.Name {
			n := w.write(2, AppendEdit(give(0, 1, 5), nil))
			w.say(2, n, Withdraw)
			return n
		}, Withdrawn, 2, 0},
		{"disputed", func(w *world, n crdt.Name) crdt.Name { w.say(1, n, Dispute); return n }, Disputed, 1, 1},
		{"agreed, then disputed", func(w *world, n crdt.Name) crdt.Name { w.say(1, n, Agree); w.say(1, n, Dispute); return n }, Disputed, 1, 1},
		{"disputed by one, withdrawn by the other", func(w *world, n crdt.Name) crdt.Name { w.say(1, n, Dispute); w.say(0, n, Withdraw); return n }, Withdrawn, 0, 0},
		{"disputed by its own writer", func(w *world, n crdt.Name) crdt.Name { w.say(0, n, Dispute); return n }, Disputed, 0, 0},
		{"withdrawn by its writer", func(w *world, n crdt.Name) crdt.Name { w.say(0, n, Withdraw); return n }, Withdrawn, 0, 0},
		{"withdrawal of what the other agreed to", func(w *world, n crdt.Name) crdt.Name { w.say(1, n, Agree); w.say(0, n, Withdraw); return n }, Withdrawing, 0, 1},
		{"withdrawn by both", func(w *world, n crdt.Name) crdt.Name { w.say(1, n, Withdraw); w.say(0, n, Withdraw); return n }, Withdrawn, 0, 0},
		{"agreement taken back", func(w *world, n crdt.Name) crdt.Name { w.say(1, n, Agree); w.say(1, n, Nothing); return n }, Claimed, 0, 1},
		{"agreement, then a mark that says nothing", func(w *world, n crdt.Name) crdt.Name {
			w.say(1, n, Agree)
			w.write(1, odd(n, map[string]any{"say": "agree", "more": 1}))
			return n
		}, Claimed, 0, 1},
		{"withdrawal taken back by a mark that says nothing", func(w *world, n crdt.Name) crdt.Name {
			w.say(0, n, Withdraw)
			w.write(0, odd(n, "no"))
			return n
		}, Claimed, 0, 1},
		{"the last mark of a change counts", func(w *world, n crdt.Name) crdt.Name {
			w.write(1, MarkEdit(n, Agree, ""), MarkEdit(n, Dispute, ""), MarkEdit(n, Agree, ""))
			return n
		}, Tallied, 0, 2},
		{"a mark on an invalid entry", func(w *world, _ crdt.Name) crdt.Name {
			bad := give(0, 1, 5)
			bad.Replaces = Ref{K: 100}
			n := w.write(0, AppendEdit(bad, nil))
			w.share()
			w.say(1, n, Agree)
			return n
		}, Invalid, 0, 0},
		{"corrected by its writer alone", func(w *world, n crdt.Name) crdt.Name { w.write(0, AppendEdit(give(0, 1, 6), &n)); return n }, Withdrawn, 0, 0},
		{"corrected by its writer after the other agreed", func(w *world, n crdt.Name) crdt.Name {
			w.say(1, n, Agree)
			w.write(0, AppendEdit(give(0, 1, 6), &n))
			return n
		}, Withdrawing, 0, 1},
		{"corrected by a stranger", func(w *world, n crdt.Name) crdt.Name {
			w.say(1, n, Agree)
			w.write(2, AppendEdit(give(0, 1, 6), &n))
			return n
		}, Tallied, 0, 2},
		{"corrected by an invalid entry, and that by a valid one", func(w *world, n crdt.Name) crdt.Name {
			w.say(1, n, Agree)
			bad := w.write(0, invalidCorrection(give(0, 1, 6), n))
			w.write(0, AppendEdit(give(0, 1, 7), &bad))
			return n
		}, Tallied, 0, 2},
		{"corrected by what its writer withdrew", func(w *world, n crdt.Name) crdt.Name {
			w.say(1, n, Agree)
			again := w.write(0, AppendEdit(give(0, 1, 6), &n))
			w.say(0, again, Withdraw)
			return n
		}, Tallied, 0, 2},
		{"corrected by what was corrected in turn, and withdrawn there", func(w *world, n crdt.Name) crdt.Name {
			w.say(1, n, Agree)
			again := w.write(0, AppendEdit(give(0, 1, 6), &n))
			third := w.write(0, AppendEdit(give(0, 1, 7), &again))
			w.say(0, third, Withdraw)
			w.say(0, again, Nothing)
			return n // it stands by again, by its own writing
		}, Withdrawing, 0, 1},
		{"what is withdrawn by a correction alone corrects on", func(w *world, n crdt.Name) crdt.Name {
			w.say(1, n, Agree)
			again := w.write(0, AppendEdit(give(0, 1, 6), &n))
			w.write(0, AppendEdit(give(0, 1, 7), &again))
			return n
		}, Withdrawing, 0, 1},
		{"one of two corrections further down is withdrawn", func(w *world, n crdt.Name) crdt.Name {
			w.say(1, n, Agree)
			again := w.write(0, AppendEdit(give(0, 1, 6), &n))
			third := w.write(0, AppendEdit(give(0, 1, 7), &again))
			w.write(0, AppendEdit(give(0, 1, 8), &again))
			w.say(0, again, Withdraw)
			w.say(0, third, Withdraw)
			return n
		}, Withdrawing, 0, 1},
		{"both corrections further down are withdrawn", func(w *world, n crdt.Name) crdt.Name {
			w.say(1, n, Agree)
			again := w.write(0, AppendEdit(give(0, 1, 6), &n))
			third := w.write(0, AppendEdit(give(0, 1, 7), &again))
			fourth := w.write(0, AppendEdit(give(0, 1, 8), &again))
			w.say(0, again, Withdraw)
			w.say(0, third, Withdraw)
			w.say(0, fourth, Dispute)
			return n
		}, Tallied, 0, 2},
		{"a side that is no side of the correction withdraws by agreeing to it", func(w *world, n crdt.Name) crdt.Name {
			w.say(1, n, Agree)
			again := w.write(2, AppendEdit(give(2, 1, 6), &n))
			w.share()
			w.say(0, again, Agree)
			return n
		}, Withdrawing, 0, 1},
	} {
		w := newWorld(t, 0, 1, 2)
		n := w.write(0, AppendEdit(give(0, 1, 100), nil))
		w.share()
		n = c.play(w, n)
		w.share()
		s := w.book(2).Status(w.keyOf(2, n))
		if s.Standing != c.want || s.By != testAuthor(c.by) || s.StandBy != c.standBy {
			t.Errorf("%s: %v by %v, %d stand by it; want %v by %v, %d", c.name, s.Standing, s.By, s.StandBy, c.want, testAuthor(c.by), c.standBy)
		}
		// Change by change, all at once, and counted anew each time.
		for _, least := range []int{leastSteps, 0, -1 << 20} {
			b := NewBook(testAuthor(2))
			b.leastSteps, b.chunkSize = least, 1
			b.Update(w.scribes[2].View())
			if err := newSlowBook(w.scribes[2].Replica).compare(b, testAuthor(2)); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

// TestForkUndoesNothing: who forks keeps what it signed: neither a debtor nor a creditor gains by writing in two places.
func TestForkUndoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, 1, 1)
	n := w.write(0, AppendEdit(give(0, 1, 100), nil))
	w.share()
	w.say(1, n, Agree)
	w.write(2, NameEdit("bob")) // the same key, after the same change
	w.bring(0)
	b := w.book(0)
	if !w.scribes[0].View().Forked(testAuthor(1)) {
		t.Fatal("no fork is known")
	}
	if s := b.Status(w.keyOf(0, n)); s.Standing != Tallied {
		t.Errorf("got %v", s.Standing)
	}
	eur := b.BalanceOf(Party{Key: testAuthor(1), Bound: true}, "EUR")
	if eur.Tallied.String() != "1" || eur.Disputed.Sign() != 0 {
		t.Errorf("got %+v", eur)
	}
}

// TestForkedMarks: of what two branches of one chain say the later counts, whichever came first.
func TestForkedMarks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, 1, 1)
	n := w.write(0, AppendEdit(give(0, 1, 100), nil))
	w.share()
	shared := len(w.frames)
	w.say(1, n, Agree)
	w.write(2, NameEdit("bob"))
	w.say(2, n, Dispute)
	for range 2 {
		r, b := w.replica(), NewBook(testAuthor(0))
		for _, frame := range w.frames {
			w.deliver(r, frame)
			b.Update(r.View())
		}
		change, _ := r.Index(n.Change)
		if s := b.Status(crdt.Key{Change: change}); s.Standing != Disputed {
			t.Errorf("got %v", s.Standing)
		}
		if err := newSlowBook(r).compare(b, testAuthor(0)); err != nil {
			t.Error(err)
		}
		agree := w.frames[shared]
		w.frames = append(slices.Delete(w.frames, shared, shared+1), agree) // it comes last
	}
}
