package transport

import "math/bits"

// chunkBits is the number of log indexes that one chunk of an indexSet covers.
const chunkBits = 4096

type chunk struct {
	owner uint64 // the indexSet generation that may write to it
	n     int    // bits set
	words [chunkBits / 64]uint64
}

// fullChunk stands for every chunk that is full. It is never written.
var fullChunk = func() *chunk {
	c := &chunk{n: chunkBits}
	for i := range c.words {
		c.words[i] = ^uint64(0)
	}
	return c
}()

// An indexSet is a set of log indexes. A copy of it ([indexSet.freeze]) takes constant time and never changes, from
// whatever goroutine it is read; the writer copies a chunk when it next writes to it. The zero value is empty and
// for reading only; newIndexSet makes one to write to.
//
// Cost: one bit an index where the set is mixed, 8 bytes a chunk of 4096 where it is full or empty.
type indexSet struct {
	chunks []*chunk // nil: empty
	shared bool     // the slice of chunks is shared with a frozen copy
	owner  uint64   // chunks with this owner are ours alone
	n      int
}

// An ownerSource gives out numbers that no two sets of one node share.
type ownerSource struct{ last uint64 }

func (o *ownerSource) next() uint64 { o.last++; return o.last }

func newIndexSet(o *ownerSource) indexSet { return indexSet{owner: o.next()} }

// len is the number of indexes in the set.
func (s *indexSet) len() int { return s.n }

func (s *indexSet) has(i int) bool {
	c := i / chunkBits
	if c >= len(s.chunks) || s.chunks[c] == nil {
		return false
	}
	b := i % chunkBits
	return s.chunks[c].words[b/64]&(1<<(b%64)) != 0
}

// freeze returns a copy that never changes. s goes on as a set of its own, which is why it needs a new owner number.
func (s *indexSet) freeze(o *ownerSource) indexSet {
	s.shared, s.owner = true, o.next()
	return indexSet{chunks: s.chunks, shared: true, n: s.n}
}

// clone returns a set of its own that begins as s is.
func (s *indexSet) clone(o *ownerSource) indexSet {
	c := s.freeze(o)
	c.owner = o.next()
	return c
}

// writable returns chunk c, made if need be, for writing; nil if it is full.
func (s *indexSet) writable(c int) *chunk {
	if c < len(s.chunks) && s.chunks[c] == fullChunk {
		return nil
	}
	if s.shared || c >= cap(s.chunks) {
		grown := make([]*chunk, max(len(s.chunks), c+1), max(len(s.chunks), c+1)*5/4+1)
		copy(grown, s.chunks)
		s.chunks, s.shared = grown, false
	} else if c >= len(s.chunks) {
		s.chunks = s.chunks[:c+1]
	}
	switch k := s.chunks[c]; {
	case k == nil:
		s.chunks[c] = &chunk{owner: s.owner}
	case k.owner != s.owner:
		copied := *k
		copied.owner = s.owner
		s.chunks[c] = &copied
	}
	return s.chunks[c]
}

func (s *indexSet) filled(c int) {
	if s.chunks[c].n == chunkBits {
		s.chunks[c] = fullChunk
	}
}

// add puts i into the set and reports whether it was not there.
func (s *indexSet) add(i int) bool {
	if s.has(i) {
		return false
	}
	c := i / chunkBits
	k := s.writable(c)
	b := i % chunkBits
	k.words[b/64] |= 1 << (b % 64)
	k.n++
	s.n++
	s.filled(c)
	return true
}

// addRange puts [from, to) into the set.
func (s *indexSet) addRange(from, to int) {
	for from < to {
		c := from / chunkBits
		end := min(to, (c+1)*chunkBits)
		k := s.writable(c)
		if k == nil {
			from = end
			continue
		}
		if end-from == chunkBits {
			s.n += chunkBits - k.n
			s.chunks[c] = fullChunk
			from = end
			continue
		}
		for from < end {
			b := from % chunkBits
			w := b / 64
			wordEnd := min(end, c*chunkBits+(w+1)*64)
			mask := ^uint64(0) << (b % 64)
			if left := (w+1)*64 - (wordEnd - c*chunkBits); left > 0 {
				mask &= ^uint64(0) >> left
			}
			added := bits.OnesCount64(mask &^ k.words[w])
			k.words[w] |= mask
			k.n += added
			s.n += added
			from = wordEnd
		}
		s.filled(c)
	}
}

// addAll puts all of o into the set.
func (s *indexSet) addAll(o *indexSet) {
	for c, ok := range o.chunks {
		switch {
		case ok == nil:
		case ok == fullChunk:
			s.addRange(c*chunkBits, (c+1)*chunkBits)
		default:
			k := s.writable(c)
			if k == nil {
				continue
			}
			for w, word := range ok.words {
				added := bits.OnesCount64(word &^ k.words[w])
				k.words[w] |= word
				k.n += added
				s.n += added
			}
			s.filled(c)
		}
	}
}

// nextClear is the least index >= from that is not in the set.
func (s *indexSet) nextClear(from int) int {
	for c := from / chunkBits; c < len(s.chunks); c, from = c+1, (c+1)*chunkBits {
		k := s.chunks[c]
		if k == nil {
			return from
		}
		if k == fullChunk {
			continue
		}
		b := from % chunkBits
		mask := ^uint64(0) << (b % 64)
		for w := b / 64; w < len(k.words); w++ {
			if free := ^k.words[w] & mask; free != 0 {
				return c*chunkBits + w*64 + bits.TrailingZeros64(free)
			}
			mask = ^uint64(0)
		}
	}
	return from
}

// nextSet is the least index >= from that is in the set, or -1.
func (s *indexSet) nextSet(from int) int {
	for c := from / chunkBits; c < len(s.chunks); c, from = c+1, (c+1)*chunkBits {
		k := s.chunks[c]
		if k == nil {
			continue
		}
		b := from % chunkBits
		mask := ^uint64(0) << (b % 64)
		for w := b / 64; w < len(k.words); w++ {
			if set := k.words[w] & mask; set != 0 {
				return c*chunkBits + w*64 + bits.TrailingZeros64(set)
			}
			mask = ^uint64(0)
		}
	}
	return -1
}
