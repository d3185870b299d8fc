package crdt_test

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// The reference of §5: names, ops, and their effect.

// A refName is [change id, thing], or a fixed object with a zero change.
type refName struct {
	change hash32
	index  int
}

const (
	refMap = iota
	refList
	refText
	refRegister
	refCounter
	refFeed
)

type refObject struct {
	name   refName
	kind   int
	depth  int
	values []*refThing // map and register, in order of arrival
	top    []*refThing // list and text: right children of the root
	sum    int64
	items  []*refThing // feed
}

// A refThing is a value, an element, or an item of the feed.
type refThing struct {
	name    refName
	lamport int
	op      int
	in      *refObject
	key     any // of a value: text, or nil in a register
	dead    bool
	literal any // a rune for an element of a text
	object  *refObject
	element bool
	left    []*refThing
	right   []*refThing
	parent  *refThing // nil: the root
}

type refMarkKey struct {
	target refName
	author hash32
}

type refMark struct {
	lamport, op int
	change      hash32
	literal     any
}

type refSaid struct {
	target refName
	refMark
}

type refDoc struct {
	log     *refLog
	objects map[refName]*refObject
	things  map[refName]*refThing
	marks   map[refMarkKey]refMark
	made    []refName // objects and things, oldest first
	said    []refSaid // the marks that took effect, in order of arrival
	voids   int
	seen    map[string]int // how often what happened
}

func (d *refDoc) note(what string) { d.seen[what]++ }

func newRefDoc(l *refLog) *refDoc {
	d := &refDoc{log: l, objects: map[refName]*refObject{}, things: map[refName]*refThing{}, marks: map[refMarkKey]refMark{}, seen: map[string]int{}}
	d.newObject(refName{}, refMap, 1)
	d.made = append(d.made, refName{})
	if l.kind != "json" {
		feed := refName{index: 1}
		d.newObject(feed, refFeed, 1)
		d.made = append(d.made, feed)
	}
	return d
}

// A refOp is a well-formed op.
type refOp struct {
	code     uint64
	target   any // a name as it is written
	key      any
	replaces []any
	literal  any
	kind     int
	what     any // []any, string, or int
	n        int64
	makes    int
}

// refWellFormed is the table of §5: what fits by its bytes alone. deleted counts
// what the deletes of the change name so far.
func refWellFormed(item any, deleted *int64) (o refOp, ok bool) {
	f, isList := item.([]any)
	if !isList || len(f) == 0 {
		return o, false
	}
	code, isUint := f[0].(uint64)
	length, known := map[uint64]int{0: 3, 1: 3, 2: 5, 3: 5, 4: 4, 5: 3, 6: 3, 7: 3, 8: 2, 9: 3, 10: 3}[code]
	if !isUint || !known || len(f) != length {
		return o, false
	}
	o.code = code
	if code == 8 {
		return o, refWhat(&o, f[1])
	}
	o.target = f[1]
	if !refIsName(o.target) {
		return o, false
	}
	switch code {
	case 0:
		o.literal, o.makes = f[2], 1
	case 1:
		o.literal = f[2]
	case 2, 3, 4:
		_, isText := f[2].(string)
		if !isText && f[2] != nil {
			return o, false
		}
		o.key = f[2]
		o.replaces, isList = f[3].([]any)
		if !isList || len(o.replaces) > 256 || slices.ContainsFunc(o.replaces, func(n any) bool { return !refIsName(n) }) {
			return o, false
		}
		if code == 2 {
			o.literal, o.makes = f[4], 1
		}
		if code == 3 {
			o.makes = 1
			return o, refKind(f[4], &o.kind)
		}
	case 5, 6, 7:
		return o, refWhat(&o, f[2])
	case 9:
		n, isInt := refInt(f[2])
		if !isInt || n < 1 || n > 65536 || *deleted+n > 65536 {
			return o, false
		}
		*deleted += n
		o.n = n
	case 10:
		o.n, ok = refInt(f[2])
		return o, ok
	}
	return o, true
}

func refKind(v any, kind *int) bool {
	k, ok := v.(uint64)
	*kind = int(k)
	return ok && k <= refCounter
}

func refWhat(o *refOp, v any) bool {
	switch w := v.(type) {
	case []any:
		o.what, o.makes = w, len(w)
	case string:
		o.what, o.makes = w, utf8.RuneCountInString(w)
	case uint64:
		o.what, o.makes = int(w), 1
		return w <= refCounter
	default:
		return false
	}
	return o.makes > 0
}

