package crdt

import (
	"strings"

	"github.com/tallystick/tallystick/crdt/dcbor"
	"github.com/tallystick/tallystick/crdt/internal/fugue"
)

// jsonDoc is the document of a json room: a root map and what hangs on it. Things go
// by number. What is kept of a thing follows from what it is: an element lies in
// the forest, with its content here; at any other number the forest holds a note, the
// index in values, or nothing where the op that made it was void.
type jsonDoc struct {
	log *log
	numbering
	contents  contents
	forest    *fugue.Forest
	stretches stretches
	objects   []*object // in order of making, the root first
	values    []value
	items     map[uint32]*object // elements that are objects
	seqs      []*object          // the lists and texts, by fugue.Seq
	marks     marks
	watch     watcher  // nil: nobody observes
	scratch   []uint32 // of assign
	assigned  uint64   // effective sets, makes and unsets: while it stays, so does what stands where
}

// An object is one of the five types. Which fields are used follows from kind.
type object struct {
	kind    ObjectKind
	depth   int     // of the root: 1
	number  uint32  // of the root: rootNumber
	holder  *object // that it lies in; of the root: nil
	slots   map[string]*slot
	slot    *slot     // register
	seq     fugue.Seq // list, text
	counter int64
}

// rootNumber stands for the root map, which no change makes.
const rootNumber = fugue.None

func newJSONDoc(l *log) *jsonDoc {
	d := &jsonDoc{log: l, items: make(map[uint32]*object), marks: newMarks(l)}
	d.forest = fugue.New(d.firstSibling)
	d.makeObject(MapObject, rootNumber, nil)
	return d
}

// firstSibling orders by (change id, index), the same on every replica.
func (d *jsonDoc) firstSibling(a, b fugue.Elem) bool {
	i, j := d.change(a), d.change(b)
	if i == j {
		return a < b
	}
	return d.log.id(i).compare(d.log.id(j)) < 0
}

func (d *jsonDoc) makeObject(k ObjectKind, number uint32, holder *object) *object {
	o := &object{kind: k, number: number, holder: holder, depth: 1}
	if holder != nil {
		o.depth = holder.depth + 1
	}
	switch k {
	case MapObject:
		o.slots = make(map[string]*slot)
	case RegisterObject:
		o.slot = &slot{holder: o}
	case ListObject, TextObject:
		o.seq = d.forest.NewSeq()
		d.seqs = append(d.seqs, o)
	}
	d.objects = append(d.objects, o)
	return o
}

// room returns [ErrFull] unless a pack of so many bytes is sure to fit in: every
// thing takes a byte at least.
func (d *jsonDoc) room(bytes int) error {
	if int64(d.next)+int64(bytes) > int64(maxThings) {
		return ErrFull
	}
	return nil
}

// number is that of a thing that was made, void or not.
func (d *jsonDoc) number(t thing) (uint32, bool) {
	if t.change < 0 || t.change >= d.n || int(t.index) >= d.made(t.change) {
		return 0, false
	}
	return d.base(t.change) + t.index, true
}

// name is the name of number e.
func (d *jsonDoc) name(e uint32) Name {
	if e == rootNumber {
		return Root
	}
	return d.log.name(d.thing(e))
}

// object is the object of that name, or nil.
func (d *jsonDoc) object(t thing) *object {
	if t == fixedThing(Root.Index) {
		return d.objects[0]
	}
	if e, ok := d.number(t); ok {
		return d.objectAt(e)
	}
	return nil
}

// objectAt is the object of that number, or nil.
func (d *jsonDoc) objectAt(e uint32) *object {
	if v, ok := d.forest.Noted(e); ok {
		return d.values[v].object
	}
	if len(d.items) == 0 {
		return nil
	}
	return d.items[e]
}

// item is what element e of a list holds.
func (d *jsonDoc) item(e uint32) (Literal, *object) {
	offset := d.contents.at(e)
	if offset == 0 {
		return nil, d.items[e]
	}
	return d.log.literalAt(d.change(e), int32(offset)), nil
}

// held is what a value holds.
func (d *jsonDoc) held(v *value) (Literal, *object) {
	if v.object != nil {
		return nil, v.object
	}
	return d.log.literalAt(d.change(v.number), v.offset()), nil
}

func (d *jsonDoc) kindOf(t thing) (ObjectKind, bool) {
	o := d.object(t)
	if o == nil {
		return 0, false
	}
	return o.kind, true
}

func (d *jsonDoc) exists(t thing) bool {
	if t == fixedThing(Root.Index) {
		return true
	}
	e, ok := d.number(t)
	return ok && d.existsAt(e)
}

