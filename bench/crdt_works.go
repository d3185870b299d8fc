package main

import (
	"fmt"
	"time"

	"github.com/tallystick/tallystick/bench/internal/job"
	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/bench/internal/trace"
)

// crdtMeasure is one work of ours and that of the peers beside it.
type crdtMeasure struct {
	kind  trace.Kind
	ours  string // work of package engine; edit is measured by the sequence's own benchmark
	peers string // work of worker.mjs
	name  string // of the figure
	note  string
	// What the medians are held to, by trace; the budgets are of these traces whole.
	ms, kB, mB, each map[string]float64
}

// memoryWork is the work that is about memory.
const memoryWork = "heap"

const (
	paper     = "automerge-paper"
	component = "sveltecomponent"
	friends   = "friendsforever"
	causal    = "heads-causal"
	random    = "heads-random"
	payments  = "transactions"
)

// crdtWorks are all works, in the order in which they run.
var crdtWorks = []crdtMeasure{
	{
		kind: trace.Text, ours: "edit", peers: "edit", name: "edit", note: "the sequence alone; peers: their document",
		ms: map[string]float64{paper: 10, component: 3},
	},
	{
		kind: trace.Text, ours: "make", peers: "make", name: "make", note: "hashed, chained, signed in runs of 4,096",
		ms: map[string]float64{paper: 100}, kB: map[string]float64{paper: 4100},
	},
	{kind: trace.Text, ours: "make-256", peers: "make", name: "make, runs of 256"},
	{
		kind: trace.Text, ours: "apply", peers: "apply", name: "apply", note: "every id and signature checked, one core",
		ms: map[string]float64{paper: 95},
	},
	{
		kind: trace.Text, ours: "apply-2cores", peers: "apply", name: "apply, two cores", note: "the next pack is checked meanwhile",
		ms: map[string]float64{paper: 70},
	},
	{
		kind: trace.Text, ours: "apply-256", peers: "apply", name: "apply, runs of 256", note: "one core",
		ms: map[string]float64{paper: 150},
	},
	{
		kind: trace.Text, ours: "file", peers: "file", name: "save", note: "the whole history, the trace's own times",
		kB: map[string]float64{paper: 100},
	},
	{
		kind: trace.Text, ours: "file-typing", peers: "file", name: "save, typing times", note: "times as of somebody who types",
		kB: map[string]float64{paper: 150},
	},
	{
		kind: trace.Text, ours: "load", peers: "load", name: "load", note: "every id and the tips' signatures checked, one core",
		ms: map[string]float64{paper: 90},
	},
	{
		kind: trace.Text, ours: "snapshot", name: "snapshot", note: "opened, the text read",
		ms: map[string]float64{paper: 3},
	},
	{
		kind: trace.Text, ours: memoryWork, peers: memoryWork, name: "heap", note: "after GC, everything included",
		mB: map[string]float64{paper: 30}, each: map[string]float64{paper: 110},
	},
	{
		kind: trace.Live, ours: "merge", peers: "merge", name: "merge", note: "live documents, messages signed and checked",
		ms: map[string]float64{friends: 220},
	},
	{
		kind: trace.Live, ours: "merge-unsigned", peers: "merge", name: "merge, unsigned", note: "signing not counted, signatures not checked",
		ms: map[string]float64{friends: 35},
	},
	{kind: trace.Heads, ours: "heads-200", peers: "heads", name: "apply, runs of 200", note: "one core", ms: map[string]float64{causal: 10, random: 15}},
	{kind: trace.Heads, ours: "heads-20", peers: "heads", name: "apply, runs of 20", note: "one core", ms: map[string]float64{causal: 35, random: 45}},
	{
		kind: trace.Heads, ours: "heads-1", peers: "heads", name: "apply, runs of 1", note: "each signed, 256 checked at a time, two cores",
		ms: map[string]float64{causal: 150, random: 160},
	},
	{kind: trace.Append, ours: "append", peers: "append", name: "append", note: "runs of 4,096", ms: map[string]float64{payments: 45}},
	{
		kind: trace.Append, ours: "append-apply", peers: "append-apply", name: "apply", note: "every id and signature checked, one core",
		ms: map[string]float64{payments: 55},
	},
}

