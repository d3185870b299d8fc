package crdt

import (
	"crypto/ed25519"
	"errors"

	"github.com/hdevalence/ed25519consensus"
)

var (
	errNoRuns    = errors.New("a pack without runs")
	errNoChanges = errors.New("a run without changes")
)

// batchFrom is the number of signatures from which checking them as a batch is
// cheaper than one by one.
const batchFrom = 4

// A Checker judges packs of one room by their bytes alone. It is immutable and
// may be used by any number of goroutines.
type Checker struct {
	charter Charter
	room    RoomID
}

// NewChecker returns the checker of the room that c founds.
func NewChecker(c Charter) *Checker { return &Checker{charter: c, room: c.ID()} }

// Check reads the frame of a pack and judges, in this order: bounds and encoding,
// envelopes, ids, author keys and rights, one signature a run. Runs whose last
// change is known are dropped unverified; known may be nil, and may be wrong on
// the side of false. The pack keeps frame, which must not change any more.
//
// The error is a *[RefusedError]; it is the same for the same bytes wherever and
// whenever they are checked. The cost is O(len(frame)) plus one signature check
// a run (ZIP 215, in batches).
func (c *Checker) Check(frame []byte, known func(ChangeID) bool) (*Pack, error) {
	p, refused := parsePack(c.room, frame)
	if refused != nil {
		return nil, refused
	}
	if known != nil {
		p.drop(func(r *run) bool { return known(p.last(r)) })
	}
	for i := range p.runs {
		if err := c.charter.checkAuthor(p, &p.runs[i]); err != nil {
			return nil, err
		}
	}
	if len(p.runs) >= batchFrom && c.verifyAll(p) {
		return p, nil
	}
	for i := range p.runs {
		r := &p.runs[i]
		if !verify(c.room, r.author, p.last(r), r.sig[:]) {
			return nil, &RefusedError{Author: r.author, Change: p.last(r), Offset: r.offset, Err: ErrBadSignature}
		}
	}
	return p, nil
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

func (c *Checker) verifyAll(p *Pack) bool {
	batch := ed25519consensus.NewPreallocatedBatchVerifier(len(p.runs))
	for i := range p.runs {
		r := &p.runs[i]
		batch.Add(r.author[:], signed(c.room, p.last(r)), r.sig[:])
	}
	return batch.Verify()
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
