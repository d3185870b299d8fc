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
			d.next = maxThings - 5
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
