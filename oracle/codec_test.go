package oracle

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

var update = flag.Bool("update", false, "rewrite testdata")

func full() Attestation {
	return Attestation{
		Pair: "ETH/USD", Price: 2500_12345678, Spread: 125_000, T: 1_760_131_200_123, Flags: FlagRounded | FlagRevealed,
		Nonce: []byte("0123456789abcdef"),
		Src: []Source{
			{Name: "kraken", Price: 2500_12000000, T: 1_760_131_199_000, Volume: "38491.25", Digest: bytes.Repeat([]byte{7}, 32)},
			{Name: "bourse é", Price: 1, T: 0},
		},
	}
}

// item is one literal of the golden vectors, hand-made: a map of the given parts.
func item(n int, parts ...[]byte) []byte {
	return append(dcbor.AppendMap(nil, n), bytes.Join(parts, nil)...)
}

func text(s string) []byte             { return dcbor.AppendText(nil, s) }
func number(k string, v int64) []byte  { return dcbor.AppendInt(text(k), v) }
func word(k, v string) []byte          { return dcbor.AppendText(text(k), v) }
func octets(k string, v []byte) []byte { return dcbor.AppendBytes(text(k), v) }

func with(change func(*Attestation)) []byte {
	a := full()
	a.Src, a.Nonce, a.Flags, a.Spread = nil, nil, 0, 0
	change(&a)
	return a.append()
}

