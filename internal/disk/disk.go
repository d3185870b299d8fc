package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// MaxSmallFileBytes bounds what [ReadSmall] reads.
const MaxSmallFileBytes = 64 << 10

var (
	// ErrLocked is returned by [Lock] when another open file holds the lock.
	ErrLocked = errors.New("locked by another process")
	// ErrNotRegular is returned for a path that is a directory, a symbolic link,
	// a pipe or a device where a plain file is needed.
	ErrNotRegular = errors.New("not a regular file")
	// ErrTooLarge is returned by [ReadSmall].
	ErrTooLarge = fmt.Errorf("larger than %d bytes", MaxSmallFileBytes)
)

// Identity says which file an open file is.
type Identity struct {
	Device, Inode uint64
	Links         uint64 // names the file has; 0: it was deleted
	Owner         uint32 // user id
}

// Same says whether both are one file.
func (a Identity) Same(b Identity) bool { return a.Device == b.Device && a.Inode == b.Inode }

// OpenRegular opens path as [os.OpenFile] does, with mode 0600 if it is created,
// but refuses what is no regular file with [ErrNotRegular]: it follows no
// symbolic link at path itself and never waits for the other end of a pipe.
func OpenRegular(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|openRegularFlags, 0o600)
	if err != nil {
		if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.EISDIR) {
			return nil, &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
		}
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Release gives back the lock of f and closes it. A close alone would keep the lock for as long as the file is mapped, or
// a child process that was just started has not yet let go of it. A closed file is left as it is.
func Release(f *os.File) error {
	unlockErr := unlock(f)
	if err := f.Close(); !errors.Is(err, os.ErrClosed) {
		return errors.Join(unlockErr, err)
	}
	return nil
}

// ReadSmall returns what is left to read of f, at most [MaxSmallFileBytes];
// [ErrTooLarge] if there is more.
func ReadSmall(f *os.File) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(f, MaxSmallFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(b) > MaxSmallFileBytes {
		return nil, &fs.PathError{Op: "read", Path: f.Name(), Err: ErrTooLarge}
	}
	return b, nil
}

// MkdirAll makes dir with all its parents, each 0700, and syncs the parent of
// each that it made. What exists is left as it is.
func MkdirAll(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := MkdirAll(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		if info, statErr := os.Stat(dir); statErr == nil && info.IsDir() {
			return nil // another process was faster
		}
		return err
	}
	return SyncDir(parent)
}

// Publish gives the synced file at tmp the name path in the same directory,
// takes away the name tmp and syncs the directory. It never replaces a file:
// [fs.ErrExist] if path is taken, and then tmp stays.
func Publish(tmp, path string) error {
	// A crash before the link leaves tmp alone. A crash between link and remove
	// leaves both names on one whole file. After the remove only path is left.
	err := os.Link(tmp, path)
	switch {
	case err == nil:
		err = os.Remove(tmp)
	case errors.Is(err, fs.ErrExist):
		return err
	default:
		// No hard links here (FAT, some FUSE, Android). Rename would replace a file
		// that appears after the check: callers hold a lock that excludes their like.
		if _, statErr := os.Lstat(path); statErr == nil {
			return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
		}
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// WriteNew makes the file path (mode 0600) with the given content, whole and
// durable on return. It never replaces a file: [fs.ErrExist].
func WriteNew(path string, content []byte) error { return CopyNew(path, bytes.NewReader(content)) }

// CopyNew is [WriteNew] with what is left to read of content.
func CopyNew(path string, content io.Reader) error { return write(path, content, Publish) }

// Replace makes the file path (mode 0600) with the given content, whole and
// durable on return, in the place of whatever is there: a crash leaves that or the
// new one. A symbolic link at path is replaced, not followed.
func Replace(path string, content []byte) error {
	return write(path, bytes.NewReader(content), func(tmp, path string) error {
		if err := os.Rename(tmp, path); err != nil {
			return err
		}
		return SyncDir(filepath.Dir(path))
	})
}

// write makes a synced temporary file beside path, which publish gives its name.
func write(path string, content io.Reader, publish func(tmp, path string) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()           // the first error is the one to report; a second close does no harm
			_ = os.Remove(f.Name()) // a left-over temporary file blocks nothing
		}
	}()
	if _, err := io.Copy(f, content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return publish(f.Name(), path)
}
