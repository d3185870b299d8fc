package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

var testMeta = Meta{Room: [32]byte{1, 2, 3}, Charter: []byte("a charter")}

// frame returns the content that record n has in tests: never empty, at most max bytes.
func frame(n uint64, most int) []byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, n))
	size := 1 + int(binary.BigEndian.Uint32(sum[:]))%most
	return bytes.Repeat(sum[:], size/len(sum)+1)[:size]
}

func frames(from, to uint64, most int) [][]byte {
	var out [][]byte
	for n := from; n < to; n++ {
		out = append(out, frame(n, most))
	}
	return out
}

// create makes a store in a new folder, to be checked and closed when the test ends.
func create(t testing.TB) *Store {
	t.Helper()
	s, err := Create(filepath.Join(t.TempDir(), "room.db"), testMeta)
	if err != nil {
		t.Fatal(err)
	}
	closeAndCheck(t, s)
	return s
}

// open opens a sound store, to be checked and closed when the test ends.
func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	closeAndCheck(t, s)
	return s
}

// reopen closes s and opens its file again.
func reopen(t testing.TB, s *Store) *Store {
	t.Helper()
	mustClose(t, s)
	return open(t, s.path)
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func closeAndCheck(t testing.TB, s *Store) {
	t.Helper()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.path); !errors.Is(err, fs.ErrNotExist) {
			consistent(t, s.path)
		}
	})
}

// consistent checks the file by our own reader, which Open does, and by bbolt's.
func consistent(t testing.TB, path string) {
	t.Helper()
	s, err := Open(path)
	if errors.Is(err, ErrLocked) {
		return // another handle of the same test: checked when that one is closed
	}
	if err != nil {
		t.Errorf("after the test: %v", err)
		return
	}
	defer s.Close() // only read
	if err := s.db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("after the test: %s: bbolt: %v", path, err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if n := len(records(t, s)); uint64(n) != s.Len() {
		t.Errorf("after the test: %s: got %d records, want %d", path, n, s.Len())
	}
}

// records reads all records.
func records(t testing.TB, s *Store) [][]byte {
	t.Helper()
	var out [][]byte
	if err := s.Records(func(n uint64, f []byte) error {
		if n != uint64(len(out)) {
			t.Errorf("got record %d, want %d", n, len(out))
		}
		out = append(out, bytes.Clone(f))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func wantRecords(t testing.TB, s *Store, want [][]byte) {
	t.Helper()
	got := records(t, s)
	if len(got) != len(want) || s.Len() != uint64(len(want)) {
		t.Fatalf("got %d records and Len %d, want %d", len(got), s.Len(), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("record %d: got %x, want %x", i, got[i], want[i])
		}
	}
}

func mustAppend(t testing.TB, s *Store, frames [][]byte) {
	t.Helper()
	first, err := s.Append(frames)
	if err != nil {
		t.Fatal(err)
	}
	if want := s.Len() - uint64(len(frames)); first != want {
		t.Fatalf("append: got first %d, want %d", first, want)
	}
}

// wantError fails unless err is of kind want.
func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}
