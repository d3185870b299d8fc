package transport

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tallystick/tallystick/crdt"
)

// HubConfig is what a program's connections are made of.
type HubConfig struct {
	// Agent is what we call ourselves, at most MaxAgentBytes: "tallystick node 0.1.0" or "tallystick relay 0.1.0"; the
	// second word is the role. It goes into the hello of nodes that have no Agent of their own.
	Agent string
	// Open returns the running node of a room that a peer named and that was not added. Nil, or an error, refuses the room:
	// a [*RefuseError] is said to the peer, any other as no-room. It is asked at every hello, from any goroutine; it may
	// return the same node again, and a new one after the old one's Run has returned. The connection waits for it.
	Open func(ctx context.Context, room crdt.RoomID, charter crdt.Charter) (*Node, error)
	// Charge is told what the packs of a message from an accepted connection that are good and new bring, before their
	// node gets them: author and bytes of each run. It returns how long the connection waits before it is read
	// further. It is called from any goroutine; nil: nobody waits. remote is the connection's, as the HTTP server had it.
	Charge func(remote net.Conn, runs iter.Seq2[crdt.Author, int]) time.Duration
	Meter  *Meter // nil: nothing is counted for anybody
	// Limits bounds it all; the zero value of a field means its default.
	Limits Limits
	Log    *slog.Logger // nil: silent
}

const (
	// subprotocol is negotiated by the websocket handshake: who does not know it is no tallystick.
	subprotocol = "tallystick.v1"
	// instanceHeader carries a number of the process, so that a program notices that it has dialled itself.
	instanceHeader = "Tallystick-Instance"
)

// Hub holds all connections of a program; each carries any number of rooms. Safe for concurrent use.
//
// Locks: a connection's mutex may be held when the hub's is taken, never the other way round; neither is held while a
// node is waited for.
type Hub struct {
	cfg       HubConfig
	limits    Limits
	instance  string
	upgrader  websocket.Upgrader
	dialer    websocket.Dialer
	checks    *checkQueue
	penalties penalties
	begun     chan struct{} // closed by Run

	mu      sync.Mutex
	ctx     context.Context       // guarded by mu; nil before Run
	rooms   map[crdt.RoomID]*Node // guarded by mu; those added
	dials   map[string]*dial      // guarded by mu; by URL
	peers   map[PeerID]peerRef    // guarded by mu
	last    PeerID                // guarded by mu
	conns   map[*conn]struct{}    // guarded by mu; accepted ones
	shaking int                   // guarded by mu; further ones, whose handshake is under way
	stopped bool                  // guarded by mu
	tasks   sync.WaitGroup        // goroutines that Run waits for; added to under mu, and not once stopped is set
}

// peerRef is what a PeerID stands for: a subscription to a dialled URL, or a room of an accepted connection.
type peerRef struct {
	sub  *subscription
	link *link
}

// NewHub makes a hub; nothing happens until Run.
func NewHub(cfg HubConfig) *Hub {
	limits := cfg.Limits.withDefaults()
	if cfg.Meter == nil {
		cfg.Meter = new(Meter)
	}
	if limits.Checkers == 0 {
		limits.Checkers = runtime.GOMAXPROCS(0)
	}
	var instance [16]byte
	rand.Read(instance[:]) // never fails
	h := &Hub{
		cfg: cfg, limits: limits, instance: hex.EncodeToString(instance[:]),
		checks: newCheckQueue(limits.Checkers, cfg.Meter),
		rooms:  make(map[crdt.RoomID]*Node), dials: make(map[string]*dial), peers: make(map[PeerID]peerRef),
		conns: make(map[*conn]struct{}), begun: make(chan struct{}),
	}
	writeBuffers := &sync.Pool{}
	h.upgrader = websocket.Upgrader{
		HandshakeTimeout: limits.HelloTimeout, ReadBufferSize: 1 << 10, WriteBufferSize: 4 << 10, WriteBufferPool: writeBuffers,
		Subprotocols: []string{subprotocol},
	}
	h.dialer = websocket.Dialer{
		Proxy: http.ProxyFromEnvironment, HandshakeTimeout: limits.DialTimeout,
		ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10, WriteBufferPool: writeBuffers, Subprotocols: []string{subprotocol},
	}
	return h
}

// Run dials and serves until ctx ends, closes every connection and returns nil when all goroutines of the hub have ended.
// Run is called once.
func (h *Hub) Run(ctx context.Context) error {
	h.mu.Lock()
	h.ctx = ctx
	for _, d := range h.dials {
		h.start(d)
	}
	h.mu.Unlock()
	close(h.begun)
	<-ctx.Done()
	h.mu.Lock()
	h.stopped = true // spawn adds nothing any more
	h.mu.Unlock()
	h.tasks.Wait()
	return nil
}

// spawn runs f on a goroutine that Run waits for; false if the hub does not run. Call it with mu held.
func (h *Hub) spawn(f func()) bool {
	if h.ctx == nil || h.stopped {
		return false
	}
	h.tasks.Go(f)
	return true
}

