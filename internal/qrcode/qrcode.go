// Package qrcode draws a text as a QR code in the cells of a terminal, so that a camera reads it there.
package qrcode

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// Quiet is how many light modules stand around a code: as many as its standard asks for.
const Quiet = 4

// Run is a part of a line. It is blanks where it is Inverse.
type Run struct {
	Text    string
	Inverse bool // ground and writing change places
}

// Ground is what a code is drawn on.
type Ground uint8

// Grounds.
const (
	Dark  Ground = iota // light writing on a dark ground, as most terminals have it: what is light is drawn
	Light               // dark writing on a light ground, which the caller sees to: what is dark is drawn
)

// Draw draws text line by line, all of the same width: two modules a cell, one above the other, or with ascii, where no cell can be
// divided, two cells a module. It takes letters as capitals, which need less room.
func Draw(text string, ground Ground, ascii bool) ([][]Run, error) {
	code, err := qr.Encode(strings.ToUpper(text), qr.L) // a screen has no stains: larger modules help more than spare ones
	if err != nil {
		return nil, fmt.Errorf("code for a camera: %w", err)
	}
	side := code.Size + 2*Quiet
	drawn := func(x, y int) bool { return code.Black(x-Quiet, y-Quiet) == (ground == Light) } // beyond the code too
	var lines [][]Run
	if ascii {
		for y := range side {
			var line []Run
			for x := range side {
				if n := len(line); n > 0 && line[n-1].Inverse == drawn(x, y) {
					line[n-1].Text += "  "
				} else {
					line = append(line, Run{"  ", drawn(x, y)})
				}
			}
			lines = append(lines, line)
		}
		return lines, nil
	}
	for y := 0; y < side; y += 2 {
		var b strings.Builder
		for x := range side {
			switch above, below := drawn(x, y), drawn(x, y+1); {
			case above && below:
				b.WriteString("█")
			case above:
				b.WriteString("▀")
			case below:
				b.WriteString("▄")
			default:
				b.WriteByte(' ')
			}
		}
		lines = append(lines, []Run{{Text: b.String()}})
	}
	return lines, nil
}
