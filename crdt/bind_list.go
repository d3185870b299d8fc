package crdt

import (
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
)

// List is the handle of a list object. T is a handle, a struct of handles, or a
// plain Go type, of which each item is one immutable literal.
type List[T any] struct {
	at    *spot
	draft []T
}

// NewList is a list for a struct or item that is put into a [List] or [Map].
func NewList[T any](items ...T) List[T] { return List[T]{draft: append([]T{}, items...)} }

func (List[T]) spec() (shapeKind, ObjectKind, reflect.Type) {
	return objectShape, ListObject, reflect.TypeFor[T]()
}
func (l *List[T]) bind(p *spot)  { *l = List[T]{at: p} }
func (l *List[T]) bound() *spot  { return l.at }
func (l *List[T]) drafted() bool { return l.draft != nil }

func (l *List[T]) fill(tx *Tx, n Name) error {
	s, err := shapeOf(reflect.TypeFor[T]())
	if err != nil {
		return err
	}
	return s.insert(tx, n, 0, 0, reflect.ValueOf(l.draft))
}

// Objects are the names of the lists at this place, as [Text.Objects].
func (l List[T]) Objects() ([]Name, error) { return l.at.named() }

// Len is the number of items; 0 where the list cannot be read.
func (l List[T]) Len() int { return l.at.length() }

// At is the item at index: a value, or handles of the object that is there now,
// wherever it is later. Writing to an item that was deleted has no visible effect.
// O(log n).
func (l List[T]) At(index int) (item T, err error) {
	names, err := l.at.named()
	if err != nil {
		return item, err
	}
	n, i, err := l.at.part(names, index, false)
	if err != nil {
		return item, l.at.fail(err)
	}
	h, err := l.at.doc.Item(n, i)
	if err != nil {
		return item, l.at.fail(err)
	}
	err = l.at.item(reflect.ValueOf(&item).Elem(), h, index)
	return item, err
}

// item reads h, an item of p, into v.
func (p *spot) item(v reflect.Value, h Held, index int) error {
	s := p.shape.elem
	if !s.handles() {
		if err := s.literal(h, v); err != nil {
			return p.fail(below(index, err))
		}
		return nil
	}
	if h.Literal != nil || h.Object != s.object {
		return p.fail(below(index, wrongType(s, h)))
	}
	s.bind(v, &spot{doc: p.doc, shape: s, names: []Name{h.Name}, list: p, index: index})
	return nil
}

// All yields the items in order, each with the error for which it cannot be read;
// of the list as it was when the loop began.
func (l List[T]) All() iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		names, err := l.at.named()
		if err != nil {
			yield(zero, err)
			return
		}
		index := 0
		for _, n := range names {
			held, err := l.at.doc.Items(n)
			if err != nil {
				yield(zero, l.at.fail(err))
				return
			}
			for _, h := range held {
				var item T
				err := l.at.item(reflect.ValueOf(&item).Elem(), h, index)
				if !yield(item, err) {
					return
				}
				index++
			}
		}
	}
}

// Value is all items. What cannot be read is zero, and in the error.
func (l List[T]) Value() ([]T, error) {
	var items []T
	var bad joined
	for item, err := range l.All() {
		items = append(items, item)
		bad.add(err)
	}
	return items, bad.err()
}

// Append puts items after the end.
func (l List[T]) Append(tx *Tx, items ...T) error { return l.Splice(tx, l.Len(), 0, items...) }

// Insert puts items before the one at index, which may be the length. If T is a
// handle or a struct of them, the items are drafts ([NewText] and so on), of which
// new objects are made.
func (l List[T]) Insert(tx *Tx, index int, items ...T) error { return l.Splice(tx, index, 0, items...) }

// Delete removes count items from index on.
func (l List[T]) Delete(tx *Tx, index, count int) error { return l.Splice(tx, index, count) }

// Splice removes count items from index on and puts items in their place.
func (l List[T]) Splice(tx *Tx, index, count int, items ...T) error {
	return l.at.write(tx, func() error {
		names, err := l.at.objects(tx)
		if err != nil {
			return err
		}
		if count != 0 || len(items) == 0 {
			if err := l.at.remove(tx, names, index, count); err != nil || len(items) == 0 {
				return err
			}
		}
		n, i, err := l.at.open(tx, names, index)
		if err != nil {
			return err
		}
		return l.at.shape.elem.insert(tx, n, i, index, reflect.ValueOf(items))
	})
}

