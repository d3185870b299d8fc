package transport

import (
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// wants are the changes that a pending pack of this peer waits for: each is asked of this peer alone, again after a
// back-off, and given up after wantTries.
type wants struct {
	byID  map[crdt.ChangeID]*want
	queue []crdt.ChangeID // to be asked now
	first time.Time       // the earliest want.again, or earlier; zero if there is none
}

type want struct {
	again time.Time
	wait  time.Duration
	tries int
}

// wantTries is how often an id is asked for: with doubling from one second, until the pack that wants it has expired.
const wantTries = 5

// ask asks for ids, unless they were asked for already or too many are outstanding.
func (w *wants) ask(rm *room, now time.Time, ids []crdt.ChangeID) {
	if w.byID == nil {
		w.byID = make(map[crdt.ChangeID]*want)
	}
	for _, id := range ids {
		if _, ok := rm.knows(id); ok || w.byID[id] != nil {
			continue
		}
		if len(w.byID) >= MaxNeedIDs {
			w.prune(rm)
		}
		if len(w.byID) >= MaxNeedIDs {
			return
		}
		w.byID[id] = &want{again: now.Add(rm.limits.NeedBackoff), wait: rm.limits.NeedBackoff, tries: 1}
		w.queue = append(w.queue, id)
		w.sooner(w.byID[id].again)
	}
}

func (w *wants) sooner(t time.Time) {
	if w.first.IsZero() || t.Before(w.first) {
		w.first = t
	}
}

// prune drops what has arrived.
func (w *wants) prune(rm *room) {
	for id := range w.byID {
		if _, ok := rm.knows(id); ok {
			delete(w.byID, id)
		}
	}
}

// due is when tick has something to do.
func (w *wants) due() (time.Time, bool) { return w.first, len(w.byID) > 0 }

// tick asks again for what is due and has not arrived.
func (w *wants) tick(rm *room, now time.Time) {
	if len(w.byID) == 0 || now.Before(w.first) {
		return
	}
	w.prune(rm)
	w.first = time.Time{}
	for id, x := range w.byID {
		if !now.Before(x.again) {
			if x.tries == wantTries {
				delete(w.byID, id)
				continue
			}
			x.tries++
			x.wait *= 2
			x.again = now.Add(x.wait)
			w.queue = append(w.queue, id)
		}
		w.sooner(x.again)
	}
}

// next makes the next need message, nil if nothing is to be asked.
func (w *wants) next() Body {
	if len(w.queue) == 0 {
		return nil
	}
	n := min(len(w.queue), MaxNeedIDs)
	ids := append(Need(nil), w.queue[:n]...)
	w.queue = w.queue[:copy(w.queue, w.queue[n:])]
	return ids
}
