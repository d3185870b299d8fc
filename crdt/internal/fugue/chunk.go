package fugue

// Chunks of spans, in blocks that never move: 2, 8 or 32 spans by class. A chunk
// that was outgrown is used again.
type chunks struct {
	blocks []*[blockLen]span
	class  [3]struct {
		next, end uint32 // of the block at hand
		freed     []uint32
	}
}

const blockLen = 512

func chunkLen(class uint8) int { return 2 << (2 * class) }

func (c *chunks) add(class uint8) uint32 {
	k := &c.class[class]
	if n := len(k.freed); n > 0 {
		at := k.freed[n-1]
		k.freed = k.freed[:n-1]
		return at
	}
	if k.next == k.end {
		k.next = uint32(len(c.blocks)) * blockLen
		k.end = k.next + blockLen
		c.blocks = append(c.blocks, new([blockLen]span))
	}
	at := k.next
	k.next += uint32(chunkLen(class))
	return at
}

// spans of a leaf: valid until its chunk is replaced.
func (f *Forest) spans(l *leaf) []span {
	return f.chunks.blocks[l.chunk/blockLen][l.chunk%blockLen:][:l.n]
}

// room makes l have n spans, at most leafCap, the first of them the old ones.
func (f *Forest) room(l *leaf, n int) []span {
	if n > chunkLen(l.class) {
		old, class := f.spans(l), l.class
		chunk := l.chunk
		for n > chunkLen(l.class) {
			l.class++
		}
		l.chunk = f.chunks.add(l.class)
		copy(f.chunks.blocks[l.chunk/blockLen][l.chunk%blockLen:], old)
		f.chunks.class[class].freed = append(f.chunks.class[class].freed, chunk)
	}
	l.n = uint8(n)
	return f.spans(l)
}

// newLeaf makes a leaf with n spans, still to be filled in.
func (f *Forest) newLeaf(s Seq, n int) (uint32, *leaf) {
	id, l := f.leaves.add()
	l.parent, l.seq = nowhere, s
	for n > chunkLen(l.class) {
		l.class++
	}
	l.chunk, l.n = f.chunks.add(l.class), uint8(n)
	return id, l
}
