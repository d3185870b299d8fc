package ledger

import (
	"math/big"
	"math/bits"
	"strings"
)

// A Sum is an exact sum of amounts of any scales: an integer in units of
// 10^-[MaxScale], in 192 bits. One amount takes at most 120 of them, so that the
// entries of a room, at most 2^32, cannot make it wrap, nor can any 2^70 additions of
// amounts. The zero value is 0. Sums are comparable with ==.
type Sum struct{ lo, mid, hi uint64 } // two's complement

// powers of ten as far as they fit into 64 bits.
var powers = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = 10 * p[i-1]
	}
	return p
}()

// SumOf is one amount: mantissa and digits after the point, 0 … [MaxScale].
func SumOf(mantissa int64, scale int) Sum {
	hi, lo := bits.Mul64(magnitude(mantissa), powers[MaxScale-scale])
	s := Sum{lo: lo, mid: hi}
	if mantissa < 0 {
		return s.Neg()
	}
	return s
}

// Add is s + t.
func (s Sum) Add(t Sum) Sum {
	var c uint64
	s.lo, c = bits.Add64(s.lo, t.lo, 0)
	s.mid, c = bits.Add64(s.mid, t.mid, c)
	s.hi, _ = bits.Add64(s.hi, t.hi, c)
	return s
}

// Sub is s - t.
func (s Sum) Sub(t Sum) Sum {
	var c uint64
	s.lo, c = bits.Sub64(s.lo, t.lo, 0)
	s.mid, c = bits.Sub64(s.mid, t.mid, c)
	s.hi, _ = bits.Sub64(s.hi, t.hi, c)
	return s
}

// Neg is -s.
func (s Sum) Neg() Sum { return Sum{}.Sub(s) }

// Abs is s without its sign.
func (s Sum) Abs() Sum {
	if s.Sign() < 0 {
		return s.Neg()
	}
	return s
}

// IsZero reports whether s is 0.
func (s Sum) IsZero() bool { return s == Sum{} }

// Sign is -1, 0 or 1.
func (s Sum) Sign() int {
	switch {
	case int64(s.hi) < 0:
		return -1
	case s.IsZero():
		return 0
	}
	return 1
}

// Cmp is -1, 0 or 1 as s is less than, equal to or greater than t.
func (s Sum) Cmp(t Sum) int { return s.Sub(t).Sign() }

// Append appends s in decimal, with the fewest digits that say it, but at least
// minScale after the point.
func (s Sum) Append(dst []byte, minScale int) []byte {
	if s.Sign() < 0 {
		dst = append(dst, '-')
	}
	s = s.Abs()
	s, low := s.divide() // the digits after the point
	s, mid := s.divide()
	_, high := s.divide()
	var stack [3*MaxScale + 1]byte
	digits := stack[:0]
	for _, part := range [...]uint64{high, mid} {
		for p := powers[MaxScale-1]; p > 0; p /= 10 {
			if d := byte(part / p % 10); d > 0 || len(digits) > 0 {
				digits = append(digits, '0'+d)
			}
		}
	}
	if len(digits) == 0 {
		digits = append(digits, '0')
	}
	dst = append(dst, digits...)
	scale := MaxScale
	for ; scale > max(minScale, 0) && low%10 == 0; scale-- {
		low /= 10
	}
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	for i := scale - 1; i >= 0; i-- {
		dst = append(dst, '0'+byte(low/powers[i]%10))
	}
	return dst
}

// divide divides s, which is not below zero, by 10^[MaxScale].
func (s Sum) divide() (quotient Sum, rest uint64) {
	quotient.hi, rest = bits.Div64(0, s.hi, powers[MaxScale])
	quotient.mid, rest = bits.Div64(rest, s.mid, powers[MaxScale])
	quotient.lo, rest = bits.Div64(rest, s.lo, powers[MaxScale])
	return quotient, rest
}

// String is s in decimal, with the fewest digits that say it.
func (s Sum) String() string {
	var stack [3*MaxScale + 3]byte
	return string(s.Append(stack[:0], 0))
}

// Scale is how many digits s has after the point, zeros at the end left out.
func (s Sum) Scale() int {
	_, low := s.Abs().divide()
	scale := MaxScale
	for ; scale > 0 && low%10 == 0; scale-- {
		low /= 10
	}
	return scale
}

// Scaled is s as an amount of an entry, with the fewest digits after the point;
// false if it has more than [MaxDigits].
func (s Sum) Scaled() (mantissa int64, scale int, ok bool) {
	scale = s.Scale()
	whole, low := s.Abs().divide()
	if whole.hi != 0 || whole.mid != 0 || whole.lo >= powers[MaxDigits-scale] {
		return 0, 0, false
	}
	mantissa = int64(whole.lo*powers[scale] + low/powers[MaxScale-scale])
	if s.Sign() < 0 {
		mantissa = -mantissa
	}
	return mantissa, scale, true
}

// Big is s in units of 10^-[MaxScale], for exact arithmetic beyond sums.
func (s Sum) Big() *big.Int {
	a := s.Abs()
	n := new(big.Int).SetUint64(a.hi)
	n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(a.mid))
	n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(a.lo))
	if s.Sign() < 0 {
		n.Neg(n)
	}
	return n
}

// MarshalText is String: JSON has it as a text, so that no reader makes a float of it.
func (s Sum) MarshalText() ([]byte, error) { return s.Append(nil, 0), nil }

// ParseSum reads what String writes: digits, a point and at most [MaxScale] digits
// after it. False if it is none, or has more than 36 digits before the point.
func ParseSum(text string) (Sum, bool) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, after, point := strings.Cut(digits, ".")
	if whole == "" || len(whole) > 2*MaxScale || point && after == "" || len(after) > MaxScale {
		return Sum{}, false
	}
	var s Sum
	for _, b := range []byte(whole + after + strings.Repeat("0", MaxScale-len(after))) {
		if !isDigit(b) {
			return Sum{}, false
		}
		s = s.timesTen().Add(Sum{lo: uint64(b - '0')})
	}
	if negative {
		s = s.Neg()
	}
	return s, true
}

func (s Sum) timesTen() Sum {
	two := s.Add(s)
	four := two.Add(two)
	return four.Add(four).Add(two)
}
