package cli

import (
	"bufio"
	"errors"
	"io"
)

// lineReader reads lines of bounded length in bounded memory. What is longer is skipped, and counted as a line.
type lineReader struct {
	r *bufio.Reader
	n int // of the last line, from 1
}

// errLineTooLong is returned by next for a line beyond the bound. Reading goes on with the next line.
var errLineTooLong = errors.New("line too long")

func newLineReader(r io.Reader, maxBytes int) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, maxBytes+2)} // with CR LF
}

// next returns the next line without its end, valid until the next call, and its length in the input. The last line may
// lack an end. Errors: [io.EOF], [errLineTooLong], or that of the reader; after the latter two there was a line.
func (l *lineReader) next() (line []byte, length int64, err error) {
	line, err = l.r.ReadSlice('\n')
	if len(line) == 0 && err != nil {
		return nil, 0, err
	}
	l.n++
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
	return nil, length, errLineTooLong
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
