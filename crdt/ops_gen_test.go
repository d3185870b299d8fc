package crdt_test

import (
	"math"
	"slices"

	"github.com/tallystick/tallystick/crdt"
)

// Random ops: through the Tx of an honest author, and by hand.

var texts = []string{"a", "bc", "", "é", "日本", "𝄞x", "key", "longer text than most of them"}

// literal is a random value in Go's form.
func (d dice) literal(depth int) any {
	switch d.n(10) {
	case 0:
		return nil
	case 1:
		return d.chance(50)
	case 2:
		return int64(d.n(1000) - 500)
	case 3:
		return pick(d, []int64{math.MinInt64, math.MaxInt64, -1, 23, 24, -24, -25, 255, 256, 65536, 1 << 32})
	case 4:
		return pick(d, []float64{0, -0.5, 1.5, 1e300, math.SmallestNonzeroFloat64, 65504, 65505, math.Copysign(0, -1), 0x1p-24, 0x1p-25, math.MaxFloat32})
	case 5:
		return []byte(pick(d, texts))
	case 6:
		list := []any{}
		for range d.n(3) * min(depth, 1) {
			list = append(list, d.literal(depth-1))
		}
		return list
	case 7:
		m := map[string]any{}
		for range d.n(3) * min(depth, 1) {
			m[pick(d, texts)] = d.literal(depth - 1)
		}
		return m
	default:
		return pick(d, texts)
	}
}

func (w *world) txLiteral() crdt.Literal {
	l, err := crdt.EncodeLiteral(w.literal(2))
	if err != nil {
		w.t.Fatalf("literal: %v", err)
	}
	return l
}

// names are the objects and things of the reference, oldest first.
func (d *refDoc) names(of func(*refObject, *refThing) bool) (names []refName) {
	for _, n := range d.made {
		if of(d.objects[n], d.things[n]) {
			names = append(names, n)
		}
	}
	return names
}

// knownNames are those of them that r knows too.
func (w *world) knownNames(r *crdt.Replica, of func(*refObject, *refThing) bool) []crdt.Name {
	var names []crdt.Name
	for _, n := range w.ref.doc.names(of) {
		_, known := r.Index(crdt.ChangeID(n.change))
		if known || n.change == (hash32{}) {
			names = append(names, crdt.Name{Change: n.change, Index: uint32(n.index)})
		}
	}
	return names
}

// txOp adds one random op to tx.
func (w *world) txOp(r *crdt.Replica, tx *crdt.Tx) error {
	if w.chance(15) {
		all := w.knownNames(r, func(*refObject, *refThing) bool { return true })
		return tx.Mark(pick(w.dice, all), w.txLiteral())
	}
	if w.charter.Kind != crdt.JSON {
		rows := w.knownNames(r, func(_ *refObject, t *refThing) bool { return t != nil })
		if len(rows) > 0 && w.chance(30) {
			return w.txReferring(tx, pick(w.dice, rows))
		}
		n, err := tx.Append(w.txLiteral())
		if err == nil && w.chance(20) {
			err = tx.Mark(n, w.txLiteral())
		}
		return err
	}
	objects := w.knownNames(r, func(o *refObject, _ *refThing) bool { return o != nil })
	at := pick(w.dice, objects)
	if w.chance(50) {
		at = objects[len(objects)-1]
	}
	kind := w.ref.doc.objects[refName{hash32(at.Change), int(at.Index)}].kind
	return w.txOn(tx, at, crdt.ObjectKind(kind), 3)
}

// A referring is the literal of a row that holds the name of another, and the id of
// what that should be.
type referring struct {
	Name []int64 `crdt:"n"` // k, index, d
	Of   []byte  `crdt:"of"`
	At   int     `crdt:"at"`
}

