package oracle

import (
	"math/bits"
	"slices"
)

// What a score is made of, §4.
const (
	startScore = 500_000   // ppm
	fullScore  = 1_000_000 // ppm
	scoreShift = 32        // a slot moves a score by 1/32 of the way: half of it in some 22 slots
	fadePer4   = 3         // quarters of the score that silence aims at
	pointSlots = 64        // slots between places where scores are kept
)

// scores is reputation and detection: what follows from the slots of each pair that are
// final. Nothing is computed before it is asked for. Then what is new is taken in, and
// what came late into an old slot is computed again from there on, until the scores are
// what they were: as each slot takes 1/32 off a difference, that is soon.
type scores struct {
	l      *Log
	pairs  []pairScores
	guilty oracleSet

	detection

	xs   []int64 // to work in
	work tally
}

// pairScores is one pair's.
type pairScores struct {
	through int64 // slots up to that have been looked at; −1: none
	judged  []judgedSlot
	scores  []int32 // ppm by oracle, after the last judged slot
	points  []scorePoint
	dirty   []int64 // slots ≤ through in which something changed since

	past      []int32 // scores after the slots up to pastSlot, if version is that of the pair
	pastSlot  int64
	pastValid bool

	marks slotMarks
}

// A judgedSlot is one with a quorum of votes.
type judgedSlot struct {
	slot  int64
	ref   int64 // R: the median of the votes
	scale int64 // s: see robust
}

// A scorePoint is the scores before the first judged slot of a block of pointSlots.
type scorePoint struct {
	block  int64
	scores []int32
}

func newScores(l *Log) *scores {
	s := &scores{l: l, pairs: make([]pairScores, len(l.terms.Pairs)), xs: make([]int64, l.n)}
	for p := range s.pairs {
		s.pairs[p].reset(l.n)
	}
	s.detection.init(l)
	return s
}

func (p *pairScores) reset(n int) {
	*p = pairScores{through: -1, scores: startScores(n)}
	p.marks.init()
}

func startScores(n int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = startScore
	}
	return x
}

// touch says that something of a slot of a pair has changed.
func (s *scores) touch(pair int, slot int64) {
	s.version++
	p := &s.pairs[pair]
	if slot > p.through {
		return
	}
	if n := len(p.dirty); n > 0 && p.dirty[n-1] == slot {
		return
	}
	p.dirty = append(p.dirty, slot)
	if len(p.dirty) < maxDirtySlots {
		return
	}
	slices.Sort(p.dirty)
	if p.dirty = slices.Compact(p.dirty); len(p.dirty) > maxDirtySlots/2 {
		s.again(pair)
	}
}

// convict says that an oracle's part in every slot is gone.
func (s *scores) convict(oracle int) {
	s.version++
	s.guilty.add(oracle)
	for p := range s.pairs {
		s.pairs[p].reset(s.l.n)
	}
	s.detection.convict(oracle)
	s.recount()
}

// find is the first judged slot ≥ slot.
func (p *pairScores) find(slot int64) int {
	i, _ := slices.BinarySearchFunc(p.judged, slot, func(j judgedSlot, slot int64) int {
		switch {
		case j.slot < slot:
			return -1
		case j.slot > slot:
			return 1
		}
		return 0
	})
	return i
}

// finalSlot is the last slot that log time has passed by late_max at a time: slots up to
// it are judged. −1: none.
func (l *Log) finalSlot(at int64) int64 {
	return max(-1, floorDiv(at-l.terms.Policy.LateMaxMS, l.terms.Policy.SlotMS)-1)
}

// finalNow is finalSlot at log time.
func (l *Log) finalNow() int64 {
	t, ok := l.Time()
	if !ok {
		return -1
	}
	return l.finalSlot(t)
}

// quorum is 2f+1 of the committee less those convicted.
func (l *Log) quorum() int { return 2*l.f() + 1 }

func (l *Log) f() int { return max(0, (l.n-1)/3-l.convicted) }

