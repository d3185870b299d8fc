package crdt

import (
	"bytes"
	"iter"
	"sync"

	"github.com/tidwall/btree"
)

// A View is an immutable picture of a replica, safe for any number of goroutines
// while the replica goes on. Making one costs O(1) for ledger and oracle rooms,
// whose feed it shares, and for json rooms.
type View struct {
	charter Charter
	log     *log // what never changes of it: enough to apply its changes again
	forks   []Fork
	forked  *btree.BTreeG[Author] // nil: nobody
	doc     docView
	keeps   bool

	document  func() *Doc
	logDigest func() [32]byte
	docDigest func() [32]byte
}

// View is the replica as it is now.
func (r *Replica) View() *View {
	l := r.log
	v := &View{
		charter: r.charter,
		log:     l.view(),
		forks:   l.forks[:len(l.forks):len(l.forks)],
		doc:     r.doc.view(),
		keeps:   r.keeps(),
	}
	v.logDigest = sync.OnceValue(func() [32]byte { return logDigest(r.room, v.Heads()) })
	v.docDigest = sync.OnceValue(v.hashDoc)
	v.document = sync.OnceValue(v.replay)
	if l.forked != nil {
		v.forked = l.forked.Copy()
	}
	return v
}

// Charter is what founded the room.
func (v *View) Charter() Charter { return v.charter }

// Room is the room's id.
func (v *View) Room() RoomID { return v.log.room }

// Changes is the number of accepted changes.
func (v *View) Changes() int { return int(v.log.n) }

// ChangeAt is the change at log index i < Changes.
func (v *View) ChangeAt(i int) Change { return v.log.changeAt(int32(i)) }

// Authors are the keys of all who made a change, in the order of their first. Do not
// change them. In a later View of the replica the same ones come first.
func (v *View) Authors() []Author { return v.log.keys }

// AuthorOf is the place in Authors of who made the change at log index i < Changes.
func (v *View) AuthorOf(i int) int { return int(v.log.author(int32(i))) }

// LamportOf is the Lamport of ChangeAt, in less time.
func (v *View) LamportOf(i int) uint64 { return uint64(v.log.lamport(int32(i))) }

// Heads are the changes that no accepted change has as a parent.
func (v *View) Heads() []ChangeID {
	return v.log.headIDs()
}

// LogDigest is [Replica.LogDigest], computed once.
func (v *View) LogDigest() [32]byte { return v.logDigest() }

// DocDigest is [Replica.DocDigest], computed once, when first asked for:
// O(document).
func (v *View) DocDigest() [32]byte { return v.docDigest() }

func (v *View) hashDoc() [32]byte {
	switch {
	case v.doc.replays:
		return v.Doc().Digest()
	case v.keeps:
		return [32]byte{}
	}
	return docDigest(v.log.room, feedState{v.doc.feed.Len(), v.doc.feed.Scan, v.log, marks{v.log, v.doc.marks}})
}

// Doc is the document as it was, for any number of goroutines. It is made when
// first asked for, by applying the View's changes again: O(Changes).
func (v *View) Doc() *Doc { return v.document() }

func (v *View) replay() *Doc {
	if v.keeps {
		return &Doc{log: v.log}
	}
	l := *v.log
	l.authorOf = make(map[Author]uint32, len(l.keys))
	for i, key := range l.keys {
		l.authorOf[key] = uint32(i)
	}
	return replay(v.charter.Kind, &l, func(yield func(int32) bool) {
		for i := range l.n {
			if !yield(i) {
				return
			}
		}
	}, nil)
}

// Forks is the evidence held. Do not change it.
func (v *View) Forks() []Fork { return v.forks }

// Forked reports whether a fork of a is known. O(log authors that forked): how
// many forks they made costs nothing.
func (v *View) Forked(a Author) bool {
	if v.forked == nil {
		return false
	}
	_, ok := v.forked.Get(a)
	return ok
}

// A Key is a [Name] by log index: valid for one replica's run, and for all Views
// of it.
type Key struct {
	Change int // log index
	Index  uint32
}

// A Row is one literal of the feed.
type Row struct {
	Key     Key
	Literal Literal // aliases the log: read only
}

// Len is the number of rows of the feed: 0 in a json room.
func (v *View) Len() int {
	if v.doc.feed == nil {
		return 0
	}
	return v.doc.feed.Len()
}

// Row is row i of the feed, which is ordered by (lamport, change id, index): rows
// that arrive late may come before it later. It is zero for an i out of range.
// O(log Len).
func (v *View) Row(i int) Row {
	if v.doc.feed != nil {
		if it, ok := v.doc.feed.GetAt(i); ok {
			return v.row(it)
		}
	}
	return Row{}
}

func (v *View) row(it feedItem) Row {
	return Row{Key{int(it.change), it.index}, v.log.literalAt(it.change, it.offset)}
}

// Rows calls yield with every row in order, first to last. It is a good deal
// faster than Row for each.
func (v *View) Rows(yield func(Row) bool) {
	if v.doc.feed != nil {
		v.doc.feed.Scan(func(it feedItem) bool { return yield(v.row(it)) })
	}
}

// RowsOf are the rows that the change at log index i < Changes made, in order. It
// walks that change alone.
func (v *View) RowsOf(i int) []Row { return v.AppendRows(nil, i) }

