package oracle

import (
	"slices"
)

// Rules of §5.
const (
	outlierWindow, outlierLeast    = 20, 5
	biasWindow, biasLeast          = 32, 28
	copyWindow, copyLeast, copyPct = 32, 20, 90
	clockWindow, clockLeast        = 20, 5
	stuckMS                        = 60_000
	blindSlots                     = 10

	longestWindow = 32
	mostRatio     = 1_000_000_000 // ppm of s
)

// slotMarks is which rules hold in the newest judged slots of a pair, and the facts of
// the newest few. Both are made when they are asked for.
type slotMarks struct {
	held  map[int64][]uint16 // by slot: of each oracle a bit for each kind
	facts map[int64][]fact
}

func (m *slotMarks) init() { m.held, m.facts = make(map[int64][]uint16), make(map[int64][]fact) }

// drop forgets what hangs on one slot that has changed: it is in the windows of the 32
// judged slots from there on, and is or was what a slot a minute later is compared with.
func (p *pairScores) drop(slot, slotMS int64) {
	delete(p.marks.facts, slot)
	delete(p.marks.held, slot)
	i := p.find(slot)
	until := int64(-1)
	for k := i; k < len(p.judged); k++ {
		j := p.judged[k].slot
		if j > slot && until < 0 {
			until = j + stuckMS/slotMS + 2
		}
		if k > i+longestWindow && j > until {
			return
		}
		delete(p.marks.facts, j)
		delete(p.marks.held, j)
	}
}

// A fact is what one judged slot shows of one oracle.
type fact struct {
	voted bool
	x     int64 // price of its vote; rest as it says only if voted
	i     int   // of its vote in the series
	out   bool
	side  int8  // sign of x − R
	ratio int64 // |x − R| of s, ppm, at most mostRatio

	off     bool // early or late
	offAt   int  // in the series: the last of those
	last    int  // in the series: its newest before the slot's end, or −1
	stuck   bool
	stuckMS int64
	stuckAt int // in the series: where that price began
	blind   bool
	blindMS int64

	copied oracleSet // whose price of the slot it had seen and has
}

// factsOf are those of judged slot k.
func (s *scores) factsOf(pair, k int) []fact {
	p := &s.pairs[pair]
	j := &p.judged[k]
	if f, ok := p.marks.facts[j.slot]; ok {
		return f
	}
	l := s.l
	policy := &l.terms.Policy
	start, end := j.slot*policy.SlotMS, (j.slot+1)*policy.SlotMS
	facts := make([]fact, l.n)
	votes := s.votes(pair, j.slot)
	for o := range facts {
		if s.guilty.has(o) {
			continue
		}
		f := &facts[o]
		ser := &l.series[pair*l.n+o]
		last := ser.upTo(end-1) - 1
		f.last = last
		for i := last; i >= 0 && ser.t(i) >= start; i-- {
			by := s.ahead[attestationKey{pair*l.n + o, i}]
			if !f.off && (ser.late(i) || by != nil && s.isEarly(by)) {
				f.off, f.offAt = true, i
			}
			if !f.voted && !ser.late(i) {
				f.voted, f.i, f.x = true, i, ser.price(i)
			}
		}
		if !f.voted {
			continue
		}
		d := distance(f.x, j.ref)
		switch {
		case f.x > j.ref:
			f.side = 1
		case f.x < j.ref:
			f.side = -1
		}
		f.out = mulMore(d, 1, uint64(j.scale), uint64(policy.Fence))
		f.ratio = mostRatio
		if scale := uint64(max(j.scale, 1)); !mulMore(d, 1_000_000, scale, mostRatio) {
			f.ratio = int64(mulDiv(d, 1_000_000, scale))
		}
		s.stuck(pair, k, ser, f)
		place := l.node(ser.node(f.i)).place
		f.blindMS = ser.t(f.i) - s.looked[o][place]
		f.blind = f.blindMS > blindSlots*policy.SlotMS && votes-1 >= l.f()+1
	}
	s.copies(pair, j.slot, facts)
	p.marks.facts[j.slot] = facts
	return facts
}

// stuck looks how long the oracle has had the price of its vote, and whether the median
// has left the fence since that time began.
func (s *scores) stuck(pair, k int, ser *series, f *fact) {
	p := &s.pairs[pair]
	j := &p.judged[k]
	t := ser.t(f.i)
	f.stuckAt = f.i
	for i := f.i - 1; i >= 0 && ser.price(i) == f.x && ser.t(f.stuckAt) > t-stuckMS; i-- {
		f.stuckAt = i
	}
	f.stuckMS = t - ser.t(f.stuckAt)
	if f.stuckMS < stuckMS {
		return
	}
	ms := s.l.terms.Policy.SlotMS
	old := p.find(floorDiv((j.slot+1)*ms-stuckMS, ms)) - 1 // the newest that ended a minute before
	if old < 0 {
		return
	}
	f.stuck = mulMore(distance(p.judged[old].ref, j.ref), 1, uint64(j.scale), uint64(s.l.terms.Policy.Fence))
}

