package crdt

import (
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// Len is the number of accepted changes. Their log indexes, 0 … Len-1, are their
// order of acceptance here, parents first; other replicas have other orders.
func (r *Replica) Len() int { return int(r.log.n) }

// Signed is the number of changes that lie in packs: Len less the own changes
// that wait for [Writer.Sign].
func (r *Replica) Signed() int { return int(r.log.sealed) }

// Index is the log index of an accepted change.
func (r *Replica) Index(id ChangeID) (int, bool) {
	i, ok := r.log.find(id)
	return int(i), ok
}

// At is the change at log index i < Len.
func (r *Replica) At(i int) Change { return r.log.changeAt(int32(i)) }

// ID is At(i).ID without the rest.
func (r *Replica) ID(i int) ChangeID { return r.log.id(int32(i)) }

// Author is At(i).Author without the rest.
func (r *Replica) Author(i int) Author { return r.log.keys[r.log.author(int32(i))] }

// Seq is At(i).Seq without the rest.
func (r *Replica) Seq(i int) uint64 { return uint64(r.log.at(int32(i)).seq) }

// Back is the log index of the change d before i on its chain; false if the
// chain is shorter. O(log d).
func (r *Replica) Back(i int, d uint64) (int, bool) {
	b := r.log.back(int32(i), d)
	return int(b), b != none
}

// Prev is Back(i, 1) in constant time.
func (r *Replica) Prev(i int) (int, bool) {
	p := r.log.prev(int32(i))
	return int(p), p != none
}

// Links yields the log indexes of what change i names besides the change before it,
// in the order of its payload. O(log n) if there are any.
func (r *Replica) Links(i int, yield func(j int) bool) {
	for _, j := range r.log.links(int32(i)) {
		if !yield(int(j)) {
			return
		}
	}
}

// Continued reports whether a change of the same author follows i on its chain.
func (r *Replica) Continued(i int) bool { return r.log.child(int32(i)) != none }

// Tips are the log indexes of all changes that no change of the same author
// follows: one an author, more for one who forked. In no particular order.
func (r *Replica) Tips(yield func(i int) bool) {
	for k := range r.log.authors {
		for i := range r.log.authors[k].eachTip {
			if !yield(int(i)) {
				return
			}
		}
	}
}

// TipsOf are the tips of one author, in no particular order.
func (r *Replica) TipsOf(a Author, yield func(i int) bool) {
	if k, ok := r.log.authorOf[a]; ok {
		r.log.authors[k].eachTip(func(i int32) bool { return yield(int(i)) })
	}
}

// Heads are the changes that no accepted change has as a parent, oldest arrival
// first.
func (r *Replica) Heads() []ChangeID {
	return r.log.headIDs()
}

// Forks is the evidence held: one for each change after which its author made
// two. The result is only appended to; do not change it.
func (r *Replica) Forks() []Fork { return r.log.forks }

// PackFrom encodes the pack that log index from lies in, from that index on and
// without what has names: what the other side is known to have, a set closed
// under going back on chains. frame is nil if nothing is left of it. next is the
// index after that pack. from must be below [Replica.Signed], and a place where
// a pack began or once ended: nothing is ever cut off the end of a run.
func (r *Replica) PackFrom(from int, has func(i int) bool) (frame []byte, next int) {
	p, next := r.PlanPack(from, has)
	if p.Empty() {
		return nil, next
	}
	return p.AppendTo(make([]byte, 0, p.Size())), next
}

// A PackPlan is a pack that is not yet encoded: its size is known, so that it can be written where it belongs. It is
// valid until the replica changes.
type PackPlan struct {
	replica *Replica
	runs    []portion
	size    int
}

// Empty reports whether there is no pack.
func (p *PackPlan) Empty() bool { return len(p.runs) == 0 }

// Size is the length of the pack's frame in bytes.
func (p *PackPlan) Size() int { return p.size }

// PlanPack is [Replica.PackFrom] without the encoding.
func (r *Replica) PlanPack(from int, has func(i int) bool) (p PackPlan, next int) {
	l := r.log
	end := l.packEnd(l.packAt(int32(from)))
	in := make([]int32, end-int32(from)) // by change: one more than the number of its run, 0 if it is left out
	var runs []portion
	for i := int32(from); i < end; i++ {
		if has != nil && has(int(i)) {
			continue
		}
		g := int32(0)
		if prev := l.prev(i); prev >= int32(from) && l.child(prev) == i {
			g = in[prev-int32(from)]
		}
		if g == 0 {
			runs = append(runs, portion{first: i})
			g = int32(len(runs))
		}
		in[i-int32(from)] = g
		run, pos := &runs[g-1], l.at(i).pos
		_, stop := byteStringAt(l.blocks.of(i), pos)
		run.last = i
		run.n++
		run.bytes += int(stop - pos)
	}
	p = PackPlan{replica: r, runs: runs, size: headBytes(len(runs))}
	for i := range runs {
		p.size += headBytes(4) + 2*dcbor.BytesSize(32) + headBytes(runs[i].n) + runs[i].bytes + dcbor.BytesSize(64)
	}
	return p, int(end)
}

// headBytes is the length of the head of an array of n items.
func headBytes(n int) int { return dcbor.BytesSize(n) - n }

// AppendTo appends the frame of the pack, which must not be empty.
func (p *PackPlan) AppendTo(frame []byte) []byte {
	l := p.replica.log
	frame = dcbor.AppendArray(frame, len(p.runs))
	for _, run := range p.runs {
		prev := ChangeID(p.replica.room)
		if before := l.prev(run.first); before != none {
			prev = l.id(before)
		}
		frame = appendRunHead(frame, l.keys[l.author(run.first)], prev, run.n)
		frame = l.appendPortion(frame, run)
		sig, ok := l.sigs[run.last]
		if !ok {
			panic("crdt: internal error: a run without its end")
		}
		frame = dcbor.AppendBytes(frame, sig[:])
	}
	return frame
}

// A portion is n changes of one chain, each the log.child of the one before.
type portion struct {
	first, last int32
	n           int
	bytes       int // of the payloads with their heads
}

// appendPortion appends the payloads of p with their heads: those that lie in a row
// as one.
func (l *log) appendPortion(dst []byte, p portion) []byte {
	var block []byte
	var start, end uint32 // of those in a row
	for i := p.first; ; i = l.child(i) {
		in, pos := l.blocks.of(i), l.at(i).pos
		if len(block) == 0 || &in[0] != &block[0] || pos != end {
			dst = append(dst, block[start:end]...)
			block, start = in, pos
		}
		if _, end = byteStringAt(in, pos); i == p.last {
			return append(dst, block[start:end]...)
		}
	}
}
