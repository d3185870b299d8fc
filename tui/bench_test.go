package tui

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// bigWorld has 100,000 rows; it is made once.
var bigWorld = sync.OnceValue(func() *world {
	w := newWorld(&testing.T{})
	for i := range 100_000 {
		w.bulk("bob", ledger.NewTransfer("bob", "alice", int64(100+i), 2, "", "meal"))
	}
	for _, wr := range w.writers {
		wr.Sign()
	}
	w.publish()
	return w
})

// bulk is append without a signature for each change.
func (w *world) bulk(author string, e ledger.Entry) {
	wr := w.writer(author)
	l := w.encode(e)
	if _, err := wr.Change(noon.Unix(), func(tx *crdt.Tx) error { _, err := tx.Append(l); return err }); err != nil {
		w.tb.Fatal(err)
	}
	if n, _ := wr.Unsigned(); n >= 4000 {
		wr.Sign()
	}
}

// BenchmarkDraw draws 120x36 over 100,000 rows after a key: what a person waits for. The budget is 0.5 ms and 200
// allocations.
func BenchmarkDraw(b *testing.B) {
	for _, bc := range []struct {
		name string
		keys []string // pressed in turn
	}{
		{"same", nil}, {"cursor", []string{"k", "j"}}, {"page", []string{"pgup"}}, {"ends", []string{"g", "G"}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			d := newDriver(b, bigWorld(), 120, 36)
			d.update(keyNamed("esc"))
			for range 5 {
				d.update(keyNamed("k"))
			}
			var old *screen.Grid
			var buf []byte
			bytes, i := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				if len(bc.keys) > 0 {
					d.m.Update(keyNamed(bc.keys[i%len(bc.keys)]))
				}
				i++
				d.m.draw(&d.grid)
				b.StopTimer()
				buf = screen.Diff(buf[:0], old, &d.grid)
				if old != nil {
					bytes += len(buf)
				}
				old = d.grid.Clone()
				b.StartTimer()
			}
			b.ReportMetric(float64(bytes)/float64(max(i-1, 1)), "bytes/frame")
		})
	}
}

// BenchmarkType types a character and draws.
func BenchmarkType(b *testing.B) {
	d := newDriver(b, bigWorld(), 120, 36)
	const line = "alice -> bob 12.50 dinner, two of us and a dog"
	var old *screen.Grid
	var buf []byte
	bytes, worst, i := 0, 0, 0
	b.ReportAllocs()
	for b.Loop() {
		c := line[i%len(line)]
		if i%len(line) == 0 {
			d.m.entry.line.Set("")
			d.m.draw(&d.grid)
			old = d.grid.Clone()
		}
		i++
		d.m.Update(tea.KeyPressMsg{Code: rune(c), Text: string(rune(c))})
		d.m.draw(&d.grid)
		b.StopTimer()
		buf = screen.Diff(buf[:0], old, &d.grid)
		bytes += len(buf)
		worst = max(worst, len(buf))
		old = d.grid.Clone()
		b.StartTimer()
	}
	b.ReportMetric(float64(bytes)/float64(i), "bytes/frame")
	b.ReportMetric(float64(worst), "bytes-max")
}

// BenchmarkSnapshot takes over a snapshot with one more row, and draws.
func BenchmarkSnapshot(b *testing.B) {
	w := newWorld(b)
	for i := range 20_000 {
		w.bulk("bob", ledger.NewTransfer("bob", "alice", int64(100+i), 2, "", "meal"))
	}
	w.writer("bob").Sign()
	w.publish()
	d := newDriver(b, w, 120, 36)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		w.bulk("bob", ledger.NewTransfer("bob", "alice", 5, 2, "", "meal"))
		w.publish()
		b.StartTimer()
		d.m.takeSnapshot()
		d.m.draw(&d.grid)
	}
}

// BenchmarkFilterPage searches so far that a page is found in 100,000 rows. The budget is 30 ms.
func BenchmarkFilterPage(b *testing.B) {
	d := newDriver(b, bigWorld(), 120, 36)
	d.m.ledger.filter.want, _ = ledger.ParseFilter("from:bob meal >1 -is:unsent")
	n := d.m.snap.View.Len()
	b.ReportAllocs()
	for b.Loop() {
		searchFrom(d.m.newMatcher(), new(atomic.Int64), 0, n, nil, firstSearchRows)()
	}
}

