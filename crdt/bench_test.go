package crdt_test

import (
	"fmt"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// entry is a transaction as the ledger writes it, some 80 bytes.
func entry(i int) crdt.Literal {
	l, err := crdt.EncodeLiteral(map[string]any{
		"posts": []any{[]any{"alice", -1250 - i}, []any{"bob", 1250 + i}}, "scale": 2, "memo": fmt.Sprintf("dinner %d", i), "unit": "EUR",
	})
	if err != nil {
		panic(err)
	}
	return l
}

// ledgerOf is a replica with n changes of one author, signed every run changes,
// none linking another.
func ledgerOf(b *testing.B, n, run int) *crdt.Replica {
	b.Helper()
	r := newReplica(b, crdt.OpenLedger("bench"))
	w := mustWriter(b, r, 0)
	for i := range n {
		l := entry(i)
		if _, err := w.Change(int64(i), func(tx *crdt.Tx) error { _, err := tx.Append(l); return err }); err != nil {
			b.Fatal(err)
		}
		if (i+1)%run == 0 {
			w.Sign()
		}
	}
	w.Sign()
	return r
}

// perChange reports time and memory a change.
func perChange(b *testing.B, changes int) {
	b.ReportAllocs()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(changes), "ns/change")
}

// One pack is checked, signature and all, and received by a replica that has
// what came before.
func BenchmarkCheckAndReceive(b *testing.B) {
	for _, n := range []int{1, 64, 4096} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			from := ledgerOf(b, n, n)
			frame, _ := from.PackFrom(0, nil)
			checker := crdt.NewChecker(from.Charter())
			b.SetBytes(int64(len(frame)))
			for b.Loop() {
				r, err := crdt.NewReplica(from.Charter())
				if err != nil {
					b.Fatal(err)
				}
				p, err := checker.Check(frame, nil)
				if err != nil {
					b.Fatal(err)
				}
				if out := r.Receive(p, 1, epoch); out.To != n {
					b.Fatalf("%+v", out)
				}
			}
			perChange(b, n)
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	const n = 100_000
	frames := exported(ledgerOf(b, n, 4096))
	for b.Loop() {
		r, err := crdt.NewReplica(crdt.OpenLedger("bench"))
		if err != nil {
			b.Fatal(err)
		}
		for _, frame := range frames {
			if err := r.Load(frame); err != nil {
				b.Fatal(err)
			}
		}
		if err := r.VerifyTips(); err != nil || r.Len() != n {
			b.Fatal(r.Len(), err)
		}
	}
	perChange(b, n)
}

func BenchmarkAppend(b *testing.B) {
	r := newReplica(b, crdt.OpenLedger("bench"))
	w := mustWriter(b, r, 0)
	l := entry(0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := w.Change(int64(i), func(tx *crdt.Tx) error { _, err := tx.Append(l); return err }); err != nil {
			b.Fatal(err)
		}
		if i%1024 == 1023 {
			w.Sign()
		}
	}
}

func BenchmarkViewAndRows(b *testing.B) {
	const n = 100_000
	r := ledgerOf(b, n, 4096)
	b.Run("view", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if r.View().Len() != n {
				b.Fatal("rows")
			}
		}
	})
	b.Run("rows", func(b *testing.B) {
		v := r.View()
		for b.Loop() {
			bytes := 0
			for row := range v.Rows {
				bytes += len(row.Literal)
			}
			if bytes == 0 {
				b.Fatal("no rows")
			}
		}
		perChange(b, n)
	})
	b.Run("screen", func(b *testing.B) { // 50 rows in the middle
		v := r.View()
		b.ReportAllocs()
		for b.Loop() {
			for i := n / 2; i < n/2+50; i++ {
				if at, ok := v.IndexOf(v.Row(i).Key); !ok || at != i {
					b.Fatal(at)
				}
			}
		}
	})
}

func BenchmarkPendingRelease(b *testing.B) {
	const n = 1000
	from := ledgerOf(b, n, n)
	var packs []*crdt.Pack
	m := &mill{charter: from.Charter(), room: hash32(from.Room())}
	frame, _ := from.PackFrom(0, nil)
	whole := parseRefPack(b, frame)[0]
	ids := m.ids(whole)
	for i := range n {
		r := refRun{author: whole.author, prev: m.room, payloads: whole.payloads[i : i+1], sig: m.signature(0, ids[i])}
		if i > 0 {
			r.prev = ids[i-1]
		}
		p, err := crdt.NewChecker(m.charter).Check(refPack{r}.frame(), nil)
		if err != nil {
			b.Fatal(err)
		}
		packs = append(packs, p)
	}
	for b.Loop() {
		r, err := crdt.NewReplica(m.charter)
		if err != nil {
			b.Fatal(err)
		}
		for i := n - 1; i >= 0; i-- {
			r.Receive(packs[i], 1, epoch)
		}
		if r.Len() != n {
			b.Fatal(r.Len())
		}
	}
	perChange(b, n)
}
