// Package qrtest reads QR codes off a terminal's screen as a camera does: it takes a picture of the cells, and has a decoder find
// the code in it. It is for tests.
package qrtest

import (
	"fmt"
	"image"
	"image/color"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// Theme is the terminal's own colours.
type Theme struct{ Writing, Ground uint8 } // from black to white

// Themes.
var (
	Dark  = Theme{Writing: 0xc0, Ground: 0x10}
	Light = Theme{Writing: 0x20, Ground: 0xf8}
)

// A cell in the picture, in points.
const width, height = 16, 32

// looks are how a camera is held by somebody who looks for a code: points seen as one, and how far apart its own are.
var looks = [][2]int{{4, 4}, {3, 3}, {5, 5}, {6, 6}, {16, 6}, {16, 5}, {20, 4}}

// Read is the text of the code that is on the screen of e.
func Read(e *vt.Emulator, t Theme) (text string, err error) {
	cols, rows := e.Width(), e.Height()
	sharp := make([]int, cols*width*rows*height)
	for y := range rows {
		for x := range cols {
			if c := e.CellAt(x, y); c != nil {
				t.draw(c, func(dx, dy int, gray uint8) { sharp[(y*height+dy)*cols*width+x*width+dx] = int(gray) })
			}
		}
	}
	for _, look := range looks {
		if text, err = decode(sharp, cols*width, rows*height, look[0], look[1]); err == nil {
			return text, nil
		}
	}
	return "", fmt.Errorf("no code can be read: %w", err)
}

// decode reads the code in a picture of w x h points of which blur x blur are seen as one, each step of them.
func decode(sharp []int, w, h, blur, step int) (string, error) {
	img := image.NewGray(image.Rect(0, 0, (w-blur)/step+1, (h-blur)/step+1))
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			sum := 0
			for dy := range blur {
				for dx := range blur {
					sum += sharp[(y*step+dy)*w+x*step+dx]
				}
			}
			img.SetGray(x, y, color.Gray{Y: uint8(sum / (blur * blur))})
		}
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		return "", err
	}
	found, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		return "", err
	}
	return found.GetText(), nil
}

// draw draws a cell.
func (t Theme) draw(c *uv.Cell, set func(x, y int, gray uint8)) {
	writing, ground := t.shade(c.Style.Fg, t.Writing), t.shade(c.Style.Bg, t.Ground)
	if c.Style.Attrs&uv.AttrReverse != 0 {
		writing, ground = ground, writing
	}
	for y := range height {
		for x := range width {
			gray := ground
			if inked(c.Content, x, y) {
				gray = writing
			}
			set(x, y, gray)
		}
	}
}

// shade is how light a colour is. A terminal's own black and white are not quite that.
func (t Theme) shade(c color.Color, otherwise uint8) uint8 {
	switch c := c.(type) {
	case nil:
		return otherwise
	case ansi.BasicColor:
		switch c {
		case ansi.Black:
			return 0x20
		case ansi.BrightWhite:
			return 0xe8
		}
	}
	return 0x80
}

// inked reports whether the sign of a cell covers a point of it.
func inked(sign string, x, y int) bool {
	switch sign {
	case "", " ":
		return false
	case "█":
		return true
	case "▀":
		return y < height/2
	case "▄":
		return y >= height/2
	case "#": // two bars each way
		return x/3 == 1 || x/3 == 3 || y/4 == 2 || y/4 == 5
	}
	return x > 2 && x < width-3 && y > 7 && y < height-8 && (x+y)%3 == 0 // of letters it is enough that they are something
}
