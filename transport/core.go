package transport

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/orphan"
)

// NodeConfig is what one room's node is made of.
type NodeConfig struct {
	Charter crdt.Charter
	Key     ed25519.PrivateKey // nil: the node writes nothing (a relay, a reader)
	// Keeper says that no document is made of the changes (crdt.NewKeeper): a relay.
	Keeper bool
	Store  Store
	Last   LastFile // nil if Key is nil
	// Sent remembers the newest own change that a peer has said to hold, for the next start; nil: it is forgotten.
	Sent LastFile
	// Copied says that the store may not be the only or the newest copy (another device or inode than it recorded, or
	// salvaged): writing waits until a peer's tips were seen, or ConfirmOnlyCopy.
	Copied bool
	// OnlyCopy is [Core.ConfirmOnlyCopy] from the start.
	OnlyCopy bool
	// Salvaged is what a salvage of the store found, in words; empty: there was none. It is told as the first event.
	Salvaged string
	Agent    string // what hello says; empty: the hub's
	Limits   Limits // zero: DefaultLimits
	Meter    *Meter // nil: nothing is counted for anybody
	// Pending bounds what is pending in this node and others together; nil: each by itself (crdt.MaxPendingBytes).
	Pending *PendingBudget
	Checker *crdt.Checker    // of Charter; nil: a new one. A simulation gives all its nodes one that remembers
	Log     *slog.Logger     // nil: silent
	Now     func() time.Time // nil: time.Now
	Rand    *rand.Rand       // nil: seeded by the system. A simulation gives its own
}

// A Core is a node without goroutine and clock: replica, store and sessions of one room, driven by calls. A Node runs
// one on a goroutine; a simulation runs many on its own. It is not safe for concurrent use.
//
// A turn is: any number of Edit, Receive, Attach, Detach, SetPeer and Tick; then Commit, which makes durable what they
// have changed and only then lets sessions act on it; then, for each peer that can take it, Next; then Ended.
//
// Invariant: what Next returns and what Snapshot shows is durable.
type Core struct {
	cfg       NodeConfig
	room      *room
	replica   *crdt.Replica
	writer    *crdt.Writer // nil: writes nothing
	inspector *Inspector
	orphans   orphan.Packs // of the store, whose parents were lost there; see load

	unsigned      int // own changes since the last Sign, and their bytes
	unsignedBytes int
	receipts      []receipt // of own changes since the last commit
	queue         []arrival // what sessions get to see after the commit

	peers  map[PeerID]*peer
	order  []*peer // as Snapshot.Peers
	ended  []Ended
	nextAt time.Time // the earliest deadline, or earlier; zero: none

	writing  WriteState
	guarded  bool
	fatal    error
	selfFork *SelfFork
	forks    int   // of replica.Forks() that were told
	trimmed  bool  // by cfg.Pending, and Tick does not know
	pended   int64 // bytes that are pending here, as cfg.Pending counts them

	news      news
	refusals  []refusal
	catchUp   CatchUp
	version   uint64
	view      *crdt.View // of the newest snapshot
	dirty     bool
	lastGrown bool // for the node: since it last looked, the log has grown, or
	ticked    bool // Tick has done something

	forkTold map[crdt.Author]bool // authors whose first fork was told

	sentID crdt.ChangeID // what cfg.Sent holds
	sentAt time.Time     // when it was written
}

// receipt is an Intent whose change is made and not yet durable.
type receipt struct {
	id    crdt.ChangeID
	index int
	done  func(Receipt)
}

// arrival is a message that waits for the commit.
type arrival struct {
	peer    *peer
	session *session // that it is for: the peer may have another by then, or none
	body    Body     // nil: packs
	packs   []received
	err     error // why the session ends after it
}

// Ended is a session that the core has ended.
type Ended struct {
	Peer PeerID
	Err  error
	// Message is the error message for the peer; nil if it is to be told nothing.
	Message []byte
	// RoomOnly says that the connection may go on for other rooms.
	RoomOnly bool
}

