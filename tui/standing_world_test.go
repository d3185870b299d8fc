package tui

import (
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

// does makes author sign a change of an edit, and publishes.
func (w *world) does(author string, edit func(*crdt.Tx) error) {
	w.tb.Helper()
	w.mu.Lock()
	wr := w.writer(author)
	_, err := wr.Change(noon.Unix()-20_000+int64(w.replica.Len()), edit)
	wr.Sign()
	w.mu.Unlock()
	if err != nil {
		w.tb.Fatal(err)
	}
	w.publish()
}

// named makes authors say their names.
func (w *world) named(names ...string) {
	for _, n := range names {
		w.does(n, ledger.NameEdit(n))
	}
}

func (w *world) key(author string) crdt.Author {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writer(author).Author()
}

// bound makes author sign the entry of a line, each label bound to the author of that name, and returns its key.
func (w *world) bound(author, line string) crdt.Key {
	w.tb.Helper()
	e, serr := ledger.ParseLine(line, author)
	if serr != nil {
		w.tb.Fatalf("%q: %v", line, serr)
	}
	for i := range e.Postings {
		key := w.key(e.Postings[i].Label)
		e.Postings[i].Key = &key
	}
	return w.adds(author, ledger.AppendEdit(e, nil))
}

// adds is does for an edit that appends an entry, whose key it returns.
func (w *world) adds(author string, edit func(*crdt.Tx) error) crdt.Key {
	w.tb.Helper()
	w.does(author, edit)
	v := w.Snapshot().View
	return v.RowsOf(v.Changes() - 1)[0].Key
}

// says makes author mark an entry.
func (w *world) says(author string, k crdt.Key, say ledger.Say, memo string) {
	w.tb.Helper()
	w.does(author, ledger.MarkEdit(w.Snapshot().View.NameOf(k), say, memo))
}

// tale is a room of four who know each other's keys, with an entry of every standing.
func tale(tb testing.TB) *world {
	w := newWorld(tb)
	w.named("alice", "bob", "carol", "dave")
	w.enter("dave", "dave -> erin 4.00 by name alone")
	lunch := w.bound("alice", "alice -> bob 12.50 EUR lunch")
	w.says("bob", lunch, ledger.Agree, "")
	taxi := w.bound("bob", "bob -> alice 35.00 EUR taxi")
	w.says("alice", taxi, ledger.Dispute, "it was 30")
	wrong := w.bound("carol", "carol -> dave 7.25 EUR tickets")
	w.says("carol", wrong, ledger.Withdraw, "twice")
	rent := w.bound("alice", "alice -> carol 40.00 EUR rent share")
	w.says("carol", rent, ledger.Agree, "")
	w.says("carol", rent, ledger.Withdraw, "paid in cash")
	w.bound("dave", "alice paid 60 EUR for alice, bob, dave: dinner")
	hotel := w.bound("carol", "carol paid 300 EUR for alice, bob, carol: hotel")
	w.says("bob", hotel, ledger.Agree, "")
	old := w.bound("bob", "bob -> alice 18.00 EUR tip")
	e, _ := ledger.ParseLine("bob -> alice 8.00 EUR tip, not 18", "bob")
	for i := range e.Postings {
		key := w.key(e.Postings[i].Label)
		e.Postings[i].Key = &key
	}
	name := w.Snapshot().View.NameOf(old)
	w.adds("bob", ledger.AppendEdit(e, &name))
	w.bound("bob", "bob -> alice 3.00 EUR coffee")
	w.bound("alice", "alice -> dave 5.00 EUR bus")
	return w
}