// vectors are literals and what they are void for.
func vectors() []vector {
	t, pair, price := number("t", 5), word("pair", "A/B"), number("price", 7)
	late := number("t", 1<<40)
	src := func(items ...[]byte) []byte {
		return append(dcbor.AppendArray(text("src"), len(items)), bytes.Join(items, nil)...)
	}
	one := item(3, number("t", 1), word("name", "x"), number("price", 1))
	source := func(s Source) []byte { return item(4, t, src(s.append(nil)), pair, price) }
	a := full()
	c := Commit(crdt.RoomID{1}, crdt.Author{2}, "A/B", 3, 4, [16]byte{5})
	commitment, _ := c.Encode()
	return []vector{
		{"full", a.append(), NotVoid},
		{"least", item(3, t, pair, price), NotVoid},
		{"greatest", with(func(a *Attestation) { a.Price, a.Spread, a.T = MaxPrice, MaxPrice, MaxTimeMS }), NotVoid},
		{"16 sources", item(4, t, src(slices.Repeat([][]byte{one}, 16)...), pair, price), NotVoid},
		{"commitment", commitment, NotVoid},

		{"nothing", nil, VoidMalformed},
		{"null", dcbor.AppendNull(nil), VoidMalformed},
		{"text", text("2500"), VoidMalformed},
		{"empty map", item(0), VoidMalformed},
		{"no t", item(2, pair, price), VoidMalformed},
		{"no pair", item(2, t, price), VoidMalformed},
		{"no price", item(2, t, pair), VoidMalformed},
		{"unknown key", item(4, t, pair, price, number("zzzzzz", 1)), VoidMalformed},
		{"price before pair", item(3, t, price, pair), VoidMalformed},
		{"price twice", item(4, t, pair, price, price), VoidMalformed},
		{"one byte more", append(item(3, t, pair, price), 0), VoidMalformed},
		{"one byte less", item(3, t, pair, price)[:len(item(3, t, pair, price))-1], VoidMalformed},
		{"map of four with three", item(4, t, pair, price), VoidMalformed},
		{"map of two with three", item(2, t, pair, price), VoidMalformed},
		{"price as text", item(3, t, pair, word("price", "7")), VoidMalformed},
		{"price as float", item(3, t, pair, dcbor.AppendFloat(text("price"), 7.5)), VoidMalformed},
		{"price in a longer form", item(3, t, pair, append(text("price"), 0x18, 7)), VoidMalformed},
		{"price 2^63", item(3, t, pair, append(text("price"), 0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0)), VoidMalformed},
		{"spread 0", item(4, t, pair, price, number("spread", 0)), VoidMalformed},
		{"flags 0", item(4, t, pair, number("flags", 0), price), VoidMalformed},
		{"no sources listed", item(4, t, src(), pair, price), VoidMalformed},
		{"empty nonce", item(4, t, pair, octets("nonce", nil), price), VoidMalformed},
		{"pair not UTF-8", item(3, t, word("pair", "A/\xff"), price), VoidMalformed},
		{"source without price", item(4, t, src(item(2, number("t", 1), word("name", "x"))), pair, price), VoidMalformed},
		{"tag", append([]byte{0xc1}, item(3, t, pair, price)...), VoidMalformed},
		{"malformed and out of bounds", item(4, number("t", -1), pair, number("price", -1), price), VoidMalformed},

		{"t in a longer form", item(3, append(text("t"), 0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff), pair, append(text("price"), 0x1a, 0, 1, 0, 0)), VoidMalformed},
		{"price of 8 bytes for 4", item(3, late, pair, append(text("price"), 0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff)), VoidMalformed},
		{"price of 4 bytes for 2", item(3, late, pair, append(text("price"), 0x1a, 0, 0, 0xff, 0xff)), VoidMalformed},
		{"plain", item(3, late, pair, append(text("price"), 0x1a, 0, 1, 0, 0)), NotVoid},
		{"plain, a great price", item(3, late, pair, number("price", 1<<32)), NotVoid},
		{"plain, too great a price", item(3, late, pair, number("price", MaxPrice+1)), VoidPrice},
		{"plain, too late", item(3, number("t", MaxTimeMS+1), pair, number("price", 1<<32)), VoidTime},
		{"plain, and a byte", append(item(3, late, pair, number("price", 1<<32)), 0), VoidMalformed},

		{"t below 0", item(3, number("t", -1), pair, price), VoidTime},
		{"t too great", item(3, number("t", MaxTimeMS+1), pair, price), VoidTime},
		{"t too great, price 0", item(3, number("t", MaxTimeMS+1), pair, number("price", 0)), VoidTime},
		{"17 sources", item(4, t, src(slices.Repeat([][]byte{one}, 17)...), pair, price), VoidSources},
		{"source with a name of 33 bytes", source(Source{Name: strings.Repeat("x", 33), Price: 1}), VoidSources},
		{"source without a name", source(Source{Price: 1}), VoidSources},
		{"source with price 0", source(Source{Name: "x"}), VoidSources},
		{"source with a digest of 31 bytes", source(Source{Name: "x", Price: 1, Digest: make([]byte, 31)}), VoidSources},
		{"source with volume 1e5", source(Source{Name: "x", Price: 1, Volume: "1e5"}), VoidSources},
		{"source with volume 1.2.3", source(Source{Name: "x", Price: 1, Volume: "1.2.3"}), VoidSources},
		{"pair without slash", item(3, t, word("pair", "BTCUSD"), price), VoidPair},
		{"pair with two", item(3, t, word("pair", "A/B/C"), price), VoidPair},
		{"pair of 33 bytes", item(3, t, word("pair", strings.Repeat("A", 31)+"/B"), price), VoidPair},
		{"pair with a blank", item(3, t, word("pair", "A /B"), price), VoidPair},
		{"flags 16", item(4, t, pair, number("flags", 16), price), VoidFlags},
		{"flags below 0", item(4, t, pair, number("flags", -1), price), VoidMalformed},
		{"revealed without nonce", item(4, t, pair, number("flags", 8), price), VoidFlags},
		{"nonce without revealed", item(4, t, pair, octets("nonce", make([]byte, 16)), price), VoidFlags},
		{"nonce of 15 bytes", item(5, t, pair, number("flags", 8), octets("nonce", make([]byte, 15)), price), VoidFlags},
		{"price 0", item(3, t, pair, number("price", 0)), VoidPrice},
		{"price below 0", item(3, t, pair, number("price", -5)), VoidPrice},
		{"price of 19 digits", item(3, t, pair, number("price", MaxPrice+1)), VoidPrice},
		{"spread below 0", item(4, t, pair, price, number("spread", -1)), VoidSpread},
		{"spread of 19 digits", item(4, t, pair, price, number("spread", MaxPrice+1)), VoidSpread},
		{"commitment of 31 bytes", item(3, pair, number("slot", 1), octets("commit", make([]byte, 31))), VoidMalformed},
		{"commitment without slot", item(2, pair, octets("commit", make([]byte, 32))), VoidMalformed},
		{"commitment to slot −1", item(3, pair, number("slot", -1), octets("commit", make([]byte, 32))), VoidTime},
		{"commitment to no pair", item(3, word("pair", "AB"), number("slot", 1), octets("commit", make([]byte, 32))), VoidPair},
	}
}

type vector struct {
	name  string
	bytes []byte
	want  Reason
}

func reasonOf(l crdt.Literal) Reason {
	_, err := ParseAttestation(l)
	if err == nil {
		return NotVoid
	}
	if _, err2 := ParseCommitment(l); err2 == nil {
		return NotVoid
	}
	var r record
	return r.decode(l, nil)
}

