package crdt

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"filippo.io/edwards25519"
)

// RoomID names a room: the hash of its charter.
type RoomID [32]byte

// ChangeID names a change: the hash of room, author, previous change and
// payload.
type ChangeID [32]byte

// Author is an Ed25519 public key. Only [ParseAuthor] judges whether 32 bytes
// are one that is accepted.
type Author [32]byte

// String is the first 8 hex digits, for people. MarshalText is complete.
func (id RoomID) String() string { return hex.EncodeToString(id[:4]) }

// String is the first 8 hex digits, for people. MarshalText is complete.
func (id ChangeID) String() string { return hex.EncodeToString(id[:4]) }

// String is the first 8 hex digits, for people. MarshalText is complete.
func (a Author) String() string { return hex.EncodeToString(a[:4]) }

// MarshalText is all 64 hex digits.
func (id RoomID) MarshalText() ([]byte, error) { return appendHex(id), nil }

// MarshalText is all 64 hex digits.
func (id ChangeID) MarshalText() ([]byte, error) { return appendHex(id), nil }

// MarshalText is all 64 hex digits.
func (a Author) MarshalText() ([]byte, error) { return appendHex(a), nil }

func appendHex(b [32]byte) []byte { return hex.AppendEncode(nil, b[:]) }

func (id ChangeID) compare(other ChangeID) int { return bytes.Compare(id[:], other[:]) }

// A Name names what a change made: the value, element or object number Index of
// all that Change made, counted over its ops in order (docs/protocol.md §5). A
// zero Change names what the room's kind fixes: [Root] or [Feed].
type Name struct {
	Change ChangeID
	Index  uint32
}

var (
	// Root is the root map that every room starts with.
	Root = Name{Index: 0}
	// Feed is the append-only list of a ledger room (`entries`) or an oracle
	// room (`feeds`).
	Feed = Name{Index: 1}
)

// Fixed reports whether n is fixed by the room's kind rather than made by a
// change.
func (n Name) Fixed() bool { return n.Change == ChangeID{} }

// String is like "9f2c4a1e.0", or "root" and "feed".
func (n Name) String() string {
	switch n {
	case Root:
		return "root"
	case Feed:
		return "feed"
	}
	return fmt.Sprintf("%v.%d", n.Change, n.Index)
}

func (n Name) compare(other Name) int {
	if c := n.Change.compare(other.Change); c != 0 {
		return c
	}
	return int(int64(n.Index) - int64(other.Index))
}

// ParseAuthor is the one door for author keys. It returns [ErrBadAuthor] unless b
// is the canonical encoding of a point that is not of small order: without that,
// ZIP 215 accepts keys that everybody can sign for.
func ParseAuthor(b []byte) (Author, error) {
	var a Author
	if len(b) != len(a) {
		return a, fmt.Errorf("%w: %d bytes, want 32", ErrBadAuthor, len(b))
	}
	p, err := new(edwards25519.Point).SetBytes(b)
	if err != nil {
		return a, fmt.Errorf("%w: not on the curve", ErrBadAuthor)
	}
	if !reduced(b) {
		return a, fmt.Errorf("%w: not the canonical encoding", ErrBadAuthor)
	}
	if new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return a, fmt.Errorf("%w: of small order", ErrBadAuthor)
	}
	copy(a[:], b)
	return a, nil
}

// reduced reports whether the y of an encoded point is less than 2^255 - 19, so that no
// other bytes encode it; but for the two points with x = 0, which are of small order. It
// says at once what encoding the point again says with an inversion.
func reduced(b []byte) bool {
	if b[0] < 0xed || b[31]&0x7f != 0x7f {
		return true
	}
	for _, c := range b[1:31] {
		if c != 0xff {
			return true
		}
	}
	return false
}

// signed is the message that the signature of a run is over.
func signed(room RoomID, last ChangeID) []byte {
	b := make([]byte, 0, len(labelSig)+64)
	b = append(b, labelSig...)
	b = append(b, room[:]...)
	return append(b, last[:]...)
}