// txReferring appends a row that refers to target, and maybe one that refers to that.
func (w *world) txReferring(tx *crdt.Tx, target crdt.Name) error {
	of := func(n crdt.Name) func(k int64, index uint32, d int64) (crdt.Literal, error) {
		return func(k int64, index uint32, d int64) (crdt.Literal, error) {
			return crdt.EncodeLiteral(referring{[]int64{k, int64(index), d}, n.Change[:], int(n.Index)})
		}
	}
	n, err := tx.AppendReferring(target, of(target))
	if err == nil && w.chance(20) {
		_, err = tx.AppendReferring(n, of(crdt.Name{Index: n.Index}))
	}
	return err
}

// txOn edits the object at, and with some luck what it makes there.
func (w *world) txOn(tx *crdt.Tx, at crdt.Name, kind crdt.ObjectKind, more int) error {
	var n crdt.Name
	var err error
	made := crdt.ObjectKind(255)
	switch kind {
	case crdt.MapObject:
		key := pick(w.dice, texts)
		switch w.n(4) {
		case 0:
			n, err = tx.Set(at, key, w.txLiteral())
		case 1:
			err = tx.Unset(at, key)
		default:
			made = crdt.ObjectKind(w.n(5))
			n, err = tx.Make(at, key, made)
		}
	case crdt.RegisterObject:
		n, err = tx.SetRegister(at, w.txLiteral())
	case crdt.CounterObject:
		err = tx.Add(at, pick(w.dice, []int64{1, -3, math.MaxInt64, math.MinInt64}))
	case crdt.TextObject:
		if w.chance(30) {
			err = tx.Delete(at, w.n(4), 1+w.n(4))
		} else {
			n, err = tx.InsertText(at, w.n(4), pick(w.dice, texts)+"x")
		}
	case crdt.ListObject:
		switch w.n(4) {
		case 0:
			err = tx.Delete(at, w.n(3), 1+w.n(3))
		case 1:
			made = crdt.ObjectKind(w.n(5))
			n, err = tx.InsertObject(at, w.n(3), made)
		default:
			items := []crdt.Literal{w.txLiteral()}
			for range w.n(3) {
				items = append(items, w.txLiteral())
			}
			n, err = tx.Insert(at, w.n(3), items...)
		}
	}
	if err == nil && made != 255 && more > 0 && w.chance(60) {
		if made == crdt.TextObject || made == crdt.ListObject {
			if made == crdt.TextObject {
				_, err = tx.InsertText(n, 0, "new")
			} else {
				_, err = tx.Insert(n, 0, w.txLiteral())
			}
			return err
		}
		return w.txOn(tx, n, made, more-1)
	}
	return err
}

// handmade carries what is known of a change while its ops are made by hand.
type handmade struct {
	*world
	author, prev hash32
	links        []hash32
	own          []ownThing // what its ops so far make, if they have an effect
}

// ownThing is as selectors of names see it.
type ownThing struct {
	object *refObject
	thing  *refThing
}

// rawOps encodes random ops: mostly well-formed, often with an effect, sometimes
// not even CBOR.
func (w *world) rawOps(author, prev hash32, links []hash32) []byte {
	h := &handmade{world: w, author: author, prev: prev, links: links}
	ops := []any{}
	deleted := int64(0)
	for range w.n(8) {
		op := h.op()
		ops = append(ops, op)
		tree, _ := refDecode(refEncode(op), 100)
		if o, ok := refWellFormed(tree, &deleted); ok {
			h.makes(o)
		}
	}
	if w.charter.Kind == crdt.JSON && w.chance(4) {
		ops = tower(30 + w.n(4))
	}
	b := refEncode(ops)
	if w.chance(6) { // spoilt
		switch w.n(5) {
		case 0:
			b[w.n(len(b))] ^= byte(1 << w.n(8))
		case 1:
			b = append(b, 0xf6)
		case 2:
			b = refEncode(nested(30 + w.n(4)))
		case 3:
			b = refEncode(map[string]any{"no": "array"})
		default:
			b = b[:1+w.n(len(b))]
		}
	}
	return b
}

