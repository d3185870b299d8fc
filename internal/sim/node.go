package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// A Node is one machine of the network: a disk, and a process that may be running.
type Node struct {
	sim    *Sim
	id     int
	name   string
	spec   NodeSpec
	author crdt.Author // zero: writes nothing
	disk   *disk
	rand   *rand.Rand // of its process: when it gets to run, its core's own
	work   *rand.Rand // of what is written

	core    *transport.Core // nil: not running
	run     int             // how often the process was started
	off     time.Duration   // of the process's clock: its skew, and jumps forward
	wall    time.Duration   // of what it claims as time, besides
	frozen  time.Time       // it stands still until then
	peers   transport.PeerID
	ends    []*end
	inbox   []item
	intents []transport.Intent
	crafted [][]byte  // packs that were not made by the process: see Say
	turning bool      // a turn is asked for
	wakeAt  time.Time // when the next deadline is looked at; zero: none is
	acks    []crdt.ChangeID

	// What may not be lost, since the disk was last damaged from outside: own changes that were acknowledged, what was
	// said to be stored, what was sent.
	promised map[crdt.ChangeID]string
	seen     int // of the log, that known holds
	known    map[crdt.ChangeID]bool
	attacked bool // somebody hostile was connected
	lostDisk bool // it was damaged from outside
	forks    int  // that were looked at
	turns    int
	length   int // of the log after the last turn
	snap     *transport.Snapshot
}

// item is a message for the process, or the beginning or end of a connection.
type item struct {
	end     *end
	attach  *transport.PeerInfo
	msg     int
	in      transport.Inbound
	err     error // the end, or what is wrong with the message
	over    bool
	retryAt time.Time
}

func (s *Sim) newNode(i int, spec NodeSpec) (*Node, error) {
	n := &Node{
		sim: s, id: i, spec: spec, name: fmt.Sprint(spec.Role, i), off: spec.Skew,
		rand: s.stream("node", i), work: s.stream("work", i),
		promised: make(map[crdt.ChangeID]string), known: make(map[crdt.ChangeID]bool),
	}
	if spec.Role == Absent {
		return n, nil
	}
	m, err := s.medium(i, spec)
	if err != nil {
		return nil, err
	}
	n.disk = newDisk(s.charter, m, s.cfg.Mutant, s.cfg.Trusting)
	n.disk.last.lazy = s.cfg.Mutant == mutantLazyLast
	if spec.Role == Author {
		n.author = authorOf(s.key(spec.Key))
	}
	if s.cfg.Mutant == mutantSendEarly {
		n.disk.early = n.sendEarly
	}
	return n, nil
}

// Core is the process, nil while it is not running. It is read only: what is done to it is done by the simulation.
func (n *Node) Core() *transport.Core { return n.core }

// Author is who writes here; zero: nobody.
func (n *Node) Author() crdt.Author { return n.author }

// now is the time of the process's clock.
func (n *Node) now() time.Time { return n.sim.now.Add(n.off) }

func (n *Node) newPeer() transport.PeerID {
	n.peers++
	return n.peers
}

// start runs the process, if it is not running.
func (n *Node) start() {
	if n.core != nil || n.spec.Role == Absent {
		return
	}
	s := n.sim
	n.run++
	n.peers = transport.PeerID(n.run) << 20
	cfg := transport.NodeConfig{
		Charter: s.charter, Keeper: n.spec.Role == Relay, Store: n.disk, Copied: n.disk.moved, Salvaged: n.disk.salvaged, Agent: "sim node", Checker: s.checker,
		Rand: rand.New(rand.NewPCG(n.rand.Uint64(), 1)), Now: n.now,
	}
	if n.spec.Role == Relay {
		cfg.Agent = "sim relay"
	}
	if n.spec.Role == Author {
		cfg.Key, cfg.Last, cfg.Sent = s.key(n.spec.Key), lastFile{n.disk}, &n.disk.sent
		if s.cfg.Mutant == mutantNoGuard {
			cfg.Last, cfg.Copied = nil, false
		}
	}
	var core *transport.Core
	var err error
	if where := n.guarded(func() { core, err = transport.OpenCore(context.Background(), cfg) }); where != "" {
		n.crash("kill", "while opening, "+where)
		return
	}
	if err != nil {
		s.fail("open", "%s: %v", n.name, err)
		return
	}
	n.core, n.snap, n.turning, n.length, n.forks = core, nil, false, 0, 0
	s.tracef(n.name, "starts with %d changes, log %x, %s", core.Replica().Len(), core.Replica().LogDigest(), writeWord(core.Snapshot(n.now()).Writing))
	if !s.cfg.Trusting {
		if id, lost := n.missing(); lost {
			s.fail("lost", "%s has lost change %v, which was %s", n.name, id, n.promised[id])
			return
		}
		n.learn()
	}
	for _, l := range s.links {
		if l != nil && l.from == n {
			l.peer = 0
			l.dial()
		}
	}
	n.poke()
}