// line keeps what one library measured for -json.
func (m *crdtRun) line(work, name, lib string, o job.Outcome) {
	l := crdtLine{Work: work, Trace: name, Lib: lib, Bytes: o.Bytes, Heap: o.Heap, Runs: o.Runs}
	if len(o.Ms) > 0 {
		median := stat.Of(o.Ms).Median
		l.Median = &median
	}
	m.lines = append(m.lines, l)
}

// figures are the rows of a work: its time, its bytes, its memory, as far as it has them.
// limit is the time that was given to each library.
func (w *crdtMeasure) figures(c *trace.Case, own job.Outcome, beside []besideResult, limit time.Duration) []report.Figure {
	var all []report.Figure
	add := func(name, unit string, s stat.Summary, budgets map[string]float64, of func(job.Outcome) (float64, bool)) {
		f := report.Figure{Work: "crdt", Case: c.Name, Name: name, Unit: unit, Summary: s, Note: w.note}
		if own.Over {
			f.Note = overTime(limit)
		}
		if limit, ok := budgets[c.Name]; ok {
			f.Budgets = []report.Budget{report.AtMost("p50", limit)}
		}
		for _, b := range beside {
			f.Beside = append(f.Beside, report.Cell{Head: b.lib.Name + " " + b.lib.Version, Text: besideCell(b.what, s, of, limit)})
		}
		all = append(all, f)
	}
	if w.ours != memoryWork {
		add(w.name, "ms", stat.Of(own.Ms), w.ms, func(o job.Outcome) (float64, bool) { return stat.Of(o.Ms).Median, len(o.Ms) > 0 })
	}
	if own.Bytes != nil {
		add(w.name+": bytes", "kB", report.Single(float64(*own.Bytes)/1000), w.kB, func(o job.Outcome) (float64, bool) {
			if o.Bytes == nil {
				return 0, false
			}
			return float64(*o.Bytes) / 1000, true
		})
	}
	if w.ours == memoryWork {
		heap := func(scale float64) func(o job.Outcome) (float64, bool) {
			return func(o job.Outcome) (float64, bool) {
				if o.Heap == nil {
					return 0, false
				}
				return float64(*o.Heap) / scale, true
			}
		}
		for _, u := range []struct {
			name, unit string
			scale      float64
			budgets    map[string]float64
		}{{w.name, "MB", 1e6, w.mB}, {w.name + " of a change", "B", float64(c.Edits()), w.each}} {
			var s stat.Summary
			if v, ok := heap(u.scale)(own); ok {
				s = report.Single(v)
			}
			add(u.name, u.unit, s, u.budgets, heap(u.scale))
		}
	}
	return all
}

// besideCell is a library's median and how many times ours it is.
func besideCell(o job.Outcome, own stat.Summary, of func(job.Outcome) (float64, bool), limit time.Duration) string {
	v, ok := of(o)
	switch {
	case o.Over:
		return overTime(limit)
	case !ok:
		return ""
	}
	cell := report.Number(v)
	if own.N > 0 && own.Median > 0 {
		cell += fmt.Sprintf(" (%sx)", report.Number(v/own.Median))
	}
	if o.Runs < leastRuns && len(o.Ms) > 0 {
		cell += fmt.Sprintf(", %d run", o.Runs)
		if o.Runs > 1 {
			cell += "s"
		}
	}
	return cell
}

func overTime(limit time.Duration) string {
	return fmt.Sprintf("> %s s", report.Number(limit.Seconds()))
}

// leastRuns is how many a median should be of; fewer are told.
const leastRuns = 5
