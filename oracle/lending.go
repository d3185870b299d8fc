package oracle

import (
	"errors"
	"fmt"
	"math/big"
)

// ErrNoPrice is a price that must not be used: Insufficient, Halted, too old, or ahead of its time. Its text
// says which.
var ErrNoPrice = errors.New("no price to act on")

// ErrAmount is an amount out of range.
var ErrAmount = errors.New("an amount is outside 0 … 10^18")

// maxAmount bounds what a position holds.
const maxAmount = 1_000_000_000_000_000_000

// A Lending market lends one thing against another: an example of a consumer.
type Lending struct {
	BorrowPPM    int64 // a loan is given up to that part of the collateral's value: 800,000
	LiquidatePPM int64 // above that part it is liquidated: 850,000
	MaxAgeMS     int64 // neither on a price older than that: 300,000
}

// DefaultLending borrows up to 80 %, liquidates above 85 %, on prices of at most
// 300 s.
func DefaultLending() Lending { return Lending{800_000, 850_000, 300_000} }

// A Position is a loan: amounts of collateral and of what is owed, each in units of
// its own, at most 10^18.
type Position struct{ Collateral, Debt int64 }

// A Health is what a position comes to on two prices.
type Health struct {
	LTVPPM    int64 // ⌈debt at high · 10^6 / collateral at low⌉, at most 10^12: also where there is debt and no collateral
	MayBorrow bool  // LTV ≤ 80 %
	Liquidate bool  // LTV > 85 %
	Doubtful  bool  // Liquidate, but not with collateral at high and debt at low: the proved bounds leave open whether it is sound
}

// Conservative judges a position as the lender must, with the doubt of both prices
// against the borrower: collateral at its proved low, debt at its proved high. No
// liar within the bounds can borrow too much. In return a wide interval can make a sound
// position look bad: Doubtful says so, and a careful market waits.
//
//	debt·high_d / (collateral·low_c)   ≤ 80 %: may borrow   > 85 %: liquidate
//
// Prices of different units are compared exactly. now is log time, Unix ms. Both
// prices must be OK or Wide, and taken at most MaxAgeMS before now, or the error wraps
// [ErrNoPrice] and nothing is allowed. What a [Breaker] has halted stops both. Amounts
// outside 0 … 10^18 are [ErrAmount].
func (m Lending) Conservative(pos Position, collateral, debt Price, now int64) (Health, error) {
	for _, p := range [...]*Price{&collateral, &debt} {
		age := clampTime(now) - clampTime(p.At)
		switch {
		case p.Status != OK && p.Status != Wide || p.Low <= 0 || p.High < p.Low:
			return Health{}, fmt.Errorf("%w: %s is %v", ErrNoPrice, p.Pair, p.Status)
		case age < 0 || age > m.MaxAgeMS:
			return Health{}, fmt.Errorf("%w: %s is %d ms old, which is not in 0 … %d", ErrNoPrice, p.Pair, age, m.MaxAgeMS)
		case p.Expo < minExpo || p.Expo > 0:
			return Health{}, fmt.Errorf("%w: %s has the unit 10^%d", ErrNoPrice, p.Pair, p.Expo)
		}
	}
	if pos.Collateral < 0 || pos.Debt < 0 || pos.Collateral > maxAmount || pos.Debt > maxAmount {
		return Health{}, fmt.Errorf("%w: %d and %d", ErrAmount, pos.Collateral, pos.Debt)
	}
	ltv := ltvPPM(pos, collateral.Low, debt.High, collateral.Expo, debt.Expo)
	h := Health{LTVPPM: ltv, MayBorrow: ltv <= m.BorrowPPM, Liquidate: ltv > m.LiquidatePPM}
	h.Doubtful = h.Liquidate && ltvPPM(pos, collateral.High, debt.Low, collateral.Expo, debt.Expo) <= m.LiquidatePPM
	return h, nil
}

// ltvPPM is what is owed of what secures it, rounded up.
func ltvPPM(pos Position, collateral, debt int64, expoC, expoD int) int64 {
	const most = 1_000_000_000_000
	value := func(amount, price int64, expo int) *big.Int {
		v := new(big.Int).Mul(big.NewInt(amount), big.NewInt(price))
		return v.Mul(v, bigPow10(expo-minExpo))
	}
	c, d := value(pos.Collateral, collateral, expoC), value(pos.Debt, debt, expoD)
	if d.Sign() == 0 {
		return 0
	}
	if c.Sign() == 0 {
		return most
	}
	d.Mul(d, big.NewInt(1_000_000))
	d.Add(d, c).Sub(d, big.NewInt(1)).Quo(d, c)
	if !d.IsInt64() || d.Int64() > most {
		return most
	}
	return d.Int64()
}
