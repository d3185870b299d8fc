package main

import (
	"fmt"
	"slices"

	"github.com/tallystick/tallystick/bench/internal/stat"
)

// A series is one quantity of one process over a soak, a value a sample.
type series struct {
	name   string
	unit   string
	values []float64
	// What growth is no leak, from the middle third to the last: the greater of a share of the middle third's median and a number.
	share, slack float64
}

// trend is how a series went after the first third, in which a process warms up.
type trend struct {
	Middle, Last float64 // medians of the middle and the last third
	Allowed      float64 // growth
}

// minSamples is how many values a series needs to say anything: ten a third.
const minSamples = 30

// trend compares medians, which single peaks between two collections do not move.
func (s *series) trend() (trend, error) {
	n := len(s.values)
	if n < minSamples {
		return trend{}, fmt.Errorf("%s: %d samples, at least %d are needed: a longer -for", s.name, n, minSamples)
	}
	middle, last := stat.Of(s.values[n/3:2*n/3]), stat.Of(s.values[2*n/3:])
	return trend{middle.Median, last.Median, max(s.share*middle.Median, s.slack)}, nil
}

// flat reports whether the growth is within what is allowed.
func (t trend) flat() bool { return t.Last-t.Middle <= t.Allowed }

// soakSeries holds series by name, in the order in which they began.
type soakSeries struct{ all []*series }

// add adds a value; the rest of kind is taken from the first.
func (s *soakSeries) add(kind series, value float64) {
	i := slices.IndexFunc(s.all, func(o *series) bool { return o.name == kind.name })
	if i < 0 {
		i = len(s.all)
		s.all = append(s.all, &kind)
	}
	s.all[i].values = append(s.all[i].values, value)
}
