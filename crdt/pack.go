package crdt

import (
	"iter"
	"slices"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// A Pack is runs that travel and are stored together, checked as far as their
// bytes go. Only a [Checker] makes one. It is immutable; it keeps the frame that
// it was read from. Besides it takes 36 bytes a change.
type Pack struct {
	frame   []byte
	runs    []run      // that are left
	ids     []ChangeID // by number: the changes of the frame, counted over its runs
	places  []uint32   // by number: where the head of the payload is in the frame, and flags
	changes int        // that are left
	links   int        // of the changes of the frame
}

// A run is consecutive changes of one chain under one signature.
type run struct {
	author   Author
	prev     ChangeID // what the first change follows: the RoomID for a chain's first
	first, n int32    // numbers of the changes
	sig      [64]byte
	offset   int // in the frame
}

// Flags of a change in Pack.places are those of a record; places in a frame are less than
// both. MaxPackBytes may be one.
const placeBits = flagLinks - 1

// end is the number after the run's last.
func (r *run) end() int32 { return r.first + r.n }

// last is the id that the run's signature is over.
func (p *Pack) last(r *run) ChangeID { return p.ids[r.end()-1] }

// payload is the payload of a change by number.
func (p *Pack) payload(i int32) []byte {
	start, end := byteStringAt(p.frame, p.places[i]&placeBits)
	return p.frame[start:end:end]
}

// stretch is the payloads of a run with their heads.
func (p *Pack) stretch(r *run) []byte {
	_, end := byteStringAt(p.frame, p.places[r.end()-1]&placeBits)
	return p.frame[p.places[r.first]&placeBits : end]
}

// Empty reports whether nothing is left of the pack: the replica had it all.
func (p *Pack) Empty() bool { return len(p.runs) == 0 }

// Runs is the number of runs that are left, each with its signature.
func (p *Pack) Runs() int { return len(p.runs) }

// Changes is the number of changes that are left in the pack.
func (p *Pack) Changes() int { return p.changes }

// Bytes is the size of the frame that the pack was read from.
func (p *Pack) Bytes() int { return len(p.frame) }

// Authors yields the author of each run that is left, and the run's bytes. An
// author with several runs comes several times.
func (p *Pack) Authors() iter.Seq2[Author, int] {
	return func(yield func(Author, int) bool) {
		for i := range p.runs {
			if !yield(p.runs[i].author, p.payloadBytes(&p.runs[i])) {
				return
			}
		}
	}
}

// Frame is the frame that the pack was read from, whatever is left of it. It aliases
// the pack: read only.
func (p *Pack) Frame() []byte { return p.frame }

// EachRun calls yield with the runs that are left, until it returns false: the author,
// what the first change follows (the RoomID for a chain's first), and the ids of the
// changes in order. ids aliases the pack: read only.
func (p *Pack) EachRun(yield func(a Author, prev ChangeID, ids []ChangeID) bool) {
	for i := range p.runs {
		r := &p.runs[i]
		if !yield(r.author, r.prev, p.ids[r.first:r.end():r.end()]) {
			return
		}
	}
}

// parsePack reads the frame of a pack, [[author, prev, [payload…], signature]…],
// computes every id, and judges envelopes. It looks at no key and no signature.
func parsePack(room RoomID, frame []byte) (*Pack, *RefusedError) {
	refuse := func(offset int, err error) (*Pack, *RefusedError) {
		return nil, &RefusedError{Offset: offset, Err: err}
	}
	if len(frame) > MaxPackBytes {
		return refuse(0, overLimit("pack bytes", MaxPackBytes, len(frame)))
	}
	p := &Pack{frame: frame}
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
		run.first, run.n = int32(len(p.places)), int32(n)
		p.places = slices.Grow(p.places, n)
		for range n {
			p.places = append(p.places, uint32(r.Offset()))
			r.Bytes()
		}
		copy(run.sig[:], r.BytesN(64))
	}
	if err := r.Done(); err != nil {
		return refuse(r.Offset(), malformed(err))
	}
	p.ids = make([]ChangeID, p.changes)
	h := newHasher()
	for i := range p.runs {
		if err := p.derive(room, &p.runs[i], h); err != nil {
			return nil, err
		}
	}
	return p, p.checkUnique()
}

// derive computes the ids along the run and judges the envelopes. The id of a
// malformed change is computed as well: it condemns the changes that name it.
func (p *Pack) derive(room RoomID, run *run, h *hasher) *RefusedError {
	h.chainOf(room, run.author)
	prev := &run.prev
	for i := run.first; i < run.end(); i++ {
		payload := p.payload(i)
		p.ids[i] = h.id(prev, payload)
		ops, links, err := judgeEnvelope(payload, room, *prev)
		prev = &p.ids[i]
		if err != nil {
			for k := i + 1; k < run.end(); k++ {
				p.ids[k] = h.id(prev, p.payload(k))
				prev = &p.ids[k]
			}
			return p.refuse(run, i, err)
		}
		if decodes(ops) {
			p.places[i] |= flagDecodes
		}
		if links > 0 {
			p.places[i] |= flagLinks
			p.links += links
		}
	}
	return nil
}

// refuse is err at the change of that number.
func (p *Pack) refuse(run *run, i int32, err error) *RefusedError {
	return &RefusedError{
		Author: run.author, Change: p.ids[i], Offset: run.offset, Err: err,
		after: slices.Clone(p.ids[i+1 : run.end()]),
	}
}

// checkUnique refuses a change that stands twice. No run does that by itself: each
// id of it commits to the one before.
func (p *Pack) checkUnique() *RefusedError {
	if p.authorsDiffer() {
		return nil
	}
	seen := newIDTable(len(p.ids))
	for k := range p.runs {
		run := &p.runs[k]
		for i := run.first; i < run.end(); i++ {
			id := &p.ids[i]
			if _, dup := seen.find(id, func(at uint32) bool { return p.ids[at] == *id }); dup {
				return &RefusedError{Author: run.author, Change: *id, Offset: run.offset, Err: ErrDuplicateChange}
			}
			seen.add(id, uint32(i))
		}
	}
	return nil
}

// authorsDiffer reports whether each run is another author's.
func (p *Pack) authorsDiffer() bool {
	if len(p.runs) == 1 {
		return true
	}
	seen := make(map[Author]struct{}, len(p.runs))
	for i := range p.runs {
		seen[p.runs[i].author] = struct{}{}
	}
	return len(seen) == len(p.runs)
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
