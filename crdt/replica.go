package crdt

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Replica is one room's log and document. It is not safe for concurrent use;
// hand other goroutines a [View].
type Replica struct {
	charter Charter
	room    RoomID
	checker *Checker
	log     *log
	doc     document
	pending *pending

	observers []*observer
	journal   *journal // nil: nobody observes
	observing bool     // an observer is being called
}

// NewReplica returns the empty replica of the room that c founds. The error
// wraps [ErrCharter].
func NewReplica(c Charter) (*Replica, error) {
	return newReplica(c, func(l *log) document { return newDocument(c.Kind, l) })
}

// NewKeeper returns a replica that checks, keeps and hands on changes like any
// other and makes no document of them: what a relay needs. It costs less, and no
// author can make it work on a document. It has no rows, no marks, the zero
// document digest, and no [Writer].
func NewKeeper(c Charter) (*Replica, error) {
	return newReplica(c, func(*log) document { return noDocument{} })
}

func newReplica(c Charter, doc func(*log) document) (*Replica, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	checker := NewChecker(c)
	l := newLog(checker.room)
	return &Replica{charter: c, room: checker.room, checker: checker, log: l, doc: doc(l), pending: newPending()}, nil
}

// Room is the room's id.
func (r *Replica) Room() RoomID { return r.room }

// Charter is what founded the room.
func (r *Replica) Charter() Charter { return r.charter }

// keeps reports whether r is a keeper.
func (r *Replica) keeps() bool {
	_, keeper := r.doc.(noDocument)
	return keeper
}

// An Outcome says what became of a pack: exactly one of refused (Err), pending
// (Missing), or accepted. Whatever became of it, the log may have grown by packs
// that waited.
type Outcome struct {
	Err     error      // a *[RefusedError], or [ErrUnsigned] or [ErrObserving] for a call out of turn
	Missing []ChangeID // parents that are neither accepted nor in the pack, ≤ MaxMissing
	From    int        // the log indexes [From, To) are new
	To      int
	Refused []*RefusedError // packs that waited for a change that turned out to be refused
}

// Receive takes a checked pack that peer sent at now. The pack is accepted,
// pending or refused as a whole; whether it is accepted depends on the set of
// packs received, never on their order. Own changes must be signed before it is
// called ([Writer.Sign]). A pack that [Checker.Check] refused is for
// [Replica.Condemn].
func (r *Replica) Receive(p *Pack, peer uint64, now time.Time) Outcome {
	out := Outcome{From: int(r.log.n)}
	if err := r.ready(); err != nil {
		out.Err, out.To = err, out.From
		return out
	}
	out.Missing, out.Err = r.offer(&pendingPack{pack: p, peer: peer, since: now}, &out)
	r.release(out.From, &out)
	out.To = int(r.log.n)
	return out
}

// ready is the error of a call out of turn.
func (r *Replica) ready() error {
	switch {
	case r.observing:
		return ErrObserving
	case r.log.sealed != r.log.n:
		return ErrUnsigned
	}
	return nil
}

// Condemn remembers that a checker refused a change for its own bytes, so that
// changes that name it are refused as well instead of waiting. It has no effect
// for errors of other kinds.
func (r *Replica) Condemn(err error) (also []*RefusedError) {
	var refused *RefusedError
	if !errors.As(err, &refused) || !refused.forBytes() || r.has(refused.Change) {
		return nil
	}
	var out Outcome
	r.condemn(refused, &out)
	return out.Refused
}

// condemn remembers what e refuses and what follows that in its run, refuses what
// waits for one of them, and what waits for that, iteratively.
func (r *Replica) condemn(e *RefusedError, out *Outcome) {
	var queue []ChangeID
	add := func(e *RefusedError) {
		for _, id := range append([]ChangeID{e.Change}, e.after...) {
			r.log.refused.add(id)
			queue = append(queue, id)
		}
	}
	for add(e); len(queue) > 0; queue = queue[1:] {
		for _, pp := range r.pending.take(queue[0]) {
			_, _, err := r.missing(pp.pack)
			if err == nil {
				// Forgotten again already: so many were condemned at once.
				err = &RefusedError{Offset: -1, Err: fmt.Errorf("%w: %v", ErrAncestorRefused, queue[0])}
			} else {
				add(err)
			}
			out.Refused = append(out.Refused, err)
		}
	}
}

func (r *Replica) has(id ChangeID) bool {
	_, ok := r.log.find(id)
	return ok
}