// BenchmarkFilterAll searches all of 100,000 rows for what is in none.
func BenchmarkFilterAll(b *testing.B) {
	d := newDriver(b, bigWorld(), 120, 36)
	d.m.ledger.filter.want, _ = ledger.ParseFilter("nothing")
	n := d.m.snap.View.Len()
	b.ReportAllocs()
	for b.Loop() {
		searchFrom(d.m.newMatcher(), new(atomic.Int64), 0, n, nil, n)()
	}
}

// BenchmarkSort sorts 100,000 rows.
func BenchmarkSort(b *testing.B) {
	for by := byTime; by < orders; by++ {
		b.Run(string(by.name()), func(b *testing.B) {
			d := newDriver(b, bigWorld(), 120, 36)
			d.m.ledger.order.by = by
			d.m.ledger.order.forget()
			b.ReportAllocs()
			for b.Loop() {
				o := &d.m.ledger.order
				job := sortJob{rows: d.m.ledger.chosen(d.m.snap.View), view: d.m.snap.View, keys: d.m.sorter(), gen: o.gen, newest: o.newest}
				job.run()
			}
		})
	}
}

// TestBudgets asserts what does not depend on the machine: bytes and allocations, at twice the budget of the design.
func TestBudgets(t *testing.T) {
	w := newWorld(t).demo(300)
	d := newDriver(t, w, 120, 36)
	measure := func(do func()) int {
		d.m.draw(&d.grid)
		old := d.grid.Clone()
		do()
		d.m.draw(&d.grid)
		return len(screen.Diff(nil, old, &d.grid))
	}
	d.m.draw(&d.grid)
	full := len(screen.Diff(nil, nil, &d.grid))
	typed := 0
	for _, r := range "alice -> bob 12.50 dinner" {
		typed = max(typed, measure(func() { d.m.Update(tea.KeyPressMsg{Code: r, Text: string(r)}) }))
	}
	d.m.Update(keyNamed("ctrl+u"))
	d.m.Update(keyNamed("esc"))
	moved := 0
	for range 8 {
		moved = max(moved, measure(func() { d.m.Update(keyNamed("k")) }))
	}
	page := measure(func() { d.m.Update(keyNamed("pgup")) })
	still := measure(func() {})
	allocs := testing.AllocsPerRun(20, func() {
		d.m.Update(keyNamed("k"))
		d.m.draw(&d.grid)
	})
	t.Logf("bytes: whole picture %d, typed character at most %d, cursor move at most %d, page %d, nothing %d; %v allocations a cursor move",
		full, typed, moved, page, still, allocs)
	for _, b := range []struct {
		what        string
		got, budget int
	}{{"whole picture", full, 10 << 10}, {"typed character", typed, 120}, {"cursor move", moved, 350}, {"page", page, 6 << 10}, {"allocations", int(allocs), 200}} {
		if b.got > 2*b.budget {
			t.Errorf("%s: %d, the budget is %d", b.what, b.got, b.budget)
		}
	}
	if still != 0 {
		t.Errorf("%d bytes though nothing changed", still)
	}
}

// partyWorld has balances of 2,500 parties in one unit.
var partyWorld = sync.OnceValue(func() *world {
	w := newWorld(&testing.T{})
	me := w.key("alice")
	for i := range 2500 {
		e := ledger.NewTransfer("alice", fmt.Sprintf("party %d", i*7919%2500), int64(100+i), 2, "", "meal")
		e.Postings[0].Key = &me
		w.bulk("alice", e)
	}
	w.writer("alice").Sign()
	w.publish()
	return w
})

// BenchmarkPages opens a page over many parties, and draws. The budget of a key is 2 ms, its way through the program included.
func BenchmarkPages(b *testing.B) {
	for _, page := range []string{"I", "B", "P", ":"} {
		b.Run(page, func(b *testing.B) {
			d := newDriver(b, partyWorld(), 120, 36)
			d.press("esc")
			b.ReportAllocs()
			for b.Loop() {
				d.press(page)
				b.StopTimer()
				d.press("esc")
				b.StartTimer()
			}
		})
	}
}
