package crdt

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// Read reads what stands at path, or without one the whole document, into a plain
// Go value: with the tags of [Bind], of plain types instead of handles. A map is
// read into a struct or a map with string keys, a list into a slice or array, a
// text into a string, a counter into an integer, a register as its content, and a
// literal as by [DecodeLiteral]; any of them into any. So Read[any] and
// encoding/json make JSON of it.
//
// What does not fit is left zero, and what fits is read all the same: the error is
// a *[PathError], or several joined, in the order of the document and at most 64:
// [ErrWrongType], [ErrUnknownField] for a key that a struct has no field for,
// [ErrNoTarget] or [ErrBadIndex] if nothing stands at path; or a *[SchemaError].
// Where authors made objects unaware of each other, they are read as one, as by
// [Bind]. O(what is read).
func Read[T any](d *Doc, path ...any) (v T, err error) {
	s, err := shapeOf(reflect.TypeFor[T]())
	if err != nil {
		return v, err
	}
	if s.handles() {
		return v, &SchemaError{Type: s.typ, Reason: "it holds handles: Bind it"}
	}
	rd := docReader{doc: d}
	held, at, err := rd.find(path)
	if err != nil {
		return v, err
	}
	rd.held(held, s, reflect.ValueOf(&v).Elem(), at)
	return v, atRoot(rd.bad.err())
}

// Check reports where the document is not what the schema T of handles says, also
// where no handle looks: unknown fields and wrong types, as [Read] does.
func Check[T any](d *Doc) error {
	s, err := shapeOf(reflect.TypeFor[T]())
	if err != nil {
		return err
	}
	rd := docReader{doc: d}
	held, at, err := rd.find(nil)
	if err != nil {
		return err
	}
	rd.held(held, s, reflect.New(s.typ).Elem(), at)
	return atRoot(rd.bad.err())
}

// A docReader reads documents into Go values and gathers what does not fit.
type docReader struct {
	doc *Doc
	bad joined
}

// A step leads to where a reader is; nil is the root.
type step struct {
	up    *step
	key   string
	index int // if not -1
}

func (at *step) below(key string) *step { return &step{at, key, -1} }
func (at *step) item(index int) *step   { return &step{at, "", index} }

func (rd *docReader) misfit(at *step, err error) {
	path := []any{}
	for ; at != nil; at = at.up {
		if at.index < 0 {
			path = append(path, at.key)
		} else {
			path = append(path, at.index)
		}
	}
	slices.Reverse(path)
	rd.bad.add(&misfit{path, err})
}

// full reports whether so much does not fit that nobody wants to know more.
func (rd *docReader) full() bool { return len(rd.bad.errs) == maxMisfits }

func (rd *docReader) wrong(at *step, s *shape, got string) {
	rd.misfit(at, fmt.Errorf("%w: want %v, got %s", ErrWrongType, s, got))
}

// find is what stands at path, the winner first.
func (rd *docReader) find(path []any) (held []Held, at *step, err error) {
	held = []Held{{Name: Root, Object: MapObject}}
	if _, err := rd.doc.Kind(Root); err != nil {
		return nil, nil, err
	}
	for i, st := range path {
		refuse := func(err error) ([]Held, *step, error) {
			return nil, nil, &PathError{Path: slices.Clone(path[:i+1]), Err: err}
		}
		held = rd.content(held)
		if len(held) == 0 || held[0].Literal != nil {
			return refuse(fmt.Errorf("%w: no map or list is there", ErrWrongType))
		}
		names := alike(held)
		switch st := st.(type) {
		case string:
			if held[0].Object != MapObject {
				return refuse(fmt.Errorf("%w: a key, where no map is", ErrWrongType))
			}
			at = at.below(st)
			if held, err = rd.doc.valuesIn(names, st); err != nil {
				return refuse(err)
			}
			if len(held) == 0 {
				return refuse(ErrNoTarget)
			}
		case int:
			if held[0].Object != ListObject {
				return refuse(fmt.Errorf("%w: an index, where no list is", ErrWrongType))
			}
			at = at.item(st)
			list := spot{doc: rd.doc}
			n, index, err := list.part(names, st, false)
			if err != nil {
				return refuse(err)
			}
			item, err := rd.doc.Item(n, index)
			if err != nil {
				return refuse(err)
			}
			held = []Held{item}
		default:
			return refuse(fmt.Errorf("%w: a step is a string or an int, not %T", ErrWrongType, st))
		}
	}
	return held, at, nil
}

