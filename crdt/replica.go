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
	placing placing // of the segment that is being loaded
	packing float64 // what the last record took of the bytes of its packs; 0: there was none

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
	Err     error      // a *[RefusedError]; [ErrFull]; or [ErrUnsigned] or [ErrObserving] for a call out of turn
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
	if !errors.As(err, &refused) || !refused.forBytes() || r.log.has(refused.Change) {
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
			_, err := r.fit(pp.pack)
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

// offer accepts pp, files it as pending, or refuses it.
func (r *Replica) offer(pp *pendingPack, out *Outcome) ([]ChangeID, error) {
	pack := r.log.without(pp.pack)
	if pack.Empty() {
		return nil, nil
	}
	fit, refused := r.fit(pack)
	switch {
	case refused != nil:
		r.condemn(refused, out)
		return nil, refused
	case len(fit.missing) > 0:
		pp.wants = fit.missing[0]
		r.pending.add(pp)
		return fit.missing, nil
	default:
		return nil, r.accept(fit)
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

// accept appends the changes of a pack of which nothing is missing to the log, seals
// them as a pack, and applies them; or it returns [ErrFull] and does nothing.
func (r *Replica) accept(f fit) error {
	l, p := r.log, f.pack
	size := 0
	for k := range p.runs {
		size += len(p.stretch(&p.runs[k]))
	}
	if err := l.space(p.changes, p.links, size); err != nil {
		return err
	}
	if err := r.doc.room(size); err != nil {
		return err
	}
	from := l.n
	block, pos := l.blocks.reserve(from, size)
	a := adding{fit: f, log: l, ends: make([]runEnd, 0, len(p.runs))}
	moved := make([]uint32, len(p.runs)) // what a place in the frame and one in the block differ by, modulo 2^32
	for k := range p.runs {
		run := &p.runs[k]
		moved[k] = uint32(pos) - p.places[run.first]&placeBits
		pos += copy(block[pos:], p.stretch(run))
	}
	if f.order == nil {
		for k := range p.runs {
			run := &p.runs[k]
			author, prev := a.begin(k)
			for i := run.first; i < run.end(); i++ {
				prev = a.add(i, author, prev, moved[k])
			}
			a.ends = append(a.ends, runEnd{last: prev, sig: run.sig})
		}
	} else {
		a.inOrder(moved)
	}
	l.seal(a.ends)
	for i := from; i < l.n; i++ {
		r.apply(i)
	}
	r.publish()
	return nil
}

// adding is what accept carries through a pack.
type adding struct {
	fit
	log  *log
	ends []runEnd
}

// begin is the author of run k, and the log index of what it follows.
func (a *adding) begin(k int) (author uint32, prev int32) {
	run := &a.pack.runs[k]
	if prev = a.prevs[k]; prev == none && run.prev != ChangeID(a.log.room) {
		prev, _ = a.log.find(run.prev) // added by now
	}
	return a.log.authorIndex(run.author), prev
}

// add adds change i of the pack and returns its log index.
func (a *adding) add(i int32, author uint32, prev int32, moved uint32) int32 {
	p, place := a.pack, a.pack.places[i]
	start, end := byteStringAt(p.frame, place&placeBits)
	var at []int32
	if place&flagLinks != 0 {
		links := reparse(p.frame[start:end]).links
		at = a.links[a.linkFrom[i]:][:links.Len()]
		for k := range at {
			if at[k] == none {
				at[k], _ = a.log.find(links.At(k)) // added by now
			}
		}
	}
	return a.log.add(&p.ids[i], author, prev, at, place&flagDecodes != 0, place&placeBits+moved, int(end-start))
}

// inOrder adds the changes of a pack whose runs need one another.
func (a *adding) inOrder(moved []uint32) {
	p := a.pack
	runOf := make([]int32, len(p.ids))
	at := make([]int32, len(p.ids)) // in the log
	for k := range p.runs {
		for i := p.runs[k].first; i < p.runs[k].end(); i++ {
			runOf[i] = int32(k)
		}
	}
	for _, i := range a.order {
		run := &p.runs[runOf[i]]
		author, prev := uint32(0), none
		if i == run.first {
			author, prev = a.begin(int(runOf[i]))
		} else {
			prev = at[i-1]
			author = a.log.author(prev)
		}
		at[i] = a.add(i, author, prev, moved[runOf[i]])
	}
	for k := range p.runs {
		run := &p.runs[k]
		// Runs stay as they came, whatever branches off them within the pack: so what is written of it is never longer.
		for i := run.first + 1; i < run.end(); i++ {
			a.log.setChild(at[i-1], at[i])
		}
		a.ends = append(a.ends, runEnd{last: at[run.end()-1], sig: run.sig})
	}
}

// Load is [Checker.EachStored] and [Replica.LoadStored]. Of a segment that is refused
// the packs before the bad one are kept.
func (r *Replica) Load(record []byte) error { return r.checker.EachStored(record, r.LoadStored) }

// LoadPack takes a pack from this replica's own store, in the order in which it
// was stored. Its signatures are kept unchecked: call [Replica.VerifyTips] when all
// is loaded. The errors are those of [Checker.Check], [ErrMissing] if a parent was
// not stored before, [ErrFull], [ErrUnsigned] and [ErrObserving].
func (r *Replica) LoadPack(p *Pack) error {
	if err := r.ready(); err != nil {
		return err
	}
	p = r.log.without(p)
	if p.Empty() {
		return nil
	}
	fit, refused := r.fit(p)
	switch {
	case refused != nil:
		return refused
	case len(fit.missing) > 0:
		return &RefusedError{Offset: -1, Err: fmt.Errorf("%w: %v", ErrMissing, fit.missing[0])}
	}
	for i := range p.runs {
		if _, judged := r.log.authorOf[p.runs[i].author]; judged {
			continue
		}
		if refused := r.charter.checkAuthor(p, &p.runs[i]); refused != nil {
			return refused
		}
	}
	return r.accept(fit)
}

// MissingOf is the parents of p that are neither in the log nor in p, at most
// [MaxMissing]: what [Replica.LoadPack] calls [ErrMissing] for.
func (r *Replica) MissingOf(p *Pack) []ChangeID {
	fit, _ := r.fit(r.log.without(p))
	return fit.missing
}

// VerifyTips checks the signature of every chain's newest change, which covers
// all of the chain. The error is a *[RefusedError] for the first that is bad.
func (r *Replica) VerifyTips() error { return r.checker.VerifyTips(r) }

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
				r.pending.forget(s)
			}
		}
	}
	slices.Sort(peers)
	return peers
}

// DropPeer forgets what is pending from a peer that has gone.
func (r *Replica) DropPeer(peer uint64) {
	r.pending.dropPeer(peer)
}

// TrimPending evicts pending packs until they take no more than so many bytes, the
// heaviest author's of the heaviest peer first, as if that were the buffer's bound:
// for a program with a bound over many replicas. What has gone, [Replica.Expire]
// tells. It costs O(log n) for each author of each pack that goes.
func (r *Replica) TrimPending(bytes int) { r.pending.trim(max(0, bytes)) }

// Pending is the number of packs that wait for a parent, and their bytes as the
// bounds count them.
func (r *Replica) Pending() (packs, bytes int) { return len(r.pending.packs), r.pending.bytes }