func (d *jsonDoc) existsAt(e uint32) bool {
	_, element := d.forest.SeqOf(e)
	_, noted := d.forest.Noted(e)
	return element || noted
}

// applying is what apply carries through the ops of one change.
type applying struct {
	i      int32
	base   uint32 // the number of the first thing that it makes; of the next one: jsonDoc.next
	author uint32
	links  []int32
	// What the ops so far made: elements of seq alone, or something else too.
	elements int
	seq      fugue.Seq
	mixed    bool
}

func (d *jsonDoc) apply(i int32) {
	for d.n < i {
		d.begin()
	}
	d.begin()
	seq := unsound
	if d.log.decodes(i) {
		ops := d.log.ops(i)
		var key keystroke
		switch {
		case !key.read(ops):
			seq = d.applyOps(i, ops)
		case key.code == opDelete:
			d.strike(i, &key)
		default:
			seq = d.press(i, &key)
			d.next = d.base(i) + uint32(key.n)
		}
	}
	d.end()
	d.extend(i, seq)
}

// applyOps applies the ops of change i, and returns the sequence in which it is
// sound.
func (d *jsonDoc) applyOps(i int32, ops []byte) fugue.Seq {
	a := applying{i: i, base: d.next, author: d.log.author(i), links: d.log.links(i)}
	eachOp(ops, func(o *op, at, made int) {
		d.effect(&a, o, at, made)
		d.next = a.base + uint32(made+o.makes)
	})
	if a.elements == 0 || a.mixed || a.elements != int(d.next-a.base) {
		return unsound
	}
	return a.seq
}

func (d *jsonDoc) effect(a *applying, o *op, at, made int) {
	d.forest.Grow(int(d.next) + o.makes)
	var target thing
	if o.code != opInsertOn {
		var ok bool
		if target, ok = d.log.resolve(o.target, a.i, a.links, made); !ok {
			return
		}
	}
	switch o.code {
	case opMark:
		if it := (markItem{target, a.author, a.i, int32(at), int32(o.offset)}); d.exists(target) && d.marks.set(it) && d.watch != nil {
			d.watch.marked(it)
		}
	case opSet, opMake, opUnset:
		d.assign(a, target, o)
	case opInsertRight, opInsertLeft, opInsertFirst, opInsertOn:
		d.insert(a, target, o)
	case opDelete:
		d.remove(a, target, o)
	case opAdd:
		if obj := d.object(target); obj != nil && obj.kind == CounterObject {
			obj.counter += o.n // wraps: the counter is a sum mod 2^64
			if d.watch != nil {
				d.watch.added(target, o.n)
			}
		}
	}
}

// assign is set, make or unset. It is void unless every name that it replaces is
// a value of that very key or register.
func (d *jsonDoc) assign(a *applying, target thing, o *op) {
	obj := d.object(target)
	if obj == nil || o.keyed != (obj.kind == MapObject) || !o.keyed && obj.kind != RegisterObject {
		return
	}
	if o.code == opMake && obj.depth == MaxDepth {
		return
	}
	d.scratch = d.scratch[:0]
	for _, f := range o.replaces {
		t, ok := d.log.resolve(f, a.i, a.links, d.made(a.i))
		if !ok {
			return
		}
		e, ok := d.number(t)
		if !ok {
			return
		}
		v, ok := d.forest.Noted(e)
		if !ok || !d.values[v].slot.is(obj, o.key) {
			return
		}
		d.scratch = append(d.scratch, v)
	}
	if d.watch != nil {
		d.watch.assigning(target, o.key)
		key := strings.Clone(o.key)
		defer func() {
			d.next += uint32(o.makes)
			d.watch.assigned(target, key)
		}()
	}
	d.assigned++
	s := obj.slot
	if obj.kind == MapObject {
		s = obj.slots[o.key]
	}
	for _, v := range d.scratch {
		// A value that lives stands in s: the slot is forgotten only when none does.
		if val := &d.values[v]; val.living() {
			d.fall(&s.standing, v)
			val.die()
		}
	}
	if o.code == opUnset {
		if s != nil && s.len() == 0 {
			delete(obj.slots, o.key)
		}
		return
	}
	if s == nil {
		s = &slot{holder: obj, key: strings.Clone(o.key)}
		obj.slots[s.key] = s
	}
	v := value{slot: s, number: d.next, place: int32(o.offset)}
	if o.code == opMake {
		v.object, v.place = d.makeObject(o.object, v.number, obj), 0
	}
	at := uint32(len(d.values))
	d.values = append(d.values, v)
	d.forest.Note(v.number, at)
	d.stand(&s.standing, at)
}

