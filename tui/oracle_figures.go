package tui

import (
	"math"
	"strconv"
	"strings"

	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// priceText is a price as a person reads it: rounded to what matters at its size, a comma between thousands.
func priceText(price int64, expo int) string {
	return roundedText(price, expo, decimalsOf(price, expo))
}

// decimalsOf is how many decimals of a price are shown.
func decimalsOf(price int64, expo int) int {
	switch value := math.Abs(float64(price)) * math.Pow10(expo); {
	case value < 1:
		return 6
	case value < 100:
		return 4
	}
	return 2
}

// roundedText is a price with so many decimals at most.
func roundedText(price int64, expo, places int) string {
	decimals := -expo
	n, negative := uint64(price), price < 0
	if negative {
		n = -n
	}
	for ; decimals > places; decimals-- {
		if decimals == places+1 {
			n += 5
		}
		n /= 10
	}
	digits := strconv.FormatUint(n, 10)
	if pad := decimals + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	whole, rest := digits[:len(digits)-decimals], digits[len(digits)-decimals:]
	var b strings.Builder
	if negative {
		b.WriteByte('-')
	}
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	if rest != "" {
		b.WriteByte('.')
		b.WriteString(rest)
	}
	return b.String()
}

func priceConst(price int64, expo int) screen.Const {
	digits := priceText(price, expo)
	return screen.Const(digits)
}

// exactPrice is all digits of a price.
func exactPrice(price int64, expo int) screen.Const {
	digits := oracle.FormatPrice(price, expo)
	return screen.Const(digits)
}

// percentText is a part in ppm as per cent in a sentence: "20 %", "-0.12 %".
func percentText(ppm int64, sign bool) string {
	places := 2
	if ppm%10_000 == 0 || ppm >= 1_000_000 || ppm <= -1_000_000 {
		places = 0
	}
	s := strconv.FormatFloat(float64(ppm)/10_000, 'f', places, 64)
	if sign && ppm > 0 {
		s = "+" + s
	}
	return s + " %"
}

func percentConst(ppm int64, sign bool) screen.Const {
	digits := percentText(ppm, sign)
	return screen.Const(digits)
}

// gapConst is a gap in six cells or less.
func gapConst(ppm int64) screen.Const {
	places := 2
	switch a := max(ppm, -ppm); {
	case a >= 1_000_000:
		places = 0
	case a >= 100_000:
		places = 1
	}
	if ppm >= 100_000_000 || ppm <= -100_000_000 {
		return ">9999%"
	}
	digits := strconv.FormatFloat(float64(ppm)/10_000, 'f', places, 64) + "%"
	if ppm >= 0 {
		digits = "+" + digits
	}
	return screen.Const(digits)
}

// gapText is how far low and high are apart.
func gapText(low, high int64) string {
	if low <= 0 {
		return "-"
	}
	return percentText((high-low)*1000/max(low/1000, 1), false)
}

// agoText is a time in virtual seconds.
func agoText(ms int64) string {
	return strconv.FormatFloat(float64(max(ms, 0))/1000, 'f', -1, 64) + " s"
}

func secondsConst(ms int64) screen.Const {
	digits := strconv.FormatFloat(float64(max(ms, 0))/1000, 'f', -1, 64) + " s"
	return screen.Const(digits)
}

// money is a part of a price in the price's own unit.
func money(price, ppm int64, expo int) screen.Const {
	digits := roundedText(int64(float64(price)*float64(ppm)/1e6), expo, decimalsOf(price, expo))
	return screen.Const(digits)
}

// sizeConst is a number of bytes.
func sizeConst(n int64) screen.Const {
	switch {
	case n < 1000:
		return number(int(n)) + " B"
	case n < 1_000_000:
		return screen.Const(strconv.FormatFloat(float64(n)/1e3, 'f', 0, 64)) + " kB"
	}
	return screen.Const(strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64)) + " MB"
}
