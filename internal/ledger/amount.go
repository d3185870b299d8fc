package ledger

import "strconv"

// AppendAmount appends mantissa·10^-scale with exactly scale digits after the
// point, as in -12.50. scale is 0 … MaxScale.
func AppendAmount(dst []byte, mantissa int64, scale int) []byte {
	if mantissa < 0 {
		dst = append(dst, '-')
	}
	var stack [20]byte
	digits := strconv.AppendUint(stack[:0], magnitude(mantissa), 10)
	whole := len(digits) - scale
	if whole <= 0 {
		dst = append(dst, '0')
	} else {
		dst = append(dst, digits[:whole]...)
	}
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	for ; whole < 0; whole++ {
		dst = append(dst, '0')
	}
	return append(dst, digits[whole:]...)
}

// FormatAmount is [AppendAmount] as a string.
func FormatAmount(mantissa int64, scale int) string {
	var stack [24]byte
	return string(AppendAmount(stack[:0], mantissa, scale))
}

// AmountCells is the number of characters, and of cells, that an amount takes
// before its point, sign included, and from its point on.
func AmountCells(mantissa int64, scale int) (before, after int) {
	before = 1
	for m := magnitude(mantissa); m >= 10; m /= 10 {
		before++
	}
	before = max(1, before-scale)
	if mantissa < 0 {
		before++
	}
	if scale > 0 {
		after = 1 + scale
	}
	return before, after
}

// AppendAmountAligned appends an amount padded with spaces so that in a column
// whose amounts take at most before and after ([AmountCells]) the points stand
// below each other. A wider amount is written whole.
func AppendAmountAligned(dst []byte, mantissa int64, scale, before, after int) []byte {
	b, a := AmountCells(mantissa, scale)
	for ; b < before; b++ {
		dst = append(dst, ' ')
	}
	dst = AppendAmount(dst, mantissa, scale)
	for ; a < after; a++ {
		dst = append(dst, ' ')
	}
	return dst
}

func magnitude(m int64) uint64 {
	if m < 0 {
		return -uint64(m)
	}
	return uint64(m)
}
