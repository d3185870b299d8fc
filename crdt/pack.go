package crdt

import (
	"slices"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// A Pack is runs that travel and are stored together, checked as far as their
// bytes go. Only a [Checker] makes one. It is immutable; it keeps the frame that
// it was read from.
type Pack struct {
	runs    []run
	changes int
	bytes   int // of the frame
}

// A run is consecutive changes of one chain under one signature.
type run struct {
	author  Author
	prev    ChangeID // what the first change follows: the RoomID for a chain's first
	changes []checkedChange
	sig     [64]byte
	offset  int // in the frame
}

type checkedChange struct {
	id       ChangeID
	payload  []byte
	envelope envelope
	decodes  bool // its ops do: else they are void as a whole
}

func (r *run) last() ChangeID { return r.changes[len(r.changes)-1].id }

// Empty reports whether nothing is left of the pack: the replica had it all.
func (p *Pack) Empty() bool { return len(p.runs) == 0 }

// Runs is the number of runs that are left, each with its signature.
func (p *Pack) Runs() int { return len(p.runs) }

// Changes is the number of changes that are left in the pack.
func (p *Pack) Changes() int { return p.changes }

// Bytes is the size of the frame that the pack was read from.
func (p *Pack) Bytes() int { return p.bytes }

// parsePack reads the frame of a pack, [[author, prev, [payload…], signature]…],
// computes every id, and judges envelopes. It looks at no key and no signature.
func parsePack(room RoomID, frame []byte) (*Pack, *RefusedError) {
	refuse := func(offset int, err error) (*Pack, *RefusedError) {
		return nil, &RefusedError{Offset: offset, Err: err}
	}
	if len(frame) > MaxPackBytes {
		return refuse(0, overLimit("pack bytes", MaxPackBytes, len(frame)))
	}
	p := &Pack{bytes: len(frame)}
	r := dcbor.NewReader(frame)
	runs := r.Array()
	if runs > MaxPackRuns {
		return refuse(0, overLimit("runs of a pack", MaxPackRuns, runs))
	}
	if r.Err() == nil && runs == 0 {
		return refuse(0, malformed(errNoRuns))
	}
	p.runs = make([]run, runs)
	for i := range p.runs {
		run := &p.runs[i]
		run.offset = r.Offset()
		r.ArrayN(4)
		run.author = r.Bytes32()
		run.prev = r.Bytes32()
		n := r.Array()
		if r.Err() == nil && n == 0 {
			return refuse(run.offset, malformed(errNoChanges))
		}
		if p.changes += n; p.changes > MaxPackChanges {
			return refuse(run.offset, overLimit("changes of a pack", MaxPackChanges, p.changes))
		}
		run.changes = make([]checkedChange, n)
		for j := range run.changes {
			run.changes[j].payload = r.Bytes()
		}
		copy(run.sig[:], r.BytesN(64))
	}
	if err := r.Done(); err != nil {
		return refuse(r.Offset(), malformed(err))
	}
	for i := range p.runs {
		if err := p.runs[i].derive(room); err != nil {
			return nil, err
		}
	}
	return p, p.checkUnique()
}

// derive computes the ids along the run and parses the envelopes. The id of a
// malformed change is computed as well: it condemns the changes that name it.
func (run *run) derive(room RoomID) *RefusedError {
	t := newChainPrefix(room, run.author)
	prev := run.prev
	for j := range run.changes {
		c := &run.changes[j]
		c.id = t.id(prev, payloadHash(c.payload))
		var err error
		if c.envelope, err = parseEnvelope(c.payload, room, prev); err != nil {
			prev = c.id
			for k := j + 1; k < len(run.changes); k++ {
				prev = t.id(prev, payloadHash(run.changes[k].payload))
				run.changes[k].id = prev
			}
			return run.refuse(c.id, err)
		}
		c.decodes = decodes(c.envelope.ops)
		prev = c.id
	}
	return nil
}

// refuse is err at the change of that id.
func (run *run) refuse(id ChangeID, err error) *RefusedError {
	e := &RefusedError{Author: run.author, Change: id, Offset: run.offset, Err: err}
	at := slices.IndexFunc(run.changes, func(c checkedChange) bool { return c.id == id })
	for _, c := range run.changes[at+1:] {
		e.after = append(e.after, c.id)
	}
	return e
}

func (p *Pack) checkUnique() *RefusedError {
	if len(p.runs) == 1 {
		return nil // each id of a run commits to the one before it
	}
	seen := make(map[ChangeID]struct{}, p.changes)
	for i := range p.runs {
		for j := range p.runs[i].changes {
			id := p.runs[i].changes[j].id
			if _, dup := seen[id]; dup {
				return &RefusedError{Author: p.runs[i].author, Change: id, Offset: p.runs[i].offset, Err: ErrDuplicateChange}
			}
			seen[id] = struct{}{}
		}
	}
	return nil
}

// appendRunHead appends a run up to its payloads; the caller appends n of them,
// then the signature.
func appendRunHead(dst []byte, a Author, prev ChangeID, n int) []byte {
	dst = dcbor.AppendArray(dst, 4)
	dst = dcbor.AppendBytes(dst, a[:])
	dst = dcbor.AppendBytes(dst, prev[:])
	return dcbor.AppendArray(dst, n)
}

// Upper bounds of what appendRunHead, a signature and the head of a payload take.
const (
	runOverheadBytes    = 1 + 34 + 34 + 3 + 66
	changeOverheadBytes = 5
	packOverheadBytes   = 3
)
