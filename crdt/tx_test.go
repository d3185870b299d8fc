package crdt_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// A Tx is of no use once its change is made or given up, and no change is made
// within one of the same writer.
func TestTxEnds(t *testing.T) {
	t.Parallel()
	r := newReplica(t, roomOf(crdt.JSON))
	w := mustWriter(t, r, 0)
	l, err := crdt.EncodeLiteral(1)
	if err != nil {
		t.Fatal(err)
	}
	var kept *crdt.Tx
	if _, err := w.Change(0, func(tx *crdt.Tx) error {
		kept = tx
		if _, err := w.Change(0, func(*crdt.Tx) error { return nil }); !errors.Is(err, crdt.ErrInChange) {
			t.Errorf("a change within a change: %v", err)
		}
		_, err := tx.Set(crdt.Root, "a", l)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	before := r.DocDigest()
	_, set := kept.Set(crdt.Root, "a", l)
	_, text := kept.InsertText(crdt.Root, 0, "a")
	_, app := kept.Append(l)
	for _, err := range []error{set, text, app, kept.Mark(crdt.Root, l), kept.Delete(crdt.Root, 0, 1), kept.Add(crdt.Root, 1)} {
		if !errors.Is(err, crdt.ErrTxEnded) {
			t.Errorf("got %v, want %v", err, crdt.ErrTxEnded)
		}
	}
	if r.DocDigest() != before || r.Len() != 1 {
		t.Error("the document has changed")
	}
}

// What was typed one change a key is deleted by one op, by its author and by
// somebody else; what lies between on the chain divides it.
func TestDeleteOfManyChanges(t *testing.T) {
	t.Parallel()
	r := newReplica(t, roomOf(crdt.JSON))
	w := mustWriter(t, r, 0)
	change := func(w *crdt.Writer, edit func(*crdt.Tx) error) crdt.ChangeID {
		t.Helper()
		id, err := w.Change(0, edit)
		if err != nil {
			t.Fatal(err)
		}
		w.Sign()
		return id
	}
	text := crdt.Name{Change: change(w, func(tx *crdt.Tx) error {
		_, err := tx.Make(crdt.Root, "t", crdt.TextObject)
		return err
	})}
	for i, c := range strings.Repeat("abcdefghij", 5) {
		change(w, func(tx *crdt.Tx) error { _, err := tx.InsertText(text, i, string(c)); return err })
	}
	payload := func(w *crdt.Writer, index, count int) []byte {
		t.Helper()
		change(w, func(tx *crdt.Tx) error { return tx.Delete(text, index, count) })
		return r.At(r.Len() - 1).Payload
	}
	for k, deleted := range [][]byte{payload(w, 5, 20), payload(mustWriter(t, r, 1), 5, 20)} {
		if len(deleted) > 60 || bytes.Count(deleted, []byte{0x83, 0x09}) != 1 {
			t.Errorf("delete %d: %d bytes: %x", k, len(deleted), deleted)
		}
	}
	if got, err := r.Doc().Text(text); err != nil || got != "abcdefghij" {
		t.Fatalf("%q, %v", got, err)
	}
	change(w, func(tx *crdt.Tx) error { _, err := tx.InsertText(text, 0, "x"); return err })
	change(w, func(tx *crdt.Tx) error { return tx.Delete(text, 3, 1) })
	change(w, func(tx *crdt.Tx) error { _, err := tx.InsertText(text, 1, "y"); return err })
	payload(w, 0, 3)
	if got, err := r.Doc().Text(text); err != nil || got != "bdefghij" {
		t.Fatalf("%q, %v", got, err)
	}
	checkReplica(t, r)
}
