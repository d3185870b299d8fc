package crdt

import "time"

// pending holds packs whose signatures are good and whose parents are missing.
// It is accounted in bytes of frames: a pack to the peer that sent it, and its
// runs' bytes to their authors, for the choice of what gives way.
type pending struct {
	packs   map[*pendingPack]struct{}
	waiting map[ChangeID]map[*pendingPack]struct{} // by the parent they wait for now
	peers   map[uint64]*peerPending
	bytes   int
}

type peerPending struct {
	bytes   int
	evicted bool // since Expire last reported
}

type pendingPack struct {
	pack  *Pack
	peer  uint64
	since time.Time
	wants ChangeID // the missing parent that it is filed under
}

func newPending() *pending {
	return &pending{
		packs:   make(map[*pendingPack]struct{}),
		waiting: make(map[ChangeID]map[*pendingPack]struct{}),
		peers:   make(map[uint64]*peerPending),
	}
}

func (p *pending) peer(id uint64) *peerPending {
	s := p.peers[id]
	if s == nil {
		s = &peerPending{}
		p.peers[id] = s
	}
	return s
}

// add files pp under the parent it wants, then makes room: the heaviest author
// of the heaviest peer gives way first, whole packs at a time.
func (p *pending) add(pp *pendingPack) {
	p.packs[pp] = struct{}{}
	p.file(pp)
	p.bytes += pp.pack.bytes
	p.peer(pp.peer).bytes += pp.pack.bytes
	for p.bytes > MaxPendingBytes || p.peer(pp.peer).bytes > MaxPendingPeerBytes || len(p.packs) > MaxPendingPacks {
		peer := pp.peer
		if p.peer(peer).bytes <= MaxPendingPeerBytes {
			peer = p.heaviestPeer()
		}
		p.peer(peer).evicted = true
		p.remove(p.heaviestOf(peer))
	}
}

func (p *pending) file(pp *pendingPack) {
	set := p.waiting[pp.wants]
	if set == nil {
		set = make(map[*pendingPack]struct{})
		p.waiting[pp.wants] = set
	}
	set[pp] = struct{}{}
}

func (p *pending) unfile(pp *pendingPack) {
	set := p.waiting[pp.wants]
	delete(set, pp)
	if len(set) == 0 {
		delete(p.waiting, pp.wants)
	}
}

func (p *pending) remove(pp *pendingPack) {
	delete(p.packs, pp)
	p.unfile(pp)
	p.bytes -= pp.pack.bytes
	peer := p.peers[pp.peer]
	peer.bytes -= pp.pack.bytes
	if peer.bytes == 0 && !peer.evicted {
		delete(p.peers, pp.peer)
	}
}

func (p *pending) heaviestPeer() uint64 {
	var heaviest uint64
	most := -1
	for id, s := range p.peers {
		if s.bytes > most || s.bytes == most && id < heaviest {
			heaviest, most = id, s.bytes
		}
	}
	return heaviest
}

// heaviestOf is the pack of that peer that weighs most for the author whose
// runs weigh most. Packs are at most MaxPendingPacks, so the scan is bounded.
func (p *pending) heaviestOf(peer uint64) *pendingPack {
	weight := make(map[Author]int)
	for pp := range p.packs {
		if pp.peer == peer {
			for i := range pp.pack.runs {
				weight[pp.pack.runs[i].author] += pp.pack.runs[i].payloadBytes()
			}
		}
	}
	var author Author
	most := -1
	for a, w := range weight {
		if w > most || w == most && compareAuthors(a, author) < 0 {
			author, most = a, w
		}
	}
	var heaviest *pendingPack
	most = -1
	for pp := range p.packs {
		if pp.peer != peer {
			continue
		}
		w := 0
		for i := range pp.pack.runs {
			if pp.pack.runs[i].author == author {
				w += pp.pack.runs[i].payloadBytes()
			}
		}
		if w > most || w == most && pp.since.Before(heaviest.since) {
			heaviest, most = pp, w
		}
	}
	return heaviest
}

func (r *run) payloadBytes() int {
	n := runOverheadBytes
	for i := range r.changes {
		n += len(r.changes[i].payload) + changeOverheadBytes
	}
	return n
}

// take removes and returns the packs that wait for id.
func (p *pending) take(id ChangeID) []*pendingPack {
	set := p.waiting[id]
	if len(set) == 0 {
		return nil
	}
	taken := make([]*pendingPack, 0, len(set))
	for pp := range set {
		taken = append(taken, pp)
	}
	for _, pp := range taken {
		p.remove(pp)
	}
	return taken
}
