package safe

import (
	"math"
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// NoLimit as maxCells cuts nothing. The cost is then linear in the text.
const NoLimit = math.MaxInt

// A String is one line of text that is safe to write to a terminal. Only this
// package makes one. The zero value is the empty text. Strings are comparable,
// immutable, and may be used by any number of goroutines.
//
// Invariant: String() holds graphic characters only, none of them invisible, and
// Width() is its width in cells.
type String struct {
	s     string
	cells int
}

// String is the text.
func (s String) String() string { return s.s }

// Width is the number of cells that the text takes.
func (s String) Width() int { return s.cells }

// constant is a string type that callers cannot name: only an untyped constant
// converts to it.
type constant string

// Literal is a text of the program's own. It takes constants only: a variable
// does not compile. It is cleaned like any other, and never cut.
func Literal(c constant) String { return Text(string(c), NoLimit) }

// Concat is the texts one after the other.
func Concat(parts ...String) String {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.s)
	}
	// The sum of the widths would be wrong where two parts make one cluster
	// between them, as two halves of a flag do; and two clusters at their limit
	// may make one above it.
	return Text(b.String(), NoLimit)
}

// Split is the first clusters of s that fit into so many cells, and what is left.
// Nothing marks the cut: this is for folding a text over several rows. If not even
// the first cluster fits, head is empty.
func (s String) Split(cells int) (head, rest String) {
	if s.cells <= cells {
		return s, String{}
	}
	g := displaywidth.StringGraphemes(s.s)
	at, width := 0, 0
	for g.Next() {
		w := g.Width()
		if width+w > cells {
			break
		}
		width += w
		at += len(g.Value())
	}
	return String{s.s[:at], width}, String{s.s[at:], s.cells - width}
}
