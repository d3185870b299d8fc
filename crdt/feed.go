package crdt

import (
	"bytes"

	"github.com/tallystick/tallystick/crdt/dcbor"
	"github.com/tidwall/btree"
)

// feedDoc is the document of a ledger or oracle room: an append-only list, whose
// order is (lamport, change id, index), and marks. Every other op is void.
type feedDoc struct {
	log   *log
	name  string // of the list in value
	items *btree.BTreeG[feedItem]
	marks marks
	whole int32   // the changes below it were all applied
	watch watcher // nil: nobody observes
}

// A feedItem is one appended literal.
type feedItem struct {
	thing
	offset int32 // of the literal in the change's ops
}

func newFeedDoc(l *log, name string) *feedDoc {
	less := func(a, b feedItem) bool {
		if a.change != b.change {
			return l.before(a.change, b.change)
		}
		return a.index < b.index
	}
	return &feedDoc{log: l, name: name, items: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true}), marks: newMarks(l)}
}

// oneAppend is how ops begin that are one append to the feed: its literal is the
// rest.
var oneAppend = []byte{0x81, 0x83, byte(opAppend), byte(Feed.Index)}

// oneMark is how ops begin that are one mark, or one op that is ill-formed.
var oneMark = []byte{0x81, 0x83, byte(opMark)}

func (d *feedDoc) apply(i int32) {
	if i == d.whole {
		d.whole++
	}
	if !d.log.decodes(i) {
		return
	}
	ops := d.log.ops(i)
	if bytes.HasPrefix(ops, oneAppend) {
		d.add(feedItem{thing{i, 0}, int32(len(oneAppend))})
		return
	}
	author, links := d.log.author(i), d.log.links(i)
	eachOp(ops, func(o *op, at, made int) {
		switch {
		case o.appends():
			d.add(feedItem{thing{i, uint32(made)}, int32(o.offset)})
		case o.code == opMark:
			if t, ok := d.log.resolve(o.target, i, links, made); ok && d.exists(t) {
				it := markItem{t, author, i, int32(at), int32(o.offset)}
				if d.marks.set(it) && d.watch != nil {
					d.watch.marked(it)
				}
			}
		}
	})
}

// room is never exhausted: things of a feed have no numbers.
func (d *feedDoc) room(int) error { return nil }

func (d *feedDoc) add(it feedItem) {
	// Load is Set that tries the end first, where most changes belong.
	d.items.Load(it)
	if d.watch != nil {
		d.watch.inserted(it.thing, 1)
	}
}

// appends reports whether o appends to the feed, in a room that has one.
func (o *op) appends() bool {
	return o.code == opAppend && o.target.fixed && o.target.i == int64(Feed.Index)
}

func (d *feedDoc) exists(t thing) bool {
	if t.change == none {
		return t.index <= 1
	}
	if t.change < d.whole && d.log.oneAppend(t.change) {
		return t.index == 0
	}
	_, ok := d.items.Get(feedItem{thing: t})
	return ok
}

// oneAppend reports whether change i is one append to a feed and nothing else: most
// are, and of those it is known without a look into the feed what they made.
func (l *log) oneAppend(i int32) bool {
	return l.decodes(i) && bytes.HasPrefix(l.ops(i), oneAppend)
}

func (d *feedDoc) kindOf(t thing) (ObjectKind, bool) {
	switch t {
	case fixedThing(Root.Index):
		return MapObject, true
	case fixedThing(Feed.Index):
		return feedObject, true
	}
	return 0, false
}

func (d *feedDoc) said() marks { return d.marks }

func (d *feedDoc) observe(w watcher) { d.watch = w }

func (d *feedDoc) view() docView {
	return docView{feed: d.items.Copy(), marks: d.marks.items.Copy()}
}

// literalAt is the literal at that offset of the ops of change i, which was
// checked when the change was applied.
func (l *log) literalAt(i, offset int32) Literal {
	r := dcbor.NewReader(l.ops(i)[offset:])
	start := r
	r.Skip()
	return start.Between(&r)
}
