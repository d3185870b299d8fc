package transport

import (
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// sentPeriod is how often the newest sent change is written down. A kill in between costs that much: the changes show as
// unsent until a peer is asked again.
const sentPeriod = time.Second

// recallSent takes in what the peers of earlier runs said to hold.
func (c *Core) recallSent() {
	if c.cfg.Sent == nil || c.cfg.Key == nil {
		return
	}
	id, ok := c.cfg.Sent.ID()
	if !ok {
		return
	}
	c.sentID = id
	if i, ok := c.replica.Index(id); ok {
		c.room.noteSent(i)
	}
}

// keepSent writes down that all own changes are with some peer, at most once in period.
func (c *Core) keepSent(now time.Time, period time.Duration) {
	rm := c.room
	if c.cfg.Sent == nil || rm.mine == 0 || rm.unsent > 0 || now.Sub(c.sentAt) < period {
		return
	}
	id := c.replica.ID(rm.lastOwn)
	if id == c.sentID {
		return
	}
	if c.lostSent() {
		return // what is written down is newer
	}
	c.sentID, c.sentAt = id, now
	_ = c.cfg.Sent.Set(id) // a claim of peers: what is not written down is learnt again from them
}

// lostSent reports whether a peer has said to hold an own change that is not in the log: it was lost here.
func (c *Core) lostSent() bool {
	if c.sentID == (crdt.ChangeID{}) {
		return false
	}
	_, found := c.replica.Index(c.sentID)
	return !found
}
