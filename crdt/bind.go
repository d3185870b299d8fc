package crdt

import (
	"fmt"
	"reflect"
	"slices"
)

// Bind returns a T whose handles read and write d. T is a struct, and the schema
// of the root map: each field stands under the key that its tag names,
//
//	type Board struct {
//		Title crdt.Text          `crdt:"title"`
//		Owner crdt.Field[string] `crdt:"owner"`
//		Votes crdt.Counter       `crdt:"votes"`
//		Todos crdt.List[Todo]    `crdt:"todos"`
//	}
//
// or under the field's own name if it has no tag; `crdt:"-"` leaves a field out.
// A field is a handle ([Text], [Counter], [Field], [Register], [List], [Map]) or a
// struct of them, which is a map within the map; embedded structs are flattened.
// What List and Map hold are again handles or structs of them, or else plain Go
// values, each kept as one immutable [Literal].
//
// The schema checks what is written and read through it, and nothing else:
// anybody may have written something else, and what is of a wrong type is an
// error of that place alone. What nobody has written reads as empty, or as the
// zero value. All errors of handles are a *[PathError].
//
// An object of the schema is made by the first change that writes to it. Two
// authors can do so, each unaware of the other, and then both objects stand under
// the key. Nothing is lost by it: handles, [Read] and [Check] treat all objects of
// the winner's kind as one. Counters add up, maps are united, lists and texts
// follow one another, the winner first. [Doc.Value] shows the winner alone.
//
// Handles are small and may be copied; they are used by one goroutine at a time, as
// the replica is. Within a change they read the document as it was before, as all
// of a [Tx] does. Bind reads nothing. The error is a *[SchemaError].
func Bind[T any](d *Doc) (*T, error) {
	s, err := shapeOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	if s.kind != holderShape {
		return nil, &SchemaError{Type: s.typ, Reason: "it is no struct of handles"}
	}
	bound := new(T)
	s.bind(reflect.ValueOf(bound).Elem(), &spot{doc: d, shape: s, names: []Name{Root}})
	return bound, nil
}

// A handle is a typed view of one place of a document; or, of no document yet, a
// draft of what is to stand at a new place.
type handle interface {
	// spec is what the handle's type says of the document.
	spec() (kind shapeKind, object ObjectKind, elem reflect.Type)
	bind(*spot)
	// bound is where it is bound; nil for a draft.
	bound() *spot
	// drafted reports whether it is a draft of something.
	drafted() bool
	// fill puts what is drafted into a new object. It is not called on a Field.
	fill(tx *Tx, object Name) error
}

// bind binds the handles of v to p and below.
func (s *shape) bind(v reflect.Value, p *spot) {
	if s.kind != holderShape {
		v.Addr().Interface().(handle).bind(p)
		return
	}
	places := make([]spot, len(s.fields))
	for i, f := range s.fields {
		places[i] = spot{doc: p.doc, shape: f.shape, holder: p, key: f.key}
		f.shape.bind(v.FieldByIndex(f.index), &places[i])
	}
}

// A spot is where a handle is bound: a key of a map object, or an object whose
// name is known.
type spot struct {
	doc    *Doc
	shape  *shape
	holder *spot // of the map object in which it stands under key; nil if names are known
	key    string

	names []Name // of the objects at this place, the winner first
	as    uint64 // the doc's structure when names were read, and 1

	list  *spot // of an item: for its path
	index int   // when it was read
}

// fail puts p's place before where err is. What is a *[PathError] already has the
// whole path.
func (p *spot) fail(err error) error {
	if err == nil {
		return nil
	}
	return locate(p.path(), err)
}

func (p *spot) path() []any {
	switch {
	case p == nil:
		return nil
	case p.holder != nil:
		return append(p.holder.path(), p.key)
	case p.list != nil:
		return append(p.list.path(), p.index)
	default:
		return []any{}
	}
}

// readable refuses the zero handle.
func (p *spot) readable() error {
	if p == nil {
		return fmt.Errorf("%w: it is bound to no document", ErrHandle)
	}
	return nil
}

// writable refuses what tx cannot write.
func (p *spot) writable(tx *Tx) error {
	if err := p.readable(); err != nil {
		return err
	}
	switch {
	case tx == nil:
		return p.fail(fmt.Errorf("%w: no Tx", ErrHandle))
	case !p.doc.writtenBy(tx):
		return p.fail(fmt.Errorf("%w: the Tx is of another document", ErrHandle))
	}
	return nil
}

// write runs edit, which may return an error after it has added ops: then the
// whole change is given up, whatever the caller makes of the error.
func (p *spot) write(tx *Tx, edit func() error) error {
	if err := p.writable(tx); err != nil {
		return err
	}
	ops := len(tx.ops)
	if err := edit(); err != nil {
		err = p.fail(err)
		if len(tx.ops) != ops {
			tx.broken = err
		}
		return err
	}
	return nil
}

// writtenBy reports whether tx changes d.
func (d *Doc) writtenBy(tx *Tx) bool { return d.log == tx.replica.log && d.mu == nil }

// structure is a number that grows whenever something else may stand under a key.
func (d *Doc) structure() uint64 {
	if doc, ok := d.read.(*jsonDoc); ok {
		return doc.assigned
	}
	return 0
}

