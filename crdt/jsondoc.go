package crdt

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// jsonDoc is the document of a json room: a root map and what hangs on it.
type jsonDoc struct {
	log     *log
	objects map[thing]*object
	values  map[thing]*value // what set and make put into maps and registers
	elems   map[thing]*element
	made    []uint32 // by log index: how many things the change made
	marks   marks
	watch   watcher // nil: nobody observes
}

// An object is one of the five types. Which fields are used follows from kind.
type object struct {
	at      thing
	kind    ObjectKind
	depth   int                 // of the root: 1
	keys    map[string][]*value // map: by key, also of values that were replaced
	values  []*value            // register
	seq     *sequence           // list, text
	counter int64
}

// A value is what one op put under a key or into a register.
type value struct {
	at      thing
	op      int32
	holder  *object
	key     string
	dead    bool // named by an effective set or unset
	literal Literal
	object  *object // in place of literal
}

func newJSONDoc(l *log) *jsonDoc {
	return &jsonDoc{
		log:     l,
		objects: map[thing]*object{fixedThing(Root.Index): newObject(fixedThing(Root.Index), MapObject, 1)},
		values:  make(map[thing]*value),
		elems:   make(map[thing]*element),
		marks:   newMarks(l),
	}
}

func newObject(at thing, k ObjectKind, depth int) *object {
	o := &object{at: at, kind: k, depth: depth}
	switch k {
	case MapObject:
		o.keys = make(map[string][]*value)
	case ListObject, TextObject:
		o.seq = &sequence{of: at, text: k == TextObject, depth: depth}
	}
	return o
}

func (d *jsonDoc) kindOf(t thing) (ObjectKind, bool) {
	o, ok := d.objects[t]
	if !ok {
		return 0, false
	}
	return o.kind, true
}

func (d *jsonDoc) exists(t thing) bool {
	if _, ok := d.objects[t]; ok {
		return true
	}
	if _, ok := d.values[t]; ok {
		return true
	}
	_, ok := d.elems[t]
	return ok
}

// applying is what apply carries through the ops of one change.
type applying struct {
	i      int32
	author uint32
	links  []int32
}

func (d *jsonDoc) apply(i int32) {
	a := applying{i, d.log.author(i), d.log.links(i)}
	total := 0
	for len(d.made) < int(i) {
		d.made = append(d.made, 0)
	}
	if !d.log.decodes(i) {
		d.made = append(d.made, 0)
		return
	}
	eachOp(d.log.ops(i), func(o *op, at, made int) {
		total = made + o.makes
		var target thing
		if o.code != opInsertOn {
			var ok bool
			if target, ok = d.log.resolve(o.target, i, a.links, made); !ok {
				return
			}
		}
		switch o.code {
		case opMark:
			if d.exists(target) {
				it := markItem{target, a.author, i, int32(at), int32(o.offset)}
				if d.marks.set(it) && d.watch != nil {
					d.watch.marked(it)
				}
			}
		case opSet, opMake, opUnset:
			d.assign(a, target, o, at, made)
		case opInsertRight, opInsertLeft, opInsertFirst, opInsertOn:
			d.insert(a, target, o, made)
		case opDelete:
			d.remove(a, target, o)
		case opAdd:
			if obj := d.objects[target]; obj != nil && obj.kind == CounterObject {
				obj.counter += o.n // wraps: the counter is a sum mod 2^64
				if d.watch != nil {
					d.watch.added(target, o.n)
				}
			}
		}
	})
	d.made = append(d.made, uint32(total))
}

// assign is set, make or unset. It is void unless every name that it replaces is
// a value of that very key or register.
func (d *jsonDoc) assign(a applying, target thing, o *op, at, made int) {
	obj := d.objects[target]
	if obj == nil || o.keyed != (obj.kind == MapObject) || !o.keyed && obj.kind != RegisterObject {
		return
	}
	if o.code == opMake && obj.depth == MaxDepth {
		return
	}
	replaced := make([]*value, len(o.replaces))
	for k, f := range o.replaces {
		t, ok := d.log.resolve(f, a.i, a.links, made)
		if !ok {
			return
		}
		v := d.values[t]
		if v == nil || v.holder != obj || v.key != o.key {
			return
		}
		replaced[k] = v
	}
	if d.watch != nil {
		d.watch.assigning(target, o.key)
		defer func() { d.watch.assigned(target, o.key) }()
	}
	for _, v := range replaced {
		v.dead = true
	}
	if o.code == opUnset {
		return
	}
	v := &value{at: thing{a.i, uint32(made)}, op: int32(at), holder: obj, key: strings.Clone(o.key)}
	if o.code == opSet {
		v.literal = slices.Clone(o.literal)
	} else {
		v.object = newObject(v.at, o.object, obj.depth+1)
		d.objects[v.at] = v.object
	}
	d.values[v.at] = v
	if obj.kind == MapObject {
		obj.keys[v.key] = append(obj.keys[v.key], v)
	} else {
		obj.values = append(obj.values, v)
	}
}

