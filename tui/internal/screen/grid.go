package screen

import (
	"strings"

	"github.com/tallystick/tallystick/internal/safe"
)

// MaxSide bounds a grid's width and height: terminals that claim more are drawn up to here.
const MaxSide = 1000

// Const is text of the program itself: a constant, or figures and dates that it formatted. A variable of type string
// becomes one only by a conversion that can be seen; text from outside never does, it is a [safe.String].
type Const string

// Cursor is where the terminal's own cursor stands.
type Cursor struct {
	X, Y    int
	Visible bool
}

// Grid is a picture: w x h cells. The zero Grid is empty. It is not safe for concurrent use.
//
// Invariant: every row is a sequence of cells of width 1, or of width 2 followed by one of width 0.
type Grid struct {
	w, h   int
	cells  []Cell
	ASCII  bool // what is drawn becomes ASCII
	Cursor Cursor
}

// New returns a blank grid; sizes below 0 count as 0, above MaxSide as MaxSide.
func New(w, h int) *Grid {
	g := &Grid{}
	g.Reset(w, h)
	return g
}

// Size returns width and height in cells.
func (g *Grid) Size() (w, h int) { return g.w, g.h }

// Reset makes g a blank grid of the given size without a visible cursor; it allocates only to grow.
func (g *Grid) Reset(w, h int) {
	g.w, g.h = min(max(w, 0), MaxSide), min(max(h, 0), MaxSide)
	n := g.w * g.h
	if cap(g.cells) < n {
		g.cells = make([]Cell, n)
	}
	g.cells = g.cells[:n]
	for i := range g.cells {
		g.cells[i] = blank
	}
	g.Cursor = Cursor{}
}

// All returns the area of the whole grid.
func (g *Grid) All() Area { return Area{g: g, W: g.w, H: g.h} }

// Cell returns the cell at column x of line y, both within the grid.
func (g *Grid) Cell(x, y int) Cell { return g.cells[y*g.w+x] }

// Line returns the text of line y without trailing blanks.
func (g *Grid) Line(y int) string {
	var b strings.Builder
	for _, c := range g.row(y) {
		b.WriteString(c.Text)
	}
	return strings.TrimRight(b.String(), " ")
}

// Lines returns the text of the whole grid, a line each.
func (g *Grid) Lines() []string {
	out := make([]string, g.h)
	for y := range out {
		out[y] = g.Line(y)
	}
	return out
}

// Styled returns line y with the sequences of its styles and without trailing blanks.
func (g *Grid) Styled(y int) string {
	row := g.row(y)
	for len(row) > 0 && row[len(row)-1] == blank {
		row = row[:len(row)-1]
	}
	var b []byte
	var style Style
	for _, c := range row {
		if c.Width == 0 {
			continue
		}
		b = append(appendSGR(b, style, c.Style), c.Text...)
		style = c.Style
	}
	return string(appendSGR(b, style, 0))
}

// Clone returns a copy.
func (g *Grid) Clone() *Grid {
	c := &Grid{ASCII: g.ASCII}
	c.copyFrom(g)
	return c
}

func (g *Grid) row(y int) []Cell { return g.cells[y*g.w : (y+1)*g.w] }

func (g *Grid) copyFrom(src *Grid) {
	if g.w != src.w || g.h != src.h {
		g.Reset(src.w, src.h)
	}
	copy(g.cells, src.cells)
	g.Cursor = src.Cursor
}

// set puts a cell and mends what it cuts: the other half of a wide cell becomes a blank.
func (g *Grid) set(x, y int, c Cell) {
	row := g.row(y)
	cut := func(at int) {
		if at < 0 || at >= g.w {
			return
		}
		if row[at].Width == 0 && at > 0 {
			row[at-1] = Cell{Text: " ", Width: 1, Style: row[at-1].Style}
			row[at] = Cell{Text: " ", Width: 1, Style: row[at].Style}
		} else if row[at].Width == 2 && at+1 < g.w {
			row[at+1] = Cell{Text: " ", Width: 1, Style: row[at+1].Style}
		}
	}
	cut(x)
	if c.Width == 2 {
		cut(x + 1)
		row[x+1] = Cell{Style: c.Style}
	}
	row[x] = c
}

// Area is a rectangle of a grid; drawing in it uses its own coordinates and is clipped to it. The zero Area takes
// everything and shows nothing.
type Area struct {
	g          *Grid
	X, Y, W, H int
}

// Sub returns the part of a that begins at (x, y) and is at most w x h.
func (a Area) Sub(x, y, w, h int) Area {
	x0, y0 := min(max(x, 0), a.W), min(max(y, 0), a.H)
	return Area{
		g: a.g, X: a.X + x0, Y: a.Y + y0,
		W: max(min(x+w, a.W)-x0, 0), H: max(min(y+h, a.H)-y0, 0),
	}
}

// Empty reports whether nothing can be shown in a.
func (a Area) Empty() bool { return a.W <= 0 || a.H <= 0 }

// Const draws text of the program from column x of line y on, cut at the area's edge, and returns the column after it.
func (a Area) Const(x, y int, st Style, s Const) int { return a.put(x, y, a.W-x, st, string(s)) }

