package byz

import (
	"slices"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// A script is a peer without a replica: it says hello, then what it was told to, and answers as it was told to. Where a [Speaker] is
// an honest peer that is bent, this is one that never was.
type script struct {
	room  *Room
	hello *transport.Hello
	// early are said before any hello, in place of ours; after are said once the victim has said hello.
	early, after [][]byte
	// answer is asked for what to say to a message of the victim; nil: nothing.
	answer func(m transport.Message) [][]byte

	begun, met bool
	out        [][]byte
}

// newScript is a script that says these messages of the room after the hellos. Its own hello claims a log of one change that nobody
// has, so that the victim's first comparison waits for what it says; not for long, as the victim has more than that.
func newScript(rm *Room, after ...transport.Body) *script {
	s := &script{room: rm, hello: &transport.Hello{Charter: rm.Charter.Append(nil), Agent: "tallystick relay 1.0.0", Count: 1, Fingerprint: rm.ID()}}
	for _, b := range after {
		s.after = append(s.after, s.message(b))
	}
	return s
}

func (s *script) message(b transport.Body) []byte {
	return transport.AppendMessage(nil, s.room.ID(), b)
}

// Receive implements [Peer].
func (s *script) Receive(_ time.Time, msg []byte) {
	m, err := transport.DecodeMessage(append([]byte(nil), msg...))
	if err != nil || m.Room != s.room.ID() {
		return
	}
	if _, ok := m.Body.(*transport.Hello); ok && !s.met {
		s.met = true
		s.out = append(s.out, s.after...)
	}
	if s.answer != nil {
		s.out = append(s.out, s.answer(m)...)
	}
}

// Next implements [Peer].
func (s *script) Next(time.Time) ([]byte, bool) {
	if !s.begun {
		s.begun = true
		first := s.early
		if first == nil {
			first = [][]byte{s.message(s.hello)}
		}
		s.out = append(slices.Clone(first), s.out...) // the victim may have been first
	}
	if len(s.out) == 0 {
		return nil, false
	}
	msg := s.out[0]
	s.out = s.out[1:]
	return msg, true
}

// Deadline implements [Peer].
func (s *script) Deadline() time.Time { return time.Time{} }

// Done reports whether it has said all that it has to say for now.
func (s *script) Done() bool { return s.begun && len(s.out) == 0 && (s.met || len(s.after) == 0) }

// scripted makes the Peers of an attack by one script.
func scripted(build func(rm *Room) *script) func(*Room) []Peer {
	return func(rm *Room) []Peer { return []Peer{build(rm)} }
}

// says makes the Peers of an attack that says these messages after the hellos.
func says(bodies func(rm *Room) []transport.Body) func(*Room) []Peer {
	return scripted(func(rm *Room) *script { return newScript(rm, bodies(rm)...) })
}

// rawSays is says of any bytes.
func rawSays(msgs func(rm *Room) [][]byte) func(*Room) []Peer {
	return scripted(func(rm *Room) *script {
		s := newScript(rm)
		s.after = msgs(rm)
		return s
	})
}

// speaks makes the Peers of an attack by one honest peer that says these messages besides, before its part of the first comparison.
func speaks(msgs func(rm *Room) [][]byte) func(*Room) []Peer {
	return func(rm *Room) []Peer { return []Peer{NewSpeaker(rm).Say(msgs(rm)...)} }
}

// messages are encoded for the room.
func messages(rm *Room, bodies ...transport.Body) (msgs [][]byte) {
	for _, b := range bodies {
		msgs = append(msgs, transport.AppendMessage(nil, rm.ID(), b))
	}
	return msgs
}

// strangers are ids that nobody has, the same for the same room and number.
func strangers(rm *Room, from, n int) []crdt.ChangeID {
	ids := make([]crdt.ChangeID, n)
	for i := range ids {
		ids[i] = rm.seed("strangers", from+i)
	}
	return ids
}

// thrownOut is what has to come of a message that the protocol does not allow.
func thrownOut(code string) Want { return Want{Refused: []string{code}, Closed: true} }
