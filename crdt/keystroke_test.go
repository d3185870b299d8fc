package crdt

import (
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt/dcbor"
	"pgregory.net/rapid"
)

// opsOfKey are the bytes of one op that is a keystroke, or near to one.
func opsOfKey(t *rapid.T) []byte {
	number := func(label string) int64 {
		return rapid.OneOf(
			rapid.Int64Range(-30, 30), rapid.Int64Range(0, 1<<17),
			rapid.SampledFrom([]int64{255, 256, 65535, 65536, 65537, 1<<32 - 1, 1 << 32, 1<<63 - 1}),
		).Draw(t, label)
	}
	ref := func(b []byte) []byte {
		n := rapid.SampledFrom([]int{2, 2, 2, 3, 3, 1}).Draw(t, "name")
		if n == 1 {
			return dcbor.AppendInt(b, number("fixed"))
		}
		b = dcbor.AppendArray(b, n)
		for range n {
			b = dcbor.AppendInt(b, number("k"))
		}
		return b
	}
	text := func(b []byte) []byte {
		s := rapid.OneOf(rapid.SampledFrom([]string{"a", "", "é", "𝄞x", "日本"}), rapid.StringN(0, 24, 26)).Draw(t, "text")
		return dcbor.AppendText(b, s)
	}
	b := dcbor.AppendArray(nil, rapid.SampledFrom([]int{1, 1, 1, 1, 2}).Draw(t, "ops"))
	switch code := rapid.SampledFrom([]opCode{opInsertOn, opInsertRight, opInsertLeft, opInsertFirst, opDelete, opAdd}).Draw(t, "code"); code {
	case opInsertOn:
		b = text(dcbor.AppendUint(dcbor.AppendArray(b, 2), uint64(code)))
	case opDelete, opAdd:
		b = dcbor.AppendInt(ref(dcbor.AppendUint(dcbor.AppendArray(b, 3), uint64(code))), number("n"))
	default:
		b = text(ref(dcbor.AppendUint(dcbor.AppendArray(b, 3), uint64(code))))
	}
	for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "damage") {
		switch at := rapid.IntRange(0, len(b)-1).Draw(t, "at"); rapid.IntRange(0, 2).Draw(t, "how") {
		case 0:
			b[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		case 1:
			b = b[:at+1]
		default:
			b = slices.Insert(b, at, rapid.Byte().Draw(t, "byte"))
		}
	}
	return b
}

// What is read as a keystroke decodes, and is the one op that the general way
// finds there.
func TestKeystrokeIsTheOneOp(t *testing.T) {
	t.Parallel()
	keys := 0
	rapid.Check(t, func(t *rapid.T) {
		for range 50 {
			keys += keystrokeIsOp(t, opsOfKey(t))
		}
	})
	if keys == 0 {
		t.Error("no bytes were a keystroke")
	}
}

// FuzzKeystroke is TestKeystrokeIsTheOneOp for any bytes.
func FuzzKeystroke(f *testing.F) {
	f.Add([]byte("\x81\x82\x08\x61a"))
	f.Add([]byte("\x81\x83\x05\x82\x18\x20\x00\x61a"))
	f.Add([]byte("\x81\x83\x09\x83\x20\x00\x19\x01\x00\x19\x01\x00"))
	f.Fuzz(func(t *testing.T, ops []byte) { keystrokeIsOp(t, ops) })
}

func keystrokeIsOp(t interface{ Fatalf(string, ...any) }, ops []byte) int {
	var key keystroke
	if !key.read(ops) {
		return 0
	}
	if !decodesAll(ops) {
		t.Fatalf("%x: does not decode", ops)
	}
	n := 0
	eachOp(ops, func(o *op, at, made int) {
		n++
		same := o.code == key.code && (o.code == opInsertOn || o.target == key.ref)
		if o.code == opDelete {
			same = same && o.n == int64(key.n) && o.makes == 0
		} else {
			same = same && o.what.kind == dcbor.KindText && o.what.text == key.text && o.makes == key.n
		}
		if !same {
			t.Fatalf("%x: read as %+v, is %+v", ops, key, o)
		}
	})
	if n != 1 {
		t.Fatalf("%x: holds %d ops", ops, n)
	}
	return 1
}