// offer accepts pp, files it as pending, or refuses it.
func (r *Replica) offer(pp *pendingPack, out *Outcome) ([]ChangeID, error) {
	pack := pp.pack.without(r.has)
	if pack.Empty() {
		return nil, nil
	}
	missing, order, refused := r.missing(pack)
	switch {
	case refused != nil:
		r.condemn(refused, out)
		return nil, refused
	case len(missing) > 0:
		pp.wants = missing[0]
		r.pending.add(pp)
		return missing, nil
	default:
		r.accept(pack, order)
		return nil, nil
	}
}

// release offers the packs that waited for what was accepted from index from on.
// It is a loop, not a recursion: what it accepts lengthens what it walks.
func (r *Replica) release(from int, out *Outcome) {
	for i := int32(from); i < r.log.n; i++ {
		for _, pp := range r.pending.take(r.log.id(i)) {
			if _, err := r.offer(pp, out); err != nil {
				var refused *RefusedError
				if errors.As(err, &refused) {
					out.Refused = append(out.Refused, refused)
				}
			}
		}
	}
}

// without is p less the runs and the fronts of runs that has names. The set of
// accepted changes is closed under ancestors, so what it has of a run is a front.
func (p *Pack) without(has func(ChangeID) bool) *Pack {
	if len(p.runs) == 0 || !p.anyKnown(has) {
		return p
	}
	rest := &Pack{bytes: p.bytes}
	for _, run := range p.runs {
		for len(run.changes) > 0 && has(run.changes[0].id) {
			run.prev = run.changes[0].id
			run.changes = run.changes[1:]
		}
		if len(run.changes) > 0 {
			rest.runs = append(rest.runs, run)
			rest.changes += len(run.changes)
		}
	}
	return rest
}

func (p *Pack) anyKnown(has func(ChangeID) bool) bool {
	for i := range p.runs {
		if has(p.runs[i].changes[0].id) {
			return true
		}
	}
	return false
}

// each yields the changes of the pack with their numbers, counted over its runs.
func (p *Pack) each(yield func(i int, run *run, c *checkedChange, prev ChangeID) bool) {
	i := 0
	for k := range p.runs {
		run := &p.runs[k]
		prev := run.prev
		for j := range run.changes {
			if !yield(i, run, &run.changes[j], prev) {
				return
			}
			prev = run.changes[j].id
			i++
		}
	}
}

// missing finds the parents of p that are neither in the log nor in p. If there
// are none, order is an order in which every parent comes first.
func (r *Replica) missing(p *Pack) (missing []ChangeID, order []int32, refused *RefusedError) {
	s := newSorter(p)
	var named map[ChangeID]bool // missing
	p.each(func(i int, run *run, c *checkedChange, prev ChangeID) bool {
		refuse := func(err error) bool {
			refused = run.refuse(c.id, err)
			return false
		}
		first := c == &run.changes[0]
		if first && prev != ChangeID(r.room) {
			author, found := r.authorOf(prev, s)
			if found && author != run.author {
				return refuse(ErrChainAuthor)
			}
		}
		parent := func(id ChangeID) bool {
			switch {
			case r.has(id) || s.within(i, id):
			case r.log.refused.has(id):
				return refuse(fmt.Errorf("%w: %v", ErrAncestorRefused, id))
			case len(missing) < MaxMissing && !named[id]:
				if named == nil {
					named = make(map[ChangeID]bool)
				}
				named[id] = true
				missing = append(missing, id)
			}
			return true
		}
		if first && prev != ChangeID(r.room) && !parent(prev) {
			return false
		}
		for k := range c.envelope.links.Len() {
			if !parent(c.envelope.links.At(k)) {
				return false
			}
		}
		return true
	})
	if refused != nil || len(missing) > 0 {
		return missing, nil, refused
	}
	return nil, s.order(), nil
}

func (r *Replica) authorOf(id ChangeID, s *sorter) (Author, bool) {
	if i, ok := r.log.find(id); ok {
		return r.log.keys[r.log.author(i)], true
	}
	return s.author(id)
}

