package crdt

import (
	"fmt"
	"math"
	"reflect"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// encodePlain is EncodeLiteral for a type of which the schema is known to be good.
func encodePlain[T any](v T) (Literal, error) {
	s, err := shapeOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	return s.encode(reflect.ValueOf(&v).Elem())
}

// encode makes a literal of v, a plain value of s.
func (s *shape) encode(v reflect.Value) (Literal, error) {
	b, err := s.append(nil, v, maxLiteralDepth)
	if err != nil {
		return nil, err
	}
	return sized(b)
}

func sized(b []byte) (Literal, error) {
	if len(b) > MaxPayloadBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrLiteral, len(b), MaxPayloadBytes)
	}
	return b, nil
}

var errDeep = fmt.Errorf("%w: nested too deep", ErrLiteral)

// append adds the encoding of v to b. Go values may be circular: depth ends that.
func (s *shape) append(b []byte, v reflect.Value, depth int) ([]byte, error) {
	var err error
	switch s.kind {
	case boolShape:
		return dcbor.AppendBool(b, v.Bool()), nil
	case intShape:
		return dcbor.AppendInt(b, v.Int()), nil
	case uintShape:
		n := v.Uint()
		if n > math.MaxInt64 {
			return nil, fmt.Errorf("%w: %d is more than an int64 holds", ErrLiteral, n)
		}
		return dcbor.AppendInt(b, int64(n)), nil
	case floatShape:
		return appendFloat(b, v.Float())
	case stringShape:
		return appendText(b, v.String())
	case bytesShape:
		if v.Kind() == reflect.Array && !v.CanAddr() {
			to := reflect.New(s.typ).Elem()
			to.Set(v)
			v = to
		}
		return dcbor.AppendBytes(b, v.Bytes()), nil
	case literalShape, anyShape:
		return appendLiteral(b, v.Interface(), depth)
	case pointerShape:
		if v.IsNil() {
			return dcbor.AppendNull(b), nil
		}
		return s.elem.append(b, v.Elem(), depth)
	}
	if depth == 0 {
		return nil, errDeep
	}
	switch s.kind {
	case listShape:
		b = dcbor.AppendArray(b, v.Len())
		for i := range v.Len() {
			if b, err = s.elem.append(b, v.Index(i), depth-1); err != nil {
				return nil, below(i, err)
			}
		}
	case mapShape:
		values := make(map[string]reflect.Value, v.Len())
		for k, item := range v.Seq2() {
			values[k.String()] = item
		}
		b = dcbor.AppendMap(b, len(values))
		for _, k := range sortedKeys(values) {
			if b, err = appendText(b, k); err != nil {
				return nil, err
			}
			if b, err = s.elem.append(b, values[k], depth-1); err != nil {
				return nil, below(k, err)
			}
		}
	case structShape:
		n := 0
		for i := range s.fields {
			if !s.fields[i].omits(v) {
				n++
			}
		}
		b = dcbor.AppendMap(b, n)
		for i := range s.fields {
			f := &s.fields[i]
			if f.omits(v) {
				continue
			}
			b = dcbor.AppendText(b, f.key)
			if b, err = f.shape.append(b, v.FieldByIndex(f.index), depth-1); err != nil {
				return nil, below(f.key, err)
			}
		}
	default:
		return nil, fmt.Errorf("%w: %v holds handles", ErrLiteral, s.typ)
	}
	return b, nil
}

// omits reports whether the field is left out of v: by the rule of encoding/json,
// where it is false, 0, nil or of length 0.
func (f *shapeField) omits(v reflect.Value) bool {
	if !f.omitEmpty {
		return false
	}
	v = v.FieldByIndex(f.index)
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String, reflect.Array:
		return v.Len() == 0
	case reflect.Struct:
		return false
	default:
		return v.IsZero()
	}
}

func appendFloat(b []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%w: %v is not finite", ErrLiteral, f)
	}
	return dcbor.AppendFloat(b, f), nil
}

func appendText(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("%w: text is not valid UTF-8", ErrLiteral)
	}
	return dcbor.AppendText(b, s), nil
}
