package byz

import (
	"encoding/binary"
	"fmt"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// A List is a CBOR array of what [Encode] takes.
type List []any

// Raw is bytes that stand in an encoding as they are, whatever they are.
type Raw []byte

// A Dict is a CBOR map of alternating keys and values, in the order given: sorted, unique and text only if the caller sees to it.
type Dict []any

// Encode encodes v: nil, bool, int, int64, uint64, float64, string, []byte, 32-byte ids, List, Dict, Raw. What it is given it
// encodes in the shortest form; what is to be malformed is Raw.
func Encode(v any) []byte { return appendItem(nil, v) }

func appendItem(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return dcbor.AppendNull(b)
	case bool:
		return dcbor.AppendBool(b, v)
	case int:
		return dcbor.AppendInt(b, int64(v))
	case crdt.Literal:
		return append(b, v...)
	case int64:
		return dcbor.AppendInt(b, v)
	case uint64:
		return dcbor.AppendUint(b, v)
	case float64:
		return dcbor.AppendFloat(b, v)
	case string:
		return dcbor.AppendText(b, v)
	case []byte:
		return dcbor.AppendBytes(b, v)
	case crdt.ChangeID:
		return dcbor.AppendBytes(b, v[:])
	case crdt.RoomID:
		return dcbor.AppendBytes(b, v[:])
	case crdt.Author:
		return dcbor.AppendBytes(b, v[:])
	case []crdt.ChangeID:
		b = dcbor.AppendArray(b, len(v))
		for _, id := range v {
			b = dcbor.AppendBytes(b, id[:])
		}
		return b
	case Raw:
		return append(b, v...)
	case List:
		b = dcbor.AppendArray(b, len(v))
		for _, item := range v {
			b = appendItem(b, item)
		}
		return b
	case Dict:
		b = dcbor.AppendMap(b, len(v)/2)
		for _, item := range v {
			b = appendItem(b, item)
		}
		return b
	default:
		panic(fmt.Sprintf("byz: internal error: no encoding for %T", v))
	}
}

// long is a head of 8 bytes, whatever the number would need: major is 0 for an unsigned integer, 2 bytes, 3 text, 4 array, 5 map.
func long(major byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{major<<5 | 27}, n)
}

// deep is an array in an array, so often, with what in the innermost.
func deep(times int, what any) Raw {
	b := make([]byte, times)
	for i := range b {
		b[i] = 0x81
	}
	return appendItem(b, what)
}
