package source

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Decimal is an exact number Coef · 10^-Scale, 0 ≤ Coef < 10^[MaxDigits], 0 ≤ Scale ≤ [MaxDigits]. The zero Decimal is
// no price: "not told".
type Decimal struct {
	Coef  int64
	Scale int
}

// ParseDecimal reads a price: digits, and perhaps a point with digits behind it. Zeros before the point beyond one, signs,
// blanks and exponents are [ErrNumber], more than [MaxDigits] digits (a lone 0 before the point not counted)
// [ErrDigits], zero [ErrNotAPrice], and so is a number below.
func ParseDecimal(s string) (Decimal, error) {
	whole, rest, point := strings.Cut(s, ".")
	negative := strings.HasPrefix(whole, "-")
	whole = strings.TrimPrefix(whole, "-")
	if !digits(whole) || point && !digits(rest) || len(whole) > 1 && whole[0] == '0' {
		return Decimal{}, fmt.Errorf("%w: %s", ErrNumber, cut(s))
	}
	if negative {
		return Decimal{}, fmt.Errorf("%w: %s", ErrNotAPrice, cut(s))
	}
	if whole == "0" {
		whole = ""
	}
	if n := len(whole) + len(rest); n > MaxDigits {
		return Decimal{}, fmt.Errorf("%w: %d, at most %d: %s", ErrDigits, n, MaxDigits, cut(s))
	}
	coef := int64(0)
	for _, part := range []string{whole, rest} {
		for i := range len(part) {
			coef = coef*10 + int64(part[i]-'0')
		}
	}
	if coef == 0 {
		return Decimal{}, fmt.Errorf("%w: %s", ErrNotAPrice, cut(s))
	}
	return Decimal{coef, len(rest)}, nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// cut is s for an error's text.
func cut(s string) string {
	const most = 40
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}

// IsZero says whether nothing was told.
func (d Decimal) IsZero() bool { return d.Coef == 0 }

// String is d in digits, as many behind the point as Scale.
func (d Decimal) String() string {
	s := strconv.FormatInt(d.Coef, 10)
	if d.Scale == 0 {
		return s
	}
	if len(s) <= d.Scale {
		s = strings.Repeat("0", d.Scale-len(s)+1) + s
	}
	return s[:len(s)-d.Scale] + "." + s[len(s)-d.Scale:]
}

// Cmp is -1, 0 or 1 as d is less than, equal to or greater than e.
func (d Decimal) Cmp(e Decimal) int {
	scale := max(d.Scale, e.Scale)
	dh, dl := d.at(scale)
	eh, el := e.at(scale)
	switch {
	case dh != eh:
		return sign(dh > eh)
	case dl != el:
		return sign(dl > el)
	default:
		return 0
	}
}

func sign(greater bool) int {
	if greater {
		return 1
	}
	return -1
}

// at is the coefficient at a greater scale, in 128 bits: below 10^36.
func (d Decimal) at(scale int) (hi, lo uint64) {
	return bits.Mul64(uint64(d.Coef), pow10[scale-d.Scale])
}

var pow10 = func() (p [MaxDigits + 1]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// Mid is the mean of two prices, exactly. [ErrDigits] if it has more than [MaxDigits] digits.
func Mid(a, b Decimal) (Decimal, error) {
	a, b = a.short(), b.short()
	scale := max(a.Scale, b.Scale)
	ah, al := a.at(scale)
	bh, bl := b.at(scale)
	lo, carry := bits.Add64(al, bl, 0)
	hi, _ := bits.Add64(ah, bh, carry)
	if lo&1 == 0 { // half of it has no more digits
		lo, hi = lo>>1|hi<<63, hi>>1
	} else {
		var over uint64
		over, lo = bits.Mul64(lo, 5)
		hi, scale = hi*5+over, scale+1 // below 2·10^36·5 < 2^128
	}
	if hi > 0 || lo >= pow10[MaxDigits] || scale > MaxDigits {
		return Decimal{}, fmt.Errorf("%w: the middle of %v and %v has more than %d", ErrDigits, a, b, MaxDigits)
	}
	return Decimal{int64(lo), scale}, nil
}

// short is d without zeros at the end.
func (d Decimal) short() Decimal {
	for d.Scale > 0 && d.Coef%10 == 0 {
		d.Coef, d.Scale = d.Coef/10, d.Scale-1
	}
	return d
}
