// Package invite makes and reads invitations: one line of text that says which
// room, what founded it, and where it is to be found.
//
//	tallystick:1:BASE64URL
//
// BASE64URL, without padding, holds the length of what follows it (2 bytes, big
// endian), then the deterministic CBOR [room id, charter, [relay…]], then the first
// 8 bytes of SHA-256("tallystick invitation v1\0" ‖ that CBOR). The length tells an
// invitation that was cut from one that was altered; the room's id, of one whose
// charter founds another room. Nothing in it is secret, and nothing is signed: whoever
// passes it on can put another room in its place, so the charter is shown before
// it is accepted.
package invite

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/transport"
)

const (
	// Prefix is what every invitation of this version begins with.
	Prefix = "tallystick:1:"
	// anyPrefix is that of all versions.
	anyPrefix = "tallystick:"

	// MaxBytes bounds the text of an invitation.
	MaxBytes = 88 << 10
	// maxBody is what the two bytes of its length can say.
	maxBody = 1<<16 - 1

	label    = "tallystick invitation v1\x00"
	sumBytes = 8
)

// Why a text is no invitation that can be taken.
var (
	// ErrNone: the text does not begin as an invitation does.
	ErrNone = errors.New("not an invitation")
	// ErrVersion: it is of another version of the program.
	ErrVersion = errors.New("an invitation of another version of the program")
	// ErrCut: its end is missing.
	ErrCut = errors.New("the invitation is cut: its end is missing; copy all of the line")
	// ErrAltered: it is not what was made.
	ErrAltered = errors.New("the invitation was altered on its way; ask for it once more")
	// ErrOther: the charter in it is not of the room that it names.
	ErrOther = errors.New("the invitation holds the charter of another room than it names; ask for it once more")
	// ErrLimit: it would be longer than one may be.
	ErrLimit = errors.New("too long for an invitation")
)

// An Invitation says how to join a room.
type Invitation struct {
	Charter crdt.Charter
	Relays  []string // complete URLs; who wrote them is not known
}

// Is reports whether text is meant to be an invitation, good or bad, rather than a name.
func Is(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), anyPrefix) }

// Format is the invitation as text. Errors: [ErrLimit], or of a charter or relay that breaks a rule.
func Format(in Invitation) (string, error) {
	if err := check(in); err != nil {
		return "", err
	}
	id := in.Charter.ID()
	body := dcbor.AppendArray(nil, 3)
	body = dcbor.AppendBytes(body, id[:])
	body = dcbor.AppendBytes(body, in.Charter.Append(nil))
	body = dcbor.AppendArray(body, len(in.Relays))
	for _, r := range in.Relays {
		body = dcbor.AppendText(body, r)
	}
	if len(body) > maxBody {
		return "", fmt.Errorf("%w: %d bytes, at most %d: found the room with fewer writers", ErrLimit, len(body), maxBody)
	}
	raw := binary.BigEndian.AppendUint16(nil, uint16(len(body)))
	raw = append(raw, body...)
	raw = append(raw, sum(body)...)
	return Prefix + base64.RawURLEncoding.EncodeToString(raw), nil
}

func sum(body []byte) []byte {
	s := sha256.Sum256(append([]byte(label), body...))
	return s[:sumBytes]
}

func check(in Invitation) error {
	if err := in.Charter.Validate(); err != nil {
		return err
	}
	if len(in.Relays) > profile.MaxRelays {
		return fmt.Errorf("%w: %d relays, at most %d", ErrLimit, len(in.Relays), profile.MaxRelays)
	}
	for _, r := range in.Relays {
		if len(r) > profile.MaxRelayBytes {
			return fmt.Errorf("%w: the address of a relay has %d bytes, at most %d", ErrLimit, len(r), profile.MaxRelayBytes)
		}
		full, err := transport.ParseURL(r)
		if err != nil {
			return fmt.Errorf("relay %q: %w", r, err)
		}
		if full != r {
			return fmt.Errorf("relay %q: give it as %q", r, full)
		}
	}
	return nil
}

// Parse reads an invitation. Blanks and line breaks within it, as mail programs make them, do no harm. Errors: [ErrNone],
// [ErrVersion], [ErrCut], [ErrAltered], [ErrOther], [ErrLimit], or of a charter or relay that breaks a rule.
func Parse(text string) (Invitation, error) {
	if len(text) > MaxBytes {
		return Invitation{}, fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, len(text), MaxBytes)
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	digits, ok := strings.CutPrefix(text, Prefix)
	if !ok {
		if strings.HasPrefix(text, anyPrefix) {
			if version, _, whole := strings.Cut(text[len(anyPrefix):], ":"); whole && version != "" && strings.Trim(version, "0123456789") == "" {
				return Invitation{}, ErrVersion
			}
		}
		if text != "" && strings.HasPrefix(Prefix, text) {
			return Invitation{}, ErrCut
		}
		return Invitation{}, fmt.Errorf("%w: one begins with %s", ErrNone, Prefix)
	}
	// The digits that make whole bytes; the length tells whether there should be more.
	spare := len(digits) % 4
	if spare == 1 {
		digits = digits[:len(digits)-1]
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(digits)
	if err != nil {
		if raw, err = base64.RawURLEncoding.DecodeString(digits); err != nil {
			return Invitation{}, ErrAltered
		}
		spare = 1 // bits beyond the last byte: not what was made, if not cut
	}
	if len(raw) < 2 {
		return Invitation{}, ErrCut
	}
	n := int(binary.BigEndian.Uint16(raw))
	switch body := raw[2:]; {
	case len(body) < n+sumBytes:
		return Invitation{}, ErrCut
	case len(body) > n+sumBytes || spare == 1:
		return Invitation{}, ErrAltered
	case !bytes.Equal(body[n:], sum(body[:n])):
		return Invitation{}, ErrAltered
	default:
		return parseBody(body[:n])
	}
}

func parseBody(body []byte) (in Invitation, err error) {
	r := dcbor.NewReader(body)
	r.ArrayN(3)
	id := r.Bytes()
	charter := r.Bytes()
	n := r.Array()
	if r.Err() == nil && n > profile.MaxRelays {
		return in, fmt.Errorf("%w: %d relays, at most %d", ErrLimit, n, profile.MaxRelays)
	}
	var relays []string
	for range n {
		if r.Err() != nil {
			break
		}
		relays = append(relays, r.Text())
	}
	if err := r.Done(); err != nil {
		return in, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	c, err := crdt.ParseCharter(charter)
	if err != nil {
		return in, err
	}
	if found := c.ID(); !bytes.Equal(id, found[:]) {
		return in, ErrOther
	}
	in = Invitation{c, relays}
	if err := check(in); err != nil {
		return Invitation{}, err
	}
	return in, nil
}
