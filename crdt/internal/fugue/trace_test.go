package fugue

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// An edit deletes and inserts so many characters at a position.
type edit struct{ at, gone, come int }

// tracesVariable names the directory of traces, .json or .json.gz.
const tracesVariable = "TALLYSTICK_TRACES"

// traceNames are the traces there are, without what their files end in.
func traceNames(t testing.TB) (names []string) {
	dir := os.Getenv(tracesVariable)
	if dir == "" {
		t.Skip(tracesVariable + " names no directory of traces")
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name, ok := strings.CutSuffix(strings.TrimSuffix(f.Name(), ".gz"), ".json"); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// readTrace reads a trace of josephg/editing-traces, and skips one that is not of
// its sequential format.
func readTrace(t testing.TB, name string) (edits []edit, text []rune, end string) {
	path := filepath.Join(os.Getenv(tracesVariable), name+".json")
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		b, err = unzip(path + ".gz")
	}
	if err != nil {
		t.Fatal(err)
	}
	var trace struct {
		Kind, StartContent, EndContent string
		Txns                           []struct{ Patches [][3]any }
	}
	if err := json.Unmarshal(b, &trace); err != nil {
		t.Fatal(err)
	}
	if trace.Kind == "concurrent" {
		t.Skip("not by one author")
	}
	add := func(at, gone int, come string) {
		edits = append(edits, edit{at, gone, utf8.RuneCountInString(come)})
		text = append(text, []rune(come)...)
	}
	if trace.StartContent != "" {
		add(0, 0, trace.StartContent)
	}
	for _, txn := range trace.Txns {
		for _, p := range txn.Patches {
			add(int(p[0].(float64)), int(p[1].(float64)), p[2].(string))
		}
	}
	return edits, text, trace.EndContent
}

func unzip(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
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
	for _, name := range traceNames(b) {
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