// insert puts items, a slice of s, into a list at index. first is the index that
// errors name.
func (s *shape) insert(tx *Tx, list Name, index, first int, items reflect.Value) error {
	if !s.handles() {
		literals := make([]Literal, items.Len())
		for i := range literals {
			var err error
			if literals[i], err = s.encode(items.Index(i)); err != nil {
				return below(first+i, err)
			}
		}
		if len(literals) == 0 {
			return nil
		}
		_, err := tx.Insert(list, index, literals...)
		return err
	}
	for i := range items.Len() {
		n, err := tx.InsertObject(list, index, s.object)
		if err != nil {
			return below(first+i, err)
		}
		if err := s.fill(tx, n, items.Index(i)); err != nil {
			return below(first+i, err)
		}
	}
	return nil
}

// fill puts what v drafts into a new object of s.
func (s *shape) fill(tx *Tx, n Name, v reflect.Value) error {
	if s.kind == objectShape {
		h := v.Addr().Interface().(handle)
		if h.bound() != nil {
			return fmt.Errorf("%w: it is bound to %s: make a new one", ErrHandle, formatPath(h.bound().path()))
		}
		return h.fill(tx, n)
	}
	for _, f := range s.fields {
		if err := f.shape.put(tx, n, f.key, v.FieldByIndex(f.index)); err != nil {
			return below(f.key, err)
		}
	}
	return nil
}

// put puts what v drafts under key, and nothing if it drafts nothing.
func (s *shape) put(tx *Tx, holder Name, key string, v reflect.Value) error {
	switch {
	case !s.drafted(v):
		return nil
	case s.kind != fieldShape:
		n, err := tx.Make(holder, key, s.object)
		if err != nil {
			return err
		}
		return s.fill(tx, n, v)
	}
	h := v.Addr().Interface().(interface {
		handle
		plain() reflect.Value
	})
	if h.bound() != nil {
		return fmt.Errorf("%w: it is bound to %s: make a new one", ErrHandle, formatPath(h.bound().path()))
	}
	l, err := s.elem.encode(h.plain())
	if err != nil {
		return err
	}
	_, err = tx.Set(holder, key, l)
	return err
}

func (s *shape) drafted(v reflect.Value) bool {
	if s.kind != holderShape {
		h := v.Addr().Interface().(handle)
		return h.drafted() || h.bound() != nil
	}
	return slices.ContainsFunc(s.fields, func(f shapeField) bool { return f.shape.drafted(v.FieldByIndex(f.index)) })
}

// Map is the handle of a map object with keys of any text. T is a handle, a struct
// of handles, or a plain Go type, of which each value is one immutable literal.
type Map[T any] struct {
	at    *spot
	draft map[string]T
}

// NewMap is a map for a struct or item that is put into a [List] or [Map].
func NewMap[T any](values map[string]T) Map[T] {
	m := make(map[string]T, len(values))
	maps.Copy(m, values)
	return Map[T]{draft: m}
}

func (Map[T]) spec() (shapeKind, ObjectKind, reflect.Type) {
	return objectShape, MapObject, reflect.TypeFor[T]()
}
func (m *Map[T]) bind(p *spot)  { *m = Map[T]{at: p} }
func (m *Map[T]) bound() *spot  { return m.at }
func (m *Map[T]) drafted() bool { return m.draft != nil }

func (m *Map[T]) fill(tx *Tx, n Name) error {
	s, err := shapeOf(reflect.TypeFor[T]())
	if err != nil {
		return err
	}
	for _, k := range sortedKeys(m.draft) {
		v := m.draft[k]
		if err := s.set(tx, n, k, reflect.ValueOf(&v).Elem()); err != nil {
			return below(k, err)
		}
	}
	return nil
}

// set puts v under key.
func (s *shape) set(tx *Tx, m Name, key string, v reflect.Value) error {
	if s.handles() {
		n, err := tx.Make(m, key, s.object)
		if err != nil {
			return err
		}
		return s.fill(tx, n, v)
	}
	l, err := s.encode(v)
	if err != nil {
		return err
	}
	_, err = tx.Set(m, key, l)
	return err
}

// Objects are the names of the maps at this place, as [Text.Objects].
func (m Map[T]) Objects() ([]Name, error) { return m.at.named() }