// alive are the values that no effective op replaced, the winner first.
func (d *jsonDoc) alive(values []*value) []*value {
	var alive []*value
	for _, v := range values {
		if !v.dead {
			alive = append(alive, v)
		}
	}
	slices.SortFunc(alive, func(a, b *value) int {
		switch {
		case a.at.change == b.at.change:
			return cmp.Compare(b.op, a.op)
		case d.log.before(b.at.change, a.at.change):
			return -1
		default:
			return 1
		}
	})
	return alive
}

// insert puts elements into a list or text. Each element after the first is the
// right child of the one before it.
func (d *jsonDoc) insert(a applying, target thing, o *op, made int) {
	var seq *sequence
	var parent *element // nil: the sequence's root
	side := right
	switch o.code {
	case opInsertFirst:
		if obj := d.objects[target]; obj != nil {
			seq = obj.seq
		}
	case opInsertOn:
		last, ok := d.lastMade(a.i, made)
		if !ok {
			return
		}
		target = last
		fallthrough
	default:
		if parent = d.elems[target]; parent != nil {
			seq = parent.seq
		}
		if o.code == opInsertLeft {
			side = left
		}
	}
	if seq == nil || seq.text != (o.what.kind == dcbor.KindText) ||
		o.what.kind == dcbor.KindUint && seq.depth == MaxDepth {
		return
	}
	if d.watch != nil {
		defer d.watch.inserted(thing{a.i, uint32(made)}, o.makes)
	}
	put := func(e *element) {
		e.at, e.seq = thing{a.i, uint32(made)}, seq
		seq.insert(d.log, parent, side, e)
		d.elems[e.at] = e
		parent, side = e, right
		made++
	}
	switch o.what.kind {
	case dcbor.KindText:
		for _, c := range o.what.text {
			put(&element{char: c})
		}
	case dcbor.KindUint:
		e := &element{object: newObject(thing{a.i, uint32(made)}, o.what.object, seq.depth+1)}
		put(e)
		d.objects[e.at] = e.object
	default:
		r := dcbor.NewReader(o.what.literals)
		for range o.what.count {
			start := r
			r.Skip()
			put(&element{literal: slices.Clone(start.Between(&r))})
		}
	}
}

// lastMade is the thing made just before on the chain: by an earlier op of
// change i, or else by the change before it.
func (d *jsonDoc) lastMade(i int32, made int) (thing, bool) {
	if made > 0 {
		return thing{i, uint32(made - 1)}, true
	}
	return d.lastMadeBy(d.log.prev(i))
}

func (d *jsonDoc) lastMadeBy(i int32) (thing, bool) {
	if i == none || d.made[i] == 0 {
		return thing{}, false
	}
	return thing{i, d.made[i] - 1}, true
}

// now are the values under a key of a map, or in a register, the winner first;
// none for an object that is not there yet.
func (d *jsonDoc) now(t thing, key string) []*value {
	o := d.objects[t]
	switch {
	case o == nil:
		return nil
	case o.kind == MapObject:
		return d.alive(o.keys[key])
	default:
		return d.alive(o.values)
	}
}

// remove deletes the n elements that their chain made from target on, in the
// order in which it made them: through that change, and on into the changes that
// lead from it to this one, or to the link by which target is named. All of them
// must be elements of one sequence, or the op is void.
func (d *jsonDoc) remove(a applying, target thing, o *op) {
	end := a.i
	if o.target.k < 0 {
		end = a.links[-1-o.target.k]
	}
	first := d.elems[target]
	if first == nil {
		return
	}
	doomed := make([]*element, 0, min(o.n, 64))
	for t := target; ; {
		if t.change != end && t.index > 0 && t.index == d.made[t.change] {
			t = thing{d.log.back(end, uint64(d.log.seq(end)-d.log.seq(t.change)-1)), 0}
		}
		e := d.elems[t]
		if e == nil || e.seq != first.seq {
			return
		}
		doomed = append(doomed, e)
		if len(doomed) == int(o.n) {
			break
		}
		t.index++
	}
	for _, e := range doomed {
		if d.watch != nil {
			d.watch.deleting(e.at, 1)
		}
		e.dead = true
	}
	first.seq.changed()
}

func (d *jsonDoc) said() marks { return d.marks }

func (d *jsonDoc) observe(w watcher) { d.watch = w }

func (d *jsonDoc) view() docView {
	digest := docDigest(d.log.room, d)
	return docView{marks: d.marks.items.Copy(), digest: &digest}
}
