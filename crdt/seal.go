package crdt

// Which changes lie in which pack, and the signatures of the runs.

// packMark is where a pack begins in the log. It ends where the next one begins.
// Invariant: every change in between that no later one of the same pack
// continues (run grouping as in [Replica.PackFrom]) has its signature in log.sigs.
type packMark struct {
	start int32
	runs  int32
	bytes int32 // upper bound of its frame
}

// seal makes the changes that lie in no pack yet one pack, or part of the pack
// before it where both fit into one. sigs holds the signature of each run's last
// change.
func (l *log) seal(sigs []runEnd) {
	start := l.sealed
	l.sealed = l.n
	for _, s := range sigs {
		l.sigs[s.last] = s.sig
	}
	size := packOverheadBytes + runOverheadBytes*len(sigs) + l.unsigned
	l.unsigned = 0
	mark := packMark{start: start, runs: int32(len(sigs)), bytes: int32(size)}
	if n := len(l.packs); n > 0 {
		last := &l.packs[n-1]
		joined := l.joins(last.start, start)
		if l.n-last.start <= MaxPackChanges &&
			last.runs+mark.runs-int32(len(joined)) <= MaxPackRuns &&
			last.bytes+mark.bytes <= MaxPackBytes {
			for _, i := range joined {
				delete(l.sigs, i)
			}
			last.runs += mark.runs - int32(len(joined))
			last.bytes += mark.bytes
			return
		}
	}
	l.packs = append(l.packs, mark)
}

// sealApart is seal that joins nothing.
func (l *log) sealApart(sigs []runEnd) {
	packs := l.packs
	l.packs = nil
	l.seal(sigs)
	l.packs = append(packs, l.packs...)
}

// joins are the run ends in [packStart, start) that a change in [start, n)
// continues.
func (l *log) joins(packStart, start int32) []int32 {
	var joined []int32
	for i := start; i < l.n; i++ {
		prev := l.prev(i)
		if prev >= packStart && prev < start && l.child(prev) == i {
			if _, end := l.sigs[prev]; end {
				joined = append(joined, prev)
			}
		}
	}
	return joined
}

type runEnd struct {
	last int32
	sig  [64]byte
}

// packAt is the number of the pack that holds change i.
func (l *log) packAt(i int32) int {
	lo, hi := 0, len(l.packs)
	for lo+1 < hi {
		if mid := (lo + hi) / 2; l.packs[mid].start <= i {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

func (l *log) packEnd(p int) int32 {
	if p+1 < len(l.packs) {
		return l.packs[p+1].start
	}
	return l.sealed
}

// refusedIDs remembers changes that were refused for their own bytes: whatever
// comes later, they and what follows them never get in. It is bounded, and
// forgetting is harmless: the child of a forgotten one waits, and expires.
type refusedIDs struct {
	ids  map[ChangeID]struct{}
	ring []ChangeID
	next int
}

func (r *refusedIDs) has(id ChangeID) bool {
	_, ok := r.ids[id]
	return ok
}

func (r *refusedIDs) add(id ChangeID) {
	if r.has(id) {
		return
	}
	if r.ids == nil {
		r.ids = make(map[ChangeID]struct{})
	}
	if len(r.ring) < maxRefusedIDs {
		r.ring = append(r.ring, id)
	} else {
		delete(r.ids, r.ring[r.next])
		r.ring[r.next] = id
		r.next = (r.next + 1) % maxRefusedIDs
	}
	r.ids[id] = struct{}{}
}