// Keys are the keys under which something stands, in ascending order.
func (m Map[T]) Keys() []string {
	names, err := m.at.named()
	if err != nil {
		return nil
	}
	var all []string
	for _, n := range names {
		keys, _ := m.at.doc.Keys(n) // it is a map
		all = append(all, keys...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// entries are the keys of all the given maps together, in ascending order, and what
// stands under each, that of the first map first. O(entries), however many maps.
func (d *Doc) entries(maps []Name) (keys []string, held map[string][]Held, err error) {
	held = make(map[string][]Held)
	for _, m := range maps {
		own, err := d.Keys(m)
		if err != nil {
			return nil, nil, err
		}
		for _, key := range own {
			values, err := d.Values(m, key)
			if err != nil {
				return nil, nil, err
			}
			if held[key] == nil {
				keys = append(keys, key)
			}
			held[key] = append(held[key], values...)
		}
	}
	slices.Sort(keys)
	return keys, held, nil
}

// Len is the number of keys.
func (m Map[T]) Len() int { return len(m.Keys()) }

// Has reports whether a value, of whatever type, stands under key.
func (m Map[T]) Has(key string) bool {
	held, err := m.held(key)
	return err == nil && len(held) > 0
}

func (m Map[T]) held(key string) ([]Held, error) {
	names, err := m.at.named()
	if err != nil {
		return nil, err
	}
	return m.at.doc.valuesIn(names, key)
}

// At is the value under key, the zero value if there is none. If T is a handle or a
// struct of them, it is bound to the key, whether or not something stands there:
// what is written to it makes the object.
func (m Map[T]) At(key string) (v T, err error) {
	if err := m.at.readable(); err != nil {
		return v, err
	}
	to := reflect.ValueOf(&v).Elem()
	if s := m.at.shape.elem; s.handles() {
		p := &spot{doc: m.at.doc, shape: s, holder: m.at, key: key}
		s.bind(to, p)
		_, err := p.objects(nil)
		return v, err
	}
	held, err := m.held(key)
	if err != nil || len(held) == 0 {
		return v, err
	}
	return v, m.literal(key, held[0], to)
}

// literal reads what stands under key, a plain value.
func (m Map[T]) literal(key string, h Held, to reflect.Value) error {
	if err := m.at.shape.elem.literal(h, to); err != nil {
		return m.at.fail(below(key, err))
	}
	return nil
}

// Conflicts are the plain values under key as those of [Field.Conflicts]. Handles
// have none: objects at one place are one.
func (m Map[T]) Conflicts(key string) ([]T, error) {
	held, err := m.held(key)
	if err != nil || len(held) < 2 || m.at.shape.elem.handles() {
		return nil, err
	}
	return conflicts[T](m.at, held[1:])
}

// Value is all values. What cannot be read is left out, and in the error.
func (m Map[T]) Value() (map[string]T, error) {
	names, err := m.at.named()
	if err != nil {
		return nil, err
	}
	keys, held, err := m.at.doc.entries(names)
	if err != nil {
		return nil, m.at.fail(err)
	}
	all := make(map[string]T, len(keys))
	var bad joined
	for _, k := range keys {
		var v T
		to := reflect.ValueOf(&v).Elem()
		if s := m.at.shape.elem; s.handles() {
			p := &spot{doc: m.at.doc, shape: s, holder: m.at, key: k, as: m.at.doc.structure() + 1}
			s.bind(to, p)
			p.names, err = p.among(nil, held[k])
		} else {
			err = m.literal(k, held[k][0], to)
		}
		if bad.add(err); err == nil {
			all[k] = v
		}
	}
	return all, bad.err()
}

// Set puts v under key in place of all that stands there now, whatever its type. If
// T is a handle or a struct of them, v is a draft as in [List.Insert].
func (m Map[T]) Set(tx *Tx, key string, v T) error {
	return m.at.write(tx, func() error {
		names, err := m.at.make(tx)
		if err != nil {
			return err
		}
		if err := m.at.shape.elem.set(tx, names[0], key, reflect.ValueOf(&v).Elem()); err != nil {
			return below(key, err)
		}
		return m.at.doc.unset(tx, names[1:], key)
	})
}

// Delete removes all that stands under key now.
func (m Map[T]) Delete(tx *Tx, key string) error {
	return m.at.write(tx, func() error {
		names, err := m.at.objects(tx)
		if err != nil {
			return err
		}
		return m.at.doc.unset(tx, names, key)
	})
}
