package crdt

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

// A Doc reads a document: that of a replica as it is now ([Replica.Doc]), used
// like the replica by one goroutine at a time; or that of other heads
// ([Replica.AsOf]), which never changes and which any number of goroutines may
// read. What it returns is the caller's, but for literals: they alias the log and
// are read only.
//
// Errors are *[PathError]s. A name of another document is [ErrNoTarget]. Of a
// keeper every error is [ErrKeeper].
type Doc struct {
	log  *log
	read reader // nil: a keeper's
	find func(Name) (thing, bool)
	mu   *sync.Mutex // of a past one, since reading a sequence moves its cursor; else nil
}

// reader is what readers need of a document. Of things that it is asked about it
// is known that they exist, and of objects that they have the kind that is meant;
// indexes are within bounds. Cost: O(log n), plus what is yielded or returned.
type reader interface {
	kindOf(thing) (ObjectKind, bool)
	exists(thing) bool
	said() marks
	observe(watcher)
	hashState(h *stateHash)
	// holder is the object that a value, element or row was put into, and under
	// which key, if that is a map; false for the root, and for what does not exist.
	holder(t thing) (in thing, key string, ok bool)
	// lives reports whether t is an element or value that nothing deleted or
	// replaced; false for what does not exist.
	lives(t thing) bool
	// literal is that of a value, row or element of a list; nil if it is an object.
	literal(t thing) Literal

	keys(m thing) []string                   // with living values, in the order of compareKeys
	living(holder thing, key string) []thing // values of a map's key or a register, the winner first
	winner(holder thing, key string) (thing, bool)
	total(counter thing) int64
	size(seq thing) int // live items
	itemAt(seq thing, index int) thing
	rank(t thing) int // live items before an element, which may be dead
	// appendSlice appends the code points [from, to) of a text, appendText those of
	// the n elements of one change from first on, also if they are dead.
	appendSlice(b []byte, text thing, from, to int) []byte
	appendText(b []byte, first thing, n int) []byte

	// runs yields the live items [from, to) as runs of things that one change made
	// in a row.
	runs(seq thing, from, to int, yield func(first thing, n int) bool)
	// chain yields the n things that a chain made from first on, up to change end:
	// what a delete that was not void names.
	chain(first thing, n int, end int32, yield func(first thing, n int))
	// walk yields all items, also the dead ones, in order.
	walk(seq thing, yield func(first thing, n int, live bool) bool)

	offset(text thing, index int, u Unit) int
	// indexOf is the code point that begins at offset; if none does, the one around
	// it or, beyond the end, the length, and not exact.
	indexOf(text thing, offset int, u Unit) (index int, exact bool)
}

// Doc is the document as it is whenever it is read.
func (r *Replica) Doc() *Doc {
	d := &Doc{log: r.log, find: r.log.thing}
	d.read, _ = r.doc.(reader)
	return d
}

func (d *Doc) enter() {
	if d.mu != nil {
		d.mu.Lock()
	}
}

func (d *Doc) leave() {
	if d.mu != nil {
		d.mu.Unlock()
	}
}

func (d *Doc) thing(n Name) (thing, error) {
	if d.read == nil {
		return thing{}, ErrKeeper
	}
	t, ok := d.find(n)
	if !ok || !d.read.exists(t) {
		return t, &PathError{Name: n, Err: ErrNoTarget}
	}
	return t, nil
}

func (d *Doc) object(n Name, kinds ...ObjectKind) (thing, ObjectKind, error) {
	t, err := d.thing(n)
	if err != nil {
		return t, 0, err
	}
	kind, ok := d.read.kindOf(t)
	if !ok || len(kinds) > 0 && !slices.Contains(kinds, kind) {
		return t, 0, d.fail(n, ErrWrongType)
	}
	return t, kind, nil
}

// winner is the first of the living values.
func (d *Doc) winner(holder thing, key string) (thing, bool) { return d.read.winner(holder, key) }

// Kind is the kind of an object; the feed of a ledger or oracle room is a list.
// The error is [ErrNoTarget], or [ErrWrongType] if n is no object.
func (d *Doc) Kind(n Name) (ObjectKind, error) {
	d.enter()
	defer d.leave()
	_, kind, err := d.object(n)
	if kind == feedObject {
		kind = ListObject
	}
	return kind, err
}

// Value is the whole document as plain Go values: map[string]any, []any, string,
// int64 and so on, the winner where values conflict, and a register as its
// content. A ledger or oracle room is a map with the one key "entries" or "feeds";
// a keeper's is nil. O(document).
func (d *Doc) Value() any {
	d.enter()
	defer d.leave()
	if d.read == nil {
		return nil
	}
	return d.valueOf(fixedThing(Root.Index))
}

