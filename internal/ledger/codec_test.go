package ledger

import (
	"bufio"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

var update = flag.Bool("update", false, "rewrite testdata")

// A vector is an encoding with the reason for which it is no valid entry, or "ok".
type vector struct {
	name string
	want Reason
	l    crdt.Literal
}

const ok = Reason("ok")

// rawField is a field of a vector: a key and what follows it.
type rawField struct {
	key   string
	value []byte
}

func rawEntry(fields ...rawField) crdt.Literal {
	b := dcbor.AppendMap(nil, len(fields))
	for _, f := range fields {
		b = append(dcbor.AppendText(b, f.key), f.value...)
	}
	return b
}

func items(values ...any) []byte {
	b := dcbor.AppendArray(nil, len(values))
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = dcbor.AppendNull(b)
		case int:
			b = dcbor.AppendInt(b, int64(v))
		case string:
			b = dcbor.AppendText(b, v)
		case []byte:
			b = append(b, v...)
		}
	}
	return b
}

func text(s string) []byte { return dcbor.AppendText(nil, s) }
func number(n int) []byte  { return dcbor.AppendInt(nil, int64(n)) }

func vectors(t testing.TB) []vector {
	var (
		memo     = rawField{"memo", text("dinner")}
		unit     = rawField{"unit", text("EUR")}
		scale    = rawField{"scale", number(2)}
		alice    = items("alice", nil, -1250)
		bob      = items("bob", nil, 1250)
		postings = rawField{"postings", items(alice, bob)}
		replaces = func(v ...any) rawField { return rawField{"replaces", items(v...)} }
		key      = dcbor.AppendBytes(nil, make([]byte, 32))
		short    = dcbor.AppendBytes(nil, make([]byte, 31))
		many     = make([]any, 65)
	)
	for i := range many {
		many[i] = items(fmt.Sprint(i), nil, 1-i%2*2)
	}
	posting := func(v ...any) crdt.Literal {
		return rawEntry(scale, rawField{"postings", items(alice, items(v...))})
	}
	valid := rawEntry(memo, unit, scale, postings, replaces(3, 1))
	all := []vector{
		{"all-fields", ok, valid},
		{"least", ok, rawEntry(scale, postings)},
		{"key", ok, posting("bob", key, 1250)},
		{"replaces-own", ok, rawEntry(scale, postings, replaces(1, 0))},
		{"replaces-link", ok, rawEntry(scale, postings, replaces(-2, 7, 5))},
		{"hostile-memo", ok, rawEntry(rawField{"memo", text("\x1b[2J\u202e")}, scale, postings)},
		{"64-postings", ok, rawEntry(scale, rawField{"postings", items(many[:64]...)})},

		{"empty", ReasonMalformed, crdt.Literal{}},
		{"empty-map", ReasonMissingField, rawEntry()},
		{"no-scale", ReasonMissingField, rawEntry(memo, unit, postings)},
		{"no-postings", ReasonMissingField, rawEntry(memo, unit, scale)},
		{"array", ReasonType, items("alice", "bob")},
		{"text", ReasonType, text("alice -> bob 12.50")},
		{"unknown-field", ReasonUnknownField, rawEntry(scale, rawField{"split", number(1)}, postings)},
		{"key-no-text", ReasonType, append(dcbor.AppendMap(nil, 1), 1, 1)},
		{"twice", ReasonMalformed, rawEntry(scale, scale, postings)},
		{"wrong-order", ReasonMalformed, rawEntry(unit, memo, scale, postings)},
		{"trailing", ReasonMalformed, append(valid[:len(valid):len(valid)], 0)},
		{"cut", ReasonMalformed, valid[:len(valid)-1]},
		{"long-head", ReasonMalformed, rawEntry(rawField{"scale", []byte{0x18, 2}}, postings)},
		{"memo-number", ReasonType, rawEntry(rawField{"memo", number(1)}, scale, postings)},
		{"memo-null", ReasonType, rawEntry(rawField{"memo", []byte{0xf6}}, scale, postings)},
		{"memo-empty", ReasonMemo, rawEntry(rawField{"memo", text("")}, scale, postings)},
		{"memo-two-lines", ReasonMemo, rawEntry(rawField{"memo", text("a\nb")}, scale, postings)},
		{"memo-513-bytes", ReasonMemo, rawEntry(rawField{"memo", text(strings.Repeat("x", 513))}, scale, postings)},
		{"unit-empty", ReasonUnit, rawEntry(rawField{"unit", text("")}, scale, postings)},
		{"unit-small", ReasonUnit, rawEntry(rawField{"unit", text("eur")}, scale, postings)},
		{"scale-19", ReasonScale, rawEntry(rawField{"scale", number(19)}, postings)},
		{"scale-negative", ReasonScale, rawEntry(rawField{"scale", number(-1)}, postings)},
		{"scale-float", ReasonType, rawEntry(rawField{"scale", dcbor.AppendFloat(nil, 2.5)}, postings)},
		{"scale-huge", ReasonMalformed, rawEntry(rawField{"scale", dcbor.AppendUint(nil, math.MaxUint64)}, postings)},
		{"postings-none", ReasonPostings, rawEntry(scale, rawField{"postings", items()})},
		{"postings-one", ReasonPostings, rawEntry(scale, rawField{"postings", items(alice)})},
		{"postings-65", ReasonPostings, rawEntry(scale, rawField{"postings", items(many...)})},
		{"postings-huge", ReasonMalformed, rawEntry(scale, rawField{"postings", dcbor.AppendArray(nil, 1<<40)})},
		{"postings-map", ReasonType, rawEntry(scale, rawField{"postings", dcbor.AppendMap(nil, 0)})},
		{"posting-of-two", ReasonType, posting("bob", 1250)},
		{"posting-of-four", ReasonType, posting("bob", nil, 1250, nil)},
		{"posting-no-array", ReasonType, rawEntry(scale, rawField{"postings", items(alice, 1)})},
		{"label-empty", ReasonLabel, posting("", nil, 1250)},
		{"label-number", ReasonType, posting(7, nil, 1250)},
		{"label-not-nfc", ReasonLabel, posting("Zoe\u0308", nil, 1250)},
		{"label-bidi", ReasonLabel, posting("bob\u202e", nil, 1250)},
		{"label-unicode-16", ReasonLabel, posting("\U0001fae9", nil, 1250)},
		{"label-65-bytes", ReasonLabel, posting(strings.Repeat("x", 65), nil, 1250)},
		{"key-short", ReasonKey, posting("bob", short, 1250)},
		{"key-text", ReasonType, posting("bob", "key", 1250)},
		{"amount-zero", ReasonAmount, posting("bob", nil, 0)},
		{"amount-text", ReasonType, posting("bob", nil, "12.50")},
		{"amount-19-digits", ReasonAmount, posting("bob", nil, 1_000_000_000_000_000_000)},
		{"party-twice", ReasonPartyTwice, posting("alice", nil, 1250)},
		{"sum", ReasonSum, posting("bob", nil, 1251)},
		{"replaces-this", ReasonReplaces, rawEntry(scale, postings, replaces(0, 1))},
		{"replaces-own-and-back", ReasonReplaces, rawEntry(scale, postings, replaces(1, 0, 1))},
		{"replaces-back-zero", ReasonReplaces, rawEntry(scale, postings, replaces(-1, 0, 0))},
		{"replaces-one", ReasonReplaces, rawEntry(scale, postings, replaces(1))},
		{"replaces-four", ReasonReplaces, rawEntry(scale, postings, replaces(-1, 0, 1, 1))},
		{"replaces-index-negative", ReasonReplaces, rawEntry(scale, postings, replaces(1, -1))},
		{"replaces-index-huge", ReasonReplaces, rawEntry(scale, postings, replaces(1, 1<<32))},
		{"replaces-number", ReasonType, rawEntry(scale, postings, rawField{"replaces", number(1)})},
	}
	if l, err := Encode(wraps()); err == nil {
		t.Fatalf("wraps was encoded: %x", l)
	}
	return all
}

