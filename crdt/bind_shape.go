package crdt

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// A shape is what a Go type says of a document: the schema, compiled once a type
// and never changed after.
type shape struct {
	typ    reflect.Type
	kind   shapeKind
	object ObjectKind // of objectShape and holderShape: of what kind the object is
	elem   *shape     // of lists, maps, pointers; of a handle: of what it holds
	fields []shapeField
	keys   map[string]int // of structs: the field of a key
}

type shapeKind uint8

const (
	boolShape shapeKind = iota
	intShape
	uintShape
	floatShape
	stringShape
	bytesShape   // []byte and [n]byte
	literalShape // Literal: any literal, as its bytes
	anyShape
	listShape // slices and arrays
	mapShape
	pointerShape
	structShape
	fieldShape  // Field[T]
	objectShape // the other handles
	holderShape // a struct of handles: a map object
)

// handles reports whether a value of s is bound to a document rather than read
// from it.
func (s *shape) handles() bool { return s.kind >= fieldShape }

// A shapeField is one field of a struct. Embedded structs are flattened.
type shapeField struct {
	key       string
	name      string // Go's
	index     []int
	omitEmpty bool
	shape     *shape
}

var (
	shapes      sync.Map // reflect.Type → *shape
	handleType  = reflect.TypeFor[handle]()
	literalType = reflect.TypeFor[Literal]()
)

// shapeOf compiles t. The error is a *[SchemaError].
func shapeOf(t reflect.Type) (*shape, error) {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape), nil
	}
	c := compiler{made: make(map[reflect.Type]*shape)}
	s, err := c.compile(t, nil)
	if err != nil {
		return nil, err
	}
	for t, s := range c.made {
		shapes.LoadOrStore(t, s)
	}
	return s, nil
}

// A compiler makes the shapes of a type and of all that it is made of. A type
// that contains itself meets its own shape, half made.
type compiler struct{ made map[reflect.Type]*shape }

// compile is the shape of t, which stands at the given fields of the type asked
// for.
func (c *compiler) compile(t reflect.Type, at []string) (*shape, error) {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape), nil
	}
	if s, ok := c.made[t]; ok {
		return s, nil
	}
	s := &shape{typ: t}
	c.made[t] = s
	refuse := func(format string, args ...any) (*shape, error) {
		return nil, &SchemaError{Type: t, Field: strings.Join(at, "."), Reason: fmt.Sprintf(format, args...)}
	}
	if t == nil {
		return refuse("an interface without a type")
	}
	if reflect.PointerTo(t).Implements(handleType) {
		var elem reflect.Type
		s.kind, s.object, elem = reflect.New(t).Interface().(handle).spec()
		if elem == nil {
			return s, nil
		}
		var err error
		if s.elem, err = c.compile(elem, at); err != nil {
			return nil, err
		}
		switch {
		case s.elem.kind == fieldShape:
			return refuse("a Field stands under a key of a struct: use its type itself")
		case s.elem.handles() && (s.kind == fieldShape || s.object == RegisterObject):
			return refuse("what is set as a whole cannot hold %v, which holds handles", elem)
		}
		return s, nil
	}
	switch t.Kind() {
	case reflect.Bool:
		s.kind = boolShape
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s.kind = intShape
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s.kind = uintShape
	case reflect.Float32, reflect.Float64:
		s.kind = floatShape
	case reflect.String:
		s.kind = stringShape
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return refuse("of interfaces only any")
		}
		s.kind = anyShape
	case reflect.Slice, reflect.Array:
		switch {
		case t == literalType:
			s.kind = literalShape
			return s, nil
		case t.Elem().Kind() == reflect.Uint8:
			s.kind = bytesShape
			return s, nil
		}
		s.kind = listShape
		return c.within(s, t.Elem(), at, refuse)
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return refuse("keys of a map are strings")
		}
		s.kind = mapShape
		return c.within(s, t.Elem(), at, refuse)
	case reflect.Pointer:
		if t.Elem().Kind() == reflect.Pointer {
			return refuse("a pointer to a pointer")
		}
		s.kind = pointerShape
		return c.within(s, t.Elem(), at, refuse)
	case reflect.Struct:
		return c.fields(s, at, refuse)
	default:
		return refuse("no value of a document is of this type")
	}
	return s, nil
}

