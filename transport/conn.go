package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tallystick/tallystick/crdt"
)

// A conn is one websocket, for any number of rooms. Two goroutines belong to it: the reader, which is whoever calls
// run, and the writer, which is there only while there is something to write, and for whose last run waits: an idle
// connection costs one stack.
type conn struct {
	hub      *Hub
	ws       *websocket.Conn
	accepted bool
	address  string
	stats    *LinkStats
	done     chan struct{} // closed when the last has been written
	ping     *time.Timer
	checked  partSize // owned by the reader
	share    string   // of the cores that check; see shareOf

	mu      sync.Mutex
	links   map[crdt.RoomID]*link // guarded by mu
	gone    map[crdt.RoomID]bool  // guarded by mu; rooms whose session has ended here: what is under way for them is ignored
	opened  int                   // guarded by mu; rooms that the peer has asked for
	queue   [][]byte              // guarded by mu; encoded messages, oldest first
	bytes   int                   // guarded by mu; of queue
	waiting []*Node               // guarded by mu; want to know when there is room
	writing bool                  // guarded by mu; the writer is there
	ending  bool                  // guarded by mu; no more is queued, and the writer closes when the queue is empty
	closed  bool                  // guarded by mu; the writer has taken the last of the queue
	err     error                 // guarded by mu; why it is over
	heard   bool                  // guarded by mu; some room's hello arrived
	pong    string                // guarded by mu; what the newest ping carried
	ponging bool                  // guarded by mu; that ping is to be answered
	pinging bool                  // guarded by mu; it is time to ping
	pinged  int64                 // guarded by mu; what the last ping carried, 0 if it was answered
}

// A link is one room on one connection.
type link struct {
	conn    *conn
	node    *Node
	peer    PeerInfo
	sub     *subscription // nil if the connection was accepted
	touched bool          // owned by the node's goroutine
}

func newConn(h *Hub, ws *websocket.Conn, accepted bool, address string, stats *LinkStats) *conn {
	c := &conn{
		hub: h, ws: ws, accepted: accepted, address: address, stats: stats,
		share: shareOf(address), done: make(chan struct{}), links: make(map[crdt.RoomID]*link),
	}
	c.ping = time.AfterFunc(time.Hour, c.sendPing)
	c.ping.Stop() // run sets when
	return c
}

// run serves the connection until it is over and returns why.
func (c *conn) run(ctx context.Context) error {
	c.ping.Reset(c.hub.limits.PingPeriod)
	stop := context.AfterFunc(ctx, func() { c.fail(ErrGoingAway) })
	defer stop()
	c.mu.Lock()
	c.watchIdle()
	c.mu.Unlock()
	c.fail(c.read(ctx))
	// Until the peer has closed too, what it still sends is read: to close on it would reset the connection, and the
	// error message might be lost on the way. The writer has set a deadline for it, and an end of any kind will do.
	_, _ = io.CopyN(io.Discard, c.ws.NetConn(), drainBytes)
	<-c.done
	c.ping.Stop()
	_ = c.ws.Close() // nothing is left to be lost
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// pause waits before anything is read, unless the program ends.
func (c *conn) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// drainBytes is how much of a peer is read after its error.
const drainBytes = 8 << 20

// watchIdle closes an accepted connection that carries no room for HelloTimeout. Call it with mu held.
func (c *conn) watchIdle() {
	if c.accepted {
		time.AfterFunc(c.hub.limits.HelloTimeout, func() {
			c.mu.Lock()
			idle := len(c.links) == 0 && !c.ending
			c.mu.Unlock()
			if idle {
				c.fail(ErrHelloTimeout)
			}
		})
	}
}

// read takes messages until one is wrong or the connection breaks.
func (c *conn) read(ctx context.Context) error {
	limits := &c.hub.limits
	extend := func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.ending {
			_ = c.ws.SetReadDeadline(time.Now().Add(limits.ReadTimeout)) // fails only if closed: the read says so
		}
	}
	extend()
	c.ws.SetPingHandler(func(data string) error {
		extend() // our own ping may stand behind what the network holds of our packs, or those that the peer works off
		return c.onPing(data)
	})
	c.ws.SetPongHandler(func(data string) error {
		extend()
		c.onPong(data)
		return nil
	})
	for {
		kind, r, err := c.ws.NextReader()
		if err != nil {
			return readError(err)
		}
		if kind != websocket.BinaryMessage {
			return ErrTextFrame
		}
		moving := c.movement()
		buf, err := readFrame(r, func() { extend(); moving() })
		c.stats.BytesIn.Add(uint64(buf.Len()))
		c.hub.cfg.Meter.MessagesIn.Add(1)
		c.hub.cfg.Meter.BytesIn.Add(uint64(buf.Len()))
		var m Message
		if err == nil {
			m, err = decodeOwned(buf.Bytes())
		}
		if err != nil {
			releaseBuffer(buf)
			return err
		}
		extend()
		err = c.dispatch(ctx, m)
		releaseBuffer(buf) // packs were in it until they were checked
		if err != nil {
			return err
		}
		extend() // it was we who were late, not the peer
	}
}

