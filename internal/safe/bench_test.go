package safe

import (
	"strings"
	"testing"
)

func BenchmarkText(b *testing.B) {
	for _, c := range []struct{ name, in string }{
		{"ascii", "tickets, two of them"},
		{"ascii_cut", "tickets, two of them, and the popcorn besides"},
		{"accents", "dîner à l'auberge"},
		{"wide", "夕食と切符二枚"},
		{"hostile", "x\x1b[2J\u202e" + strings.Repeat("\u0301", 64)},
		{"hostile_1MB_marks", "a" + strings.Repeat("\u0301", 1<<19)},
		{"hostile_1MB_letters", strings.Repeat("é", 1<<19)},
		{"hostile_1MB_cluster", strings.Repeat("क\u094d", 1<<18)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Text(c.in, 22)
			}
		})
	}
}

func BenchmarkEscapeJSON(b *testing.B) {
	doc := []byte(`{"time":1790000000,"kind":"entry","author":"2c9e77f0","postings":[["alice",null,-1250],["bob",null,1250]],"memo":"dîner"}`)
	var dst []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		dst = EscapeJSON(dst[:0], doc)
	}
}
