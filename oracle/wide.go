package oracle

import "math/bits"

// Arithmetic of 128 bits on numbers that are not negative.

// mulDiv is ⌊a·b/c⌋, which must be less than 2^64.
func mulDiv(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	q, _ := bits.Div64(hi, lo, c)
	return q
}

// ppmOf is ⌊v·ppm/10^6⌋ of v, ppm ≥ 0, or the greatest int64 if that is less.
func ppmOf(v, ppm int64) int64 {
	hi, lo := bits.Mul64(uint64(v), uint64(ppm))
	if hi >= 1_000_000/2 {
		return 1<<63 - 1
	}
	q, _ := bits.Div64(hi, lo, 1_000_000)
	return int64(q)
}

// mulMore reports whether a·b > c·d.
func mulMore(a, b, c, d uint64) bool {
	h1, l1 := bits.Mul64(a, b)
	h2, l2 := bits.Mul64(c, d)
	return h1 > h2 || h1 == h2 && l1 > l2
}

// A sum adds numbers of 64 bits in 128.
type sum struct{ hi, lo uint64 }

func (s *sum) add(v int64) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, uint64(v), 0)
	s.hi += carry
}

// mean is ⌊sum/n⌋ of n numbers that were added.
func (s sum) mean(n int) int64 {
	q, _ := bits.Div64(s.hi, s.lo, uint64(n))
	return int64(q)
}

// middle is ⌊(a+b)/2⌋, also of numbers below zero. Their sum fits an int64.
func middle(a, b int64) int64 { return (a + b) >> 1 }
