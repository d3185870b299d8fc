//go:build !unix

package live

import "errors"

// mkfifo makes a named pipe, where there are such.
func mkfifo(string) error { return errors.ErrUnsupported }
