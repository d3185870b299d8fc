package crdt

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// check verifies the invariants that the types of this package state, from
// scratch. Tests call it after every step; it costs far more than the step.
func (r *Replica) check() error {
	if err := r.log.check(); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	if err := r.pending.check(); err != nil {
		return fmt.Errorf("pending: %w", err)
	}
	if d, ok := r.doc.(*jsonDoc); ok {
		if err := d.check(); err != nil {
			return fmt.Errorf("document: %w", err)
		}
	}
	return nil
}

func (l *log) check() error {
	parents := make(map[int32]bool)
	children := make(map[int32][]int32) // by prev
	began := make(map[uint32][]int32)   // by author
	for i := range l.n {
		rec := l.at(i)
		if err := l.checkRecord(i, rec); err != nil {
			return fmt.Errorf("change %d: %w", i, err)
		}
		for p := range l.parents(i) {
			parents[p] = true
		}
		if rec.prev == none {
			began[l.author(i)] = append(began[l.author(i)], i)
		} else {
			children[rec.prev] = append(children[rec.prev], i)
		}
	}
	if l.index.len() != int(l.n) || l.heads.n != l.n {
		return fmt.Errorf("%d changes, %d in the index, %d of which heads are", l.n, l.index.len(), l.heads.n)
	}
	if err := l.checkBlocks(); err != nil {
		return err
	}
	isHead := make(map[int32]bool)
	for i := range l.heads.up {
		isHead[i] = true
	}
	for i := range l.n {
		if c := children[i]; len(c) == 0 && l.child(i) != none || len(c) > 0 && !slices.Contains(c, l.child(i)) {
			return fmt.Errorf("change %d: chain child %d, want one of %d", i, l.child(i), c)
		}
		if isHead[i] == parents[i] {
			return fmt.Errorf("change %d: head %v, parent %v", i, isHead[i], parents[i])
		}
		if among := l.heads.among[i/64]&(1<<(i%64)) != 0; among != (isHead[i] && i != l.n-1) {
			return fmt.Errorf("change %d: head %v, noted %v", i, isHead[i], among)
		}
	}
	forks := 0
	for a := range l.authors {
		n, err := l.checkAuthor(uint32(a), began[uint32(a)], children)
		if err != nil {
			return fmt.Errorf("author %v: %w", l.keys[a], err)
		}
		forks += n
	}
	if err := l.checkForked(); err != nil {
		return err
	}
	if forks != len(l.forks) {
		return fmt.Errorf("%d forks noted, %d there", len(l.forks), forks)
	}
	return l.checkPacks()
}

// checkBlocks checks that the payloads lie apart from one another, and add up.
func (l *log) checkBlocks() error {
	type place struct {
		block      *byte
		start, end uint32
	}
	var places []place
	total := 0
	for i := range l.n {
		block := l.blocks.of(i)
		start, end := l.at(i).pos, uint32(0)
		if _, end = byteStringAt(block, start); int(end) > len(block) {
			return fmt.Errorf("payload %d ends at %d of %d", i, end, len(block))
		}
		places = append(places, place{&block[0], start, end})
		total += len(l.payload(i))
	}
	if total != l.payloadBytes {
		return fmt.Errorf("%d bytes of payloads, counted %d", l.payloadBytes, total)
	}
	byBlock := make(map[*byte][]place)
	for _, p := range places {
		byBlock[p.block] = append(byBlock[p.block], p)
	}
	for _, in := range byBlock {
		slices.SortFunc(in, func(a, b place) int { return cmp.Compare(a.start, b.start) })
		for k := 1; k < len(in); k++ {
			if in[k].start < in[k-1].end {
				return fmt.Errorf("payloads overlap: [%d, %d) and [%d, %d)", in[k-1].start, in[k-1].end, in[k].start, in[k].end)
			}
		}
	}
	return nil
}

