package cli

import (
	"strings"

	"rsc.io/qr"
)

// quiet is how many light modules stand around a code, so that a camera finds it.
const quiet = 2

// qrCode draws text as a code for a camera: two modules a character, one above the other, or without anything beyond ASCII two
// characters a module. Light is drawn and dark left out, as on a dark terminal; with colour it is right on any.
func qrCode(text string, ascii, color bool) (string, error) {
	code, err := qr.Encode(strings.ToUpper(text), qr.M) // capital letters take less room
	if err != nil {
		return "", err
	}
	light := func(x, y int) bool { return !code.Black(x, y) } // beyond the code too
	var b strings.Builder
	step := 2
	if ascii {
		step = 1
	}
	for y := -quiet; y < code.Size+quiet; y += step {
		if color {
			b.WriteString("\x1b[97;40m")
		}
		for x := -quiet; x < code.Size+quiet; x++ {
			below := y+1 < code.Size+quiet && light(x, y+1)
			switch {
			case ascii && light(x, y):
				b.WriteString("##")
			case ascii:
				b.WriteString("  ")
			case light(x, y) && below:
				b.WriteString("█")
			case light(x, y):
				b.WriteString("▀")
			case below:
				b.WriteString("▄")
			default:
				b.WriteString(" ")
			}
		}
		if color {
			b.WriteString("\x1b[0m")
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}
