package crdt_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
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

// An author may fork as often as it likes: a View that is asked who forked costs no
// more for it, and an older View says what it said.
func TestViewsOfManyForks(t *testing.T) {
	race.OneGoroutine(t)
	const forks = 2000
	l := newMill(t, crdt.Ledger)
	r := newReplica(t, l.charter)
	chain, ids := l.chain(0, forks)
	if code := deliver(t, r, refPack{chain}.frame(), 1); code != "" {
		t.Fatal(code)
	}
	mallory, before := crdt.Author(chain.author), r.View()
	for from := 0; from < forks; from += crdt.MaxPackRuns {
		var p refPack
		for i := from; i < min(from+crdt.MaxPackRuns, forks-1); i++ {
			p = append(p, l.run(0, ids[i], refPayload(7, nil, noOps)))
		}
		if code := deliver(t, r, p.frame(), 1); code != "" {
			t.Fatal(code)
		}
	}
	if got := len(r.View().Forks()); got != forks-1 {
		t.Fatalf("%d forks, want %d", got, forks-1)
	}
	if before.Forked(mallory) || !r.View().Forked(mallory) || r.View().Forked(crdt.Author{1}) {
		t.Error("who forked is told wrong")
	}
	const rounds = 100
	var from, to runtime.MemStats
	runtime.ReadMemStats(&from)
	for range rounds {
		if !r.View().Forked(mallory) {
			t.Fatal("not forked")
		}
	}
	runtime.ReadMemStats(&to)
	if each := (to.TotalAlloc - from.TotalAlloc) / rounds; each > 16<<10 {
		t.Errorf("a View takes %d bytes", each)
	}
	checkReplica(t, r)
}