// buffers are what messages are read into before their length is known. An idle connection holds none.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keepBuffer is how large a buffer of the pool is left, so that a few large messages do not make all of them large.
const keepBuffer = 512 << 10

func releaseBuffer(buf *bytes.Buffer) {
	if buf.Cap() <= keepBuffer {
		buffers.Put(buf)
	}
}

// readPieceBytes is what a peer has to send within ReadTimeout, or less if that is all there is.
const readPieceBytes = 16 << 10

// A pieceReader calls moving after each piece that it has read.
type pieceReader struct {
	io.Reader
	left   int // of the piece
	moving func()
}

func (r *pieceReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if r.left -= n; r.left <= 0 {
		r.left = readPieceBytes
		r.moving()
	}
	return n, err
}

// readFrame reads one message into a buffer, which it returns even with an error: it is to be released. It calls moving as
// it gets on.
func readFrame(r io.Reader, moving func()) (*bytes.Buffer, error) {
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	n, err := buf.ReadFrom(io.LimitReader(&pieceReader{r, readPieceBytes, moving}, MaxFrameBytes+1))
	switch {
	case err != nil:
		return buf, readError(err)
	case n > MaxFrameBytes:
		return buf, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, MaxFrameBytes)
	}
	return buf, nil
}

// decodeOwned decodes a message and keeps nothing of the buffer, but for packs: they stand in it until they are checked, part by
// part, and are copied then one by one, since what is kept of one is to keep nothing of the others. So of a message that begins
// with a forgery little more is copied than that.
func decodeOwned(frame []byte) (Message, error) {
	packs := len(frame) > 1 && frame[1] == byte(typePacks) // if it is a message at all
	small := len(frame) <= smallFrame && !packs
	if small {
		frame = bytes.Clone(frame)
	}
	m, err := DecodeMessage(frame)
	if small || packs || err != nil {
		return m, err
	}
	return DecodeMessage(bytes.Clone(frame))
}

// smallFrame is up to what size a message is copied before it is known what it is.
const smallFrame = 4 << 10