// at is the score of an oracle in a pair, ppm, after the slots that are final at that
// time: later ones change nothing of what a time long past gave.
func (s *scores) at(pair, oracle int, at int64) int64 {
	if s.guilty.has(oracle) {
		return 0
	}
	p := s.advance(pair)
	bound := min(s.l.finalSlot(at), p.through)
	if bound == p.through {
		return int64(p.scores[oracle])
	}
	if !p.pastValid || p.pastSlot > bound {
		p.pastValid, p.pastSlot = true, -1
		p.past = append(p.past[:0], startScores(s.l.n)...)
	}
	if p.pastSlot == bound {
		return int64(p.past[oracle])
	}
	// From the last point up to bound, unless the scores at hand are nearer.
	k := p.pointUpTo(bound)
	i := p.find(p.pastSlot + 1)
	if k >= 0 && p.points[k].block*pointSlots > p.pastSlot {
		copy(p.past, p.points[k].scores)
		i = p.find(p.points[k].block * pointSlots)
	}
	for ; i < len(p.judged) && p.judged[i].slot <= bound; i++ {
		s.step(pair, p.past, &p.judged[i])
	}
	p.pastSlot = bound
	return int64(p.past[oracle])
}

// pointUpTo is the last point whose block has begun at slot: −1 if there is none.
func (p *pairScores) pointUpTo(slot int64) int {
	i, found := slices.BinarySearchFunc(p.points, slot/pointSlots, func(q scorePoint, block int64) int {
		return int(max(-1, min(1, q.block-block)))
	})
	if found {
		return i
	}
	return i - 1
}

// advance takes in what is new of a pair.
func (s *scores) advance(pair int) *pairScores {
	p := &s.pairs[pair]
	if len(p.dirty) > 0 {
		s.again(pair)
	}
	bound := s.l.finalNow()
	if bound <= p.through {
		return p
	}
	for slot := s.next(pair, p.through+1); slot >= 0 && slot <= bound; slot = s.next(pair, slot+1) {
		j := judgedSlot{slot: slot}
		if !s.judge(pair, &j) {
			continue
		}
		block := slot / pointSlots
		if k := len(p.points); k == 0 || p.points[k-1].block != block {
			p.points = append(p.points, scorePoint{block, slices.Clone(p.scores)})
		}
		p.judged = append(p.judged, j)
		s.move(pair, p.scores, &j)
	}
	p.through = bound
	return p
}

// next is the first slot ≥ slot of a pair that anything with effect lies in: −1 if there is
// none. What lies far ahead is found at once, there is no walk to it.
func (s *scores) next(pair int, slot int64) int64 {
	ms := s.l.terms.Policy.SlotMS
	first := int64(-1)
	for o := range s.l.n {
		ser := &s.l.series[pair*s.l.n+o]
		if ser.n == 0 || ser.t(ser.n-1) < slot*ms {
			continue
		}
		t := ser.t(ser.upTo(slot*ms - 1))
		if t < (slot+1)*ms {
			return slot // there is none before
		}
		if first < 0 || t < first {
			first = t
		}
	}
	if first < 0 {
		return -1
	}
	return first / ms
}

// votes are the slot's into xs: of each oracle the last that is not late, −1 without.
func (s *scores) votes(pair int, slot int64) (n int) {
	ms := s.l.terms.Policy.SlotMS
	for o := range s.l.n {
		s.xs[o] = -1
		ser := &s.l.series[pair*s.l.n+o]
		if ser.n == 0 {
			continue
		}
		for i := ser.upTo((slot+1)*ms-1) - 1; i >= 0 && ser.t(i) >= slot*ms; i-- {
			if !ser.late(i) {
				s.xs[o] = ser.price(i)
				n++
				break
			}
		}
	}
	return n
}

// judge finds reference and scale of a slot. It is false, if the slot has no quorum. xs
// are its votes after.
func (s *scores) judge(pair int, j *judgedSlot) bool {
	n := s.votes(pair, j.slot)
	if n < s.l.quorum() {
		return false
	}
	t := &s.work
	t.reset()
	for _, x := range s.xs {
		if x >= 0 {
			t.prices = append(t.prices, x)
		}
	}
	t.sort()
	j.ref = medianOf(t.sorted)
	j.scale = robust(t.mad(j.ref), j.ref, &s.l.terms.Policy)
	return true
}

// step moves scores by a slot.
func (s *scores) step(pair int, scores []int32, j *judgedSlot) {
	s.votes(pair, j.slot)
	s.move(pair, scores, j)
}

