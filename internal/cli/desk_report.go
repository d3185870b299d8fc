package cli

import (
	"context"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// eventReporter tells what happens in a room, event by event: in plain mode, and for watch. One goroutine uses it.
type eventReporter struct {
	d    *desk
	out  *eventWriter
	note func(transport.Event) // what is to be said on standard error; may be nil

	printed  int    // changes below this log index were printed
	waiting  []int  // log indexes of own changes whose last state was not sent, in order
	refused  int    // log index + 1 of the own change whose refusal was printed last
	eventSeq uint64 // of the last event
}

// start tells the newest tail entries that are here already, all if tail is below zero. What they come to is told with them: the marks are not.
func (r *eventReporter) start(tail int) error {
	snap := r.d.look()
	t, err := r.d.teller()
	if err != nil {
		return err
	}
	v := snap.View
	skip := 0
	if tail >= 0 {
		skip = max(0, v.Len()-tail)
	}
	i, shown := 0, make(map[int]bool, min(v.Len()-skip, v.Changes()))
	v.Rows(func(row crdt.Row) bool {
		if i >= skip {
			r.entry(snap, row, t)
			shown[row.Key.Change] = true
		}
		i++
		return r.out.err == nil
	})
	// What was printed as unsent is told when it is sent, in the order of the chain.
	for i := range v.Changes() {
		if shown[i] {
			r.watch(snap, i)
		}
	}
	r.printed = v.Changes()
	return nil
}

// skipEvents leaves out what happened before now.
func (r *eventReporter) skipEvents() {
	for _, e := range r.d.node.Snapshot().Events {
		r.eventSeq = e.Seq
	}
}

// report tells what the newest look has more than what was told, and returns it.
func (r *eventReporter) report() (*transport.Snapshot, error) {
	snap := r.d.look()
	for _, e := range snap.Events {
		if e.Seq > r.eventSeq {
			r.eventSeq = e.Seq
			if r.note != nil {
				r.note(e)
			}
			r.out.event(e)
		}
	}
	r.states(snap)
	v := snap.View
	if r.printed == v.Changes() {
		return snap, nil
	}
	t, err := r.d.teller()
	if err != nil {
		return snap, err
	}
	for ; r.printed < v.Changes(); r.printed++ {
		c := v.ChangeAt(r.printed)
		if c.Author == snap.Me && snap.State(r.printed).Standing == transport.Saving {
			break // an entry that was printed is saved: it may come to nothing yet
		}
		for _, row := range v.RowsOf(r.printed) {
			r.entry(snap, row, t)
		}
		for _, m := range v.MarksOf(r.printed) {
			r.out.mark(v, c, m, t)
		}
		r.watch(snap, r.printed)
	}
	return snap, nil
}

func (r *eventReporter) entry(snap *transport.Snapshot, row crdt.Row, t *teller) {
	state := ""
	if snap.View.ChangeAt(row.Key.Change).Author == snap.Me {
		state = stateWord(snap.State(row.Key.Change))
	}
	r.out.entry(snap.View, row, state, t)
}

// watch remembers the change at a log index if it is our own and not sent.
func (r *eventReporter) watch(snap *transport.Snapshot, i int) {
	if snap.View.ChangeAt(i).Author == snap.Me && snap.State(i).Standing != transport.Sent {
		r.waiting = append(r.waiting, i)
	}
}

// states tells which own changes have been sent. Peers store a chain in its order, so it stops at the first that is
// not.
func (r *eventReporter) states(snap *transport.Snapshot) {
	n := 0
	for _, i := range r.waiting {
		s := snap.State(i)
		if s.Standing == transport.Refused && r.refused <= i {
			r.refused = i + 1
			r.out.state(time.Now(), snap.View.ChangeAt(i), s)
		}
		if s.Standing != transport.Sent {
			break
		}
		r.out.state(time.Now(), snap.View.ChangeAt(i), s)
		n++
	}
	r.waiting = r.waiting[n:]
}

// verbWatch tells what happens from now on, until that is interrupted or its time is over.
func verbWatch(ctx context.Context, d *desk, c *deskCall, out *deskOut) error {
	changed, stop := d.node.Watch()
	defer stop()
	r := &eventReporter{d: d, out: out.eventWriter}
	r.skipEvents()
	if err := r.start(c.Tail); err != nil {
		return err
	}
	var over <-chan time.Time
	if c.For > 0 {
		timer := time.NewTimer(c.For)
		defer timer.Stop()
		over = timer.C
	}
	for {
		if _, err := r.report(); err != nil {
			return err
		}
		if err := out.flush(); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-over:
			return nil
		case <-d.node.Done():
			return transport.ErrStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
