package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// witness looks at every message that an honest machine sends: nothing leaves it that is not on its disk, and what it said of
// that it has promised.
func (s *Sim) witness(n *Node, e *end, msg []byte) {
	if s.trace != nil {
		s.tracef(n.name, "-> %s  %s", e.other().name(), describe(msg))
	}
	m, err := transport.DecodeMessage(msg)
	if err != nil {
		s.fail("speech", "%s sends what is no message: %v", n.name, err)
		return
	}
	say := func(id crdt.ChangeID, why string) {
		if n.promised[id] == "" {
			if !n.disk.durable(id) {
				s.fail("durable", "%s %s change %v, which is not on its disk", n.name, why, id)
			}
			n.promised[id] = why
		}
	}
	switch b := m.Body.(type) {
	case transport.Packs:
		for _, frame := range b {
			// Runs that are known are dropped before their signatures are looked at: the receiver does that.
			_, _ = s.checker.Check(frame, func(end crdt.ChangeID) bool {
				say(end, "sent")
				return true
			})
		}
	case *transport.Stored:
		for _, of := range b.Ends {
			for _, id := range of.IDs {
				say(id, "said to be stored")
			}
		}
	case *transport.Tips:
		for i := range b.Tips {
			say(b.Tips[i].ID, "named")
		}
		for _, id := range b.Held {
			say(id, "named")
		}
	}
}

// checkTurn checks after a turn what is cheap.
func (s *Sim) checkTurn(n *Node) {
	r := n.core.Replica()
	forks := r.Forks()
	for _, f := range forks[min(n.forks, len(forks)):] {
		if s.honest(f.Author) {
			s.fail("honest-fork", "%s holds two changes of honest author %v after %v: %v and %v", n.name, f.Author, f.Prev, f.A, f.B)
		}
	}
	n.forks = len(forks)
	if r.Len() < n.length || n.disk.shadow.replica.Len() != r.Len() {
		s.fail("durable", "%s held %d changes, holds %d now, and %d on disk", n.name, n.length, r.Len(), n.disk.shadow.replica.Len())
	}
	n.length = r.Len()
	if len(n.snap.Events) > transport.MaxEvents || len(n.inbox) > 2*wireMessages*(len(n.ends)+1) {
		s.fail("bounds", "%s shows %d events and has %d messages waiting", n.name, len(n.snap.Events), len(n.inbox))
	}
	if packs, bytes := r.Pending(); packs > crdt.MaxPendingPacks || bytes > crdt.MaxPendingBytes {
		s.fail("bounds", "%s has %d packs of %d bytes pending", n.name, packs, bytes)
	}
	if n.turns++; n.turns%32 == 0 {
		s.checkCore(n)
	}
}

func (s *Sim) checkCore(n *Node) {
	if err := n.core.CheckInvariants(); err != nil {
		s.fail("invariant", "%s: %v", n.name, err)
	}
	if n.disk.bad != nil {
		s.fail("records", "%s has written what it cannot read: %v", n.name, n.disk.bad)
	}
}

// honest reports whether an author is one of the machines', and has never had reason to write twice.
func (s *Sim) honest(a crdt.Author) bool {
	if s.liars[a] {
		return false
	}
	return slices.ContainsFunc(s.nodes, func(n *Node) bool { return n.spec.Role == Author && n.author == a })
}

// slow are the reasons for which an honest machine may give up another: time passed, or it went.
var slow = []string{"hello-timeout", "sync-timeout", "slow-reader", "going-away", "closed", "broken", "read-timeout"}

// checkEnded checks that no honest machine finds fault with another, whatever hostile ones have told either; and that it finds
// no other faults with hostile ones than those that they have.
func (s *Sim) checkEnded(n *Node, e *end, err error) {
	code := transport.Code(err)
	h := e.other().hostile
	if h != nil {
		// For other reasons, time that passed or a disk that failed, it was disturbed.
		h.judged = h.judged || slices.Contains(h.attack.Want.Refused, code)
		h.refused(code)
	}
	switch {
	case slices.Contains(slow, code):
	case h == nil:
		s.fail("blame", "%s finds fault with %s, which is honest: %v", n.name, e.other().name(), err)
	case h.odd:
		// It was made for another room, and fails in this one for whatever is wrong first.
	case !slices.Contains(h.attack.Want.Refused, code):
		var said *transport.PeerError
		if !errors.As(err, &said) {
			s.fail("reason", "%s finds fault with %s: %v; it should for %q", n.name, h.name, err, h.attack.Want.Refused)
		}
	}
}