// parents yields prev and links of change i by log index.
func (l *log) parents(i int32) func(func(int32) bool) {
	return func(yield func(int32) bool) {
		if p := l.prev(i); p != none && !yield(p) {
			return
		}
		for _, p := range l.links(i) {
			if !yield(p) {
				return
			}
		}
	}
}

func (l *log) checkRecord(i int32, rec *record) error {
	if at, ok := l.find(l.id(i)); !ok || at != i {
		return fmt.Errorf("the index says %d", at)
	}
	prev := ChangeID(l.room)
	if rec.prev != none {
		prev = l.id(rec.prev)
	}
	prefix := newChainPrefix(l.room, l.keys[l.author(i)])
	if id := prefix.id(prev, payloadHash(l.payload(i))); id != l.id(i) {
		return fmt.Errorf("id %v, its bytes give %v", l.id(i), id)
	}
	e, err := parseEnvelope(l.payload(i), l.room, prev)
	if err != nil {
		return err
	}
	if decodes(e.ops) != l.decodes(i) || !bytes.Equal(e.ops, l.ops(i)) {
		return fmt.Errorf("ops %x, which decode: %v, its bytes say %x", l.ops(i), l.decodes(i), e.ops)
	}
	refs, links := l.links(i), e.links
	if len(refs) != links.Len() {
		return fmt.Errorf("%d links, its bytes say %d", len(refs), links.Len())
	}
	for k, p := range refs {
		if l.id(p) != links.At(k) {
			return fmt.Errorf("link %d is change %d, its bytes say %v", k, p, links.At(k))
		}
	}
	lamport := uint32(0)
	for p := range l.parents(i) {
		if p >= i {
			return fmt.Errorf("parent %d is not before it", p)
		}
		lamport = max(lamport, l.at(p).lamport)
	}
	if rec.lamport != lamport+1 || rec.seq != l.seq(rec.prev)+1 {
		return fmt.Errorf("seq %d, lamport %d, want %d, %d", rec.seq, rec.lamport, l.seq(rec.prev)+1, lamport+1)
	}
	if rec.prev != none && l.author(rec.prev) != l.author(i) {
		return fmt.Errorf("prev is of another author")
	}
	return nil
}

// checkForked checks that the authors noted as forked are those that are.
func (l *log) checkForked() error {
	n := 0
	for a, s := range l.authors {
		noted := false
		if l.forked != nil {
			_, noted = l.forked.Get(l.keys[a])
		}
		if noted != s.forked {
			return fmt.Errorf("author %v: forked %v, noted %v", l.keys[a], s.forked, noted)
		}
		if noted {
			n++
		}
	}
	if l.forked != nil && l.forked.Len() != n {
		return fmt.Errorf("%d forked authors noted, %d there", l.forked.Len(), n)
	}
	return nil
}

// checkAuthor counts the forks of an author.
func (l *log) checkAuthor(a uint32, began []int32, children map[int32][]int32) (forks int, err error) {
	s := &l.authors[a]
	if at, ok := l.authorOf[l.keys[a]]; !ok || at != a {
		return 0, fmt.Errorf("is number %d and %d", a, at)
	}
	genesis := none
	if len(began) > 0 {
		genesis = began[0]
	}
	if s.genesis != genesis {
		return 0, fmt.Errorf("genesis %d, want %d", s.genesis, genesis)
	}
	var want []int32
	if len(began) > 1 {
		forks++
	}
	for i := range l.n {
		if l.author(i) != a {
			continue
		}
		if len(children[i]) == 0 {
			want = append(want, i)
		}
		if len(children[i]) > 1 {
			forks++
		}
	}
	got := slices.Collect(s.eachTip)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		return 0, fmt.Errorf("tips %d, want %d", got, want)
	}
	if len(want) > 0 && !slices.Contains(want, s.tip) {
		return 0, fmt.Errorf("tip %d is none", s.tip)
	}
	if s.forked != (forks > 0) {
		return 0, fmt.Errorf("forked %v, with %d forks", s.forked, forks)
	}
	return forks, nil
}