func refIsName(v any) bool {
	if _, fixed := v.(uint64); fixed {
		return true
	}
	f, ok := v.([]any)
	if !ok || len(f) < 2 || len(f) > 3 {
		return false
	}
	k, isInt := refInt(f[0])
	_, isUint := f[1].(uint64)
	if len(f) == 3 {
		d, dUint := f[2].(uint64)
		return isInt && isUint && dUint && k < 0 && d > 0
	}
	return isInt && isUint
}

// resolve is the table of names. made is how many things earlier ops of c make.
func (d *refDoc) resolve(v any, c *refChange, made int) (refName, bool) {
	if n, fixed := v.(uint64); fixed {
		return refName{index: int(n)}, n == 0 || n == 1 && d.log.kind != "json"
	}
	f := v.([]any)
	k, _ := refInt(f[0])
	i := f[1].(uint64)
	at := c
	switch {
	case k == 0:
		return refName{c.id, int(i)}, i < uint64(made)
	case k > 0:
		at = d.log.back(c, uint64(k))
	case uint64(-1-k) >= uint64(len(c.links)):
		return refName{}, false
	default:
		at = d.log.changes[c.links[-1-k]]
		if len(f) == 3 {
			at = d.log.back(at, f[2].(uint64))
		}
	}
	if at == nil || i >= uint64(at.made) {
		return refName{}, false
	}
	return refName{at.id, int(i)}, true
}

func (d *refDoc) apply(c *refChange) {
	tree, ok := refDecode(c.ops, 32)
	ops, isList := tree.([]any)
	if !ok || !isList || len(ops) > 4096 {
		d.note("all ops void")
		return
	}
	deleted := int64(0)
	for place, item := range ops {
		o, ok := refWellFormed(item, &deleted)
		switch {
		case !ok:
			d.note("ill-formed")
			d.voids++
		case d.effect(o, c, place):
			d.note(fmt.Sprintf("op %d", o.code))
		default:
			d.note(fmt.Sprintf("op %d void", o.code))
			d.voids++
		}
		if ok {
			c.made += o.makes
		}
	}
}

// effect carries out one op and reports whether it is not void. c.made is what
// the ops before it made.
func (d *refDoc) effect(o refOp, c *refChange, place int) bool {
	if o.code != 1 && (d.log.kind == "json") == (o.code == 0) {
		return false
	}
	var target refName
	if o.code == 8 {
		last, made := c, c.made
		if made == 0 {
			if last = d.log.changes[c.prev]; last == nil || last.made == 0 {
				return false
			}
			made = last.made
		}
		target = refName{last.id, made - 1}
	} else {
		var ok bool
		if target, ok = d.resolve(o.target, c, c.made); !ok {
			return false
		}
	}
	name := refName{c.id, c.made}
	object, thing := d.objects[target], d.things[target]
	switch o.code {
	case 0:
		if object == nil || object.kind != refFeed {
			return false
		}
		item := &refThing{name: name, lamport: c.lamport, op: place, in: object, literal: o.literal}
		object.items = append(object.items, item)
		d.add(item)
	case 1:
		if object == nil && thing == nil {
			return false
		}
		key := refMarkKey{target, c.author}
		old, marked := d.marks[key]
		d.noteMark(object, thing, marked)
		m := refMark{c.lamport, place, c.id, o.literal}
		d.said = append(d.said, refSaid{target, m})
		if !marked || refGreater(m.lamport, m.change, m.op, old.lamport, old.change, old.op) {
			d.marks[key] = m
		}
	case 2, 3, 4:
		return d.assign(o, c, object, name, place)
	case 5, 6, 7, 8:
		return d.insert(o, object, thing, name)
	case 9:
		return d.remove(o, c, thing)
	case 10:
		if object == nil || object.kind != refCounter {
			return false
		}
		if sum := object.sum + o.n; (sum < object.sum) != (o.n < 0) {
			d.note("counter wraps")
		}
		object.sum += o.n
	}
	return true
}

// refGreater is the order that decides winners.
func refGreater(lamportA int, a hash32, opA, lamportB int, b hash32, opB int) bool {
	if lamportA != lamportB {
		return lamportA > lamportB
	}
	if a != b {
		return compareHashes(a, b) > 0
	}
	return opA > opB
}

