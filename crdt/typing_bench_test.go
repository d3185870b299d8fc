package crdt_test

import (
	"compress/gzip"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt"
)

// A keyEdit replaces deleted code points of a text, from at on, by inserted.
type keyEdit struct {
	at, deleted int
	inserted    string
}

// typing is a session of n keystrokes as people type: words in order, corrections
// just behind, and now and then a jump elsewhere.
func typing(n int) (edits []keyEdit) {
	dice := rand.New(rand.NewPCG(1, 2))
	length, at := 0, 0
	for range n {
		switch {
		case length > 0 && dice.IntN(400) == 0:
			at = dice.IntN(length + 1)
			fallthrough
		case at == 0 || dice.IntN(4) > 0:
			edits = append(edits, keyEdit{at, 0, string(rune('a' + dice.IntN(26)))})
			at, length = at+1, length+1
		default:
			at, length = at-1, length-1
			edits = append(edits, keyEdit{at, 1, ""})
		}
	}
	return edits
}

// traceEdits are the edits of a sequential trace, each insert or delete by itself.
func traceEdits(b *testing.B, path string) (edits []keyEdit, end string) {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	var trace struct {
		EndContent string
		Txns       []struct{ Patches [][3]any }
	}
	if err := json.NewDecoder(z).Decode(&trace); err != nil {
		b.Fatal(err)
	}
	for _, txn := range trace.Txns {
		for _, p := range txn.Patches {
			edits = append(edits, keyEdit{int(p[0].(float64)), int(p[1].(float64)), p[2].(string)})
		}
	}
	return edits, trace.EndContent
}

// typedOut is a replica in which one author made each edit one change, signed every
// 4096, and the name of the text.
func typedOut(b *testing.B, edits []keyEdit) (*crdt.Replica, crdt.Name) {
	r := newReplica(b, crdt.Charter{Name: "bench", Kind: crdt.JSON})
	w := mustWriter(b, r, 0)
	var text crdt.Name
	first, err := w.Change(0, func(tx *crdt.Tx) (err error) {
		text, err = tx.Make(crdt.Root, "text", crdt.TextObject)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	text.Change = first
	var e keyEdit
	do := func(tx *crdt.Tx) error {
		if e.deleted > 0 {
			if err := tx.Delete(text, e.at, e.deleted); err != nil {
				return err
			}
		}
		if e.inserted == "" {
			return nil
		}
		_, err := tx.InsertText(text, e.at+e.deleted, e.inserted)
		return err
	}
	for i := range edits {
		e = edits[i]
		if _, err := w.Change(1_700_000_000, do); err != nil {
			b.Fatal(i, e, err)
		}
		if i%4096 == 4094 {
			w.Sign()
		}
	}
	w.Sign()
	return r, text
}

func liveHeap() int {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int(s.HeapAlloc)
}

// BenchmarkTyping makes and applies sessions of one change a keystroke. The traces
// are read from the folder $TALLYSTICK_TRACES, and left out without one.
func BenchmarkTyping(b *testing.B) {
	b.Run("synthetic", func(b *testing.B) { benchmarkTyping(b, typing(100_000), "") })
	for _, name := range []string{"automerge-paper", "sveltecomponent"} {
		b.Run(name, func(b *testing.B) {
			dir := os.Getenv("TALLYSTICK_TRACES")
			if dir == "" {
				b.Skip("TALLYSTICK_TRACES is not set")
			}
			edits, end := traceEdits(b, filepath.Join(dir, name+".json.gz"))
			benchmarkTyping(b, edits, end)
		})
	}
}

func benchmarkTyping(b *testing.B, edits []keyEdit, end string) {
	check := func(r *crdt.Replica, text crdt.Name) {
		b.Helper()
		got, err := r.Doc().Text(text)
		if err != nil || end != "" && got != end {
			b.Fatalf("%d code points, want %d: %v", utf8.RuneCountInString(got), utf8.RuneCountInString(end), err)
		}
	}
	weigh := func(b *testing.B, r func() *crdt.Replica) {
		before := liveHeap()
		kept := r()
		b.ReportMetric(float64(liveHeap()-before)/float64(len(edits)), "B/change")
		runtime.KeepAlive(kept)
	}
	b.Run("make", func(b *testing.B) {
		for b.Loop() {
			r, text := typedOut(b, edits)
			b.StopTimer()
			check(r, text)
			b.StartTimer()
		}
		perChange(b, len(edits))
		weigh(b, func() *crdt.Replica { r, _ := typedOut(b, edits); return r })
	})
	b.Run("apply", func(b *testing.B) {
		from, text := typedOut(b, edits)
		frames, charter := exported(from), from.Charter()
		from = nil
		checker := crdt.NewChecker(charter)
		receive := func() *crdt.Replica {
			r := newReplica(b, charter)
			for _, frame := range frames {
				p, err := checker.Check(frame, nil)
				if err != nil {
					b.Fatal(err)
				}
				if out := r.Receive(p, 1, epoch); out.Err != nil || len(out.Missing) > 0 {
					b.Fatalf("%+v", out)
				}
			}
			return r
		}
		for b.Loop() {
			r := receive()
			b.StopTimer()
			check(r, text)
			b.StartTimer()
		}
		perChange(b, len(edits))
		weigh(b, receive)
	})
}
