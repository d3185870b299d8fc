package crdt_test

import (
	"sync"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// Views are read by many goroutines while the replica goes on; each stays as it
// was. Run with -race.
func TestViewsWhileTheReplicaGoesOn(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			r := newReplica(t, roomOf(kind))
			w := mustWriter(t, r, 0)
			one := lit(t, "row")
			var readers sync.WaitGroup
			for i := range 200 {
				if _, err := w.Change(int64(i), func(tx *crdt.Tx) error {
					if kind == crdt.JSON {
						_, err := tx.Set(crdt.Root, "k", one)
						return err
					}
					n, err := tx.Append(one)
					if err != nil {
						return err
					}
					return tx.Mark(n, one)
				}); err != nil {
					t.Fatal(err)
				}
				w.Sign()
				if i%20 > 0 {
					continue
				}
				v, log, doc, rows := r.View(), r.LogDigest(), r.DocDigest(), i+1
				if kind == crdt.JSON {
					rows = 0
				}
				for range 3 {
					readers.Go(func() {
						n := 0
						for row := range v.Rows {
							if at, ok := v.IndexOf(row.Key); !ok || at != n || v.Row(n).Key != row.Key {
								t.Errorf("row %d is at %d", n, at)
							}
							if c := v.ChangeAt(row.Key.Change); v.NameOf(row.Key).Change != c.ID {
								t.Errorf("row %d is of %v", n, c.ID)
							}
							n++
						}
						if n != rows || v.Len() != rows || v.Changes() != i+1 || len(v.RowsOf(i)) != min(rows, 1) {
							t.Errorf("%d rows, %d changes, want %d, %d", n, v.Changes(), rows, i+1)
						}
						if _, marked := v.Doc().MarkOf(crdt.Root, w.Author()); marked || v.Doc().Digest() != doc {
							t.Error("the document changed")
						}
						if v.LogDigest() != log || v.DocDigest() != doc {
							t.Error("digests changed")
						}
					})
				}
			}
			readers.Wait()
		})
	}
}