// content is held, or what the registers hold that it is.
func (rd *docReader) content(held []Held) []Held {
	for len(held) > 0 && held[0].Literal == nil && held[0].Object == RegisterObject {
		held, _ = rd.doc.valuesIn(alike(held), "") // they are registers
	}
	return held
}

// alike are the objects of the winner's kind.
func alike(held []Held) []Name {
	names := make([]Name, 0, len(held))
	for _, h := range held {
		if h.Literal == nil && h.Object == held[0].Object {
			names = append(names, h.Name)
		}
	}
	return names
}

// held reads the values of one place, the winner first, into v. If s holds handles
// it only looks whether they fit.
func (rd *docReader) held(held []Held, s *shape, v reflect.Value, at *step) {
	if rd.full() || len(held) == 0 {
		return
	}
	handles := s.handles()
	if handles {
		if s.kind == fieldShape && held[0].Literal != nil {
			rd.literal(held[0].Literal, s.elem, reflect.New(s.elem.typ).Elem(), at)
			return
		}
		if s.kind == fieldShape || held[0].Literal != nil || held[0].Object != s.object {
			rd.misfit(at, wrongType(s, held[0]))
			return
		}
	}
	if s.object != RegisterObject || !handles {
		held = rd.content(held)
	}
	if len(held) == 0 {
		return // an empty register
	}
	if held[0].Literal != nil {
		rd.literal(held[0].Literal, s, v, at)
		return
	}
	for s.kind == pointerShape {
		v.Set(reflect.New(s.elem.typ))
		s, v = s.elem, v.Elem()
	}
	names := alike(held)
	if s.kind == anyShape {
		v.Set(reflect.ValueOf(rd.value(held[0].Object, names)))
		return
	}
	switch kind := held[0].Object; {
	case kind == MapObject && (s.keys != nil || s.kind == mapShape || s.kind == objectShape):
		rd.mapObject(names, s, v, at)
	case kind == ListObject && (s.kind == listShape || s.kind == objectShape):
		rd.listObject(names, s, v, at)
	case kind == RegisterObject: // a handle's
		if content := rd.content(held); len(content) > 0 {
			rd.element(content, s.elem, at)
		}
	case kind == TextObject && s.kind == stringShape:
		v.SetString(rd.text(names))
	case kind == CounterObject && (s.kind == intShape || s.kind == uintShape):
		rd.integer(rd.sum(names), s, v, at)
	case handles: // the kinds fit, and nothing is below
	default:
		rd.misfit(at, wrongType(s, held[0]))
	}
}

// element looks whether what a handle holds fits: a plain element is a literal.
func (rd *docReader) element(held []Held, s *shape, at *step) {
	if !s.handles() && held[0].Literal == nil {
		rd.misfit(at, wrongType(s, held[0]))
		return
	}
	rd.held(held, s, reflect.New(s.typ).Elem(), at)
}

