package sim

import (
	"slices"
	"time"
)

// Do does one action now; its Wait is the caller's.
func (s *Sim) Do(a Action) {
	if s.failure != nil {
		return
	}
	if a.Verb != "quiet" {
		s.tracef("sim", "%v", a)
	}
	fields := verbs[a.Verb]
	switch {
	case fields == "":
		s.all(a)
	case fields[0] == 'n' && s.nodes[a.A].spec.Role != Absent:
		s.nodes[a.A].do(a)
	case fields[0] == 'l' && s.links[a.A] != nil:
		s.links[a.A].do(a)
	case fields[0] == 'm':
		s.divide(a.A, a.For)
	}
}

func (s *Sim) all(a Action) {
	switch a.Verb {
	case "quiet":
		s.Quiet()
	case "reopen":
		s.Reopen()
	default:
		s.fail("scenario", "%q is no verb", a.Verb)
	}
}

func (l *link) do(a Action) {
	switch a.Verb {
	case "break":
		if l.conn != nil {
			l.conn.cut(a.Name)
		}
	case "stall":
		l.stall(a.For)
	case "double":
		l.double(a.For)
	}
}

func (n *Node) do(a Action) {
	s := n.sim
	switch a.Verb {
	case "edit":
		n.edit(a.B)
	case "flood":
		for k := range a.B {
			quiet := s.quiet
			s.After(time.Duration(k)*a.For, func() {
				if s.quiet == quiet {
					n.edit(1)
				}
			})
		}
	case "crash":
		if a.Name == "kill" || a.Name == "power" {
			n.crash(a.Name, "at some moment")
		} else {
			n.disk.fault = a.Name
		}
	case "start":
		n.start()
	case "fail":
		n.disk.fault = a.Name
	case "freeze":
		n.frozen = s.now.Add(a.For)
	case "jump":
		n.off += max(0, a.For)
		n.wakeAt = time.Time{}
		n.poke()
	case "wall":
		n.wall += a.For
	case "backup":
		n.disk.copyAll()
	case "restore":
		n.restore(a.Name)
	case "cut":
		n.crash("kill", "for its disk is damaged")
		n.disk.cut(a.B)
		n.damaged()
	case "lose":
		n.crash("kill", "for its disk is damaged")
		n.disk.lose(a.B, n.rand)
		n.damaged()
	case "attack":
		s.attack(a.Name, n)
	}
	if n.disk.bad != nil {
		s.fail("disk", "%s: %v", n.name, n.disk.bad)
	}
}

// restore puts an old state of the disk in the place of the present one.
func (n *Node) restore(how string) {
	if n.disk.backup == nil {
		return
	}
	n.crash("kill", "for an old backup")
	n.disk.restore(how)
	if (how == "all" || how == "rollback") && n.spec.Role == Author {
		n.sim.liars[n.author] = true // nothing on the machine can tell it what it wrote after that
	}
	n.damaged()
}

// divide stalls everything between the machines of a set and the others.
func (s *Sim) divide(set int, d time.Duration) {
	s.split, s.healAt = set, s.now.Add(d)
	for _, l := range s.links {
		if l != nil && l.stalled().After(s.now) {
			l.watchStall()
		}
	}
}

// damaged forgets what the machine has promised and its disk, which was changed from outside, holds no more.
func (n *Node) damaged() {
	n.lostDisk = true
	if n.sim.cfg.Trusting {
		return
	}
	waiting := n.disk.shadow.waiting()
	for id := range n.promised {
		if !n.disk.durable(id) && !waiting[id] {
			delete(n.promised, id)
		}
	}
}

// double makes a second connection beside a link, for a while.
func (l *link) double(d time.Duration) {
	s := l.sim
	extra := &link{sim: s, id: -1, spec: l.spec, rand: s.stream("double", s.conns), from: l.from, to: l.to}
	extra.spec.Delay *= 3 // so that the two overtake each other
	extra.dial()
	s.After(d, func() {
		extra.gone = true
		if extra.conn != nil {
			extra.conn.cut("both")
		}
	})
}