// within compiles the element of a plain type, which holds no handles.
func (c *compiler) within(s *shape, elem reflect.Type, at []string, refuse func(string, ...any) (*shape, error)) (*shape, error) {
	var err error
	if s.elem, err = c.compile(elem, at); err != nil {
		return nil, err
	}
	if s.elem.handles() {
		return refuse("handles stand in structs, List and Map, not in a Go %v", s.typ.Kind())
	}
	return s, nil
}

func (c *compiler) fields(s *shape, at []string, refuse func(string, ...any) (*shape, error)) (*shape, error) {
	// A struct in itself by value does not exist; what holds s by List, slice or
	// pointer asks only whether s holds handles, so that is decided first.
	s.kind = structShape
	if holds(s.typ) {
		s.kind, s.object = holderShape, MapObject
	}
	if err := c.flatten(s, s.typ, nil, at); err != nil {
		return nil, err
	}
	if len(s.fields) == 0 && s.typ.NumField() > 0 {
		return refuse("it has no exported fields")
	}
	slices.SortFunc(s.fields, func(a, b shapeField) int { return compareKeys(a.key, b.key) })
	s.keys = make(map[string]int, len(s.fields))
	for i, f := range s.fields {
		if other, ok := s.keys[f.key]; ok {
			return refuse("fields %s and %s have the same key %q", s.fields[other].name, f.name, f.key)
		}
		s.keys[f.key] = i
	}
	return s, nil
}

// flatten adds the fields of t, which is s or embedded in it at index.
func (c *compiler) flatten(s *shape, t reflect.Type, index []int, at []string) error {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("crdt")
		if tag == "-" {
			continue
		}
		key, options, _ := strings.Cut(tag, ",")
		here := append(slices.Clip(at), f.Name)
		refuse := func(format string, args ...any) error {
			return &SchemaError{Type: f.Type, Field: strings.Join(here, "."), Reason: fmt.Sprintf(format, args...)}
		}
		path := append(slices.Clip(index), i)
		if f.Anonymous && key == "" {
			if f.Type.Kind() == reflect.Struct && !reflect.PointerTo(f.Type).Implements(handleType) {
				if err := c.flatten(s, f.Type, path, here); err != nil {
					return err
				}
				continue
			}
			if f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct {
				return refuse("an embedded pointer: name its key, or embed the struct")
			}
		}
		if !f.IsExported() {
			if tagged {
				return refuse("a tag on a field that is not exported")
			}
			continue
		}
		field := shapeField{key: key, name: f.Name, index: path}
		if key == "" {
			field.key = f.Name
		}
		for option := range strings.SplitSeq(options, ",") {
			switch {
			case option == "":
			case option == "omitempty" && s.kind == structShape:
				field.omitEmpty = true
			default:
				return refuse("unknown option %q in the tag", option)
			}
		}
		var err error
		if field.shape, err = c.compile(f.Type, here); err != nil {
			return err
		}
		if s.kind == holderShape && !field.shape.handles() {
			return refuse("no handle, among handles: use crdt.Field[%v], or the tag \"-\"", f.Type)
		}
		s.fields = append(s.fields, field)
	}
	return nil
}

// holds reports whether a struct has a handle among its fields.
func holds(t reflect.Type) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("crdt") == "-" || !f.IsExported() && !f.Anonymous || f.Type.Kind() != reflect.Struct {
			continue
		}
		if reflect.PointerTo(f.Type).Implements(handleType) || holds(f.Type) {
			return true
		}
	}
	return false
}

// String says what s wants.
func (s *shape) String() string {
	if s.kind == objectShape || s.kind == holderShape {
		return s.object.String() + " object"
	}
	if s.kind == fieldShape {
		return s.elem.String()
	}
	return s.typ.String()
}