// readError names why a read ended.
func readError(err error) error {
	var timeout net.Error
	var closed *websocket.CloseError
	switch {
	case errors.As(err, &closed):
		return fmt.Errorf("%w: %w", ErrPeerClosed, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrPeerClosed
	case errors.As(err, &timeout) && timeout.Timeout():
		return ErrReadTimeout
	default:
		return fmt.Errorf("%w: %w", ErrConnection, err)
	}
}

// dispatch gives one message to the node of its room. Packs are checked here, on the reader's goroutine, when it is this
// address's turn (see checkQueue). It waits for a place at the node: so a connection is read no
// faster than its messages are worked off.
func (c *conn) dispatch(ctx context.Context, m Message) error {
	c.mu.Lock()
	l := c.links[m.Room]
	c.mu.Unlock()
	if l == nil {
		switch b := m.Body.(type) {
		case *Hello:
			return onOtherStack(func() error { return c.open(ctx, m.Room, b) })
		case *PeerError:
			if m.Room == (crdt.RoomID{}) {
				return &PeerError{ErrorCode: string([]byte(b.ErrorCode)), Text: string([]byte(b.Text))}
			}
			return nil
		case Grease:
			return nil
		}
		c.mu.Lock()
		gone := c.gone[m.Room]
		c.mu.Unlock()
		if gone {
			return nil
		}
		return fmt.Errorf("%w: room %v, type %d", ErrHelloFirst, m.Room, m.Body.kind())
	}
	if _, ok := m.Body.(*Hello); ok {
		c.mu.Lock()
		c.heard = true
		c.mu.Unlock()
	}
	in := Inbound{Body: m.Body}
	if packs, ok := m.Body.(Packs); ok {
		if in, ok = c.inspect(l.node.inspector, packs); !ok {
			return ErrConnection
		}
	}
	if !l.node.send(c.done, input{link: l, in: in}) {
		select {
		case <-l.node.done:
			c.endRoom(l, Ended{Err: ErrGoingAway, RoomOnly: true, Message: AppendMessage(nil, m.Room, errorBody(ErrGoingAway))})
		default:
		}
	}
	return nil
}

// onOtherStack calls f on a goroutine of its own and waits for it. A stack that has grown is kept for as long as its goroutine is
// there, and a reader's stack is most of what an idle connection takes: so what runs deep and seldom runs elsewhere.
func onOtherStack(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return <-done
}

// inspect has packs checked, a part at a time as it is their turn, and waits if they were too much; false if the connection has
// ended meanwhile.
func (c *conn) inspect(x *Inspector, packs Packs) (Inbound, bool) {
	n := newInspection(packs, true)
	for {
		part := n.part(&c.checked)
		if len(part) == 0 {
			break
		}
		k := &check{inspector: x, address: c.share, frames: part, joins: c.checked.proven()}
		for _, f := range part {
			k.bytes += len(f)
		}
		if !c.hub.checks.run(k, c.done) {
			return Inbound{}, false
		}
		n.take(part, k.out, &c.checked)
	}
	m := c.hub.cfg.Meter
	m.PacksIn.Add(uint64(len(n.in.packs)))
	m.ChangesIn.Add(uint64(n.in.Changes))
	if c.accepted && c.hub.cfg.Charge != nil {
		c.wait(c.hub.cfg.Charge(c.ws.NetConn(), n.in.authors))
	}
	return n.in, true
}

// wait waits, unless the connection ends.
func (c *conn) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	c.hub.cfg.Meter.Delays.Add(1)
	c.hub.cfg.Meter.DelayNanos.Add(uint64(d))
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.done:
	}
}

// open begins a room that the peer asks for.
func (c *conn) open(ctx context.Context, room crdt.RoomID, h *Hello) error {
	c.mu.Lock()
	c.opened++
	opened := c.opened
	c.mu.Unlock()
	if opened > c.hub.limits.RoomsPerConn {
		return fmt.Errorf("%w: %d", ErrTooManyAsk, opened)
	}
	charter, err := crdt.ParseCharter(h.Charter)
	if err != nil || charter.ID() != room {
		return fmt.Errorf("%w: room %v", ErrWrongRoom, room)
	}
	// A node that has just ended is asked for once more: who opens rooms may have a new one.
	for range 2 {
		node, err := c.hub.node(ctx, c, room, charter)
		if err != nil {
			c.enqueue(AppendMessage(nil, room, errorBody(err)))
			return nil
		}
		l := &link{conn: c, node: node, peer: PeerInfo{ID: c.hub.newPeer(), Address: c.address, Direction: Accepted, Stats: c.stats}}
		c.mu.Lock()
		c.links[room], c.heard = l, true
		delete(c.gone, room)
		c.mu.Unlock()
		if node.attach(l) && node.send(c.done, input{link: l, in: Inbound{Body: h}}) {
			c.hub.accepted(l)
			return nil
		}
		c.mu.Lock()
		delete(c.links, room)
		c.mu.Unlock()
	}
	c.enqueue(AppendMessage(nil, room, errorBody(fmt.Errorf("%w: room %v", ErrNoRoom, room))))
	return nil
}

