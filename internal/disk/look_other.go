//go:build !linux

package disk

import "os"

// Look returns the size of f in bytes and which file it is.
func Look(f *os.File) (size int64, id Identity, err error) { return lookSlowly(f) }
