package dcbor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
	"unsafe"
)

// Reasons of a [SyntaxError].
var (
	ErrTruncated        = errors.New("data ends within an item")
	ErrNotDeterministic = errors.New("not the shortest or only encoding")
	ErrRange            = errors.New("integer outside int64 or expected range")
	ErrType             = errors.New("item of another type expected")
	ErrText             = errors.New("text is not valid UTF-8")
	ErrFloat            = errors.New("float is not finite")
	ErrUnsupported      = errors.New("tag, indefinite length or simple value")
	ErrKeys             = errors.New("map keys are not text, unique and sorted")
	ErrDepth            = errors.New("nested too deep")
	ErrTrailing         = errors.New("bytes after the end")
)

// A SyntaxError says where and why bytes are not what the reader was asked for.
type SyntaxError struct {
	Offset int   // of the item that was refused, in bytes
	Err    error // one of the reasons above
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("cbor: byte %d: %v", e.Offset, e.Err) }

func (e *SyntaxError) Unwrap() error { return e.Err }

// Kind is the type of the next item.
type Kind uint8

// The kinds of items. KindNone is the end of the data or an item that no reader
// accepts.
const (
	KindNone Kind = iota
	KindUint      // an integer ≥ 0
	KindNeg       // an integer < 0
	KindBytes
	KindText
	KindArray
	KindMap
	KindBool
	KindNull
	KindFloat
)

// A Reader reads items one by one. The first error sticks: after it every
// method returns a zero value, so that a caller checks once, with [Reader.Done]
// or [Reader.Err]. It allocates nothing but that error. A Reader is a value;
// a copy reads on from the same place.
type Reader struct {
	buf []byte
	off int
	err *SyntaxError
}

// NewReader reads from b, which must not change meanwhile.
func NewReader(b []byte) Reader { return Reader{buf: b} }

// Err is the first error, a *[SyntaxError], or nil.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// Done is the first error; bytes after the last item read are one.
func (r *Reader) Done() error {
	if r.err == nil && r.off != len(r.buf) {
		r.fail(r.off, ErrTrailing)
	}
	return r.Err()
}

// Offset is where the next item begins.
func (r *Reader) Offset() int { return r.off }

// Remaining is the number of bytes not read yet.
func (r *Reader) Remaining() int { return len(r.buf) - r.off }

// Fail records err at the current place unless an earlier error stands: for
// callers whose own rules an item breaks.
func (r *Reader) Fail(err error) { r.fail(r.off, err) }

func (r *Reader) fail(off int, err error) {
	if r.err == nil {
		r.err = &SyntaxError{Offset: off, Err: err}
	}
}

// Kind is the kind of the next item, which is not read.
func (r *Reader) Kind() Kind {
	if r.err != nil || r.off >= len(r.buf) {
		return KindNone
	}
	switch c := r.buf[r.off]; c & 0xe0 {
	case majorUint:
		return KindUint
	case majorNeg:
		return KindNeg
	case majorBytes:
		return KindBytes
	case majorText:
		return KindText
	case majorArray:
		return KindArray
	case majorMap:
		return KindMap
	case majorOther:
		switch c {
		case itemFalse, itemTrue:
			return KindBool
		case itemNull:
			return KindNull
		case itemFloat16, itemFloat32, itemFloat64:
			return KindFloat
		}
	}
	return KindNone
}

// head reads the head of an item of the given major type.
func (r *Reader) head(major byte) (n uint64, ok bool) {
	if r.err == nil && r.off < len(r.buf) {
		if low := r.buf[r.off] ^ major; low < 24 { // as nearly all are
			r.off++
			return uint64(low), true
		}
	}
	return r.longHead(major)
}

