package disk

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Datasync makes the content of f durable. It may leave times behind, so that
// writing over existing bytes costs no journal commit.
func Datasync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
		return nil
	}
}
