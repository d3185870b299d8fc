package ledger

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A SyntaxError says what is wrong with a typed line and what to do. Its texts
// hold parts of the line, quoted so that nothing in them is invisible.
type SyntaxError struct {
	Reason   Reason
	Column   int    // where, counted from 1 in characters (code points) as typed
	Offset   int    // the same place in bytes, counted from 0
	Expected string // as in `an amount, as in 12.50`
	Found    string // as in `"twelve"` or `the end of the line`
	Hint     string // what to do; may be ""
}

// Error is one line: column, what was expected, what is there, what to do.
func (e *SyntaxError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "column %d: expected %s, found %s", e.Column, e.Expected, e.Found)
	if e.Hint != "" {
		b.WriteString("; ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

func (e *SyntaxError) Unwrap() error { return e.Reason }

// newSyntaxError places an error in a line. found "" is the end of the line.
func newSyntaxError(r Reason, line string, offset int, expected, found, hint string) *SyntaxError {
	if found == "" {
		found = "the end of the line"
	} else {
		found = quoteFound(found)
	}
	return &SyntaxError{
		Reason: r, Column: 1 + utf8.RuneCountInString(line[:offset]), Offset: offset,
		Expected: expected, Found: found, Hint: hint,
	}
}

// quoteFound quotes the beginning of s.
func quoteFound(s string) string {
	const most = 24
	n := 0
	for i := range s {
		if n == most {
			return strconv.Quote(s[:i]) + "…"
		}
		n++
	}
	return strconv.Quote(s)
}
