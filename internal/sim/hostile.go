package sim

import (
	"fmt"
	"slices"
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
	spokeAt  time.Time // when it said something last
	odd      bool      // it meets something else than it was made for: it may be refused for other reasons
	codes    []string  // for what the victim refused packs of it, or ended the connection
	judged   bool      // the victim has ended the connection for one of the reasons that it should
}

// An assault is one attack under way, or over.
type assault struct {
	attack *byz.Attack
	whole  bool // each of its connections was made, to somebody who had heard of something
	peers  []*hostile
}

// fits reports whether an attack can be what it is in this room.
func (s *Sim) fits(a *byz.Attack) bool {
	return (a.Charter == nil || a.Name == s.founder) && (a.Kind == "" || a.Kind == s.charter.Kind)
}

// How long after its last word an attack is over: whoever waits for it has given it up.
const (
	overAfter     = 5 * time.Second
	slowOverAfter = 4 * time.Minute
)

// ended reports whether a hostile peer has done all that it would, and its victim all that it will about that.
func (h *hostile) ended() bool {
	if h.odd || h.messages >= hostileMessages || h.bytes >= hostileBytes {
		return false // it would have said more, or something else
	}
	if h.judged {
		return true
	}
	done, ok := h.peer.(interface{ Done() bool })
	wait := overAfter
	if h.attack.Slow {
		wait = slowOverAfter
	}
	return ok && done.Done() && !h.end.over && !h.end.conn.broken && len(h.end.queue) == 0 && h.end.under() == 0 &&
		h.sim.now.Sub(h.spokeAt) >= wait
}

// ended reports whether an attack has run to its end, undisturbed.
func (a *assault) ended() bool {
	return a.whole && !slices.ContainsFunc(a.peers, func(h *hostile) bool { return !h.ended() })
}

// tips is how many tips a machine's log has.
func tips(n *Node) (count int) {
	n.core.Replica().Tips(func(int) bool {
		count++
		return true
	})
	return count
}

// refused notes for what a victim has refused something of a hostile peer.
func (h *hostile) refused(code string) {
	if !slices.Contains(h.codes, code) {
		h.codes = append(h.codes, code)
	}
}

// takeCounts notes what a machine has refused of those who attack it.
func (n *Node) takeCounts() {
	for _, e := range n.ends {
		h := e.other().hostile
		if h == nil {
			continue
		}
		for _, p := range n.snap.Peers {
			if p.ID != e.peer {
				continue
			}
			for _, r := range p.Refused {
				h.refused(r.Code)
				if !h.odd && !slices.Contains(h.attack.Want.Refused, r.Code) {
					n.sim.fail("reason", "%s refuses of %s what is %s; it should for %q", n.name, h.name, r.Code, h.attack.Want.Refused)
				}
			}
		}
	}
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
	if a.Spread && slices.ContainsFunc(s.assaults, func(o *assault) bool { return o.attack.Name == name }) {
		return // what it tells one victim, the others know by now
	}
	s.stats.Attacks++
	at := victim.id
	under := &assault{attack: &a, whole: victim.core != nil && victim.core.Replica().Len() > 0}
	s.assaults = append(s.assaults, under)
	for k, p := range a.Peers(s.room) {
		n := victim
		for a.Spread && k > 0 {
			at = (at + 1) % len(s.nodes)
			if n = s.nodes[at]; n.spec.Role != Absent {
				break
			}
		}
		if n.core == nil {
			under.whole = false
			continue
		}
		h := &hostile{sim: s, name: fmt.Sprintf("%s/%d", name, k), attack: &a, peer: p, odd: !s.fits(&a)}
		if a.Class == byz.Sync && tips(n) > transport.LeafTips {
			h.odd = true // comparisons are another conversation where there are many tips
		}
		s.hostile = append(s.hostile, h)
		under.peers = append(under.peers, h)
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
		h.spokeAt = s.now
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
