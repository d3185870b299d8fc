package oracle

import "fmt"

// A SlotPrice is the aggregate of one slot, at its end: what the functions for
// consumers take. It is a pure function of the log, and no function of it reads a
// clock.
//
// Slots are listed by Slot, ascending, each at most once. A slot that is not listed
// is one without a price, as one of status Insufficient is.
type SlotPrice struct {
	Slot   int64  // start is Slot·slot_ms, Unix ms; the end, where it was taken, slot_ms later
	Price  int64  // units of 10^expo of its pair; 0 without a price
	Low    int64  // proved bounds, ≤ Price ≤ High, the same unit
	High   int64  //
	Status Status // OK, Wide, or Insufficient: then the prices are 0
	Final  bool   // log time has passed the end by late_max: honest oracles add nothing to it any more
}

// Priced reports whether the slot has a price. A MeanIQR or other price that is not
// above zero is none.
func (s SlotPrice) Priced() bool { return s.Status != Insufficient && s.Price > 0 }

// floorDiv is ⌊a/b⌋, b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// distance is |a−b| of two prices, 0 … MaxPrice.
func distance(a, b int64) uint64 {
	if a < b {
		a, b = b, a
	}
	return uint64(a) - uint64(b)
}

// beyondPPM reports whether |p−of| > ppm/10^6 · of. All are ≥ 0.
func beyondPPM(p, of, ppm int64) bool {
	return mulMore(distance(p, of), 1_000_000, uint64(max(of, 0)), uint64(max(ppm, 0)))
}

// gapPPM is (p−of)/of in ppm, toward zero, at most 10^12 either way.
func gapPPM(p, of int64) int64 {
	if of <= 0 {
		return 0
	}
	const most = 1_000_000_000_000
	d := distance(p, of)
	g := int64(most)
	if !mulMore(d, 1_000_000, uint64(of), most) {
		g = int64(mulDiv(d, 1_000_000, uint64(of)))
	}
	if p < of {
		return -g
	}
	return g
}

// Slot is a pair's aggregate at the end of a slot, by the terms' strategy. The error
// wraps [ErrPair], or [ErrTime] of a slot that ends out of 0 … MaxTimeMS.
func (l *Log) Slot(pair string, slot int64) (SlotPrice, error) {
	return l.SlotBy(l.terms.Policy.Strategy, pair, slot)
}

// SlotBy is Slot by another strategy.
func (l *Log) SlotBy(s Strategy, pair string, slot int64) (SlotPrice, error) {
	ms := l.terms.Policy.SlotMS
	if slot < 0 || slot >= MaxTimeMS/ms {
		return SlotPrice{}, fmt.Errorf("%w: slot %d", ErrTime, slot)
	}
	p, err := l.PriceBy(s, pair, (slot+1)*ms)
	if err != nil {
		return SlotPrice{}, err
	}
	return SlotPrice{Slot: slot, Price: p.Price, Low: p.Low, High: p.High, Status: p.Status, Final: slot <= l.finalNow()}, nil
}