func (rd *docReader) mapObject(names []Name, s *shape, v reflect.Value, at *step) {
	keys, values, _ := rd.doc.entries(names) // they are maps
	if s.kind == mapShape {
		v.Set(reflect.MakeMapWithSize(s.typ, len(keys)))
	}
	for _, key := range keys {
		if rd.full() {
			return
		}
		held, at := values[key], at.below(key)
		switch {
		case s.kind == objectShape:
			rd.element(held, s.elem, at)
		case s.kind == mapShape:
			item := reflect.New(s.elem.typ).Elem()
			rd.held(held, s.elem, item, at)
			v.SetMapIndex(reflect.ValueOf(key).Convert(s.typ.Key()), item)
		default:
			f, ok := s.keys[key]
			if !ok {
				rd.misfit(at, fmt.Errorf("%w of %v", ErrUnknownField, s.typ))
				continue
			}
			field := &s.fields[f]
			rd.held(held, field.shape, v.FieldByIndex(field.index), at)
		}
	}
}

func (rd *docReader) listObject(names []Name, s *shape, v reflect.Value, at *step) {
	var items []Held
	for _, n := range names {
		more, _ := rd.doc.Items(n) // it is a list
		items = append(items, more...)
	}
	if s.kind == listShape && !rd.sized(len(items), s, v, at) {
		return
	}
	for i, item := range items {
		if rd.full() {
			return
		}
		if s.kind == objectShape {
			rd.element([]Held{item}, s.elem, at.item(i))
		} else {
			rd.held(items[i:i+1], s.elem, v.Index(i), at.item(i))
		}
	}
}

// sized makes room for n items in v.
func (rd *docReader) sized(n int, s *shape, v reflect.Value, at *step) bool {
	if s.typ.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(s.typ, n, n))
		return true
	}
	if s.typ.Len() != n {
		rd.wrong(at, s, fmt.Sprintf("%d items", n))
		return false
	}
	return true
}

func (rd *docReader) text(names []Name) string {
	var b strings.Builder
	for _, n := range names {
		s, _ := rd.doc.Text(n) // it is a text
		if len(names) == 1 {
			return s
		}
		b.WriteString(s)
	}
	return b.String()
}

func (rd *docReader) sum(names []Name) (sum int64) {
	for _, n := range names {
		count, _ := rd.doc.Count(n) // it is a counter
		sum += count
	}
	return sum
}

// value is what some objects of one kind hold, as plain Go values.
func (rd *docReader) value(kind ObjectKind, names []Name) any {
	switch kind {
	case MapObject:
		keys, held, _ := rd.doc.entries(names) // they are maps
		m := make(map[string]any, len(keys))
		for _, key := range keys {
			m[key] = rd.any(held[key])
		}
		return m
	case ListObject:
		list := []any{}
		for _, n := range names {
			items, _ := rd.doc.Items(n)
			for i := range items {
				list = append(list, rd.any(items[i:i+1]))
			}
		}
		return list
	case TextObject:
		return rd.text(names)
	default:
		return rd.sum(names)
	}
}

func (rd *docReader) any(held []Held) any {
	held = rd.content(held)
	switch {
	case len(held) == 0:
		return nil
	case held[0].Literal != nil:
		return held[0].Literal.Value()
	default:
		return rd.value(held[0].Object, alike(held))
	}
}

// literal reads l into v, a plain value of s.
func (rd *docReader) literal(l Literal, s *shape, v reflect.Value, at *step) {
	r := dcbor.NewReader(l)
	rd.item(&r, s, v, at)
}

