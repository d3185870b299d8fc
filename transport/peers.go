package transport

import (
	"sync/atomic"
	"time"
)

// PeerInfo names a peer to a Core.
type PeerInfo struct {
	ID        PeerID
	Address   string
	Direction Direction
	Stats     *LinkStats // of its connections; nil: none are kept
}

// LinkStats counts what one peer's connections carry. Safe for concurrent use.
type LinkStats struct {
	BytesIn, BytesOut atomic.Uint64
	RTT               atomic.Int64 // nanoseconds, of the last ping
}

// A peer is one remote, over all its connections to this room.
type peer struct {
	PeerInfo
	id      PeerID
	session *session // nil: not connected
	held    indexSet // what it is known to hold: its claims

	agent    string
	role     Role
	state    PeerState
	since    time.Time
	retryAt  time.Time
	reason   Reason
	withheld int
	theirs   int // as it last said; -1: never
	compared bool

	refused []RefusedCount // bounded by the closed list of codes
	tallies map[tallyKey]*tally
}

// SetPeer adds a peer, or updates what is known of one that is not connected: PeerConnecting, PeerRetry, PeerClosed.
func (c *Core) SetPeer(now time.Time, info PeerInfo, state PeerState, reason Reason, retryAt time.Time) {
	p := c.peer(now, info)
	if p.session != nil {
		return
	}
	if reason.Code != "" {
		p.reason = reason
	}
	p.retryAt = retryAt
	c.setPeerState(now, p, state)
}

func (c *Core) peer(now time.Time, info PeerInfo) *peer {
	p := c.peers[info.ID]
	if p == nil {
		p = &peer{PeerInfo: info, id: info.ID, since: now, theirs: -1, held: newIndexSet(&c.room.owners)}
		c.peers[info.ID] = p
		c.order = append(c.order, p)
		if info.Direction == Dialled { // before the accepted ones
			for i := len(c.order) - 1; i > 0 && c.order[i-1].Direction == Accepted; i-- {
				c.order[i-1], c.order[i] = c.order[i], c.order[i-1]
			}
		}
		c.dirty = true
	}
	return p
}

// ForgetPeer removes a peer that the user has disconnected.
func (c *Core) ForgetPeer(id PeerID) {
	p := c.peers[id]
	if p == nil {
		return
	}
	c.dropSession(p)
	c.forget(p)
}

func (c *Core) forget(p *peer) {
	delete(c.peers, p.id)
	for i := range c.order {
		if c.order[i] == p {
			c.order = append(c.order[:i], c.order[i+1:]...)
			break
		}
	}
	c.dirty = true
}

// Attach begins a session with a peer over a new connection. Its hello is what Next returns first.
func (c *Core) Attach(now time.Time, info PeerInfo) {
	p := c.peer(now, info)
	c.dropSession(p)
	p.session = newSession(c.room, &p.held, now)
	c.setPeerState(now, p, PeerConnecting)
	c.due(p)
}

// Detach ends a peer's session because its connection has ended, for err. The peer is dialled again at retryAt, if that is
// not zero.
func (c *Core) Detach(now time.Time, id PeerID, err error, retryAt time.Time) {
	p := c.peers[id]
	if p == nil {
		return
	}
	if p.session != nil || p.reason.Code == "" {
		p.reason = reasonOf(err)
	}
	c.dropSession(p)
	p.retryAt = retryAt
	state := PeerClosed
	if !retryAt.IsZero() {
		state = PeerRetry
	}
	c.setPeerState(now, p, state)
}

func (c *Core) dropSession(p *peer) {
	if p.session == nil {
		return
	}
	p.session = nil
	c.replica.DropPeer(uint64(p.id))
	c.budget()
	c.dirty = true
}

// setPeerState notes a state and tells of it.
func (c *Core) setPeerState(now time.Time, p *peer, state PeerState) {
	c.dirty = true
	if p.state == state && !p.since.IsZero() {
		return
	}
	gone := state == PeerClosed || state == PeerRetry
	wasGone := p.state == PeerClosed || p.state == PeerRetry
	p.state, p.since = state, now
	switch {
	case gone && !wasGone:
		c.event(Event{Time: now, Kind: EventPeerClosed, Peer: p.id, Address: p.Address, Code: p.reason.Code, Text: p.reason.Text})
	case state == PeerLive:
		c.event(Event{Time: now, Kind: EventPeerLive, Peer: p.id, Address: p.Address})
	}
	if gone {
		c.dropOld()
	}
}

// maxGone is how many accepted peers that have gone are still shown.
const maxGone = 8

