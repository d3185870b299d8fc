package terminal

import (
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/vt"
)

// Screen is what an emulator shows of a program's output. It is valid within the function that gets it: the emulator
// goes on after that.
type Screen struct{ emulator *vt.Emulator }

// NewScreen returns what e shows.
func NewScreen(e *vt.Emulator) *Screen { return &Screen{e} }

// Size is the number of columns and of rows.
func (s *Screen) Size() (cols, rows int) { return s.emulator.Width(), s.emulator.Height() }

// Cell is the cell at column x of row y, from 0; nil outside, and for the right half of a wide one.
func (s *Screen) Cell(x, y int) *uv.Cell { return s.emulator.CellAt(x, y) }

// Cursor is where the cursor is.
func (s *Screen) Cursor() (x, y int) {
	p := s.emulator.CursorPosition()
	return p.X, p.Y
}

// Row is the text of row y without the blanks at its end, empty outside.
func (s *Screen) Row(y int) string {
	var b strings.Builder
	for x := range s.emulator.Width() {
		c := s.emulator.CellAt(x, y)
		switch {
		case c == nil || c.Width == 0 && c.Content == "":
		case c.Content == "":
			b.WriteByte(' ')
		default:
			b.WriteString(c.Content)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// Text is all rows.
func (s *Screen) Text() string {
	rows := make([]string, s.emulator.Height())
	for y := range rows {
		rows[y] = s.Row(y)
	}
	return strings.Join(rows, "\n")
}

// Find is the first row that contains text, and its number; -1 if none does.
func (s *Screen) Find(text string) (row string, y int) {
	for y := range s.emulator.Height() {
		if row := s.Row(y); strings.Contains(row, text) {
			return row, y
		}
	}
	return "", -1
}
