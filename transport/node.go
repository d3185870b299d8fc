package transport

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

const (
	intentQueue = 4096 // intents that wait for the node
	inboxQueue  = 64   // messages of all connections that wait; a connection that finds no place waits, first come first served

	// A turn takes at most this much, so that one commit stays short.
	turnIntents  = crdt.MaxPackChanges
	turnMessages = 256
	turnChanges  = 4096
	turnBytes    = 8 << 20

	// promptPeers is the number of peers up to which a snapshot is made after every turn; with more, and of a keeper, which
	// nobody watches, at most one in publishPeriod.
	promptPeers   = 32
	publishPeriod = 100 * time.Millisecond
)

// Node is one room in this process: the one goroutine (Run) that owns replica, store and sessions, which is to say the
// Core. Intents go in, immutable snapshots come out. Its methods are safe for concurrent use.
type Node struct {
	room      crdt.RoomID
	charter   crdt.Charter
	inspector *Inspector
	now       func() time.Time

	intents chan Intent
	inbox   chan input
	wake    chan struct{} // one place: a connection can take more
	changed chan struct{} // one place: there is a newer snapshot
	snap    atomic.Pointer[Snapshot]

	// Stopping: quit is closed first, so that no Submit waits; then stopped is set under mu; then done is closed.
	quit    chan struct{}
	done    chan struct{}
	mu      sync.RWMutex
	stopped bool // guarded by mu

	watching sync.Mutex
	watchers map[chan struct{}]struct{} // guarded by watching; each of one place

	// Owned by Run.
	core        *Core
	links       map[PeerID]*link
	touched     []*link // have to be pumped this turn
	publishedAt time.Time
}

// input is one thing for the node's goroutine: a message of a link, or do.
type input struct {
	link *link
	in   Inbound
	do   func(now time.Time)
}

// OpenNode loads the store into a new replica and checks every hash link and tip signature; it takes some microseconds
// a change: call it off a screen's goroutine. Nothing happens until Run. The errors are those of [OpenCore].
func OpenNode(ctx context.Context, cfg NodeConfig) (*Node, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	core, err := OpenCore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	n := &Node{
		room: core.Room(), charter: cfg.Charter, inspector: core.Inspector(), now: cfg.Now,
		intents: make(chan Intent, intentQueue), inbox: make(chan input, inboxQueue),
		wake: make(chan struct{}, 1), changed: make(chan struct{}, 1),
		quit: make(chan struct{}), done: make(chan struct{}),
		core: core, links: make(map[PeerID]*link),
	}
	n.snap.Store(core.Snapshot(cfg.Now()))
	return n, nil
}

// Room returns the room's id.
func (n *Node) Room() crdt.RoomID { return n.room }

// Snapshot returns the newest state: never nil, never blocks.
func (n *Node) Snapshot() *Snapshot { return n.snap.Load() }

// Changed returns the channel of one place that is poked when there is a newer Snapshot. It has one reader at most.
func (n *Node) Changed() <-chan struct{} { return n.changed }

// Watch returns a further channel like that of Changed, poked at once and then with each newer Snapshot, until stop is called. It costs the
// node a channel operation a snapshot.
func (n *Node) Watch() (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	n.watching.Lock()
	defer n.watching.Unlock()
	if n.watchers == nil {
		n.watchers = make(map[chan struct{}]struct{})
	}
	n.watchers[c] = struct{}{}
	return c, func() {
		n.watching.Lock()
		defer n.watching.Unlock()
		delete(n.watchers, c)
	}
}

// Done returns the channel that is closed when Run has returned.
func (n *Node) Done() <-chan struct{} { return n.done }