// settled reports whether all machines run, are connected and hold the same, and nobody waits for anything.
func (s *Sim) settled() bool {
	var want *Node
	for _, n := range s.nodes {
		if n.spec.Role == Absent {
			continue
		}
		if n.core == nil || len(n.intents) > 0 || n.snap == nil {
			return false
		}
		if want == nil {
			want = n
		}
		if n.core.Replica().Len() != want.core.Replica().Len() {
			return false
		}
	}
	if want == nil {
		return true
	}
	for _, l := range s.links {
		if l != nil && (l.conn == nil || l.conn.ends[0].over || l.conn.ends[1].over) {
			return false
		}
	}
	linked := s.linked()
	for _, n := range s.nodes {
		switch {
		case n.spec.Role == Absent:
		case n.core.Replica().LogDigest() != want.core.Replica().LogDigest(), linked[n.id] && n.snap.Unsent > 0:
			return false
		case len(s.hostile) == 0 && n.snap.Pending > n.disk.shadow.pending(): // those wait for what nobody has
			return false
		}
	}
	return true
}

// linked are the machines that have a link at all.
func (s *Sim) linked() map[int]bool {
	linked := make(map[int]bool)
	for _, l := range s.links {
		if l != nil {
			linked[l.spec.From], linked[l.spec.To] = true, true
		}
	}
	return linked
}

// standing says in a line what everybody holds.
func (s *Sim) standing() string {
	var b strings.Builder
	for _, n := range s.nodes {
		switch {
		case n.spec.Role == Absent:
		case n.core == nil:
			fmt.Fprintf(&b, "%s is down; ", n.name)
		default:
			r := n.core.Replica()
			digest := r.LogDigest()
			fmt.Fprintf(&b, "%s %d changes %x", n.name, r.Len(), digest[:4])
			if n.snap != nil && n.snap.Unsent+n.snap.Pending > 0 {
				fmt.Fprintf(&b, " (%d unsent, %d pending)", n.snap.Unsent, n.snap.Pending)
			}
			b.WriteString("; ")
		}
	}
	return strings.TrimSuffix(b.String(), "; ")
}

// checkQuiet checks every promise of a network at rest.
func (s *Sim) checkQuiet() bool {
	var docs *Node
	for _, n := range s.nodes {
		if n.spec.Role == Absent {
			continue
		}
		s.checkCore(n)
		s.checkStore(n)
		s.checkSent(n)
		if id, lost := n.missing(); lost {
			s.fail("lost", "%s has lost change %v, which was %s", n.name, id, n.promised[id])
		}
		if n.spec.Role == Relay {
			continue
		}
		if docs == nil {
			docs = n
			s.checkLog(n)
		} else if a, b := docs.core.Replica().DocDigest(), n.core.Replica().DocDigest(); a != b {
			s.fail("document", "%s and %s hold the same log, and documents %x and %x", docs.name, n.name, a, b)
		}
	}
	s.checkAttacks(docs)
	return s.failure == nil
}

// checkAttacks checks that each attack has come to what it says. Of one that was disturbed, or goes on, it is known what it may
// come to at most.
func (s *Sim) checkAttacks(n *Node) {
	if n == nil {
		return
	}
	changes, forks := 0, 0
	ended := !slices.ContainsFunc(s.nodes, func(n *Node) bool { return n.lostDisk })
	counted := make(map[string]bool)
	for _, a := range s.assaults {
		if !s.fits(a.attack) {
			return // nobody knows what is left of it
		}
		again := counted[a.attack.Name]
		counted[a.attack.Name] = true
		if !again { // else it says the same
			changes += a.attack.Want.Accepted
			forks += a.attack.Want.Forks
			ended = ended && a.ended()
		}
		if again || !a.ended() {
			continue
		}
		s.stats.Undisturbed++
		judged := false
		var codes []string
		for _, h := range a.peers {
			judged = judged || h.judged
			codes = append(codes, h.codes...)
		}
		for _, code := range a.attack.Want.Refused {
			if !slices.Contains(codes, code) {
				s.fail("refused", "%s was refused for %q, and not for %s", a.attack.Name, codes, code)
			}
		}
		if judged != a.attack.Want.Closed {
			s.fail("refused", "%s was thrown out: %v, want %v", a.attack.Name, judged, a.attack.Want.Closed)
		}
	}
	r := n.core.Replica()
	foreign := func(a crdt.Author) bool {
		return !slices.ContainsFunc(s.nodes, func(n *Node) bool { return n.author == a })
	}
	accepted, forked := 0, make(map[crdt.Author]bool)
	for i := range r.Len() {
		if foreign(r.At(i).Author) {
			accepted++
		}
	}
	for _, f := range r.Forks() {
		if foreign(f.Author) {
			forked[f.Author] = true
		}
	}
	if accepted > changes || ended && accepted != changes {
		s.fail("accepted", "%s holds %d changes of the attackers, want %d", n.name, accepted, changes)
	}
	if len(forked) > forks || ended && len(forked) != forks {
		s.fail("forks", "%s knows %d of the attackers to be forked, want %d", n.name, len(forked), forks)
	}
}