const vectorHead = `# Entries of a ledger room, as literals of deterministic CBOR: name, what a reader must say of it, bytes.
# "ok" is a valid entry; anything else is the reason for which it is invalid. Made by: go test ./internal/ledger -update
`

func TestVectors(t *testing.T) {
	const path = "testdata/entries.txt"
	if *update {
		var b strings.Builder
		b.WriteString(vectorHead)
		for _, v := range vectors(t) {
			fmt.Fprintf(&b, "%s %s %x\n", v.name, string(v.want), []byte(v.l))
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		name, rest, _ := strings.Cut(s.Text(), " ")
		want, digits, _ := strings.Cut(rest, " ")
		l, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		n++
		t.Run(name, func(t *testing.T) {
			e, err := Decode(l)
			if want != string(ok) {
				if !errors.Is(err, Reason(want)) {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			again, err := Encode(e)
			if err != nil || string(again) != string(l) {
				t.Errorf("encoded again: got %x, %v, want %x", []byte(again), err, l)
			}
		})
	}
	if want := len(vectors(t)); n != want {
		t.Errorf("%d vectors in %s, want %d: run with -update", n, path, want)
	}
}

// An entry that breaks a rule of its own is still there to be shown.
func TestDecodeShowsInvalid(t *testing.T) {
	t.Parallel()
	l := rawEntry(rawField{"memo", text("dinner")}, rawField{"scale", number(2)}, rawField{"postings", items(items("alice", nil, -1250), items("alice", nil, 1250))})
	e, err := Decode(l)
	var inv *InvalidError
	if !errors.As(err, &inv) || inv.Reason != ReasonPartyTwice || inv.Posting != 2 {
		t.Errorf("got %v", err)
	}
	if want := NewTransfer("alice", "alice", 1250, 2, "", "dinner"); !e.Equal(&want) {
		t.Errorf("got %+v, want %+v", e, want)
	}
}

func TestDecodeAllocates(t *testing.T) {
	l, err := Encode(transfer(nil))
	if err != nil {
		t.Fatal(err)
	}
	var e Entry
	if n := testing.AllocsPerRun(100, func() {
		if err := e.Decode(l); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Entry.Decode: %v allocations, want none", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := Decode(l); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("Decode: %v allocations, want one", n)
	}
}
