package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	s := create(t)
	wantRecords(t, s, nil)
	var want [][]byte
	for _, batch := range []uint64{1, 1, 64, 3, 500, 1} {
		next := frames(uint64(len(want)), uint64(len(want))+batch, 700)
		mustAppend(t, s, next)
		want = append(want, next...)
		wantRecords(t, s, want)
	}
	big := [][]byte{
		bytes.Repeat([]byte{7}, MaxFrameBytes), frame(1, 10), bytes.Repeat([]byte{8}, MaxFrameBytes),
		bytes.Repeat([]byte{9}, MaxFrameBytes), bytes.Repeat([]byte{1}, MaxFrameBytes), bytes.Repeat([]byte{2}, MaxFrameBytes),
	}
	for range 3 {
		mustAppend(t, s, big)
		want = append(want, big...)
	}
	mustAppend(t, s, frames(0, 3, 10))
	want = append(want, frames(0, 3, 10)...)
	s = reopen(t, s)
	wantRecords(t, s, want)
	if m := s.Meta(); m.Room != testMeta.Room || !bytes.Equal(m.Charter, testMeta.Charter) {
		t.Errorf("got %v, want %v", m, testMeta)
	}
	if size, err := s.Size(); err != nil || size < 18*MaxFrameBytes {
		t.Errorf("got size %d, %v", size, err)
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	s := create(t)
	mustAppend(t, s, frames(0, 300, 400))
	for _, c := range []struct{ from, with uint64 }{{300, 2}, {301, 1}, {100, 1}, {100, 50}, {0, 3}, {2, 1}, {3, 1000}, {1, 1}} {
		want := append(records(t, s)[:c.from], frames(1000, 1000+c.with, 900)...)
		if err := s.Replace(c.from, want[c.from:]); err != nil {
			t.Fatal(err)
		}
		wantRecords(t, s, want)
		s = reopen(t, s)
		wantRecords(t, s, want)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := create(t)
	want := frames(0, 3, 100)
	mustAppend(t, s, want)
	for name, c := range map[string]struct {
		do   func() error
		want error
	}{
		"empty frame":      {func() error { _, err := s.Append([][]byte{{1}, {}}); return err }, ErrFrameSize},
		"frame too large":  {func() error { _, err := s.Append([][]byte{make([]byte, MaxFrameBytes+1)}); return err }, ErrFrameSize},
		"replace by empty": {func() error { return s.Replace(0, [][]byte{{}}) }, ErrFrameSize},
		"replace by none":  {func() error { return s.Replace(0, nil) }, ErrRange},
		"beyond the end":   {func() error { return s.Replace(4, want) }, ErrRange},
		"charter too large": {func() error {
			_, err := Create(filepath.Join(t.TempDir(), "x.db"), Meta{Charter: make([]byte, MaxCharterBytes+1)})
			return err
		}, ErrCharterSize},
	} {
		err := c.do()
		if !errors.Is(err, c.want) || errors.Is(err, ErrFatal) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if first, err := s.Append(nil); first != 3 || err != nil {
		t.Errorf("append of nothing: got %d, %v, want 3, nil", first, err)
	}
	wantRecords(t, s, want)
	mustAppend(t, s, want) // none of it was fatal
}

func TestLargestCharter(t *testing.T) {
	t.Parallel()
	m := Meta{Room: [32]byte{9}, Charter: bytes.Repeat([]byte("charter!"), MaxCharterBytes/8)}
	s, err := Create(filepath.Join(t.TempDir(), "x.db"), m)
	if err != nil {
		t.Fatal(err)
	}
	closeAndCheck(t, s)
	mustAppend(t, s, frames(0, 10, 10))
	s = reopen(t, s)
	if got := s.Meta(); !bytes.Equal(got.Charter, m.Charter) || got.Room != m.Room {
		t.Error("meta has changed")
	}
}

func TestLocked(t *testing.T) {
	t.Parallel()
	s := create(t)
	_, err := Open(s.path)
	wantError(t, err, ErrLocked)
	if want := "store " + s.path + ": another tallystick holds it"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	wantRecords(t, reopen(t, s), nil)
}

func TestClosed(t *testing.T) {
	t.Parallel()
	s := create(t)
	mustClose(t, s)
	mustClose(t, s)
	_, err := s.Append(frames(0, 1, 10))
	wantError(t, err, ErrClosed)
	_, err = s.Append(nil)
	wantError(t, err, ErrClosed)
	wantError(t, s.Replace(0, frames(0, 1, 10)), ErrClosed)
	wantError(t, s.Adopt(), ErrClosed)
	wantError(t, s.Records(func(uint64, []byte) error { return nil }), ErrClosed)
	_, err = s.Size()
	wantError(t, err, ErrClosed)
}

func TestYieldErrorAndPanic(t *testing.T) {
	t.Parallel()
	s := create(t)
	mustAppend(t, s, frames(0, 5, 10))
	stop := errors.New("stop")
	calls := 0
	err := s.Records(func(n uint64, _ []byte) error {
		if calls++; n == 2 {
			return stop
		}
		return nil
	})
	if err != stop || calls != 3 {
		t.Errorf("got %v after %d calls, want %v after 3", err, calls, stop)
	}
	func() {
		defer func() {
			if p := recover(); p != "mine" {
				t.Errorf("got panic %v, want the caller's own", p)
			}
		}()
		_ = s.Records(func(uint64, []byte) error { panic("mine") })
	}()
	func() {
		defer func() {
			if p := recover(); p == nil {
				t.Error("a write within Records must not hang")
			}
		}()
		_ = s.Records(func(uint64, []byte) error { _, err := s.Append(frames(0, 1, 10)); return err })
	}()
	mustAppend(t, s, frames(5, 6, 10)) // no transaction was left open
}

func TestMoved(t *testing.T) {
	t.Parallel()
	s := create(t)
	mustAppend(t, s, frames(0, 5, 10))
	if s.Moved() {
		t.Error("a new store must not look copied")
	}
	s = reopen(t, s)
	if s.Moved() {
		t.Error("a reopened store must not look copied")
	}
	mustClose(t, s)

	elsewhere := filepath.Join(filepath.Dir(s.path), "renamed.db")
	if err := os.Rename(s.path, elsewhere); err != nil {
		t.Fatal(err)
	}
	if r := open(t, elsewhere); r.Moved() {
		t.Error("renamed in place: it is the same file")
	} else {
		mustClose(t, r)
	}

	content, err := os.ReadFile(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(copied, content, 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, copied)
	if !c.Moved() {
		t.Fatal("a copy must be seen")
	}
	c = reopen(t, c)
	if !c.Moved() {
		t.Fatal("opening a copy must not adopt it")
	}
	if err := c.Adopt(); err != nil {
		t.Fatal(err)
	}
	if c.Moved() {
		t.Error("adopted, and still moved")
	}
	c = reopen(t, c)
	if c.Moved() {
		t.Error("adopted, and moved again after a restart")
	}
	wantRecords(t, c, frames(0, 5, 10))
}

func TestModes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	s, err := Create(filepath.Join(dir, "room.db"), testMeta)
	if err != nil {
		t.Fatal(err)
	}
	closeAndCheck(t, s)
	for path, want := range map[string]fs.FileMode{s.path: 0o600, dir: 0o700, filepath.Dir(dir): 0o700} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: got mode %o, want %o", path, got, want)
		}
	}
}

