package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tallystick/tallystick/transport"
)

// What a connection carries at most at a time, besides what waits at its ends.
const (
	wireMessages = 16
	wireBytes    = 256 << 10
)

// A link is the wish of one machine to be connected to another. It dials, with back-off, whenever it is not.
type link struct {
	sim  *Sim
	id   int
	spec LinkSpec
	rand *rand.Rand
	from *Node
	to   *Node

	conn      *conn
	peer      transport.PeerID // what from calls it, while its process runs
	tries     int
	dialling  bool
	gone      bool      // nobody wants it any more
	stallTill time.Time // nothing arrives before
}

func (s *Sim) newLink(id int, spec LinkSpec) *link {
	return &link{sim: s, id: id, spec: spec, rand: s.stream("link", id), from: s.nodes[spec.From], to: s.nodes[spec.To]}
}

// delay is what one message takes besides its bytes.
func (l *link) delay() time.Duration {
	return l.spec.Delay + time.Duration(l.rand.Int64N(int64(l.spec.Jitter)+1))
}

// stalled is when something can arrive again; not after now if it can.
func (l *link) stalled() time.Time {
	s := l.sim
	if s.healAt.After(s.now) && s.split>>l.spec.From&1 != s.split>>l.spec.To&1 && s.healAt.After(l.stallTill) {
		return s.healAt
	}
	if s.sides != nil && s.sides[l.from.id] != s.sides[l.to.id] {
		return endless
	}
	return l.stallTill
}

// endless is when a partition ends of which that is not known.
var endless = epoch.Add(100 * 365 * 24 * time.Hour)

// dial tries to connect.
func (l *link) dial() {
	if l.gone || l.conn != nil || l.dialling || l.from.core == nil {
		return
	}
	l.dialling = true
	s := l.sim
	if l.stalled().After(s.now) {
		s.After(min(limits.DialTimeout, l.stalled().Sub(s.now)), l.dialEnds)
		return
	}
	s.After(l.delay()+l.delay(), l.dialEnds)
}

func (l *link) dialEnds() {
	l.dialling = false
	s := l.sim
	switch {
	case l.gone || l.conn != nil || l.from.core == nil:
	case l.to.core == nil || l.stalled().After(s.now):
		wait := l.backoff()
		l.from.core.SetPeer(l.from.now(), l.info(), transport.PeerRetry, transport.Reason{Code: "refused"}, l.from.now().Add(wait))
		l.from.poke()
		s.After(wait, l.dial)
	default:
		l.connect()
	}
}

// backoff is that of the hub: random up to a bound that doubles.
func (l *link) backoff() time.Duration {
	bound := min(limits.BackoffMin<<min(l.tries, 20), limits.BackoffMax)
	l.tries++
	return 10*time.Millisecond + time.Duration(l.rand.Int64N(int64(bound)))
}

func (l *link) info() transport.PeerInfo {
	if l.peer == 0 {
		l.peer = l.from.newPeer()
	}
	return transport.PeerInfo{ID: l.peer, Address: l.to.name, Direction: transport.Dialled}
}

func (l *link) connect() {
	s := l.sim
	c := s.newConn(l)
	l.conn = c
	c.ends[0].attach(l.from, l.info())
	c.ends[1].attach(l.to, transport.PeerInfo{ID: l.to.newPeer(), Address: l.from.name, Direction: transport.Accepted})
	s.tracef(l.from.name, "connects to %s as connection %d", l.to.name, c.id)
}

// A conn is one connection: two streams of messages.
type conn struct {
	sim    *Sim
	id     int
	link   *link // its delays; of a hostile peer's, its own
	began  time.Time
	ends   [2]*end
	broken bool // nothing travels any more
	heard  bool // a hello arrived at an end that dialled
}

// An end is one side of a connection, and the stream from it to the other.
type end struct {
	conn *conn
	i    int

	node    *Node // one of the two
	hostile *hostile
	peer    transport.PeerID
	dialled bool
	closing bool // the core has ended the session: nothing is read any more, and what is queued still goes out
	over    bool // this side knows that the connection has ended

	queue  [][]byte // to be sent; nil in it is the end of the stream
	bytes  int
	flying []flight
	busy   time.Time // until then the line is taken
	last   time.Time // when what was sent last arrives: streams are in order
	stuck  time.Time // since when the head of the queue cannot be sent; zero: it can

	inbox      int // messages that have arrived here and wait for the node
	inboxBytes int
}

type flight struct {
	at  time.Time
	msg []byte
}

