package crdt

import (
	"crypto/ed25519"
	"errors"
	"testing"
)

// Numbers of things never wrap: what might not fit is refused before it is
// accepted, and what fits goes on.
func TestDocumentFull(t *testing.T) {
	t.Parallel()
	c := Charter{Name: "full", Kind: JSON}
	r, err := NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	from, err := NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(tx *Tx) error { _, err := tx.Set(Root, "k", emptyMap); return err }
	write := func(r *Replica, seed byte) error {
		key := make([]byte, 32)
		key[0] = seed
		w, err := r.Writer(ed25519.NewKeyFromSeed(key))
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Change(0, edit)
		w.Sign()
		return err
	}
	if err := write(from, 1); err != nil {
		t.Fatal(err)
	}
	frame, _ := from.PackFrom(0, nil)
	d := r.doc.(*jsonDoc)
	for _, full := range []bool{true, false} {
		d.next = 0
		if full {
			d.next = uint32(maxThings) - 5
		}
		err1, err2 := write(r, 2), r.Load(frame)
		if errors.Is(err1, ErrFull) != full || errors.Is(err2, ErrFull) != full {
			t.Fatalf("full %v: %v, %v", full, err1, err2)
		}
		if full && r.Len() != 0 || !full && r.Len() != 2 {
			t.Fatalf("full %v: %d changes", full, r.Len())
		}
	}
}

// Nor by a file that holds more than there are numbers for: it is read up to there.
func TestFileOfTooMuch(t *testing.T) { // not parallel: it lowers the limit of all documents
	r, err := NewReplica(Charter{Name: "full", Kind: JSON})
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.Writer(ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Change(0, func(tx *Tx) error { _, err := tx.Set(Root, "k", emptyMap); return err }); err != nil {
		t.Fatal(err)
	}
	w.Sign()
	defer func(most int) { maxThings = most }(maxThings)
	maxThings = 5
	loaded, err := LoadFile(r.Save(nil))
	if !errors.Is(err, ErrFull) || loaded == nil || loaded.Len() != 0 {
		t.Fatalf("got %v", err)
	}
}