// insert puts elements into a list or text. Each element after the first is the
// right child of the one before it.
func (d *jsonDoc) insert(a *applying, target thing, o *op) {
	var in *object
	parent, side := fugue.None, fugue.Right
	switch o.code {
	case opInsertFirst:
		if in = d.object(target); in == nil || in.kind != ListObject && in.kind != TextObject {
			return
		}
	default:
		var ok bool
		if o.code == opInsertOn {
			parent, ok = d.lastMade(a.i)
		} else {
			parent, ok = d.number(target)
		}
		if !ok {
			return
		}
		seq, ok := d.forest.SeqOf(parent)
		if !ok {
			return
		}
		in = d.seqs[seq]
		if o.code == opInsertLeft {
			side = fugue.Left
		}
	}
	if (in.kind == TextObject) != (o.what.kind == dcbor.KindText) ||
		o.what.kind == dcbor.KindUint && in.depth == MaxDepth {
		return
	}
	e := d.next
	d.forest.Insert(in.seq, parent, side, e, o.makes)
	a.mixed = a.mixed || a.elements > 0 && a.seq != in.seq
	a.elements, a.seq = a.elements+o.makes, in.seq
	switch o.what.kind {
	case dcbor.KindText:
		d.write(e, o.what.text)
	case dcbor.KindUint:
		d.items[e] = d.makeObject(o.what.object, e, in)
		d.contents.set(e, 0)
	default:
		r := dcbor.NewReader(o.what.literals)
		for range o.what.count {
			d.contents.set(e, uint32(o.offset+r.Offset()))
			r.Skip()
			e++
		}
	}
	d.inserted(a.i, o.makes)
}

// inserted tells who observes that the next n things of change i are elements now.
func (d *jsonDoc) inserted(i int32, n int) {
	if d.watch != nil {
		at := thing{i, d.next - d.base(i)}
		d.next += uint32(n)
		d.watch.inserted(at, n)
	}
}

// delete kills elements of one sequence, and tells who observes of those that live.
func (d *jsonDoc) delete(e uint32, n int) {
	if d.watch == nil {
		d.forest.Delete(e, n)
		return
	}
	for n > 0 {
		dead := d.forest.DeadRun(e, n)
		e, n = e+uint32(dead), n-dead
		living := 0
		for living < n && d.forest.Live(e+uint32(living)) {
			living++
		}
		d.split(e, living, func(t thing, e uint32, n int) bool {
			d.watch.deleting(t, n)
			d.forest.Delete(e, n)
			return true
		})
		e, n = e+uint32(living), n-living
	}
}

// write notes the code points of text as the contents of the elements from e on.
func (d *jsonDoc) write(e uint32, text string) {
	for _, c := range text {
		d.contents.set(e, uint32(c))
		e++
	}
}

// lastMade is the thing made just before on the chain: by an earlier op of
// change i, or else by the change before it.
func (d *jsonDoc) lastMade(i int32) (uint32, bool) {
	if e, ok := d.lastMadeBy(i); ok {
		return e, true
	}
	return d.lastMadeBy(d.log.prev(i))
}

func (d *jsonDoc) lastMadeBy(i int32) (uint32, bool) {
	if i == none || d.made(i) == 0 {
		return 0, false
	}
	return d.after(i) - 1, true
}

// now are the values that stand in an object under key (of a register: ""), by
// index in d.values, the winner first.
func (d *jsonDoc) now(o *object, key string) *standing {
	switch o.kind {
	case MapObject:
		if s := o.slots[key]; s != nil {
			return &s.standing
		}
	case RegisterObject:
		return &o.slot.standing
	}
	return new(standing)
}

// remove deletes the n elements that their chain made from target on, in the
// order in which it made them: through that change, and on into the changes that
// lead from it to this one, or to the link by which target is named. All of them
// must be elements of one sequence, or the op is void.
func (d *jsonDoc) remove(a *applying, target thing, o *op) {
	end := a.i
	if o.target.k < 0 {
		end = a.links[-1-o.target.k]
	}
	if r, ok := d.rangeOf(a.i, target, int(o.n), end); ok {
		d.kill(r)
	}
}

func (d *jsonDoc) said() marks { return d.marks }

func (d *jsonDoc) observe(w watcher) { d.watch = w }

func (d *jsonDoc) view() docView { return docView{marks: d.marks.items.Copy(), replays: true} }
