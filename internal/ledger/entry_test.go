package ledger

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

func transfer(change func(*Entry)) Entry {
	e := NewTransfer("alice", "bob", 1250, 2, "EUR", "dinner")
	if change != nil {
		change(&e)
	}
	return e
}

// shares makes an entry of so many parties whose amounts repeat.
func shares(n int, amounts ...int64) Entry {
	e := Entry{Scale: 2}
	for i := range n {
		e.Postings = append(e.Postings, Posting{Label: fmt.Sprintf("p%d", i), Amount: amounts[i%len(amounts)]})
	}
	return e
}

func TestValidate(t *testing.T) {
	t.Parallel()
	k1, k2 := crdt.Author{1}, crdt.Author{2}
	key := func(a, b *crdt.Author) func(*Entry) {
		return func(e *Entry) { e.Postings[0].Key, e.Postings[1].Key = a, b }
	}
	label := func(s string) func(*Entry) { return func(e *Entry) { e.Postings[0].Label = s } }
	memo := func(s string) func(*Entry) { return func(e *Entry) { e.Memo = s } }
	unit := func(s string) func(*Entry) { return func(e *Entry) { e.Unit = s } }
	amount := func(n int64) func(*Entry) {
		return func(e *Entry) { e.Postings[0].Amount, e.Postings[1].Amount = -n, n }
	}
	replaces := func(r Ref) func(*Entry) { return func(e *Entry) { e.Replaces = r } }
	for _, c := range []struct {
		name string
		e    Entry
		want error // nil: valid
	}{
		{"plain", transfer(nil), nil},
		{"zero value", Entry{}, ReasonPostings},
		{"one posting", shares(1, 1), ReasonPostings},
		{"64 postings", shares(64, 1, -1), nil},
		{"65 postings", shares(65, 1, -1), ReasonPostings},
		{"empty label", transfer(label("")), ReasonLabel},
		{"label of 64 bytes", transfer(label(strings.Repeat("x", 64))), nil},
		{"label of 65 bytes", transfer(label(strings.Repeat("x", 65))), ReasonLabel},
		{"label of 64 bytes, not ascii", transfer(label(strings.Repeat("é", 32))), nil},
		{"label not NFC", transfer(label("Zoe\u0308")), ReasonLabel},
		{"label NFC", transfer(label("Zo\u00eb")), nil},
		{"label not UTF-8", transfer(label("a\xff")), ReasonLabel},
		{"label with a line break", transfer(label("a\nb")), ReasonLabel},
		{"label with del", transfer(label("a\x7f")), ReasonLabel},
		{"label with c1", transfer(label("a\u0085")), ReasonLabel},
		{"label with a line separator", transfer(label("a\u2028")), ReasonLabel},
		{"label with bidi", transfer(label("a\u202e")), ReasonLabel},
		{"label with a joiner", transfer(label("a\u200d")), ReasonLabel},
		{"label with a soft hyphen", transfer(label("a\u00ad")), ReasonLabel},
		{"label with a character newer than the rules", transfer(label("a\U0001fae9")), ReasonLabel}, // Unicode 16
		{"label with an emoji", transfer(label("👍")), nil},
		{"label of blanks", transfer(label(" ")), nil},
		{"label with private use", transfer(label("\ue000")), nil},
		{"zero", transfer(amount(0)), ReasonAmount},
		{"18 digits", transfer(amount(1e18 - 1)), nil},
		{"19 digits", transfer(amount(1e18)), ReasonAmount},
		{"the least int64", transfer(func(e *Entry) { e.Postings[0].Amount = math.MinInt64 }), ReasonAmount},
		{"same label twice", transfer(label("bob")), ReasonPartyTwice},
		{"same label, two keys", transfer(func(e *Entry) { label("bob")(e); key(&k1, &k2)(e) }), nil},
		{"same label, one key", transfer(func(e *Entry) { label("bob")(e); key(&k1, nil)(e) }), nil},
		{"same key, two labels", transfer(key(&k1, &crdt.Author{1})), ReasonPartyTwice},
		{"sum", transfer(func(e *Entry) { e.Postings[0].Amount++ }), ReasonSum},
		{"sum that wraps around in 64 bits", wraps(), ReasonSum},
		{"sum beyond 64 bits on the way", shares(64, append(repeat(1e18-1, 32), repeat(-(1e18-1), 32)...)...), nil},
		{"scale 18", transfer(func(e *Entry) { e.Scale = 18 }), nil},
		{"scale 19", transfer(func(e *Entry) { e.Scale = 19 }), ReasonScale},
		{"scale below zero", transfer(func(e *Entry) { e.Scale = -1 }), ReasonScale},
		{"no unit", transfer(unit("")), nil},
		{"unit of 8", transfer(unit("A2345678")), nil},
		{"unit of 9", transfer(unit("A23456789")), ReasonUnit},
		{"unit of 1", transfer(unit("E")), ReasonUnit},
		{"unit in small letters", transfer(unit("eur")), ReasonUnit},
		{"unit that begins with a digit", transfer(unit("1EU")), ReasonUnit},
		{"memo of 512 bytes", transfer(memo(strings.Repeat("x", 512))), nil},
		{"memo of 513 bytes", transfer(memo(strings.Repeat("x", 513))), ReasonMemo},
		{"memo of two lines", transfer(memo("a\nb")), ReasonMemo},
		{"memo with a return", transfer(memo("a\rb")), ReasonMemo},
		{"memo with a separator", transfer(memo("é\u2029")), ReasonMemo},
		{"memo with next line", transfer(memo("a\u0085")), ReasonMemo},
		{"memo not UTF-8", transfer(memo("\xff")), ReasonMemo},
		{"hostile memo", transfer(memo("\x1b[2J\u202e\u200b")), nil},
		{"replaces on the own chain", transfer(replaces(Ref{K: 3, I: 1})), nil},
		{"replaces by a link", transfer(replaces(Ref{K: -1, I: math.MaxUint32, D: 7})), nil},
		{"replaces this change", transfer(replaces(Ref{I: 1})), ReasonReplaces},
		{"replaces back on the own chain", transfer(replaces(Ref{K: 1, D: 1})), ReasonReplaces},
		{"replaces forward", transfer(replaces(Ref{K: -1, D: -1})), ReasonReplaces},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := c.e.Validate()
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if l, encErr := Encode(c.e); (err == nil) != (encErr == nil) {
				t.Errorf("Validate: %v, Encode: %v (%x)", err, encErr, l)
			}
		})
	}
}

