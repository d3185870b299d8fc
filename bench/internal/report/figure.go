// Package report holds measured figures against their budgets and prints them: as a table for people, as a line of
// JSON each for programs.
package report

import (
	"math"

	"github.com/tallystick/tallystick/bench/internal/stat"
)

// Figure is one line of a report.
type Figure struct {
	Work string // what was run: "screen"
	Case string // under which condition: "100000 rows"; may be empty
	Name string // what was measured: "first paint"
	Unit string // "ms", "%", "B", …

	stat.Summary

	Budgets []Budget // none: the figure is told, not held to anything
	Note    string   // short; may be empty

	// Reference is the same measure of the plain thing that the machine can do (an fsync, an echo), zero if there is none.
	Reference float64
	// Better is "more" for rates; anything else means that less is better. It says how Reference is to be read.
	Better string

	// Beside are cells of further columns, such as the same measure of others.
	Beside []Cell
}

// Cell is what stands in the column of that head.
type Cell struct{ Head, Text string }

// Budget is one bound of a figure.
type Budget struct {
	Of    string  // "p50", "p95", "p99", "max", "min"
	Limit float64 // in the figure's unit
	Least bool    // the value must be at least Limit, not at most
}

// Verdict says how a figure stands to its budgets.
type Verdict string

// Verdicts. A figure that is not held to anything has none.
const (
	Unheld Verdict = ""
	Met    Verdict = "met"
	Missed Verdict = "MISSED"
	Failed Verdict = "MISSED 2x" // by a factor of two or more
)

// AtMost is the budget that a statistic is not to exceed.
func AtMost(of string, limit float64) Budget { return Budget{Of: of, Limit: limit} }

// AtLeast is the budget that a statistic is not to fall short of.
func AtLeast(of string, limit float64) Budget { return Budget{Of: of, Limit: limit, Least: true} }

// Value is the statistic that b is about.
func (b Budget) Value(s stat.Summary) float64 {
	switch b.Of {
	case "p50":
		return s.Median
	case "p95":
		return s.P95
	case "p99":
		return s.P99
	case "max":
		return s.Max
	case "min":
		return s.Min
	}
	panic("report: internal error: budget of " + b.Of)
}

// Verdict judges one budget. A budget of zero has no double: what exceeds it is Failed.
func (b Budget) Verdict(s stat.Summary) Verdict {
	v := b.Value(s)
	switch {
	case s.N == 0 || math.IsNaN(v):
		return Failed // what could not be measured is not met
	case b.Least && v >= b.Limit, !b.Least && v <= b.Limit:
		return Met
	case b.Least && 2*v > b.Limit, !b.Least && v < 2*b.Limit:
		return Missed
	default:
		return Failed
	}
}

// Verdict is the worst of the figure's budgets.
func (f *Figure) Verdict() Verdict {
	worst := Unheld
	for _, b := range f.Budgets {
		switch v := b.Verdict(f.Summary); {
		case worst == Unheld, v == Failed, v == Missed && worst == Met:
			worst = v
		}
	}
	return worst
}

// Ratio is the figure's median to its reference, NaN if it has none.
func (f *Figure) Ratio() float64 {
	if f.Reference == 0 {
		return math.NaN()
	}
	return f.Median / f.Reference
}

// Single is the summary of one value that was measured once or is a total.
func Single(v float64) stat.Summary { return stat.Of([]float64{v}) }
