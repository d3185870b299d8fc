package crdt

import (
	"fmt"
	"reflect"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// Field is the handle of one plain value that stands directly under its key: no
// object is made for it. It is what most fields want.
type Field[T any] struct {
	at    *spot
	draft *T
}

// NewField is a field for a struct that is put into a [List] or [Map].
func NewField[T any](v T) Field[T] { return Field[T]{draft: &v} }

func (Field[T]) spec() (shapeKind, ObjectKind, reflect.Type) {
	return fieldShape, 0, reflect.TypeFor[T]()
}
func (f *Field[T]) bind(p *spot)         { *f = Field[T]{at: p} }
func (f *Field[T]) bound() *spot         { return f.at }
func (f *Field[T]) drafted() bool        { return f.draft != nil }
func (*Field[T]) fill(*Tx, Name) error   { return nil }
func (f *Field[T]) plain() reflect.Value { return reflect.ValueOf(f.draft).Elem() }

// Has reports whether a value, of whatever type, stands there.
func (f Field[T]) Has() bool {
	if f.at == nil {
		return false
	}
	held, err := f.at.held()
	return err == nil && len(held) > 0
}

// Value is the value, the winner if several stand there; the zero value if none
// does.
func (f Field[T]) Value() (v T, err error) {
	held, err := f.held()
	if err == nil && len(held) > 0 {
		err = f.at.fail(f.at.shape.elem.literal(held[0], reflect.ValueOf(&v).Elem()))
	}
	return v, err
}

// Conflicts are the values that stand there besides the winner, in falling order:
// those of authors who set the field unaware of each other. The next Set replaces
// them all. What cannot be read is left out, and in the error.
func (f Field[T]) Conflicts() ([]T, error) {
	held, err := f.held()
	if err != nil || len(held) < 2 {
		return nil, err
	}
	return conflicts[T](f.at, held[1:])
}

func (f Field[T]) held() ([]Held, error) {
	if err := f.at.readable(); err != nil {
		return nil, err
	}
	return f.at.held()
}

// Set puts v there in place of all that stands there now, whatever its type.
func (f Field[T]) Set(tx *Tx, v T) error {
	return f.at.write(tx, func() error {
		l, err := f.at.shape.elem.encode(reflect.ValueOf(&v).Elem())
		if err != nil {
			return err
		}
		holders, err := f.at.holder.make(tx)
		if err != nil {
			return err
		}
		if _, err := tx.Set(holders[0], f.at.key, l); err != nil {
			return err
		}
		return f.at.doc.unset(tx, holders[1:], f.at.key)
	})
}

// Unset removes all that stands there now.
func (f Field[T]) Unset(tx *Tx) error {
	return f.at.write(tx, func() error {
		holders, err := f.at.holder.objects(tx)
		if err != nil {
			return err
		}
		return f.at.doc.unset(tx, holders, f.at.key)
	})
}

// unset removes what stands under key in each of the maps where something does.
func (d *Doc) unset(tx *Tx, maps []Name, key string) error {
	for _, m := range maps {
		if _, _, own := tx.put(m, key); !own {
			if m.provisional() {
				continue
			}
			if held, err := d.Values(m, key); err != nil || len(held) == 0 {
				continue // not there: nothing to remove
			}
		}
		if err := tx.Unset(m, key); err != nil {
			return err
		}
	}
	return nil
}

// conflicts are the plain values of T among held.
func conflicts[T any](p *spot, held []Held) ([]T, error) {
	var all []T
	var bad joined
	for _, h := range held {
		var v T
		if err := p.shape.elem.literal(h, reflect.ValueOf(&v).Elem()); err != nil {
			bad.add(p.fail(err))
			continue
		}
		all = append(all, v)
	}
	return all, bad.err()
}

// Register is the handle of a register object: like [Field] a plain value that is
// set as a whole, but with an object and so with a name of its own. It can be an
// item of a [List].
type Register[T any] struct {
	at    *spot
	draft *T
}

// NewRegister is a register for a struct or item that is put into a [List] or [Map].
func NewRegister[T any](v T) Register[T] { return Register[T]{draft: &v} }

func (Register[T]) spec() (shapeKind, ObjectKind, reflect.Type) {
	return objectShape, RegisterObject, reflect.TypeFor[T]()
}
func (r *Register[T]) bind(p *spot)  { *r = Register[T]{at: p} }
func (r *Register[T]) bound() *spot  { return r.at }
func (r *Register[T]) drafted() bool { return r.draft != nil }

func (r *Register[T]) fill(tx *Tx, n Name) error {
	if r.draft == nil {
		return nil
	}
	l, err := encodePlain(*r.draft)
	if err != nil {
		return err
	}
	_, err = tx.SetRegister(n, l)
	return err
}

// Objects are the names of the registers at this place, as [Text.Objects].
func (r Register[T]) Objects() ([]Name, error) { return r.at.named() }

// Value is as that of [Field.Value].
func (r Register[T]) Value() (v T, err error) {
	held, err := r.held()
	if err == nil && len(held) > 0 {
		err = r.at.fail(r.at.shape.elem.literal(held[0], reflect.ValueOf(&v).Elem()))
	}
	return v, err
}

// Conflicts are as those of [Field.Conflicts].
func (r Register[T]) Conflicts() ([]T, error) {
	held, err := r.held()
	if err != nil || len(held) < 2 {
		return nil, err
	}
	return conflicts[T](r.at, held[1:])
}

func (r Register[T]) held() ([]Held, error) {
	names, err := r.at.named()
	if err != nil {
		return nil, err
	}
	return r.at.doc.valuesIn(names, "")
}

// Set puts v there in place of all that stands there now.
func (r Register[T]) Set(tx *Tx, v T) error {
	return r.at.write(tx, func() error {
		l, err := r.at.shape.elem.encode(reflect.ValueOf(&v).Elem())
		if err != nil {
			return err
		}
		names, err := r.at.make(tx)
		if err != nil {
			return err
		}
		if _, err := tx.SetRegister(names[0], l); err != nil {
			return err
		}
		for _, n := range names[1:] {
			if err := tx.UnsetRegister(n); err != nil {
				return err
			}
		}
		return nil
	})
}

// literal reads h into v, a plain value of s.
func (s *shape) literal(h Held, v reflect.Value) error {
	if h.Literal == nil {
		return wrongType(s, h)
	}
	var rd docReader
	rd.literal(h.Literal, s, v, nil)
	return rd.bad.err()
}

// wrongType says that s cannot be read from h.
func wrongType(s *shape, h Held) error {
	if h.Literal == nil {
		return fmt.Errorf("%w: want %v, got %v object", ErrWrongType, s, h.Object)
	}
	r := dcbor.NewReader(h.Literal)
	return fmt.Errorf("%w: want %v, got %s", ErrWrongType, s, itemName(&r))
}
