package store

import (
	"errors"
	"fmt"
)

// Opening.
var (
	// ErrLocked: another tallystick has the file open.
	ErrLocked = errors.New("another tallystick holds it")
	// ErrExists is returned by Create: there is a file already. It is never replaced.
	ErrExists = errors.New("it exists already")
	// ErrNotStore: the file is no tallystick store, sound or damaged.
	ErrNotStore = errors.New("not a tallystick store")
	// ErrVersion: the file was written in a format that this program does not know, most likely by a newer one.
	ErrVersion = errors.New("written in a format that this program does not know")
	// ErrTooManyDamaged: a salvage found MaxDamaged damaged files beside the store already. They are for the user to look at.
	ErrTooManyDamaged = errors.New("too many damaged files are kept: see to the disk, then move them away")
	// ErrDamaged is what every [*DamageError] wraps.
	ErrDamaged = errors.New("damaged")
)

// Writing.
var (
	// ErrFrameSize: a frame is empty or larger than MaxFrameBytes. Nothing was written; the store goes on.
	ErrFrameSize = errors.New("frame out of bounds")
	// ErrCharterSize: a charter is larger than MaxCharterBytes. Nothing was written.
	ErrCharterSize = errors.New("charter out of bounds")
	// ErrRange: Replace was called with a number beyond the end or without frames. Nothing was written; the store goes on.
	ErrRange = errors.New("records out of range")
	// ErrFatal: a write went wrong. The state on disk is unknown until the store was closed and opened again, and
	// every later write through this Store returns the same error.
	ErrFatal = errors.New("nothing more is written: what is on disk is known only after a restart")
	// ErrClosed: the Store was closed.
	ErrClosed = errors.New("store is closed")
)

// DamageError says which part of which file is not as it was written. It wraps [ErrDamaged].
type DamageError struct {
	Path   string
	Record uint64 // the first record that cannot be read whole; [NoRecord] if the place is outside the records
	Offset int64  // where in the file, in bytes, beyond its end if it was cut; -1 if unknown
	Reason string // what is wrong there, and at which byte
}

// Error names file, place and reason.
func (e *DamageError) Error() string {
	place := "outside the records"
	if e.Record != NoRecord {
		place = fmt.Sprintf("at record %d", e.Record)
	}
	if e.Offset >= 0 {
		place += fmt.Sprintf(", byte %d", e.Offset)
	}
	return fmt.Sprintf("%s: damaged %s: %s", e.Path, place, e.Reason)
}

// Unwrap returns [ErrDamaged].
func (e *DamageError) Unwrap() error { return ErrDamaged }