// Reopen ends all processes in order, and starts them again.
func (s *Sim) Reopen() {
	for _, n := range s.nodes {
		if n.core != nil {
			n.crash("kill", "to be reopened")
		}
	}
	for _, n := range s.nodes {
		n.start()
	}
}

// settleTime is how long after the last fault everybody may still lack something. It is the sum of what one after the other may
// wait: a read timeout (60 s), the longest back-off (60 s), a dial (10 s), a comparison that is not answered (30 s), pending packs (30 s), a
// round's back-off, which doubles up to five minutes while rounds bring nothing.
const settleTime = 10 * time.Minute

// promptTime is how long an edit may take in a network that has settled.
const promptTime = 20 * time.Second

// lines is how long all that hostile peers have sent takes on the slowest line, twice on its way: it stands before what is honest.
func (s *Sim) lines() time.Duration {
	bytes, slowest := 0, 1<<20
	for _, h := range s.hostile {
		bytes += h.bytes
	}
	for _, l := range s.cfg.Scenario.Links {
		slowest = min(slowest, l.Rate)
	}
	return time.Duration(2*bytes/slowest) * time.Second
}

// Quiet ends all faults, waits until all machines hold the same, and checks every promise. Then one more edit of everybody who
// can write has to reach everybody. It returns false if a promise was broken.
func (s *Sim) Quiet() bool {
	s.tracef("sim", "quiet: all faults end")
	s.healAt = s.now
	s.quiet++
	for _, l := range s.links {
		if l != nil {
			l.stallTill = time.Time{}
			l.kick()
		}
	}
	for _, n := range s.nodes {
		if n.spec.Role == Absent {
			continue
		}
		n.disk.fault = ""
		if n.frozen.After(s.now) {
			n.frozen, n.turning = time.Time{}, false
		}
		n.start()
		n.poke()
	}
	began := s.now
	if !s.runUntil(s.now.Add(settleTime+s.lines()), s.settled) {
		s.fail("liveness", "not equal after %v: %s", s.now.Sub(began), s.standing())
		return false
	}
	s.stats.Settled = max(s.stats.Settled, s.now.Sub(began))
	s.tracef("sim", "all equal after %v: %s", s.now.Sub(began), s.standing())
	if s.RunFor(2 * time.Second); len(s.hostile) > 0 {
		s.RunFor(overAfter)
	}
	if !s.runUntil(s.now.Add(settleTime+s.lines()), s.settled) { // something hostile may have come in meanwhile
		s.fail("liveness", "equal, and then no more: %s", s.standing())
	}
	unguarded := func() bool { return !slices.ContainsFunc(s.nodes, (*Node).guardedInVain) }
	if !s.runUntil(s.now.Add(settleTime+s.lines()), unguarded) {
		s.fail("guard", "who holds its newest change, and lacks nothing, may not write %v later", settleTime+s.lines())
	}
	if !s.checkQuiet() {
		return false
	}
	for _, n := range s.nodes {
		if n.core != nil && n.writes() {
			n.edit(1)
		}
	}
	if !s.runUntil(s.now.Add(promptTime+s.lines()), s.settled) {
		s.fail("prompt", "an edit at rest did not arrive within %v: %s", promptTime+s.lines(), s.standing())
		return false
	}
	return s.failure == nil
}

// kick lets what a stall held up go on.
func (l *link) kick() {
	if l.conn != nil {
		for _, e := range l.conn.ends {
			e.arrive()
			e.flush()
		}
	}
	l.dial()
}

// edit makes n changes, as the room's kind has it.
func (n *Node) edit(count int) {
	if n.core == nil || n.spec.Role != Author {
		return
	}
	for range count {
		n.intents = append(n.intents, n.intent())
		n.sim.stats.Changes++
	}
	n.poke()
}