func (r *Reader) longHead(major byte) (n uint64, ok bool) {
	if r.err != nil {
		return 0, false
	}
	if r.off >= len(r.buf) {
		r.fail(r.off, ErrTruncated)
		return 0, false
	}
	c := r.buf[r.off]
	if c&0xe0 != major {
		r.fail(r.off, ErrType)
		return 0, false
	}
	low := c & 0x1f
	if low > 27 {
		r.fail(r.off, ErrUnsupported)
		return 0, false
	}
	size := 1 << (low - 24)
	if len(r.buf)-r.off-1 < size {
		r.fail(r.off, ErrTruncated)
		return 0, false
	}
	p := r.buf[r.off+1:]
	var least uint64
	switch size {
	case 1:
		n, least = uint64(p[0]), 24
	case 2:
		n, least = uint64(binary.BigEndian.Uint16(p)), math.MaxUint8+1
	case 4:
		n, least = uint64(binary.BigEndian.Uint32(p)), math.MaxUint16+1
	case 8:
		n, least = binary.BigEndian.Uint64(p), math.MaxUint32+1
	}
	if n < least {
		r.fail(r.off, ErrNotDeterministic)
		return 0, false
	}
	r.off += 1 + size
	return n, true
}

// Uint reads an integer of 0 … math.MaxInt64.
func (r *Reader) Uint() uint64 {
	off := r.off
	n, ok := r.head(majorUint)
	if ok && n > math.MaxInt64 {
		r.fail(off, ErrRange)
		return 0
	}
	return n
}

// Int reads an integer.
func (r *Reader) Int() int64 {
	if r.Kind() == KindNeg {
		off := r.off
		n, ok := r.head(majorNeg)
		if !ok {
			return 0
		}
		if n > math.MaxInt64 {
			r.fail(off, ErrRange)
			return 0
		}
		return -1 - int64(n)
	}
	return int64(r.Uint())
}

// Bytes reads a byte string. The result aliases the reader's buffer.
func (r *Reader) Bytes() []byte { return r.str(majorBytes) }

// BytesN reads a byte string that must be n bytes long.
func (r *Reader) BytesN(n int) []byte {
	off := r.off
	b := r.str(majorBytes)
	if r.err == nil && len(b) != n {
		r.fail(off, ErrRange)
		return nil
	}
	return b
}