// checkPacks checks that the packs follow one another, hold to the bounds of the
// format, and have the signature of every run's end.
func (l *log) checkPacks() error {
	if l.sealed > l.n || len(l.packs) == 0 != (l.sealed == 0) {
		return fmt.Errorf("%d of %d changes sealed in %d packs", l.sealed, l.n, len(l.packs))
	}
	unsigned := 0
	for i := l.sealed; i < l.n; i++ {
		unsigned += len(l.payload(i)) + changeOverheadBytes
	}
	if unsigned != l.unsigned {
		return fmt.Errorf("%d bytes unsigned, counted %d", l.unsigned, unsigned)
	}
	for p, mark := range l.packs {
		end := l.packEnd(p)
		if p == 0 && mark.start != 0 || mark.start >= end {
			return fmt.Errorf("pack %d is [%d, %d)", p, mark.start, end)
		}
		ends := 0
		for i := mark.start; i < end; i++ {
			if c := l.child(i); c != none && c < end {
				continue
			}
			ends++
			if _, ok := l.sigs[i]; !ok {
				return fmt.Errorf("pack %d: no signature of change %d", p, i)
			}
		}
		if int(end-mark.start) > MaxPackChanges || int(mark.runs) > MaxPackRuns || ends > int(mark.runs) {
			return fmt.Errorf("pack %d: %d changes, %d runs, %d counted", p, end-mark.start, ends, mark.runs)
		}
	}
	return nil
}

func (p *pending) check() error {
	bytes, filed := 0, 0
	peers := make(map[uint64]int)
	for pp := range p.packs {
		bytes += pp.weight()
		peers[pp.peer] += pp.weight()
		if _, ok := p.waiting[pp.wants][pp]; !ok {
			return fmt.Errorf("a pack is not filed under %v", pp.wants)
		}
	}
	for _, set := range p.waiting {
		filed += len(set)
	}
	if bytes != p.bytes || filed != len(p.packs) {
		return fmt.Errorf("%d bytes, %d filed; counted %d, %d", p.bytes, filed, bytes, len(p.packs))
	}
	if bytes > MaxPendingBytes || len(p.packs) > MaxPendingPacks {
		return fmt.Errorf("%d packs of %d bytes", len(p.packs), bytes)
	}
	for id, s := range p.peers {
		if s.bytes != peers[id] || s.bytes > MaxPendingPeerBytes {
			return fmt.Errorf("peer %d: %d bytes, counted %d", id, s.bytes, peers[id])
		}
		if err := s.check(); err != nil {
			return fmt.Errorf("peer %d: %w", id, err)
		}
	}
	if len(p.heavy.items) != len(p.peers) {
		return fmt.Errorf("%d of %d peers in order", len(p.heavy.items), len(p.peers))
	}
	return p.heavy.check()
}

func (s *peerPending) check() error {
	authors := make(map[Author]int)
	for pp := range s.packs {
		for i := range pp.pack.runs {
			authors[pp.pack.runs[i].author] += pp.pack.payloadBytes(&pp.pack.runs[i])
		}
	}
	if len(authors) != len(s.authors) || len(authors) != len(s.heavy.items) {
		return fmt.Errorf("%d authors, %d of them in order, counted %d", len(s.authors), len(s.heavy.items), len(authors))
	}
	for author, a := range s.authors {
		if a.bytes != authors[author] {
			return fmt.Errorf("author %v: %d bytes, counted %d", author, a.bytes, authors[author])
		}
		if err := a.heavy.check(); err != nil {
			return fmt.Errorf("author %v: %w", author, err)
		}
	}
	return s.heavy.check()
}

func (h *heap[T]) check() error {
	for i, x := range h.items {
		if *h.at(x) != i || i > 0 && h.before(x, h.items[(i-1)/2]) {
			return fmt.Errorf("item %d of %d is out of order", i, len(h.items))
		}
	}
	return nil
}