// copies finds whose price of the slot each vote repeats, where that was among its
// ancestors.
func (s *scores) copies(pair int, slot int64, facts []fact) {
	l := s.l
	var seen clock
	for x := range facts {
		f := &facts[x]
		known := false
		for y := range facts {
			if !f.voted || y == x || s.guilty.has(y) {
				continue
			}
			ser := &l.series[pair*l.n+y]
			for i := facts[y].last; i >= 0 && ser.t(i) >= slot*l.terms.Policy.SlotMS; i-- {
				if ser.price(i) != f.x {
					continue
				}
				if !known {
					if seen == nil {
						seen = make(clock, l.n)
					}
					l.clockOf(l.series[pair*l.n+x].node(f.i), seen)
					known = true
				}
				if seen[y] > l.node(ser.node(i)).place {
					f.copied.add(y)
					break
				}
			}
		}
	}
}

// original is the newest attestation of y in the slot that vote f of x repeats, in y's
// series: copied says that there is one.
func (s *scores) original(pair int, slot int64, x, y int, f *fact) int {
	l := s.l
	ser := &l.series[pair*l.n+y]
	seen := make(clock, l.n)
	l.clockOf(l.series[pair*l.n+x].node(f.i), seen)
	i := ser.upTo((slot+1)*l.terms.Policy.SlotMS-1) - 1
	for ser.price(i) != f.x || seen[y] <= l.node(ser.node(i)).place {
		i--
	}
	return i
}

// A window is what an oracle shows in the slots that rules look at.
type window struct {
	slots                int
	out, off             int // of the last 20
	side                 [2]int
	ratio                [2]int64 // sums
	voted                int
	copied, copies       int // whom, −1: nobody; how often
	stuck, blind, biased bool
}

// windowOf looks at the slots up to judged slot k.
func (s *scores) windowOf(pair, k, o int) window {
	w := window{copied: -1}
	var copied oracleSet
	for b := 0; b < longestWindow && b <= k; b++ {
		f := &s.factsOf(pair, k-b)[o]
		w.slots++
		if b < outlierWindow && f.out {
			w.out++
		}
		if b < clockWindow && f.off {
			w.off++
		}
		if f.side != 0 {
			w.side[(f.side+1)/2]++
			w.ratio[(f.side+1)/2] += f.ratio
		}
		if f.voted {
			w.voted++
		}
		for i := range copied {
			copied[i] |= f.copied[i]
		}
	}
	newest := &s.factsOf(pair, k)[o]
	w.stuck, w.blind = newest.stuck, newest.blind
	for i := range w.side {
		w.biased = w.biased || w.side[i] >= biasLeast && w.ratio[i] > int64(w.side[i])*500_000
	}
	if w.voted < copyLeast || copied == (oracleSet{}) {
		return w
	}
	for y := range s.l.n {
		if !copied.has(y) {
			continue
		}
		n := 0
		for b := 0; b < copyWindow && b <= k; b++ {
			if s.factsOf(pair, k-b)[o].copied.has(y) {
				n++
			}
		}
		if n > w.copies {
			w.copied, w.copies = y, n
		}
	}
	return w
}

// holds are the rules that hold, a bit for each kind.
func (w *window) holds() (bits uint16) {
	set := func(kind FindingKind, ok bool) {
		if ok {
			bits |= 1 << kind
		}
	}
	set(Outlier, w.out >= outlierLeast)
	set(Bias, w.biased)
	set(Stuck, w.stuck)
	set(Copycat, w.voted >= copyLeast && w.copies*100 >= w.voted*copyPct)
	set(Clock, w.off >= clockLeast)
	set(Blind, w.blind)
	return bits
}

// quietIn is how long an oracle had been silent at the end of judged slot k, whether that
// is too long, and its newest attestation before that end, in the series, or −1. It is not
// kept: what comes late can change it in every slot after.
func (s *scores) quietIn(pair, k, o int) (ms int64, quiet bool, last int) {
	policy := &s.l.terms.Policy
	p := &s.pairs[pair]
	ser := &s.l.series[pair*s.l.n+o]
	end := (p.judged[k].slot + 1) * policy.SlotMS
	since := p.judged[0].slot * policy.SlotMS
	if last = ser.upTo(end-1) - 1; last >= 0 {
		since = max(since, ser.t(last))
	}
	return end - since, end-since >= policy.MaxAgeMS, last
}

var slotKinds = [...]FindingKind{Outlier, Bias, Quiet, Stuck, Copycat, Clock, Blind}

