package oracle

// A series is the attestations of one oracle and pair that count, in the order of the
// chain, which is that of t: what goes back in time is void. It only grows, at its end.
type series struct {
	blocks []*block
	n      int
	hint   int // where the last search ended: the next one is mostly near
}

const blockLen = 128

// A block is some attestations of a series, by column.
type block struct {
	t      [blockLen]int64
	price  [blockLen]uint64 // with lateBit
	node   [blockLen]int32  // the change
	spread *[blockLen]int64 // nil: all zero, as most are
}

// lateBit marks an attestation that is late. No price reaches it.
const lateBit = 1 << 63

func (s *series) append(t, price, spread int64, node int32, late bool) {
	k := s.n % blockLen
	if k == 0 {
		s.blocks = append(s.blocks, new(block))
	}
	b := s.blocks[len(s.blocks)-1]
	b.t[k], b.price[k], b.node[k] = t, uint64(price), node
	if late {
		b.price[k] |= lateBit
	}
	if spread != 0 {
		if b.spread == nil {
			b.spread = new([blockLen]int64)
		}
		b.spread[k] = spread
	}
	s.n++
}

func (s *series) t(i int) int64 { return s.blocks[uint(i)/blockLen].t[uint(i)%blockLen] }

func (s *series) price(i int) int64 {
	return int64(s.blocks[uint(i)/blockLen].price[uint(i)%blockLen] &^ lateBit)
}

func (s *series) late(i int) bool {
	return s.blocks[uint(i)/blockLen].price[uint(i)%blockLen]&lateBit != 0
}

func (s *series) node(i int) int32 { return s.blocks[uint(i)/blockLen].node[uint(i)%blockLen] }

func (s *series) spread(i int) int64 {
	if b := s.blocks[uint(i)/blockLen]; b.spread != nil {
		return b.spread[uint(i)%blockLen]
	}
	return 0
}

// upTo is how many attestations have a t ≤ that: O(1) near where the last search
// ended, else O(log n).
func (s *series) upTo(t int64) int {
	const near = 8
	lo, hi := 0, s.n // s.t(lo-1) ≤ t < s.t(hi)
	i := min(s.hint, s.n)
	if i == s.n || s.t(i) > t {
		hi = i
		for range near {
			if i == 0 || s.t(i-1) <= t {
				s.hint = i
				return i
			}
			i--
			hi = i
		}
	} else {
		for range near {
			i++
			lo = i
			if i == s.n || s.t(i) > t {
				s.hint = i
				return i
			}
		}
	}
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); s.t(mid) <= t {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	s.hint = lo
	return lo
}
