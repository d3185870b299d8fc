package transport

import "time"

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
	c.sentID, c.sentAt = id, now
	_ = c.cfg.Sent.Set(id) // a claim of peers: what is not written down is learnt again from them
}
