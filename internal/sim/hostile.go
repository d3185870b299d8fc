package sim

import (
	"fmt"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/byz"
	"github.com/tallystick/tallystick/transport"
)

// What one hostile connection may send in a simulation: a flood that never ends would be all that a seed does.
const (
	hostileMessages = 400
	hostileBytes    = 512 << 10
)

// A hostile is the other end of a connection: somebody who follows no rule.
type hostile struct {
	sim      *Sim
	name     string
	attack   *byz.Attack
	peer     byz.Peer
	end      *end
	messages int
	bytes    int
	wakeAt   time.Time
}

// found makes the charter of the room. A closed one is that of the first attack which wants one of its own; others would fail in
// it for want of the right to write.
func (s *Sim) found() crdt.Charter {
	s.room = &byz.Room{Rand: s.stream("attackers", 0), Now: s.now} // all who attack know each other
	sc := s.cfg.Scenario
	s.room.Charter = sc.charter()
	for _, a := range sc.Do {
		if at := s.attacks[a.Name]; sc.Closed && a.Verb == "attack" && at.Charter != nil && (at.Kind == "" || at.Kind == sc.Kind) {
			s.founder = a.Name
			s.room.Charter = at.Charter(s.room, s.room.Charter.Writers)
			break
		}
	}
	return s.room.Charter
}

// attack lets the peers of an attack connect: to one machine, or one each to several.
func (s *Sim) attack(name string, victim *Node) {
	a, ok := s.attacks[name]
	if !ok {
		s.fail("scenario", "there is no attack %q", name)
		return
	}
	if s.charter.Closed() && name != s.founder {
		s.tracef("sim", "not in this room: it takes an open one")
		return
	}
	s.stats.Attacks++
	at := victim.id
	for k, p := range a.Peers(s.room) {
		n := victim
		for a.Spread && k > 0 {
			at = (at + 1) % len(s.nodes)
			if n = s.nodes[at]; n.spec.Role != Absent {
				break
			}
		}
		if n.core == nil {
			continue
		}
		h := &hostile{sim: s, name: fmt.Sprintf("%s/%d", name, k), attack: &a, peer: p}
		s.hostile = append(s.hostile, h)
		l := &link{
			sim: s, id: -1, rand: s.stream("hostile", len(s.hostile)), from: n, to: n,
			spec: LinkSpec{From: n.id, To: n.id, Delay: time.Millisecond, Jitter: 10 * time.Millisecond, Rate: 4 << 20, Slots: 8},
		}
		c := s.newConn(l)
		h.end = c.ends[0]
		h.end.hostile = h
		c.ends[1].attach(n, transport.PeerInfo{ID: n.newPeer(), Address: h.name, Direction: transport.Accepted})
		n.attacked = true
		s.tracef(h.name, "connects to %s as connection %d", n.name, c.id)
		h.pump()
	}
}

// arrived gives it a message.
func (h *hostile) arrived(msg []byte) {
	h.peer.Receive(h.sim.now, msg)
	h.pump()
}

// pump sends what it has.
func (h *hostile) pump() {
	s := h.sim
	for h.end.ready() && !h.end.conn.broken && h.messages < hostileMessages && h.bytes < hostileBytes {
		msg, ok := h.peer.Next(s.now)
		if !ok {
			break
		}
		h.messages++
		h.bytes += len(msg)
		if s.trace != nil {
			s.tracef(h.name, "-> %s  %s", h.end.other().name(), describe(msg))
		}
		h.end.send(append([]byte{}, msg...))
	}
	at := h.peer.Deadline()
	if at.IsZero() || h.end.over || h.end.conn.broken || h.messages >= hostileMessages || at.Equal(h.wakeAt) {
		return
	}
	if h.wakeAt = at; !at.After(s.now) {
		h.wakeAt = s.now.Add(time.Millisecond)
	}
	s.At(h.wakeAt, h.pump)
}
