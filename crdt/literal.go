package crdt

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// A Literal is one immutable value: a single item of deterministic CBOR made of
// null, booleans, int64, finite float64, text, bytes, arrays, and maps with text
// keys. Its bytes are its identity; it is never encoded again.
type Literal []byte

// maxLiteralDepth is what MaxDepth leaves within the array of ops, an op, and the
// array of an insert.
const maxLiteralDepth = MaxDepth - 3

// EncodeLiteral encodes nil, bool, int, int64, float64, string, []byte, [Literal],
// []any and map[string]any. The error wraps [ErrLiteral] and names the place, as
// in `.postings[1]`.
func EncodeLiteral(v any) (Literal, error) {
	b, err := appendLiteral(nil, v, maxLiteralDepth, "")
	if err != nil {
		return nil, err
	}
	if len(b) > MaxPayloadBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrLiteral, len(b), MaxPayloadBytes)
	}
	return b, nil
}

// ParseLiteral checks that b is one literal. The result aliases b.
func ParseLiteral(b []byte) (Literal, error) {
	r := dcbor.NewReader(b)
	l := r.Literal(maxLiteralDepth)
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLiteral, err)
	}
	return l, nil
}

func appendLiteral(b []byte, v any, depth int, path string) ([]byte, error) {
	bad := func(format string, args ...any) error {
		if path == "" {
			path = "."
		}
		return fmt.Errorf("%w: at %s: %s", ErrLiteral, path, fmt.Sprintf(format, args...))
	}
	switch v := v.(type) {
	case nil:
		return dcbor.AppendNull(b), nil
	case bool:
		return dcbor.AppendBool(b, v), nil
	case int:
		return dcbor.AppendInt(b, int64(v)), nil
	case int64:
		return dcbor.AppendInt(b, v), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, bad("%v is not finite", v)
		}
		return dcbor.AppendFloat(b, v), nil
	case string:
		if !utf8.ValidString(v) {
			return nil, bad("text is not valid UTF-8")
		}
		return dcbor.AppendText(b, v), nil
	case []byte:
		return dcbor.AppendBytes(b, v), nil
	case Literal:
		r := dcbor.NewReader(v)
		r.Literal(depth)
		if err := r.Done(); err != nil {
			return nil, bad("%v", err)
		}
		return append(b, v...), nil
	case []any:
		if depth == 0 {
			return nil, bad("nested too deep")
		}
		b = dcbor.AppendArray(b, len(v))
		for i, item := range v {
			var err error
			if b, err = appendLiteral(b, item, depth-1, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return nil, err
			}
		}
		return b, nil
	case map[string]any:
		if depth == 0 {
			return nil, bad("nested too deep")
		}
		b = dcbor.AppendMap(b, len(v))
		for _, k := range sortedKeys(v) {
			if !utf8.ValidString(k) {
				return nil, bad("key is not valid UTF-8")
			}
			b = dcbor.AppendText(b, k)
			var err error
			if b, err = appendLiteral(b, v[k], depth-1, path+"."+k); err != nil {
				return nil, err
			}
		}
		return b, nil
	default:
		return nil, bad("%T is no JSON value", v)
	}
}

// compareKeys orders texts as deterministic CBOR orders their encodings: the
// length is in the head, so shorter ones come first.
func compareKeys(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

// Value is l as nil, bool, int64, float64, string, []byte, []any or
// map[string]any; nil too if l is not a valid literal. It shares nothing with l.
func (l Literal) Value() any {
	r := dcbor.NewReader(l)
	r.Literal(MaxDepth) // others' ops leave a literal more levels than ours use
	if r.Done() != nil {
		return nil
	}
	r = dcbor.NewReader(l)
	return readValue(&r)
}

// readValue reads what is known to be a literal: that bounds its recursion.
func readValue(r *dcbor.Reader) any {
	switch r.Kind() {
	case dcbor.KindUint, dcbor.KindNeg:
		return r.Int()
	case dcbor.KindBytes:
		return slices.Clone(r.Bytes())
	case dcbor.KindText:
		return strings.Clone(r.Text())
	case dcbor.KindBool:
		return r.Bool()
	case dcbor.KindFloat:
		return r.Float()
	case dcbor.KindArray:
		list := make([]any, r.Array())
		for i := range list {
			list[i] = readValue(r)
		}
		return list
	case dcbor.KindMap:
		n := r.Map()
		m := make(map[string]any, n)
		for range n {
			k := strings.Clone(r.Text())
			m[k] = readValue(r)
		}
		return m
	default:
		r.Null()
		return nil
	}
}

// MarshalJSON is l as JSON: bytes as base64, integers exact.
func (l Literal) MarshalJSON() ([]byte, error) { return json.Marshal(l.Value()) }
