package oracle

import (
	"math/bits"
	"slices"
)

// A tally is the votes of one pair at one time, and what strategies need of them.
// It is used again and again, and allocates nothing once it has grown.
type tally struct {
	prices  []int64 // of the votes, in the order of the committee until sorted is made
	spreads []int64
	weights []int64 // ppm; read by Weighted alone
	all     []int64 // every attestation, not one a vote; read by MeanIQR alone

	sorted []int64 // prices, ascending
	work   []int64
	order  []int32
}

func (t *tally) reset() {
	t.prices, t.spreads, t.weights, t.all = t.prices[:0], t.spreads[:0], t.weights[:0], t.all[:0]
}

// sort must be called after the last vote was added.
func (t *tally) sort() {
	t.sorted = append(t.sorted[:0], t.prices...)
	sortPrices(t.sorted)
}

// sortPrices sorts a few numbers faster than slices.Sort does.
func sortPrices(x []int64) {
	if len(x) > 40 {
		slices.Sort(x)
		return
	}
	for i := 1; i < len(x); i++ {
		v := x[i]
		j := i
		for ; j > 0 && x[j-1] > v; j-- {
			x[j] = x[j-1]
		}
		x[j] = v
	}
}

// medianOf is the median of sorted numbers: the middle one, or the mean of the two in
// the middle, floor. There is at least one.
func medianOf(sorted []int64) int64 {
	m := len(sorted)
	if m%2 == 1 {
		return sorted[m/2]
	}
	return middle(sorted[m/2-1], sorted[m/2])
}

// hull are the bounds x(f+1) and x(m−f) of sorted votes, of which there are at least
// 2f+1: while at most f of the votes are lies, an honest vote is at or below low, and
// one at or above high, so that both lie in the honest votes' range.
func hull(sorted []int64, f int) (low, high int64) {
	return sorted[f], sorted[len(sorted)-1-f]
}

// mad is the median of |x−center| over sorted numbers: the median absolute deviation
// (Hampel, "The influence curve and its role in robust estimation", 1974).
func (t *tally) mad(center int64) int64 {
	// Both sides of center are in order already, and are merged from the inside out.
	x := t.sorted
	m := len(x)
	right := 0
	for right < m && x[right] < center {
		right++
	}
	left := right - 1
	var last, before int64
	for range m/2 + 1 {
		before = last
		if right == m || left >= 0 && center-x[left] <= x[right]-center {
			last = center - x[left]
			left--
		} else {
			last = x[right] - center
			right++
		}
	}
	if m%2 == 1 {
		return last
	}
	return middle(before, last)
}

// robust is s of Fenced and of scores: 1.4826·MAD, which is the standard deviation
// where errors are normal, but no less than the floor, ppm of the median.
func robust(mad, median int64, p *Policy) int64 {
	return max(int64(mulDiv(uint64(mad), 14826, 10_000)), ppmOf(median, p.FenceFloor))
}

// unclamped is the strategy's own result on at least one vote. sort has been called.
func (t *tally) unclamped(s Strategy, p *Policy, f int) int64 {
	switch s {
	case Fenced:
		return t.fenced(p)
	case Trimmed:
		return meanOf(t.sorted[f : len(t.sorted)-f])
	case Weighted:
		return t.weighted()
	case ThreeVote:
		return t.threeVote()
	case Hodges:
		return t.hodges()
	case MeanIQR:
		return t.meanIQR()
	default:
		return medianOf(t.sorted)
	}
}

func meanOf(x []int64) int64 {
	var s sum
	for _, v := range x {
		s.add(v)
	}
	return s.mean(len(x))
}

// fenced drops |x−M| > fence·s and takes the mean of the rest.
func (t *tally) fenced(p *Policy) int64 {
	median := medianOf(t.sorted)
	s := robust(t.mad(median), median, p)
	reach := int64(1<<63 - 1)
	if hi, lo := bits.Mul64(uint64(s), uint64(p.Fence)); hi == 0 && lo < 1<<63 {
		reach = int64(lo)
	}
	var rest sum
	n := 0
	for _, v := range t.sorted {
		if max(v-median, median-v) <= reach {
			rest.add(v)
			n++
		}
	}
	if n == 0 { // s is 0, and the median lies between two votes
		return median
	}
	return rest.mean(n)
}

