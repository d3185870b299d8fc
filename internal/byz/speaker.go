package byz

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// A Speaker is a peer that speaks the protocol in full, and what an attack makes of it. Inside, a real [transport.Core] says hello,
// answers comparisons, takes what the victim sends and credits it: a puppet, whose every message may be looked at and replaced by
// the hooks. Besides it says what it was told to (Say, SayPacks), as soon as the victim has said hello.
//
// Set the fields before the first call of a [Peer]'s method.
type Speaker struct {
	// Out is asked what is sent in place of a message of the puppet; nil: every message as it is.
	Out func(now time.Time, m transport.Message, msg []byte) [][]byte
	// In sees each message of the victim; false keeps it from the puppet. nil: the puppet gets all.
	In func(now time.Time, m transport.Message) bool
	// Hear is told when the puppet has got changes of the victim; nil: nobody is.
	Hear func(now time.Time, v *crdt.View)
	// Early says that what was told is said before any hello.
	Early bool
	// Pushy says that packs are sent without waiting for credit.
	Pushy bool

	room    *Room
	core    *transport.Core
	began   time.Time
	greeted bool     // the puppet has said hello, or what took its place
	hello   bool     // the victim has
	said    []saying // to be said, in order
	heard   int      // changes of the puppet when Hear was told last
	out     [][]byte // that took the place of messages of the puppet

	flights  []bool // packs messages under way: whether they are the puppet's, whose credit it gets
	credited uint64 // packs messages that the victim has credited
	own      uint64 // of those, the puppet's
}

type saying struct {
	msg   []byte
	packs bool
	after time.Duration // not before, from the speaker's first call on
}

// victim is what the puppet calls the other end.
const victim transport.PeerID = 1

// NewSpeaker makes a speaker whose puppet holds the changes of these packs, parents first: it has them like an honest peer, and
// sends them when the comparison shows that the victim lacks them.
func NewSpeaker(rm *Room, packs ...[]byte) *Speaker {
	core, err := transport.OpenCore(context.Background(), transport.NodeConfig{
		Charter: rm.Charter, Keeper: true, Store: &memory{packs}, Agent: "tallystick relay 1.0.0",
		Rand: rand.New(rand.NewPCG(rm.Rand.Uint64(), rm.Rand.Uint64())),
	})
	if err != nil {
		panic(fmt.Sprintf("byz: internal error: a puppet that cannot be made: %v", err))
	}
	return &Speaker{room: rm, core: core}
}

// memory is the store of a puppet.
type memory struct{ frames [][]byte }