// guarded calls do, and returns where the process crashed in it, empty if it did not.
func (n *Node) guarded(do func()) (where string) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case crashed:
			where = r.where
		default:
			panic(r)
		}
	}()
	do()
	return ""
}

// crash ends the process without a word. how is kill: its peers notice soon; or power: they do not.
func (n *Node) crash(how, why string) {
	s := n.sim
	if n.core == nil && how != "open" {
		n.disk.crash()
		return
	}
	s.stats.Crashes++
	s.tracef(n.name, "ends: %s, %s", how, why)
	n.core, n.snap = nil, nil
	for _, it := range n.inbox {
		if it.attach != nil {
			n.ends = append(n.ends, it.end)
		}
	}
	n.inbox, n.intents, n.crafted, n.acks, n.wakeAt = nil, nil, nil, nil, time.Time{}
	for _, e := range n.ends {
		e.over = true
		if e.dialled && e.conn.link.conn == e.conn {
			e.conn.link.conn = nil
		}
		o := e.other()
		e.conn.breakUp(wireMessages)
		if how == "power" {
			o.lostIn(time.Duration(s.rand.Int64N(int64(limits.ReadTimeout))), transport.ErrReadTimeout)
		} else {
			o.lostIn(e.conn.link.delay(), errKilled)
		}
	}
	n.ends = nil
	n.disk.crash()
}

// poke asks for a turn.
func (n *Node) poke() {
	if n.core == nil || n.turning {
		return
	}
	n.turning = true
	s := n.sim
	run := n.run
	at := s.now.Add(time.Duration(n.rand.Int64N(int64(2 * time.Millisecond))))
	if n.frozen.After(at) {
		at = n.frozen
	}
	s.At(at, func() {
		if n.run != run || n.core == nil {
			return
		}
		n.turning = false
		if n.frozen.After(s.now) {
			n.poke()
			return
		}
		n.turn()
	})
}

// arrived takes a message off a connection, as its reader does: it is decoded and inspected before it waits for the process.
func (n *Node) arrived(e *end, msg []byte) {
	if n.core == nil || e.over || e.closing {
		return
	}
	it := item{end: e, msg: len(msg)}
	m, err := transport.DecodeMessage(msg)
	switch {
	case err != nil:
		it.err = err
	default:
		if _, ok := m.Body.(*transport.Hello); ok && e.dialled {
			e.conn.heard = true
		}
		if said, ok := m.Body.(*transport.PeerError); ok && m.Room != n.core.Room() {
			it.err = said
			break
		}
		if m.Room != n.core.Room() {
			it.err = fmt.Errorf("%w: another room", transport.ErrHelloFirst)
			break
		}
		it.in = n.core.Inspector().Inspect(m.Body)
		n.sim.stats.Verified += it.in.Changes
	}
	e.inbox++
	e.inboxBytes += len(msg)
	n.inbox = append(n.inbox, it)
	n.poke()
}

// lost puts the end of a connection into the inbox.
func (n *Node) lost(e *end, err error, retryAt time.Time) {
	if n.core == nil {
		return
	}
	n.inbox = append(n.inbox, item{end: e, err: err, over: true, retryAt: retryAt})
	n.poke()
}

// turn is what a transport.Node does in one: take some of what is there, commit, send.
func (n *Node) turn() {
	now := n.now()
	if where := n.guarded(func() { n.takeAndCommit(now) }); where != "" {
		n.crash("kill", where)
		n.sim.After(time.Duration(1+n.rand.IntN(20))*time.Second, n.start)
		return
	}
	for _, e := range n.ends {
		n.pump(now, e)
	}
	for _, e := range n.core.Ended() {
		n.ended(e)
	}
	if len(n.inbox) > 0 || len(n.intents) > 0 {
		n.poke()
	}
	if n.sim.cfg.Trusting {
		n.arm()
		return
	}
	if n.snap = n.core.Snapshot(now); isFatal(n.snap.StoreErr) {
		n.crash("kill", "the store failed")
		n.sim.After(time.Duration(1+n.rand.IntN(30))*time.Second, n.start)
		return
	}
	if n.attacked {
		n.takeCounts()
	}
	n.arm()
	n.learn()
	n.sim.checkTurn(n)
}

