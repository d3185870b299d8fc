package crdt_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// traced is a replica of one author's editing trace, each edit a change, runs of 4096.
// Traces are those of https://github.com/josephg/editing-traces, in the folder that
// TALLYSTICK_TRACES names.
func traced(b *testing.B, name string) *crdt.Replica {
	b.Helper()
	dir := os.Getenv("TALLYSTICK_TRACES")
	if dir == "" {
		b.Skip("TALLYSTICK_TRACES names no folder")
	}
	f, err := os.Open(filepath.Join(dir, name+".json.gz"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	var trace struct {
		Txns []struct {
			Time    time.Time
			Patches [][3]json.RawMessage
		}
	}
	if err := json.NewDecoder(z).Decode(&trace); err != nil {
		b.Fatal(err)
	}
	r := newReplica(b, roomOf(crdt.JSON))
	w := mustWriter(b, r, 0)
	id, err := w.Change(trace.Txns[0].Time.Unix(), func(tx *crdt.Tx) error { _, err := tx.Make(crdt.Root, "text", crdt.TextObject); return err })
	if err != nil {
		b.Fatal(err)
	}
	text := crdt.Name{Change: id}
	for _, txn := range trace.Txns {
		for _, patch := range txn.Patches {
			var at, deleted int
			var inserted string
			if err := errors.Join(json.Unmarshal(patch[0], &at), json.Unmarshal(patch[1], &deleted), json.Unmarshal(patch[2], &inserted)); err != nil {
				b.Fatal(err)
			}
			edit := func(tx *crdt.Tx) error {
				if deleted > 0 {
					if err := tx.Delete(text, at, deleted); err != nil {
						return err
					}
				}
				if inserted != "" {
					_, err := tx.InsertText(text, at, inserted)
					return err
				}
				return nil
			}
			_, err := w.Change(txn.Time.Unix(), edit)
			if errors.Is(err, crdt.ErrUnsigned) {
				w.Sign()
				_, err = w.Change(txn.Time.Unix(), edit)
			}
			if err != nil && !errors.Is(err, crdt.ErrEmptyChange) {
				b.Fatal(err)
			}
		}
	}
	w.Sign()
	return r
}

func BenchmarkFile(b *testing.B) {
	for _, name := range []string{"automerge-paper", "sveltecomponent"} {
		b.Run(name, func(b *testing.B) {
			r := traced(b, name)
			saved, snapshot := r.Save(nil), mustSnapshot(b, r)
			b.Run("save", func(b *testing.B) {
				for b.Loop() {
					saved = r.Save(saved[:0])
				}
				perChange(b, r.Len())
				b.ReportMetric(float64(len(saved)), "bytes")
			})
			b.Run("load", func(b *testing.B) {
				for b.Loop() {
					if _, err := crdt.LoadFile(saved); err != nil {
						b.Fatal(err)
					}
				}
				perChange(b, r.Len())
			})
			b.Run("snapshot", func(b *testing.B) {
				for b.Loop() {
					snapshot = mustSnapshot(b, r)
				}
				b.ReportAllocs()
				b.ReportMetric(float64(len(snapshot)), "bytes")
			})
			b.Run("open", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					s, err := crdt.OpenSnapshot(snapshot)
					if err != nil || s.Value() == nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("check", func(b *testing.B) {
				b.ReportAllocs()
				s, err := crdt.OpenSnapshot(snapshot)
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if err := s.Check(r); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
