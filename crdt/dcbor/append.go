package dcbor

import (
	"encoding/binary"
	"math"
)

// Major types of RFC 8949 §3.1, as the top three bits of a head.
const (
	majorUint  = 0 << 5
	majorNeg   = 1 << 5
	majorBytes = 2 << 5
	majorText  = 3 << 5
	majorArray = 4 << 5
	majorMap   = 5 << 5
	majorOther = 7 << 5
)

// One-byte items of major type 7.
const (
	itemFalse   = 0xf4
	itemTrue    = 0xf5
	itemNull    = 0xf6
	itemFloat16 = 0xf9
	itemFloat32 = 0xfa
	itemFloat64 = 0xfb
)

func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(b, major|27), n)
	}
}

// AppendUint appends v. Values above math.MaxInt64 are written, but no
// [Reader] accepts them.
func AppendUint(b []byte, v uint64) []byte { return appendHead(b, majorUint, v) }

// AppendInt appends v.
func AppendInt(b []byte, v int64) []byte {
	if v < 0 {
		return appendHead(b, majorNeg, uint64(-(v + 1)))
	}
	return appendHead(b, majorUint, uint64(v))
}

// AppendBytes appends v as a byte string.
func AppendBytes(b, v []byte) []byte {
	return append(appendHead(b, majorBytes, uint64(len(v))), v...)
}

// AppendText appends s as a text string. The caller answers for valid UTF-8.
func AppendText(b []byte, s string) []byte {
	return append(appendHead(b, majorText, uint64(len(s))), s...)
}

// AppendBytesHead appends the head of a byte string of n bytes, which the
// caller appends next.
func AppendBytesHead(b []byte, n int) []byte { return appendHead(b, majorBytes, uint64(n)) }

// BytesSize is what a byte string of n bytes takes, its head included.
func BytesSize(n int) int {
	switch {
	case n < 24:
		return 1 + n
	case n <= math.MaxUint8:
		return 2 + n
	case n <= math.MaxUint16:
		return 3 + n
	case n <= math.MaxUint32:
		return 5 + n
	default:
		return 9 + n
	}
}

// AppendTextHead appends the head of a text of n bytes, which the caller appends
// next and answers for.
func AppendTextHead(b []byte, n int) []byte { return appendHead(b, majorText, uint64(n)) }

// AppendArray appends the head of an array of n items, which the caller appends
// next.
func AppendArray(b []byte, n int) []byte { return appendHead(b, majorArray, uint64(n)) }

// AppendMap appends the head of a map of n entries. The caller appends them
// next, key before value, keys in ascending order of their encoded bytes.
func AppendMap(b []byte, n int) []byte { return appendHead(b, majorMap, uint64(n)) }

// AppendBool appends v.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, itemTrue)
	}
	return append(b, itemFalse)
}

// AppendNull appends null.
func AppendNull(b []byte) []byte { return append(b, itemNull) }

// AppendFloat appends f in the shortest of the three IEEE 754 widths that holds
// its value (RFC 8949 §4.2.1). NaN and infinities are written, but no [Reader]
// accepts them.
func AppendFloat(b []byte, f float64) []byte {
	f32 := float32(f)
	if float64(f32) != f {
		return binary.BigEndian.AppendUint64(append(b, itemFloat64), math.Float64bits(f))
	}
	if h, ok := halfBits(f32); ok {
		return binary.BigEndian.AppendUint16(append(b, itemFloat16), h)
	}
	return binary.BigEndian.AppendUint32(append(b, itemFloat32), math.Float32bits(f32))
}

// halfBits returns f as IEEE 754 binary16 and whether that is exact.
func halfBits(f float32) (uint16, bool) {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	exp := int(bits>>23&0xff) - 127
	frac := bits & 0x7fffff
	switch {
	case exp == -127 && frac == 0: // zero
		return sign, true
	case exp >= -14 && exp <= 15: // normal
		return sign | uint16(exp+15)<<10 | uint16(frac>>13), frac&0x1fff == 0
	case exp >= -24 && exp < -14: // subnormal: value = m · 2^-24
		shift := uint(-exp - 14 + 13)
		m := frac | 0x800000
		return sign | uint16(m>>shift), m&(1<<shift-1) == 0
	default:
		return 0, false
	}
}

// fromHalf is the value of the IEEE 754 binary16 number h.
func fromHalf(h uint16) float64 {
	exp, frac := int(h>>10&0x1f), float64(h&0x3ff)
	var v float64
	switch exp {
	case 0:
		v = math.Ldexp(frac, -24)
	case 31:
		if frac == 0 {
			v = math.Inf(1)
		} else {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(1024+frac, exp-25)
	}
	if h&0x8000 != 0 {
		v = -v
	}
	return v
}