// weighted is the first vote, ascending, at which half of all weight is reached; equal
// prices in the order of the committee's keys.
func (t *tally) weighted() int64 {
	t.order = t.order[:0]
	total := int64(0)
	for i, w := range t.weights {
		t.order = append(t.order, int32(i))
		total += w
	}
	slices.SortStableFunc(t.order, func(a, b int32) int {
		switch pa, pb := t.prices[a], t.prices[b]; {
		case pa < pb:
			return -1
		case pa > pb:
			return 1
		}
		return 0
	})
	reached := int64(0)
	for _, i := range t.order {
		if reached += t.weights[i]; 2*reached >= total {
			return t.prices[i]
		}
	}
	return medianOf(t.sorted) // no votes have weight: they all have at least half
}

// threeVote is the median of p−s, p and p+s of all votes.
func (t *tally) threeVote() int64 {
	t.work = t.work[:0]
	for i, p := range t.prices {
		s := t.spreads[i]
		t.work = append(t.work, p-s, p, p+s)
	}
	slices.Sort(t.work)
	return medianOf(t.work)
}

// hodges is the median of ⌊(x+y)/2⌋ over all pairs of votes, each with itself too
// (Hodges & Lehmann, "Estimates of location based on rank tests", 1963).
func (t *tally) hodges() int64 {
	t.work = t.work[:0]
	for i, x := range t.sorted {
		for _, y := range t.sorted[i:] {
			t.work = append(t.work, middle(x, y))
		}
	}
	slices.Sort(t.work)
	return medianOf(t.work)
}

// meanIQR is the ancestor's rule on all attestations: with more than 4, those beyond
// 1.5 interquartile ranges from the quartiles [n/4] and [3n/4] are dropped (Tukey,
// "Exploratory Data Analysis", 1977); the mean of the rest. Every submission weighs
// alike here; the ancestor's confidence is a number that a liar would choose.
func (t *tally) meanIQR() int64 {
	t.work = append(t.work[:0], t.all...)
	if len(t.work) == 0 {
		t.work = append(t.work, t.prices...)
	}
	slices.Sort(t.work)
	n := len(t.work)
	if n <= 4 {
		return meanOf(t.work)
	}
	q1, q3 := t.work[n/4], t.work[3*n/4]
	low, high := 2*q1-3*(q3-q1), 2*q3+3*(q3-q1) // doubled, so that they are exact
	var rest sum
	kept := 0
	for _, v := range t.work {
		if 2*v >= low && 2*v <= high {
			rest.add(v)
			kept++
		}
	}
	return rest.mean(kept) // the quartiles themselves are kept
}

// price is the strategy's result within the hull, which is what counts: only MeanIQR
// is let out of it. There are at least 2f+1 votes, and sort has been called.
func (t *tally) price(s Strategy, p *Policy, f int) (price, low, high int64) {
	low, high = hull(t.sorted, f)
	price = t.unclamped(s, p, f)
	if s != MeanIQR {
		price = min(max(price, low), high)
	}
	return price, low, high
}

func newTally(votes []Vote) *tally {
	t := new(tally)
	for i := range votes {
		if v := &votes[i]; v.State == Voted {
			t.prices = append(t.prices, v.Value)
			t.spreads = append(t.spreads, v.Spread)
			t.weights = append(t.weights, v.Weight)
		}
		t.all = append(t.all, votes[i].Said...)
	}
	t.sort()
	return t
}

// Aggregate is the price that a strategy makes of votes, of which f may be lies, and the
// hull, in which it lies (but for [MeanIQR]'s): the bounds that are proved. Votes whose
// State is not Voted are no votes. It is false, and all is 0, if there are fewer than
// 2f+1. Pure: O(m log m) for m votes, O(m² log m) for [Hodges].
func Aggregate(s Strategy, p Policy, votes []Vote, f int) (price, low, high int64, ok bool) {
	t := newTally(votes)
	if f < 0 || len(t.prices) < 2*f+1 {
		return 0, 0, 0, false
	}
	price, low, high = t.price(s, &p, f)
	return price, low, high, true
}

// Unclamped is what the strategy itself makes of the votes, for comparison: liars can
// pull it where they like, as far as it lets them. It is false if there is no vote, or
// [Trimmed] would drop them all.
func Unclamped(s Strategy, p Policy, votes []Vote, f int) (price int64, ok bool) {
	t := newTally(votes)
	if len(t.prices) == 0 || f < 0 || s == Trimmed && len(t.prices) <= 2*f {
		return 0, false
	}
	return t.unclamped(s, &p, f), true
}
