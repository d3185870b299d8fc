package cli

import (
	"strings"

	"github.com/tallystick/tallystick/internal/qrcode"
)

// codeWay is what a code for a camera may be drawn with.
type codeWay struct {
	ascii   bool // no character beyond it
	colour  bool // dark on light, whatever the terminal's own colours are
	inverse bool // escape sequences, if only for that
}

// qrCode draws text as a code for a camera. Without colour what is light is drawn, as is right on a dark terminal.
func qrCode(text string, way codeWay) (string, error) {
	ground, begin, end := qrcode.Dark, "", ""
	if way.colour {
		ground, begin, end = qrcode.Light, "\x1b[30;107m", "\x1b[m"
	}
	lines, err := qrcode.Draw(text, ground, way.ascii)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(begin)
		for _, r := range line {
			switch {
			case !r.Inverse:
				b.WriteString(r.Text)
			case way.inverse || way.colour:
				b.WriteString("\x1b[7m" + r.Text + "\x1b[27m")
			default:
				b.WriteString(strings.Repeat("#", len(r.Text)))
			}
		}
		b.WriteString(end + "\n")
	}
	return b.String(), nil
}
