package store

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// TestWriteFails takes the right to write from bbolt's own descriptor: an error of the file system, not of a hook.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	testBreak(t, func(t *testing.T, s *Store) func() {
		fd := int(s.file.Fd())
		kept, err := syscall.Dup(fd) // keeps the lock, too
		if err != nil {
			t.Fatal(err)
		}
		readOnly, err := os.Open(s.path)
		if err != nil {
			t.Fatal(err)
		}
		defer readOnly.Close() // only read
		if err := syscall.Dup3(int(readOnly.Fd()), fd, syscall.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := syscall.Dup3(kept, fd, syscall.O_CLOEXEC); err != nil {
				t.Error(err)
			}
			if err := syscall.Close(kept); err != nil {
				t.Error(err)
			}
		}
	}, (*Store).Adopt, syscall.EBADF, false)
}

// TestNoSpace lets no file grow. Not parallel: the limit is the whole process's.
func TestNoSpace(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	limit := func(t *testing.T, s *Store) func() {
		size, err := s.Size()
		if err != nil {
			t.Fatal(err)
		}
		var old syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(size), Max: old.Max}); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
				t.Error(err)
			}
		}
	}
	// bbolt does not wrap what the system said.
	testBreak(t, limit, func(s *Store) error {
		_, err := s.Append([][]byte{make([]byte, MaxFrameBytes)})
		return err
	}, ErrFatal, false)
}
