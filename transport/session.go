package transport

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// A session is one room on one connection: a pure state machine. It has no goroutine, no clock and does no I/O; the
// node's goroutine calls it with what arrived and the time, and pulls from it what is to be sent. It reads the log
// through its room, only between commits, so that what it says is durable.
//
// It goes through these states (doc.go tells the protocol):
//
//	hello      both say hello; the fingerprints in it open round 1 of the comparison
//	comparing  statements about buckets that differ (compare.go); nothing is sent before the first round has ended
//	streaming  packs that the other side lacks, then what is accepted (stream.go); rounds are repeated now and then
type session struct {
	room *room
	held *indexSet // what the peer is known to hold, over all its connections; see peer.held

	began               time.Time
	saidHello, gotHello bool
	grease              bool
	agent               string
	role                Role

	cmp    comparison
	stream stream
	rounds rounds
	wants  wants

	notes []note // for the node, which takes them after each call
}

// note tells the node what it has to know of a session.
type note struct {
	kind noteKind
	n    int
}

type noteKind uint8

const (
	noteHello    noteKind = iota // the peer said hello
	noteRound                    // a round ended; n is 1 if nothing of our own author can be unknown to us
	noteLive                     // the session became live
	noteWithheld                 // n branch ends that the peer once stored are gone
	noteHeld                     // held has grown
)

// newSession makes a session at now. held is what the peer is known to hold from earlier connections; the session adds to it.
func newSession(rm *room, held *indexSet, now time.Time) *session {
	s := &session{room: rm, held: held, began: now}
	s.grease = rm.rand.IntN(4) == 0
	s.stream.given = newIndexSet(&rm.owners)
	s.rounds.lastHas = -1
	s.openRound(1)
	s.cmp.saidRoot = true // by the hello
	return s
}

func (s *session) note(k noteKind, n int) { s.notes = append(s.notes, note{k, n}) }

// receive takes one message other than packs. A returned error is the peer's fault and ends the connection; a
// *[PeerError] is what the peer said when it ended the session.
func (s *session) receive(now time.Time, b Body) error {
	if e, ok := b.(*PeerError); ok {
		return &PeerError{ErrorCode: strings.Clone(e.ErrorCode), Text: strings.Clone(e.Text)}
	}
	if h, ok := b.(*Hello); ok {
		return s.onHello(now, h)
	}
	if !s.gotHello {
		return fmt.Errorf("%w: message of type %d", ErrHelloFirst, b.kind())
	}
	switch b := b.(type) {
	case *Tips:
		return s.onTips(now, b)
	case *Stored:
		return s.onStored(now, b)
	case Need:
		s.onNeed(now, b)
	case Presence, Grease:
	default:
		panic(fmt.Sprintf("transport: internal error: session got %T", b))
	}
	return nil
}

func (s *session) onHello(now time.Time, h *Hello) error {
	if s.gotHello {
		return ErrHelloTwice
	}
	if !bytes.Equal(h.Charter, s.room.charter) {
		return ErrWrongRoom
	}
	s.gotHello = true
	s.agent = strings.Clone(h.Agent)
	s.role = roleOf(s.agent)
	s.note(noteHello, 0)
	return s.onRoot(now, h.Count, h.Fingerprint)
}

// roleOf reads the role out of an agent's text: its second word.
func roleOf(agent string) Role {
	words := strings.Fields(agent)
	switch {
	case len(words) < 2:
		return RoleNode
	case words[1] == "relay":
		return RoleRelay
	default:
		return RoleNode
	}
}

// next returns the next message to send, false if there is none now. It is called while the connection has room, so
// that a session holds no encoded message; the message may be shared with other sessions and is not changed.
func (s *session) next(now time.Time) ([]byte, bool) {
	if !s.saidHello {
		s.saidHello = true
		return s.encode(&Hello{Charter: s.room.charter, Agent: s.room.agent, Count: uint64(s.room.durable), Fingerprint: s.cmp.mine.fingerprint(nil)}), true
	}
	if !s.gotHello {
		return nil, false
	}
	if s.grease {
		s.grease = false
		return s.encode(Grease(greaseFirst + s.room.rand.Uint64N(greaseLast-greaseFirst+1))), true
	}
	// The fingerprint that opens a round goes before stored: what is credited after it may not be in it.
	if len(s.cmp.jobs) > 0 && s.cmp.jobs[0].form == formFingerprint {
		return s.encode(s.nextStatement()), true
	}
	if b := s.nextStored(); b != nil {
		return s.encode(b), true
	}
	if b := s.nextStatement(); b != nil {
		return s.encode(b), true
	}
	if b := s.wants.next(); b != nil {
		return s.encode(b), true
	}
	return s.nextPacks(now)
}

func (s *session) encode(b Body) []byte { return AppendMessage(nil, s.room.id, b) }

// grew tells the session that a commit has made the log longer.
func (s *session) grew(now time.Time) {
	s.rounds.changed(now)
	s.stream.storedLate(s.room)
}

// tick does what is due at now. An error ends the connection.
func (s *session) tick(now time.Time) error {
	if !s.gotHello {
		if now.Sub(s.began) >= s.room.limits.HelloTimeout {
			return ErrHelloTimeout
		}
		return nil
	}
	s.wants.tick(s.room, now)
	if s.cmp.active {
		if now.Sub(s.cmp.heard) >= s.roundTimeout() {
			return ErrSyncTimeout
		}
		return nil
	}
	if at, ok := s.roundDue(); ok && !now.Before(at) {
		s.askRound(now)
	}
	return nil
}

// roundTimeout is how long the peer may be silent in a round. Where packs are, or may be, under way in either direction, what is
// awaited may wait behind the largest of them.
func (s *session) roundTimeout() time.Duration {
	wait := s.room.limits.RoundTimeout
	if len(s.stream.flights) > 0 || s.rounds.theirs > s.room.durable {
		wait += slowestFrame
	}
	return wait
}

// deadline is when tick has something to do, if nothing arrives before; zero if nothing is due.
func (s *session) deadline() time.Time {
	var at time.Time
	earlier := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if !s.gotHello {
		return s.began.Add(s.room.limits.HelloTimeout)
	}
	if t, ok := s.wants.due(); ok {
		earlier(t)
	}
	if s.cmp.active {
		earlier(s.cmp.heard.Add(s.roundTimeout()))
	} else if t, ok := s.roundDue(); ok {
		earlier(t)
	}
	return at
}

// state is the word for the session.
func (s *session) state() PeerState {
	switch {
	case !s.gotHello:
		return PeerConnecting
	case s.rounds.ended == 0:
		return PeerComparing
	case s.rounds.live:
		return PeerLive
	default:
		return PeerCatchingUp
	}
}

// learn takes in that the peer holds change i and all before it on its chain.
func (s *session) learn(i int) {
	s.room.addChain(s.held, i)
	s.room.addChain(&s.stream.given, i)
	if s.cmp.active {
		s.room.addChain(&s.cmp.since, i)
	}
}

// knows returns the log index of a change that is durable here.
func (rm *room) knows(id crdt.ChangeID) (int, bool) { return rm.replica.Index(id) }
