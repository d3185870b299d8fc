package oracle

import (
	"math"
	"slices"
)

// A VolatilityOf is how far prices moved in a window.
type VolatilityOf struct {
	// PerSlot is the standard deviation of the logarithmic returns from one slot to the next
	// (with n−1, as of a sample), and Annual the same times √(slots of 365 days). They are floating
	// point, for people: no rule may hang on them. NaN with fewer than two returns.
	PerSlot, Annual float64
	Returns         int // how many there are: of slots that follow one another, both with a price

	// RangePPM is ⌊(max−min)·10^6/median⌋ of the prices, for rules: integers alone.
	RangePPM int64
	Min, Max int64 // units of 10^expo
	Median   int64 // lower
	Slots    int   // with a price; with none the rest is 0
	Status   Status
}

// Volatility of the last window slots up to the last one listed. A gap makes no
// return: a return over a gap would count as one slot's. It is Insufficient without a
// price in the window, Wide if a slot in it is.
//
// slots is ascending. O(w log w) of the w ≤ window slots listed.
func Volatility(slots []SlotPrice, window int64, p Policy) VolatilityOf {
	v := VolatilityOf{PerSlot: math.NaN(), Annual: math.NaN(), Status: Insufficient}
	if len(slots) == 0 || window < 1 {
		return v
	}
	first := slots[len(slots)-1].Slot - min(window, 1<<53) + 1
	i, _ := slices.BinarySearchFunc(slots, first, func(s SlotPrice, slot int64) int {
		if s.Slot < slot {
			return -1
		}
		return 1
	})
	var prices []int64
	var returns []float64
	var last SlotPrice
	v.Status = OK
	for _, s := range slots[i:] {
		if !s.Priced() {
			continue
		}
		if s.Status == Wide {
			v.Status = Wide
		}
		if len(prices) > 0 && s.Slot == last.Slot+1 {
			returns = append(returns, math.Log(float64(s.Price)/float64(last.Price)))
		}
		prices, last = append(prices, s.Price), s
	}
	if len(prices) == 0 {
		v.Status = Insufficient
		return v
	}
	slices.Sort(prices)
	v.Slots, v.Min, v.Max, v.Median = len(prices), prices[0], prices[len(prices)-1], prices[(len(prices)-1)/2]
	v.RangePPM = gapPPM(v.Median+(v.Max-v.Min), v.Median)
	v.Returns = len(returns)
	if len(returns) < 2 {
		return v
	}
	mean := 0.0
	for _, r := range returns {
		mean += r
	}
	mean /= float64(len(returns))
	ss := 0.0
	for _, r := range returns {
		ss += (r - mean) * (r - mean)
	}
	v.PerSlot = math.Sqrt(ss / float64(len(returns)-1))
	v.Annual = v.PerSlot * math.Sqrt(365*dayMS/float64(p.SlotMS))
	return v
}
