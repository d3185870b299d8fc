package byz

import (
	"runtime"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// TestGrowth: an attack of twice the size costs its victims about twice as much: in bytes that they allocate, in messages and bytes
// that they send to attackers. (What it costs in time is measured by the benchmarks of package crdt.)
func TestGrowth(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, x := range []struct {
		name  string
		build func(c *Crew, n int) [][]byte
	}{
		{"branches after one change", func(c *Crew, n int) [][]byte {
			begun := c.Chain(0, 1)
			return append(Packs(begun), Pack(c.each(n, func(i int) Run { return begun.After(0, c.Say(i)) })...))
		}},
		{"branches along a chain", func(c *Crew, n int) [][]byte {
			whole := c.Chain(0, n)
			ids := whole.IDs()
			return append(Packs(whole), Pack(c.each(n-1, func(i int) Run { return c.Run(0, ids[i], c.Say("side")) })...))
		}},
		{"authors", func(c *Crew, n int) [][]byte {
			return [][]byte{Pack(c.each(n, func(i int) Run { return c.Chain(i, 1) })...)}
		}},
		{"waiting packs", func(c *Crew, n int) [][]byte {
			ids := c.unknown(n)
			return Packs(c.each(n, func(i int) Run { return c.Run(i%10, ids[i], c.Say(i)) })...)
		}},
		{"chain backwards", func(c *Crew, n int) [][]byte { return c.backwards(n) }},
		{"siblings", func(c *Crew, n int) [][]byte {
			return c.crowdOn(c.text(""), 4, func(int) List { return c.times(10*n, func(int) List { return List{7, List{-1, 0}, "s"} }) })
		}},
		{"left spine", func(c *Crew, n int) [][]byte {
			return Packs(c.Run(0, c.Root(), c.Ops(append(List{List{3, 0, "text", List{}, 2}, List{7, List{0, 0}, "s"}},
				c.times(10*n, func(i int) List { return List{6, List{0, 1 + i}, "s"} })...))))
		}},
		{"deletes of all", func(c *Crew, n int) [][]byte {
			return c.crowdOn(c.text("0123456789"), n, func(int) List { return List{List{9, List{-1, 1}, 10}} })
		}},
		{"values under a key", func(c *Crew, n int) [][]byte { return one(c, c.many(10*n)) }},
	} {
		cost := func(n int) (allocated, sent int) {
			all := packs("growth", func(c *Crew) [][]byte { return x.build(c, n) })
			w := newWorld(t, 1, crdt.JSON)
			w.admit(w.nodes[relay], Attack{Name: x.name}, all(w.room)[0])
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w.settle()
			runtime.ReadMemStats(&after)
			return int(after.TotalAlloc - before.TotalAlloc), w.toAttackers
		}
		const n = 128
		allocated, sent := cost(n)
		allocatedTwice, sentTwice := cost(2 * n)
		if allocatedTwice > 3*allocated {
			t.Errorf("%s: %d allocate %d bytes, twice as many %d", x.name, n, allocated, allocatedTwice)
		}
		if sentTwice > 3*sent {
			t.Errorf("%s: %d have %d bytes sent to attackers, twice as many %d", x.name, n, sent, sentTwice)
		}
		t.Logf("%-26s %9d bytes allocated, twice %9d; %7d sent, twice %7d", x.name, allocated, allocatedTwice, sent, sentTwice)
	}
}

// each is n runs.
func (c *Crew) each(n int, run func(i int) Run) []Run {
	runs := make([]Run, n)
	for i := range runs {
		runs[i] = run(i)
	}
	return runs
}