// Text reads a text string. The result aliases the reader's buffer, and holds
// its memory: clone what outlives it.
func (r *Reader) Text() string {
	off := r.off
	b := r.str(majorText)
	if !utf8.Valid(b) {
		r.fail(off, ErrText)
		return ""
	}
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// TextIs reads a text string if it is s, of fewer than 24 bytes, and reports whether it
// was. If not, nothing is read, and that is no error.
func (r *Reader) TextIs(s string) bool {
	end := r.off + 1 + len(s)
	if r.err != nil || end > len(r.buf) || r.buf[r.off] != majorText|byte(len(s)) || string(r.buf[r.off+1:end]) != s {
		return false
	}
	r.off = end
	return true
}

func (r *Reader) str(major byte) []byte {
	off := r.off
	n, ok := r.head(major)
	if !ok {
		return nil
	}
	if n > uint64(r.Remaining()) {
		r.fail(off, ErrTruncated)
		return nil
	}
	b := r.buf[r.off : r.off+int(n) : r.off+int(n)]
	r.off += int(n)
	return b
}

// Array reads the head of an array and returns its length, which is never more
// than the bytes that remain: a claimed length allocates nothing.
func (r *Reader) Array() int { return r.container(majorArray, 1) }

// Map reads the head of a map and returns its number of entries, never more
// than half the bytes that remain. The order of keys is for the caller to
// check; [Reader.Literal] does.
func (r *Reader) Map() int { return r.container(majorMap, 2) }

func (r *Reader) container(major byte, itemBytes uint64) int {
	off := r.off
	n, ok := r.head(major)
	if ok && n > uint64(r.Remaining())/itemBytes {
		r.fail(off, ErrTruncated)
		return 0
	}
	return int(n)
}

// ArrayN reads the head of an array that must have n items.
func (r *Reader) ArrayN(n int) {
	off := r.off
	if got := r.Array(); r.err == nil && got != n {
		r.fail(off, ErrRange)
	}
}

// Bool reads true or false.
func (r *Reader) Bool() bool {
	if r.expect(KindBool) {
		r.off++
		return r.buf[r.off-1] == itemTrue
	}
	return false
}

// Null reads null.
func (r *Reader) Null() {
	if r.expect(KindNull) {
		r.off++
	}
}

func (r *Reader) expect(k Kind) bool {
	if r.err != nil {
		return false
	}
	if r.off >= len(r.buf) {
		r.fail(r.off, ErrTruncated)
		return false
	}
	if r.Kind() != k {
		r.fail(r.off, ErrType)
		return false
	}
	return true
}

// Float reads a finite float in its shortest form.
func (r *Reader) Float() float64 {
	if !r.expect(KindFloat) {
		return 0
	}
	off := r.off
	size := 2 << (r.buf[off] - itemFloat16)
	if len(r.buf)-off-1 < size {
		r.fail(off, ErrTruncated)
		return 0
	}
	p := r.buf[off+1:]
	var f float64
	short := false // whether a shorter form holds the value
	switch size {
	case 2:
		f = fromHalf(binary.BigEndian.Uint16(p))
	case 4:
		f32 := math.Float32frombits(binary.BigEndian.Uint32(p))
		_, short = halfBits(f32)
		f = float64(f32)
	case 8:
		f = math.Float64frombits(binary.BigEndian.Uint64(p))
		short = float64(float32(f)) == f
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		r.fail(off, ErrFloat)
		return 0
	}
	if short {
		r.fail(off, ErrNotDeterministic)
		return 0
	}
	r.off += 1 + size
	return f
}

// Literal reads one whole item of any type, checks all of it, and returns its
// bytes, which alias the reader's buffer. Containers may nest depth deep: 0
// allows scalars alone. Map keys must be text, unique and in ascending order of
// their encoded bytes.
func (r *Reader) Literal(depth int) []byte {
	start := r.off
	if r.err == nil {
		if end := literalEnd(r.buf, r.off, depth); end >= 0 {
			r.off = end
			return r.buf[start:end:end]
		}
	}
	r.literal(depth)
	if r.err != nil {
		return nil
	}
	return r.buf[start:r.off:r.off]
}

// literalEnd is where the literal at off ends, or -1 if there is none: why, only
// [Reader.literal] says, which this function does the work of where all is well.
func literalEnd(b []byte, off, depth int) int { return itemsEnd(b, off, 1, depth) }

// itemsEnd is where n literals end, the first of which is at off, or -1. Its own depth is
// bounded by its argument.
func itemsEnd(b []byte, off int, n uint64, depth int) int {
	for ; n > 0; n-- {
		if off >= len(b) {
			return -1
		}
		major, low := b[off]&0xe0, uint64(b[off]&0x1f)
		if off++; low >= 24 {
			if off, low = longHead(b, off-1); off < 0 {
				return -1
			}
		}
		switch major {
		case majorUint, majorNeg:
			if low > math.MaxInt64 {
				return -1
			}
		case majorBytes, majorText:
			if low > uint64(len(b)-off) || major == majorText && !validText(b[off:off+int(low)]) {
				return -1
			}
			off += int(low)
		case majorArray:
			if depth == 0 || low > uint64(len(b)-off) {
				return -1
			}
			if off = itemsEnd(b, off, low, depth-1); off < 0 {
				return -1
			}
		case majorMap:
			if depth == 0 || low > uint64(len(b)-off)/2 {
				return -1
			}
			var last []byte
			for ; low > 0; low-- {
				if off >= len(b) || b[off]&0xe0 != majorText {
					return -1
				}
				end := itemsEnd(b, off, 1, 0)
				if end < 0 || bytes.Compare(last, b[off:end]) >= 0 {
					return -1
				}
				last = b[off:end]
				if off = itemsEnd(b, end, 1, depth-1); off < 0 {
					return -1
				}
			}
		case majorOther:
			if low < itemFalse&0x1f || low > itemNull&0x1f && low < 24 { // from 24 on it is a float
				return -1
			}
		default:
			return -1
		}
	}
	return off
}

// longHead reads the head at off, which is longer than one byte, or the float. It is -1
// if there is none. A float is 24.
func longHead(b []byte, off int) (end int, n uint64) {
	if b[off]&0xe0 == majorOther {
		r := Reader{buf: b, off: off}
		if r.Float(); r.err != nil {
			return -1, 0
		}
		return r.off, 24
	}
	if b[off]&0x1f == 24 && off+1 < len(b) && b[off+1] >= 24 {
		return off + 2, uint64(b[off+1])
	}
	r := Reader{buf: b, off: off}
	n, _ = r.head(b[off] & 0xe0)
	if r.err != nil {
		return -1, 0
	}
	return r.off, n
}

// validText is utf8.Valid, sooner for a few letters without accents.
func validText(b []byte) bool {
	if len(b) <= 16 {
		var or byte
		for _, c := range b {
			or |= c
		}
		if or < utf8.RuneSelf {
			return true
		}
	}
	return utf8.Valid(b)
}

// literal's own depth is bounded by its argument.
func (r *Reader) literal(depth int) {
	switch r.Kind() {
	case KindUint, KindNeg:
		r.Int()
	case KindBytes:
		r.Bytes()
	case KindText:
		r.Text()
	case KindBool:
		r.Bool()
	case KindNull:
		r.Null()
	case KindFloat:
		r.Float()
	case KindArray:
		if depth == 0 {
			r.fail(r.off, ErrDepth)
			return
		}
		for n := r.Array(); n > 0 && r.err == nil; n-- {
			r.literal(depth - 1)
		}
	case KindMap:
		if depth == 0 {
			r.fail(r.off, ErrDepth)
			return
		}
		var last []byte
		for n := r.Map(); n > 0 && r.err == nil; n-- {
			start := r.off
			if r.Kind() != KindText {
				r.fail(start, ErrKeys)
				return
			}
			r.Text()
			key := r.buf[start:r.off]
			if r.err == nil && last != nil && bytes.Compare(last, key) >= 0 {
				r.fail(start, ErrKeys)
				return
			}
			last = key
			r.literal(depth - 1)
		}
	default:
		if r.off >= len(r.buf) {
			r.fail(r.off, ErrTruncated)
		} else {
			r.fail(r.off, ErrUnsupported)
		}
	}
}

// Bytes32 reads a byte string of 32 bytes: a key, a hash.
func (r *Reader) Bytes32() (b [32]byte) {
	copy(b[:], r.BytesN(len(b)))
	return b
}

// Between returns the bytes from where r stands to where later, a copy of r that
// has read on, stands.
func (r Reader) Between(later *Reader) []byte { return r.buf[r.off:later.off:later.off] }

// Skip moves past one whole item without looking at more than its heads. The
// caller knows that the item is valid: a [Reader.Literal] has read it before. It
// keeps no stack, so it may be called on any bytes, but on others it says nothing.
func (r *Reader) Skip() {
	for items := 1; items > 0 && r.err == nil; items-- {
		if r.off >= len(r.buf) {
			r.fail(r.off, ErrTruncated)
			return
		}
		switch major := r.buf[r.off] & 0xe0; major {
		case majorBytes, majorText:
			r.str(major)
		case majorArray:
			items += r.Array()
		case majorMap:
			items += 2 * r.Map()
		case majorOther:
			r.off++
			switch r.buf[r.off-1] {
			case itemFloat16, itemFloat32, itemFloat64:
				r.off += 2 << (r.buf[r.off-1] - itemFloat16)
			}
		default:
			r.head(major)
		}
	}
}
