package oracle

import (
	"fmt"
	"math/bits"
	"strconv"
)

// ParsePrice reads a decimal number above zero, like 2500.25, as a price in units of
// 10^expo (−18 … 0), exactly. What has more decimals than the unit allows is rounded,
// half to even, and rounded says so. The error wraps [ErrPriceSyntax],
// [ErrPriceExponent], [ErrPriceDigits] or [ErrPriceNotPositive] and quotes no text.
func ParsePrice(text string, expo int) (price int64, rounded bool, err error) {
	if expo < minExpo || expo > 0 {
		return 0, false, fmt.Errorf("%w: unit 10^%d", ErrPriceSyntax, expo)
	}
	if text == "" || len(text) > MaxPriceTextBytes {
		return 0, false, fmt.Errorf("%w: %d bytes", ErrPriceSyntax, len(text))
	}
	body := text
	if body[0] == '-' {
		body = body[1:]
	}
	var mantissa uint64 // of digits, without the point
	digits, whole, point := 0, 0, -1
	for i := range len(body) {
		switch c := body[i]; {
		case c >= '0' && c <= '9':
			if point < 0 {
				whole++
			}
			if digits == 0 && c == '0' {
				continue
			}
			if digits++; digits <= MaxDigits {
				mantissa = mantissa*10 + uint64(c-'0')
			}
		case c == '.' && point < 0:
			point = i
		case (c == 'e' || c == 'E') && whole > 0:
			return 0, false, fmt.Errorf("%w: at byte %d", ErrPriceExponent, i+len(text)-len(body)+1)
		default:
			return 0, false, fmt.Errorf("%w: byte %d", ErrPriceSyntax, i+len(text)-len(body)+1)
		}
	}
	switch {
	case whole == 0 || point == len(body)-1:
		return 0, false, fmt.Errorf("%w: digits stand on both sides of a point", ErrPriceSyntax)
	case digits > MaxDigits:
		return 0, false, fmt.Errorf("%w: %d", ErrPriceDigits, digits)
	case mantissa == 0 || body != text:
		return 0, false, ErrPriceNotPositive
	}
	decimals := 0
	if point >= 0 {
		decimals = len(body) - point - 1
	}
	if up := -expo - decimals; up >= 0 {
		hi, lo := bits.Mul64(mantissa, pow10[up])
		if hi != 0 || lo > MaxPrice {
			return 0, false, fmt.Errorf("%w in units of 10^%d", ErrPriceDigits, expo)
		}
		return int64(lo), false, nil
	}
	down := decimals + expo
	if down >= len(pow10) { // more decimals than digits: less than half a unit
		return 0, false, ErrPriceNotPositive
	}
	q, r := mantissa/pow10[down], mantissa%pow10[down]
	if half := pow10[down] / 2; r > half || r == half && q%2 == 1 {
		q++
	}
	if q == 0 {
		return 0, false, fmt.Errorf("%w in units of 10^%d", ErrPriceNotPositive, expo)
	}
	return int64(q), r != 0, nil
}

// pow10[i] is 10^i.
var pow10 = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// FormatPrice is the price as a decimal number, with exactly −expo decimals.
func FormatPrice(price int64, expo int) string {
	return string(AppendPrice(make([]byte, 0, 24), price, expo))
}

// AppendPrice appends what [FormatPrice] returns.
func AppendPrice(dst []byte, price int64, expo int) []byte {
	m := uint64(price)
	if price < 0 {
		dst, m = append(dst, '-'), -m
	}
	if expo >= 0 || expo < minExpo {
		return strconv.AppendUint(dst, m, 10)
	}
	unit := pow10[-expo]
	dst = append(strconv.AppendUint(dst, m/unit, 10), '.')
	frac := m % unit
	for i := -expo - 1; i > 0 && frac < pow10[i]; i-- {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, frac, 10)
}
