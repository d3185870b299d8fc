package transport

import "time"

// Snapshot makes the present state. It costs O(peers), whatever the length of the log. Call it after Commit.
func (c *Core) Snapshot(now time.Time) *Snapshot {
	c.version++
	c.dirty = false
	durable := c.room.durable
	pending, _ := c.replica.Pending()
	if c.fatal == nil || c.view == nil {
		c.view = c.replica.View()
	} // else the replica holds what is not durable: what was shown before stands
	s := &Snapshot{
		Version: c.version, Room: c.Room(), RoomName: c.cfg.Charter.Name, Me: c.room.me,
		View: c.view, Pending: pending + c.orphans.Changes(), Unsent: c.room.unsent,
		Events: c.news.newest(), Writing: c.writing, StoreErr: c.fatal, SelfFork: c.selfFork,
	}
	relays := false
	for _, p := range c.order {
		relays = relays || p.counts(true) && p.role == RoleRelay
	}
	s.held = heldSets{durable: durable, refused: c.refusals, peers: make([]heldBy, 0, len(c.order))}
	s.Peers = make([]PeerStatus, 0, len(c.order))
	connecting, catching := false, false
	for _, p := range c.order {
		st := p.status(durable)
		s.Peers = append(s.Peers, st)
		counts := p.counts(relays)
		s.held.peers = append(s.held.peers, heldBy{p.id, counts, p.held.freeze(&c.room.owners)})
		if counts {
			s.held.of++
		}
		if p.Direction == Dialled || p.session != nil {
			s.Of++
		}
		switch p.state {
		case PeerLive:
			s.Live++
		case PeerConnecting, PeerComparing:
			connecting = true
		case PeerCatchingUp:
			catching = true
		}
		s.CatchUp.Total = max(s.CatchUp.Total, st.Theirs)
	}
	s.held.ever = c.room.ever.freeze(&c.room.owners)
	s.Link = c.link(now, s, connecting, catching)
	return s
}

// link chooses the word for the whole and keeps the progress of catching up.
func (c *Core) link(now time.Time, s *Snapshot, connecting, catching bool) LinkState {
	behind := false
	for i := range s.Peers {
		behind = behind || s.Peers[i].ToReceive > 0
	}
	switch {
	case behind || catching && s.Live == 0:
		if c.catchUp.Since.IsZero() {
			c.catchUp = CatchUp{Since: now, From: c.room.durable}
		}
		s.CatchUp.Since, s.CatchUp.From = c.catchUp.Since, c.catchUp.From
		s.CatchUp.Done = c.room.durable
		s.CatchUp.Total = max(s.CatchUp.Total, c.room.durable)
		if !behind { // it is the peers that catch up
			s.CatchUp.Done = s.CatchUp.Total
			for i := range s.Peers {
				if p := &s.Peers[i]; p.State == PeerCatchingUp {
					s.CatchUp.Done = min(s.CatchUp.Done, c.room.durable-p.ToSend)
				}
			}
		}
		s.CatchUp.AtLeast = connecting
		return LinkCatchingUp
	case s.Live > 0:
		c.catchUp, s.CatchUp = CatchUp{}, CatchUp{}
		return LinkLive
	case connecting:
		c.catchUp, s.CatchUp = CatchUp{}, CatchUp{}
		return LinkConnecting
	default:
		c.catchUp, s.CatchUp = CatchUp{}, CatchUp{}
		return LinkOffline
	}
}