func (n *Node) takeAndCommit(now time.Time) {
	c := n.core
	c.Tick(now)
	n.sayCrafted(now)
	for _, in := range n.intents {
		c.Edit(now, in)
	}
	n.intents = nil
	take := len(n.inbox)
	if take > 1 && n.rand.IntN(3) == 0 {
		take = 1 + n.rand.IntN(take)
	}
	for range take {
		it := n.inbox[0]
		n.inbox = n.inbox[1:]
		n.take(now, it)
	}
	if err := c.Commit(now); err != nil && !isFatal(err) {
		n.sim.fail("commit", "%s: %v", n.name, err)
	}
	if !n.sim.cfg.Trusting {
		for _, id := range n.acks {
			n.promised[id] = "acknowledged"
		}
	}
	n.acks = n.acks[:0]
}

// take gives the core one item.
func (n *Node) take(now time.Time, it item) {
	e := it.end
	if it.attach != nil {
		n.ends = append(n.ends, e)
		n.core.Attach(now, *it.attach)
		return
	}
	if it.over {
		n.forget(e)
		if !e.closing {
			n.core.Detach(now, e.peer, it.err, it.retryAt)
			n.sim.tracef(n.name, "loses connection %d to %s: %s", e.conn.id, e.other().name(), transport.Code(it.err))
		} else if e.dialled {
			n.core.SetPeer(now, e.conn.link.info(), transport.PeerRetry, transport.Reason{}, it.retryAt)
		}
		return
	}
	e.inbox--
	e.inboxBytes -= it.msg
	e.other().flush()
	if e.closing {
		return
	}
	if it.err != nil {
		n.close(e, it.err)
		n.core.Detach(now, e.peer, it.err, time.Time{})
		return
	}
	n.core.Receive(now, e.peer, it.in)
}

// close ends a connection for a fault of the peer, which is told.
func (n *Node) close(e *end, err error) {
	n.sim.tracef(n.name, "closes connection %d to %s: %s (%v)", e.conn.id, e.other().name(), transport.Code(err), err)
	if _, said := err.(*transport.PeerError); !said {
		e.send(transport.AppendMessage(nil, crdt.RoomID{}, &transport.PeerError{ErrorCode: transport.Code(err)}))
	}
	e.finish()
	n.sim.checkEnded(n, e, err)
}

func (n *Node) forget(e *end) {
	for i := range n.ends {
		if n.ends[i] == e {
			n.ends = append(n.ends[:i:i], n.ends[i+1:]...)
			return
		}
	}
}

// ended does what the hub does when a core has ended a session.
func (n *Node) ended(ended transport.Ended) {
	for _, e := range n.ends {
		if e.peer != ended.Peer || e.closing {
			continue
		}
		n.sim.tracef(n.name, "ends connection %d to %s: %s (%v)", e.conn.id, e.other().name(), transport.Code(ended.Err), ended.Err)
		if ended.Message != nil {
			e.send(ended.Message)
		}
		e.finish()
		n.sim.checkEnded(n, e, ended.Err)
		return
	}
}

// pump moves messages from a session to its connection.
func (n *Node) pump(now time.Time, e *end) {
	for e.ready() {
		msg, ok := n.core.Next(now, e.peer)
		if !ok {
			return
		}
		if !n.sim.cfg.Trusting {
			n.sim.witness(n, e, msg)
		}
		e.send(msg)
	}
}

// arm asks for a turn when the core has something to do.
func (n *Node) arm() {
	s := n.sim
	due := n.core.Deadline()
	if due.IsZero() {
		return
	}
	at := due.Add(-n.off)
	if at.Before(s.now) {
		at = s.now.Add(time.Millisecond)
	}
	if !n.wakeAt.IsZero() && !n.wakeAt.After(at) && n.wakeAt.After(s.now) {
		return
	}
	n.wakeAt = at
	run := n.run
	s.At(at, func() {
		if n.run == run && n.wakeAt.Equal(at) {
			n.wakeAt = time.Time{}
			n.poke()
		}
	})
}

// learn notes what the log has grown by.
func (n *Node) learn() {
	r := n.core.Replica()
	if r.Len() < n.seen {
		n.seen = 0
	}
	for ; n.seen < r.Len(); n.seen++ {
		n.known[r.ID(n.seen)] = true
	}
}

// sendEarly is the mutant that sends what is not on disk.
func (n *Node) sendEarly(frames [][]byte) {
	for _, e := range n.ends {
		if e.ready() && e.conn.heard {
			msg := transport.AppendMessage(nil, n.core.Room(), transport.Packs(frames))
			n.sim.witness(n, e, msg)
			e.send(msg)
		}
	}
}

func writeWord(w transport.WriteState) string {
	return [...]string{"writing", "no author", "guarded", "store error", "self-fork"}[w]
}
