package sim

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/byz"
	"github.com/tallystick/tallystick/transport"
)

// What a program does that drives a simulation itself, besides [Sim.Do].

// ID is the machine's number.
func (n *Node) ID() int { return n.id }

// Now is the time of the machine's clock.
func (n *Node) Now() time.Time { return n.now() }

// Room is the room that the simulation is of.
func (s *Sim) Room() crdt.Charter { return s.charter }

// Start runs the process, if it is not running.
func (n *Node) Start() { n.start() }

// Kill ends the process, if it is running: what was not synced is lost, and its peers notice soon.
func (n *Node) Kill() {
	if n.core != nil {
		n.crash("kill", "as it is told")
	}
}

// Backup copies the disk.
func (n *Node) Backup() { n.disk.copyAll() }

// Rollback ends the process and puts the backup back with all that was beside it, as an old image of a virtual machine: nothing on
// the machine can tell it what it wrote since. It returns false if there is no backup.
func (n *Node) Rollback() bool {
	if n.disk.backup == nil {
		return false
	}
	n.restore("rollback")
	return true
}

// Edit has the process make a change in its next turn. It returns false if it is not running. done, which may be nil, is called with
// what became of it.
func (n *Node) Edit(edit func(*crdt.Tx) error, done func(transport.Receipt)) bool {
	if n.core == nil || n.spec.Role != Author {
		return false
	}
	n.intents = append(n.intents, transport.Intent{Time: n.now().Add(n.wall).Unix(), Edit: edit, Done: func(r transport.Receipt) {
		n.done(r)
		if done != nil {
			done(r)
		}
	}})
	n.sim.stats.Changes++
	n.poke()
	return true
}

// Say has a machine take these packs in its next turn as if somebody had brought them, and send them on: what a Byzantine author
// says that no [crdt.Writer] would make. A pack that it would refuse of others is a mistake of the caller's. It returns false if the
// process is not running.
func (n *Node) Say(packs ...[]byte) bool {
	if n.core == nil {
		return false
	}
	n.crafted = append(n.crafted, packs...)
	n.sim.stats.Changes += len(packs)
	n.poke()
	return true
}

// sayCrafted takes what Say was given.
func (n *Node) sayCrafted(now time.Time) {
	for _, frame := range n.crafted {
		pack, err := n.sim.checker.Check(frame, nil)
		if err == nil {
			err = n.core.Replica().Receive(pack, 0, now).Err
		}
		if err != nil {
			n.sim.fail("craft", "%s is to say what is refused: %v", n.name, err)
		}
	}
	n.crafted = nil
}

// Craft is a pack of one change of key's author after prev (the room's id if it is the first of its chain), and the change's id. ops is the
// encoded array of its ops; links have to be ancestors that whoever takes it holds or will hold.
func (s *Sim) Craft(key ed25519.PrivateKey, prev crdt.ChangeID, unix int64, links []crdt.ChangeID, ops []byte) (pack []byte, id crdt.ChangeID) {
	room := s.charter.ID()
	run := byz.Run{Author: key[ed25519.SeedSize:], Prev: prev[:], Payloads: [][]byte{byz.Payload(unix, byz.Sorted(links...), ops)}}
	id = byz.ChangeID(room, run.Author, run.Prev, run.Payloads[0])
	run.Signature = ed25519.Sign(key, byz.Signable(room, id))
	return byz.Pack(run), id
}

// Divide stalls everything between machines of different sides until [Sim.Heal], or Divide with other sides. side is by machine.
func (s *Sim) Divide(side []int) {
	s.heal()
	s.sides = slices.Clone(side)
	for len(s.sides) < len(s.nodes) {
		s.sides = append(s.sides, 0)
	}
	for _, l := range s.links {
		if l != nil && l.stalled().After(s.now) {
			l.watchStall()
		}
	}
}

// Heal ends what [Sim.Divide] began.
func (s *Sim) Heal() { s.heal() }

func (s *Sim) heal() {
	was := s.sides
	s.sides = nil
	s.parted++
	for _, l := range s.links {
		if l == nil || was == nil || was[l.from.id] == was[l.to.id] {
			continue
		}
		l.tries, l.dialling = 0, false // whoever has tried in vain tries again
		l.kick()
	}
}

// Join makes one more link.
func (s *Sim) Join(from, to *Node, spec LinkSpec) {
	spec.From, spec.To = from.id, to.id
	l := &link{sim: s, id: len(s.links), spec: spec, rand: s.stream("link", len(s.links)), from: from, to: to}
	s.links = append(s.links, l)
	l.dial()
}

// Part takes away all links between two machines.
func (s *Sim) Part(a, b *Node) {
	for i, l := range s.links {
		if l != nil && (l.from == a && l.to == b || l.from == b && l.to == a) {
			l.gone = true
			if l.conn != nil {
				l.conn.cut("both")
			}
			s.links[i] = nil
		}
	}
}

// Twin makes one more machine, with the key of n and a copy of its disk. Its process does not run yet, and it has no links.
func (s *Sim) Twin(n *Node) (*Node, error) {
	t, err := s.newNode(len(s.nodes), n.spec)
	if err != nil {
		return nil, err
	}
	t.name += fmt.Sprintf(" (twin of %d)", n.id)
	if err := t.disk.medium.rewrite(n.disk.all()); err != nil {
		return nil, err
	}
	t.disk.last, t.disk.sent = n.disk.last, n.disk.sent
	t.disk.recount()
	s.nodes = append(s.nodes, t)
	if s.sides != nil {
		s.sides = append(s.sides, s.sides[n.id])
	}
	s.liars[n.author] = true
	return t, nil
}

// A Line is a link as it is now.
type Line struct {
	From, To int
	Up       bool // a connection stands, and nothing holds it up
}

// Lines are the links.
func (s *Sim) Lines() []Line {
	var lines []Line
	for _, l := range s.links {
		if l == nil {
			continue
		}
		up := l.conn != nil && !l.conn.broken && !l.stalled().After(s.now)
		lines = append(lines, Line{l.from.id, l.to.id, up})
	}
	return lines
}

// DiskBytes is how much a machine's records are.
func (n *Node) DiskBytes() (bytes int64) {
	n.disk.broken(n.disk.medium.Records(func(_ uint64, r []byte) error {
		bytes += int64(len(r))
		return nil
	}))
	return bytes
}

// Until lets time pass to a moment. It returns false if a promise was broken.
func (s *Sim) Until(at time.Time) bool { return s.runUntil(at, nil) && s.failure == nil }
