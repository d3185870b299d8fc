package proof

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

const (
	// MaxBytes bounds a proof file of any kind; longer ones are not read.
	MaxBytes = 4 << 20
	// MaxKindBytes bounds the name of a kind.
	MaxKindBytes = 32

	label = "tallystick proof v1"
)

// Reasons for which a file is no valid proof. Every error of [Check] wraps one.
var (
	ErrNotProof    = errors.New("not a proof file")                      // it does not begin as one
	ErrDamaged     = errors.New("the proof file is damaged")             // it begins as one, and is not encoded as one
	ErrUnknownKind = errors.New("this program does not know this proof") // of a later version, perhaps
	ErrInvalid     = errors.New("the proof file proves nothing")         // a hash or a signature does not fit
)

// Code is the short, stable code of the reason of an error of [Check].
func Code(err error) string {
	for _, c := range []struct {
		err  error
		code string
	}{{ErrNotProof, "not-a-proof"}, {ErrDamaged, "damaged"}, {ErrUnknownKind, "unknown-kind"}, {ErrInvalid, "invalid"}} {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	return ""
}

// file is a container, read. Body aliases the bytes that it was read from.
type file struct {
	kind    string
	version uint64
	body    []byte
}

// appendFile appends the encoding of a container.
func (f file) append(dst []byte) []byte {
	dst = dcbor.AppendArray(dst, 4)
	dst = dcbor.AppendText(dst, label)
	dst = dcbor.AppendText(dst, f.kind)
	dst = dcbor.AppendUint(dst, f.version)
	return dcbor.AppendBytes(dst, f.body)
}

// opening is how every proof file begins.
var opening = dcbor.AppendText(dcbor.AppendArray(nil, 4), label)

// parse reads a container. Errors: [ErrNotProof], [ErrDamaged].
func parse(b []byte) (file, error) {
	if len(b) < len(opening) || string(b[:len(opening)]) != string(opening) {
		return file{}, ErrNotProof
	}
	if len(b) > MaxBytes {
		return file{}, fmt.Errorf("%w: more than %d bytes", ErrDamaged, MaxBytes)
	}
	r := dcbor.NewReader(b)
	r.Array()
	_ = r.Text() // the label
	var f file
	f.kind = r.Text()
	f.version = r.Uint()
	f.body = r.Bytes()
	if err := r.Done(); err != nil {
		return file{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if f.kind == "" || len(f.kind) > MaxKindBytes {
		return file{}, fmt.Errorf("%w: a kind of %d bytes", ErrDamaged, len(f.kind))
	}
	f.kind = strings.Clone(f.kind)
	return f, nil
}

// kinds are the proofs that this program can check: by name, the version and what
// checks a body of it.
var kinds = map[string]struct {
	version uint64
	check   func(body []byte) (*Statement, error)
}{
	KindFork:  {1, checkFork},
	KindPrice: {1, checkPrice},
	KindEntry: {1, checkEntry},
}

// A Statement is what a valid proof file says. All texts of it that came from the
// file (Room, and what is said in Changes) are untrusted: they pass internal/safe
// before they are shown.
type Statement struct {
	Kind string
	// Proved is what is certain, in one sentence of the program's own.
	Proved string
	RoomID crdt.RoomID
	Room   *string // the room's name; nil: the file does not tell
	// Keys are those by whose signatures it is proved.
	Keys []crdt.Author
	// NotProved is what one might think that it proves besides.
	NotProved []string
	// Fork is set if Kind is [KindFork].
	Fork *ForkStatement
	// Price is set if Kind is [KindPrice].
	Price *PriceStatement
	// Entry is set if Kind is [KindEntry].
	Entry *EntryStatement
}

// Check checks a proof file of any kind, trusting nobody. b stays as it is. The
// errors are those of this package: all that is said of a file that is not valid.
func Check(b []byte) (*Statement, error) {
	f, err := parse(b)
	if err != nil {
		return nil, err
	}
	kind, ok := kinds[f.kind]
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: of kind %q; known: %s", ErrUnknownKind, f.kind, knownKinds())
	case kind.version != f.version:
		return nil, fmt.Errorf("%w: version %d of kind %q; known: %d", ErrUnknownKind, f.version, f.kind, kind.version)
	}
	s, err := kind.check(f.body)
	if err != nil {
		return nil, err
	}
	s.Kind = f.kind
	return s, nil
}

func knownKinds() string {
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}