// ValueOf is Value of one object, value or item, wherever it stands. The error is
// [ErrNoTarget].
func (d *Doc) ValueOf(n Name) (any, error) {
	d.enter()
	defer d.leave()
	t, err := d.thing(n)
	if err != nil {
		return nil, err
	}
	return d.valueOf(t), nil
}

// MarshalJSON is Value as JSON; bytes become base64.
func (d *Doc) MarshalJSON() ([]byte, error) { return json.Marshal(d.Value()) }

// Digest is the hash of the document's state, as [Replica.DocDigest] is; zero for a
// keeper. O(document).
func (d *Doc) Digest() [32]byte {
	d.enter()
	defer d.leave()
	if d.read == nil {
		return [32]byte{}
	}
	return docDigest(d.log.room, d.read)
}

// valueOf recurses as deep as objects nest: MaxDepth, since making a deeper one is
// void.
func (d *Doc) valueOf(t thing) any {
	kind, isObject := d.read.kindOf(t)
	if !isObject {
		in, _, _ := d.read.holder(t)
		if kind, _ := d.read.kindOf(in); kind == TextObject {
			return string(d.read.appendText(nil, t, 1))
		}
		return d.read.literal(t).Value()
	}
	switch kind {
	case MapObject:
		m := make(map[string]any)
		for _, key := range d.read.keys(t) {
			v, _ := d.winner(t, key)
			m[key] = d.valueOf(v)
		}
		return m
	case RegisterObject:
		if v, ok := d.winner(t, ""); ok {
			return d.valueOf(v)
		}
		return nil
	case CounterObject:
		return d.read.total(t)
	case TextObject:
		return d.slice(t, 0, d.read.size(t))
	default:
		return d.items(t)
	}
}

func (d *Doc) items(list thing) []any {
	items := make([]any, 0, d.read.size(list))
	d.eachItem(list, func(t thing) { items = append(items, d.valueOf(t)) })
	return items
}

func (d *Doc) eachItem(list thing, yield func(thing)) {
	d.read.runs(list, 0, d.read.size(list), func(first thing, n int) bool {
		for range n {
			yield(first)
			first.index++
		}
		return true
	})
}

func (d *Doc) slice(text thing, from, to int) string {
	return string(d.read.appendSlice(make([]byte, 0, to-from), text, from, to))
}

// Len is the number of keys of a map, of items of a list or feed, or of code
// points of a text. The error is [ErrNoTarget] or [ErrWrongType].
func (d *Doc) Len(n Name) (int, error) {
	d.enter()
	defer d.leave()
	t, kind, err := d.object(n, MapObject, ListObject, TextObject, feedObject)
	switch {
	case err != nil:
		return 0, err
	case kind == MapObject:
		return len(d.read.keys(t)), nil
	default:
		return d.read.size(t), nil
	}
}

// Keys are the keys of a map that have a value, shorter ones first. The error is
// [ErrNoTarget] or [ErrWrongType].
func (d *Doc) Keys(m Name) ([]string, error) {
	d.enter()
	defer d.leave()
	t, _, err := d.object(m, MapObject)
	if err != nil {
		return nil, err
	}
	return d.read.keys(t), nil
}

// A Held is one of the values that stand under a key or in a register, or an item
// of a list.
type Held struct {
	Name    Name
	Literal Literal    // nil if it is an object
	Object  ObjectKind // if Literal is nil
	Author  Author     // who put it there; zero if the room's kind did
}

func (d *Doc) held(t thing) Held {
	h := Held{Name: d.log.name(t)}
	if t.change != none {
		h.Author = d.log.keys[d.log.author(t.change)]
	}
	kind, isObject := d.read.kindOf(t)
	switch {
	case !isObject:
		h.Literal = d.read.literal(t)
	case kind == feedObject:
		h.Object = ListObject
	default:
		h.Object = kind
	}
	return h
}

// Values are the values that stand under key of a map, or in a register with key
// "", the winner first; more than one if they conflict. The error is
// [ErrNoTarget] or [ErrWrongType].
func (d *Doc) Values(holder Name, key string) ([]Held, error) {
	d.enter()
	defer d.leave()
	t, kind, err := d.object(holder, MapObject, RegisterObject)
	if err != nil {
		return nil, err
	}
	if kind == RegisterObject {
		key = ""
	}
	var held []Held
	for _, v := range d.read.living(t, key) {
		held = append(held, d.held(v))
	}
	return held, nil
}

