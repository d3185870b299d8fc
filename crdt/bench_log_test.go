package crdt_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// The log by itself, in the shape of one person typing: changes of one op of one
// character, some 15 bytes a payload, each hashed and chained, in runs.

// keystrokes are frames of one run each, of one author who types n characters.
func keystrokes(b *testing.B, charter crdt.Charter, n, run int) (frames [][]byte) {
	b.Helper()
	m := &mill{t: b, charter: charter, room: hash32(charter.ID())}
	prev := m.room
	for at := 0; at < n; at += run {
		var payloads [][]byte
		for i := at; i < min(at+run, n); i++ {
			ops := []byte{0x81, 0x82, 0x08, 0x61, 'a' + byte(i%26)}
			p := binary.BigEndian.AppendUint32([]byte{0x83, 0x1a}, 1_700_000_000+uint32(i/5))
			payloads = append(payloads, append(append(p, 0x80, 0x40+byte(len(ops))), ops...))
		}
		r := m.run(0, prev, payloads...)
		frames = append(frames, refPack{r}.frame())
		prev = r.last(m.room)
	}
	return frames
}

// heapAfter reports what made leaves behind on the heap, in bytes a change.
func heapAfter(b *testing.B, changes int, made func() *crdt.Replica) {
	b.Helper()
	live := func() uint64 {
		runtime.GC()
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	before := live()
	r := made()
	b.ReportMetric(float64(int64(live()-before))/float64(changes), "B-live/change")
	runtime.KeepAlive(r)
	runtime.KeepAlive(made)
}

func received(b *testing.B, charter crdt.Charter, frames [][]byte, n int) *crdt.Replica {
	b.Helper()
	r, err := crdt.NewKeeper(charter)
	if err != nil {
		b.Fatal(err)
	}
	checker := crdt.NewChecker(charter)
	for _, frame := range frames {
		p, err := checker.Check(frame, nil)
		if err != nil {
			b.Fatal(err)
		}
		if out := r.Receive(p, 1, epoch); out.Err != nil || len(out.Missing) > 0 {
			b.Fatalf("%+v", out)
		}
	}
	if r.Len() != n {
		b.Fatal(r.Len())
	}
	return r
}

// A keeper checks and takes what one person typed.
func BenchmarkLogKeystrokes(b *testing.B) {
	charter := roomOf(crdt.JSON)
	for _, c := range []struct{ n, run int }{{260_000, 4096}, {260_000, 256}, {5_000, 1}} {
		b.Run(fmt.Sprint(c.run), func(b *testing.B) {
			frames := keystrokes(b, charter, c.n, c.run)
			for b.Loop() {
				received(b, charter, frames, c.n)
			}
			perChange(b, c.n)
			heapAfter(b, c.n, func() *crdt.Replica { return received(b, charter, frames, c.n) })
		})
	}
}

// A frame is read, hashed and checked.
func BenchmarkCheck(b *testing.B) {
	charter := roomOf(crdt.JSON)
	for _, n := range []int{1, 64, 4096} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			frame := keystrokes(b, charter, n, n)[0]
			checker := crdt.NewChecker(charter)
			b.SetBytes(int64(len(frame)))
			for b.Loop() {
				if _, err := checker.Check(frame, nil); err != nil {
					b.Fatal(err)
				}
			}
			perChange(b, n)
		})
	}
}

// 100,000 transactions are made, in runs of 4096, and taken by another replica.
func BenchmarkLedger(b *testing.B) {
	const n = 100_000
	b.Run("make", func(b *testing.B) {
		entries := make([]crdt.Literal, n)
		for i := range entries {
			entries[i] = entry(i)
		}
		var l crdt.Literal
		edit := func(tx *crdt.Tx) error { _, err := tx.Append(l); return err }
		made := func() *crdt.Replica {
			r := newReplica(b, crdt.OpenLedger("bench"))
			w := mustWriter(b, r, 0)
			for i := range n {
				l = entries[i]
				if _, err := w.Change(1_700_000_000+int64(i), edit); err != nil {
					b.Fatal(err)
				}
				if (i+1)%4096 == 0 {
					w.Sign()
				}
			}
			w.Sign()
			return r
		}
		for b.Loop() {
			made()
		}
		perChange(b, n)
		heapAfter(b, n, made)
	})
	b.Run("apply", func(b *testing.B) {
		from := ledgerOf(b, n, 4096)
		frames, charter := exported(from), from.Charter()
		taken := func() *crdt.Replica {
			r := newReplica(b, charter)
			checker := crdt.NewChecker(charter)
			for _, frame := range frames {
				p, err := checker.Check(frame, nil)
				if err != nil {
					b.Fatal(err)
				}
				if out := r.Receive(p, 1, epoch); out.Err != nil {
					b.Fatal(out.Err)
				}
			}
			return r
		}
		for b.Loop() {
			taken()
		}
		perChange(b, n)
		heapAfter(b, n, taken)
	})
}

// Packs are written out again.
func BenchmarkPackFrom(b *testing.B) {
	charter := roomOf(crdt.JSON)
	const n = 8192
	for _, run := range []int{4096, 1} {
		b.Run(fmt.Sprint(run), func(b *testing.B) {
			r := received(b, charter, keystrokes(b, charter, n, run), n)
			for b.Loop() {
				exported(r)
			}
			perChange(b, n)
		})
	}
}
