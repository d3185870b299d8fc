//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package disk

import (
	"errors"
	"io/fs"
	"os"
)

const openRegularFlags = 0

// Lock is not supported on this system.
func Lock(f *os.File) error {
	return &fs.PathError{Op: "lock", Path: f.Name(), Err: errors.ErrUnsupported}
}

func unlock(*os.File) error { return nil }

// Stat is not supported on this system.
func Stat(fs.FileInfo) (Identity, error) { return Identity{}, errors.ErrUnsupported }

// SyncDir does nothing on this system.
func SyncDir(string) error { return nil }