// The bytes of attestations are fixed: testdata/attestations.txt has one a line, with what
// it is void for.
func TestAttestationVectors(t *testing.T) {
	t.Parallel()
	const path = "testdata/attestations.txt"
	var b strings.Builder
	b.WriteString("# Literals of the feed: name, reason (not_void: it counts), bytes. Made by: go test ./oracle -run Vectors -update\n")
	for _, v := range vectors() {
		if got := reasonOf(v.bytes); got != v.want {
			t.Errorf("%s: got %v, want %v (%x)", v.name, got, v.want, v.bytes)
		}
		fmt.Fprintf(&b, "%s\t%s\t%x\n", v.name, v.want.String(), v.bytes)
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil || string(golden) != b.String() {
		t.Fatalf("%s is another (%v): if that is meant, run with -update", path, err)
	}
	for line := range strings.Lines(string(golden)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		raw, err := hex.DecodeString(f[2])
		if err != nil {
			t.Fatal(err)
		}
		if got := reasonOf(raw); got.String() != f[1] {
			t.Errorf("%s: got %v, want %s", f[0], got, f[1])
		}
	}
}

// Encode writes what the field tags say, so that a program of another make that has no
// more than those reads it; and it refuses what would be void.
func TestEncodeByTags(t *testing.T) {
	t.Parallel()
	for _, a := range []Attestation{full(), {Pair: "A/B", Price: 1}} {
		l := literal(t, a)
		byTags, err := crdt.EncodeLiteral(a)
		if err != nil || !bytes.Equal(l, byTags) {
			t.Errorf("got %x, by tags %x %v", l, byTags, err)
		}
		got, err := ParseAttestation(l)
		if err != nil || !got.equal(&a) {
			t.Errorf("got %+v, want %+v (%v)", got, a, err)
		}
		for i := range l {
			got.Pair = "" // it shares nothing with l
			l[i] ^= 0xff
		}
		if len(a.Src) > 0 && got.Src[0].Name != "kraken" {
			t.Error("the result shares memory with the literal")
		}
	}
	for change, want := range map[*func(*Attestation)]Reason{
		ptr(func(a *Attestation) { a.Price = 0 }):               VoidPrice,
		ptr(func(a *Attestation) { a.T = -1 }):                  VoidTime,
		ptr(func(a *Attestation) { a.Pair = "BTC" }):            VoidPair,
		ptr(func(a *Attestation) { a.Flags = FlagRevealed }):    VoidFlags,
		ptr(func(a *Attestation) { a.Spread = -1 }):             VoidSpread,
		ptr(func(a *Attestation) { a.Src = make([]Source, 1) }): VoidSources,
	} {
		a := Attestation{Pair: "A/B", Price: 1}
		(*change)(&a)
		if _, err := a.Encode(); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func (a *Attestation) equal(b *Attestation) bool {
	if a.Pair != b.Pair || a.Price != b.Price || a.Spread != b.Spread || a.T != b.T || a.Flags != b.Flags || !bytes.Equal(a.Nonce, b.Nonce) || len(a.Src) != len(b.Src) {
		return false
	}
	for i := range a.Src {
		x, y := a.Src[i], b.Src[i]
		if x.Name != y.Name || x.Price != y.Price || x.T != y.T || x.Volume != y.Volume || !bytes.Equal(x.Digest, y.Digest) {
			return false
		}
	}
	return true
}

// FuzzAttestation holds the decoder against the general one: what counts is exactly what
// some attestation or commitment encodes to.
func FuzzAttestation(f *testing.F) {
	for _, v := range vectors() {
		f.Add(v.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want := NotVoid
		if _, err := crdt.ParseLiteral(b); err != nil {
			want = VoidMalformed
		} else if a, err := crdt.DecodeLiteral[Attestation](b); err == nil && bytes.Equal(a.append(), b) {
			want = a.check()
		} else if c, ok := commitmentOf(b); !ok {
			want = VoidMalformed
		} else if _, err := c.Encode(); err != nil {
			want = err.(Reason)
		}
		if got := reasonOf(b); got != want {
			t.Fatalf("%x: got %v, want %v", b, got, want)
		}
		// With a table of pairs it is the same, or the pair is not in it.
		terms := Terms{Pairs: []Pair{{"A/B", 0}, {"ETH/USD", 0}}}
		var r, bare record
		pairs := newPairTable(&terms)
		got, reason := r.decode(b, pairs), bare.decode(b, nil)
		if got == NotVoid && (reason != NotVoid || terms.Pairs[r.index].Name != string(r.pair) || string(bare.pair) != string(r.pair) || r.price != bare.price || r.t != bare.t) {
			t.Fatalf("%x: %v with pairs, %v without", b, got, reason)
		}
		if reason == NotVoid && got != NotVoid && got != VoidPair {
			t.Fatalf("%x: %v with pairs", b, got)
		}
	})
}

// commitmentOf reads a commitment in its general form.
func commitmentOf(b []byte) (Commitment, bool) {
	raw, err := crdt.DecodeLiteral[struct {
		Pair   string `crdt:"pair"`
		Slot   int64  `crdt:"slot"`
		Commit []byte `crdt:"commit"`
	}](b)
	if err != nil || len(raw.Commit) != 32 {
		return Commitment{}, false
	}
	again, err := crdt.EncodeLiteral(raw)
	return Commitment{raw.Pair, raw.Slot, [32]byte(raw.Commit)}, err == nil && bytes.Equal(again, b)
}
