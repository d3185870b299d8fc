package dcbor

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// The general library, held to the rules of docs/protocol.md §1: it decodes, the
// result is of allowed types alone, and encodes to the same bytes.

var decMode = func() cbor.DecMode {
	m, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		UTF8:             cbor.UTF8RejectInvalid,
		NaN:              cbor.NaNDecodeForbidden,
		Inf:              cbor.InfDecodeForbidden,
		MaxNestedLevels:  1000,
		MaxArrayElements: 1 << 24,
		MaxMapPairs:      1 << 24,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}()

var encMode = func() cbor.EncMode {
	m, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return m
}()

// literalByLibrary reports whether b is one literal of at most that depth.
func literalByLibrary(b []byte, depth int) bool {
	var v any
	if err := decMode.Unmarshal(b, &v); err != nil || !plain(v, depth) {
		return false
	}
	again, err := encMode.Marshal(v)
	return err == nil && bytes.Equal(again, b)
}

func plain(v any, depth int) bool {
	switch v := v.(type) {
	case nil, bool, string, []byte, float64, int64:
		return true
	case uint64:
		return v <= math.MaxInt64
	case []any:
		return depth > 0 && !slices.ContainsFunc(v, func(x any) bool { return !plain(x, depth-1) })
	case map[any]any:
		for k, x := range v {
			if _, text := k.(string); !text || !plain(x, depth-1) {
				return false
			}
		}
		return depth > 0
	case big.Int, cbor.SimpleValue:
		return false
	default:
		panic(v)
	}
}

const testDepth = 8

var literalSeeds = []string{
	"\x00", "\x17", "\x18\x18", "\x18\xff", "\x19\x01\x00", "\x1a\x00\x01\x00\x00", "\x1b\x00\x00\x00\x01\x00\x00\x00\x00",
	"\x1b\x7f\xff\xff\xff\xff\xff\xff\xff", "\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", "\x20", "\x37", "\x38\x18",
	"\xf4", "\xf5", "\xf6", "\xf9\x00\x00", "\xf9\x80\x00", "\xf9\x00\x01", "\xf9\x7b\xff", "\xfa\x47\x7f\xe1\x00", "\xfa\x00\x00\x00\x01",
	"\xfb\x7e\x37\xe4\x3c\x88\x00\x75\x9c", "\xfb\x00\x00\x00\x00\x00\x00\x00\x01",
	"\x40", "\x43abc", "\x60", "\x63abc", "\x62\xc3\xa9", "\x80", "\x83\x01\x02\x03", "\xa0", "\xa2\x61a\x01\x62aa\x02",
	"\x81\x81\x81\x81\x81\x81\x81\x81\x00", "\xa1\x60\xa1\x60\xa0",
}

// refusals are bytes that are no literal, each with the rule of docs/protocol.md
// §1 that they break.
var refusals = []struct {
	name  string
	bytes string
	want  error
}{
	{"nothing", "", ErrTruncated},
	{"head of two bytes for 23", "\x18\x17", ErrNotDeterministic},
	{"head of three bytes for 255", "\x19\x00\xff", ErrNotDeterministic},
	{"head of five bytes for 65535", "\x1a\x00\x00\xff\xff", ErrNotDeterministic},
	{"head of nine bytes for 2^32-1", "\x1b\x00\x00\x00\x00\xff\xff\xff\xff", ErrNotDeterministic},
	{"negative with a long head", "\x38\x17", ErrNotDeterministic},
	{"length with a long head", "\x58\x01a", ErrNotDeterministic},
	{"array with a long head", "\x98\x01\x00", ErrNotDeterministic},
	{"2^63", "\x1b\x80\x00\x00\x00\x00\x00\x00\x00", ErrRange},
	{"-2^63-1", "\x3b\x80\x00\x00\x00\x00\x00\x00\x00", ErrRange},
	{"bytes that end early", "\x43ab", ErrTruncated},
	{"text that ends early", "\x63ab", ErrTruncated},
	{"head that ends early", "\x19\x01", ErrTruncated},
	{"array that ends early", "\x82\x00", ErrTruncated},
	{"array of 2^63-1 items", "\x9b\x7f\xff\xff\xff\xff\xff\xff\xff\x00", ErrTruncated},
	{"bytes of 2^64-1", "\x5b\xff\xff\xff\xff\xff\xff\xff\xff\x00", ErrTruncated},
	{"map that ends early", "\xa1\x60", ErrTruncated},
	{"map without a value", "\xa1\x61a", ErrTruncated},
	{"invalid UTF-8", "\x61\xff", ErrText},
	{"a surrogate in UTF-8", "\x63\xed\xa0\x80", ErrText},
	{"an over-long form in UTF-8", "\x62\xc0\x80", ErrText},
	{"key of invalid UTF-8", "\xa1\x61\xff\x00", ErrText},
	{"key that is an integer", "\xa1\x01\x02", ErrKeys},
	{"key that is bytes", "\xa1\x41a\x02", ErrKeys},
	{"keys twice", "\xa2\x61a\x01\x61a\x02", ErrKeys},
	{"keys in falling order", "\xa2\x61b\x01\x61a\x02", ErrKeys},
	{"longer key first", "\xa2\x62aa\x01\x61b\x02", ErrKeys},
	{"tag", "\xc0\x00", ErrUnsupported},
	{"tag with the low bits of false", "\xd4", ErrUnsupported},
	{"undefined", "\xf7", ErrUnsupported},
	{"simple value 0", "\xe0", ErrUnsupported},
	{"simple value 255", "\xf8\xff", ErrUnsupported},
	{"break", "\xff", ErrUnsupported},
	{"indefinite bytes", "\x5f\x41a\xff", ErrUnsupported},
	{"indefinite text", "\x7f\x61a\xff", ErrUnsupported},
	{"indefinite array", "\x9f\x00\xff", ErrUnsupported},
	{"indefinite map", "\xbf\x60\x00\xff", ErrUnsupported},
	{"reserved head 28", "\x1c", ErrUnsupported},
	{"NaN", "\xf9\x7e\x00", ErrFloat},
	{"infinity of 16 bits", "\xf9\x7c\x00", ErrFloat},
	{"-infinity of 16 bits", "\xf9\xfc\x00", ErrFloat},
	{"infinity of 32 bits", "\xfa\x7f\x80\x00\x00", ErrFloat},
	{"NaN of 64 bits", "\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00", ErrFloat},
	{"1.5 of 32 bits", "\xfa\x3f\xc0\x00\x00", ErrNotDeterministic},
	{"1.5 of 64 bits", "\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00", ErrNotDeterministic},
	{"least half subnormal of 32 bits", "\xfa\x33\x80\x00\x00", ErrNotDeterministic},
	{"float that ends early", "\xfb\x00", ErrTruncated},
	{"nine levels", "\x81\x81\x81\x81\x81\x81\x81\x81\x80", ErrDepth},
	{"nine levels of maps", "\xa1\x60\xa1\x60\xa1\x60\xa1\x60\xa1\x60\xa1\x60\xa1\x60\xa1\x60\xa0", ErrDepth},
	{"two items", "\x00\x00", ErrTrailing},
}

func TestLiteralRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			if literalByLibrary([]byte(c.bytes), testDepth) {
				t.Fatal("the general library accepts it")
			}
			r := NewReader([]byte(c.bytes))
			r.Literal(testDepth)
			err := r.Done()
			var syntax *SyntaxError
			if !errors.Is(err, c.want) || !errors.As(err, &syntax) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if syntax.Offset < 0 || syntax.Offset > len(c.bytes) {
				t.Fatalf("offset %d of %d", syntax.Offset, len(c.bytes))
			}
			if got := r.Literal(testDepth); got != nil || r.Int() != 0 || r.Array() != 0 || r.Text() != "" || r.Kind() != KindNone {
				t.Fatal("the error did not stick")
			}
		})
	}
}

// FuzzLiteral holds the reader against the general library: both accept the same
// bytes. What is accepted is the same item when its parts are read and written.
func FuzzLiteral(f *testing.F) {
	for _, s := range literalSeeds {
		f.Add([]byte(s))
	}
	for _, c := range refusals {
		f.Add([]byte(c.bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(b)
		raw := r.Literal(testDepth)
		err := r.Done()
		if want := literalByLibrary(b, testDepth); (err == nil) != want {
			t.Fatalf("%x: got %v, the general library accepts it: %v", b, err, want)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(raw, b) {
			t.Fatalf("got %x, want %x", raw, b)
		}
		r = NewReader(b)
		if again := copyItem(nil, &r); !bytes.Equal(again, b) || r.Done() != nil {
			t.Fatalf("read and written: got %x, want %x", again, b)
		}
	})
}

func TestLiteralSeeds(t *testing.T) {
	t.Parallel()
	for _, s := range literalSeeds {
		r := NewReader([]byte(s))
		r.Literal(testDepth)
		if err := r.Done(); err != nil {
			t.Errorf("%x: %v", s, err)
		}
	}
}

// copyItem reads an item by the methods for its kind and writes it.
func copyItem(dst []byte, r *Reader) []byte {
	switch r.Kind() {
	case KindUint:
		return AppendUint(dst, r.Uint())
	case KindNeg:
		return AppendInt(dst, r.Int())
	case KindBytes:
		b := r.Bytes()
		return append(AppendBytesHead(dst, len(b)), b...)
	case KindText:
		return AppendText(dst, r.Text())
	case KindBool:
		return AppendBool(dst, r.Bool())
	case KindFloat:
		return AppendFloat(dst, r.Float())
	case KindNull:
		r.Null()
		return AppendNull(dst)
	case KindArray:
		n := r.Array()
		dst = AppendArray(dst, n)
		for range n {
			dst = copyItem(dst, r)
		}
		return dst
	case KindMap:
		n := r.Map()
		dst = AppendMap(dst, n)
		for range n {
			dst = AppendText(dst, r.Text())
			dst = copyItem(dst, r)
		}
		return dst
	}
	r.Fail(ErrUnsupported)
	return dst
}