// checkStore opens the machine's store a second time: it holds what the process holds, and proves it.
func (s *Sim) checkStore(n *Node) {
	turn := s.quiet%len(s.nodes) == n.id // for what is dear; each start does it too
	r, err := crdt.NewKeeper(s.charter)
	if turn && n.spec.Role != Relay {
		r, err = crdt.NewReplica(s.charter)
	}
	if err == nil {
		reader := newReader(s.charter, r)
		err = n.disk.Records(func(_ uint64, record []byte) error { return reader.take(record) })
	}
	if err == nil && turn {
		err = s.checker.VerifyTips(r)
	}
	if err != nil {
		s.fail("store", "%s: its store does not load: %v", n.name, err)
		return
	}
	live := n.core.Replica()
	if r.LogDigest() != live.LogDigest() || turn && r.DocDigest() != live.DocDigest() {
		s.fail("store", "%s holds %d changes %x, document %x; its store %d changes %x, document %x", n.name,
			live.Len(), live.LogDigest(), live.DocDigest(), r.Len(), r.LogDigest(), r.DocDigest())
	}
	for _, f := range r.Forks() {
		proof, err := r.Evidence(f)
		if err == nil {
			_, _, err = crdt.CheckEvidence(proof)
		}
		if err != nil {
			s.fail("evidence", "%s: the fork of %v after %v: %v", n.name, f.Author, f.Prev, err)
		}
	}
}

// checkSent checks that no own change is shown as sent that no other machine ever held.
func (s *Sim) checkSent(n *Node) {
	if n.spec.Role != Author || n.attacked {
		return
	}
	for i := range n.snap.View.Changes() {
		c := n.snap.View.ChangeAt(i)
		if c.Author != n.author || n.snap.State(i).Standing != transport.Sent {
			continue
		}
		if !slices.ContainsFunc(s.nodes, func(o *Node) bool { return o != n && o.known[c.ID] }) {
			s.fail("sent", "%s shows change %v as sent, which no other machine ever held", n.name, c.ID)
		}
	}
}

// guardedInVain reports whether a machine that holds again all that it has written may not go on.
func (n *Node) guardedInVain() bool {
	if n.snap == nil || n.snap.Writing != transport.WriteGuarded || !n.sim.linked()[n.id] || len(n.disk.shadow.waits) > 0 {
		return false
	}
	for _, file := range []*idFile{&n.disk.last, &n.disk.sent} {
		if id, ok := file.ID(); ok {
			if _, found := n.core.Replica().Index(id); !found {
				return false
			}
		}
	}
	return true
}

// checkLog judges every change of a log anew, by a slow and obvious reading of the rules: every signature by a checker that
// has seen nothing, sequence numbers and Lamport times from the parents; and another order of arrival makes the same document.
func (s *Sim) checkLog(n *Node) {
	r := n.core.Replica()
	lamport := make(map[crdt.ChangeID]uint64)
	seq := make(map[crdt.ChangeID]uint64)
	followed := make(map[[2]crdt.ChangeID]int) // by author and prev
	for i := range r.Len() {
		c := r.At(i)
		most := lamport[c.Prev]
		for k := range c.Links.Len() {
			most = max(most, lamport[c.Links.At(k)])
		}
		lamport[c.ID], seq[c.ID] = most+1, seq[c.Prev]+1
		if c.Lamport != most+1 || c.Seq != seq[c.ID] {
			s.fail("derived", "%s: change %v has lamport %d and seq %d, want %d and %d", n.name, c.ID, c.Lamport, c.Seq, most+1, seq[c.ID])
		}
		followed[[2]crdt.ChangeID{crdt.ChangeID(c.Author), c.Prev}]++
	}
	forks := 0
	for _, times := range followed {
		if times > 1 {
			forks++
		}
	}
	if forks != len(r.Forks()) {
		s.fail("evidence", "%s holds %d forks and shows %d", n.name, forks, len(r.Forks()))
	}
	var frames [][]byte
	for i := 0; i < r.Len(); {
		frame, next := r.PackFrom(i, nil)
		frames = append(frames, frame)
		i = next
	}
	packs, errs := crdt.NewChecker(s.charter).CheckAll(frames, nil)
	other, err := crdt.NewReplica(s.charter)
	if err != nil {
		s.fail("charter", "%v", err)
		return
	}
	random := s.stream("order", r.Len())
	for _, k := range random.Perm(len(packs)) {
		if errs[k] != nil {
			s.fail("authorship", "%s holds a pack that is refused: %v", n.name, errs[k])
			return
		}
		if out := other.Receive(packs[k], uint64(k), s.now); out.Err != nil {
			s.fail("order", "%s holds a pack that is refused in another order: %v", n.name, out.Err)
			return
		}
	}
	if other.LogDigest() != r.LogDigest() || other.DocDigest() != r.DocDigest() {
		left, _ := other.Pending()
		s.fail("order", "%s holds %d changes, document %x; in another order they make %d (%d packs pending), document %x", n.name,
			r.Len(), r.DocDigest(), other.Len(), left, other.DocDigest())
	}
}
