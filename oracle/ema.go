package oracle

import (
	"errors"
	"fmt"
	"math/big"
)

// ErrHalfLife is a half-life out of range.
var ErrHalfLife = errors.New("half-life out of range")

// maxHalfLifeSlots bounds a half-life: beyond it a slot's weight is less than the
// arithmetic tells.
const maxHalfLifeSlots = 1 << 24

// An EMAPrice is an exponential moving average at the end of one slot.
type EMAPrice struct {
	Slot   int64
	Price  int64 // units of 10^expo, rounded down
	Width  int64 // the same average of high−low
	Status Status
	Slots  int // with a price that are in it, since it began
}

// EMA is the exponential moving average of price and of high−low, one recurrence a
// slot (Roberts, 1959), in integers:
//
//	e ← e·k + p·(1−k)      k = 2^(−1/half_life), as ⌊2^32·k⌋
//
// halfLife is in slots, 1 … 2^24: after that many slots a price weighs half as much.
// A slot without a price leaves the average as it is, and the price after it weighs
// as much as the ones before have faded (k^(slots since)); after more than max_gap_ms without a price
// the average begins anew with the next. The state keeps 32 bits behind the unit, so
// a small difference is not lost to rounding. It is Insufficient before the first
// price, and once the last is more than max_gap_ms old at the end of the last slot listed; Wide if that slot's price is.
//
// slots is ascending. O(len(slots) + log of the gaps). The error wraps [ErrHalfLife].
func EMA(slots []SlotPrice, halfLife int, p Policy) (EMAPrice, error) {
	r := EMAPrice{Status: Insufficient}
	if halfLife < 1 || halfLife > maxHalfLifeSlots {
		return r, fmt.Errorf("%w: %d slots is not in 1 … %d", ErrHalfLife, halfLife, maxHalfLifeSlots)
	}
	k := halfRoot(halfLife)
	var price, width big.Int // ·2^32
	var begun bool
	var last int64 // slot with a price
	for _, s := range slots {
		r.Slot = s.Slot
		if !s.Priced() {
			if begun && (s.Slot-last)*p.SlotMS > p.MaxGapMS {
				r.Status = Insufficient
			}
			continue
		}
		r.Status = s.Status
		if begun && (s.Slot-last-1)*p.SlotMS <= p.MaxGapMS {
			keep := powQ32(k, uint64(s.Slot-last))
			blend(&price, s.Price, keep)
			blend(&width, s.High-s.Low, keep)
			r.Slots++
		} else {
			price.Lsh(big.NewInt(s.Price), 32)
			width.Lsh(big.NewInt(s.High-s.Low), 32)
			begun, r.Slots = true, 1
		}
		last = s.Slot
	}
	if r.Status != Insufficient {
		var q big.Int
		r.Price = q.Rsh(&price, 32).Int64()
		r.Width = q.Rsh(&width, 32).Int64()
	} else {
		r.Slots = 0
	}
	return r, nil
}

// blend is e ← (e·keep + v·2^32·(2^32−keep)) / 2^32.
func blend(e *big.Int, v int64, keep uint64) {
	var k, x big.Int
	k.SetUint64(keep)
	e.Mul(e, &k)
	k.SetUint64(1<<32 - keep)
	x.Mul(x.Lsh(big.NewInt(v), 32), &k)
	e.Rsh(e.Add(e, &x), 32)
}

// powQ32 is k^n, of numbers ≤ 1 times 2^32.
func powQ32(k, n uint64) uint64 {
	r := uint64(1 << 32)
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			r = r * k >> 32
		}
		k = k * k >> 32
	}
	return r
}

// halfRoot is ⌊2^32·2^(−1/n)⌋: the greatest k whose n-th power is at most a half, by
// bisection, so that every machine finds the same.
func halfRoot(n int) uint64 {
	lo, hi := uint64(1)<<31, uint64(1)<<32 // lo^n ≤ ½ < hi^n
	bound := new(big.Int).Lsh(big.NewInt(1), 63)
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		if atMostHalf(mid, n, bound) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// atMostHalf reports whether (k/2^32)^n ≤ ½, with 64 bits behind the point.
func atMostHalf(k uint64, n int, half *big.Int) bool {
	base := new(big.Int).Lsh(new(big.Int).SetUint64(k), 32)
	r := new(big.Int).Lsh(big.NewInt(1), 64)
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			r.Rsh(r.Mul(r, base), 64)
		}
		base.Rsh(base.Mul(base, base), 64)
	}
	return r.Cmp(half) <= 0
}
