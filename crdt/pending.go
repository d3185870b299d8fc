package crdt

import (
	"cmp"
	"slices"
	"time"
)

// pending holds packs whose signatures are good and whose parents are missing.
// It is accounted by weight: a pack to the peer that sent it, and its runs' bytes
// to their authors, for the choice of what gives way. Adding, evicting and
// removing a pack costs O(log n) for each of its authors.
//
// Invariant: what it does depends on what was added in which order alone, not on
// the order in which Go walks a map.
type pending struct {
	added   uint64 // packs, ever
	packs   map[*pendingPack]struct{}
	waiting map[ChangeID]map[*pendingPack]struct{} // by the parent they wait for now
	peers   map[uint64]*peerPending
	heavy   heap[*peerPending] // peers, the heaviest first
	bytes   int
}

type peerPending struct {
	id      uint64
	packs   map[*pendingPack]struct{}
	bytes   int
	evicted bool // since Expire last reported
	authors map[Author]*authorShare
	heavy   heap[*authorShare] // authors, the heaviest first
	at      int                // in pending.heavy
}

// authorShare is what one peer's packs hold of one author.
type authorShare struct {
	author Author
	bytes  int
	heavy  heap[*packShare] // the heaviest first
	at     int              // in peerPending.heavy
}

// packShare is what one pack holds of one author.
type packShare struct {
	pack  *pendingPack
	of    *authorShare
	bytes int
	at    int // in authorShare.heavy
}

type pendingPack struct {
	pack   *Pack
	peer   uint64
	added  uint64 // number of the pack
	since  time.Time
	wants  ChangeID // the missing parent that it is filed under
	shares []*packShare
}

func newPending() *pending {
	return &pending{
		packs:   make(map[*pendingPack]struct{}),
		waiting: make(map[ChangeID]map[*pendingPack]struct{}),
		peers:   make(map[uint64]*peerPending),
		heavy: heap[*peerPending]{
			before: func(a, b *peerPending) bool { return a.bytes > b.bytes || a.bytes == b.bytes && a.id < b.id },
			at:     func(s *peerPending) *int { return &s.at },
		},
	}
}

// peer is the account of a peer, a new one if it has none.
func (p *pending) peer(id uint64) *peerPending {
	s := p.peers[id]
	if s == nil {
		s = &peerPending{
			id: id, packs: make(map[*pendingPack]struct{}), authors: make(map[Author]*authorShare),
			heavy: heap[*authorShare]{
				before: func(a, b *authorShare) bool {
					return a.bytes > b.bytes || a.bytes == b.bytes && compareAuthors(a.author, b.author) < 0
				},
				at: func(s *authorShare) *int { return &s.at },
			},
		}
		p.peers[id] = s
		p.heavy.push(s)
	}
	return s
}

// forget closes the account of a peer of which nothing is here.
func (p *pending) forget(s *peerPending) {
	p.heavy.remove(s)
	delete(p.peers, s.id)
}

// share is the account of an author, a new one if it has none.
func (s *peerPending) share(author Author) *authorShare {
	a := s.authors[author]
	if a == nil {
		a = &authorShare{author: author, heavy: heap[*packShare]{
			before: func(a, b *packShare) bool {
				return a.bytes > b.bytes || a.bytes == b.bytes && a.pack.added < b.pack.added
			},
			at: func(s *packShare) *int { return &s.at },
		}}
		s.authors[author] = a
		s.heavy.push(a)
	}
	return a
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
	p.heavy.fix(peer)
	peer.charge(pp)
	for peer.bytes > MaxPendingPeerBytes {
		p.evict(peer)
	}
	p.trim(MaxPendingBytes)
}

// trim makes room until no more than so many bytes are here.
func (p *pending) trim(bytes int) {
	for p.bytes > bytes {
		p.evict(p.heavy.first())
	}
}

// evict removes the heaviest pack of the heaviest author of a peer.
func (p *pending) evict(from *peerPending) {
	from.evicted = true
	p.remove(from.heavy.first().heavy.first().pack)
}

// weight is what a pack counts for: the bytes of its frame and what a change takes
// besides, but never less than what MaxPendingPacks of them may share. So many
// small packs, or changes, are a weight of the peer that sends them, and push out
// its own, never those of others.
func (pp *pendingPack) weight() int {
	return max(pp.pack.Bytes()+pp.pack.changes*pendingChangeBytes, MaxPendingBytes/MaxPendingPacks)
}

// charge puts the bytes of pp's runs to their authors' accounts.
func (s *peerPending) charge(pp *pendingPack) {
	of := make(map[Author]*packShare, 1)
	pp.shares = pp.shares[:0]
	for i := range pp.pack.runs {
		run := &pp.pack.runs[i]
		k := of[run.author]
		if k == nil {
			k = &packShare{pack: pp, of: s.share(run.author)}
			of[run.author] = k
			pp.shares = append(pp.shares, k)
		}
		k.bytes += pp.pack.payloadBytes(run)
	}
	for _, k := range pp.shares {
		k.of.heavy.push(k)
		k.of.bytes += k.bytes
		s.heavy.fix(k.of)
	}
}

// discharge takes the bytes of pp's runs off their authors' accounts.
func (s *peerPending) discharge(pp *pendingPack) {
	for _, k := range pp.shares {
		k.of.heavy.remove(k)
		if k.of.bytes -= k.bytes; k.of.bytes == 0 {
			s.heavy.remove(k.of)
			delete(s.authors, k.of.author)
		} else {
			s.heavy.fix(k.of)
		}
	}
	pp.shares = nil
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
	peer.discharge(pp)
	if peer.bytes == 0 && !peer.evicted {
		p.forget(peer)
	} else {
		p.heavy.fix(peer)
	}
}

// dropPeer removes all that a peer has sent, and its account.
func (p *pending) dropPeer(id uint64) {
	peer := p.peers[id]
	if peer == nil {
		return
	}
	peer.evicted = true // so that its account lasts until all is removed
	for pp := range peer.packs {
		p.remove(pp)
	}
	p.forget(peer)
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
