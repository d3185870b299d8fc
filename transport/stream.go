package transport

import (
	"fmt"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// A stream is what a session sends of the log, and what it says of what it received.
type stream struct {
	open bool // the first comparison has ended

	// Sending. Invariant: given holds with each change all before it on its chain; all below cursor is in given.
	given    indexSet // what the peer holds, or was sent and has not been shown to lack
	cursor   int
	flights  []flight // sent and not yet credited, oldest first
	bytes    int      // of them
	sent     uint64   // packs messages since the connection began
	credit   uint64   // of those, credited by the peer
	taken    int      // the peer has shown, or has credited, every change below
	answers  []int    // starts of packs that the peer has asked for
	answered map[int]time.Time
	budget   int // bytes that answers may still take, as of budgetAt
	budgetAt time.Time

	// Receiving.
	received uint64          // packs messages processed
	told     uint64          // of those, credited to the peer
	ends     []int           // log indexes of run ends to be named in the next stored message
	late     []crdt.ChangeID // run ends of pending packs, to be named once they are durable; at most maxLate
}

// A flight is one packs message under way.
type flight struct {
	from, next int // log range that it was made from
	bytes      int
}

const (
	maxLate = 1024
	// answerCost is what looking up a pack takes of the budget for answers, in bytes.
	answerCost = 4 << 10
)

// received is what came of one pack of a packs message.
type received struct {
	ends    []crdt.ChangeID // the last change of each of its runs
	added   int             // changes that the log has grown by
	missing []crdt.ChangeID // if it is pending
}

// processed takes what came of one packs message, after the commit.
func (s *session) processed(now time.Time, packs []received) error {
	st := &s.stream
	s.cmp.heard = now // on a slow line, what the peer has to say of a comparison waits behind its packs
	st.received++
	if st.received-st.told > WindowMessages {
		return fmt.Errorf("%w: %d packs messages, %d credited", ErrOverWindow, st.received, st.told)
	}
	for _, p := range packs {
		s.rounds.accepted += p.added
		for _, id := range p.ends {
			i, ok := s.room.knows(id)
			if !ok {
				if len(st.late) < maxLate {
					st.late = append(st.late, id)
				}
				continue
			}
			s.learn(i)
			st.addEnd(s.room, i)
		}
		if len(p.missing) > 0 {
			s.wants.ask(s.room, now, p.missing)
		}
	}
	s.note(noteHeld, 0)
	s.rounds.changed(now)
	return nil
}

// addEnd notes that change i is to be named as stored, in place of one before it on its chain.
func (st *stream) addEnd(rm *room, i int) {
	r := rm.replica
	for k := len(st.ends) - 1; k >= 0 && k >= len(st.ends)-4; k-- {
		e := st.ends[k]
		if r.Author(e) != r.Author(i) {
			continue
		}
		if e == i {
			return
		}
		if d := r.Seq(i) - r.Seq(e); r.Seq(i) > r.Seq(e) {
			if b, ok := r.Back(i, d); ok && b == e {
				st.ends[k] = i
				return
			}
		}
	}
	st.ends = append(st.ends, i)
}

// storedLate names what was pending and is durable now.
func (st *stream) storedLate(rm *room) {
	if len(st.late) == 0 {
		return
	}
	left := st.late[:0]
	for _, id := range st.late {
		if i, ok := rm.knows(id); ok {
			st.addEnd(rm, i)
		} else {
			left = append(left, id)
		}
	}
	st.late = left
}

// nextStored makes the next stored message, nil if there is nothing to say.
func (s *session) nextStored() Body {
	st, r := &s.stream, s.room.replica
	if st.told == st.received && len(st.ends) == 0 {
		return nil
	}
	b := &Stored{Credit: st.received}
	st.told = st.received
	n := min(len(st.ends), storedChunkBytes/(authorIDBytes+idBytes))
	at := make(map[crdt.Author]int, min(n, 16))
	for _, i := range st.ends[:n] {
		a := r.Author(i)
		k, ok := at[a]
		if !ok {
			k = len(b.Ends)
			at[a] = k
			b.Ends = append(b.Ends, AuthorEnds{Author: a})
		}
		b.Ends[k].IDs = append(b.Ends[k].IDs, r.ID(i))
	}
	st.ends = st.ends[:copy(st.ends, st.ends[n:])]
	return b
}

// onStored takes the peer's credit and what it says to have made durable.
func (s *session) onStored(now time.Time, b *Stored) error {
	st := &s.stream
	if b.Credit > st.sent || b.Credit < st.credit {
		return fmt.Errorf("%w: %d credited, %d sent, %d credited before", ErrBadCredit, b.Credit, st.sent, st.credit)
	}
	n := int(b.Credit - st.credit)
	if n > 0 {
		s.cmp.heard = now // on a slow line, what we have to say of a comparison waits behind our packs
	}
	for _, f := range st.flights[:n] {
		st.bytes -= f.bytes
		st.taken = max(st.taken, f.next)
	}
	st.flights = st.flights[:copy(st.flights, st.flights[n:])]
	st.credit = b.Credit
	for i := range b.Ends {
		for _, id := range b.Ends[i].IDs {
			if i, ok := s.room.knows(id); ok {
				s.learn(i)
			}
		}
	}
	if len(b.Ends) > 0 {
		s.note(noteHeld, 0)
	}
	if s.drained() {
		s.rounds.drained(now)
	}
	return nil
}

// drained reports whether all that there is to send was sent and credited.
func (s *session) drained() bool {
	st := &s.stream
	return st.open && len(st.flights) == 0 && st.given.nextClear(st.cursor) >= s.room.durable
}

// nextPacks makes the next packs message, if the window allows one and there is something to send.
func (s *session) nextPacks(now time.Time) ([]byte, bool) {
	st := &s.stream
	if len(st.flights) >= WindowMessages || st.bytes >= WindowBytes {
		return nil, false
	}
	if msg, ok := s.nextAnswer(now); ok {
		return msg, true
	}
	if !st.open {
		return nil, false
	}
	for {
		from := st.given.nextClear(st.cursor)
		if from >= s.room.durable {
			st.cursor = s.room.durable
			return nil, false
		}
		msg, next := s.room.packs(from, &st.given)
		if s.cmp.active {
			for i := from; i < next; i++ {
				if !st.given.has(i) {
					s.cmp.flying.add(i)
				}
			}
		}
		st.given.addRange(from, next)
		st.cursor = next
		if msg != nil {
			s.fly(now, msg, from, next)
			return msg, true
		}
	}
}

func (s *session) fly(now time.Time, msg []byte, from, next int) {
	st := &s.stream
	st.sent++
	st.flights = append(st.flights, flight{from, next, len(msg)})
	st.bytes += len(msg)
	s.room.meter.ChangesOut.Add(uint64(next - from))
	s.rounds.sent = true
	s.rounds.changed(now)
}

// onNeed notes which packs the peer asks for.
func (s *session) onNeed(now time.Time, ids Need) {
	st := &s.stream
	for _, id := range ids {
		i, ok := s.room.knows(id)
		if ok && len(st.answers) < MaxNeedIDs {
			st.answers = append(st.answers, i)
		}
	}
}

// nextAnswer makes a packs message of one pack that the peer asked for: each at most once in AnswerPeriod, and all of
// them within AnswerRate.
func (s *session) nextAnswer(now time.Time) ([]byte, bool) {
	st, l := &s.stream, &s.room.limits
	burst := max(4*l.AnswerRate, crdt.MaxPackBytes)
	if st.budgetAt.IsZero() {
		st.budget = burst
	}
	for len(st.answers) > 0 {
		if now.After(st.budgetAt) {
			st.budget = min(burst, st.budget+int(now.Sub(st.budgetAt).Seconds()*float64(l.AnswerRate)))
			st.budgetAt = now
		}
		if st.budget <= 0 {
			return nil, false
		}
		start := s.room.packStart(st.answers[0])
		st.answers = st.answers[1:]
		st.budget -= answerCost
		if at, ok := st.answered[start]; ok && now.Sub(at) < l.AnswerPeriod {
			continue
		}
		if st.answered == nil || len(st.answered) >= MaxNeedIDs {
			st.forgetAnswers(now, l.AnswerPeriod)
		}
		st.answered[start] = now
		pack, _ := s.room.replica.PackFrom(start, nil)
		st.budget -= len(pack)
		msg := s.room.message(Packs{pack}, len(pack))
		s.fly(now, msg, start, start)
		return msg, true
	}
	return nil, false
}

// forgetAnswers drops the answers that are old enough to be given again; if that is not enough, all.
func (st *stream) forgetAnswers(now time.Time, period time.Duration) {
	kept := make(map[int]time.Time)
	for start, at := range st.answered {
		if now.Sub(at) < period {
			kept[start] = at
		}
	}
	if len(kept) >= MaxNeedIDs {
		clear(kept)
	}
	st.answered = kept
}
