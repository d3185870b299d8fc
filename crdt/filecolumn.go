package crdt

import (
	"encoding/binary"
	"errors"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A segment of a room file holds its changes in columns: what is alike lies
// together (docs/protocol.md §9). A column named …Runs is followed by another that
// says how many times more each of its values comes; the others are values back to
// back.
const (
	colPackLens   = iota // changes of each pack
	colAuthorRuns        // author number of each change
	_
	colPrevRuns // 0: the author's last change so far; else 1 + 2·distance + (1: prev's run goes on with it), distance 0 the room
	_
	colLinkRuns // links of each change
	_
	colOpRuns // ops of each change; 0: its ops are in colRaw
	_
	colShapeRuns // of each op: code · 16 + form of its target · 4 + what it carries
	_
	colLinks       // distance to the newest link, then from each to the next older
	colTimeGaps    // how many changes have the time of the one before, until one has another
	colTimes       // the difference, zigzag
	colRefs        // of each name
	colIndexes     // of each name in relative form, zigzag
	colCounts      // elements of a delete, values replaced, literals of an insert
	colAdds        // to a counter, zigzag
	colTextLens    // bytes of each text
	colTexts       // texts back to back
	colKeys        // length and bytes of each key
	colLiterals    // literals back to back
	colObjectKinds // kinds of new objects
	colRaw         // length and bytes of ops that are kept as they are
	colSigs        // of each run's last change, in order of the log
	columns
)

var errColumn = errors.New("a column ends early or late, or holds a value out of range")

// putRun appends v to a column of runs.
func (s *segmentWriter) putRun(column int, v uint64) {
	r := &s.runs[column]
	if r.times > 0 && r.value == v {
		r.times++
		return
	}
	s.endRun(column)
	r.value, r.times = v, 1
}

// endRun writes what putRun holds back.
func (s *segmentWriter) endRun(column int) {
	if r := &s.runs[column]; r.times > 0 {
		s.put(column, r.value)
		s.put(column+1, r.times-1)
		r.times = 0
	}
}

// openRun is a value of a column of runs that came so many times and may come
// again.
type openRun struct{ value, times uint64 }

func zigzag(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// A columnReader reads values back to back. The first error sticks: after it
// every value is 0.
type columnReader struct {
	buf []byte
	bad bool
}

func (r *columnReader) uvarint() uint64 {
	if len(r.buf) > 0 && r.buf[0] < 0x80 {
		v := r.buf[0]
		r.buf = r.buf[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.buf)
	if n <= 0 || r.buf[n-1] == 0 { // cut off, over 64 bits, or longer than needed
		r.fail()
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

func (r *columnReader) fail() { r.bad, r.buf = true, nil }

func (r *columnReader) bytes(n uint64) []byte {
	if n > uint64(len(r.buf)) {
		r.fail()
		return nil
	}
	b := r.buf[:n:n]
	r.buf = r.buf[n:]
	return b
}

// run reads the next value of a column of runs.
func (s *segmentReader) run(column int) uint64 {
	r := &s.runs[column]
	if r.times > 0 {
		r.times--
		return r.value
	}
	r.value, r.times = s.raw[column].uvarint(), s.raw[column+1].uvarint()
	if s.raw[column].bad || s.raw[column+1].bad {
		s.bad, r.value, r.times = true, 0, 0
	}
	return r.value
}

// done reports whether all was read, and nothing beyond.
func (r *columnReader) done() bool { return !r.bad && len(r.buf) == 0 }

// A packer compresses columns. Its tables are large: they are shared, and let go
// when memory is short.
type packer struct{ zstd *zstd.Encoder }

// Of a file every byte counts, and making one may take 40 megabytes; records are
// made whenever a room is opened, by any number of rooms at once.
var (
	packers       = packersOf(zstd.SpeedBestCompression)
	recordPackers = packersOf(zstd.SpeedDefault)
)

func packersOf(level zstd.EncoderLevel) *sync.Pool {
	return &sync.Pool{New: func() any {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(level),
			zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true))
		if err != nil {
			panic("crdt: internal error: " + err.Error())
		}
		return &packer{e}
	}}
}

// least is the size from which a column may get smaller by compressing it.
const least = 24

// append appends: raw length, and unless that is 0 the stored length (0: not
// compressed, raw length bytes follow) and the bytes.
func (p *packer) append(dst, raw []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(raw)))
	if len(raw) == 0 {
		return dst
	}
	if len(raw) >= least {
		if packed := p.zstd.EncodeAll(raw, nil); len(packed) < len(raw) {
			dst = binary.AppendUvarint(dst, uint64(len(packed)))
			return append(dst, packed...)
		}
	}
	dst = append(dst, 0)
	return append(dst, raw...)
}

// An unpacker reads what a packer wrote.
type unpacker struct {
	zstd    *zstd.Decoder
	columns [columns][]byte // memory of the last segment's
}

var unpackers = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(max(MaxFileColumnBytes, MaxSnapshotBytes)))
	if err != nil {
		panic("crdt: internal error: " + err.Error())
	}
	return &unpacker{zstd: d}
}}

// column reads a column of at most *limit bytes, which are allocated only then,
// unless buf holds as many, and takes from *limit what it may have allocated. What
// could be read of a damaged one is returned too.
func (u *unpacker) column(r *columnReader, buf []byte, limit *int) (raw []byte, err error) {
	n := r.uvarint()
	if r.bad || n > uint64(*limit) {
		return nil, errColumn
	}
	*limit -= int(n)
	if n == 0 {
		return nil, nil
	}
	stored := r.uvarint()
	if stored == 0 {
		b := r.bytes(n)
		if r.bad {
			return nil, errColumn
		}
		return append(buf[:0], b...), nil // b is the file's: buf is written to again
	}
	b := r.bytes(stored)
	if r.bad {
		return nil, errColumn
	}
	raw, err = u.zstd.DecodeAll(b, slices.Grow(buf[:0], int(n))[:0:n])
	if err == nil && uint64(len(raw)) != n {
		err = errColumn
	}
	return raw, err
}