// dropOld forgets the oldest accepted peers that have gone.
func (c *Core) dropOld() {
	var gone []*peer
	for _, p := range c.order {
		if p.Direction == Accepted && p.session == nil && p.state == PeerClosed {
			gone = append(gone, p)
		}
	}
	for len(gone) > maxGone {
		c.forget(gone[0])
		gone = gone[1:]
	}
}

// takeNotes acts on what a session wants its node to know.
func (c *Core) takeNotes(now time.Time, p *peer) {
	s := p.session
	for _, n := range s.notes {
		switch n.kind {
		case noteHello:
			p.agent, p.role = s.agent, s.role
		case noteRound:
			p.compared = true
			// A peer that lacks what is lost here too says nothing of what came after it; nor does one that lacks what an own
			// change waits for, which another may have.
			if p.theirs = s.rounds.theirs; n.n == 1 && c.guardWaits() {
				c.unguard(now, "a peer holds nothing of this key that is not here")
			}
		case noteWithheld:
			p.withheld = n.n
			c.event(Event{Time: now, Kind: EventWithheld, Peer: p.id, Address: p.Address, N: n.n})
		case noteHeld:
			c.room.noteHeld(&p.held)
		}
		c.dirty = true
	}
	s.notes = s.notes[:0]
	if state := s.state(); state != p.state {
		c.setPeerState(now, p, state)
	}
}

// noteRefusal remembers that a peer refused what was under way to it.
func (c *Core) noteRefusal(now time.Time, p *peer, e *PeerError) {
	flights := p.session.stream.flights
	if len(flights) == 0 || !refusesContent(e.ErrorCode) {
		return
	}
	r := refusal{peer: p.id, from: flights[0].from, reason: reasonOf(e)}
	for _, f := range flights {
		r.from, r.to = min(r.from, f.from), max(r.to, f.next)
	}
	if len(c.refusals) >= maxRefusals {
		c.refusals = c.refusals[1:]
	}
	c.refusals = append(c.refusals[:len(c.refusals):len(c.refusals)], r)
	c.event(Event{Time: now, Kind: EventNoteRefused, Peer: p.id, Address: p.Address, Code: e.ErrorCode, Text: e.Text})
}

// refusesContent reports whether a code is about what was sent, not about the connection.
func refusesContent(code string) bool {
	switch code {
	case "room-full", "malformed", "over-limit", "bad-links", "empty-ops", "duplicate-change", "bad-author", "not-a-writer",
		"bad-signature", "chain-author", "ancestor-refused":
		return true
	}
	return false
}

// countRefused counts a pack that was refused. p is nil if it had been pending.
func (c *Core) countRefused(now time.Time, p *peer, err error) {
	code := Code(err)
	c.cfg.Meter.refused.add(code)
	e := Event{Kind: EventRefused, Code: code, Text: err.Error()}
	if r, ok := asRefused(err); ok {
		e.Author, e.Change = r.Author, r.Change
	}
	if p == nil {
		e.Time, e.N = now, 1
		c.event(e)
		return
	}
	found := false
	for i := range p.refused {
		if p.refused[i].Code == code {
			p.refused[i].N++
			found = true
		}
	}
	if !found {
		p.refused = append(p.refused, RefusedCount{code, 1})
	}
	c.tally(now, p, e)
}

// status is what the snapshot shows of a peer.
func (p *peer) status(durable int) PeerStatus {
	st := PeerStatus{
		ID: p.id, Address: p.Address, Direction: p.Direction, Role: p.role, Agent: p.agent,
		State: p.state, Since: p.since, RetryAt: p.retryAt, Reason: p.reason,
		Ours: durable, Theirs: p.theirs, Behind: -1, Withheld: p.withheld,
		Refused: append([]RefusedCount(nil), p.refused...),
	}
	if s := p.session; s != nil && s.gotHello {
		st.Theirs = max(s.rounds.theirs, p.held.len())
	}
	if p.compared {
		st.Behind = durable - p.held.len()
	}
	if p.state == PeerCatchingUp || p.state == PeerComparing {
		st.ToReceive = max(0, st.Theirs-durable)
		st.ToSend = max(0, st.Behind)
	}
	if p.Stats != nil {
		st.BytesIn, st.BytesOut = p.Stats.BytesIn.Load(), p.Stats.BytesOut.Load()
		st.RTT = time.Duration(p.Stats.RTT.Load())
	}
	return st
}

// counts reports whether a peer counts in "sent k of m".
func (p *peer) counts(relays bool) bool {
	if !relays {
		return p.session != nil || p.Direction == Dialled
	}
	return p.role == RoleRelay && (p.session != nil || p.Direction == Dialled) || p.role == RoleUnknown && p.Direction == Dialled
}
