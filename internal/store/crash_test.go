package store

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// write is one transaction of a test.
type write func(s *Store) error

// TestCrash builds every kind of state that a power cut within a transaction can leave: any part of its pages written, in
// any order, but no meta page before all of them (there is a sync between). It must be the state before, whole.
func TestCrash(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before uint64
		write  write
	}{
		"first append":       {0, func(s *Store) error { _, err := s.Append(frames(0, 1, 100)); return err }},
		"append":             {500, func(s *Store) error { _, err := s.Append(frames(500, 503, 100)); return err }},
		"append that grows":  {20, func(s *Store) error { _, err := s.Append([][]byte{make([]byte, 900_000)}); return err }},
		"replace the newest": {500, func(s *Store) error { return s.Replace(490, frames(1, 2, 900)) }},
		"replace all":        {500, func(s *Store) error { return s.Replace(0, frames(1, 2, 900)) }},
		"adopt":              {30, (*Store).Adopt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(3, c.before))
			s := create(t)
			for n := uint64(0); n < c.before; n += 10 {
				mustAppend(t, s, frames(n, n+10, 200)) // many transactions: free pages to be used again
			}
			oldRecords := records(t, s)
			old := readFile(t, s.path)
			if err := c.write(s); err != nil {
				t.Fatal(err)
			}
			newRecords := records(t, s)
			now := readFile(t, s.path)

			var changed []int
			for at := 2 * pageSize; at < len(now); at += pageSize {
				if at >= len(old) || !bytes.Equal(old[at:at+pageSize], now[at:at+pageSize]) {
					changed = append(changed, at)
				}
			}
			for round := range 40 {
				grown := append(bytes.Clone(old), make([]byte, len(now)-len(old))...)
				if round%4 == 0 {
					grown = bytes.Clone(old) // the file has not grown yet
				}
				for _, at := range changed {
					if at < len(grown) && rnd.IntN(3) > 0 {
						part := 512 * (1 + rnd.IntN(pageSize/512)) // a page may be written in part
						copy(grown[at:at+part], now[at:at+part])
					}
				}
				reopenBytes(t, grown, oldRecords)
			}
			all := append(bytes.Clone(old), make([]byte, len(now)-len(old))...)
			copy(all[2*pageSize:], now[2*pageSize:])
			reopenBytes(t, all, oldRecords)
			for i := range 2 {
				copy(all[i*pageSize:(i+1)*pageSize], now[i*pageSize:])
			}
			reopenBytes(t, all, newRecords)
		})
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reopenBytes makes content a file, opens it as a store, wants the records in it, and writes to it.
func reopenBytes(t *testing.T, content []byte, want [][]byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	wantRecords(t, s, want)
	mustAppend(t, s, frames(7, 9, 2000))
	mustClose(t, s)
	consistent(t, path)
}

var errBroken = errors.New("broken by the test")

// broken is how a store was broken, and how that ends.
type broken func(t *testing.T, s *Store) (unbreak func())

func hookBefore(_ *testing.T, s *Store) func() {
	s.hook.before = func() error { return errBroken }
	return func() { s.hook.before = nil }
}

func hookAfter(_ *testing.T, s *Store) func() {
	s.hook.after = func() error { return errBroken }
	return func() { s.hook.after = nil }
}

func hookPanic(_ *testing.T, s *Store) func() {
	s.hook.before = func() error { panic("as bbolt does") }
	return func() { s.hook.before = nil }
}

func cutFile(t *testing.T, s *Store) func() {
	content := readFile(t, s.path)
	if err := os.Truncate(s.path, pageSize*2); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.WriteFile(s.path, content, 0o600); err != nil { // in place: same inode, and same map
			t.Error(err)
		}
	}
}

// cutFileUnseen is cutFile at a moment when the store has just looked: the map faults.
func cutFileUnseen(t *testing.T, s *Store) func() {
	unbreak := cutFile(t, s)
	s.size = 0
	return unbreak
}

func deleteFile(t *testing.T, s *Store) func() {
	aside := s.path + ".aside"
	if err := errors.Join(os.Link(s.path, aside), os.Remove(s.path), os.Rename(aside, s.path+".kept")); err != nil {
		t.Fatal(err)
	}
	// One name is left, so this alone would be a move; take that one too, and bring the content back later.
	content := readFile(t, s.path+".kept")
	if err := os.Remove(s.path + ".kept"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.WriteFile(s.path, content, 0o600); err != nil {
			t.Error(err)
		}
	}
}