// ready reports whether a message can be queued; if not, n is poked when one can.
func (c *conn) ready(n *Node) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending {
		return false
	}
	if len(c.queue) < c.hub.limits.QueueMessages && c.bytes < c.hub.limits.QueueBytes {
		return true
	}
	for _, w := range c.waiting {
		if w == n {
			return false
		}
	}
	c.waiting = append(c.waiting, n)
	return false
}

// enqueue queues an encoded message. Only the reader of ready's true calls it, or who ends the connection, so the queue
// is over its bound by one message a room at most.
func (c *conn) enqueue(msg []byte) {
	c.mu.Lock()
	c.enqueueLocked(msg)
	c.mu.Unlock()
}

func (c *conn) enqueueLocked(msg []byte) {
	if c.ending {
		return
	}
	c.queue = append(c.queue, msg)
	c.bytes += len(msg)
	c.wakeLocked()
}

// wakeLocked sees to it that there is a writer.
func (c *conn) wakeLocked() {
	if !c.writing && !c.closed {
		c.writing = true
		go c.write()
	}
}

// endRoom ends a room on this connection. If it was the last that we had dialled for, or the peer broke the protocol, the
// connection ends with it.
func (c *conn) endRoom(l *link, e Ended) {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := l.node.room
	if c.links[room] != l {
		return
	}
	delete(c.links, room)
	if _, refused := asRefused(e.Err); refused && c.accepted {
		c.hub.penalties.add(c.share, time.Now())
	}
	if c.gone == nil {
		c.gone = make(map[crdt.RoomID]bool)
	}
	c.gone[room] = true
	if e.Message != nil {
		c.enqueueLocked(e.Message)
	}
	switch {
	case !e.RoomOnly || !c.accepted && len(c.links) == 0:
		c.finishLocked(e.Err)
	case len(c.links) == 0:
		c.watchIdle()
	case l.sub != nil:
		// Other rooms go on; this one is asked for again, on this connection or the next.
		time.AfterFunc(c.hub.limits.BackoffMax, func() { c.resubscribe(l.sub) })
	}
}

// finishLocked closes the connection when what is queued has been written. The first reason stands.
func (c *conn) finishLocked(err error) {
	if c.err == nil {
		c.err = err
	}
	c.ending = true
	// Whoever does not read now delays our end by this much at most; an error here means that it is over already.
	_ = c.ws.NetConn().SetWriteDeadline(time.Now().Add(closeGrace))
	c.wakeLocked()
}

// closeGrace is how long the last messages of a connection may take, and how long the peer may take to close it then.
const closeGrace = time.Second

// fail ends the connection for err. The peer is told, if the fault is its own or we are leaving.
func (c *conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending {
		return
	}
	if tellsPeer(err) {
		c.enqueueLocked(AppendMessage(nil, crdt.RoomID{}, errorBody(err)))
	}
	c.finishLocked(err)
}

// tellsPeer reports whether an error message about err can reach the peer and is of use to it.
func tellsPeer(err error) bool {
	var said *PeerError
	if errors.As(err, &said) {
		return false
	}
	for _, gone := range []error{ErrPeerClosed, ErrConnection, ErrSlowReader} {
		if errors.Is(err, gone) {
			return false
		}
	}
	return true
}

// takeLinks removes and returns all links: the connection is over.
func (c *conn) takeLinks() []*link {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*link
	for room, l := range c.links {
		all = append(all, l)
		delete(c.links, room)
	}
	return all
}
