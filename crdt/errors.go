package crdt

import (
	"errors"
	"fmt"
)

// Reasons for which bytes are refused, in the order in which they are judged.
// Each has a short code ([Code]) that the wire, the counters and the screen use.
var (
	// Frame and envelope.
	ErrMalformed       = errors.New("not the deterministic encoding that the format asks for")
	ErrOverLimit       = errors.New("over a limit of the format")
	ErrBadLinks        = errors.New("links unsorted, repeated, or naming prev or the room")
	ErrEmptyOps        = errors.New("ops are of zero length")
	ErrDuplicateChange = errors.New("a change stands twice in one pack")
	// Author and signature.
	ErrBadAuthor    = errors.New("author key is not a valid Ed25519 key of large order")
	ErrNotAWriter   = errors.New("author is not a writer of this closed room")
	ErrBadSignature = errors.New("signature does not fit author, room and changes")
	// Context: the two that need an ancestor, and are final.
	ErrChainAuthor     = errors.New("prev is a change of another author")
	ErrAncestorRefused = errors.New("a parent was refused for its own bytes")
)

// Reasons for which a charter or evidence is refused.
var (
	ErrCharter  = errors.New("charter is not valid")
	ErrEvidence = errors.New("evidence does not prove a fork")
)

// Errors of local use: the caller's, never a peer's.
var (
	ErrWrongRoom     = errors.New("of another room")
	ErrUnsigned      = errors.New("own changes wait for their signature")
	ErrNoTarget      = errors.New("no such object or element in this document")
	ErrWrongType     = errors.New("wrong type for this operation")
	ErrBadIndex      = errors.New("index out of range")
	ErrNoEffect      = errors.New("this op has no effect in a room of this kind")
	ErrLiteral       = errors.New("value is not a literal that the format holds")
	ErrMissing       = errors.New("a parent is missing")
	ErrOwnFork       = errors.New("this author's chain is forked")
	ErrEmptyChange   = errors.New("a change without ops")
	ErrTxEnded       = errors.New("the change of this Tx was made or given up")
	ErrInChange      = errors.New("this writer is making a change")
	ErrKeeper        = errors.New("a keeper makes no document and writes nothing")
	ErrNothingToUndo = errors.New("nothing to undo")
	ErrNothingToRedo = errors.New("nothing to redo")
	ErrBadCursor     = errors.New("not a cursor of this document")
	ErrObserving     = errors.New("an observer must not write to the replica that it observes")
	ErrStale         = errors.New("the replica changed while a change was being made")
	ErrFull          = errors.New("the replica holds as many changes, things or bytes as it can")
)

var codes = []struct {
	err  error
	code string
}{
	// What is judged comes before why: these two wrap others below.
	{ErrCharter, "bad-charter"},
	{ErrEvidence, "bad-evidence"},
	{ErrMalformed, "malformed"},
	{ErrOverLimit, "over-limit"},
	{ErrBadLinks, "bad-links"},
	{ErrEmptyOps, "empty-ops"},
	{ErrDuplicateChange, "duplicate-change"},
	{ErrBadAuthor, "bad-author"},
	{ErrNotAWriter, "not-a-writer"},
	{ErrBadSignature, "bad-signature"},
	{ErrChainAuthor, "chain-author"},
	{ErrAncestorRefused, "ancestor-refused"},
	{ErrMissing, "missing-parent"},
}

// Code is the short, stable code of the reason of a refusal, or "" if err is
// none.
func Code(err error) string {
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	return ""
}

// A RefusedError says why a pack was refused and where. Change and Author are
// zero where the bytes were not read so far.
type RefusedError struct {
	Author Author
	Change ChangeID // computed from the bytes, also if the change is malformed
	Offset int      // in the pack, in bytes; -1 if the reason has no place in it
	Err    error    // one of the reasons above, or a wrapper of one

	after []ChangeID // what follows Change in its run, and is condemned with it
}

func (e *RefusedError) Error() string {
	switch {
	case e.Change != ChangeID{}:
		return fmt.Sprintf("change %v of %v: %v", e.Change, e.Author, e.Err)
	case e.Offset >= 0:
		return fmt.Sprintf("pack, byte %d: %v", e.Offset, e.Err)
	default:
		return fmt.Sprintf("pack: %v", e.Err)
	}
}

func (e *RefusedError) Unwrap() error { return e.Err }

// forBytes reports whether e condemns its change whatever signature or context
// comes later, so that its children are condemned too.
func (e *RefusedError) forBytes() bool {
	return e.Change != ChangeID{} && !errors.Is(e.Err, ErrBadSignature) && !errors.Is(e.Err, ErrDuplicateChange)
}

func malformed(err error) error { return fmt.Errorf("%w: %w", ErrMalformed, err) }

func overLimit(what string, limit, value int) error {
	return fmt.Errorf("%w: %s is %d, at most %d", ErrOverLimit, what, value, limit)
}
