package oracle

import (
	"errors"
	"fmt"
)

// settleHalfMS is half of the hour that an option settles by.
const settleHalfMS = 30 * 60 * 1000

// ErrTooEarly is a settlement whose inputs can still change.
var ErrTooEarly = errors.New("too early to settle")

// SettleAt is the log time from which on [Settle] can be called: half an hour and
// late_max after expiry, Unix ms.
func SettleAt(expiry int64, p Policy) int64 { return clampTime(expiry) + settleHalfMS + p.LateMaxMS }

// Settle is the price that an option settles at: the TWAP of the hour centred on
// expiry. It was not known at expiry, so nobody could aim for it, and moving it takes
// an hour's worth of prices. (An hour that ends when somebody calls is that
// somebody's choice.)
//
// now is log time L. Before [SettleAt] the error wraps [ErrTooEarly] and says how long
// to wait. From then on no honest oracle adds to the slots it is made of. slots has to
// hold those of the hour; all of them must be Final, else the error is the same. If
// the hour has a gap longer than max_gap_ms the result is Insufficient, and for ever.
func Settle(slots []SlotPrice, expiry, now int64, p Policy) (TWAPPrice, error) {
	from, to := clampTime(expiry)-settleHalfMS, clampTime(expiry)+settleHalfMS
	if due := SettleAt(expiry, p); now < due {
		return TWAPPrice{From: from, To: to, Status: Insufficient}, fmt.Errorf("%w: log time is %d ms short of half an hour and late_max after expiry", ErrTooEarly, due-now)
	}
	for _, s := range slots {
		if start := s.Slot * p.SlotMS; start < to && start+p.SlotMS > from && !s.Final {
			return TWAPPrice{From: from, To: to, Status: Insufficient}, fmt.Errorf("%w: slot %d was taken before it was final", ErrTooEarly, s.Slot)
		}
	}
	return TWAP(slots, from, to, p), nil
}

// OptionPayoff is what a call (or put) on one unit pays at a settlement price:
// max(0, settled−strike), or max(0, strike−settled), units of 10^expo.
func OptionPayoff(settled, strike int64, put bool) int64 {
	if put {
		return max(0, strike-settled)
	}
	return max(0, settled-strike)
}
