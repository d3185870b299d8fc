package transport

import (
	"fmt"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// Commit signs own changes, makes all that is new durable in one transaction, and then lets the sessions act on it and on
// what has arrived. An error wraps [ErrFatal]: the state on disk is unknown, and the core takes nothing more.
func (c *Core) Commit(now time.Time) error {
	if c.fatal != nil {
		return c.fatal
	}
	c.sign()
	c.adoptOrphans(now)
	from, to := c.room.durable, c.replica.Len()
	if to > from {
		if err := c.persist(from, to); err != nil {
			c.fail(now, err)
			return c.fatal
		}
		c.room.grown()
		c.room.guardWaits = c.guardWaits()
		c.dirty = true
		c.cfg.Meter.ChangesAdded.Add(uint64(to - from))
		told := c.forks
		c.lookAtForks(now)
		c.cfg.Meter.Forks.Add(uint64(c.forks - told))
	}
	for i, r := range c.receipts {
		if r.done != nil {
			r.done(Receipt{ID: r.id, Index: r.index})
		}
		c.receipts[i] = receipt{}
	}
	c.receipts = c.receipts[:0]
	c.lastGrown = c.lastGrown || to > from
	// Late packs are named as stored, and rounds are due, before what has arrived is looked at.
	if to > from {
		for _, p := range c.order {
			if p.session != nil {
				p.session.grew(now)
				c.due(p)
			}
		}
	}
	c.deliver(now)
	c.keepSent(now, sentPeriod)
	return nil
}

// persist writes the log range to the store. A crash before Append returns leaves nothing or all of it: nobody has seen
// it. A crash between Append and Set leaves last behind the log, which is no loss. Set before anybody is sent an own
// change: what last names and the log lacks was lost here.
func (c *Core) persist(from, to int) error {
	var frames [][]byte
	eachFrame(c.replica, from, func(pack []byte) { frames = append(frames, pack) })
	if _, err := c.cfg.Store.Append(frames); err != nil {
		return err
	}
	var ends []crdt.ChangeID
	for i := from; i < to; i++ {
		if !c.replica.Continued(i) {
			ends = append(ends, c.replica.ID(i))
		}
	}
	c.inspector.known.add(ends)
	if c.cfg.Last == nil || len(c.receipts) == 0 {
		return nil
	}
	return c.cfg.Last.Set(c.receipts[len(c.receipts)-1].id)
}

// fail closes the core: after a failed write the state on disk is unknown.
func (c *Core) fail(now time.Time, err error) {
	c.fatal = fmt.Errorf("room %v: %w: %w", c.Room(), ErrFatal, err)
	c.setWriting()
	c.event(Event{Time: now, Kind: EventStoreError, Code: Code(c.fatal), Text: c.fatal.Error()})
	for _, r := range c.receipts {
		if r.done != nil {
			r.done(Receipt{Err: c.fatal})
		}
	}
	c.receipts, c.queue = nil, nil
	for _, p := range c.order {
		if p.session != nil {
			c.end(now, p, ErrGoingAway)
		}
	}
}

// deliver gives the sessions what has arrived, in order.
func (c *Core) deliver(now time.Time) {
	for i := range c.queue {
		a := &c.queue[i]
		p := a.peer
		if p.session != a.session || p.session == nil {
			continue // ended by an earlier one, or its connection is gone
		}
		var err error
		if a.body != nil {
			err = p.session.receive(now, a.body)
		} else {
			err = p.session.processed(now, a.packs)
		}
		if err == nil {
			err = a.err
		}
		c.settle(now, p, err)
	}
	clear(c.queue)
	c.queue = c.queue[:0]
}
