package crdt

import (
	"crypto/ed25519"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/hdevalence/ed25519consensus"
)

var (
	errNoRuns    = errors.New("a pack without runs")
	errNoChanges = errors.New("a run without changes")
)

// Signatures are checked in batches on all cores: of at least batchFrom, from
// where a batch is cheaper than one by one, and at most batchMost, beyond where it
// gets little cheaper.
const (
	batchFrom = 4
	batchMost = 64
)

// maxJudgedAuthors bounds how many author keys a Checker remembers as good.
const maxJudgedAuthors = 4096

// A Checker judges packs of one room by their bytes alone. It may be used by any
// number of goroutines. What it remembers makes it faster, and changes no verdict.
type Checker struct {
	charter Charter
	room    RoomID

	mu     sync.RWMutex
	judged map[Author]struct{}    // guarded by mu: keys that are good
	good   map[signature]struct{} // guarded by mu: at most most
	most   int
}

// signature is one that was found good, of a run that ends with the change last.
type signature struct {
	author Author
	last   ChangeID
	sig    [64]byte
}

// NewChecker returns the checker of the room that c founds.
func NewChecker(c Charter) *Checker { return &Checker{charter: c, room: c.ID()} }

// Remember has c remember up to n signatures that it finds good, 128 bytes each, and
// not check them again: where the same changes reach many replicas of one process, as
// in a simulation. Call it before c is used. Nothing is remembered if n is 0 or less.
func (c *Checker) Remember(n int) { c.most = n }

