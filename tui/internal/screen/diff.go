package screen

import "strconv"

// Synchronised output: the terminal shows what lies between the two at once. Terminals that do not know it ignore it.
const (
	syncBegin = "\x1b[?2026h"
	syncEnd   = "\x1b[?2026l"
)

// minEraseCells is from how many blanks on they are erased (ECH) and jumped over rather than written: both take 5 bytes.
const minEraseCells = 11

// Diff appends what turns a terminal that shows old into one that shows next, cursor included; nothing at all if there
// is no difference. If old is nil or of another size, the whole screen is cleared and painted. Both grids stay as they
// are. Every changed part is placed absolutely, and every line ends in the default style.
func Diff(dst []byte, old, next *Grid) []byte {
	start := len(dst)
	dst = append(dst, syncBegin...)
	body := len(dst)
	whole := old == nil || old.w != next.w || old.h != next.h
	if whole {
		dst = append(dst, "\x1b[m\x1b[H\x1b[2J"...)
	}
	for y := range next.h {
		var before []Cell
		if !whole {
			before = old.row(y)
		}
		dst = diffRow(dst, y, before, next.row(y))
	}
	shown := !whole && old.Cursor.Visible
	if len(dst) == body && !whole && old.Cursor == next.Cursor {
		return dst[:start]
	}
	if next.Cursor.Visible {
		dst = appendMove(dst, next.Cursor.X, next.Cursor.Y)
		if !shown {
			dst = append(dst, "\x1b[?25h"...)
		}
	} else {
		if shown || whole {
			dst = append(dst, "\x1b[?25l"...)
		}
		// The hidden cursor is led along: braille lines and magnifiers follow it.
		dst = appendMove(dst, next.Cursor.X, next.Cursor.Y)
	}
	return append(dst, syncEnd...)
}

// empty reports whether nothing of c can be seen: the colour and weight of a blank cannot.
func (c *Cell) empty() bool { return c.Text == " " && !c.Style.covers() }

// alike reports whether two cells look the same.
func alike(a, b *Cell) bool { return *a == *b || a.empty() && b.empty() }

// rowWriter writes one line: it knows the style that the terminal is in and where the terminal's cursor stands.
type rowWriter struct {
	dst   []byte
	style Style
	at    int // -1: not known, since terminals disagree on the width of what was written last
}

// to places the cursor at column x, by the shorter of two ways.
func (w *rowWriter) to(x int) {
	switch {
	case w.at == x:
		return
	case w.at >= 0 && w.at < x && digits(x-w.at) < digits(x+1):
		w.dst = append(w.dst, '\x1b', '[')
		if x > w.at+1 {
			w.dst = strconv.AppendInt(w.dst, int64(x-w.at), 10)
		}
		w.dst = append(w.dst, 'C')
	default:
		w.dst = appendColumn(w.dst, x)
	}
	w.at = x
}

func (w *rowWriter) turn(st Style) {
	w.dst = appendSGR(w.dst, w.style, st)
	w.style = st
}

// plain leaves a style that erasing would take along.
func (w *rowWriter) plain() {
	if w.style.covers() {
		w.turn(0)
	}
}

// write writes the cell at column x.
func (w *rowWriter) write(x int, c *Cell) {
	w.to(x)
	if c.empty() {
		w.plain()
	} else {
		w.turn(c.Style)
	}
	w.dst = append(w.dst, c.Text...)
	if w.at = x + int(c.Width); c.doubtful() {
		w.at = -1 // the next cell is placed absolutely, so that an error stays in this one
	}
}

// diffRow appends what changes line y from before to after; before is nil for a line that is blank.
func diffRow(dst []byte, y int, before, after []Cell) []byte {
	same := func(x int) bool {
		if before == nil {
			return after[x].empty()
		}
		return alike(&before[x], &after[x])
	}
	x, end := 0, len(after)
	for x < end && same(x) {
		x++
	}
	for end > x && same(end-1) {
		end--
	}
	if x == end {
		return dst
	}
	for end < len(after) && spills(after, end) {
		end++
	}
	for x > 0 && after[x].Width == 0 { // never begin in the middle of a wide cell
		x--
	}
	// Blanks that reach the end of the line are erased, not written.
	fill := len(after)
	for fill > x && after[fill-1].empty() {
		fill--
	}
	erase := fill < end && end-fill > 3
	if erase {
		end = fill
	}
	w := rowWriter{dst: appendMove(dst, x, y), at: x}
	for x < end {
		if gap := gapAt(same, after, x, end, w.style); gap > x {
			x = gap
			continue
		}
		if n := blanksAt(after, x, end); n >= minEraseCells {
			w.to(x)
			w.plain()
			w.dst = append(w.dst, '\x1b', '[')
			w.dst = strconv.AppendInt(w.dst, int64(n), 10)
			w.dst = append(w.dst, 'X')
			x += n
			continue
		}
		c := &after[x]
		if c.Width == 0 { // its left half was written, or was cut away
			x++
			continue
		}
		w.write(x, c)
		x += int(c.Width)
	}
	w.turn(0)
	if erase {
		w.to(fill)
		w.dst = append(w.dst, "\x1b[K"...)
	}
	return w.dst
}

// spills reports whether the cell before x is one that a terminal may have drawn into x too, so that x is written again.
func spills(row []Cell, x int) bool {
	for x--; x > 0 && row[x].Width == 0; x-- {
	}
	return x >= 0 && row[x].doubtful()
}

// blanksAt is how many blanks begin at x, up to end.
func blanksAt(row []Cell, x, end int) int {
	n := 0
	for x+n < end && row[x+n].empty() {
		n++
	}
	return n
}

// gapAt returns where the unchanged cells from x on end if a jump over them takes less than writing them again, in a terminal
// that is in that style; else x.
func gapAt(same func(int) bool, after []Cell, x, end int, style Style) int {
	if spills(after, x) {
		return x
	}
	to := x
	for to < end && same(to) {
		to++
	}
	for to > x && to < end && after[to].Width == 0 { // stop before a wide cell whose right half differs
		to--
	}
	if to == x {
		return x
	}
	var stack [32]byte
	bytes, in := 0, style
	turn := func(c *Cell) {
		switch {
		case !c.empty():
			bytes += len(appendSGR(stack[:0], in, c.Style))
			in = c.Style
		case in.covers():
			bytes, in = bytes+len("\x1b[m"), 0
		}
	}
	jump := len("\x1b[C") + digits(to-x)
	for i := x; i < to && bytes <= 2*jump+len(stack); i++ {
		turn(&after[i])
		bytes += len(after[i].Text)
	}
	if to < end {
		turn(&after[to])
		jump += len(appendSGR(stack[:0], style, after[to].Style))
	}
	if bytes < jump {
		return x
	}
	return to
}

// digits is how many digits n has, which is above 0.
func digits(n int) int {
	d := 1
	for ; n > 9; n /= 10 {
		d++
	}
	return d
}

// appendMove appends the placing of the cursor at column x, line y, both from 0.
func appendMove(dst []byte, x, y int) []byte {
	dst = append(dst, '\x1b', '[')
	dst = strconv.AppendInt(dst, int64(y)+1, 10)
	if x > 0 {
		dst = append(dst, ';')
		dst = strconv.AppendInt(dst, int64(x)+1, 10)
	}
	return append(dst, 'H')
}

// appendColumn appends the placing of the cursor at column x of its line.
func appendColumn(dst []byte, x int) []byte {
	dst = append(dst, '\x1b', '[')
	dst = strconv.AppendInt(dst, int64(x)+1, 10)
	return append(dst, 'G')
}
