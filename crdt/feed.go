package crdt

import (
	"slices"

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
	late  []markItem // not in marks yet: see settle
	whole int32      // the changes below it were all applied
	watch watcher    // nil: nobody observes
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

func (d *feedDoc) apply(i int32) {
	if i == d.whole {
		d.whole++
	}
	switch {
	case d.log.oneAppend(i):
		d.add(feedItem{thing{i, 0}, int32(len(oneAppend))})
		return
	case !d.log.decodes(i):
		return
	}
	author, links := d.log.author(i), d.log.links(i)
	eachOp(d.log.ops(i), func(o *op, at, made int) {
		switch {
		case o.appends():
			d.add(feedItem{thing{i, uint32(made)}, int32(o.offset)})
		case o.code == opMark:
			if t, ok := d.log.resolve(o.target, i, links, made); ok && d.exists(t) {
				d.mark(markItem{t, author, i, int32(at), int32(o.offset)})
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

// mark takes in a mark. Who watches is told at once; else it can wait for the next who
// reads, and many at once cost less.
func (d *feedDoc) mark(it markItem) {
	switch {
	case d.watch == nil:
		if len(d.late) == cap(d.late) {
			d.late = slices.Grow(d.late, len(d.late)+1) // append adds a quarter
		}
		d.late = append(d.late, it)
	case d.said().set(it):
		d.watch.marked(it)
	}
}

// settle puts the late marks where they belong, nearly in the order of the tree: what they
// are said of and their places in late are one number, and numbers are sorted soonest.
func (d *feedDoc) settle() {
	order := make([]uint64, len(d.late))
	for k, it := range d.late {
		order[k] = uint64(uint32(it.target.change))<<32 | uint64(k)
	}
	slices.Sort(order)
	for _, at := range order {
		d.marks.set(d.late[uint32(at)])
	}
	d.late = nil
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

func (d *feedDoc) kindOf(t thing) (ObjectKind, bool) {
	switch t {
	case fixedThing(Root.Index):
		return MapObject, true
	case fixedThing(Feed.Index):
		return feedObject, true
	}
	return 0, false
}

func (d *feedDoc) said() marks {
	if len(d.late) > 0 {
		d.settle()
	}
	return d.marks
}

func (d *feedDoc) observe(w watcher) { d.watch = w }

func (d *feedDoc) view() docView {
	return docView{feed: d.items.Copy(), marks: d.said().items.Copy()}
}

// literalAt is the literal at that offset of the ops of change i, which was
// checked when the change was applied.
func (l *log) literalAt(i, offset int32) Literal {
	r := dcbor.NewReader(l.ops(i)[offset:])
	start := r
	r.Skip()
	return start.Between(&r)
}