// slotFindings appends those of a pair that hang on judged slots.
func (s *scores) slotFindings(pair int, list []Finding) []Finding {
	p := &s.pairs[pair]
	n := len(p.judged)
	if n == 0 {
		return list
	}
	first := max(0, n-maxFindingSlots)
	all := make([][]uint16, n-first)
	for k := first; k < n; k++ {
		slot := p.judged[k].slot
		if held, ok := p.marks.held[slot]; ok {
			all[k-first] = held
			continue
		}
		held := make([]uint16, s.l.n)
		for o := range held {
			if s.guilty.has(o) {
				continue
			}
			w := s.windowOf(pair, k, o)
			held[o] = w.holds()
		}
		p.marks.held[slot], all[k-first] = held, held
	}
	holds := func(k, o int, kind FindingKind) bool {
		if kind == Quiet {
			_, quiet, _ := s.quietIn(pair, k, o)
			return quiet
		}
		return all[k-first][o]&(1<<kind) != 0
	}
	for o := range s.l.n {
		if s.guilty.has(o) {
			continue
		}
		for _, kind := range slotKinds {
			to := -1
			for k := n - 1; k >= first && to < 0; k-- {
				if holds(k, o, kind) {
					to = k
				}
			}
			if to < 0 {
				continue
			}
			from, times := to, 0
			for k := to; k >= first && from-k <= joinSlots; k-- {
				if holds(k, o, kind) {
					from = k
					times++
				}
			}
			f := s.describe(pair, o, kind, to)
			f.From, f.To, f.Now = p.judged[from].slot, p.judged[to].slot, to == n-1
			if kind == Quiet || kind == Stuck || kind == Blind {
				f.Count, f.Of = times, to-from+1
			}
			list = append(list, f)
		}
	}
	// What is older than any slot still looked at goes.
	for slot := range p.marks.held {
		if slot < p.judged[first].slot {
			delete(p.marks.held, slot)
		}
	}
	keep := p.judged[max(0, n-2*longestWindow)].slot
	for slot := range p.marks.facts {
		if slot < keep {
			delete(p.marks.facts, slot)
		}
	}
	return list
}

// describe gives the figures of a finding that holds in judged slot k.
func (s *scores) describe(pair, o int, kind FindingKind, k int) Finding {
	l := s.l
	p := &s.pairs[pair]
	ser := &l.series[pair*l.n+o]
	w := s.windowOf(pair, k, o)
	newest := s.factsOf(pair, k)[o]
	f := Finding{Kind: kind, Oracle: o, Author: l.terms.Oracles[o], Pair: l.terms.Pairs[pair].Name, Other: -1}
	var at []int32 // changes, newest first
	each := func(window int, is func(f *fact) bool, take func(f *fact, j *judgedSlot)) {
		for b := 0; b < window && b <= k; b++ {
			if x := &s.factsOf(pair, k-b)[o]; is(x) {
				take(x, &p.judged[k-b])
			}
		}
	}
	switch kind {
	case Outlier:
		f.Count, f.Of = w.out, min(w.slots, outlierWindow)
		each(outlierWindow, func(x *fact) bool { return x.out }, func(x *fact, j *judgedSlot) {
			if g := gapPPM(x.x, j.ref); max(g, -g) > max(f.PPM, -f.PPM) {
				f.PPM = g
			}
			at = append(at, ser.node(x.i))
		})
	case Bias:
		side := int8(-1)
		if w.side[1] >= biasLeast {
			side = 1
		}
		f.Of = min(w.slots, biasWindow)
		each(biasWindow, func(x *fact) bool { return x.side == side }, func(x *fact, j *judgedSlot) {
			f.Count++
			f.PPM += gapPPM(x.x, j.ref)
			at = append(at, ser.node(x.i))
		})
		f.PPM /= int64(f.Count)
	case Quiet:
		ms, _, last := s.quietIn(pair, k, o)
		if f.MS = ms; last >= 0 {
			at = append(at, ser.node(last))
		}
	case Stuck:
		f.MS = newest.stuckMS
		at = append(at, ser.node(newest.i), ser.node(newest.stuckAt))
	case Blind:
		f.MS = newest.blindMS
		at = append(at, ser.node(newest.i))
	case Clock:
		f.Count, f.Of = w.off, min(w.slots, clockWindow)
		var skews []int64
		each(clockWindow, func(x *fact) bool { return x.off }, func(x *fact, _ *judgedSlot) {
			n := ser.node(x.offAt)
			if seen := l.node(n).seen; seen != noTime {
				skews = append(skews, ser.t(x.offAt)-seen)
			}
			at = append(at, n)
		})
		if len(skews) > 0 {
			f.MS = lowerMedian(skews)
		}
	case Copycat:
		f.Count, f.Of, f.Other = w.copies, w.voted, w.copied
		other := &l.series[pair*l.n+w.copied]
		each(copyWindow, func(x *fact) bool { return x.copied.has(w.copied) }, func(x *fact, j *judgedSlot) {
			at = append(at, ser.node(x.i), other.node(s.original(pair, j.slot, o, w.copied, x)))
		})
	}
	if kind != Copycat {
		at = slices.Compact(at)
	}
	at = at[:min(len(at), maxFindingChanges)]
	slices.Reverse(at)
	for _, n := range at {
		f.Changes = append(f.Changes, l.node(n).id)
	}
	return f
}
