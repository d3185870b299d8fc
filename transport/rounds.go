package transport

import "time"

// rounds decides when a session compares again, and keeps what came of the comparisons.
type rounds struct {
	ended  int  // rounds that have ended
	live   bool // nothing is known to be missing on either side, but for what is under way
	theirs int  // changes that the peer says to hold, as of its newest fingerprint

	endedAt time.Time     // of the newest
	backoff time.Duration // since the last that brought something; 0 after one that did
	lastHas int           // what the peer was found to hold then

	change    bool      // something was sent, received or accepted since the newest round was opened
	changedAt time.Time // when, last
	sent      bool      // something was sent since the newest round ended
	drainedAt time.Time // when all of it was credited; zero if it is not
	accepted  int       // changes accepted from this peer since the newest round ended
	wanted    bool      // a round is wanted whatever else: pending packs were given up

	// What the peer has credited and does not show is given again, each time not before a wait that doubles.
	again     time.Time     // when, at the soonest
	againWait time.Duration // the newest of the waits

	// The peer's rounds: a bucket of tokens.
	tokens   float64
	tokensAt time.Time
}

const (
	roundBurst   = 16 // rounds that a peer may open at once
	roundsPerSec = 2  // and for long
)

// mayOpen reports whether the peer may open a further round.
func (r *rounds) mayOpen(now time.Time) bool {
	if r.tokensAt.IsZero() {
		r.tokens = roundBurst
	} else {
		r.tokens = min(roundBurst, r.tokens+now.Sub(r.tokensAt).Seconds()*roundsPerSec)
	}
	r.tokensAt = now
	if r.tokens < 1 {
		return false
	}
	r.tokens--
	return true
}

func (r *rounds) quiet() { r.change, r.wanted = false, false }

func (r *rounds) changed(now time.Time) { r.change, r.changedAt = true, now }

func (r *rounds) drained(now time.Time) {
	if r.sent && r.drainedAt.IsZero() {
		r.drainedAt = now
	}
}

// roundDue is when the next round is to be opened, false if none is.
//
//   - While something is missing on either side: at once when all that we had to send is credited; else when nothing has
//     happened for IdleRound.
//   - While live: when nothing has happened for IdleRound after a change.
//   - While the guard of the key waits for a round alone, nothing that happens puts one off: in a room where somebody always
//     writes it would never come.
//   - After rounds that brought nothing new to either side, not before a back-off that doubles.
func (s *session) roundDue() (time.Time, bool) {
	r, l := &s.rounds, &s.room.limits
	if s.cmp.active || !s.gotHello {
		return time.Time{}, false
	}
	soonest := r.endedAt.Add(r.backoff)
	later := func(a, b time.Time) time.Time {
		if a.Before(b) {
			return b
		}
		return a
	}
	idle := r.endedAt.Add(l.IdleRound)
	if !s.room.guardWaits {
		idle = later(idle, r.changedAt.Add(l.IdleRound))
	}
	switch {
	case r.wanted:
		return later(soonest, r.endedAt.Add(l.IdleRound)), true
	case !r.live && r.sent && !r.drainedAt.IsZero() && s.drained():
		return later(soonest, r.drainedAt), true
	case !r.live, r.change:
		return later(soonest, idle), true
	default:
		return time.Time{}, false
	}
}

// endRound ends the comparison: from what the peer turned out to hold follows what it is to be sent.
func (s *session) endRound(now time.Time, equal bool) {
	c, st, r, rm := &s.cmp, &s.stream, &s.rounds, s.room
	c.active = false
	if equal {
		c.has.addRange(0, c.logLen)
	}
	hasCount := c.has.len()
	lost := s.lost(equal)
	rm.addChains(&c.has, &c.since)
	// held: what this round and the claims since have shown. Claims that the round contradicts are withdrawn.
	if lost > 0 || s.held.len() == 0 { // in which case the two share their memory
		*s.held = c.has.clone(&rm.owners)
	} else {
		s.held.addAll(&c.has)
	}
	st.given = c.has.clone(&rm.owners)
	rm.addChains(&st.given, &c.flying)
	st.cursor, st.open = 0, true

	progress := r.lastHas < 0 || hasCount > r.lastHas || r.accepted > 0
	wasLive := r.live
	r.live = equal || s.settled()
	if st.given.nextClear(0) < st.taken && !r.giveAgain(now, rm.limits.MaxRoundBackoff) {
		st.given.addRange(0, st.taken) // until a later round
	}
	switch {
	case progress || equal && !r.wanted:
		r.backoff = 0
	case r.backoff == 0:
		r.backoff = time.Second
	default:
		r.backoff = min(2*r.backoff, rm.limits.MaxRoundBackoff)
	}
	r.lastHas, r.accepted, r.sent, r.drainedAt, r.endedAt = hasCount, 0, len(st.flights) > 0, time.Time{}, now
	r.ended++
	s.note(noteHeld, 0)
	if lost > 0 {
		s.note(noteWithheld, lost)
	}
	if s.coversOwn(equal) {
		s.note(noteRound, 1)
	} else {
		s.note(noteRound, 0)
	}
	if r.live && !wasLive {
		s.note(noteLive, 0)
	}
	// What the peer waits for is still to be said.
	s.cmp = comparison{round: c.round, logLen: c.logLen, mine: c.mine, jobs: c.jobs}
}

// giveAgain reports whether the peer may be given again now what it has credited. An honest peer needs that only where it gave up
// pending packs; of another it is a way to have the whole log sent for each empty fingerprint.
func (r *rounds) giveAgain(now time.Time, most time.Duration) bool {
	if now.Before(r.again) {
		return false
	}
	if now.Sub(r.again) > most {
		r.againWait = 0
	}
	r.againWait = min(max(2*r.againWait, time.Second), most)
	r.again = now.Add(r.againWait)
	return true
}

// settled reports whether all that the round found missing has meanwhile arrived here or is under way there.
func (s *session) settled() bool {
	c := &s.cmp
	if c.lacks > len(c.lacking) {
		return false
	}
	for _, id := range c.lacking {
		if _, ok := s.room.knows(id); !ok {
			return false
		}
	}
	// Where one side was empty, nothing was named.
	return c.theirs != [32]byte{} && c.mine.root != nil && s.stream.given.nextClear(0) >= c.logLen
}

// lost counts our tips that the peer once said to have stored and does not show now.
func (s *session) lost(equal bool) int {
	c := &s.cmp
	if equal || c.before.len() == 0 {
		return 0
	}
	n := 0
	c.mine.each(nil, func(i int) bool {
		if c.before.has(i) && !c.has.has(i) {
			n++
		}
		return true
	})
	return n
}

// coversOwn reports whether the peer has named every tip of our own author that it holds, and we hold them all. A peer that
// shows nothing of our author says nothing of it, if there is anything to be shown.
func (s *session) coversOwn(equal bool) bool {
	c, rm := &s.cmp, s.room
	if (rm.mine > 0 || rm.wrote) && (rm.mine == 0 || !c.has.has(rm.firstOwn)) {
		return false
	}
	switch {
	case equal, c.theirs == [32]byte{}:
		return true
	case c.ownTip, c.mine.root == nil:
		return false
	case c.filtered:
		return rm.mine > 0 // we have named our own author, so it had to name its branches
	default:
		return true
	}
}
