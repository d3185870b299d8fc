// Package lines reads lines of bounded length.
package lines

import (
	"bufio"
	"errors"
	"io"
)

// A Reader reads lines of bounded length in bounded memory. What is longer is skipped, and counted as a line. It is for one
// goroutine.
type Reader struct {
	N int // of the last line, from 1

	r *bufio.Reader
}

// ErrTooLong is returned by Next for a line beyond the bound. Reading goes on with the next line.
var ErrTooLong = errors.New("line too long")

// NewReader reads lines of up to maxBytes, 16 at least.
func NewReader(r io.Reader, maxBytes int) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, maxBytes+2)} // with CR LF
}

// Next returns the next line without its end, valid until the next call, and its length in the input. The last line may
// lack an end. Errors: [io.EOF], [ErrTooLong], or that of the reader; after the latter two there was a line.
func (l *Reader) Next() (line []byte, length int64, err error) {
	line, err = l.r.ReadSlice('\n')
	if len(line) == 0 && err != nil {
		return nil, 0, err
	}
	l.N++
	if !errors.Is(err, bufio.ErrBufferFull) {
		if errors.Is(err, io.EOF) {
			err = nil // the next call says so
		}
		return trimEnd(line), int64(len(line)), err
	}
	length = int64(len(line))
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.r.ReadSlice('\n')
		length += int64(len(line))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, length, err
	}
	return nil, length, ErrTooLong
}

// trimEnd takes off LF or CR LF.
func trimEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
	}
	return line
}
