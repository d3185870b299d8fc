// Package stat sums up samples of a measurement.
package stat

import (
	"math"
	"slices"
	"time"
)

// Summary is what is reported of a number of samples, in the unit of the samples. The zero Summary has no samples.
type Summary struct {
	N        int
	Min, Max float64
	Median   float64
	P95, P99 float64
}

// Of sums samples up. It sorts a copy. NaN is no sample and must not be among them.
func Of(samples []float64) Summary {
	if len(samples) == 0 {
		return Summary{}
	}
	s := slices.Clone(samples)
	slices.Sort(s)
	return Summary{N: len(s), Min: s[0], Max: s[len(s)-1], Median: median(s), P95: Quantile(s, 0.95), P99: Quantile(s, 0.99)}
}

// Durations sums up durations in milliseconds.
func Durations(d []time.Duration) Summary {
	ms := make([]float64, len(d))
	for i, v := range d {
		ms[i] = Milliseconds(v)
	}
	return Of(ms)
}

// Milliseconds is d in milliseconds.
func Milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Quantile is the q-quantile (0 < q <= 1) of sorted samples by nearest rank: the smallest sample that at least a share q
// of them does not exceed. It never invents a value between two samples, so p99 of fewer than 100 samples is the greatest.
func Quantile(sorted []float64, q float64) float64 {
	// Without the small number a product such as 0.95 × 20, which is a little above 19 in floating point, would be rounded up.
	rank := int(math.Ceil(q*float64(len(sorted)) - 1e-9))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

func median(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
