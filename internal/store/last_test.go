package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func openLast(t testing.TB, path string) *Last {
	t.Helper()
	l, err := OpenLast(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func wantID(t testing.TB, l *Last, want byte) {
	t.Helper()
	id, ok := l.ID()
	if id != [32]byte{want} || ok != (want != 0) {
		t.Fatalf("got %x, %t, want %d", id, ok, want)
	}
}

func TestLast(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "person", "last-1")
	for set := byte(0); set < 9; set++ {
		l := openLast(t, path)
		wantID(t, l, set)
		if l.Damaged() {
			t.Error("damaged")
		}
		_, err := OpenLast(path)
		wantError(t, err, ErrLocked)
		wantError(t, l.Set([32]byte{}), ErrRange)
		wantID(t, l, set)
		if err := l.Set([32]byte{set + 1}); err != nil {
			t.Fatal(err)
		}
		wantID(t, l, set+1)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || info.Size() != lastSize {
		t.Errorf("got mode %o and %d bytes", info.Mode().Perm(), info.Size())
	}
}

func TestLastBreak(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breakIt func(l *Last)
		want    byte
	}{
		"before it is on disk":              {func(l *Last) { l.hook.before = func() error { return errBroken } }, 2},
		"persisted, but reported as failed": {func(l *Last) { l.hook.after = func() error { return errBroken } }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := openLast(t, filepath.Join(t.TempDir(), "last"))
			if err := errors.Join(l.Set([32]byte{1}), l.Set([32]byte{2})); err != nil {
				t.Fatal(err)
			}
			c.breakIt(l)
			err := l.Set([32]byte{3})
			wantError(t, err, ErrFatal)
			wantError(t, err, errBroken)
			wantID(t, l, 2)
			l.hook = hooks{}
			wantError(t, l.Set([32]byte{4}), ErrFatal)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = openLast(t, l.path)
			wantID(t, l, c.want)
			if err := l.Set([32]byte{5}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestLastDamage flips each byte of the file: the id is right, or said to be doubtful, or there is an error; and the next
// Set makes the file sound.
func TestLastDamage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "last")
	l := openLast(t, path)
	if err := errors.Join(l.Set([32]byte{1}), l.Set([32]byte{2}), l.Set([32]byte{3}), l.Close()); err != nil {
		t.Fatal(err)
	}
	content := readFile(t, path)
	doubtful := 0
	for at := range content {
		damaged := bytes.Clone(content)
		damaged[at] ^= 1 << (at % 8)
		l := &Last{slot: -1}
		if reason := l.parse(damaged); reason != "" {
			t.Fatalf("byte %d: %s, though one half is sound", at, reason)
		}
		switch {
		case l.damaged:
			doubtful++
			if l.id != [32]byte{3} && l.id != [32]byte{2} {
				t.Fatalf("byte %d: got id %x", at, l.id)
			}
		case l.id != [32]byte{3}:
			t.Fatalf("byte %d: got id %x and no doubt", at, l.id)
		}
		if !l.damaged || at%7 > 0 {
			continue
		}
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		l = openLast(t, path)
		if err := errors.Join(l.Set([32]byte{4}), l.Close()); err != nil {
			t.Fatal(err)
		}
		l = openLast(t, path)
		wantID(t, l, 4)
		if l.Damaged() {
			t.Fatalf("byte %d: still damaged after Set", at)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if want := len(lastMagic) + 2*lastSlotSize; doubtful != want {
		t.Errorf("got %d doubtful bytes, want %d", doubtful, want)
	}
	for n := range len(content) {
		l := &Last{slot: -1}
		if reason := l.parse(content[:n]); reason == "" && !l.damaged {
			t.Errorf("cut to %d bytes, and no doubt", n)
		}
	}
}

// TestLastUnreadable: of a file of which nothing counts it is not known whether something was sent. It is doubtful until
// something is set.
func TestLastUnreadable(t *testing.T) {
	t.Parallel()
	for name, content := range map[string][]byte{
		"empty": nil, "text": bytes.Repeat([]byte("text"), 4000), "zeros": make([]byte, lastSize), "label": []byte(lastMagic),
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 { // to open it repairs nothing
			l := openLast(t, path)
			wantID(t, l, 0)
			if !l.Damaged() {
				t.Fatalf("%s: no doubt", name)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		l := openLast(t, path)
		if err := errors.Join(l.Set([32]byte{7}), l.Close()); err != nil {
			t.Fatal(err)
		}
		l = openLast(t, path)
		wantID(t, l, 7)
		if l.Damaged() || len(readFile(t, path)) != lastSize {
			t.Errorf("%s: still damaged after Set", name)
		}
	}
}

func TestLastOverSomething(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, c := range map[string]struct {
		make func(path string) error
		want error
	}{
		"large file": {func(p string) error { return os.WriteFile(p, make([]byte, 1<<20), 0o600) }, ErrNotStore},
		"folder":     {func(p string) error { return os.Mkdir(p, 0o700) }, ErrNotStore},
		"link":       {func(p string) error { return os.Symlink(dir, p) }, ErrNotStore},
		"pipe":       {func(p string) error { return syscall.Mkfifo(p, 0o600) }, ErrNotStore},
	} {
		path := filepath.Join(dir, name)
		if err := c.make(path); err != nil {
			t.Fatal(err)
		}
		_, err := OpenLast(path)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := OpenLast(filepath.Join(dir, "file", "last"))
	if !errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, syscall.ENOTDIR)
	}
}