// ASCII is Const for figures in a buffer that is reused: it keeps none of it and allocates nothing. Bytes that are no
// printable ASCII become "?".
func (a Area) ASCII(x, y int, st Style, b []byte) int {
	if y < 0 || y >= a.H || x < 0 || a.g == nil {
		return x
	}
	for _, c := range b {
		if x >= a.W {
			break
		}
		if c < 0x20 || c > 0x7e {
			c = '?'
		}
		a.g.set(a.X+x, a.Y+y, Cell{Text: printable[c-0x20 : c-0x1f], Style: st, Width: 1})
		x++
	}
	return x
}

const printable = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// ConstCut is Const within at most w cells; what is cut ends in "…".
func (a Area) ConstCut(x, y, w int, st Style, s Const) int { return a.put(x, y, w, st, string(s)) }

// Text draws cleaned text from column x of line y on, in at most w cells, and returns the column after it. What is cut
// ends in "…".
func (a Area) Text(x, y, w int, st Style, s safe.String) int {
	return a.put(x, y, w, st, s.String())
}

func (a Area) put(x, y, w int, st Style, s string) int {
	if y < 0 || y >= a.H || x < 0 || x >= a.W || a.g == nil {
		return x
	}
	end := min(x+w, a.W)
	start := x
	for s != "" {
		text, width, size := cluster(s)
		s = s[size:]
		if width == 0 {
			continue
		}
		if x+width > end {
			a.ellipsis(start, x, end, y, st)
			return end
		}
		if a.g.ASCII {
			text = asciiOf(text)
			for range width {
				a.g.set(a.X+x, a.Y+y, Cell{Text: text, Style: st, Width: 1})
				x++
			}
			continue
		}
		a.g.set(a.X+x, a.Y+y, Cell{Text: text, Style: st, Width: uint8(width)})
		x += width
	}
	return x
}

// ellipsis marks a text drawn from start up to x as cut: its last cell before end becomes "…".
func (a Area) ellipsis(start, x, end, y int, st Style) {
	if end <= start {
		return
	}
	for ; x < end; x++ { // a wide cell that did not fit leaves a blank
		a.g.set(a.X+x, a.Y+y, Cell{Text: " ", Style: st, Width: 1})
	}
	sign := "…"
	if a.g.ASCII {
		sign = asciiOf(sign)
	}
	a.g.set(a.X+end-1, a.Y+y, Cell{Text: sign, Style: st, Width: 1})
}

// Fill draws n cells of one sign, which is one cell wide, from column x >= 0 on.
func (a Area) Fill(x, y, n int, st Style, sign Const) {
	if n <= 0 {
		return
	}
	end := a.put(x, y, 1, st, string(sign))
	if end == x {
		return
	}
	c := a.g.Cell(a.X+x, a.Y+y)
	for i := 1; i < n && x+i < a.W; i++ {
		a.g.set(a.X+x+i, a.Y+y, c)
	}
}

// Toggle flips attributes of n cells, so that what is reversed already stands out in a reversed line.
func (a Area) Toggle(x, y, n int, st Style) {
	if y < 0 || y >= a.H || a.g == nil {
		return
	}
	row := a.g.row(a.Y + y)
	for i := max(x, 0); i < min(x+n, a.W); i++ {
		row[a.X+i].Style ^= st
	}
}

// Clear blanks the area.
func (a Area) Clear() {
	for y := range a.H {
		for x := range a.W {
			a.g.set(a.X+x, a.Y+y, blank)
		}
	}
}

// Frame draws a border around the area with a title at its left and a note at its right upper corner, and returns the
// area within. The note gives way to the title. An area that is too small for a border is returned as it is.
func (a Area) Frame(border, titleStyle Style, title, note Const) Area {
	if a.W < 4 || a.H < 3 {
		return a
	}
	a.Fill(1, 0, a.W-2, border, "─")
	a.Fill(1, a.H-1, a.W-2, border, "─")
	for y := 1; y < a.H-1; y++ {
		a.Const(0, y, border, "│")
		a.Const(a.W-1, y, border, "│")
	}
	a.Const(0, 0, border, "┌")
	a.Const(a.W-1, 0, border, "┐")
	a.Const(0, a.H-1, border, "└")
	a.Const(a.W-1, a.H-1, border, "┘")
	end := 1
	if title != "" {
		a.Const(1, 0, border, " ")
		end = a.put(2, 0, a.W-4, titleStyle, string(title))
		end = a.Const(end, 0, border, " ")
	}
	if w := Width(note); note != "" && end+1+w+3 <= a.W {
		x := a.W - w - 3
		x = a.Const(x, 0, border, " ")
		x = a.Const(x, 0, border, note)
		a.Const(x, 0, border, " ")
	}
	return a.Sub(1, 1, a.W-2, a.H-2)
}

// Width returns how many cells s takes.
func Width(s Const) int { return width(string(s)) }

func width(s string) int {
	n := 0
	for s != "" {
		_, w, size := cluster(s)
		n, s = n+w, s[size:]
	}
	return n
}

// PlaceCursor puts the terminal's cursor at column x, line y of the area, if that is within it.
func (a Area) PlaceCursor(x, y int, visible bool) {
	if a.g != nil && x >= 0 && x < a.W && y >= 0 && y < a.H {
		a.g.Cursor = Cursor{X: a.X + x, Y: a.Y + y, Visible: visible}
	}
}