// OpenCore loads the store into a new replica and checks every hash link and every tip's signature. Errors: those of
// the store, [crdt.RefusedError] with the record's number around it, [crdt.ErrCharter], [crdt.ErrNotAWriter], ctx.Err().
func OpenCore(ctx context.Context, cfg NodeConfig) (*Core, error) {
	if cfg.Rand == nil {
		cfg.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Meter == nil {
		cfg.Meter = new(Meter)
	}
	newReplica := crdt.NewReplica
	if cfg.Keeper {
		newReplica = crdt.NewKeeper
	}
	replica, err := newReplica(cfg.Charter)
	if err != nil {
		return nil, err
	}
	if cfg.Checker == nil {
		cfg.Checker = crdt.NewChecker(cfg.Charter)
	}
	c := &Core{
		cfg: cfg, replica: replica, peers: make(map[PeerID]*peer), dirty: true,
		inspector: &Inspector{checker: cfg.Checker},
	}
	if err := load(ctx, cfg, replica, &c.orphans); err != nil {
		return nil, fmt.Errorf("room %v: load: %w", replica.Room(), err)
	}
	var me crdt.Author
	if cfg.Key != nil {
		if c.writer, err = replica.Writer(cfg.Key); err != nil {
			return nil, err
		}
		me = c.writer.Author()
	}
	c.room = newRoom(replica, me, cfg.Agent, cfg.Limits, cfg.Rand)
	c.room.meter = cfg.Meter
	if cfg.Last != nil {
		_, c.room.wrote = cfg.Last.ID()
		if last, ok := cfg.Last.(Doubtful); ok && last.Damaged() {
			c.room.wrote, cfg.Copied = true, true
		}
	}
	c.recallSent()
	c.guarded = cfg.Key != nil && (cfg.Copied || c.lostOwn() || c.orphans.Of(me))
	c.room.guardWaits = c.guardWaits()
	now := time.Now
	if cfg.Now != nil {
		now = cfg.Now
	}
	c.tellSalvage(now())
	c.lookAtForks(now())
	c.setWriting()
	if cfg.OnlyCopy {
		c.ConfirmOnlyCopy(now())
	}
	if err := c.rememberOwn(); err != nil {
		return nil, fmt.Errorf("room %v: %w", replica.Room(), err)
	}
	return c, nil
}

// rememberOwn sets the last file to the newest own change: a crash between Append and Set has left it behind the log, and
// what is in the log is shown and sent. While the store looks copied it is left: it may know better.
func (c *Core) rememberOwn() error {
	if c.cfg.Last == nil || c.writing != WriteOpen || c.room.mine == 0 {
		return nil
	}
	newest := c.replica.ID(c.room.lastOwn)
	if id, ok := c.cfg.Last.ID(); ok && id == newest {
		return nil
	}
	return c.cfg.Last.Set(newest)
}

// tellSalvage tells what was lost of the store.
func (c *Core) tellSalvage(now time.Time) {
	if c.cfg.Salvaged != "" {
		c.event(Event{Time: now, Kind: EventSalvage, Code: "salvaged", Text: c.cfg.Salvaged})
	}
	if n := c.orphans.Changes(); n > 0 {
		c.event(Event{Time: now, Kind: EventSalvage, Code: "waiting", N: n, Text: fmt.Sprintf("changes that wait for lost ones, which peers may bring back: %d", n)})
	}
}

// adoptOrphans puts into the log what was in the store and has waited for what came back.
func (c *Core) adoptOrphans(now time.Time) {
	was := c.orphans.Changes()
	if was == 0 {
		return
	}
	c.orphans.Grown(c.replica, c.room.durable)
	if left := c.orphans.Changes(); left < was {
		text := fmt.Sprintf("changes that have waited for lost ones are back: %d; others wait: %d", was-left, left)
		c.event(Event{Time: now, Kind: EventSalvage, Code: "recovered", N: was - left, Text: text})
	}
}

// lostOwn reports whether the newest own change that may have left this machine is not in the log.
func (c *Core) lostOwn() bool {
	if c.cfg.Last == nil {
		return false
	}
	id, ok := c.cfg.Last.ID()
	if !ok {
		return false
	}
	_, found := c.replica.Index(id)
	return !found
}

// guardWaits reports whether the guard waits for nothing but a round with a peer that holds nothing own that is not here.
func (c *Core) guardWaits() bool {
	return c.guarded && !c.lostOwn() && !c.lostSent() && !c.orphans.Of(c.room.me)
}

// Room returns the room's id.
func (c *Core) Room() crdt.RoomID { return c.replica.Room() }

// Pending returns how many packs wait for parents, and what they weigh, at most [crdt.MaxPendingBytes].
func (c *Core) Pending() (packs, bytes int) { return c.replica.Pending() }

// Inspector returns what inspects messages for this core. It may be used on any goroutine.
func (c *Core) Inspector() *Inspector { return c.inspector }

// setWriting derives the word for writing from what is known.
func (c *Core) setWriting() {
	was := c.writing
	switch {
	case c.fatal != nil:
		c.writing = WriteStoreError
	case c.writer == nil:
		c.writing = WriteNoAuthor
	case c.selfFork != nil:
		c.writing = WriteSelfFork
	case c.guarded:
		c.writing = WriteGuarded
	default:
		c.writing = WriteOpen
	}
	c.dirty = c.dirty || c.writing != was
}

// closedBecause is why no intent is taken, nil if they are.
func (c *Core) closedBecause() error {
	switch c.writing {
	case WriteNoAuthor:
		return ErrNoAuthor
	case WriteGuarded:
		return ErrGuarded
	case WriteStoreError:
		return c.fatal
	case WriteSelfFork:
		return ErrSelfFork
	default:
		return nil
	}
}

// ConfirmOnlyCopy ends the guard of a store that looks copied, on the user's word. It does not where a peer is known to hold an
// own change that is not here: the next one would be a fork, whoever else has a copy.
func (c *Core) ConfirmOnlyCopy(now time.Time) {
	if c.guarded && c.lostSent() {
		c.event(Event{Time: now, Kind: EventGuard, Code: "guarded", Text: "a newer change of this key was sent than is here: connect to a peer that has it, or go on under a new name: tallystick run NAME"})
		return
	}
	c.unguard(now, "the user says that this is the only copy")
}

func (c *Core) unguard(now time.Time, why string) {
	if c.guarded {
		c.guarded, c.room.guardWaits = false, false
		c.setWriting()
		c.event(Event{Time: now, Kind: EventGuard, Code: "open", Text: why})
		if store, ok := c.cfg.Store.(Adopter); ok {
			if err := store.Adopt(); err != nil {
				c.event(Event{Time: now, Kind: EventGuard, Code: "adopt", Text: err.Error()})
			}
		}
		if err := c.rememberOwn(); err != nil {
			c.fail(now, err)
		}
	}
}

// Edit makes the change that an intent asks for. It is unsigned and not durable before Commit, which calls Done; if
// none can be made, Done is called at once.
func (c *Core) Edit(now time.Time, in Intent) {
	err := c.closedBecause()
	var id crdt.ChangeID
	if err == nil {
		id, err = c.writer.Change(in.Time, in.Edit)
	}
	if err != nil {
		if in.Done != nil {
			in.Done(Receipt{Err: err})
		}
		return
	}
	i := c.replica.Len() - 1
	c.receipts = append(c.receipts, receipt{id, i, in.Done})
	c.unsigned++
	c.unsignedBytes += len(c.replica.At(i).Payload) + 8
	if c.unsigned >= crdt.MaxPackChanges || c.unsignedBytes >= crdt.MaxPackBytes-2*crdt.MaxPayloadBytes {
		c.sign()
	}
}

func (c *Core) sign() {
	if c.unsigned > 0 {
		c.writer.Sign()
		c.unsigned, c.unsignedBytes = 0, 0
	}
}

// Receive takes an inspected message from a peer. What it brings is not durable before Commit.
func (c *Core) Receive(now time.Time, id PeerID, in Inbound) {
	p := c.peers[id]
	if p == nil || p.session == nil || c.fatal != nil {
		return
	}
	if h, ok := in.Body.(*Hello); ok {
		// What follows in this turn depends on it, and it reads the log. What was before it may end the session.
		if c.Commit(now) == nil && p.session != nil {
			c.settle(now, p, p.session.receive(now, h))
		}
		return
	}
	a := arrival{peer: p, session: p.session, body: in.Body}
	if _, packs := in.Body.(Packs); packs {
		if !p.session.gotHello {
			c.settle(now, p, ErrHelloFirst)
			return
		}
		a.body = nil
		a.packs, a.err = c.receivePacks(now, p, in.packs)
	}
	c.queue = append(c.queue, a)
}

// receivePacks offers packs to the replica, up to the first that is refused.
func (c *Core) receivePacks(now time.Time, p *peer, packs []checkedPack) (got []received, refused error) {
	c.sign()
	defer c.budget()
	for i := range packs {
		k := &packs[i]
		err := k.err
		var out crdt.Outcome
		if err == nil {
			out = c.replica.Receive(k.pack, uint64(p.id), now)
			err = out.Err
		} else {
			out.Refused = c.replica.Condemn(err)
		}
		for _, r := range out.Refused {
			c.countRefused(now, nil, r)
		}
		if err != nil {
			c.countRefused(now, p, err)
			return got, err
		}
		if len(out.Missing) > 0 {
			c.dirty = true
			c.cfg.Meter.Pended.Add(1)
			c.tally(now, p, Event{Kind: EventPending, Change: out.Missing[0]})
		}
		got = append(got, received{ends: k.ends, added: out.To - out.From, missing: out.Missing})
	}
	return got, nil
}

// budget keeps to what may be pending. The comparison that what it gave up needs is begun by Tick.
func (c *Core) budget() {
	var trimmed bool
	c.pended, trimmed = c.cfg.Pending.settle(c.replica, c.pended)
	c.trimmed = c.trimmed || trimmed
}

// lookAtForks tells of forks that are new, and stops writing if one is our own.
func (c *Core) lookAtForks(now time.Time) {
	forks := c.replica.Forks()
	for _, f := range forks[c.forks:] {
		if c.writer != nil && f.Author == c.writer.Author() {
			if c.selfFork == nil {
				c.selfFork = &SelfFork{Prev: f.Prev, A: f.A, B: f.B}
				c.setWriting()
			}
			c.event(Event{Time: now, Kind: EventSelfFork, Author: f.Author, Change: f.A, Other: f.B})
			continue
		}
		if !c.forkTold[f.Author] { // once an author: it may fork as often as it likes
			if c.forkTold == nil {
				c.forkTold = make(map[crdt.Author]bool)
			}
			c.forkTold[f.Author] = true
			c.event(Event{Time: now, Kind: EventFork, Author: f.Author, Change: f.A, Other: f.B})
		}
	}
	c.forks = len(forks)
}

// Next returns the next message for a peer, false if there is none now. Call it only while the peer's connection can
// take it, and between Commit and the next change. The message may be shared: do not change it.
func (c *Core) Next(now time.Time, id PeerID) ([]byte, bool) {
	p := c.peers[id]
	if p == nil || p.session == nil || c.fatal != nil {
		return nil, false
	}
	msg, ok := p.session.next(now)
	if ok {
		c.due(p)
	}
	return msg, ok
}

// Moves takes in that a part of a message has come from a peer, or gone to it, on a line where that takes long. Statements of
// a comparison wait behind it: so the comparison is not given up.
func (c *Core) Moves(now time.Time, id PeerID) {
	if p := c.peers[id]; p != nil && p.session != nil {
		p.session.cmp.heard = now
	}
}

// Deadline is when Tick has something to do, if nothing arrives before; zero if nothing is due.
func (c *Core) Deadline() time.Time { return c.nextAt }

// due takes the deadline of a peer's session into account.
func (c *Core) due(p *peer) {
	if p.session == nil {
		return
	}
	if at := p.session.deadline(); !at.IsZero() && (c.nextAt.IsZero() || at.Before(c.nextAt)) {
		c.nextAt = at
	}
}

// expiryPeriod is how often pending packs are looked at.
const expiryPeriod = time.Second

// Tick does what is due at now. It reads the log: call it with nothing uncommitted, that is before anything else in a turn.
func (c *Core) Tick(now time.Time) {
	if c.fatal != nil || c.nextAt.IsZero() || now.Before(c.nextAt) {
		return
	}
	c.nextAt, c.ticked, c.trimmed = time.Time{}, true, false
	packs, _ := c.replica.Pending()
	defer c.budget()
	for _, id := range c.replica.Expire(now) {
		if p := c.peers[PeerID(id)]; p != nil && p.session != nil {
			p.session.rounds.wanted = true
			c.tally(now, p, Event{Kind: EventExpired})
		}
	}
	for _, p := range append([]*peer(nil), c.order...) {
		if p.session == nil {
			continue
		}
		c.settle(now, p, p.session.tick(now))
		c.due(p)
	}
	if left, _ := c.replica.Pending(); left > 0 {
		if at := now.Add(expiryPeriod); c.nextAt.IsZero() || at.Before(c.nextAt) {
			c.nextAt = at
		}
		c.dirty = c.dirty || left != packs
	} else if packs > 0 {
		c.dirty = true
	}
}

// Ended returns the sessions that have been ended since it was last called.
func (c *Core) Ended() []Ended {
	e := c.ended
	c.ended = nil
	return e
}

// settle acts on what a call of a session has led to.
func (c *Core) settle(now time.Time, p *peer, err error) {
	s := p.session
	if s == nil {
		return
	}
	c.takeNotes(now, p)
	if err != nil {
		c.end(now, p, err)
		return
	}
	if packs, _ := c.replica.Pending(); (packs > 0 || c.trimmed) && (c.nextAt.IsZero() || now.Add(expiryPeriod).Before(c.nextAt)) {
		c.nextAt = now.Add(expiryPeriod)
	}
	c.due(p)
}

// end ends a session for err, whosever fault it is.
func (c *Core) end(now time.Time, p *peer, err error) {
	e := Ended{Peer: p.id, Err: err}
	var said *PeerError
	var refuse *RefuseError
	switch {
	case errors.As(err, &said):
		c.noteRefusal(now, p, said)
		e.RoomOnly = true
	default:
		e.RoomOnly = errors.As(err, &refuse)
		e.Message = AppendMessage(nil, c.Room(), errorBody(err))
	}
	c.ended = append(c.ended, e)
	c.dropSession(p)
	p.reason = reasonOf(err)
	c.setPeerState(now, p, PeerClosed)
}

// errorBody is what a peer is told of an error.
func errorBody(err error) *PeerError {
	var refuse *RefuseError
	if errors.As(err, &refuse) {
		return &PeerError{ErrorCode: cutText(refuse.ErrorCode, MaxErrorCodeBytes), Text: cutText(refuse.Text, MaxErrorTextBytes)}
	}
	return &PeerError{ErrorCode: cutText(Code(err), MaxErrorCodeBytes), Text: cutText(err.Error(), MaxErrorTextBytes)}
}

// Replica is the core's replica, for who checks it between calls (a simulation): it is read and never written to.
func (c *Core) Replica() *crdt.Replica { return c.replica }
