package transport

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/store"
)

// A room that was typed change by change is merged when it is opened, and is the same room afterwards.
func TestOpenMergesSmallRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "room.db")
	s, err := store.Create(path, store.Meta{Room: testCharter.ID(), Charter: testCharter.Append(nil)})
	if err != nil {
		t.Fatal(err)
	}
	replica, err := crdt.NewReplica(testCharter)
	if err != nil {
		t.Fatal(err)
	}
	w, err := replica.Writer(testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	const typed = 2 * mergeRecords
	for i := range typed {
		if _, err := w.Change(int64(i), func(tx *crdt.Tx) error {
			_, err := tx.Append(crdt.Literal{0x01})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		w.Sign()
		frame, _ := replica.PackFrom(i, nil)
		if _, err := s.Append([][]byte{frame}); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []uint64{1, 1} { // merged, then left alone
		core, err := OpenCore(context.Background(), NodeConfig{Charter: testCharter, Store: s})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Len(); got != want {
			t.Errorf("the store has %d records, want %d", got, want)
		}
		if core.replica.LogDigest() != replica.LogDigest() || core.replica.DocDigest() != replica.DocDigest() {
			t.Error("the merged room is another one")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = store.Open(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
