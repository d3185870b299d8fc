package transport

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// A dial keeps up the connection to one URL, for all rooms that want it. It has one goroutine.
type dial struct {
	hub   *Hub
	url   string
	stats *LinkStats
	wake  chan struct{} // one place: try now, or look whether anybody still wants it

	subs []*subscription    // guarded by hub.mu
	conn *conn              // guarded by hub.mu; nil while not connected
	stop context.CancelFunc // guarded by hub.mu; ends the goroutine; nil before it has begun
}

// A subscription is one room's wish for a connection to a URL.
type subscription struct {
	dial  *dial
	node  *Node
	peer  PeerInfo
	gone  bool          // guarded by hub.mu
	ended chan struct{} // closed when its first connection has ended or could not be made
	first bool          // guarded by hub.mu; ended is closed
}

// Connect keeps up a connection to url for n's room until Disconnect; several rooms share one connection. To connect to
// the same url again returns the same peer. Errors: [ErrBadURL].
func (h *Hub) Connect(n *Node, url string) (PeerID, error) {
	url, err := ParseURL(url)
	if err != nil {
		return 0, err
	}
	h.mu.Lock()
	d := h.dials[url]
	if d == nil {
		d = &dial{hub: h, url: url, stats: &LinkStats{}, wake: make(chan struct{}, 1)}
		h.dials[url] = d
	}
	for _, s := range d.subs {
		if s.node == n {
			h.mu.Unlock()
			return s.peer.ID, nil
		}
	}
	h.last++
	s := &subscription{dial: d, node: n, ended: make(chan struct{}), peer: PeerInfo{ID: h.last, Address: url, Direction: Dialled, Stats: d.stats}}
	d.subs = append(d.subs, s)
	h.peers[s.peer.ID] = peerRef{sub: s}
	c := d.conn
	h.start(d)
	h.mu.Unlock()
	if c != nil {
		c.subscribe(s)
	} else {
		s.tell(PeerConnecting, Reason{}, time.Time{})
	}
	return s.peer.ID, nil
}

// Ended returns a channel that is closed when the first connection of a dialled peer has ended or could not be made; the
// hub goes on dialling all the same, until Disconnect. For a peer that is not, it is closed already.
func (h *Hub) Ended(id PeerID) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.peers[id]; r.sub != nil {
		return r.sub.ended
	}
	closed := make(chan struct{})
	close(closed)
	return closed
}

// Retry dials a peer now, that waits for its next try.
func (h *Hub) Retry(id PeerID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.peers[id]; r.sub != nil {
		r.sub.dial.poke()
	}
}

func (d *dial) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// start starts a dial's goroutine, once the hub runs. Call it with hub.mu held.
func (h *Hub) start(d *dial) {
	if d.stop != nil || h.ctx == nil {
		return
	}
	ctx, stop := context.WithCancel(h.ctx)
	if !h.spawn(func() { defer stop(); d.run(ctx) }) {
		stop()
		return
	}
	d.stop = stop
}

// unsubscribe ends one room's wish for a connection.
func (h *Hub) unsubscribe(s *subscription) {
	h.mu.Lock()
	if s.gone {
		h.mu.Unlock()
		return
	}
	s.gone = true
	d := s.dial
	delete(h.peers, s.peer.ID)
	for i := range d.subs {
		if d.subs[i] == s {
			d.subs = append(d.subs[:i:i], d.subs[i+1:]...)
			break
		}
	}
	c := d.conn
	if len(d.subs) == 0 {
		delete(h.dials, d.url)
		if c == nil && d.stop != nil {
			d.stop()
		}
	}
	d.end(s)
	h.mu.Unlock()
	d.poke()
	s.node.send(nil, input{do: func(now time.Time) {
		if l := s.node.links[s.peer.ID]; l != nil {
			delete(s.node.links, s.peer.ID)
			l.conn.endRoom(l, Ended{Peer: s.peer.ID, Err: ErrDisconnected, RoomOnly: true, Message: AppendMessage(nil, s.node.room, errorBody(ErrDisconnected))})
		}
		s.node.core.ForgetPeer(s.peer.ID)
	}})
	if c != nil {
		c.closeIfUnused()
	}
}

// end closes the Ended channel of a subscription. Call it with hub.mu held.
func (d *dial) end(s *subscription) {
	if !s.first {
		s.first = true
		close(s.ended)
	}
}

func (s *subscription) tell(state PeerState, reason Reason, retryAt time.Time) {
	s.node.send(nil, input{do: func(now time.Time) {
		if s.node.links[s.peer.ID] == nil {
			s.node.core.SetPeer(now, s.peer, state, reason, retryAt)
		}
	}})
}

// list returns who wants the connection.
func (d *dial) list() []*subscription {
	d.hub.mu.Lock()
	defer d.hub.mu.Unlock()
	return append([]*subscription(nil), d.subs...)
}