// accept appends the changes of p in the given order to the log, seals them as a
// pack, and applies them.
func (r *Replica) accept(p *Pack, order []int32) {
	changes := make([]*checkedChange, p.changes)
	runs := make([]*run, p.changes)
	prevs := make([]ChangeID, p.changes)
	p.each(func(i int, run *run, c *checkedChange, prev ChangeID) bool {
		changes[i], runs[i], prevs[i] = c, run, prev
		return true
	})
	p.unalias(changes)
	from := r.log.n
	at := make([]int32, p.changes)
	for _, i := range order {
		prev := none
		if prevs[i] != ChangeID(r.room) {
			prev, _ = r.log.find(prevs[i])
		}
		at[i] = r.log.add(r.log.authorIndex(runs[i].author), prev, changes[i])
	}
	// Runs stay as they came, whatever branches off them within the pack: so what is written of it is never longer.
	for i := 1; i < len(at); i++ {
		if runs[i] == runs[i-1] {
			r.log.child[at[i-1]] = at[i]
		}
	}
	ends := make([]runEnd, len(p.runs))
	for i := range p.runs {
		last, _ := r.log.find(p.runs[i].last())
		ends[i] = runEnd{last: last, sig: p.runs[i].sig}
	}
	r.log.seal(ends)
	for i := from; i < r.log.n; i++ {
		r.apply(i)
	}
	r.publish()
}

// unalias puts copies in place of the changes of p if most of its frame is not
// theirs: else whoever sends one new change among a megabyte of known ones makes
// the log hold all of it.
func (p *Pack) unalias(changes []*checkedChange) {
	size := 0
	for _, c := range changes {
		size += len(c.payload)
	}
	if 2*size >= p.bytes {
		return
	}
	buf := make([]byte, 0, size)
	for i, c := range changes {
		start := len(buf)
		buf = append(buf, c.payload...)
		own := *c
		own.payload = buf[start:len(buf):len(buf)]
		changes[i] = &own
	}
}

// Load is [Checker.Stored] and [Replica.LoadPack].
func (r *Replica) Load(frame []byte) error {
	p, err := r.checker.Stored(frame)
	if err != nil {
		return err
	}
	return r.LoadPack(p)
}

// LoadPack takes a pack from this replica's own store, in the order in which it
// was stored. Its signatures are kept unchecked: call [Replica.VerifyTips] when all
// is loaded. The errors are those of [Checker.Check], [ErrMissing] if a parent was
// not stored before, [ErrUnsigned] and [ErrObserving].
func (r *Replica) LoadPack(p *Pack) error {
	if err := r.ready(); err != nil {
		return err
	}
	p = p.without(r.has)
	if p.Empty() {
		return nil
	}
	missing, order, refused := r.missing(p)
	switch {
	case refused != nil:
		return refused
	case len(missing) > 0:
		return &RefusedError{Offset: -1, Err: fmt.Errorf("%w: %v", ErrMissing, missing[0])}
	}
	for i := range p.runs {
		if _, judged := r.log.authorOf[p.runs[i].author]; judged {
			continue
		}
		if refused := r.charter.checkAuthor(&p.runs[i]); refused != nil {
			return refused
		}
	}
	r.accept(p, order)
	return nil
}

// VerifyTips checks the signature of every chain's newest change, which covers
// all of the chain. The error is a *[RefusedError] for the first that is bad.
func (r *Replica) VerifyTips() error {
	for k := range r.log.authors {
		a, key := &r.log.authors[k], r.log.keys[k]
		for i := range a.eachTip {
			if i >= r.log.sealed {
				continue
			}
			sig, id := r.log.sigs[i], r.log.id(i)
			if !verify(r.room, key, id, sig[:]) {
				return &RefusedError{Author: key, Change: id, Offset: -1, Err: ErrBadSignature}
			}
		}
	}
	return nil
}

// Expire drops the packs that have been pending for [PendingExpiry], and returns
// the peers of which packs were dropped or evicted since it was last called:
// compare with them anew, so that nothing is lost for good.
func (r *Replica) Expire(now time.Time) (peers []uint64) {
	for pp := range r.pending.packs {
		if now.Sub(pp.since) >= PendingExpiry {
			r.pending.peer(pp.peer).evicted = true
			r.pending.remove(pp)
		}
	}
	for id, s := range r.pending.peers {
		if s.evicted {
			s.evicted = false
			peers = append(peers, id)
			if s.bytes == 0 {
				delete(r.pending.peers, id)
			}
		}
	}
	slices.Sort(peers)
	return peers
}

// DropPeer forgets what is pending from a peer that has gone.
func (r *Replica) DropPeer(peer uint64) {
	for pp := range r.pending.packs {
		if pp.peer == peer {
			r.pending.remove(pp)
		}
	}
	delete(r.pending.peers, peer)
}

// Pending is the number of packs that wait for a parent, and their bytes as the
// bounds count them.
func (r *Replica) Pending() (packs, bytes int) { return len(r.pending.packs), r.pending.bytes }