// put is what tx put under key of m last. An object's kind is noObject if it put
// a literal.
func (tx *Tx) put(m Name, key string) (n Name, kind ObjectKind, ok bool) {
	t, ok := tx.thing(m)
	if !ok {
		return n, 0, false
	}
	own, ok := tx.slots[txSlot{t, key}]
	if !ok {
		return n, 0, false
	}
	n = Name{tx.self, uint32(own)}
	o, err := tx.own(n)
	if err != nil {
		return n, noObject, true
	}
	return n, o.kind, true
}

// UnsetRegister removes all values that are in a register now.
func (tx *Tx) UnsetRegister(r Name) error {
	_, err := tx.assign(opUnset, RegisterObject, r, "", 0)
	return err
}

// held are the values that stand under p's key, the winner first.
func (p *spot) held() ([]Held, error) {
	holders, err := p.holder.objects(nil)
	if err != nil {
		return nil, err
	}
	return p.doc.valuesIn(holders, p.key)
}

// valuesIn are the values under key of all the given maps, or with key "" in all
// the given registers.
func (d *Doc) valuesIn(holders []Name, key string) (all []Held, err error) {
	for _, h := range holders {
		held, err := d.Values(h, key)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = held
		} else {
			all = append(all, held...)
		}
	}
	return all, nil
}

// objects are the objects at p, the winner first, and none if there is no value;
// for a tx that put an object there, that. The error is that of the winner's being
// something else, at its full path.
func (p *spot) objects(tx *Tx) ([]Name, error) {
	if p.holder == nil {
		return p.names, nil
	}
	own := tx != nil && len(tx.slots) > 0
	if !own && p.as == p.doc.structure()+1 {
		return p.names, nil
	}
	holders, err := p.holder.objects(tx)
	if err != nil {
		return nil, err
	}
	var names []Name
	for _, h := range holders {
		if own {
			if n, kind, ok := tx.put(h, p.key); ok {
				if kind != p.shape.object {
					return nil, p.fail(fmt.Errorf("%w: want %v, got what this change put there", ErrWrongType, p.shape))
				}
				names = append(names, n)
				continue
			}
		}
		if h.provisional() {
			continue
		}
		held, err := p.doc.Values(h, p.key)
		if err != nil {
			return nil, p.fail(err)
		}
		if names, err = p.among(names, held); err != nil {
			return nil, err
		}
	}
	if !own {
		p.names, p.as = names, p.doc.structure()+1
	}
	return names, nil
}

// among appends the objects of held to names: those of p's kind. The error is that of
// the winner's being something else.
func (p *spot) among(names []Name, held []Held) ([]Name, error) {
	for _, v := range held {
		if v.Literal == nil && v.Object == p.shape.object {
			names = append(names, v.Name)
		} else if len(names) == 0 {
			return nil, p.fail(wrongType(p.shape, v))
		}
	}
	return names, nil
}

// sole is the one object at p, if that is known already and tx may write it: the
// way of nearly every edit.
func (p *spot) sole(tx *Tx) (Name, bool) {
	if p == nil || tx == nil || len(p.names) != 1 || len(tx.slots) > 0 || !p.doc.writtenBy(tx) ||
		p.holder != nil && p.as != p.doc.structure()+1 {
		return Name{}, false
	}
	return p.names[0], true
}

// make is objects, after making one if there is none.
func (p *spot) make(tx *Tx) ([]Name, error) {
	names, err := p.objects(tx)
	if err != nil || len(names) > 0 {
		return names, err
	}
	holders, err := p.holder.make(tx)
	if err != nil {
		return nil, err
	}
	n, err := tx.Make(holders[0], p.key, p.shape.object)
	if err != nil {
		return nil, err
	}
	return []Name{n}, nil
}

// named is objects for a reader outside.
func (p *spot) named() ([]Name, error) {
	if err := p.readable(); err != nil {
		return nil, err
	}
	names, err := p.objects(nil)
	return slices.Clone(names), err
}

// size is how many elements an object has that the change did not make.
func (p *spot) size(n Name) int {
	if n.provisional() {
		return 0
	}
	l, _ := p.doc.Len(n) // of a list or text that exists
	return l
}

// part is the object in which index of all of them together lies, and the index
// there. With end, index may be the length of all.
func (p *spot) part(names []Name, index int, end bool) (Name, int, error) {
	rest := index
	for _, n := range names {
		size := p.size(n)
		if rest >= 0 && (rest < size || end && rest == size) {
			return n, rest, nil
		}
		rest -= size
	}
	return Name{}, 0, badIndex(index, index, index-rest)
}

// open is part for an insert, after making an object if there is none.
func (p *spot) open(tx *Tx, names []Name, index int) (Name, int, error) {
	if len(names) > 0 {
		return p.part(names, index, true)
	}
	if index != 0 {
		return Name{}, 0, badIndex(index, index, 0)
	}
	names, err := p.make(tx)
	if err != nil {
		return Name{}, 0, err
	}
	return names[0], 0, nil
}

// remove deletes count elements from index on.
func (p *spot) remove(tx *Tx, names []Name, index, count int) error {
	total := 0
	for _, n := range names {
		total += p.size(n)
	}
	if index < 0 || count < 0 || index > total-count {
		return badIndex(index, index+count, total)
	}
	for _, n := range names {
		size := p.size(n)
		if here := min(count, size-index); here > 0 {
			if err := tx.Delete(n, index, here); err != nil {
				return err
			}
			count -= here
		}
		index = max(0, index-size)
	}
	return nil
}

// length is the number of elements at p; 0 where it cannot be read.
func (p *spot) length() int {
	if p == nil {
		return 0
	}
	names, _ := p.objects(nil)
	total := 0
	for _, n := range names {
		total += p.size(n)
	}
	return total
}
