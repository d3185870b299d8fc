package oracle

import "math/bits"

// A TWAPPrice is a price averaged over time.
type TWAPPrice struct {
	From, To  int64 // Unix ms; To not included
	Price     int64 // units of 10^expo; 0 if Status is Insufficient
	Status    Status
	CarriedMS int64 // how much of To−From had no price of its own: the last was carried
	WideMS    int64 // how much of it had a price of status Wide
	GapMS     int64 // the longest time without a price that touches it
}

// TWAP is the time-weighted average price over [from, to), Unix ms:
//
//	⌊ Σ p_s·Δt_s / Σ Δt_s ⌋      Δt_s = ms that slot s has in [from, to)
//
// over the slots' aggregates, never over what single oracles sent: one that floods
// weighs nothing more. A time without a price carries the last one before it, also
// from before from, for at most max_gap_ms; a longer one, or one with nothing before
// it, makes the whole Insufficient. One slot of status Wide makes it Wide.
//
// slots is ascending and may hold more than [from, to). O(len(slots)), however long
// the time is. Of an empty time (from ≥ to) the TWAP is Insufficient.
func TWAP(slots []SlotPrice, from, to int64, p Policy) TWAPPrice {
	r := TWAPPrice{From: from, To: to, Status: Insufficient}
	from, to = clampTime(from), clampTime(to)
	if from >= to {
		return r
	}
	var hi, lo uint64
	add := func(price, ms int64) {
		h, l := bits.Mul64(uint64(price), uint64(ms))
		var c uint64
		lo, c = bits.Add64(lo, l, 0)
		hi += h + c
	}
	whole, wide := true, false
	last := int64(0) // price
	end := int64(-1) // of its slot, Unix ms
	gap := func(until int64) {
		a := max(from, end)
		if end < 0 {
			a = from
		}
		if a >= until {
			return
		}
		if end < 0 {
			whole, r.GapMS = false, max(r.GapMS, until-a)
			return
		}
		r.GapMS = max(r.GapMS, until-end)
		if until-end > p.MaxGapMS {
			whole = false
			return
		}
		r.CarriedMS += until - a
		add(last, until-a)
	}
	for _, s := range slots {
		start := s.Slot * p.SlotMS
		if !s.Priced() {
			continue
		}
		if start >= to {
			break
		}
		gap(start)
		if a, b := max(from, start), min(to, start+p.SlotMS); a < b {
			add(s.Price, b-a)
			if s.Status == Wide {
				wide, r.WideMS = true, r.WideMS+b-a
			}
		}
		last, end = s.Price, start+p.SlotMS
	}
	gap(to)
	if !whole {
		return r
	}
	q, _ := bits.Div64(hi, lo, uint64(to-from))
	r.Price, r.Status = int64(q), OK
	if wide {
		r.Status = Wide
	}
	return r
}

// clampTime is t within what an attestation can claim.
func clampTime(t int64) int64 { return min(max(t, 0), MaxTimeMS) }
