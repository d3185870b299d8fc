package fugue

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// An edit deletes and inserts so many characters at a position.
type edit struct{ at, gone, come int }

// readTrace reads a trace of josephg/editing-traces, of its sequential format, from
// the directory that TALLYSTICK_TRACES names.
func readTrace(t testing.TB, name string) (edits []edit, text []rune, end string) {
	dir := os.Getenv("TALLYSTICK_TRACES")
	if dir == "" {
		t.Skip("TALLYSTICK_TRACES names no directory of traces")
	}
	file, err := os.Open(filepath.Join(dir, name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var trace struct {
		EndContent string
		Txns       []struct{ Patches [][3]any }
	}
	if err := json.NewDecoder(z).Decode(&trace); err != nil {
		t.Fatal(err)
	}
	for _, txn := range trace.Txns {
		for _, p := range txn.Patches {
			come := p[2].(string)
			edits = append(edits, edit{int(p[0].(float64)), int(p[1].(float64)), utf8.RuneCountInString(come)})
			text = append(text, []rune(come)...)
		}
	}
	return edits, text, trace.EndContent
}

// play makes the edits by index, as an author does.
func play(edits []edit) (*Forest, Seq) {
	f := New(func(a, b Elem) bool { return a < b })
	s := f.NewSeq()
	next := 0
	for _, e := range edits {
		for gone := e.gone; gone > 0; {
			var first Elem
			n := 0
			f.Range(s, e.at, gone, func(e Elem, k int) bool { first, n = e, k; return false })
			f.Delete(first, n)
			gone -= n
		}
		if e.come > 0 {
			f.Grow(next + e.come)
			parent, side := f.Place(s, e.at)
			f.Insert(s, parent, side, Elem(next), e.come)
			next += e.come
		}
	}
	return f, s
}

func BenchmarkTrace(b *testing.B) {
	for _, name := range []string{"automerge-paper", "sveltecomponent"} {
		b.Run(name, func(b *testing.B) {
			edits, text, end := readTrace(b, name)
			f, s := play(edits)
			var got []rune
			f.Range(s, 0, f.Len(s), func(first Elem, n int) bool {
				got = append(got, text[first:int(first)+n]...)
				return true
			})
			if string(got) != end {
				b.Fatal("the text is another one")
			}
			b.ReportAllocs()
			for b.Loop() {
				play(edits)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(edits)), "ns/edit")
		})
	}
}
