package oracle

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"unsafe"
)

// A clock is what a change has of the committee among its ancestors: for each oracle,
// the place in its chain of the newest one, and 1, or 0 if there is none. Newest is the
// greatest seq, of a chain that forked by the id too. (Fidge, "Timestamps in
// message-passing systems that preserve the partial ordering", 1988; Mattern, "Virtual
// time and global states of distributed systems", 1989.)
//
// A change's own place is not in its clock. Places are those of this Log; what they lead
// to follows from the set of ancestors alone.
type clock []uint32

// clocks keeps the clock of every change, each as the difference to that of the change
// before it on the chain: some N bytes. Every keyEvery changes of a chain one stands
// whole, so that reading an old one ends.
type clocks struct {
	chunks [][]byte
}

const (
	keyEvery     = 32
	firstChunk   = 16 << 10
	largestChunk = 1 << 20
	deltaBytes   = 6 // at most, of one number
)

// add appends the difference of c to base, and returns where it lies.
func (k *clocks) add(c, base clock) (at uint64) {
	last := len(k.chunks) - 1
	if last < 0 || cap(k.chunks[last])-len(k.chunks[last]) < deltaBytes*len(c) {
		size := firstChunk
		if last >= 0 {
			size = min(2*cap(k.chunks[last]), largestChunk)
		}
		k.chunks = append(k.chunks, make([]byte, 0, size))
		last++
	}
	b := k.chunks[last]
	at = uint64(last)<<32 | uint64(len(b))
	for i, v := range c {
		d := int64(v) - int64(base[i])
		z := uint64(d)<<1 ^ uint64(d>>63)
		if z < 0x80 {
			b = append(b, byte(z))
		} else {
			b = binary.AppendUvarint(b, z)
		}
	}
	k.chunks[last] = b
	return at
}

// addTo adds the difference at that place to c.
func (k *clocks) addTo(c clock, at uint64) {
	b := k.chunks[at>>32][uint32(at):]
	for i := range c {
		z := uint64(b[0])
		if z < 0x80 {
			b = b[1:]
		} else {
			var n int
			z, n = binary.Uvarint(b)
			b = b[n:]
		}
		c[i] += uint32(int64(z>>1) ^ -int64(z&1))
	}
}

// clockOf is the clock of a change, put into c.
func (l *Log) clockOf(n int32, c clock) {
	clear(c)
	var path [keyEvery]int32
	depth := 0
	for {
		path[depth] = n
		depth++
		if l.node(n).depth == 0 {
			break
		}
		n = l.node(n).prev
	}
	for depth--; depth >= 0; depth-- {
		l.clocks.addTo(c, l.node(path[depth]).clock)
	}
}

// same reports whether a and b, of which b may be nil, are equal.
func same(a, b clock) bool {
	return len(a) == len(b) && bytes.Equal(a.bytes(), b.bytes())
}

// bytes are those of c in memory: to compare them costs a fifth of comparing numbers.
func (c clock) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(c))), 4*len(c))
}

// merge takes in what a parent has.
func (l *Log) merge(c, parent clock) {
	if l.forked == 0 {
		parent = parent[:len(c)]
		for i, v := range parent {
			c[i] = max(c[i], v)
		}
		return
	}
	for i, v := range parent {
		c[i] = l.newer(i, c[i], v)
	}
}

// newer is the newer of two places in the chain of an oracle.
func (l *Log) newer(o int, a, b uint32) uint32 {
	if a == b || b == 0 {
		return a
	}
	if a == 0 {
		return b
	}
	ch := &l.chains[o]
	if !ch.forked { // places are in the order of seq
		return max(a, b)
	}
	x, y := l.node(ch.nodes[a-1]), l.node(ch.nodes[b-1])
	if x.seq > y.seq || x.seq == y.seq && bytes.Compare(x.id[:], y.id[:]) > 0 {
		return a
	}
	return b
}

// mergeNode takes in a parent and its ancestors.
func (l *Log) mergeNode(c clock, n int32) {
	p := l.node(n)
	o := int(p.oracle)
	if o < 0 {
		l.clockOf(n, l.workB)
		l.merge(c, l.workB)
		return
	}
	ch := &l.chains[o]
	if c[o] == p.place+1 || !ch.forked && c[o] > p.place {
		return // an ancestor of what was merged before
	}
	if kept := ch.clockOf(n, p.place); kept != nil {
		// Those who speak at one time have heard the same: one merge does for all.
		if kept.number != l.merged || kept.number == 0 {
			l.merge(c, kept.clock)
			l.merged = kept.number
		}
	} else {
		l.clockOf(n, l.workB)
		l.merge(c, l.workB)
	}
	c[o] = l.newer(o, c[o], p.place+1)
}

// noTime is the time of what was never seen: before all times.
const noTime = math.MinInt64

// timeOf is the log time of a set of changes with that clock: the lower median over the
// committee of the greatest t on each chain.
func (l *Log) timeOf(c clock) int64 {
	x := l.times[:0]
	for i, place := range c {
		if place == 0 {
			x = append(x, noTime)
		} else {
			x = append(x, l.chains[i].maxT[place-1])
		}
	}
	l.times = x
	return lowerOf(x, (len(x)-1)/2)
}

// lowerOf is element k of x in ascending order. It reorders x. (Hoare, "Algorithm 65:
// FIND", 1961.)
func lowerOf(x []int64, k int) int64 {
	if len(x) <= 12 {
		sortPrices(x)
		return x[k]
	}
	for rounds := 0; len(x) > 12; rounds++ {
		if rounds > 16 { // chosen so that it is slow: by liars
			slices.Sort(x)
			return x[k]
		}
		a, b, c := x[0], x[len(x)/2], x[len(x)-1]
		pivot := max(min(a, b), min(max(a, b), c))
		i, j := 0, len(x)-1
		for i <= j {
			for x[i] < pivot {
				i++
			}
			for x[j] > pivot {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			x = x[:j+1]
		case k >= i:
			x, k = x[i:], k-i
		default:
			return pivot
		}
	}
	sortPrices(x)
	return x[k]
}
