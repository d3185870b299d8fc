package ledger

import (
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

func BenchmarkDecode(b *testing.B) {
	bound := transfer(nil)
	bound.Postings[0].Key, bound.Postings[1].Key = &crdt.Author{1}, &crdt.Author{2}
	accents := transfer(func(e *Entry) { e.Postings[0].Label, e.Memo = "Zoë", "dîner à l'auberge" })
	for _, c := range []struct {
		name string
		e    Entry
	}{{"transfer", transfer(nil)}, {"bound", bound}, {"accents", accents}, {"64_postings", shares(64, 1, -1)}} {
		l, err := Encode(c.e)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.ReportMetric(float64(len(l)), "B/entry")
			var e Entry
			for b.Loop() {
				if err := e.Decode(l); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	e := transfer(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, c := range []struct{ name, line string }{
		{"transfer", "alice -> bob 12.50 EUR dinner, two of us"},
		{"quoted", `"mary jane" -> "bob b" 1_000.25 "TV licence"`},
		{"error", "alice -> bob 12,50 dinner"},
		{"hostile_1MB", strings.Repeat("x", 1<<20)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Parse(c.line, "alice")
			}
		})
	}
}

func BenchmarkParseLines(b *testing.B) {
	text := strings.Repeat("alice -> bob 12.50 EUR dinner, two of us\n", 10_000)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if n := len(ParseLines(text, "me").Entries); n != 10_000 {
			b.Fatal(n)
		}
	}
}

func BenchmarkAppendAmountAligned(b *testing.B) {
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendAmountAligned(dst[:0], 1250, 2, 9, 3)
	}
}