func (s *Sim) newConn(l *link) *conn {
	s.conns++
	s.stats.Connections++
	c := &conn{sim: s, id: s.conns, link: l, began: s.now}
	for i := range c.ends {
		c.ends[i] = &end{conn: c, i: i}
	}
	return c
}

func (e *end) other() *end { return e.conn.ends[1-e.i] }

func (e *end) name() string {
	if e.node != nil {
		return e.node.name
	}
	return e.hostile.name
}

// attach gives the end to a machine's process.
func (e *end) attach(n *Node, info transport.PeerInfo) {
	e.node, e.peer, e.dialled = n, info.ID, info.Direction == transport.Dialled
	// It waits its turn like all else: messages of the connection before are still there.
	n.inbox = append(n.inbox, item{end: e, attach: &info})
	n.poke()
}

// ready reports whether a message can be queued.
func (e *end) ready() bool {
	return !e.over && !e.closing && len(e.queue) < e.conn.link.spec.Slots && e.bytes < limits.QueueBytes
}

// send queues a message.
func (e *end) send(msg []byte) {
	if e.over {
		return
	}
	e.queue = append(e.queue, msg)
	e.bytes += len(msg)
	e.flush()
}

// finish ends the stream after what is queued.
func (e *end) finish() {
	if !e.closing {
		e.closing = true
		e.queue = append(e.queue, nil)
		e.flush()
		// A peer that neither reads nor closes is not waited for.
		e.conn.sim.After(time.Second, func() {
			e.conn.breakUp(0)
			e.lost(transport.ErrPeerClosed)
			e.other().lost(transport.ErrPeerClosed)
		})
	}
}

// flush puts on the line what can go.
func (e *end) flush() {
	c := e.conn
	s, l := c.sim, c.link
	for len(e.queue) > 0 && !c.broken && !e.over {
		if e.busy.After(s.now) {
			return // an event is there
		}
		to := e.other()
		if e.under() >= wireMessages || to.inboxBytes+e.flyingBytes() >= wireBytes {
			if e.stuck.IsZero() {
				e.stuck = s.now
				since := s.now
				s.After(limits.WriteTimeout, func() {
					if e.stuck.Equal(since) && !e.over && !c.broken {
						s.tracef(e.name(), "gives up connection %d: nothing is read", c.id)
						c.breakUp(0)
						e.lost(transport.ErrSlowReader)
						e.other().lost(transport.ErrPeerClosed)
					}
				})
			}
			return
		}
		e.stuck = time.Time{}
		msg := e.queue[0]
		e.queue[0] = nil
		e.queue = e.queue[1:]
		e.bytes -= len(msg)
		s.stats.Bytes += len(msg)
		e.busy = s.now.Add(time.Duration(float64(len(msg)+50) / float64(l.spec.Rate) * float64(time.Second)))
		at := e.busy.Add(l.delay()).Add(e.trouble(len(msg)))
		if at.Before(e.last) {
			at = e.last
		}
		e.last = at
		e.flying = append(e.flying, flight{at, msg})
		s.At(at, e.arrive)
		s.At(e.busy, e.drained)
	}
}

// trouble is what a message takes besides, as something happens to it beneath the stream.
func (e *end) trouble(bytes int) (d time.Duration) {
	c := e.conn
	s, l := c.sim, c.link
	happens := func(ppm int) bool { return ppm > 0 && l.rand.IntN(1_000_000) < ppm }
	// A segment that is lost is sent again when its acknowledgement is overdue, and then after twice that (RFC 6298).
	for again := max(200*time.Millisecond, 3*l.spec.Delay); happens(l.spec.LossPPM) && again < limits.ReadTimeout; again *= 2 {
		s.stats.Lost++
		d += again
	}
	if happens(l.spec.DuplicatePPM) {
		s.stats.Duplicated++
		s.stats.Bytes += bytes
		e.busy = e.busy.Add(time.Duration(float64(bytes+50) / float64(l.spec.Rate) * float64(time.Second)))
	}
	if happens(l.spec.ReorderPPM) {
		s.stats.Reordered++
		d += l.delay()
	}
	return d
}

func (e *end) under() int { return len(e.flying) + e.other().inbox }

func (e *end) flyingBytes() (n int) {
	for _, f := range e.flying {
		n += len(f.msg)
	}
	return n
}

// drained is called when the line is free.
func (e *end) drained() {
	e.flush()
	if len(e.queue) <= e.conn.link.spec.Slots/2 {
		e.wake()
	}
}

// wake lets whoever is at the end look whether it has more.
func (e *end) wake() {
	if e.node != nil {
		e.node.poke()
	} else if e.hostile != nil {
		e.hostile.pump()
	}
}