// AppendRows appends RowsOf.
func (v *View) AppendRows(rows []Row, i int) []Row {
	if v.doc.feed == nil || !v.log.decodes(int32(i)) {
		return rows
	}
	ops := v.log.ops(int32(i))
	if v.log.oneAppend(int32(i)) {
		return append(rows, Row{Key{Change: i}, ops[len(oneAppend):]})
	}
	if !bytes.Contains(ops, oneAppend[1:]) {
		return rows // they are marks, mostly
	}
	eachOp(ops, func(o *op, _, made int) {
		if o.appends() {
			rows = append(rows, v.row(feedItem{thing{int32(i), uint32(made)}, int32(o.offset)}))
		}
	})
	return rows
}

// A Mark is one mark that a change made in a ledger or oracle room, and that took
// effect there. It stands unless its author marked the same thing with a greater
// (lamport, change id, op index).
type Mark struct {
	Root    bool    // it is said of the root map; else of the row Key
	Key     Key     // of the row
	Change  int     // log index of the change that made it
	Op      int     // index of the op within that
	Literal Literal // what it says: null takes back. Aliases the log: read only
}

// Marks is how many marks stand, of all things and authors: 0 in a json room.
func (v *View) Marks() int {
	if v.doc.feed == nil {
		return 0
	}
	return v.doc.marks.Len()
}

// MarksOf are the marks that the change at log index i < Changes made on the root map
// and on rows of the feed, in order. What a mark is said of is always of that change or
// of an ancestor. It walks that change alone, and takes O(log² Len) besides for a mark
// on a row of a change of several ops.
func (v *View) MarksOf(i int) []Mark { return v.AppendMarks(nil, i) }

// AppendMarks appends MarksOf.
func (v *View) AppendMarks(marks []Mark, i int) []Mark {
	if v.doc.feed == nil || !v.log.decodes(int32(i)) || v.log.oneAppend(int32(i)) {
		return marks
	}
	links := v.log.links(int32(i))
	eachOp(v.log.ops(int32(i)), func(o *op, at, made int) {
		if o.code != opMark {
			return
		}
		t, ok := v.log.resolve(o.target, int32(i), links, made)
		if !ok {
			return
		}
		m := Mark{Root: t == fixedThing(Root.Index), Change: i, Op: at, Literal: o.literal}
		if !m.Root {
			if !v.appended(t) {
				return
			}
			m.Key = Key{int(t.change), t.index}
		}
		marks = append(marks, m)
	})
	return marks
}

// MarksOn are the marks that stand on the rows of the changes at log indices from …
// end-1, whoever made them when: ordered by row, and then by author. Those on the root
// map come before the first row, if from is 0. Unlike MarksOf it looks up what is said
// of what nowhere: O(log Marks), and then O(1) a mark.
func (v *View) MarksOn(from, end int) iter.Seq[Mark] {
	return func(yield func(Mark) bool) {
		if v.doc.feed == nil {
			return
		}
		first := thing{change: int32(from)}
		if from == 0 {
			first = fixedThing(Root.Index)
		}
		v.doc.marks.Ascend(markItem{target: first}, func(it markItem) bool {
			m := Mark{Root: it.target == fixedThing(Root.Index), Change: int(it.change), Op: int(it.op)}
			switch {
			case int(it.target.change) >= end:
				return false
			case m.Root:
			case it.target.change == none:
				return true // on the feed itself
			default:
				m.Key = Key{int(it.target.change), it.target.index}
			}
			m.Literal = v.log.literalAt(it.change, it.offset)
			return yield(m)
		})
	}
}

// Element is the row that the change at log index i < Changes names by [k, index], or
// by [k, index, d] with d > 0, in a literal of its own (docs/protocol.md §4); see
// [Tx.AppendReferring]. With k 0 that is any row of the change itself. The result
// is false if it is no name, or that of no row.
func (v *View) Element(i int, k int64, index uint32, d int64) (Key, bool) {
	if v.doc.feed == nil || d < 0 || d > 0 && k >= 0 {
		return Key{}, false
	}
	t, ok := v.log.resolve(ref{k: k, i: int64(index), d: d}, int32(i), v.log.links(int32(i)), MaxPayloadBytes)
	if !ok || !v.appended(t) {
		return Key{}, false
	}
	return Key{int(t.change), t.index}, true
}

// appended reports whether t is a row of the feed. Unlike the feed's own Get it asks
// nothing of the log that the replica goes on to fill.
func (v *View) appended(t thing) bool {
	if t.change == none {
		return false
	}
	if v.log.oneAppend(t.change) {
		return t.index == 0
	}
	_, ok := feedRank(v.log, v.doc.feed, t)
	return ok
}

// IndexOf is the row that k names now. O(log² Len).
func (v *View) IndexOf(k Key) (int, bool) {
	if k.Change < 0 || k.Change >= v.Changes() {
		return 0, false
	}
	if v.doc.feed == nil {
		return 0, false
	}
	i, ok := feedRank(v.log, v.doc.feed, thing{int32(k.Change), k.Index})
	if !ok {
		return 0, false
	}
	return i, true
}

// NameOf is k for the world outside this replica.
func (v *View) NameOf(k Key) Name { return v.log.name(thing{int32(k.Change), k.Index}) }