// run dials until nobody wants the connection any more, or ctx ends.
func (d *dial) run(ctx context.Context) {
	wait := backoff{min: d.hub.limits.BackoffMin, max: d.hub.limits.BackoffMax}
	for {
		d.forgetStopped()
		subs := d.list()
		if len(subs) == 0 || ctx.Err() != nil {
			return
		}
		for _, s := range subs {
			s.tell(PeerConnecting, Reason{}, time.Time{})
		}
		c, err := d.hub.dial(ctx, d.url, d.stats)
		if err == nil {
			began := time.Now()
			err = d.serve(ctx, c)
			if c.good() && time.Since(began) >= goodSession {
				wait.reset()
			}
		}
		pause := wait.next()
		retryAt := time.Now().Add(pause)
		d.hub.log("not connected", "peer", d.url, "code", Code(err), "retry_in", pause.String())
		d.ended(c, err, retryAt)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-d.wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// forgetStopped ends the wishes of nodes that have stopped.
func (d *dial) forgetStopped() {
	for _, s := range d.list() {
		select {
		case <-s.node.done:
			d.hub.unsubscribe(s)
		default:
		}
	}
}

// goodSession is how long a connection must have lasted, with a hello heard, for the back-off to begin anew.
const goodSession = 2 * time.Second

// serve runs one connection.
func (d *dial) serve(ctx context.Context, c *conn) error {
	d.hub.mu.Lock()
	d.conn = c
	subs := append([]*subscription(nil), d.subs...)
	d.hub.mu.Unlock()
	for _, s := range subs {
		c.subscribe(s)
	}
	c.closeIfUnused()
	err := c.run(ctx)
	d.hub.mu.Lock()
	d.conn = nil
	d.hub.mu.Unlock()
	return err
}

// ended tells everybody who wants the connection why there is none.
func (d *dial) ended(c *conn, err error, retryAt time.Time) {
	links := make(map[*Node]*link)
	if c != nil {
		for _, l := range c.takeLinks() {
			links[l.node] = l
		}
	}
	subs := d.list()
	for _, s := range subs {
		if l := links[s.node]; l != nil {
			s.node.detach(l, err, retryAt)
		} else {
			reason := Reason{}
			if c == nil {
				reason = reasonOf(err) // else the room has its own reason
			}
			s.tell(PeerRetry, reason, retryAt)
		}
	}
	d.hub.mu.Lock()
	for _, s := range subs {
		d.end(s)
	}
	d.hub.mu.Unlock()
}

// subscribe begins a room that we want on a connection that we have dialled.
func (c *conn) subscribe(s *subscription) {
	l := &link{conn: c, node: s.node, peer: s.peer, sub: s}
	c.mu.Lock()
	if c.ending || c.links[s.node.room] != nil {
		c.mu.Unlock()
		return
	}
	c.links[s.node.room] = l
	c.mu.Unlock()
	if !s.node.attach(l) {
		c.mu.Lock()
		delete(c.links, s.node.room)
		c.mu.Unlock()
	}
}

// resubscribe is subscribe for a room that was refused a while ago.
func (c *conn) resubscribe(s *subscription) {
	c.hub.mu.Lock()
	wanted := !s.gone && s.dial.conn == c
	c.hub.mu.Unlock()
	if wanted {
		c.subscribe(s)
	}
}

// closeIfUnused closes a dialled connection that no room wants any more.
func (c *conn) closeIfUnused() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.accepted && len(c.links) == 0 {
		c.finishLocked(ErrDisconnected)
	}
}

// good reports whether a hello was heard.
func (c *conn) good() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard
}

// A backoff gives the pauses between tries: random between a floor and a bound that doubles from min to max ("full jitter":
// Brooker, "Exponential Backoff And Jitter", AWS 2015).
type backoff struct {
	min, max time.Duration
	tries    int
}

// backoffFloor keeps a string of lucky draws from becoming a flood.
const backoffFloor = 10 * time.Millisecond

func (b *backoff) next() time.Duration {
	bound := b.max
	if b.tries < 32 && b.min<<b.tries < b.max {
		bound = b.min << b.tries
		b.tries++
	}
	return backoffFloor + rand.N(bound)
}

func (b *backoff) reset() { b.tries = 0 }

// promptDialer is the hub's dialer, but it gives up as soon as ctx ends: gorilla's reads the answer to the upgrade without
// looking at ctx, so a server that says nothing would hold up the end of the program. release ends the watch.
func (h *Hub) promptDialer(ctx context.Context) (dialer websocket.Dialer, release func()) {
	dialer = h.dialer
	netDial := dialer.NetDialContext
	if netDial == nil {
		netDial = new(net.Dialer).DialContext
	}
	stop := func() bool { return true }
	dialer.NetDialContext = func(dialing context.Context, network, addr string) (net.Conn, error) {
		c, err := netDial(dialing, network, addr)
		if err == nil {
			stop = context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) }) // closed already: nothing waits
		}
		return c, err
	}
	return dialer, func() { stop() }
}

// dial makes one connection. Errors: [*DialError].
func (h *Hub) dial(ctx context.Context, url string, stats *LinkStats) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, h.limits.DialTimeout)
	defer cancel()
	dialer, release := h.promptDialer(ctx)
	defer release()
	ws, resp, err := dialer.DialContext(ctx, url, http.Header{instanceHeader: {h.instance}})
	if err != nil {
		return nil, dialError(url, resp, err)
	}
	if ws.Subprotocol() != subprotocol {
		ws.Close()
		return nil, &DialError{URL: url, ErrorCode: "not-tallystick", Err: errNotTallystick}
	}
	if resp.Header.Get(instanceHeader) == h.instance {
		ws.Close()
		return nil, &DialError{URL: url, ErrorCode: Code(ErrSelf), Err: ErrSelf}
	}
	return newConn(h, ws, false, url, stats), nil
}

// Probe connects to url and closes again: nil means that a tallystick listens there. Errors: [ErrBadURL], [*DialError].
func Probe(ctx context.Context, url string) error {
	url, err := ParseURL(url)
	if err != nil {
		return err
	}
	c, err := NewHub(HubConfig{}).dial(ctx, url, &LinkStats{})
	if err != nil {
		return err
	}
	return c.ws.Close()
}
