package crdt

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// A Literal is one immutable value: a single item of deterministic CBOR made of
// null, booleans, int64, finite float64, text, bytes, arrays, and maps with text
// keys. Its bytes are its identity; it is never encoded again.
type Literal []byte

// maxLiteralDepth is what MaxDepth leaves within the array of ops, an op, and the
// array of an insert.
const maxLiteralDepth = MaxDepth - 3

// EncodeLiteral encodes v: nil, a bool, an integer of the range of int64, a finite
// float, a string, []byte, a [Literal], and slices, arrays, maps with keys of type
// string, pointers and structs of such, in the way of encoding/json: of a struct
// the exported fields count, with the tag `crdt:"key,omitempty"`, and a nil pointer
// is null; but a nil slice or map is an empty one. The error is [ErrLiteral], with a
// *[SchemaError] for a type that has no literals; if it concerns a part of v, a
// *[PathError] with the path in v.
func EncodeLiteral(v any) (Literal, error) {
	b, err := appendLiteral(nil, v, maxLiteralDepth)
	if err != nil {
		return nil, atRoot(err)
	}
	return sized(b)
}

// DecodeLiteral reads l into a T, strictly: a value of another type, an integer
// that T does not hold, and a key that no field of a struct has are errors
// ([ErrWrongType], [ErrUnknownField]), each a *[PathError] with the path in l; what
// fits is read all the same. A field whose key is missing is zero, null is a nil
// slice, map or pointer, and a float takes an integer that it holds exactly. The
// error is [ErrSchema] if T has no literals.
func DecodeLiteral[T any](l Literal) (v T, err error) {
	s, err := shapeOf(reflect.TypeFor[T]())
	if err != nil {
		return v, err
	}
	if s.handles() {
		return v, &SchemaError{Type: s.typ, Reason: "it holds handles: Bind it"}
	}
	if _, err := ParseLiteral(l); err != nil {
		return v, err
	}
	var rd docReader
	rd.literal(l, s, reflect.ValueOf(&v).Elem(), nil)
	return v, atRoot(rd.bad.err())
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

func appendLiteral(b []byte, v any, depth int) ([]byte, error) {
	var err error
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
		return appendFloat(b, v)
	case string:
		return appendText(b, v)
	case []byte:
		return dcbor.AppendBytes(b, v), nil
	case Literal:
		r := dcbor.NewReader(v)
		r.Literal(depth)
		if err := r.Done(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrLiteral, err)
		}
		return append(b, v...), nil
	case []any:
		if depth == 0 {
			return nil, errDeep
		}
		b = dcbor.AppendArray(b, len(v))
		for i, item := range v {
			if b, err = appendLiteral(b, item, depth-1); err != nil {
				return nil, below(i, err)
			}
		}
		return b, nil
	case map[string]any:
		if depth == 0 {
			return nil, errDeep
		}
		b = dcbor.AppendMap(b, len(v))
		for _, k := range sortedKeys(v) {
			if b, err = appendText(b, k); err != nil {
				return nil, err
			}
			if b, err = appendLiteral(b, v[k], depth-1); err != nil {
				return nil, below(k, err)
			}
		}
		return b, nil
	default:
		s, err := shapeOf(reflect.TypeOf(v))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrLiteral, err)
		}
		return s.append(b, reflect.ValueOf(v), depth)
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