func TestCreateOverSomething(t *testing.T) {
	t.Parallel()
	s := create(t)
	mustAppend(t, s, frames(0, 2, 10))
	_, err := Create(s.path, testMeta)
	wantError(t, err, ErrExists)
	mustClose(t, s)
	_, err = Create(s.path, testMeta)
	wantError(t, err, ErrExists)
	wantRecords(t, open(t, s.path), frames(0, 2, 10))

	dir := t.TempDir()
	for name, make := range map[string]func(path string) error{
		"empty file": func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"folder":     func(p string) error { return os.Mkdir(p, 0o700) },
		"dead link":  func(p string) error { return os.Symlink("nowhere", p) },
	} {
		path := filepath.Join(dir, name)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		_, err := Create(path, testMeta)
		wantError(t, err, ErrExists)
	}
	file := filepath.Join(dir, "empty file")
	_, err = Create(filepath.Join(file, "x.db"), testMeta)
	wantError(t, err, syscall.ENOTDIR)
}

// TestCreateAfterKilledCreate leaves behind what a process can leave that dies within Create.
func TestCreateAfterKilledCreate(t *testing.T) {
	t.Parallel()
	whole := create(t)
	mustAppend(t, whole, frames(0, 4, 10))
	mustClose(t, whole)
	content, err := os.ReadFile(whole.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, pageSize, 4 * pageSize, len(content)} {
		path := filepath.Join(t.TempDir(), "room.db")
		if err := os.WriteFile(path+".new", content[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		wantError(t, err, fs.ErrNotExist)
		s, err := Create(path, testMeta)
		if err != nil {
			t.Fatalf("with %d bytes left over: %v", n, err)
		}
		closeAndCheck(t, s)
		wantRecords(t, s, nil)
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
			t.Errorf("got %d files, want 1", len(left))
		}
	}

	// Killed between link and unlink: path.new is a second name of the store, which has records by now and was moved away.
	path := filepath.Join(t.TempDir(), "room.db")
	if err := errors.Join(os.WriteFile(path+".aside", content, 0o600), os.Link(path+".aside", path+".new")); err != nil {
		t.Fatal(err)
	}
	s, err := Create(path, testMeta)
	if err != nil {
		t.Fatal(err)
	}
	closeAndCheck(t, s)
	wantRecords(t, open(t, path+".aside"), frames(0, 4, 10))
}

func TestCreateWhileAnotherCreates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "room.db")
	f, err := createLocked(path + ".new")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Create(path, testMeta)
	wantError(t, err, ErrLocked)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Create(path, testMeta)
	if err != nil {
		t.Fatal(err)
	}
	closeAndCheck(t, s)
}

func TestOpenWhatIsNoStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := func(p string) error { return makeBolt(p, "other", pageSize) }
	for name, c := range map[string]struct {
		make func(path string) error
		want error
	}{
		"nothing":          {func(string) error { return nil }, fs.ErrNotExist},
		"empty":            {func(p string) error { return os.WriteFile(p, nil, 0o600) }, ErrNotStore},
		"text":             {func(p string) error { return os.WriteFile(p, []byte(strings.Repeat("text\n", 9999)), 0o600) }, ErrNotStore},
		"folder":           {func(p string) error { return os.Mkdir(p, 0o700) }, ErrNotStore},
		"pipe":             {func(p string) error { return syscall.Mkfifo(p, 0o600) }, ErrNotStore},
		"link":             {func(p string) error { return errors.Join(other(p+".db"), os.Symlink(p+".db", p)) }, ErrNotStore},
		"other bbolt file": {other, ErrNotStore},
		"other page size":  {func(p string) error { return makeBolt(p, "other", 2*pageSize) }, ErrNotStore},
		"new bbolt file":   {func(p string) error { return makeBolt(p, "", pageSize) }, ErrNotStore}, // has a freelist
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path)
			wantError(t, err, c.want)
			if !strings.Contains(err.Error(), path) {
				t.Errorf("%q does not name the file", err)
			}
		})
	}
}
