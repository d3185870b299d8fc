package safe

import (
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

const (
	maxMarks        = 2 // combining marks that a character keeps
	maxClusterCells = 4 // cells of a cluster's characters, each counted alone

	// droppedAtOnce is how many marks one \+ stands for, so that a text of marks
	// alone fills its cells soon.
	droppedAtOnce = 32
)

const dropped = `\+`

// A Charset is what the terminal can show.
type Charset uint8

const (
	// Unicode keeps letters of all scripts, shows a newline as ⏎ and a cut as ….
	Unicode Charset = iota
	// ASCII escapes all that is not ASCII, shows a newline as \n and a cut
	// as "...".
	ASCII
)

// Text makes s safe and at most maxCells wide, in Unicode. The result may share
// memory with s. The cost is bounded by maxCells, not by the length of s.
func Text(s string, maxCells int) String { return Unicode.Text(s, maxCells) }

// Text is as the function [Text], for the charset c.
func (c Charset) Text(s string, maxCells int) String {
	if maxCells <= 0 || s == "" {
		return String{}
	}
	// Most texts are ASCII. Up to maxCells bytes are looked at: if all are
	// printable, a cut lies between two of them.
	n := printable(s, maxCells)
	if n == len(s) {
		return String{s, n}
	}
	if n == maxCells {
		mark, markCells := c.mark(maxCells)
		return String{s[:maxCells-markCells] + mark, maxCells}
	}
	// A cluster that stays whole has at most maxClusterCells characters besides
	// marks, and takes a cell at least: no more of them are needed to fill
	// maxCells. (Nor does a byte of s ever make more than four.)
	limit := maxClusterCells * (min(maxCells, len(s)) + 1)
	var stack [256]byte
	b, more := c.appendClean(stack[:0], s, limit)
	return c.cut(b, maxCells, more)
}

// Cut is s if it fits into maxCells, else its beginning and the mark of a cut.
func (c Charset) Cut(s String, maxCells int) String {
	if s.cells <= maxCells {
		return s
	}
	return c.Text(s.s, maxCells)
}

// mark is what ends a text that was cut, and its cells: never more than maxCells.
func (c Charset) mark(maxCells int) (string, int) {
	if c == ASCII {
		n := min(maxCells, 3)
		return "..."[:n], n
	}
	return "…", 1
}

// printable is the length of the run of printable ASCII that s starts with, or
// limit if it is longer.
func printable(s string, limit int) int {
	n := min(len(s), limit)
	for i := range n {
		if s[i] < 0x20 || s[i] > 0x7e {
			return i
		}
	}
	return n
}

// appendClean appends s with all that is unsafe replaced: steps 1 to 4 of the
// package comment, but for the limit on clusters. It stops, and says so, when it
// has appended limit characters besides marks.
func (c Charset) appendClean(dst []byte, s string, limit int) (_ []byte, more bool) {
	var (
		based    bool // the last character may carry a mark
		symbol   bool // the last character may carry a variation selector
		marks    int  // on the last character that is none
		appended int
	)
	for i := 0; i < len(s); {
		if appended >= limit {
			return dst, true
		}
		if b := s[i]; 0x20 <= b && b <= 0x7e {
			dst = append(dst, b)
			based, symbol, marks = true, false, 0
			appended++
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		kind := classify(r)
		if c == ASCII && kind != newline && kind != tab {
			kind = escaped
		}
		switch {
		case kind == letter:
			dst = utf8.AppendRune(dst, r)
			based, symbol, marks = true, takesSelector(r), 0
			appended++
			continue
		case kind == spacingMark && based, kind == selector && symbol, kind == mark && based && marks < maxMarks:
			dst = utf8.AppendRune(dst, r)
			symbol = false
			if kind == mark {
				marks++
			} else {
				appended++
			}
			continue
		}
		n := len(dst)
		switch {
		case kind == mark && based:
			dst = append(dst, dropped...)
			i += skipMarks(s[i:])
		case kind == newline && c == ASCII:
			dst = append(dst, `\n`...)
		case kind == newline:
			dst = append(dst, "⏎"...)
		case kind == tab:
			dst = append(dst, ' ')
		default:
			dst = appendEscape(dst, r)
		}
		appended += len(dst) - n
		based, symbol, marks = false, false, 0
	}
	return dst, false
}

// skipMarks is the length of the marks that s starts with, as many as one \+
// stands for besides the one that is replaced by it.
func skipMarks(s string) int {
	n := 0
	for range droppedAtOnce - 1 {
		r, size := utf8.DecodeRuneInString(s[n:])
		if classify(r) != mark {
			break
		}
		n += size
	}
	return n
}

const hexDigits = "0123456789abcdef"

// appendEscape appends r as \x1b, \u202e or \U000e0001.
func appendEscape(dst []byte, r rune) []byte {
	digits := 8
	switch {
	case r < 0xa0:
		dst, digits = append(dst, `\x`...), 2
	case r < 0x10000:
		dst, digits = append(dst, `\u`...), 4
	default:
		dst = append(dst, `\U`...)
	}
	for digits > 0 {
		digits--
		dst = append(dst, hexDigits[r>>(4*digits)&0xf])
	}
	return dst
}

// cut makes a String of b, which appendClean made: clusters that are too long end
// early, and the whole is at most maxCells wide. If more is set, b is not all of
// the text. It works within b.
func (c Charset) cut(b []byte, maxCells int, more bool) String {
	end, endCells := c.mark(maxCells)
	n, cells := 0, 0      // of what is kept
	fit, fitCells := 0, 0 // of what still leaves room for the mark of a cut
	keep := func(p []byte, w int) bool {
		if w > maxCells-cells {
			return false
		}
		n += copy(b[n:], p) // never ahead of what is read: a dropped part is longer than \+
		cells += w
		if cells <= maxCells-endCells {
			fit, fitCells = n, cells
		}
		return true
	}
	g := displaywidth.BytesGraphemes(b)
	whole := true
	for whole && g.Next() {
		cluster, w := g.Value(), g.Width()
		if len(cluster) == 1 {
			whole = keep(cluster, w)
			continue
		}
		short := clusterLimit(cluster)
		whole = keep(cluster[:short], w)
		if whole && short < len(cluster) {
			whole = keep([]byte(dropped[:1]), 1) && keep([]byte(dropped[1:]), 1)
		}
	}
	if whole && !more {
		return String{string(b[:n]), cells}
	}
	return String{string(append(b[:fit], end...)), fitCells + endCells}
}

// clusterLimit is the length of that part of a cluster that takes at most
// maxClusterCells in a terminal that draws each character by itself.
func clusterLimit(cluster []byte) int {
	cells := 0
	for i := 0; i < len(cluster); {
		r, size := utf8.DecodeRune(cluster[i:])
		if k := classify(r); k != mark && k != selector {
			cells += max(1, displaywidth.Rune(r))
			if cells > maxClusterCells {
				return i
			}
		}
		i += size
	}
	return len(cluster)
}
