package store

import (
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// TestAgainstModel runs any sequence of writes and restarts beside a plain slice, and checks the whole file after each: so
// it also shows that check never refuses what bbolt writes.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		path := filepath.Join(dir, "room.db")
		s, err := Create(path, testMeta)
		if err != nil {
			r.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				r.Error(err)
			}
			if err := os.Remove(path); err != nil {
				r.Error(err)
			}
		}()
		var model [][]byte
		serial := uint64(0)
		some := func(r *rapid.T, most int) [][]byte {
			count := rapid.IntRange(1, most).Draw(r, "frames")
			size := rapid.SampledFrom([]int{1, 30, 900, 4096, 30_000}).Draw(r, "size")
			out := frames(serial, serial+uint64(count), size)
			serial += uint64(count)
			return out
		}
		same := func(r *rapid.T) {
			n := 0
			if err := s.Records(func(_ uint64, f []byte) error {
				if n >= len(model) || string(f) != string(model[n]) {
					r.Fatalf("record %d differs", n)
				}
				n++
				return nil
			}); err != nil {
				r.Fatal(err)
			}
			if n != len(model) || s.Len() != uint64(n) {
				r.Fatalf("got %d records and Len %d, want %d", n, s.Len(), len(model))
			}
		}
		r.Repeat(map[string]func(*rapid.T){
			"append": func(r *rapid.T) {
				fs := some(r, 60)
				if _, err := s.Append(fs); err != nil {
					r.Fatal(err)
				}
				model = append(model, fs...)
			},
			"replace": func(r *rapid.T) {
				from := rapid.IntRange(0, len(model)).Draw(r, "from")
				fs := some(r, 5)
				if err := s.Replace(uint64(from), fs); err != nil {
					r.Fatal(err)
				}
				model = append(model[:from:from], fs...)
			},
			"reopen": func(r *rapid.T) {
				if err := s.Close(); err != nil {
					r.Fatal(err)
				}
				if s, err = Open(path); err != nil {
					r.Fatal(err)
				}
			},
			"adopt": func(r *rapid.T) {
				if err := s.Adopt(); err != nil {
					r.Fatal(err)
				}
			},
			"": func(r *rapid.T) {
				same(r)
				if err := s.verify(); err != nil {
					r.Fatal(err)
				}
			},
		})
	})
}
