package crdt

import (
	"cmp"
	"slices"
	"time"
)

// pending holds packs whose signatures are good and whose parents are missing.
// It is accounted by weight: a pack to the peer that sent it, and its runs' bytes
// to their authors, for the choice of what gives way.
//
// Invariant: what it does depends on what was added in which order alone, not on
// the order in which Go walks a map.
type pending struct {
	added   uint64 // packs, ever
	packs   map[*pendingPack]struct{}
	waiting map[ChangeID]map[*pendingPack]struct{} // by the parent they wait for now
	peers   map[uint64]*peerPending
	bytes   int
}

type peerPending struct {
	packs   map[*pendingPack]struct{}
	bytes   int
	evicted bool // since Expire last reported
}

type pendingPack struct {
	pack  *Pack
	peer  uint64
	added uint64 // number of the pack
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
		s = &peerPending{packs: make(map[*pendingPack]struct{})}
		p.peers[id] = s
	}
	return s
}

// add files pp under the parent it wants, then makes room: the heaviest author
// of the heaviest peer gives way first, whole packs at a time.
func (p *pending) add(pp *pendingPack) {
	p.added++
	pp.added = p.added
	p.packs[pp] = struct{}{}
	p.file(pp)
	p.bytes += pp.weight()
	peer := p.peer(pp.peer)
	peer.packs[pp] = struct{}{}
	peer.bytes += pp.weight()
	for p.bytes > MaxPendingBytes || peer.bytes > MaxPendingPeerBytes {
		from := pp.peer
		if peer.bytes <= MaxPendingPeerBytes {
			from = p.heaviestPeer()
		}
		p.peers[from].evicted = true
		p.remove(p.heaviestOf(from))
	}
}

// weight is what a pack counts for: the bytes of its frame and what a change takes
// besides, but never less than what MaxPendingPacks of them may share. So many
// small packs, or changes, are a weight of the peer that sends them, and push out
// its own, never those of others.
func (pp *pendingPack) weight() int {
	return max(pp.pack.Bytes()+pp.pack.changes*pendingChangeBytes, MaxPendingBytes/MaxPendingPacks)
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
	p.bytes -= pp.weight()
	peer := p.peers[pp.peer]
	delete(peer.packs, pp)
	peer.bytes -= pp.weight()
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
// runs weigh most. The scan is bounded by what one peer may have here.
func (p *pending) heaviestOf(peer uint64) *pendingPack {
	weight := make(map[Author]int)
	for pp := range p.peers[peer].packs {
		for i := range pp.pack.runs {
			weight[pp.pack.runs[i].author] += pp.pack.payloadBytes(&pp.pack.runs[i])
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
	for pp := range p.peers[peer].packs {
		w := 0
		for i := range pp.pack.runs {
			if pp.pack.runs[i].author == author {
				w += pp.pack.payloadBytes(&pp.pack.runs[i])
			}
		}
		if w > most || w == most && pp.added < heaviest.added {
			heaviest, most = pp, w
		}
	}
	return heaviest
}

func (p *Pack) payloadBytes(r *run) int {
	n := runOverheadBytes
	for i := r.first; i < r.end(); i++ {
		n += len(p.payload(i)) + changeOverheadBytes
	}
	return n
}

// take removes and returns the packs that wait for id, oldest first.
func (p *pending) take(id ChangeID) []*pendingPack {
	set := p.waiting[id]
	if len(set) == 0 {
		return nil
	}
	taken := make([]*pendingPack, 0, len(set))
	for pp := range set {
		taken = append(taken, pp)
	}
	slices.SortFunc(taken, func(a, b *pendingPack) int { return cmp.Compare(a.added, b.added) })
	for _, pp := range taken {
		p.remove(pp)
	}
	return taken
}
