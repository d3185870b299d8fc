package crdt_test

import (
	"errors"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// A keeper takes and hands on what a replica does, and makes no document of it.
func TestKeeper(t *testing.T) {
	charter := crdt.OpenLedger("kept")
	author, err := crdt.NewReplica(charter)
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := crdt.NewKeeper(charter)
	if err != nil {
		t.Fatal(err)
	}
	w, err := author.Writer(testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := w.Change(0, func(tx *crdt.Tx) error {
			_, err := tx.Append(crdt.Literal{0x01})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		w.Sign()
	}
	hand := func(from, to *crdt.Replica) {
		t.Helper()
		for i := 0; i < from.Signed(); {
			var frame []byte
			frame, i = from.PackFrom(i, nil)
			if err := to.Load(frame); err != nil {
				t.Fatal(err)
			}
		}
	}
	hand(author, keeper)
	if keeper.LogDigest() != author.LogDigest() {
		t.Error("the keeper's log digest differs")
	}
	if v := keeper.View(); v.Len() != 0 || v.DocDigest() != [32]byte{} || keeper.DocDigest() != [32]byte{} || v.Changes() != 3 {
		t.Errorf("the keeper shows %d rows of %d changes, digests %x and %x", v.Len(), v.Changes(), v.DocDigest(), keeper.DocDigest())
	}
	if _, err := keeper.Writer(testKey(2)); !errors.Is(err, crdt.ErrKeeper) {
		t.Errorf("a keeper's writer: %v, want %v", err, crdt.ErrKeeper)
	}
	reader, err := crdt.NewReplica(charter)
	if err != nil {
		t.Fatal(err)
	}
	hand(keeper, reader)
	if reader.DocDigest() != author.DocDigest() {
		t.Error("what came through the keeper is another document")
	}
}
