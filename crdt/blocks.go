package crdt

import (
	"encoding/binary"
	"slices"
)

// The payloads of the log, each with the head of a CBOR byte string before it, as
// packs hold them: what is sent of a run is a copy of a range.

const (
	firstBlockBytes = 4 << 10 // so that a small room is small
	maxBlockBytes   = 256 << 10
	// A pack of so many bytes gets a block of its own, of exactly its size: what
	// is left unused at the end of the others is less.
	ownBlockBytes = 16 << 10
)

// blocks holds payloads where they were first put: a block is filled, never grown
// or moved, so a View reads it while the replica appends.
type blocks struct {
	bufs    [][]byte
	extents []extent // by first
	hints   []int32  // by slab of changes: the extent of its first change
	open    int      // the block that is filled, if there is one
	used    int      // bytes of it
}

// extent says that the changes from first on, up to the next extent's, have their
// payloads in a block.
type extent struct{ first, block int32 }

// reserve makes room for n bytes of payloads with their heads, those of the
// changes from first on. It returns the block, and where in it they are to be
// written.
func (b *blocks) reserve(first int32, n int) (block []byte, pos int) {
	at := b.open
	switch {
	case n >= ownBlockBytes:
		block = make([]byte, n)
		b.own(first, block)
		return block, 0
	case at == len(b.bufs) || b.used+n > len(b.bufs[at]):
		size := firstBlockBytes
		if at < len(b.bufs) {
			size = min(2*len(b.bufs[at]), maxBlockBytes)
		}
		at = len(b.bufs)
		b.bufs = append(b.bufs, make([]byte, max(size, n)))
		b.open, b.used = at, n
	default:
		pos, b.used = b.used, b.used+n
	}
	if k := len(b.extents); k == 0 || b.extents[k-1].block != int32(at) {
		b.extents = append(b.extents, extent{first, int32(at)})
	}
	return b.bufs[at], pos
}

// own makes block the one of the changes from first on, and of no others.
func (b *blocks) own(first int32, block []byte) {
	at := len(b.bufs)
	if at == b.open {
		b.open, b.used = at+1, 0 // there is none yet
	}
	b.bufs = append(b.bufs, block)
	b.extents = append(b.extents, extent{first, int32(at)})
}

// add puts payloads with their heads, those of the changes from first on, and returns
// where in their block they begin. Those that are kept nobody writes to any more: then
// they are their block, if they would have one of their own and fill it well.
func (b *blocks) add(first int32, payloads []byte, kept bool) (pos int) {
	if n := len(payloads); kept && n >= ownBlockBytes && cap(payloads)-n <= n/4 {
		b.own(first, payloads)
		return 0
	}
	block, pos := b.reserve(first, len(payloads))
	copy(block[pos:], payloads)
	return pos
}

// mark is called for the first change of each slab, once its payload has a place.
func (b *blocks) mark() { b.hints = append(b.hints, int32(len(b.extents)-1)) }

// of is the block that holds the payload of change i. O(log slabSize).
func (b *blocks) of(i int32) []byte {
	if newest := &b.extents[len(b.extents)-1]; i >= newest.first {
		return b.bufs[newest.block] // what is being applied
	}
	slab := int(i / slabSize)
	lo, hi := int(b.hints[slab]), len(b.extents)-1
	if slab+1 < len(b.hints) {
		hi = int(b.hints[slab+1])
	}
	for lo < hi {
		if mid := (lo + hi + 1) / 2; b.extents[mid].first <= i {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return b.bufs[b.extents[lo].block]
}

// view is what a View reads.
func (b *blocks) view() blocks {
	return blocks{bufs: slices.Clip(b.bufs), extents: slices.Clip(b.extents), hints: slices.Clip(b.hints)}
}

// byteStringAt is where the byte string begins and ends whose head stands at pos
// of b. The head was checked before.
func byteStringAt(b []byte, pos uint32) (start, end uint32) {
	n, start := headAt(b, pos)
	return start, start + uint32(n)
}

// headAt reads the head of an item at pos of b, which was checked before: what it says,
// and where it ends.
func headAt(b []byte, pos uint32) (n uint64, end uint32) {
	p := b[pos:]
	switch low := p[0] & 0x1f; low {
	case 24:
		return uint64(p[1]), pos + 2
	case 25:
		return uint64(binary.BigEndian.Uint16(p[1:])), pos + 3
	case 26:
		return uint64(binary.BigEndian.Uint32(p[1:])), pos + 5
	case 27:
		return binary.BigEndian.Uint64(p[1:]), pos + 9
	default:
		return uint64(low), pos + 1
	}
}