func repeat(n int64, times int) []int64 {
	var all []int64
	for range times {
		all = append(all, n)
	}
	return all
}

// wraps is an entry whose amounts add up to 2^64.
func wraps() Entry {
	e := shares(20, 1e18-1)
	rest := int64(20) // 2^64 = 18·(10^18-1) + 18 + 446744073709551616
	e.Postings = e.Postings[:18]
	e.Postings = append(e.Postings, Posting{Label: "last", Amount: 446744073709551616 + 18}, Posting{Label: "a", Amount: rest}, Posting{Label: "b", Amount: -rest})
	return e
}

func TestWraps(t *testing.T) {
	t.Parallel()
	var sum int64
	e := wraps()
	for _, p := range e.Postings {
		sum += p.Amount
	}
	if sum != 0 {
		t.Fatalf("the test of wide sums is none: 64-bit sum is %d", sum)
	}
}

// The table of what labels may hold is fixed; Unicode's own answer must be the
// same where this build's version is the table's.
func TestPlainTable(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	if unicode.Version != "15.0.0" {
		t.Skipf("package unicode is of version %s", unicode.Version)
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		want := unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Zs, unicode.Co)
		if plain(r) != want {
			t.Fatalf("%U: got %v, want %v", r, plain(r), want)
		}
	}
}

// Whatever version of Unicode this is built with, characters that the table does
// not know decide nothing.
func TestNewCharactersAreNotPlain(t *testing.T) {
	t.Parallel()
	for _, r := range []rune{0x378, 0x1c89, 0x2fff, 0x16d63, 0x11bc0, 0x1fae9, 0x323b0, 0x10ffff, -1, unicode.MaxRune + 1} {
		if plain(r) {
			t.Errorf("%U is plain", r)
		}
	}
}

func TestTransfer(t *testing.T) {
	t.Parallel()
	e := transfer(func(e *Entry) { e.Postings[0], e.Postings[1] = e.Postings[1], e.Postings[0] })
	from, to, ok := e.Transfer()
	if !ok || from.Label != "alice" || to.Label != "bob" || to.Amount != 1250 {
		t.Errorf("got %v, %v, %v", from, to, ok)
	}
	for _, e := range []Entry{{}, shares(3, 1, 1, -2), shares(2, 1, 1), shares(2, 0, 0)} {
		if _, _, ok := e.Transfer(); ok {
			t.Errorf("%v is no transfer", e)
		}
	}
}

func TestParseLabel(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"bob": "bob", "Zoe\u0308": "Zo\u00eb", "": "", "a\nb": "", "\u212b": "\u00c5",
		strings.Repeat("e\u0308", 32): strings.Repeat("ë", 32), strings.Repeat("e\u0308", 33): "", strings.Repeat("x", 1<<20): "",
	} {
		if got, ok := ParseLabel(in); got != want || ok != (want != "") || !norm.NFC.IsNormalString(got) {
			t.Errorf("ParseLabel(%+.40q): got %+q, %v, want %+q", in, got, ok, want)
		}
	}
}