// item reads one item of what is known to be a literal: that bounds its recursion.
func (rd *docReader) item(r *dcbor.Reader, s *shape, v reflect.Value, at *step) {
	kind := r.Kind()
	switch {
	case s.kind == anyShape:
		if x := readValue(r); x != nil {
			v.Set(reflect.ValueOf(x))
		}
		return
	case s.kind == literalShape:
		start := *r
		r.Skip()
		v.SetBytes(slices.Clone(start.Between(r)))
		return
	case kind == dcbor.KindNull && nullable(s):
		r.Null()
		v.SetZero()
		return
	}
	for s.kind == pointerShape {
		v.Set(reflect.New(s.elem.typ))
		s, v = s.elem, v.Elem()
	}
	switch {
	case kind == dcbor.KindBool && s.kind == boolShape:
		v.SetBool(r.Bool())
	case (kind == dcbor.KindUint || kind == dcbor.KindNeg) && (s.kind == intShape || s.kind == uintShape || s.kind == floatShape):
		rd.integer(r.Int(), s, v, at)
	case kind == dcbor.KindFloat && s.kind == floatShape:
		f := r.Float()
		if v.OverflowFloat(f) || v.Kind() == reflect.Float32 && float64(float32(f)) != f {
			rd.wrong(at, s, fmt.Sprintf("float %v", f))
			return
		}
		v.SetFloat(f)
	case kind == dcbor.KindText && s.kind == stringShape:
		v.SetString(strings.Clone(r.Text()))
	case kind == dcbor.KindBytes && s.kind == bytesShape:
		b := r.Bytes()
		if v.Kind() == reflect.Slice {
			v.SetBytes(append([]byte{}, b...))
		} else if len(b) == v.Len() {
			reflect.Copy(v, reflect.ValueOf(b))
		} else {
			rd.wrong(at, s, fmt.Sprintf("%d bytes", len(b)))
		}
	case kind == dcbor.KindArray && s.kind == listShape:
		start := *r
		n := r.Array()
		if !rd.sized(n, s, v, at) {
			*r = start
			r.Skip()
			return
		}
		for i := range n {
			rd.item(r, s.elem, v.Index(i), at.item(i))
		}
	case kind == dcbor.KindMap && s.kind == mapShape:
		n := r.Map()
		v.Set(reflect.MakeMapWithSize(s.typ, n))
		for range n {
			key := strings.Clone(r.Text())
			item := reflect.New(s.elem.typ).Elem()
			rd.item(r, s.elem, item, at.below(key))
			v.SetMapIndex(reflect.ValueOf(key).Convert(s.typ.Key()), item)
		}
	case kind == dcbor.KindMap && s.kind == structShape:
		for range r.Map() {
			key := r.Text()
			f, ok := s.keys[key]
			if !ok {
				rd.misfit(at.below(strings.Clone(key)), fmt.Errorf("%w of %v", ErrUnknownField, s.typ))
				r.Skip()
				continue
			}
			rd.item(r, s.fields[f].shape, v.FieldByIndex(s.fields[f].index), at.below(s.fields[f].key))
		}
	default:
		start := *r
		rd.wrong(at, s, itemName(&start))
		r.Skip()
	}
}

func nullable(s *shape) bool {
	switch s.typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return true
	default:
		return false
	}
}

// integer puts n into v if it holds it exactly.
func (rd *docReader) integer(n int64, s *shape, v reflect.Value, at *step) {
	switch s.kind {
	case intShape:
		if !v.OverflowInt(n) {
			v.SetInt(n)
			return
		}
	case uintShape:
		if n >= 0 && !v.OverflowUint(uint64(n)) {
			v.SetUint(uint64(n))
			return
		}
	default:
		exact := int64(1) << 53
		if v.Kind() == reflect.Float32 {
			exact = 1 << 24
		}
		if n >= -exact && n <= exact {
			v.SetFloat(float64(n))
			return
		}
	}
	rd.wrong(at, s, fmt.Sprintf("integer %d", n))
}

// itemName says what the next item is, in the words of the format.
func itemName(r *dcbor.Reader) string {
	switch r.Kind() {
	case dcbor.KindUint, dcbor.KindNeg:
		return fmt.Sprintf("integer %d", r.Int())
	case dcbor.KindBytes:
		return "bytes"
	case dcbor.KindText:
		return "text"
	case dcbor.KindArray:
		return "array"
	case dcbor.KindMap:
		return "map"
	case dcbor.KindBool:
		return fmt.Sprintf("bool %v", r.Bool())
	case dcbor.KindFloat:
		return fmt.Sprintf("float %v", r.Float())
	default:
		return "null"
	}
}
