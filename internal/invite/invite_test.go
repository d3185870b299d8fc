package invite

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

func author(b byte) crdt.Author {
	return crdt.Author(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))[ed25519.SeedSize:])
}

func closed(name string, writers ...byte) crdt.Charter {
	c := crdt.Charter{Name: name, Kind: crdt.Ledger, Params: crdt.Literal{0xa0}}
	for _, w := range writers {
		c.Writers = append(c.Writers, author(w))
	}
	slices.SortFunc(c.Writers, func(a, b crdt.Author) int { return bytes.Compare(a[:], b[:]) })
	return c
}

func mustFormat(t testing.TB, in Invitation) string {
	t.Helper()
	text, err := Format(in)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// golden is an invitation of today, which must be read for ever.
const golden = "tallystick:1:AJ2DWCCVqn0jtuwPWbO5dlgU4lLHckltwFPDd_sx4RrnRn3gj1hUhQFkdHJpcGZsZWRnZXKCWCCBOXcOqH0XX1ajVGbDTH7My42KkbTuN6Jd9g9bj8mzlFggiojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1yggXghd3NzOi8vcmVsYXkuZXhhbXBsZS5vcmcvd2Vic29ja2V0duu6_jNdr3s"

func TestGolden(t *testing.T) {
	t.Parallel()
	in := Invitation{closed("trip", 1, 2), []string{"wss://relay.example.org/websocket"}}
	if got := mustFormat(t, in); got != golden {
		t.Errorf("got %s, want %s", got, golden)
	}
}

func equal(a, b Invitation) bool {
	return a.Charter.ID() == b.Charter.ID() && slices.Equal(a.Relays, b.Relays)
}

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-zé漢 ]{1,20}`).Draw(t, "name")
		writers := rapid.SliceOfNDistinct(rapid.Byte(), 0, 5, rapid.ID).Draw(t, "writers")
		in := Invitation{Charter: closed(name, writers...)}
		for range rapid.IntRange(0, 3).Draw(t, "relays") {
			in.Relays = append(in.Relays, "ws://192.0.2.1:8080/websocket")
		}
		text, err := Format(in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(text)
		if err != nil || !equal(got, in) {
			t.Fatalf("got %v, %v, want %v", got, err, in)
		}
		// As a mail program breaks it.
		at := rapid.IntRange(0, len(text)).Draw(t, "break")
		if got, err := Parse(" " + text[:at] + "\r\n  " + text[at:] + "\n"); err != nil || !equal(got, in) {
			t.Fatalf("broken at %d: got %v, %v", at, got, err)
		}
	})
}

// TestCut: whatever is missing at the end, it is told as that.
func TestCut(t *testing.T) {
	t.Parallel()
	text := mustFormat(t, Invitation{closed("trip", 1, 2, 3), []string{"ws://192.0.2.1:8080/websocket"}})
	for n := 1; n < len(text); n++ {
		if _, err := Parse(text[:n]); !errors.Is(err, ErrCut) {
			t.Errorf("%d of %d bytes: got %v", n, len(text), err)
		}
	}
}

// TestAltered: no changed character goes unnoticed, nor one more or one less within.
func TestAltered(t *testing.T) {
	t.Parallel()
	text := mustFormat(t, Invitation{closed("trip", 1, 2, 3), nil})
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for at := len(Prefix); at < len(text); at++ {
		others := []string{text[:at] + text[at+1:], text[:at] + "A" + text[at:], text[:at] + "ä" + text[at+1:]}
		for _, d := range digits {
			if byte(d) != text[at] {
				others = append(others, text[:at]+string(d)+text[at+1:])
			}
		}
		for _, other := range others {
			if in, err := Parse(other); err == nil && other != text {
				t.Fatalf("character %d: %s was taken as %v", at, other, in)
			}
		}
	}
	if _, err := Parse(text + "A"); !errors.Is(err, ErrAltered) {
		t.Errorf("one more: got %v", err)
	}
	if _, err := Parse(text + text[len(Prefix):]); !errors.Is(err, ErrAltered) {
		t.Errorf("twice: got %v", err)
	}
}

// forged is an invitation whose checksum is good.
func forged(body []byte) string {
	raw := binary.BigEndian.AppendUint16(nil, uint16(len(body)))
	return Prefix + base64.RawURLEncoding.EncodeToString(append(append(raw, body...), sum(body)...))
}

func body(id crdt.RoomID, charter []byte, relays ...string) []byte {
	b := dcbor.AppendBytes(dcbor.AppendArray(nil, 3), id[:])
	b = dcbor.AppendArray(dcbor.AppendBytes(b, charter), len(relays))
	for _, r := range relays {
		b = dcbor.AppendText(b, r)
	}
	return b
}

func TestForged(t *testing.T) {
	t.Parallel()
	c := closed("trip", 1)
	good := c.Append(nil)
	many := make([]string, 17)
	for name, f := range map[string]struct {
		text string
		want error
	}{
		"another charter": {forged(body(closed("trip", 2).ID(), good)), ErrOther},
		"no charter":      {forged(body(c.ID(), []byte{1, 2})), crdt.ErrCharter},
		"nothing":         {forged(nil), ErrAltered},
		"more in it":      {forged(append(body(c.ID(), good), 0)), ErrAltered},
		"many relays":     {forged(body(c.ID(), good, many...)), ErrLimit},
		"long relay":      {forged(body(c.ID(), good, "ws://"+strings.Repeat("x", 600))), ErrLimit},
		"a name":          {"trip", ErrNone},
		"nothing at all":  {"", ErrNone},
		"version 2":       {"tallystick:2:AAAA", ErrVersion},
		"version x":       {"tallystick:x:AAAA", ErrNone},
		"long":            {Prefix + strings.Repeat("A", MaxBytes), ErrLimit},
	} {
		if in, err := Parse(f.text); !errors.Is(err, f.want) {
			t.Errorf("%s: got %v, %v, want %v", name, in, err, f.want)
		}
	}
	for _, relay := range []string{"", "ftp://x", "ws://user:pw@x", "ws://x/\x1b[2J", "javascript:1", "ws://X:1"} {
		if in, err := Parse(forged(body(c.ID(), good, relay))); err == nil && slices.Contains(in.Relays, "") {
			t.Errorf("%q was taken: %v", relay, in)
		} else if err == nil {
			if again := mustFormat(t, in); again != forged(body(c.ID(), good, relay)) {
				t.Errorf("%q: written otherwise", relay)
			}
		}
	}
}

func TestFormatLimits(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]Invitation{
		"no name":     {closed("", 1), nil},
		"many relays": {closed("x", 1), make([]string, 17)},
		"no relay":    {closed("x", 1), []string{"x"}},
		"params":      {crdt.Charter{Name: "x", Kind: crdt.Ledger, Params: dcbor.AppendBytes(dcbor.AppendText([]byte{0xa1}, "x"), make([]byte, maxBody))}, nil},
	} {
		if text, err := Format(in); err == nil {
			t.Errorf("%s: got %.80s", name, text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(golden)
	f.Add(golden[:len(golden)/2])
	f.Add(Prefix)
	f.Add("tallystick:2:AAAA")
	f.Add(forged(body(crdt.RoomID{}, closed("trip", 1).Append(nil), "ws://192.0.2.1:8080/websocket")))
	f.Add(string(body(closed("trip", 1).ID(), closed("trip", 1).Append(nil), "ws://192.0.2.1:8080/websocket")))
	f.Fuzz(func(t *testing.T, text string) {
		// The same as the inside of one whose checksum is good.
		if len(text) <= maxBody {
			if in, err := Parse(forged([]byte(text))); err == nil {
				if again, err := Format(in); err != nil || again != forged([]byte(text)) {
					t.Fatalf("%x: written otherwise: %s, %v", text, again, err)
				}
			}
		}
		in, err := Parse(text)
		if err != nil {
			if !equal(in, Invitation{}) {
				t.Fatalf("%v with %v", in, err)
			}
			return
		}
		again, err := Format(in)
		if err != nil {
			t.Fatalf("%q was read and cannot be written: %v", text, err)
		}
		if once, err := Parse(again); err != nil || !equal(once, in) {
			t.Fatalf("%q: read as %v, then %v, %v", text, in, once, err)
		}
	})
}