func (m *memory) Records(yield func(uint64, []byte) error) error {
	for i, f := range m.frames {
		if err := yield(uint64(i), f); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Append(frames [][]byte) (uint64, error) {
	first := uint64(len(m.frames))
	m.frames = append(m.frames, frames...)
	return first, nil
}

// Say has the speaker send messages, whatever bytes they are.
func (s *Speaker) Say(msgs ...[]byte) *Speaker { return s.SayAt(time.Time{}, msgs...) }

// SayAt is Say not before a time; what is told later waits for it. The time is that of an attack that begins at Room.Now: one that
// begins later says it as much later.
func (s *Speaker) SayAt(at time.Time, msgs ...[]byte) *Speaker {
	for _, msg := range msgs {
		m, err := transport.DecodeMessage(msg)
		_, packs := m.Body.(transport.Packs)
		s.said = append(s.said, saying{msg: msg, packs: err == nil && packs, after: s.after(at)})
	}
	return s
}

// SayBody is Say of a message of the room.
func (s *Speaker) SayBody(bodies ...transport.Body) *Speaker {
	for _, b := range bodies {
		s.Say(transport.AppendMessage(nil, s.room.ID(), b))
	}
	return s
}

// SayPacks has the speaker send packs in this order, in as few messages as hold them, within the window unless it is pushy.
func (s *Speaker) SayPacks(packs ...[]byte) *Speaker { return s.SayPacksAt(time.Time{}, packs...) }

// SayPacksAt is SayPacks not before a time.
func (s *Speaker) SayPacksAt(at time.Time, packs ...[]byte) *Speaker {
	const messageBytes = 256 << 10
	for len(packs) > 0 {
		n, size := 0, 0
		for n < len(packs) && n < transport.MaxPacksPerMessage && (n == 0 || size+len(packs[n]) <= messageBytes) {
			size += len(packs[n])
			n++
		}
		msg := transport.AppendMessage(nil, s.room.ID(), transport.Packs(packs[:n]))
		s.said = append(s.said, saying{msg: msg, packs: true, after: s.after(at)})
		packs = packs[n:]
	}
	return s
}

func (s *Speaker) after(at time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return at.Sub(s.room.Now)
}

// Done reports whether all that it was told to say is said.
func (s *Speaker) Done() bool { return len(s.said) == 0 && len(s.out) == 0 }

// View is what the puppet holds: what the victim has sent.
func (s *Speaker) View(now time.Time) *crdt.View { return s.core.Snapshot(now).View }

func (s *Speaker) begin(now time.Time) {
	if s.began.IsZero() {
		s.began = now
		s.core.Attach(now, transport.PeerInfo{ID: victim, Address: "victim", Direction: transport.Dialled})
	}
}

// Receive implements [Peer].
func (s *Speaker) Receive(now time.Time, msg []byte) {
	s.begin(now)
	m, err := transport.DecodeMessage(append([]byte(nil), msg...))
	if err != nil || m.Room != s.room.ID() {
		return
	}
	if _, ok := m.Body.(*transport.Hello); ok {
		s.hello = true
	}
	if b, ok := m.Body.(*transport.Stored); ok {
		m.Body = s.creditOf(b)
	}
	if s.In == nil || s.In(now, m) {
		s.core.Receive(now, victim, s.core.Inspector().Inspect(m.Body))
	}
}

// creditOf is what the victim stored and credited less the packs messages that the puppet knows nothing of.
func (s *Speaker) creditOf(b *transport.Stored) *transport.Stored {
	for ; s.credited < b.Credit && len(s.flights) > 0; s.credited++ {
		if s.flights[0] {
			s.own++
		}
		s.flights = s.flights[1:]
	}
	return &transport.Stored{Credit: s.own, Ends: b.Ends}
}

// Next implements [Peer].
func (s *Speaker) Next(now time.Time) ([]byte, bool) {
	s.begin(now)
	s.core.Tick(now)
	if err := s.core.Commit(now); err != nil {
		panic(fmt.Sprintf("byz: internal error: the store of a puppet: %v", err))
	}
	if s.Hear != nil {
		if v := s.View(now); v.Changes() > s.heard {
			s.heard = v.Changes()
			s.Hear(now, v)
		}
	}
	if msg, ok := s.saying(now); ok {
		return msg, true
	}
	for {
		if len(s.out) > 0 {
			msg := s.out[0]
			s.out = s.out[1:]
			return msg, true
		}
		msg, ok := s.core.Next(now, victim)
		if !ok {
			return nil, false
		}
		m, err := transport.DecodeMessage(msg)
		if err != nil {
			panic(fmt.Sprintf("byz: internal error: a puppet said %v", err))
		}
		out := [][]byte{msg}
		if s.Out != nil {
			out = s.Out(now, m, msg)
		}
		switch m.Body.(type) {
		case *transport.Hello:
			s.greeted = true
		case transport.Packs:
			s.fly(now, out)
		}
		s.out = out
	}
}

// fly notes what goes out for a packs message of the puppet. If none does, the puppet is credited at once.
func (s *Speaker) fly(now time.Time, out [][]byte) {
	puppets := true
	for _, msg := range out {
		m, err := transport.DecodeMessage(msg)
		if _, packs := m.Body.(transport.Packs); err == nil && packs {
			s.flights = append(s.flights, puppets)
			puppets = false
		}
	}
	if puppets {
		s.own++
		s.core.Receive(now, victim, s.core.Inspector().Inspect(&transport.Stored{Credit: s.own}))
	}
}

// ready reports whether it may say what it was told to.
func (s *Speaker) ready() bool { return s.Early || s.hello && s.greeted && len(s.out) == 0 }

// saying returns the next of what it was told to say, if it is time.
func (s *Speaker) saying(now time.Time) ([]byte, bool) {
	if len(s.said) == 0 || !s.ready() || now.Before(s.began.Add(s.said[0].after)) {
		return nil, false
	}
	next := s.said[0]
	if next.packs {
		if len(s.flights) >= transport.WindowMessages && !s.Pushy {
			return nil, false
		}
		s.flights = append(s.flights, false)
	}
	s.said = s.said[1:]
	return next.msg, true
}

// Deadline implements [Peer].
func (s *Speaker) Deadline() time.Time {
	at := s.core.Deadline()
	if len(s.said) > 0 && s.ready() && s.said[0].after > 0 {
		if next := s.began.Add(s.said[0].after); at.IsZero() || next.Before(at) {
			at = next
		}
	}
	return at
}
