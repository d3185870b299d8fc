package oracle

import (
	"fmt"
	"math/bits"
)

// What the breaker looks at.
const (
	breakerTWAPms     = 5 * 60 * 1000 // mean that a price is compared with
	breakerWideSlots  = 3             // slots of status Wide that halt
	breakerCleanSlots = 10            // clean slots that reopen
)

// A HaltReason is why a breaker is halted, or what keeps it from being clean.
type HaltReason uint8

// The reasons. One slot can have several: the first here is told.
const (
	NotHalted  HaltReason = iota
	HaltGap               // no price for more than max_gap_ms
	HaltMove              // the price left its five-minute mean by more than halt_ppm
	HaltWide              // Wide for three slots that follow one another
	haltReason            // how many
)

// String is the word.
func (r HaltReason) String() string {
	if r < haltReason {
		return [...]string{"not_halted", "gap", "move", "wide"}[r]
	}
	return "unknown"
}

// A BreakerState is what a breaker says of one slot.
type BreakerState struct {
	SlotPrice            // its Status is Halted while halted; the price is there all the same
	Halted    bool       //
	Why       HaltReason // what halted it last: told while it is halted
	SinceSlot int64      // the slot in which it halted
	Clean     int        // clean slots in a row since, of the 10 that reopen it
	Mean      int64      // the TWAP that Price was compared with, units of 10^expo; 0 if there was none
	GapPPM    int64      // of Price to Mean
	AgeMS     int64      // at the slot's end, of the last price
}

// String says it in a line.
func (s BreakerState) String() string {
	if !s.Halted {
		return "open"
	}
	text := fmt.Sprintf("halted since slot %d, %d of %d clean slots: ", s.SinceSlot, s.Clean, breakerCleanSlots)
	switch s.Why {
	case HaltGap:
		return text + fmt.Sprintf("no price for %d ms", s.AgeMS)
	case HaltMove:
		return text + fmt.Sprintf("left its five-minute mean, now by %d ppm", s.GapPPM)
	default:
		return text + fmt.Sprintf("wide for %d slots", breakerWideSlots)
	}
}

// A Breaker stops the use of a price that moves too fast or is not known well
// enough. The price goes on being computed, and the breaker says why it is halted:
//
//	halted     the price is more than halt_ppm from the TWAP of the five minutes
//	           before its slot, or three slots in a row are Wide, or there is no price
//	           for more than max_gap_ms
//	reopened   after ten clean slots that follow one another: OK, and within halt_ppm of that TWAP
//
// The TWAP carries a price for max_gap_ms, and covers what there is: right after the
// start, or a long gap, there is nothing to compare with, and a price is clean.
//
// Feed it every slot in ascending order. One goroutine. Nothing in it grows beyond
// the slots of five minutes.
type Breaker struct {
	policy Policy
	mean   runningMean
	begun  bool
	last   int64 // slot fed last
	priced int64 // end of the last slot with a price, or the start of the first slot
	wide   int   // slots in a row
	halted bool
	why    HaltReason
	since  int64
	clean  int
}

// NewBreaker is one that has seen nothing.
func NewBreaker(p Policy) *Breaker { return &Breaker{policy: p} }

// BreakerOver is the state after all of the slots, ascending: open if there are none.
func BreakerOver(slots []SlotPrice, p Policy) (s BreakerState) {
	b := NewBreaker(p)
	for i := range slots {
		s = b.Step(slots[i])
	}
	return s
}

// Step takes the next slot. Slots left out are slots without a price. One that is
// not after the last changes nothing. O(1), amortised.
func (b *Breaker) Step(s SlotPrice) BreakerState {
	ms := b.policy.SlotMS
	start := s.Slot * ms
	end := start + ms
	if b.begun && s.Slot <= b.last {
		return b.state(s, 0, 0)
	}
	if !b.begun {
		b.begun, b.priced, b.last = true, start, s.Slot-1
	}
	if s.Slot != b.last+1 {
		b.wide, b.clean = 0, 0
	}
	b.last = s.Slot
	if s.Priced() && s.Status == Wide {
		b.wide++
	} else {
		b.wide = 0
	}
	why := NotHalted
	age := end - b.priced
	mean := int64(0)
	if s.Priced() {
		age = 0
		mean = b.mean.before(start, b.policy.MaxGapMS)
		switch {
		case start-b.priced > b.policy.MaxGapMS: // slots left out
			why = HaltGap
		case mean > 0 && beyondPPM(s.Price, mean, b.policy.HaltPPM):
			why = HaltMove
		case b.wide >= breakerWideSlots:
			why = HaltWide
		}
		b.mean.push(start, end, s.Price)
		b.priced = end
	} else if age > b.policy.MaxGapMS {
		why = HaltGap
	}
	switch {
	case why != NotHalted:
		if !b.halted {
			b.since = s.Slot
		}
		b.halted, b.why, b.clean = true, why, 0
	case b.halted && s.Priced() && s.Status == OK:
		if b.clean++; b.clean == breakerCleanSlots {
			b.halted, b.why, b.clean = false, NotHalted, 0
		}
	default:
		b.clean = 0
	}
	return b.state(s, mean, age)
}

// A runningMean is the TWAP of the newest five minutes, kept as slots come.
type runningMean struct {
	spans []span
	hi    uint64 // Σ price·ms
	lo    uint64
}

// A span has one price from start to end, Unix ms.
type span struct{ start, end, price int64 }

// push adds what follows, after before(start) has closed the gap.
func (m *runningMean) push(start, end, price int64) {
	if n := len(m.spans); n > 0 && m.spans[n-1].price == price && m.spans[n-1].end == start {
		m.spans[n-1].end = end
	} else {
		m.spans = append(m.spans, span{start, end, price})
	}
	h, l := bits.Mul64(uint64(price), uint64(end-start))
	var c uint64
	m.lo, c = bits.Add64(m.lo, l, 0)
	m.hi += h + c
}

func (m *runningMean) drop(price, ms int64) {
	h, l := bits.Mul64(uint64(price), uint64(ms))
	var c uint64
	m.lo, c = bits.Sub64(m.lo, l, 0)
	m.hi -= h + c
}

// before is the mean of the five minutes before start, of those for which there is a
// price: 0 if there is none. The last price is carried up to start; after a gap that
// is too long for that the mean begins anew.
func (m *runningMean) before(start, maxGap int64) int64 {
	n := len(m.spans)
	if n == 0 {
		return 0
	}
	last := m.spans[n-1]
	if start-last.end > maxGap {
		*m = runningMean{}
		return 0
	}
	if start > last.end {
		m.push(last.end, start, last.price)
	}
	from := start - breakerTWAPms
	for m.spans[0].end <= from {
		m.drop(m.spans[0].price, m.spans[0].end-m.spans[0].start)
		m.spans = m.spans[1:]
	}
	if s := &m.spans[0]; s.start < from {
		m.drop(s.price, from-s.start)
		s.start = from
	}
	q, _ := bits.Div64(m.hi, m.lo, uint64(start-m.spans[0].start))
	return int64(q)
}

func (b *Breaker) state(s SlotPrice, mean, age int64) BreakerState {
	r := BreakerState{SlotPrice: s, Halted: b.halted, Why: b.why, SinceSlot: b.since, Clean: b.clean, Mean: mean, AgeMS: age}
	if mean > 0 && s.Priced() {
		r.GapPPM = gapPPM(s.Price, mean)
	}
	if b.halted {
		r.Status = Halted
	} else {
		r.SinceSlot = 0
	}
	return r
}
