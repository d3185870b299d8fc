package crdt_test

import (
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// BenchmarkRecords reads what a store holds of a trace as opening it does, one
// goroutine reading and hashing and one linking and applying: packs as they are, and as
// segments.
func BenchmarkRecords(b *testing.B) {
	r := traced(b, "automerge-paper")
	frames := exported(r)
	var segments [][]byte
	for i := 0; i < r.Signed(); {
		var record []byte
		record, i = r.RecordFrom(i)
		segments = append(segments, record)
	}
	for _, c := range []struct {
		name    string
		records [][]byte
	}{{"frames", frames}, {"segments", segments}} {
		bytes := 0
		for _, record := range c.records {
			bytes += len(record)
		}
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				loaded := newReplica(b, r.Charter())
				packs := make(chan *crdt.StoredPack, 16)
				read := make(chan error, 1)
				checker := crdt.NewChecker(r.Charter())
				go func() {
					defer close(packs)
					for _, record := range c.records {
						if err := checker.EachStored(record, func(p *crdt.StoredPack) error { packs <- p; return nil }); err != nil {
							read <- err
							return
						}
					}
					read <- nil
				}()
				for p := range packs {
					if err := loaded.LoadStored(p); err != nil {
						b.Fatal(err)
					}
				}
				if err := <-read; err != nil {
					b.Fatal(err)
				}
			}
			perChange(b, r.Len())
			b.ReportMetric(float64(bytes), "bytes")
		})
		b.Run(c.name+"/read", func(b *testing.B) {
			checker := crdt.NewChecker(r.Charter())
			for b.Loop() {
				for _, record := range c.records {
					if err := checker.EachStored(record, func(p *crdt.StoredPack) error { return nil }); err != nil {
						b.Fatal(err)
					}
				}
			}
			perChange(b, r.Len())
		})
	}
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			for i := 0; i < r.Signed(); {
				_, i = r.RecordFrom(i)
			}
		}
		perChange(b, r.Len())
	})
}