func (d *refDoc) assign(o refOp, c *refChange, in *refObject, name refName, place int) bool {
	if in == nil {
		return false
	}
	_, isText := o.key.(string)
	if in.kind != refMap && in.kind != refRegister || isText != (in.kind == refMap) {
		return false
	}
	if o.code == 3 && in.depth == 32 {
		d.note("too deep")
		return false
	}
	var replaced []*refThing
	for _, v := range o.replaces {
		n, ok := d.resolve(v, c, c.made)
		value := d.things[n]
		if !ok || value == nil || value.element || value.in != in || value.key != o.key {
			return false
		}
		replaced = append(replaced, value)
	}
	for _, v := range replaced {
		if v.dead {
			d.note("replaces the dead")
		}
		v.dead = true
	}
	if len(replaced) > 1 {
		d.note("replaces several")
	}
	if o.code == 4 {
		return true
	}
	v := &refThing{name: name, lamport: c.lamport, op: place, in: in, key: o.key, literal: o.literal}
	if n := len(in.living(o.key)); n > 0 {
		d.note("conflict")
		if n > 1 {
			d.note("conflict of three")
		}
		if in.kind == refRegister {
			d.note("conflict in a register")
		}
	}
	if o.code == 3 {
		v.object = d.newObject(name, o.kind, in.depth+1)
	}
	in.values = append(in.values, v)
	d.add(v)
	return true
}

func (d *refDoc) add(t *refThing) {
	d.things[t.name] = t
	d.made = append(d.made, t.name)
}

func (d *refDoc) newObject(name refName, kind, depth int) *refObject {
	o := &refObject{name: name, kind: kind, depth: depth}
	d.objects[name] = o
	return o
}

func (d *refDoc) insert(o refOp, object *refObject, parent *refThing, name refName) bool {
	in := object
	if o.code != 7 {
		if parent == nil || !parent.element {
			return false
		}
		in = parent.in
	} else {
		parent = nil
	}
	_, isText := o.what.(string)
	if in == nil || in.kind != refList && in.kind != refText || isText != (in.kind == refText) {
		return false
	}
	d.noteInsert(o, in, parent, name)
	var elements []*refThing
	switch w := o.what.(type) {
	case string:
		for _, c := range w {
			elements = append(elements, &refThing{literal: c})
		}
	case []any:
		for _, l := range w {
			elements = append(elements, &refThing{literal: l})
		}
	case int:
		if in.depth == 32 {
			d.note("too deep")
			return false
		}
		elements = append(elements, &refThing{object: d.newObject(name, w, in.depth+1)})
	}
	for i, e := range elements {
		e.name, e.in, e.element = refName{name.change, name.index + i}, in, true
		d.add(e)
		switch {
		case i == 0 && parent == nil:
			in.top = refSibling(in.top, e)
		case i == 0 && o.code == 6:
			parent.left = refSibling(parent.left, e)
		default:
			parent.right = refSibling(parent.right, e)
		}
		e.parent = parent
		parent = e
	}
	return true
}

func refSibling(siblings []*refThing, e *refThing) []*refThing {
	siblings = append(siblings, e)
	slices.SortFunc(siblings, func(a, b *refThing) int { return compareNames(a.name, b.name) })
	return siblings
}

// walk is the in-order walk.
func refWalk(siblings []*refThing) []*refThing {
	var all []*refThing
	for _, e := range siblings {
		all = append(all, refWalk(e.left)...)
		all = append(all, e)
		all = append(all, refWalk(e.right)...)
	}
	return all
}

// remove walks forward along the chain that leads to c, or to the link.
func (d *refDoc) remove(o refOp, c *refChange, first *refThing) bool {
	if first == nil || !first.element {
		return false
	}
	end := c
	if f, ok := o.target.([]any); ok {
		if k, _ := refInt(f[0]); k < 0 {
			end = d.log.changes[c.links[-1-k]]
		}
	}
	var chain []*refChange // from the change of first to end
	for at := end; ; at = d.log.changes[at.prev] {
		chain = slices.Insert(chain, 0, at)
		if at.id == first.name.change {
			break
		}
	}
	var doomed []*refThing
	index := first.name.index
	for int64(len(doomed)) < o.n {
		if len(chain) == 0 {
			return false
		}
		if index == chain[0].made && index > 0 {
			chain, index = chain[1:], 0
			continue
		}
		e := d.things[refName{chain[0].id, index}]
		if e == nil || !e.element || e.in != first.in {
			return false
		}
		doomed = append(doomed, e)
		index++
	}
	d.noteDelete(o, c, doomed)
	for _, e := range doomed {
		e.dead = true
	}
	return true
}
