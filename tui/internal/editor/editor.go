// Package editor is one line of text under a cursor, and the lines typed before it. It knows no keys: what a key does is
// decided by the key table, and calls a method here.
package editor

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// MaxBytes bounds the line. A transaction is far shorter; what is longer was pasted by mistake.
const MaxBytes = 12 << 10

// Line is the text being edited. The zero Line is empty and ready. It keeps what was typed or pasted as it is, for the
// parser to judge; Draw shows it cleaned.
//
// Invariant: 0 <= cursor <= len(text), between two grapheme clusters; text is valid UTF-8 of at most MaxBytes without
// line ends.
type Line struct {
	text   string
	cursor int // byte offset
	scroll int // byte offset of the first cluster shown
}

// String is the text.
func (l *Line) String() string { return l.text }

// Cursor is the cursor's byte offset in the text.
func (l *Line) Cursor() int { return l.cursor }

// Set replaces the text and puts the cursor at its end. What Insert would change or refuse, Set does too; a text that is
// too long leaves the line empty.
func (l *Line) Set(s string) {
	*l = Line{}
	l.Insert(s)
}

// Insert puts s at the cursor: line ends and tabs become spaces, bytes that are not UTF-8 U+FFFD. It reports false, and
// changes nothing, if the line would be longer than MaxBytes.
func (l *Line) Insert(s string) bool {
	if len(l.text)+len(s) > MaxBytes {
		return false
	}
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\r', '\n', '\t', '\u0085', '\u2028', '\u2029':
			return ' '
		}
		return r
	}, strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", " "), "\uFFFD"))
	if len(l.text)+len(s) > MaxBytes {
		return false
	}
	l.text = l.text[:l.cursor] + s + l.text[l.cursor:]
	l.cursor += len(s)
	l.settle()
	return true
}

// Backspace removes the cluster before the cursor.
func (l *Line) Backspace() { l.cut(l.before(l.cursor), l.cursor) }

// Delete removes the cluster after the cursor.
func (l *Line) Delete() { l.cut(l.cursor, l.after(l.cursor)) }

// KillWord removes the word before the cursor, KillLeft and KillRight all on that side.
func (l *Line) KillWord()  { l.cut(l.wordLeft(), l.cursor) }
func (l *Line) KillLeft()  { l.cut(0, l.cursor) }
func (l *Line) KillRight() { l.cut(l.cursor, len(l.text)) }

// Left, Right, WordLeft, WordRight, Home and End move the cursor.
func (l *Line) Left()      { l.cursor = l.before(l.cursor) }
func (l *Line) Right()     { l.cursor = l.after(l.cursor) }
func (l *Line) WordLeft()  { l.cursor = l.wordLeft() }
func (l *Line) WordRight() { l.cursor = l.wordRight() }
func (l *Line) Home()      { l.cursor = 0 }
func (l *Line) End()       { l.cursor = len(l.text) }

// Replace puts s in the place of the bytes from..to, both between clusters, and the cursor after it.
func (l *Line) Replace(from, to int, s string) bool {
	old := *l
	l.cut(from, to)
	l.cursor = min(from, len(l.text))
	if !l.Insert(s) {
		*l = old
		return false
	}
	return true
}

func (l *Line) cut(from, to int) {
	l.text = l.text[:from] + l.text[to:]
	l.cursor = from
	l.settle()
}

// settle moves the cursor on to the end of the cluster that it is in: what was inserted may have joined what follows.
func (l *Line) settle() {
	if at := l.boundary(l.cursor); at < l.cursor {
		l.cursor = l.after(at)
	}
	l.scroll = l.boundary(min(l.scroll, l.cursor))
}

func (l *Line) after(at int) int {
	if at >= len(l.text) {
		return len(l.text)
	}
	return at + clusterSize(l.text[at:])
}

func (l *Line) before(at int) int { return l.boundary(at - 1) }

// boundary returns the last boundary between clusters at or before a byte offset.
func (l *Line) boundary(at int) int {
	p := 0
	for p < len(l.text) {
		next := l.after(p)
		if next > at {
			break
		}
		p = next
	}
	return p
}

func (l *Line) wordLeft() int {
	s := strings.TrimRightFunc(l.text[:l.cursor], unicode.IsSpace)
	return l.boundary(strings.LastIndexFunc(s, unicode.IsSpace) + 1)
}

func (l *Line) wordRight() int {
	rest := l.text[l.cursor:]
	word := strings.TrimLeftFunc(rest, unicode.IsSpace)
	at := len(l.text) - len(word)
	if i := strings.IndexFunc(word, unicode.IsSpace); i >= 0 {
		return max(l.boundary(at+i), l.after(l.cursor))
	}
	return len(l.text)
}

func clusterSize(s string) int {
	if s[0] < utf8.RuneSelf && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		return 1
	}
	c, _ := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
	return max(len(c), 1)
}

// Draw shows the line on one row of a from column x on, scrolled so that the cursor is seen, and places the terminal's
// cursor if focused. at marks a byte offset, such as an error's, with a style; -1 for none.
func (l *Line) Draw(a screen.Area, x, y int, st screen.Style, focused bool, at int, mark screen.Style) {
	w := a.W - x
	if w <= 0 {
		return
	}
	l.reveal(w)
	col := x
	if l.scroll > 0 {
		col = a.Const(col, y, st|screen.Faint, "…")
	}
	cur := col
	for p := l.scroll; p < len(l.text); {
		if p == l.cursor {
			cur = col
		}
		n := l.after(p)
		style := st
		if at >= p && at < n {
			style = mark
		}
		s := shown(l.text[p:n])
		if col+s.Width() > a.W {
			a.Const(a.W-1, y, st|screen.Faint, "…")
			break
		}
		col = a.Text(col, y, s.Width(), style, s)
		p = n
	}
	if l.cursor >= len(l.text) {
		cur = col
	}
	a.PlaceCursor(min(cur, a.W-1), y, focused)
}

// reveal moves scroll so that the cursor lies within w cells, and not under the mark that shows that there is more. Its
// time is linear in the text: a paste may be all of MaxBytes.
func (l *Line) reveal(w int) {
	all := l.width(0, len(l.text))
	if all < w { // the cursor at the end needs a cell too
		l.scroll = 0
		return
	}
	right := 1 // the cursor's own cell
	if l.after(l.cursor) < len(l.text) {
		right = 2
	}
	l.scroll = min(l.scroll, l.cursor)
	l.scroll = l.fits(l.scroll, l.cursor, l.width(l.scroll, l.cursor), w-1-right)
	// Not further than needed, so that deleting at the end brings the beginning back.
	l.scroll = min(l.scroll, l.fits(0, len(l.text), all, w-2))
}

// fits returns the first boundary in from..to from which on no more than w cells are left of the width that is theirs.
func (l *Line) fits(from, to, width, w int) int {
	for from < to && width > w {
		next := l.after(from)
		width -= shown(l.text[from:next]).Width()
		from = next
	}
	return from
}

func (l *Line) width(from, to int) int {
	n := 0
	for from < to {
		next := l.after(from)
		n += shown(l.text[from:next]).Width()
		from = next
	}
	return n
}

func shown(cluster string) safe.String { return safe.Text(cluster, safe.NoLimit) }
