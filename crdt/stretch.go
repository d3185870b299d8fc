package crdt

import "github.com/tallystick/tallystick/crdt/internal/fugue"

// A stretch is changes that follow one another both in the log and on their chain,
// so that the numbers of their things follow one another too. Either all of them are
// sound, which is to make elements of one sequence and nothing else, or none is.
//
// A delete names a range of a chain, 65,536 elements of it in 20 bytes. Stretches
// answer whether it is one, effective or void, in O(log n) and n/64; and what they
// remember of the dead makes killing O(log n) for each change all of whose elements
// are dead from then on, whoever names them again.
type stretch struct {
	start  int32  // the first change
	before uint32 // how many things its chain made before start
	// run is the seq of the first change of the unbroken row of sound changes of
	// this sequence that leads up to here on this chain, 0 if these are not sound.
	run uint32
	// The elements of start … dead are dead; so are those of all changes before
	// start on its chain, but not of skip and what is before it.
	dead, skip int32
}

// unsound in place of a sequence: the change makes something else than its elements,
// or nothing.
const unsound fugue.Seq = 1<<32 - 1

// stretches holds them in order of the log.
type stretches struct {
	all []stretch
	seq fugue.Seq // of the last
}

// extend notes change i, the newest, which is sound in seq.
func (d *jsonDoc) extend(i int32, seq fugue.Seq) {
	prev := d.log.prev(i)
	if i > 0 && prev == i-1 && seq == d.stretches.seq {
		return
	}
	s := stretch{start: i, dead: i - 1, skip: prev}
	if prev != none {
		p := d.stretchOf(prev)
		s.before = d.madeUpTo(prev)
		if seq != unsound && p.run > 0 && d.seqAt(p) == seq {
			s.run = p.run
		}
	}
	if seq != unsound && s.run == 0 {
		s.run = d.log.seq(i)
	}
	d.stretches.all, d.stretches.seq = append(d.stretches.all, s), seq
}

func (d *jsonDoc) stretchOf(i int32) *stretch { return &d.stretches.all[d.stretchAt(i)] }

// stretchAt is the number of the stretch that holds change i.
func (d *jsonDoc) stretchAt(i int32) int {
	lo, hi := 0, len(d.stretches.all)
	if d.stretches.all[hi-1].start <= i {
		return hi - 1
	}
	for lo+1 < hi {
		if mid := (lo + hi) / 2; d.stretches.all[mid].start <= i {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// seqAt is the sequence of a sound stretch.
func (d *jsonDoc) seqAt(s *stretch) fugue.Seq {
	seq, _ := d.forest.SeqOf(d.base(s.start))
	return seq
}

// madeBefore is how many things the chain of i made before i.
func (d *jsonDoc) madeBefore(i int32) uint32 {
	s := d.stretchOf(i)
	return s.before + d.base(i) - d.base(s.start)
}

// madeUpTo is how many things the chain of i made up to and with i.
func (d *jsonDoc) madeUpTo(i int32) uint32 {
	s := d.stretchOf(i)
	return s.before + d.after(i) - d.base(s.start)
}

// A chainRange is n things of one chain: own of them by change from, from number
// first on, then all of the changes between, then rest of them by change last, unless
// that is from.
type chainRange struct {
	seq   fugue.Seq
	first uint32
	from  int32
	own   int
	last  int32
	rest  int
}

// rangeOf is the range of n elements from first on, which change i, being applied,
// names as what its chain made up to change end; false unless all of them are
// elements of one sequence. O(log² changes + n/64).
func (d *jsonDoc) rangeOf(i int32, first thing, n int, end int32) (r chainRange, ok bool) {
	if r.first, ok = d.number(first); !ok {
		return r, false
	}
	r.from, r.last = first.change, first.change
	if r.seq, ok = d.forest.SeqOf(r.first); !ok {
		return r, false
	}
	r.own = min(n, int(d.after(r.from)-r.first))
	if n > r.own {
		if r.from == end {
			return r, false
		}
		if r.last, r.rest, ok = d.rangeEnd(i, r.from, first.index+uint32(n), end); !ok {
			return r, false
		}
		// Between the two are sound changes alone.
		if mid := d.log.prev(r.last); mid != r.from {
			if s := d.stretchOf(mid); s.run == 0 || s.run > d.log.seq(r.from)+1 || d.seqAt(s) != r.seq {
				return r, false
			}
		}
	}
	return r, d.forest.Same(r.seq, r.first, r.own) &&
		(r.rest == 0 || d.forest.Same(r.seq, d.base(r.last), r.rest))
}

// rangeEnd finds the change in which the thing lies that is number n-1 of those made
// on the chain from change from on, and how many of that change's own come up to it.
// It lies after from, and not after end.
func (d *jsonDoc) rangeEnd(i, from int32, n uint32, end int32) (last int32, rest int, ok bool) {
	want := d.madeBefore(from) + n
	if end == i {
		prev := d.log.prev(i)
		if up := d.madeUpTo(prev); want > up {
			return i, int(want - up), int(want-up) <= d.made(i)
		}
		end = prev
	}
	// Every change of the range makes something: it spans no more than n.
	if span := d.log.seq(end) - d.log.seq(from); span > n {
		end = d.log.back(end, uint64(span-n))
	}
	if d.madeUpTo(end) < want {
		return 0, 0, false
	}
	for d.madeBefore(end) >= want {
		if jump := d.log.at(end).jump; jump != none && d.madeBefore(jump) >= want {
			end = jump
		} else {
			end = d.log.prev(end)
		}
	}
	return end, int(want - d.madeBefore(end)), true
}

// kill deletes the elements of r.
func (d *jsonDoc) kill(r chainRange) {
	d.delete(r.first, r.own)
	if r.rest == 0 {
		return
	}
	d.delete(d.base(r.last), r.rest)
	depth := d.log.seq(r.from)
	for i := d.log.prev(r.last); d.log.seq(i) > depth; {
		s := d.stretchOf(i)
		if s.dead >= i {
			if s.skip != none { // halve the path: the next one finds it shorter
				if t := d.stretchOf(s.skip); t.dead >= s.skip {
					s.skip = t.skip
				}
			}
			i = s.skip
			continue
		}
		start := max(s.start, s.dead+1)
		if r.from >= start { // from lies in this stretch, before i
			d.delete(d.base(r.from+1), int(d.after(i)-d.base(r.from+1)))
			return
		}
		d.delete(d.base(start), int(d.after(i)-d.base(start)))
		s.dead = max(s.dead, i)
		i = s.skip
	}
}

// chainFrom is how many of the n elements from t, number e, on, whose numbers follow
// one another, one delete can name, and the change that makes the last of them.
func (d *jsonDoc) chainFrom(t thing, e uint32, n int) (last int32, size int) {
	k := d.stretchAt(t.change)
	end := d.after(t.change)
	if d.stretches.all[k].run > 0 {
		end = d.next
		if k+1 < len(d.stretches.all) {
			end = d.base(d.stretches.all[k+1].start)
		}
	}
	size = min(n, int(end-e))
	return d.change(e + uint32(size) - 1), size
}
