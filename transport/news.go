package transport

import (
	"errors"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// news keeps the newest events. Snapshots share the slice: what lies below a snapshot's length never changes.
type news struct {
	all []Event
	seq uint64
}

// add appends e and returns nothing that changes later.
func (n *news) add(e Event) {
	n.seq++
	e.Seq = n.seq
	if len(n.all) == cap(n.all) {
		kept := n.all[max(0, len(n.all)-MaxEvents+1):]
		n.all = append(make([]Event, 0, 4*MaxEvents), kept...)
	}
	n.all = append(n.all, e)
}

// newest are the events for a snapshot.
func (n *news) newest() []Event {
	e := n.all[max(0, len(n.all)-MaxEvents):]
	return e[:len(e):len(e)]
}

func (c *Core) event(e Event) {
	c.news.add(e)
	c.dirty = true
	if c.cfg.Log != nil {
		c.cfg.Log.Info("event", "kind", e.Kind.String(), "room", c.Room().String(), "peer", e.Address, "code", e.Code, "n", e.N)
	}
}

// A tally counts what may happen often, for one event a second.
type tally struct {
	at     time.Time
	untold int
}

type tallyKey struct {
	kind EventKind
	code string
}

// tally tells of e at most once a second for each peer, kind and code; N counts those since the last.
func (c *Core) tally(now time.Time, p *peer, e Event) {
	if p.tallies == nil {
		p.tallies = make(map[tallyKey]*tally)
	}
	k := tallyKey{e.Kind, e.Code}
	t := p.tallies[k]
	if t == nil {
		t = &tally{}
		p.tallies[k] = t
	}
	t.untold++
	c.dirty = true
	if now.Sub(t.at) < time.Second {
		return
	}
	e.Time, e.Peer, e.Address, e.N = now, p.id, p.Address, t.untold
	t.at, t.untold = now, 0
	c.event(e)
}

func asRefused(err error) (*crdt.RefusedError, bool) {
	var r *crdt.RefusedError
	ok := errors.As(err, &r)
	return r, ok
}

// String returns the kind's word.
func (k EventKind) String() string {
	return [...]string{
		"live", "closed", "refused", "pending", "expired", "fork", "store-error", "guard", "self-fork", "withheld", "peer-refused", "salvage",
	}[k]
}