// Items are the items of a list or feed, in order. The error is [ErrNoTarget] or
// [ErrWrongType].
func (d *Doc) Items(list Name) ([]Held, error) {
	d.enter()
	defer d.leave()
	t, _, err := d.object(list, ListObject, feedObject)
	if err != nil {
		return nil, err
	}
	held := make([]Held, 0, d.read.size(t))
	d.eachItem(t, func(t thing) { held = append(held, d.held(t)) })
	return held, nil
}

// Item is one of [Doc.Items]. The error may be [ErrBadIndex] besides. O(log n).
func (d *Doc) Item(list Name, index int) (Held, error) {
	d.enter()
	defer d.leave()
	t, _, err := d.object(list, ListObject, feedObject)
	if err != nil {
		return Held{}, err
	}
	if size := d.read.size(t); index < 0 || index >= size {
		return Held{}, d.fail(list, badIndex(index, index, size))
	}
	return d.held(d.read.itemAt(t, index)), nil
}

// Text is what a text says. The error is [ErrNoTarget] or [ErrWrongType].
func (d *Doc) Text(t Name) (string, error) {
	d.enter()
	defer d.leave()
	o, _, err := d.object(t, TextObject)
	if err != nil {
		return "", err
	}
	return d.slice(o, 0, d.read.size(o)), nil
}

// Slice is the code points [from, to) of a text. The error may be [ErrBadIndex]
// besides. O(log n) plus the result.
func (d *Doc) Slice(t Name, from, to int) (string, error) {
	d.enter()
	defer d.leave()
	o, _, err := d.object(t, TextObject)
	if err != nil {
		return "", err
	}
	if size := d.read.size(o); from < 0 || to < from || to > size {
		return "", d.fail(t, badIndex(from, to, size))
	}
	return d.slice(o, from, to), nil
}

// Count is the sum of a counter. The error is [ErrNoTarget] or [ErrWrongType].
func (d *Doc) Count(counter Name) (int64, error) {
	d.enter()
	defer d.leave()
	t, _, err := d.object(counter, CounterObject)
	if err != nil {
		return 0, err
	}
	return d.read.total(t), nil
}

// MarkOf is what a says of target, and whether it says anything.
func (d *Doc) MarkOf(target Name, a Author) (Literal, bool) {
	d.enter()
	defer d.leave()
	t, err := d.thing(target)
	k, known := d.log.authorOf[a]
	if err != nil || !known {
		return nil, false
	}
	it, ok := d.read.said().items.Get(markItem{target: t, author: k})
	if !ok {
		return nil, false
	}
	return d.log.literalAt(it.change, it.offset), true
}

// A Said is what one author says of something.
type Said struct {
	Author  Author
	Change  ChangeID // that says it
	Literal Literal
}

// Marks is what is said of target, by author. Target may be deleted or replaced.
// The error is [ErrNoTarget].
func (d *Doc) Marks(target Name) ([]Said, error) {
	d.enter()
	defer d.leave()
	t, err := d.thing(target)
	if err != nil {
		return nil, err
	}
	var said []Said
	d.read.said().items.Ascend(markItem{target: t}, func(it markItem) bool {
		if it.target != t {
			return false
		}
		said = append(said, Said{d.log.keys[it.author], d.log.id(it.change), d.log.literalAt(it.change, it.offset)})
		return true
	})
	slices.SortFunc(said, func(a, b Said) int { return compareAuthors(a.Author, b.Author) })
	return said, nil
}

// Value is that of [Replica.Doc].
func (r *Replica) Value() any { return r.Doc().Value() }

// Values are those of [Replica.Doc].
func (r *Replica) Values(holder Name, key string) ([]Held, error) { return r.Doc().Values(holder, key) }

// Items are those of [Replica.Doc].
func (r *Replica) Items(list Name) ([]Held, error) { return r.Doc().Items(list) }

// MarkOf is that of [Replica.Doc].
func (r *Replica) MarkOf(target Name, a Author) (Literal, bool) { return r.Doc().MarkOf(target, a) }

// String is the word for k.
func (k ObjectKind) String() string {
	switch k {
	case MapObject:
		return "map"
	case ListObject, feedObject:
		return "list"
	case TextObject:
		return "text"
	case RegisterObject:
		return "register"
	case CounterObject:
		return "counter"
	default:
		return fmt.Sprintf("kind %d", uint8(k))
	}
}
