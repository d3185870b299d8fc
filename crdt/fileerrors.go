package crdt

import (
	"errors"
	"fmt"
)

// Reasons for which a room file or a snapshot is refused.
var (
	ErrFileFormat    = errors.New("not a file of this kind")
	ErrFileVersion   = errors.New("a file of another version")
	ErrFileChecksum  = errors.New("checksum does not match")
	ErrFileTruncated = errors.New("the file ends early")
	ErrFileTrailing  = errors.New("bytes after the end of the file")
	ErrFileColumns   = errors.New("columns do not hold what the file says")
)

// A DamageError says where a room file is damaged. What [LoadFile] returns beside
// it is intact: every pack before the one that holds Change.
type DamageError struct {
	Change int      // log index of the first change that is bad or missing
	Author Author   // who made it; zero if the damage hides that
	Prev   ChangeID // the change before it on its author's chain; zero if there is none or the damage hides that
	Offset int      // in the file, in bytes: of the segment that holds it
	Err    error    // one of the reasons above, or of those for which a pack is refused
}

func (e *DamageError) Error() string {
	switch {
	case e.Author == Author{}:
		return fmt.Sprintf("room file, byte %d: change %d: %v", e.Offset, e.Change, e.Err)
	case e.Prev == ChangeID{}:
		return fmt.Sprintf("room file, byte %d: change %d, the first of %v: %v", e.Offset, e.Change, e.Author, e.Err)
	default:
		return fmt.Sprintf("room file, byte %d: change %d of %v, after %v: %v", e.Offset, e.Change, e.Author, e.Prev, e.Err)
	}
}

func (e *DamageError) Unwrap() error { return e.Err }