// makes notes what o makes.
func (h *handmade) makes(o refOp) {
	for range o.makes {
		made := ownThing{thing: &refThing{element: o.code >= 5}}
		switch w := o.what.(type) {
		case string:
			made.thing.in = &refObject{kind: refText}
		case []any:
			made.thing.in = &refObject{kind: refList}
		case int:
			made.thing.in = &refObject{kind: refList}
			made.object = &refObject{kind: w}
		}
		if o.code == 3 {
			made.object = &refObject{kind: o.kind}
		}
		h.own = append(h.own, made)
	}
}

// nested is an array of one op with a literal, depth levels in all.
func nested(depth int) any {
	var v any = "deep"
	for range depth - 2 {
		v = []any{v}
	}
	return []any{[]any{0, 1, v}}
}

// op is one op by hand.
func (h *handmade) op() any {
	lit := func() any { return h.literal(2) }
	anything := func(*refObject, *refThing) bool { return true }
	if h.chance(10) { // ill-formed, or unknown
		return pick(h.dice, []any{
			[]any{},
			[]any{11, 0, "x"},
			[]any{uint64(1) << 40},
			"text",
			[]any{0, 1},
			[]any{9, []any{1, 0}, 0},
			[]any{9, []any{1, 0}, 65537},
			[]any{7, 0, ""},
			[]any{7, 0, []any{}},
			[]any{7, 0, 5},
			[]any{3, 0, "k", []any{}, 6},
			[]any{5, []any{-1, 0, 0}, "x"},
			[]any{5, []any{1, 0, 3}, "x"},
			[]any{2, 0, 7, []any{}, 1},
			[]any{1, []any{0}, 1},
			[]any{1, -1, "neg"},
			[]any{-1, 0, 1},
			[]any{0.5, 0, 1},
			[]any{10, 0, 1.5},
			[]any{8, nil},
			[]any{2, 0, "k", []any{"x"}, 1},
		})
	}
	if h.charter.Kind != crdt.JSON {
		if h.chance(50) {
			return []any{0, pick(h.dice, []any{1, 1, 1, 1, 0, 2, []any{1, 0}}), lit()}
		}
		if h.chance(70) {
			return []any{1, h.name(anything), lit()}
		}
	}
	object := func(kinds ...int) func(*refObject, *refThing) bool {
		return func(o *refObject, _ *refThing) bool { return o != nil && slices.Contains(kinds, o.kind) }
	}
	var in *refObject // what holder selected last
	holder := func(kinds ...int) func(*refObject, *refThing) bool {
		return func(o *refObject, t *refThing) bool {
			ok := object(kinds...)(o, t)
			if ok {
				in = o
			}
			return ok
		}
	}
	var seq int // kind of the sequence that element or sequence selected last
	element := func(_ *refObject, t *refThing) bool {
		ok := t != nil && t.element && t.in != nil
		if ok {
			seq = t.in.kind
		}
		return ok
	}
	sequence := func(o *refObject, _ *refThing) bool {
		ok := o != nil && (o.kind == refList || o.kind == refText)
		if ok {
			seq = o.kind
		}
		return ok
	}
	// what mostly fits the sequence of the element or object that of selects.
	what := func() any {
		if h.chance(10) {
			seq = h.n(6)
		}
		if seq == refText {
			return pick(h.dice, texts[3:])
		}
		return pick(h.dice, []any{[]any{lit()}, []any{lit(), lit(), 3}, h.n(5)})
	}
	code := h.n(24)
	if h.seq {
		code = 8 + h.n(16)
	}
	switch code {
	case 0:
		return []any{1, h.name(anything), lit()}
	case 1, 2:
		o := h.name(holder(refMap))
		key := h.key(in)
		return []any{2, o, key, h.replaced(in, key), lit()}
	case 3, 4:
		o := h.name(holder(refMap))
		key := h.key(in)
		return []any{3, o, key, h.replaced(in, key), h.n(5)}
	case 5:
		o := h.name(holder(refMap, refRegister))
		key := h.key(in)
		return []any{4, o, key, h.replaced(in, key)}
	case 6, 7:
		o := h.name(holder(refRegister))
		if h.chance(50) {
			return []any{2, o, nil, h.replaced(in, nil), lit()}
		}
		return []any{3, o, nil, h.replaced(in, nil), h.n(5)}
	case 8:
		return []any{3, 0, pick(h.dice, texts), []any{}, 1 + h.n(2)}
	case 9, 10, 11, 12:
		o := h.name(sequence)
		return []any{7, o, what()}
	case 13, 14, 15, 16:
		e := h.name(element)
		return []any{5 + h.n(2), e, what()}
	case 17, 18, 19:
		if len(h.own) > 0 {
			element(h.own[len(h.own)-1].object, h.own[len(h.own)-1].thing)
		} else {
			seq = refText - h.n(2)
		}
		return []any{8, what()}
	case 20:
		return []any{10, h.name(object(refCounter)), h.n(100) - 50}
	default:
		return []any{9, h.name(element), 1 + h.n(6)}
	}
}