// Submit hands over an intent. It waits while the queue is full, until ctx ends. If it returns nil, Intent.Done will be
// called. Errors: [ErrNoAuthor], [ErrGuarded], [ErrSelfFork], an error that wraps [ErrFatal], [ErrStopped], ctx.Err().
func (n *Node) Submit(ctx context.Context, in Intent) error {
	if err := n.Snapshot().closedBecause(); err != nil {
		return err
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.stopped {
		return ErrStopped
	}
	select {
	case n.intents <- in:
		return nil
	case <-n.quit:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// closedBecause is why no intent is taken, nil if they are.
func (s *Snapshot) closedBecause() error {
	switch s.Writing {
	case WriteNoAuthor:
		return ErrNoAuthor
	case WriteGuarded:
		return ErrGuarded
	case WriteStoreError:
		return s.StoreErr
	case WriteSelfFork:
		return ErrSelfFork
	default:
		return nil
	}
}

// Append submits one literal for the feed list and waits until it is durable. If ctx ends first, the change may still be
// made. The errors are those of Submit, and the change's own.
func (n *Node) Append(ctx context.Context, unix int64, entry crdt.Literal) (Receipt, error) {
	got := make(chan Receipt, 1)
	if err := n.Submit(ctx, AppendIntent(unix, entry, func(r Receipt) { got <- r })); err != nil {
		return Receipt{Err: err}, err
	}
	select {
	case r := <-got:
		return r, r.Err
	case <-ctx.Done():
		return Receipt{Err: ctx.Err()}, ctx.Err()
	}
}

// ConfirmOnlyCopy says, for the user, that no other copy of key and store exists. It ends the guard of a copied store.
func (n *Node) ConfirmOnlyCopy() {
	n.send(nil, input{do: func(now time.Time) { n.core.ConfirmOnlyCopy(now) }})
}

// Evidence encodes a fork that the room's View shows, as [crdt.Replica.Evidence] does. It waits for the node's goroutine.
// Errors: [crdt.ErrNoTarget], [ErrStopped], ctx.Err().
func (n *Node) Evidence(ctx context.Context, f crdt.Fork) ([]byte, error) {
	return Inspect(ctx, n, func(r *crdt.Replica) ([]byte, error) { return r.Evidence(f) })
}

// Inspect is what look says of the room's replica, for what a View does not tell. The node's goroutine calls it, and does
// nothing else meanwhile: look is quick, changes nothing and keeps nothing. Errors besides those of look: [ErrStopped], ctx.Err().
func Inspect[T any](ctx context.Context, n *Node, look func(*crdt.Replica) (T, error)) (none T, err error) {
	type result struct {
		what T
		err  error
	}
	got := make(chan result, 1)
	if !n.send(ctx.Done(), input{do: func(time.Time) {
		what, err := look(n.core.replica)
		got <- result{what, err}
	}}) {
		return none, cmp.Or(ctx.Err(), ErrStopped)
	}
	select {
	case r := <-got:
		return r.what, r.err
	case <-n.done:
		return none, ErrStopped
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// send hands an input to the node's goroutine and reports whether it will be taken. It waits for a place until abort
// or the node ends.
func (n *Node) send(abort <-chan struct{}, in input) bool {
	select {
	case <-n.done:
		return false
	default:
	}
	select {
	case n.inbox <- in:
		return true
	case <-n.done:
		return false
	case <-abort:
		return false
	}
}

// poke makes the node look whether connections can take more.
func (n *Node) poke() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Run owns the node until ctx ends; then it commits what was submitted, ends all sessions and returns nil. It returns
// an error that wraps [ErrFatal] when a write to disk went wrong. Run is called once.
func (n *Node) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		n.arm(timer)
		var intent *Intent
		var in *input
		select {
		case <-ctx.Done():
			return n.stop()
		case i := <-n.intents:
			intent = &i
		case i := <-n.inbox:
			in = &i
		case <-n.wake:
			for _, l := range n.links {
				n.touch(l)
			}
		case <-timer.C:
		}
		if err := n.turn(intent, in); err != nil {
			n.end()
			return err
		}
	}
}

// arm sets the timer to when something is due.
func (n *Node) arm(timer *time.Timer) {
	at := n.core.Deadline()
	if n.core.dirty {
		if p := n.publishedAt.Add(publishPeriod); at.IsZero() || p.Before(at) {
			at = p
		}
	}
	wait := time.Hour
	if !at.IsZero() {
		wait = max(0, at.Sub(n.now()))
	}
	timer.Reset(wait)
}

// turn takes what is ready, up to a bound, commits it at once, lets sessions act and publishes.
func (n *Node) turn(intent *Intent, in *input) error {
	now := n.now()
	n.core.Tick(now)
	if intent != nil {
		n.core.Edit(now, *intent)
	}
	n.takeIntents(now, turnIntents)
	messages, changes, bytes := 0, 0, 0
	for {
		if in != nil {
			n.take(now, in)
			messages++
			changes += in.in.Changes
			bytes += in.in.Bytes
		}
		if messages >= turnMessages || changes >= turnChanges || bytes >= turnBytes {
			break
		}
		select {
		case i := <-n.inbox:
			in = &i
			continue
		default:
		}
		break
	}
	err := n.core.Commit(n.now())
	n.pump()
	n.publish(false)
	return err
}

func (n *Node) takeIntents(now time.Time, limit int) {
	for range limit {
		select {
		case i := <-n.intents:
			n.core.Edit(now, i)
		default:
			return
		}
	}
}

func (n *Node) take(now time.Time, in *input) {
	switch {
	case in.do != nil:
		in.do(now)
	case n.links[in.link.peer.ID] == in.link:
		n.core.Receive(now, in.link.peer.ID, in.in)
		n.touch(in.link)
	}
}

func (n *Node) touch(l *link) {
	if !l.touched {
		l.touched = true
		n.touched = append(n.touched, l)
	}
}

// pump moves messages from sessions to connections that can take them, and ends what the core has ended.
func (n *Node) pump() {
	now := n.now()
	if n.core.lastGrown || n.core.ticked {
		n.core.lastGrown, n.core.ticked = false, false
		for _, l := range n.links {
			n.touch(l)
		}
	}
	for _, l := range n.touched {
		l.touched = false
		for l.conn.ready(n) {
			msg, ok := n.core.Next(now, l.peer.ID)
			if !ok {
				break
			}
			l.conn.enqueue(msg)
		}
	}
	clear(n.touched)
	n.touched = n.touched[:0]
	for _, e := range n.core.Ended() {
		if l := n.links[e.Peer]; l != nil {
			delete(n.links, e.Peer)
			l.conn.endRoom(l, e)
		}
	}
}

// publish makes a snapshot if something has changed.
func (n *Node) publish(always bool) {
	if !n.core.dirty && !always {
		return
	}
	now := n.now()
	seldom := n.core.cfg.Keeper || len(n.core.order) > promptPeers
	if !always && seldom && now.Sub(n.publishedAt) < publishPeriod {
		return
	}
	n.publishedAt = now
	n.snap.Store(n.core.Snapshot(now))
	select {
	case n.changed <- struct{}{}:
	default:
	}
	n.watching.Lock()
	defer n.watching.Unlock()
	for c := range n.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// stop takes what was submitted, commits it and ends.
func (n *Node) stop() error {
	now := n.now()
	close(n.quit)
	n.mu.Lock()
	n.stopped = true
	n.mu.Unlock()
	n.takeIntents(now, intentQueue)
	err := n.core.Commit(now)
	n.core.keepSent(now, 0)
	n.pump()
	n.endLinks(ErrGoingAway)
	n.core.cfg.Pending.release(n.core.pended)
	n.publish(true)
	close(n.done)
	return err
}

// end is stop after a fatal error: what was submitted gets the error.
func (n *Node) end() {
	n.publish(true)
	close(n.quit)
	n.mu.Lock()
	n.stopped = true
	n.mu.Unlock()
	n.takeIntents(n.now(), intentQueue)
	n.endLinks(ErrGoingAway)
	n.core.cfg.Pending.release(n.core.pended)
	close(n.done)
}

// endLinks ends all sessions for why, and tells the peers.
func (n *Node) endLinks(why error) {
	for id, l := range n.links {
		delete(n.links, id)
		n.core.Detach(n.now(), id, why, time.Time{})
		l.conn.endRoom(l, Ended{Peer: id, Err: why, RoomOnly: true, Message: AppendMessage(nil, n.room, errorBody(why))})
	}
}

// attach begins a session over a link.
func (n *Node) attach(l *link) bool {
	return n.send(l.conn.done, input{do: func(now time.Time) {
		n.links[l.peer.ID] = l
		if n.core.room.agent == "" {
			n.core.room.agent = l.conn.hub.cfg.Agent
		}
		n.core.Attach(now, l.peer)
		n.touch(l)
	}})
}

// detach ends a link's session, if it is still the peer's; the peer is dialled again at retryAt if that is not zero.
func (n *Node) detach(l *link, err error, retryAt time.Time) {
	n.send(nil, input{do: func(now time.Time) {
		if k := n.links[l.peer.ID]; k != nil && k != l {
			return
		}
		delete(n.links, l.peer.ID)
		n.core.Detach(now, l.peer.ID, err, retryAt)
	}})
}
