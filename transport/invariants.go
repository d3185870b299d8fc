package transport

import "fmt"

// CheckInvariants verifies what the types of this package promise, in time proportional to the log: for simulations. Call it
// after Commit.
func (c *Core) CheckInvariants() error { return c.check() }

// check verifies the invariants of the core and its sessions, in time proportional to the log. Tests call it.
func (c *Core) check() error {
	rm := c.room
	if rm.durable != c.replica.Signed() || c.unsigned != 0 {
		return fmt.Errorf("durable %d, signed %d, unsigned %d", rm.durable, c.replica.Signed(), c.unsigned)
	}
	tips := 0
	for i := range c.replica.Tips {
		tips++
		if !rm.tips.view().has(hashTip(c.replica.Author(i), c.replica.ID(i))) {
			return fmt.Errorf("tip %d is not in the index", i)
		}
	}
	if n := rm.tips.view().count(nil); n != tips {
		return fmt.Errorf("%d tips in the index, %d in the log", n, tips)
	}
	unsent := 0
	for i := range rm.durable {
		if c.writer != nil && c.replica.Author(i) == rm.me && !rm.ever.has(i) {
			unsent++
		}
	}
	if unsent != rm.unsent {
		return fmt.Errorf("unsent %d, counted %d", rm.unsent, unsent)
	}
	for _, p := range c.order {
		if err := rm.checkClosed(&p.held); err != nil {
			return fmt.Errorf("peer %d: held: %w", p.id, err)
		}
		if p.session == nil {
			continue
		}
		if err := p.session.check(); err != nil {
			return fmt.Errorf("peer %d: %w", p.id, err)
		}
	}
	return nil
}

// checkClosed verifies that set holds with each change all before it on its chain.
func (rm *room) checkClosed(set *indexSet) error {
	n := 0
	for i := set.nextSet(0); i >= 0; i = set.nextSet(i + 1) {
		n++
		if i >= rm.durable {
			return fmt.Errorf("index %d of %d", i, rm.durable)
		}
		if prev, ok := rm.replica.Prev(i); ok && !set.has(prev) {
			return fmt.Errorf("holds %d without %d before it", i, prev)
		}
	}
	if n != set.len() {
		return fmt.Errorf("%d indexes, counted %d", set.len(), n)
	}
	return nil
}

func (s *session) check() error {
	st, w, c := &s.stream, &s.wants, &s.cmp
	if err := s.room.checkClosed(&st.given); err != nil {
		return fmt.Errorf("given: %w", err)
	}
	if clear := st.given.nextClear(0); st.open && clear < st.cursor {
		return fmt.Errorf("cursor %d is beyond %d, which is not given", st.cursor, clear)
	}
	bytes := 0
	for _, f := range st.flights {
		bytes += f.bytes
	}
	switch {
	case bytes != st.bytes || st.sent-st.credit != uint64(len(st.flights)):
		return fmt.Errorf("%d bytes in %d flights; sent %d, credited %d, bytes %d", bytes, len(st.flights), st.sent, st.credit, st.bytes)
	case len(st.flights) > WindowMessages || bytes > WindowBytes+MaxFrameBytes:
		return fmt.Errorf("%d messages, %d bytes under way", len(st.flights), bytes)
	case st.received-st.told > WindowMessages:
		return fmt.Errorf("%d packs messages not credited", st.received-st.told)
	case len(w.byID) > MaxNeedIDs || len(w.queue) > wantTries*MaxNeedIDs:
		return fmt.Errorf("%d ids asked for, %d queued", len(w.byID), len(w.queue))
	case len(st.answers) > MaxNeedIDs || len(st.answered) > MaxNeedIDs:
		return fmt.Errorf("%d answers queued, %d remembered", len(st.answers), len(st.answered))
	case len(st.late) > maxLate:
		return fmt.Errorf("%d pending ends remembered", len(st.late))
	case len(c.lacking) > maxLacking || len(c.named) > LeafTips || len(c.told) > s.room.durable:
		return fmt.Errorf("comparison remembers %d lacking, %d authors, %d told", len(c.lacking), len(c.named), len(c.told))
	case !c.active && len(c.waiting) > 0:
		return fmt.Errorf("waits for %d buckets after the end of the round", len(c.waiting))
	}
	return nil
}
