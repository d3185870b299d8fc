package oracle

import (
	"slices"
)

// read takes in what the change says.
func (l *Log) read(o int, n int32, nd *node, c *Change) {
	ch := &l.chains[o]
	maxT := int64(noTime)
	if nd.prev != none {
		if p := l.node(nd.prev); int(p.oracle) == o {
			maxT = ch.maxT[p.place]
		}
	}
	if c.Broken {
		ch.sent++
		l.void(o, n, 0, -1, l.slotOf(maxT), VoidMalformed)
	}
	r := &l.rec
	for i, literal := range c.Body {
		reason := r.decode(literal, l.pairs)
		if r.commitment && reason == NotVoid && l.terms.Policy.CommitReveal {
			ch.committed++
			if ch.convicted {
				continue
			}
			if reason = l.commit(&ch.pairs[r.index], n, nd); reason != NotVoid {
				l.void(o, n, i, r.index, l.slotOf(ch.pairs[r.index].bar), reason)
			}
			continue
		}
		ch.sent++
		if r.commitment && reason == NotVoid {
			reason = VoidCommit
		}
		if reason != NotVoid {
			l.void(o, n, i, -1, l.slotOf(maxT), reason)
			continue
		}
		maxT = max(maxT, r.t)
		ch.flags |= r.flags
		if ch.convicted {
			continue
		}
		ps := &ch.pairs[r.index]
		if r.t < ps.bar {
			l.void(o, n, i, r.index, ps.slot, VoidTimeBack)
			continue
		}
		slot := r.t / l.terms.Policy.SlotMS
		if slot != ps.slot {
			ps.slot, ps.inSlot = slot, 0
		}
		ps.bar = r.t
		ps.inSlot++
		if reason := l.admit(o, ps, n); reason != NotVoid {
			l.void(o, n, i, r.index, slot, reason)
			continue
		}
		late := nd.seen != noTime && r.t+l.terms.Policy.LateMaxMS < nd.seen
		if late {
			ch.late++
		}
		ch.accepted++
		l.series[r.index*l.n+o].append(r.t, r.price, r.spread, n, late)
		l.scores.touch(r.index, slot)
	}
	ch.maxT = append(ch.maxT, maxT)
	l.raise(o, maxT)
}

// slotOf is the slot of a time, or −1 of none.
func (l *Log) slotOf(t int64) int64 {
	if t < 0 {
		return -1
	}
	return t / l.terms.Policy.SlotMS
}

// admit says whether the attestation in rec counts, whose slot is entered in ps.
func (l *Log) admit(o int, ps *pairState, n int32) Reason {
	r, policy := &l.rec, &l.terms.Policy
	if ps.inSlot > policy.FloodMax {
		return VoidFlood
	}
	if !policy.CommitReveal {
		if r.flags&FlagRevealed != 0 {
			return VoidReveal
		}
		return NotVoid
	}
	if r.flags&FlagRevealed == 0 {
		return VoidReveal
	}
	for i := range ps.open {
		// In the same change it would be no commitment: nobody was told of it before.
		if c := &ps.open[i]; c.slot == ps.slot && c.node != n &&
			c.hash == commitHash(l.terms.Room, l.terms.Oracles[o], r.pair, ps.slot, r.price, r.nonce) {
			ps.open = slices.Delete(ps.open, i, i+1)
			return NotVoid
		}
	}
	return VoidReveal
}

// commit enters the commitment in rec.
func (l *Log) commit(ps *pairState, n int32, nd *node) Reason {
	r := &l.rec
	switch {
	case r.slot <= ps.committed:
		return VoidRecommit
	case nd.seen != noTime && nd.seen/l.terms.Policy.SlotMS >= r.slot:
		// Most of the committee has told what it saw then.
		return VoidLateCommit
	}
	ps.committed = r.slot
	if len(ps.open) == maxCommitments {
		ps.open = slices.Delete(ps.open, 0, 1)
	}
	ps.open = append(ps.open, openCommitment{r.slot, n, [32]byte(r.commit)})
	return NotVoid
}

// void notes something without effect. pair −1: it names none; slot −1: none is known.
func (l *Log) void(o int, n int32, at, pair int, slot int64, reason Reason) {
	ch := &l.chains[o]
	ch.void[reason]++
	l.voids[n] = append(l.voids[n], voidOp{uint16(at), reason})
	if ch.convicted {
		return
	}
	l.scores.void(o, pair, slot, reason, &l.node(n).id, 1)
	if slot < 0 {
		return
	}
	if pair >= 0 {
		if noteSlot(&l.voidIn[pair*l.n+o], slot) {
			l.scores.touch(pair, slot)
		}
		return
	}
	if !noteSlot(&ch.voidIn, slot) {
		return
	}
	for p := range l.terms.Pairs {
		l.scores.touch(p, slot)
	}
}

// noteSlot appends a slot to slots that ascend, and reports whether it was not there.
func noteSlot(slots *[]int64, slot int64) bool {
	if s := *slots; len(s) == 0 || s[len(s)-1] != slot {
		*slots = append(s, slot)
		return true
	}
	return false
}

// raise moves the clock of an oracle on to t, if that is later.
func (l *Log) raise(o int, t int64) {
	old := l.newest[o]
	if t <= old {
		return
	}
	l.newest[o] = t
	i, _ := slices.BinarySearch(l.ranked, old)
	for ; i+1 < len(l.ranked) && l.ranked[i+1] < t; i++ {
		l.ranked[i] = l.ranked[i+1]
	}
	l.ranked[i] = t
}
