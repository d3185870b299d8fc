package screen

import (
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Cell is one place of the picture. Text is one grapheme cluster without control characters; Width is 1 or 2, or 0 for
// the right half of the wide cell before it, whose Text is empty.
type Cell struct {
	Text  string
	Style Style
	Width uint8
}

var blank = Cell{Text: " ", Width: 1}

// doubtful reports whether terminals may disagree on the width of c: all that is neither ASCII nor one narrow rune.
func (c *Cell) doubtful() bool {
	if len(c.Text) == 1 {
		return false
	}
	_, n := utf8.DecodeRuneInString(c.Text)
	return c.Width > 1 || n != len(c.Text)
}

const replacement = "\uFFFD"

// cluster returns the first grapheme cluster of s as the text of a cell, its width in cells (0: nothing to show), and
// its length in s, at least 1. s is not empty.
//
// Control characters and invalid bytes become U+FFFD: whoever calls has cleaned the text before, by package safe; this is
// the second lock on the same door.
func cluster(s string) (text string, width, size int) {
	if c := s[0]; c >= 0x20 && c < 0x7f && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		return s[:1], 1, 1
	}
	r, n := utf8.DecodeRuneInString(s)
	if r < 0x20 || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
		return replacement, 1, n
	}
	text, width = ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
	if text == "" { // cannot be; an endless loop would follow
		return replacement, 1, n
	}
	if width > 2 {
		return replacement, 1, len(text)
	}
	for i, r := range text { // a cluster such as "\r\n" or a base followed by a control
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return replacement, 1, max(i, n)
		}
	}
	return text, width, len(text)
}

// asciiOf replaces the program's own signs where a terminal shows ASCII alone; whatever else is not ASCII becomes "?".
func asciiOf(text string) string {
	if len(text) == 1 {
		return text
	}
	switch text {
	case "─":
		return "-"
	case "│":
		return "|"
	case "┌", "┐", "└", "┘", "├", "┤", "┬", "┴", "┼":
		return "+"
	case "…":
		return "~"
	case "·":
		return "-"
	case "→":
		return ">"
	case "⏎":
		return "$"
	}
	return "?"
}
