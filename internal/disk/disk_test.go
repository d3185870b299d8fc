package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

func TestMkdirAll(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	dir := filepath.Join(base, "a", "b", "c")
	for range 2 {
		if err := MkdirAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	for d := dir; d != base; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: got %v, %v, want mode 0700", d, info.Mode(), err)
		}
	}
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{file, filepath.Join(file, "x", "y")} {
		if err := MkdirAll(d); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("%s: got %v, want %v", d, err, syscall.ENOTDIR)
		}
	}
	dead := filepath.Join(base, "dead")
	if err := os.Symlink("nowhere", dead); err != nil {
		t.Fatal(err)
	}
	if err := MkdirAll(dead); !errors.Is(err, fs.ErrExist) {
		t.Errorf("dead link: got %v, want %v", err, fs.ErrExist)
	}
}

func TestOpenRegular(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.WriteFile(path("file"), []byte("x"), 0o600), os.Symlink("file", path("link")), os.Symlink(".", path("linkdir")),
		os.Mkdir(path("folder"), 0o700), syscall.Mkfifo(path("pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"file": nil, "link": ErrNotRegular, "linkdir": ErrNotRegular, "folder": ErrNotRegular, "pipe": ErrNotRegular, "none": fs.ErrNotExist,
		"linkdir/file": nil, // only the last part must be no link
	} {
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_WRONLY} {
			f, err := OpenRegular(path(name), flag)
			if !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("%s, flag %d: got %v, want %v", name, flag, err, want)
			}
			if f != nil {
				f.Close()
			}
		}
	}
}

func TestWriteNewNeverReplaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	const writers = 16
	var wins [writers]bool
	var wait sync.WaitGroup
	for i := range writers {
		wait.Go(func() {
			err := WriteNew(path, bytes.Repeat([]byte{byte(i)}, 1000))
			if wins[i] = err == nil; !wins[i] && !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, won := range wins {
		if want := bytes.Equal(content, bytes.Repeat([]byte{byte(i)}, 1000)); won != want {
			t.Errorf("writer %d: got success %t, want %t", i, won, want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("got %d files, %v, want 1: no temporary one is left", len(entries), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := errors.Join(os.WriteFile(a, []byte("a"), 0o600), os.Symlink("nowhere", b)); err != nil {
		t.Fatal(err)
	}
	if err := Publish(a, b); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a dead link: got %v, want %v", err, fs.ErrExist)
	}
	if err := errors.Join(os.Remove(b), Publish(a, b)); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(b); string(got) != "a" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := os.Lstat(a); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary name is left: %v", err)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := OpenRegular(path, os.O_RDWR|os.O_CREATE)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	a, b := open(), open()
	if err := Lock(a); err != nil {
		t.Fatal(err)
	}
	if err := Lock(b); !errors.Is(err, ErrLocked) {
		t.Fatalf("got %v, want %v", err, ErrLocked)
	}
	if err := errors.Join(Release(a), Release(a), Lock(b), Release(b)); err != nil {
		t.Fatal(err)
	}
}

// TestReleaseMapped: a close alone would keep the lock while the file is mapped.
func TestReleaseMapped(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	if err := os.WriteFile(path, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := OpenRegular(path, os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	m, err := syscall.Mmap(int(a.Fd()), 0, 4096, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Lock(a), Release(a)); err != nil {
		t.Fatal(err)
	}
	b, err := OpenRegular(path, os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Lock(b), Release(b), syscall.Munmap(m)); err != nil {
		t.Fatal(err)
	}
}

func TestReadSmall(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]error{0: nil, 1: nil, MaxSmallFileBytes: nil, MaxSmallFileBytes + 1: ErrTooLarge, 1 << 20: ErrTooLarge} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := OpenRegular(path, os.O_RDONLY)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ReadSmall(f)
		if !errors.Is(err, want) || want == nil && len(b) != size {
			t.Errorf("%d bytes: got %d, %v, want %v", size, len(b), err, want)
		}
		f.Close()
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	for _, content := range []string{"one", "another"} {
		if err := Replace(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != content {
			t.Fatalf("got %q, %v, want %q", b, err, content)
		}
	}
	if err := Replace(filepath.Join(path, "none"), nil); err == nil {
		t.Error("no error where there is no folder")
	}
	if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != 1 {
		t.Errorf("%d files are left, %v", len(all), err)
	}
}