// TestBreak breaks a store in a write, sees that it stops, ends what broke it, sees that it still has stopped, and that
// after a restart it holds all that was acknowledged, and of the write all or nothing, and goes on.
func TestBreak(t *testing.T) {
	t.Parallel()
	writes := map[string]write{
		"append":  func(s *Store) error { _, err := s.Append(frames(20, 30, 3000)); return err },
		"replace": func(s *Store) error { return s.Replace(15, frames(15, 30, 3000)) },
		"adopt":   (*Store).Adopt,
	}
	for name, c := range map[string]struct {
		breakIt   broken
		want      error
		persisted bool
	}{
		"before anything is on disk":        {hookBefore, errBroken, false},
		"persisted, but reported as failed": {hookAfter, errBroken, true},
		"bbolt panics":                      {hookPanic, ErrDamaged, false},
		"file cut":                          {cutFile, ErrDamaged, false},
		"file cut within the write":         {cutFileUnseen, ErrDamaged, false},
		"file deleted":                      {deleteFile, errDeleted, false},
	} {
		for what, write := range writes {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				testBreak(t, c.breakIt, write, c.want, c.persisted)
			})
		}
	}
}

func testBreak(t *testing.T, breakIt broken, do write, want error, persisted bool) {
	t.Helper()
	s := create(t)
	acknowledged := frames(0, 20, 3000)
	mustAppend(t, s, acknowledged)

	unbreak := breakIt(t, s)
	err := do(s)
	wantError(t, err, ErrFatal)
	wantError(t, err, want)
	if s.Len() != 20 {
		t.Errorf("got Len %d after a failed write, want 20", s.Len())
	}
	unbreak()
	for _, write := range []write{
		func(s *Store) error { _, err := s.Append(frames(20, 21, 10)); return err },
		func(s *Store) error { _, err := s.Append(nil); return err },
		func(s *Store) error { return s.Replace(19, frames(20, 21, 10)) },
		(*Store).Adopt,
	} {
		if again := write(s); again == nil || again.Error() != err.Error() {
			t.Errorf("the next write: got %v, want %v", again, err)
		}
	}
	s = reopen(t, s)
	got := records(t, s)
	switch len(got) {
	case 20:
		wantRecords(t, s, acknowledged)
	default:
		wantRecords(t, s, frames(0, 30, 3000))
		if !persisted {
			t.Error("what failed before it was on disk is there")
		}
	}
	mustAppend(t, s, frames(0, 3, 3000))
}

// TestCutIsSeenFirst: bbolt would make the file long again, fill it with zeros and report success, as long as the pages of the
// transaction itself are there.
func TestCutIsSeenFirst(t *testing.T) {
	t.Parallel()
	s := create(t)
	mustAppend(t, s, frames(0, 300, 3000))
	unbreak := cutFile(t, s)
	_, err := s.Append(frames(300, 301, 10))
	var damage *DamageError
	if !errors.As(err, &damage) || damage.Offset != 2*pageSize {
		t.Errorf("got %v, want the new end of the file named", err)
	}
	unbreak()
	wantRecords(t, reopen(t, s), frames(0, 300, 3000))
}

// TestReadBroken reads a store whose file goes away below it.
func TestReadBroken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breakIt broken
		want    error
	}{
		"file cut":                 {cutFile, ErrDamaged},
		"file cut within the read": {cutFileUnseen, ErrDamaged},
		"file deleted":             {deleteFile, errDeleted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := create(t)
			mustAppend(t, s, frames(0, 50, 3000))
			unbreak := c.breakIt(t, s)
			wantError(t, s.Records(func(uint64, []byte) error { return nil }), c.want)
			unbreak()
			wantRecords(t, reopen(t, s), frames(0, 50, 3000))
		})
	}
}

// TestRotWhileOpen flips a bit of a record in an open store: Records names it, and the byte.
func TestRotWhileOpen(t *testing.T) {
	t.Parallel()
	s, err := Create(filepath.Join(t.TempDir(), "room.db"), testMeta)
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, append(frames(0, 50, 300), bytes.Repeat([]byte("find me"), 40)))
	at := int64(bytes.LastIndex(readFile(t, s.path), []byte("find me")))
	if _, err := s.file.WriteAt([]byte{'F'}, at); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = s.Records(func(uint64, []byte) error { seen++; return nil })
	var damage *DamageError
	if !errors.As(err, &damage) || damage.Record != 50 || damage.Offset < at-400 || damage.Offset > at || seen != 50 {
		t.Errorf("got %v after %d records, want record 50 named, near byte %d", err, seen, at)
	}
	mustClose(t, s)
	_, again := Open(s.path)
	if again == nil || again.Error() != err.Error() {
		t.Errorf("after a restart: got %v, want %v", again, err)
	}
}

// TestReadOnly opens what cannot be written: an error of the file system, and nothing changes.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	s := create(t)
	mustClose(t, s)
	dir := filepath.Dir(s.path)
	if err := os.Chmod(s.path, 0o400); err != nil {
		t.Fatal(err)
	}
	_, err := Open(s.path)
	wantError(t, err, fs.ErrPermission)
	if err := errors.Join(os.Chmod(s.path, 0o600), os.Chmod(dir, 0o500)); err != nil {
		t.Fatal(err)
	}
	_, err = Create(filepath.Join(dir, "other.db"), testMeta)
	wantError(t, err, fs.ErrPermission)
	_, err = Create(filepath.Join(dir, "below", "other.db"), testMeta)
	wantError(t, err, fs.ErrPermission)
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}
