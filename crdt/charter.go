package crdt

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// Kind says which fixed objects a room has and which ops take effect in it.
type Kind string

// The kinds of charter version 1.
const (
	Ledger Kind = "ledger" // the list `entries`; append and mark
	JSON   Kind = "json"   // a root map; every op
	Oracle Kind = "oracle" // the list `feeds`; append and mark
)

const charterVersion = 1

// A Charter founds a room. It never changes: its hash is the room's id.
type Charter struct {
	Name    string   // 1 … MaxRoomNameBytes bytes of UTF-8
	Kind    Kind     // one of the kinds above
	Writers []Author // sorted, unique; empty = everybody may write
	Params  Literal  // a map; what the kind defines
}

var emptyMap = Literal{0xa0}

// OpenLedger is the charter of the open ledger of that name, the same for
// everybody who says it.
func OpenLedger(name string) Charter {
	return Charter{Name: name, Kind: Ledger, Params: emptyMap}
}

// Append appends the deterministic CBOR [1, name, kind, writers, params].
func (c Charter) Append(dst []byte) []byte {
	dst = dcbor.AppendArray(dst, 5)
	dst = dcbor.AppendUint(dst, charterVersion)
	dst = dcbor.AppendText(dst, c.Name)
	dst = dcbor.AppendText(dst, string(c.Kind))
	dst = dcbor.AppendArray(dst, len(c.Writers))
	for _, w := range c.Writers {
		dst = dcbor.AppendBytes(dst, w[:])
	}
	if len(c.Params) == 0 {
		return append(dst, emptyMap...)
	}
	return append(dst, c.Params...)
}

// ID is SHA-256(label ‖ charter).
func (c Charter) ID() RoomID {
	return sha256.Sum256(c.Append([]byte(labelRoom)))
}

// Closed reports whether only the Writers may write.
func (c Charter) Closed() bool { return len(c.Writers) > 0 }

// writes reports whether a may write.
func (c Charter) writes(a Author) bool {
	if !c.Closed() {
		return true
	}
	_, ok := slices.BinarySearchFunc(c.Writers, a, compareAuthors)
	return ok
}

func compareAuthors(a, b Author) int { return bytes.Compare(a[:], b[:]) }

// ParseCharter reads a charter that came from outside and checks every rule of
// it. The error wraps [ErrCharter] and says which rule. The result shares
// nothing with b.
func ParseCharter(b []byte) (Charter, error) {
	var c Charter
	if len(b) > MaxCharterBytes {
		return c, fmt.Errorf("%w: %d bytes, at most %d", ErrCharter, len(b), MaxCharterBytes)
	}
	r := dcbor.NewReader(slices.Clone(b))
	r.ArrayN(5)
	version := r.Uint()
	if r.Err() == nil && version != charterVersion {
		return c, fmt.Errorf("%w: version %d, this program knows %d", ErrCharter, version, charterVersion)
	}
	c.Name = r.Text()
	c.Kind = Kind(r.Text())
	n := r.Array()
	if n > MaxWriters {
		return c, fmt.Errorf("%w: %d writers, at most %d", ErrCharter, n, MaxWriters)
	}
	for range n {
		raw := r.Bytes()
		if r.Err() != nil {
			break
		}
		w, err := ParseAuthor(raw)
		if err != nil {
			return c, fmt.Errorf("%w: writer %d: %w", ErrCharter, len(c.Writers)+1, err)
		}
		c.Writers = append(c.Writers, w)
	}
	if r.Err() == nil && r.Kind() != dcbor.KindMap {
		r.Fail(dcbor.ErrType)
	}
	c.Params = r.Literal(MaxDepth)
	if err := r.Done(); err != nil {
		return c, fmt.Errorf("%w: %w", ErrCharter, err)
	}
	return c, c.Validate()
}

// Validate checks the rules that the encoding does not. The error wraps
// [ErrCharter].
func (c Charter) Validate() error {
	switch {
	case c.Name == "" || len(c.Name) > MaxRoomNameBytes || !utf8.ValidString(c.Name):
		return fmt.Errorf("%w: name must be 1 to %d bytes of UTF-8", ErrCharter, MaxRoomNameBytes)
	case c.Kind != Ledger && c.Kind != JSON && c.Kind != Oracle:
		return fmt.Errorf("%w: unknown kind %q", ErrCharter, c.Kind)
	case len(c.Writers) > MaxWriters:
		return fmt.Errorf("%w: %d writers, at most %d", ErrCharter, len(c.Writers), MaxWriters)
	}
	for i := 1; i < len(c.Writers); i++ {
		if compareAuthors(c.Writers[i-1], c.Writers[i]) >= 0 {
			return fmt.Errorf("%w: writers are not sorted and unique", ErrCharter)
		}
	}
	return nil
}