// arrive gives the other side what is due.
func (e *end) arrive() {
	c := e.conn
	s := c.sim
	if c.broken || len(e.flying) == 0 {
		return
	}
	if till := c.link.stalled(); till.After(s.now) {
		// Asked again when the stall ends, by a wall that ends it early too.
		s.At(till, e.arrive)
		return
	}
	for len(e.flying) > 0 && !e.flying[0].at.After(s.now) && !c.broken {
		f := e.flying[0]
		e.flying = e.flying[1:]
		e.deliver(f.msg)
		if s.cfg.Mutant == mutantTwice && f.msg != nil && s.rand.IntN(20) == 0 {
			e.deliver(f.msg)
		}
	}
}

// deliver gives a message, or the end of the stream, to the other side.
func (e *end) deliver(msg []byte) {
	to := e.other()
	s := e.conn.sim
	if to.over {
		return
	}
	if msg == nil {
		e.conn.breakUp(0)
		to.lost(transport.ErrPeerClosed)
		e.lost(transport.ErrPeerClosed)
		return
	}
	if s.cfg.Mutant == mutantLossy && s.rand.IntN(40) == 0 {
		return
	}
	s.stats.Messages++
	if to.node != nil {
		to.node.arrived(to, msg)
	} else {
		to.hostile.arrived(msg)
	}
}

// breakUp ends all traffic. Of what is on its way, each side gets a random front, but at most `most` messages.
func (c *conn) breakUp(most int) {
	if c.broken {
		return
	}
	for _, e := range c.ends {
		n := 0
		if most > 0 && len(e.flying) > 0 {
			n = c.sim.rand.IntN(min(most, len(e.flying)) + 1)
		}
		for _, f := range e.flying[:n] {
			if f.msg == nil || c.broken {
				break
			}
			e.deliver(f.msg)
		}
		e.flying, e.queue, e.bytes = nil, nil, 0
	}
	c.broken = true
}

// lost tells this side that the connection has ended.
func (e *end) lost(err error) {
	if e.over {
		return
	}
	e.over = true
	s, c := e.conn.sim, e.conn
	if e.hostile != nil {
		s.tracef(e.hostile.name, "lost connection %d: %v", c.id, err)
		return
	}
	var retryAt time.Time
	if e.dialled {
		l := c.link
		if l.conn == c {
			l.conn = nil
		}
		if !l.gone {
			if c.heard && s.now.Sub(c.began) >= 2*time.Second {
				l.tries = 0
			}
			wait := l.backoff()
			retryAt = e.node.now().Add(wait)
			s.After(wait, l.dial)
		}
	}
	e.node.lost(e, err, retryAt)
}

// lostIn is lost after d, as a peer notices that hears nothing.
func (e *end) lostIn(d time.Duration, err error) {
	e.conn.sim.After(d, func() { e.lost(err) })
}

// cut breaks the connection as a network does. who notices at once is as in verb break.
func (c *conn) cut(who string) {
	s := c.sim
	s.tracef("net", "connection %d breaks, noticed by %s", c.id, who)
	c.breakUp(wireMessages)
	for i, e := range c.ends {
		if who == "both" || who == [2]string{"from", "to"}[i] {
			e.lost(transport.ErrConnection)
		} else {
			e.lostIn(time.Duration(s.rand.Int64N(int64(limits.ReadTimeout))), transport.ErrReadTimeout)
		}
	}
}

// stall holds up everything for d. A side that hears nothing for its read timeout gives up.
func (l *link) stall(d time.Duration) {
	s := l.sim
	if till := s.now.Add(d); till.After(l.stallTill) {
		l.stallTill = till
	}
	l.watchStall()
}

// watchStall lets both sides give up if the stall lasts too long.
func (l *link) watchStall() {
	c, s := l.conn, l.sim
	if c == nil {
		return
	}
	began, parted := s.now, s.parted
	for _, e := range c.ends {
		wait := limits.ReadTimeout - time.Duration(l.rand.Int64N(int64(limits.PingPeriod)))
		s.After(wait, func() {
			if l.stalled().After(s.now) && !l.stalled().Before(began.Add(wait)) && parted == s.parted && !e.over {
				c.breakUp(0)
				e.lost(transport.ErrReadTimeout)
				e.other().lostIn(limits.ReadTimeout, transport.ErrReadTimeout)
			}
		})
	}
}

// limits are those of every machine.
var limits = transport.DefaultLimits()

var errKilled = fmt.Errorf("%w: the other process ended", transport.ErrPeerClosed)

// isFatal reports whether a core can do nothing more.
func isFatal(err error) bool { return errors.Is(err, transport.ErrFatal) }
