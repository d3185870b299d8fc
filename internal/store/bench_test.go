package store

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
)

// benchFrame is about what one change in a pack of its own takes.
var benchFrame = bytes.Repeat([]byte("0123456789abcdef"), 15)

func batch(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = benchFrame
	}
	return out
}

// BenchmarkAppend is one transaction of so many records of 240 bytes, synced.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 64, 4096} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := create(b)
			mustAppend(b, s, batch(10_000))
			frames := batch(n)
			b.ReportAllocs()
			b.SetBytes(int64(n * len(benchFrame)))
			start := s.Len()
			for b.Loop() {
				mustAppend(b, s, frames)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(s.Len()-start), "ns/record")
		})
	}
}

// BenchmarkAppendJournal is BenchmarkAppend with a journal before the store; what goes into the store when it is full is among it.
func BenchmarkAppendJournal(b *testing.B) {
	for _, n := range []int{1, 64, 4096} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, err := Create(filepath.Join(b.TempDir(), "room.db"), testMeta)
			if err != nil {
				b.Fatal(err)
			}
			j, err := OpenJournal(s)
			if err != nil {
				b.Fatal(err)
			}
			mustAppend(b, s, batch(10_000))
			j.after = 0
			frames := batch(n)
			b.ReportAllocs()
			b.SetBytes(int64(n * len(benchFrame)))
			start := j.Len()
			for b.Loop() {
				journalAppend(b, j, frames)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(j.Len()-start), "ns/record")
			if err := j.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkAppendPack is one transaction of one record of 1 MiB, synced.
func BenchmarkAppendPack(b *testing.B) {
	s := create(b)
	pack := [][]byte{bytes.Repeat([]byte("0123456789abcdef"), 1<<16)}
	b.ReportAllocs()
	b.SetBytes(1 << 20)
	for b.Loop() {
		mustAppend(b, s, pack)
		if s.Len() == 64 {
			b.StopTimer()
			if err := s.Replace(0, [][]byte{{1}}); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	}
}

// BenchmarkOpen opens 100,000 records of 240 bytes with all checks, and reads them once more.
func BenchmarkOpen(b *testing.B) {
	const n = 100_000
	s, err := Create(filepath.Join(b.TempDir(), "room.db"), testMeta)
	if err != nil {
		b.Fatal(err)
	}
	mustAppend(b, s, batch(n))
	mustClose(b, s)
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(n * int64(len(benchFrame)))
		for b.Loop() {
			s, err := Open(s.path)
			if err != nil {
				b.Fatal(err)
			}
			mustClose(b, s)
		}
	})
	b.Run("records", func(b *testing.B) {
		s := open(b, s.path)
		b.ReportAllocs()
		b.SetBytes(n * int64(len(benchFrame)))
		for b.Loop() {
			if err := s.Records(func(uint64, []byte) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkLast is one Set, synced.
func BenchmarkLast(b *testing.B) {
	l := openLast(b, filepath.Join(b.TempDir(), "last"))
	b.ReportAllocs()
	for i := byte(0); b.Loop(); i++ {
		if err := l.Set([32]byte{1, i}); err != nil {
			b.Fatal(err)
		}
	}
}