// knows reports whether all of batch were found good before.
func (c *Checker) knows(batch []signedRun) bool {
	if c.most <= 0 {
		return false
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	for i := range batch {
		if _, good := c.good[batch[i].signature()]; !good {
			return false
		}
	}
	return true
}

// keep remembers that those of batch that are not bad are good.
func (c *Checker) keep(batch []signedRun) {
	if c.most <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range batch {
		if batch[i].bad {
			continue
		}
		if c.good == nil || len(c.good) >= c.most {
			c.good = make(map[signature]struct{})
		}
		c.good[batch[i].signature()] = struct{}{}
	}
}

// Check reads the frame of a pack and judges, in this order: bounds and encoding,
// envelopes, ids, author keys and rights, one signature a run. Runs whose last
// change is known are dropped unverified; known may be nil, and may be wrong on
// the side of false. The pack keeps frame, which must not change any more.
//
// The error is a *[RefusedError]; it is the same for the same bytes wherever and
// whenever they are checked. The cost is O(len(frame)) plus one signature check
// a run (ZIP 215, in batches, on all cores).
func (c *Checker) Check(frame []byte, known func(ChangeID) bool) (*Pack, error) {
	var knows func(int, ChangeID) bool
	if known != nil {
		knows = func(_ int, last ChangeID) bool { return known(last) }
	}
	packs, errs := c.CheckAll([][]byte{frame}, knows)
	return packs[0], errs[0]
}

// CheckAll is [Checker.Check] of each frame: packs[i] and errs[i] are what it
// returns for frames[i]. The frames are read, and their signatures checked, on all
// cores, and signatures of different frames in one batch: many small packs cost a
// good deal less than one by one. known is called by this goroutine alone,
// with the number of the frame of which last ends a run.
func (c *Checker) CheckAll(frames [][]byte, known func(frame int, last ChangeID) bool) (packs []*Pack, errs []error) {
	packs, errs = make([]*Pack, len(frames)), make([]error, len(frames))
	refuse := func(k int, err *RefusedError) { packs[k], errs[k] = nil, err }
	onCores(len(frames), func(k int) {
		var refused *RefusedError
		if packs[k], refused = parsePack(c.room, frames[k]); refused != nil {
			refuse(k, refused)
		}
	})
	for k, p := range packs {
		if p != nil && known != nil {
			p.drop(func(r *run) bool { return known(k, p.last(r)) })
		}
	}
	c.verifyPacks(packs, refuse)
	return packs, errs
}

// Verify judges what [Checker.Stored] and [Checker.EachStored] leave of a pack:
// author keys and rights, and one signature a run. The error is a *[RefusedError].
func (c *Checker) Verify(p *Pack) (err error) {
	c.verifyPacks([]*Pack{p}, func(_ int, refused *RefusedError) { err = refused })
	return err
}

// verifyPacks judges author keys, rights and signatures of the packs that are not
// nil, and calls refuse for those that fail.
func (c *Checker) verifyPacks(packs []*Pack, refuse func(k int, err *RefusedError)) {
	refused := make([]bool, len(packs))
	var signed []signedRun
	for k, p := range packs {
		if p == nil {
			continue
		}
		for i := range p.runs {
			if err := c.judge(p, &p.runs[i]); err != nil {
				refuse(k, err)
				refused[k] = true
				break
			}
		}
		if !refused[k] {
			for i := range p.runs {
				signed = append(signed, signedRun{pack: k, run: &p.runs[i], last: p.last(&p.runs[i])})
			}
		}
	}
	c.verifyAll(signed)
	for _, s := range signed {
		if s.bad && !refused[s.pack] {
			refused[s.pack] = true
			refuse(s.pack, &RefusedError{Author: s.run.author, Change: s.last, Offset: s.run.offset, Err: ErrBadSignature})
		}
	}
}

// signedRun is a run whose signature is to be checked.
type signedRun struct {
	pack int
	run  *run
	last ChangeID
	bad  bool
}

func (s *signedRun) signature() signature { return signature{s.run.author, s.last, s.run.sig} }

// verifyAll finds the bad ones. Which they are depends on their bytes alone, not on
// how they are shared out.
func (c *Checker) verifyAll(signed []signedRun) {
	size := min(max(len(signed)/runtime.GOMAXPROCS(0), batchFrom), batchMost)
	onCores((len(signed)+size-1)/size, func(k int) {
		batch := signed[k*size : min((k+1)*size, len(signed))]
		if c.knows(batch) {
			return
		}
		if len(batch) < batchFrom || !c.verifyBatch(batch) {
			for i := range batch {
				s := &batch[i]
				s.bad = !verify(c.room, s.run.author, s.last, s.run.sig[:])
			}
		}
		c.keep(batch)
	})
}

func (c *Checker) verifyBatch(batch []signedRun) bool {
	v := ed25519consensus.NewPreallocatedBatchVerifier(len(batch))
	for i := range batch {
		s := &batch[i]
		v.Add(s.run.author[:], signed(c.room, s.last), s.run.sig[:])
	}
	return v.Verify()
}

// onCores calls do(0) … do(n-1), in no particular order, on all cores, and returns
// when all have returned.
func onCores(n int, do func(k int)) {
	var next atomic.Int64
	work := func() {
		for k := int(next.Add(1)) - 1; k < n; k = int(next.Add(1)) - 1 {
			do(k)
		}
	}
	var others sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}

// VerifyTips is [Replica.VerifyTips] of a replica of c's room, with what c remembers. It
// reads the log alone: a [View] may be made meanwhile.
func (c *Checker) VerifyTips(r *Replica) error {
	l := r.log
	var tips []signedRun
	for k := range l.authors {
		for i := range l.authors[k].eachTip {
			if i < l.sealed {
				tips = append(tips, signedRun{run: &run{author: l.keys[k], sig: l.sigs[i]}, last: l.id(i)})
			}
		}
	}
	c.verifyAll(tips)
	for k := range tips {
		if tip := &tips[k]; tip.bad {
			return &RefusedError{Author: tip.run.author, Change: tip.last, Offset: -1, Err: ErrBadSignature}
		}
	}
	return nil
}

// Stored reads the frame of a pack from a replica's own store for
// [Replica.LoadPack]: it judges all but author keys and signatures. Like
// [Checker.Check] it may run anywhere, so that one core reads while another loads.
// The errors are those of Check; the pack keeps frame.
func (c *Checker) Stored(frame []byte) (*Pack, error) {
	p, refused := parsePack(c.room, frame)
	if refused != nil {
		return nil, refused
	}
	return p, nil
}

// drop removes the runs that gone names.
func (p *Pack) drop(gone func(*run) bool) {
	kept := p.runs[:0]
	for i := range p.runs {
		if gone(&p.runs[i]) {
			p.changes -= int(p.runs[i].n)
			continue
		}
		kept = append(kept, p.runs[i])
	}
	p.runs = kept
}

func (c Charter) checkAuthor(p *Pack, r *run) *RefusedError {
	_, err := ParseAuthor(r.author[:])
	if err == nil && !c.writes(r.author) {
		err = ErrNotAWriter
	}
	if err != nil {
		return p.refuse(r, r.first, err)
	}
	return nil
}

// judge is checkAuthor, once an author.
func (c *Checker) judge(p *Pack, r *run) *RefusedError {
	c.mu.RLock()
	_, good := c.judged[r.author]
	c.mu.RUnlock()
	if good {
		return nil
	}
	if err := c.charter.checkAuthor(p, r); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.judged == nil || len(c.judged) >= maxJudgedAuthors {
		c.judged = make(map[Author]struct{})
	}
	c.judged[r.author] = struct{}{}
	return nil
}

// verify checks a signature by the rules of ZIP 215, so that every replica and
// every way of checking agrees on every edge case.
func verify(room RoomID, a Author, last ChangeID, sig []byte) bool {
	return ed25519consensus.Verify(a[:], signed(room, last), sig)
}

// sign signs a run by its last change.
func sign(key ed25519.PrivateKey, room RoomID, last ChangeID) (sig [64]byte) {
	copy(sig[:], ed25519.Sign(key, signed(room, last)))
	return sig
}
