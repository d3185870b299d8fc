package dcbor

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.Int64().Draw(t, "int")
		u := rapid.Uint64Range(0, math.MaxInt64).Draw(t, "uint")
		f := rapid.Float64().Filter(func(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }).Draw(t, "float")
		f32 := float64(rapid.Float32().Draw(t, "float32"))
		half := fromHalf(uint16(rapid.IntRange(0, 0x7bff).Draw(t, "half")))
		s := rapid.String().Draw(t, "text")
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		v := rapid.Bool().Draw(t, "bool")
		if math.IsNaN(f32) || math.IsInf(f32, 0) {
			f32 = 0
		}

		enc := AppendArray(nil, 9)
		enc = AppendInt(enc, i)
		enc = AppendUint(enc, u)
		enc = AppendFloat(enc, f)
		enc = AppendFloat(enc, f32)
		enc = AppendFloat(enc, -half)
		enc = AppendText(enc, s)
		enc = AppendBytes(enc, b)
		enc = AppendBool(enc, v)
		enc = AppendNull(enc)
		if !literalByLibrary(enc, 1) {
			t.Fatalf("the general library refuses or changes %x", enc)
		}

		r := NewReader(enc)
		r.ArrayN(9)
		if got := r.Int(); got != i {
			t.Fatalf("int: got %d, want %d", got, i)
		}
		if got := r.Uint(); got != u {
			t.Fatalf("uint: got %d, want %d", got, u)
		}
		for _, want := range []float64{f, f32, -half} {
			if got := r.Float(); math.Float64bits(got) != math.Float64bits(want) {
				t.Fatalf("float: got %v, want %v", got, want)
			}
		}
		if got := r.Text(); got != s {
			t.Fatalf("text: got %q, want %q", got, s)
		}
		if got := r.Bytes(); !bytes.Equal(got, b) {
			t.Fatalf("bytes: got %x, want %x", got, b)
		}
		if got := r.Bool(); got != v {
			t.Fatalf("bool: got %v, want %v", got, v)
		}
		r.Null()
		if err := r.Done(); err != nil {
			t.Fatal(err)
		}
	})
}

// Every 16-bit float that is finite is read and written as itself.
func TestEveryHalf(t *testing.T) {
	t.Parallel()
	for h := range 1 << 16 {
		enc := []byte{itemFloat16, byte(h >> 8), byte(h)}
		r := NewReader(enc)
		f := r.Float()
		if finite := h>>10&31 != 31; finite != (r.Err() == nil) {
			t.Fatalf("%04x: %v", h, r.Err())
		} else if finite && !bytes.Equal(AppendFloat(nil, f), enc) {
			t.Fatalf("%04x: %v is written as %x", h, f, AppendFloat(nil, f))
		}
	}
}

// Each method refuses an item of another type, and each claim of a length that
// the bytes cannot hold.
func TestReaderTypes(t *testing.T) {
	t.Parallel()
	methods := map[string]struct {
		read  func(*Reader)
		takes string // first bytes that it takes
	}{
		"Uint":    {func(r *Reader) { r.Uint() }, "\x01"},
		"Int":     {func(r *Reader) { r.Int() }, "\x01\x20"},
		"Bytes":   {func(r *Reader) { r.Bytes() }, "\x41"},
		"BytesN":  {func(r *Reader) { r.BytesN(1) }, "\x41"},
		"Bytes32": {func(r *Reader) { r.Bytes32() }, ""},
		"Text":    {func(r *Reader) { r.Text() }, "\x61"},
		"Array":   {func(r *Reader) { r.Array() }, "\x81"},
		"ArrayN":  {func(r *Reader) { r.ArrayN(1) }, "\x81"},
		"Map":     {func(r *Reader) { r.Map() }, ""},
		"Bool":    {func(r *Reader) { r.Bool() }, "\xf4"},
		"Null":    {func(r *Reader) { r.Null() }, "\xf6"},
		"Float":   {func(r *Reader) { r.Float() }, ""},
	}
	for name, m := range methods {
		for _, first := range []byte("\x01\x20\x41\x61\x81\xa1\xf4\xf6\xf7\xf9\xc1") {
			r := NewReader([]byte{first, 'a'})
			m.read(&r)
			if want := bytes.IndexByte([]byte(m.takes), first) >= 0; (r.Err() == nil) != want {
				t.Errorf("%s of %02x: got %v, want success %v", name, first, r.Err(), want)
			}
		}
		r := NewReader(nil)
		if m.read(&r); !errors.Is(r.Err(), ErrTruncated) {
			t.Errorf("%s of nothing: got %v, want %v", name, r.Err(), ErrTruncated)
		}
	}
}

func TestFirstErrorSticks(t *testing.T) {
	t.Parallel()
	r := NewReader([]byte{0x01, 0x61, 'a'})
	r.Text()
	r.Fail(ErrRange)
	if got := r.Uint(); got != 0 || !errors.Is(r.Err(), ErrType) {
		t.Fatalf("got %d, %v, want 0, %v", got, r.Err(), ErrType)
	}
	if r.Offset() != 0 || r.Remaining() != 3 {
		t.Fatalf("the reader went on to %d", r.Offset())
	}
}

func TestBetween(t *testing.T) {
	t.Parallel()
	r := NewReader([]byte{0x82, 0x01, 0x61, 'a'})
	r.Array()
	from := r
	r.Int()
	r.Text()
	if got := from.Between(&r); !bytes.Equal(got, []byte{0x01, 0x61, 'a'}) || cap(got) != 3 {
		t.Fatalf("got %x of capacity %d", got, cap(got))
	}
}

// Reading and writing allocate nothing.
func TestNoAllocations(t *testing.T) {
	item := []byte("\x89\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\x20\xf9\x3e\x00\x63abc\x42de\xf5\xf6\x80\xa2\x61a\x01\x62aa\x81\x02")
	dst := make([]byte, 0, 2*len(item))
	var sum int
	if n := testing.AllocsPerRun(100, func() {
		r := NewReader(item)
		sum += len(r.Literal(8))
		r = NewReader(item)
		dst = copyItem(dst[:0], &r)
		if r.Done() != nil {
			sum = -1 << 30
		}
	}); n != 0 || sum <= 0 {
		t.Fatalf("%v allocations, sum %d", n, sum)
	}
	if !bytes.Equal(dst, item) {
		t.Fatalf("got %x, want %x", dst, item)
	}
}

func BenchmarkLiteral(b *testing.B) {
	item := AppendArray(nil, 1000)
	for i := range 1000 {
		item = AppendMap(item, 2)
		item = AppendInt(AppendText(item, "n"), int64(i*i))
		item = AppendText(AppendText(item, "text"), "some text")
	}
	b.SetBytes(int64(len(item)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(item)
		r.Literal(4)
		if r.Done() != nil {
			b.Fatal(r.Err())
		}
	}
}
