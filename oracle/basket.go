package oracle

import (
	"errors"
	"fmt"
	"math/big"
)

// ErrBasket is a basket of which no price can be made, whatever the oracles say.
var ErrBasket = errors.New("not a basket")

// A Share is one pair's part of a basket.
type Share struct {
	Pair   string
	Weight int64 // ppm; those of a basket add up to 10^6
}

// A BasketPrice is the price of a basket.
type BasketPrice struct {
	At       int64 // Unix ms, alike for all
	Price    int64 // units of 10^Expo; 0 if Status is Insufficient
	Low      int64 // the same sum of the lows: proved, if each is
	High     int64
	Expo     int
	Status   Status
	Limiting string // the first pair whose status made it so; "" if OK
}

// Basket is the weighted sum of the prices of its pairs (stablecoins: 60/30/10 in
// the example),
//
//	⌊ Σ weight·price / 10^6 ⌋
//
// in units of 10^expo, where prices of other units are converted exactly before the
// division. Its bounds are the same sums of the bounds, the high one rounded up. The worst status wins: one pair without a
// price leaves the basket without, one that is Wide or Halted makes it so.
//
// prices holds one Price for each share, in any order, all taken at the same time.
// The error wraps [ErrBasket]: weights that are not above zero or do not add up, a
// pair twice or without a price in the list, prices of different times, or a sum too
// large for the unit.
func Basket(shares []Share, prices []Price, expo int) (BasketPrice, error) {
	r := BasketPrice{Expo: expo, Status: OK}
	bad := func(format string, args ...any) (BasketPrice, error) {
		return BasketPrice{Expo: expo, Status: Insufficient}, fmt.Errorf("%w: "+format, append([]any{ErrBasket}, args...)...)
	}
	if expo < minExpo || expo > 0 {
		return bad("unit 10^%d is not in 10^%d … 1", expo, minExpo)
	}
	if len(shares) == 0 || len(shares) > MaxPairs {
		return bad("%d shares are not 1 … %d", len(shares), MaxPairs)
	}
	of := make(map[string]*Price, len(prices))
	for i := range prices {
		of[prices[i].Pair] = &prices[i]
	}
	var sum, low, high big.Int
	total := int64(0)
	seen := make(map[string]bool, len(shares))
	for i, s := range shares {
		p := of[s.Pair]
		switch {
		case s.Weight <= 0 || s.Weight > 1_000_000:
			return bad("the weight of share %d is %d ppm", i+1, s.Weight)
		case seen[s.Pair]:
			return bad("share %d names its pair a second time", i+1)
		case p == nil:
			return bad("there is no price for share %d", i+1)
		case i > 0 && p.At != r.At:
			return bad("share %d has the price of another time", i+1)
		}
		seen[s.Pair] = true
		total += s.Weight
		r.At = p.At
		if worse(p.Status, r.Status) {
			r.Status, r.Limiting = p.Status, s.Pair
		}
		for _, part := range [...]struct {
			sum   *big.Int
			price int64
		}{{&sum, p.Price}, {&low, p.Low}, {&high, p.High}} {
			v := new(big.Int).Mul(big.NewInt(part.price), big.NewInt(s.Weight))
			v.Mul(v, bigPow10(p.Expo-minExpo))
			part.sum.Add(part.sum, v)
		}
	}
	if total != 1_000_000 {
		return bad("the weights add up to %d ppm, not 1,000,000", total)
	}
	if r.Status == Insufficient {
		return r, nil
	}
	unit := new(big.Int).Mul(bigPow10(expo-minExpo), big.NewInt(1_000_000))
	sum.Quo(&sum, unit)
	low.Quo(&low, unit)
	high.Quo(high.Add(&high, new(big.Int).Sub(unit, big.NewInt(1))), unit)
	if high.Cmp(big.NewInt(MaxPrice)) > 0 || sum.Sign() <= 0 {
		return bad("the sum does not fit units of 10^%d", expo)
	}
	r.Price, r.Low, r.High = sum.Int64(), low.Int64(), high.Int64()
	return r, nil
}

func bigPow10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// worse orders statuses: OK, Wide, Halted, Insufficient.
func worse(a, b Status) bool {
	rank := func(s Status) int {
		switch s {
		case OK:
			return 0
		case Wide:
			return 1
		case Halted:
			return 2
		default:
			return 3
		}
	}
	return rank(a) > rank(b)
}