// move is step with the votes in xs.
func (s *scores) move(pair int, scores []int32, j *judgedSlot) {
	for o := range scores {
		if s.guilty.has(o) {
			scores[o] = 0
			continue
		}
		score := int64(scores[o])
		aim := score * fadePer4 / 4
		switch x := s.xs[o]; {
		case s.spoiled(pair, o, j.slot):
			aim = 0
		case x >= 0:
			aim = accuracy(x, j, s.l.terms.Policy.Fence)
		}
		scores[o] = int32(score + (aim-score)/scoreShift)
	}
}

// spoiled reports whether something void is counted in a slot.
func (s *scores) spoiled(pair, o int, slot int64) bool {
	for _, slots := range [...][]int64{s.l.voidIn[pair*s.l.n+o], s.l.chains[o].voidIn} {
		if n := len(slots); n == 0 || slots[n-1] < slot {
			continue
		}
		if _, ok := slices.BinarySearch(slots, slot); ok {
			return true
		}
	}
	return false
}

// accuracy is ⌊10^6·(1 − |x−R|/(fence·s))⌋, ppm, or 0 if that is less.
func accuracy(x int64, j *judgedSlot, fence int64) int64 {
	d := distance(x, j.ref)
	hi, reach := bits.Mul64(uint64(j.scale), uint64(fence))
	if hi != 0 {
		reach = 1<<64 - 1 // no price is that far away
	}
	switch {
	case d == 0:
		return fullScore
	case d >= reach:
		return 0
	}
	return int64(mulDiv(reach-d, fullScore, reach))
}

// again computes what hangs on the dirty slots.
func (s *scores) again(pair int) {
	p := &s.pairs[pair]
	slices.Sort(p.dirty)
	dirty := slices.Compact(p.dirty)
	p.dirty = p.dirty[:0]
	p.pastValid = false
	for _, slot := range dirty {
		j := judgedSlot{slot: slot}
		ok := s.judge(pair, &j)
		i := p.find(slot)
		switch held := i < len(p.judged) && p.judged[i].slot == slot; {
		case ok && held:
			p.judged[i] = j
		case ok:
			p.judged = slices.Insert(p.judged, i, j)
		case held:
			p.judged = slices.Delete(p.judged, i, i+1)
		}
		p.drop(slot, s.l.terms.Policy.SlotMS)
	}
	scores := make([]int32, s.l.n)
	for len(dirty) > 0 {
		k := p.pointUpTo(dirty[0])
		i := 0
		if k >= 0 {
			i = p.find(p.points[k].block * pointSlots)
			copy(scores, p.points[k].scores)
		} else {
			copy(scores, startScores(s.l.n))
		}
		block, changed := int64(-1), dirty[0]
		settled := false
		for ; i < len(p.judged) && !settled; i++ {
			j := &p.judged[i]
			if b := j.slot / pointSlots; b != block {
				block = b
				for len(dirty) > 0 && dirty[0] < b*pointSlots {
					dirty = dirty[1:]
				}
				settled = p.point(b, scores) && b*pointSlots > changed && (len(dirty) == 0 || dirty[0] >= (b+1)*pointSlots)
				if settled {
					break
				}
			}
			s.step(pair, scores, j)
		}
		if !settled {
			copy(p.scores, scores)
			return
		}
	}
}

// point puts scores before a block, and reports whether they stood there already.
func (p *pairScores) point(block int64, scores []int32) bool {
	k := p.pointUpTo(block * pointSlots)
	if k < 0 || p.points[k].block != block {
		p.points = slices.Insert(p.points, k+1, scorePoint{block, slices.Clone(scores)})
		return false
	}
	if slices.Equal(p.points[k].scores, scores) {
		return true
	}
	copy(p.points[k].scores, scores)
	return false
}

// An oracleSet is some of a committee.
type oracleSet [MaxOracles / 64]uint64

func (s *oracleSet) add(o int)      { s[o/64] |= 1 << (o % 64) }
func (s *oracleSet) has(o int) bool { return s[o/64]&(1<<(o%64)) != 0 }

// without is how many of s are not in t.
func (s *oracleSet) without(t *oracleSet) int {
	return bits.OnesCount64(s[0]&^t[0]) + bits.OnesCount64(s[1]&^t[1])
}