// Add serves n's room on connections to come. The caller runs n.Run. Errors: [ErrRoomOpen].
func (h *Hub) Add(n *Node) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.rooms[n.room]; old != nil && old != n {
		return fmt.Errorf("%w: %v", ErrRoomOpen, n.room)
	}
	h.rooms[n.room] = n
	return nil
}

// Remove ends n's sessions, and its connections that carry nothing more. The peers are told why; nil means that we are
// going away. A [*RefuseError] is said in its own words.
func (h *Hub) Remove(n *Node, why error) {
	if why == nil {
		why = ErrGoingAway
	}
	h.mu.Lock()
	if h.rooms[n.room] == n {
		delete(h.rooms, n.room)
	}
	var subs []*subscription
	for _, r := range h.peers {
		if r.sub != nil && r.sub.node == n {
			subs = append(subs, r.sub)
		}
	}
	h.mu.Unlock()
	for _, s := range subs {
		h.unsubscribe(s)
	}
	n.send(nil, input{do: func(time.Time) { n.endLinks(why) }})
}

// node finds the node of a room that a peer asks for.
func (h *Hub) node(ctx context.Context, c *conn, room crdt.RoomID, charter crdt.Charter) (*Node, error) {
	h.mu.Lock()
	n := h.rooms[room]
	h.mu.Unlock()
	if n != nil {
		return n, nil
	}
	if c.accepted && h.cfg.Open != nil {
		n, err := h.cfg.Open(ctx, room, charter)
		var refuse *RefuseError
		switch {
		case errors.As(err, &refuse):
			return nil, refuse
		case err != nil:
			h.log("room not opened", "room", room.String(), "peer", c.address, "err", err.Error())
		case n != nil:
			return n, nil
		}
	}
	return nil, fmt.Errorf("%w: room %v", ErrNoRoom, room)
}

func (h *Hub) log(what string, args ...any) {
	if h.cfg.Log != nil {
		h.cfg.Log.Info(what, args...)
	}
}

func (h *Hub) newPeer() PeerID {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	return h.last
}

// accepted notes a room of an accepted connection, for Disconnect.
func (h *Hub) accepted(l *link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.peers[l.peer.ID] = peerRef{link: l}
}

// ServeHTTP accepts a websocket: mount it on /websocket. It hands the connection to a goroutine of the hub and returns, so
// that the HTTP server's own goroutine, buffers and request are let go.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(instanceHeader, h.instance)
	h.mu.Lock()
	full := len(h.conns)+h.shaking >= h.limits.Connections
	if !full {
		h.shaking++
	}
	h.mu.Unlock()
	if full {
		http.Error(w, ErrBusy.Error(), http.StatusServiceUnavailable)
		return
	}
	ws := h.handshake(w, r)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shaking--
	if ws == nil {
		return
	}
	c := newConn(h, ws, true, r.RemoteAddr, &LinkStats{})
	if ctx := h.ctx; h.spawn(func() { h.serve(ctx, c) }) {
		h.conns[c] = struct{}{}
	} else {
		_ = ws.Close() // the hub has ended meanwhile
	}
}

// handshake makes a request a websocket; nil if it was answered otherwise. Who comes before Run waits for it, since a
// program that listens and runs the hub does so in no order.
func (h *Hub) handshake(w http.ResponseWriter, r *http.Request) *websocket.Conn {
	late := time.NewTimer(h.limits.HelloTimeout)
	defer late.Stop()
	select {
	case <-h.begun:
	case <-late.C:
	case <-r.Context().Done():
	}
	h.mu.Lock()
	serves := h.ctx != nil && h.ctx.Err() == nil
	h.mu.Unlock()
	if !serves {
		http.Error(w, "not serving", http.StatusServiceUnavailable)
		return nil
	}
	ws, err := h.upgrader.Upgrade(w, r, http.Header{instanceHeader: {h.instance}})
	if err != nil {
		return nil // Upgrade has answered
	}
	return ws
}

// serve runs an accepted connection.
func (h *Hub) serve(ctx context.Context, c *conn) {
	c.pause(ctx, h.penalties.wait(c.share, time.Now()))
	err := c.run(ctx)
	links := c.takeLinks()
	h.mu.Lock()
	delete(h.conns, c)
	for id, r := range h.peers {
		if r.link != nil && r.link.conn == c {
			delete(h.peers, id)
		}
	}
	h.mu.Unlock()
	h.cfg.Meter.closed.add(meterCode(err))
	for _, l := range links {
		l.node.detach(l, err, time.Time{})
	}
	h.log("connection closed", "peer", c.address, "code", Code(err))
}

// Disconnect ends a peer's connection; a dialled one is not dialled again.
func (h *Hub) Disconnect(id PeerID) {
	h.mu.Lock()
	r := h.peers[id]
	h.mu.Unlock()
	switch {
	case r.sub != nil:
		h.unsubscribe(r.sub)
	case r.link != nil:
		r.link.conn.fail(ErrDisconnected)
	}
}