// key is a key of a map, mostly one that has a value, or nil for a register.
func (h *handmade) key(in *refObject) any {
	switch {
	case in != nil && in.kind == refRegister:
		return nil
	case in != nil && len(in.values) > 0 && h.chance(70):
		return pick(h.dice, in.values).key
	case h.chance(3):
		return nil
	}
	return pick(h.dice, texts)
}

// replaced names up to two values: mostly of that very key.
func (h *handmade) replaced(in *refObject, key any) any {
	names := []any{}
	for range h.n(3) {
		anyKey := h.chance(10)
		if n := h.name(func(_ *refObject, t *refThing) bool {
			return t != nil && !t.element && (anyKey || t.in == in && t.key == key)
		}); n != 0 || anyKey {
			names = append(names, n)
		}
	}
	return names
}

// name writes a name, mostly of something that of selects and that this change
// can reach; else anything.
func (h *handmade) name(of func(*refObject, *refThing) bool) any {
	switch {
	case h.chance(10):
		return pick(h.dice, []any{
			0, 1, 2,
			[]any{0, 0},
			[]any{0, 99},
			[]any{1, 0},
			[]any{5, 0},
			[]any{-1, 0},
			[]any{-9, 0},
			[]any{-1, 0, 1},
			[]any{-1, 0, 99},
			[]any{math.MaxInt64, 0},
			[]any{math.MinInt64, 0},
			[]any{-1, 1, math.MaxInt64},
			[]any{1, math.MaxInt64},
			uint64(math.MaxInt64),
		})
	case h.chance(35):
		var own []int
		for i, o := range h.own {
			if of(o.object, o.thing) {
				own = append(own, i)
			}
		}
		if len(own) > 0 {
			i := pick(h.dice, own)
			of(h.own[i].object, h.own[i].thing) // what it noted
			return []any{0, i}
		}
	}
	names := h.ref.doc.names(of)
	for range 4 {
		if len(names) == 0 {
			break
		}
		name := pick(h.dice, names)
		if n, ok := h.write(name); ok {
			of(h.ref.doc.objects[name], h.ref.doc.things[name]) // what it noted
			return n
		}
	}
	return 0
}

// write writes n as this change sees it: by its own chain, or by a link.
func (h *handmade) write(n refName) (any, bool) {
	if n.change == (hash32{}) {
		return n.index, true
	}
	k := 1
	for c := h.ref.changes[h.prev]; c != nil; c = h.ref.changes[c.prev] {
		if c.id == n.change {
			return []any{k, n.index}, true
		}
		k++
	}
	for l, id := range h.links {
		d := 0
		for c := h.ref.changes[id]; c != nil; c = h.ref.changes[c.prev] {
			if c.id == n.change {
				if d == 0 {
					return []any{-1 - l, n.index}, true
				}
				return []any{-1 - l, n.index, d}, true
			}
			d++
		}
	}
	return nil, false
}
