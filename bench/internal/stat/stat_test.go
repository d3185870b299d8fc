package stat

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestOf(t *testing.T) {
	t.Parallel()
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for _, c := range []struct {
		name    string
		samples []float64
		want    Summary
	}{
		{"none", nil, Summary{}},
		{"one", []float64{7}, Summary{N: 1, Min: 7, Max: 7, Median: 7, P95: 7, P99: 7}},
		{"even", []float64{4, 1, 3, 2}, Summary{N: 4, Min: 1, Max: 4, Median: 2.5, P95: 4, P99: 4}},
		{"twenty, where 0.95 n is whole", hundred[80:], Summary{N: 20, Min: 1, Max: 20, Median: 10.5, P95: 19, P99: 20}},
		{"hundred", hundred, Summary{N: 100, Min: 1, Max: 100, Median: 50.5, P95: 95, P99: 99}},
	} {
		if got := Of(c.samples); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestOfKeepsSamples(t *testing.T) {
	t.Parallel()
	s := []float64{3, 1, 2}
	Of(s)
	if s[0] != 3 || s[1] != 1 || s[2] != 2 {
		t.Errorf("samples were changed: %v", s)
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	if got := Durations([]time.Duration{1500 * time.Microsecond}).Median; got != 1.5 {
		t.Errorf("median of 1500 µs: got %v ms, want 1.5", got)
	}
}

// TestQuantileRank: at least a share q of the samples does not exceed the quantile, and no smaller sample has that property.
func TestQuantileRank(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "n")
		percent := rapid.IntRange(1, 100).Draw(t, "percent")
		sorted := make([]float64, n)
		for i := range sorted {
			sorted[i] = float64(i)
		}
		at := int(Quantile(sorted, float64(percent)/100))
		if (at+1)*100 < percent*n {
			t.Fatalf("%d of %d samples are within the %d %% quantile", at+1, n, percent)
		}
		if at > 0 && at*100 >= percent*n {
			t.Fatalf("sample %d of %d would do for the %d %% quantile, got %d", at-1, n, percent, at)
		}
	})
}
