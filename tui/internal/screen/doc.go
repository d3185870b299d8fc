// Package screen keeps a terminal's picture as cells and writes the difference between two pictures.
//
// A view draws into a [Grid] through an [Area], which clips: no text can leave its rectangle, whatever its width. Text
// from outside is taken as [safe.String] only, text of the program as [Const], which a variable of type string cannot
// become by accident; and the cells themselves hold no control character (put replaces them), so that the bytes of
// [Diff] contain no escape sequence that is not made here.
//
// [Painter] is the one writer to the terminal. It writes changed parts of changed lines, each placed absolutely, between
// the marks of synchronised output (DEC private mode 2026), on a goroutine of its own: a terminal that has stopped
// reading delays nothing but its own picture.
package screen
