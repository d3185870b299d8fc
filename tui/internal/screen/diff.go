package screen

import "strconv"

// Synchronised output: the terminal shows what lies between the two at once. Terminals that do not know it ignore it.
const (
	syncBegin = "\x1b[?2026h"
	syncEnd   = "\x1b[?2026l"
)

// minGapBytes is how many bytes of unchanged cells are written again rather than jumped over: a jump costs 4 to 6.
const minGapBytes = 6

// minEraseCells is from how many blanks on they are erased (ECH) and jumped over rather than written.
const minEraseCells = 12

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

// diffRow appends what changes line y from before to after; before is nil for a line that is blank.
func diffRow(dst []byte, y int, before, after []Cell) []byte {
	same := func(x int) bool {
		if before == nil {
			return after[x] == blank
		}
		return before[x] == after[x]
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
	for fill > x && after[fill-1] == blank {
		fill--
	}
	erase := fill < end && end-fill > 3
	if erase {
		end = fill
	}
	dst = appendMove(dst, x, y)
	var style Style
	for x < end {
		if gap := gapAt(same, after, x, end); gap > x {
			x = gap
			dst = appendColumn(dst, x)
			continue
		}
		if n := blanksAt(after, x, end); n >= minEraseCells {
			dst = appendSGR(dst, style, 0)
			style = 0
			dst = append(dst, '\x1b', '[')
			dst = strconv.AppendInt(dst, int64(n), 10)
			dst = append(dst, 'X')
			if x += n; x < end {
				dst = appendColumn(dst, x)
			}
			continue
		}
		c := &after[x]
		if c.Width == 0 { // its left half was written, or was cut away
			x++
			continue
		}
		dst = appendSGR(dst, style, c.Style)
		style = c.Style
		dst = append(dst, c.Text...)
		x += int(c.Width)
		if c.doubtful() && x < end {
			// Terminals disagree on the width of such clusters. The next cell is placed absolutely, so that an error
			// stays in this one.
			dst = appendColumn(dst, x)
		}
	}
	dst = appendSGR(dst, style, 0)
	if erase {
		if x < fill {
			dst = appendColumn(dst, fill)
		}
		dst = append(dst, "\x1b[K"...)
	}
	return dst
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
	for x+n < end && row[x+n] == blank {
		n++
	}
	return n
}

// gapAt returns where the unchanged cells from x on end if they are worth a jump, else x.
func gapAt(same func(int) bool, after []Cell, x, end int) int {
	if spills(after, x) {
		return x
	}
	bytes, to := 0, x
	for to < end && same(to) {
		bytes += len(after[to].Text)
		to++
	}
	for to > x && to < end && after[to].Width == 0 { // stop before a wide cell whose right half differs
		to--
	}
	if bytes < minGapBytes {
		return x
	}
	return to
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
