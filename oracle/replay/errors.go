package replay

import (
	"errors"
	"fmt"
)

// Reasons for which a recording is refused. Every error of this package that concerns
// a file is an *[Error] and wraps one.
var (
	ErrHeader = errors.New("the first line names no recording of a known form")
	ErrRow    = errors.New("not a row of CSV")
	ErrNumber = errors.New("not a number that can be read")
	ErrTime   = errors.New("not a time that can be read")
	ErrVenue  = errors.New("not the name of a venue")
	ErrLimit  = errors.New("over a limit")
	ErrEmpty  = errors.New("no price at all")
)

// An Error says where in a file something is wrong.
type Error struct {
	File   string // as it was given
	Line   int    // from 1; 0: the file as a whole
	Column int    // byte of the line at which the field begins, from 1; 0: the line as a whole
	Name   string // of the column; "" if it is not about one
	Err    error
}

// Error is "FILE:LINE:COLUMN: column NAME: what is wrong".
func (e *Error) Error() string {
	s := e.File
	if e.Line > 0 {
		s += fmt.Sprintf(":%d", e.Line)
	}
	if e.Column > 0 {
		s += fmt.Sprintf(":%d", e.Column)
	}
	if e.Name != "" {
		s += ": column " + e.Name
	}
	return s + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }
