package oracle

// A series is the attestations of one oracle and pair that count, in the order of the
// chain, which is that of t: what goes back in time is void. It only grows, at its end.
type series struct {
	last    *block // of blocks: mostly that is the one that is read
	n       int
	hint    int // where the last search ended: the next one is mostly near
	blocks  []*block
	spreads map[int]*[blockLen]int64 // by block; all zero of one that is not there, as most are
}

const blockLen = 128

// A block is some attestations of a series. It holds no pointer: the collector of garbage
// does not read it.
type block [blockLen]report

// A report is an attestation that counts.
type report struct {
	t     int64
	price uint64 // with lateBit
	node  int32  // the change
}

// lateBit marks an attestation that is late. No price reaches it.
const lateBit = 1 << 63

func (s *series) append(t, price, spread int64, node int32, late bool) {
	k := s.n % blockLen
	if k == 0 {
		s.last = new(block)
		s.blocks = append(s.blocks, s.last)
	}
	r := report{t, uint64(price), node}
	if late {
		r.price |= lateBit
	}
	s.last[k] = r
	if spread != 0 {
		s.setSpread(spread)
	}
	s.n++
}

// setSpread sets that of the attestation that comes next.
func (s *series) setSpread(spread int64) {
	if s.spreads == nil {
		s.spreads = make(map[int]*[blockLen]int64)
	}
	b := s.spreads[s.n/blockLen]
	if b == nil {
		b = new([blockLen]int64)
		s.spreads[s.n/blockLen] = b
	}
	b[s.n%blockLen] = spread
}

// at is attestation i.
func (s *series) at(i int) *report {
	if k := uint(i) / blockLen; k < uint(s.n-1)/blockLen {
		return &s.blocks[k][uint(i)%blockLen]
	}
	return &s.last[uint(i)%blockLen]
}

func (s *series) t(i int) int64 { return s.at(i).t }

func (s *series) price(i int) int64 { return int64(s.at(i).price &^ lateBit) }

func (s *series) late(i int) bool { return s.at(i).price&lateBit != 0 }

func (s *series) node(i int) int32 { return s.at(i).node }

func (s *series) spread(i int) int64 {
	if b := s.spreads[i/blockLen]; b != nil {
		return b[i%blockLen]
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
