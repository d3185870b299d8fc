package crdt

import (
	"cmp"

	"github.com/tidwall/btree"
)

// document is what the accepted changes make. Invariant: it is a pure function
// of the set of applied changes; every op looks only at its change and that
// change's ancestors, or at state that commutes.
type document interface {
	// apply applies change i, after all its ancestors. i grows from call to call; a
	// change that is left out, as in a document of other heads, made nothing.
	apply(i int32)
	// room returns [ErrFull] unless a pack of so many bytes is sure to fit in. Ask
	// before its changes are added to the log.
	room(bytes int) error
	// hashState adds the deterministic CBOR of the state (docs/protocol.md §6) to
	// the hash.
	hashState(h *stateHash)
	// kindOf is the kind of the object of that name.
	kindOf(thing) (ObjectKind, bool)
	// exists reports whether a value, element or object of that name was made.
	exists(thing) bool
	said() marks
	view() docView
	// observe tells w what apply changes from now on; nil ends that.
	observe(w watcher)
}

// A watcher is told what an op of an accepted change does to a document, also
// where nobody sees it, and before the next op is looked at.
type watcher interface {
	// inserted: things first … first+n-1 are new items of one sequence, in a row.
	inserted(first thing, n int)
	// deleting: elements first … first+n-1 of one sequence, which live, are about to die.
	deleting(first thing, n int)
	// assigning and assigned: before and after a set, make or unset.
	assigning(holder thing, key string)
	assigned(holder thing, key string)
	added(counter thing, n int64)
	marked(it markItem)
}

// docView is the part of a document that a View shows, immutable.
type docView struct {
	feed  *btree.BTreeG[feedItem]
	marks *btree.BTreeG[markItem]
	// replays is a room whose document has no immutable picture: a View applies its
	// changes again.
	replays bool
}

func newDocument(k Kind, l *log) document {
	switch k {
	case JSON:
		return newJSONDoc(l)
	case Oracle:
		return newFeedDoc(l, "feeds")
	default:
		return newFeedDoc(l, "entries")
	}
}

// noDocument is the document of a keeper.
type noDocument struct{}

func (noDocument) apply(int32)                     {}
func (noDocument) room(int) error                  { return nil }
func (noDocument) hashState(*stateHash)            {}
func (noDocument) kindOf(thing) (ObjectKind, bool) { return 0, false }
func (noDocument) exists(thing) bool               { return false }
func (noDocument) observe(watcher)                 {}
func (noDocument) said() marks                     { return newMarks(nil) }
func (noDocument) view() docView                   { return docView{} }

// thing is a Name by log index: the index-th thing that change made, or a fixed
// object for change = none.
type thing struct {
	change int32
	index  uint32
}

func fixedThing(n uint32) thing { return thing{none, n} }

// resolve finds what f names, read from change i of which the ops before it made
// `made` things and whose links are those. It says nothing about whether that thing exists. O(log n).
func (l *log) resolve(f ref, i int32, links []int32, made int) (thing, bool) {
	switch {
	case f.fixed:
		if f.i > 1 {
			return thing{}, false
		}
		return fixedThing(uint32(f.i)), true
	case f.i >= MaxPayloadBytes:
		return thing{}, false // no change makes more
	case f.k == 0:
		return thing{i, uint32(f.i)}, f.i < int64(made)
	case f.k > 0:
		b := l.back(i, uint64(f.k))
		return thing{b, uint32(f.i)}, b != none
	default:
		n := -1 - f.k
		if n >= int64(len(links)) {
			return thing{}, false
		}
		b := l.back(links[n], uint64(f.d))
		return thing{b, uint32(f.i)}, b != none
	}
}

// name is t for the world outside this log.
func (l *log) name(t thing) Name {
	if t.change == none {
		return Name{Index: t.index}
	}
	return Name{Change: l.id(t.change), Index: t.index}
}

// compareThings orders by (change id, index), the same on every replica.
func (l *log) compareThings(a, b thing) int { return l.name(a).compare(l.name(b)) }

func (l *log) thing(n Name) (thing, bool) {
	if n.Fixed() {
		return fixedThing(n.Index), n.Index <= 1
	}
	i, ok := l.find(n.Change)
	return thing{i, n.Index}, ok
}

// A markItem is what one author says of one thing: of all its marks on it, the
// one with the greatest (lamport, change id, op index).
type markItem struct {
	target thing
	author uint32
	change int32 // that made the mark
	op     int32
	offset int32 // of the literal in that change's ops
}

// marks holds one item for each (target, author).
type marks struct {
	log   *log
	items *btree.BTreeG[markItem]
}

func newMarks(l *log) marks {
	return marks{l, btree.NewBTreeGOptions(func(a, b markItem) bool { return a.compare(b) < 0 }, btree.Options{NoLocks: true})}
}

// compare is the order of the tree: by target and author.
func (m markItem) compare(other markItem) int {
	if c := cmp.Compare(m.target.change, other.target.change); c != 0 {
		return c
	}
	if c := cmp.Compare(m.target.index, other.target.index); c != 0 {
		return c
	}
	return cmp.Compare(m.author, other.author)
}

// set reports whether item stands.
func (m marks) set(item markItem) bool {
	old, replaced := m.items.Load(item) // Set that tries the end first
	if replaced && (old.change == item.change && old.op > item.op ||
		old.change != item.change && m.log.before(item.change, old.change)) {
		m.items.Set(old)
		return false
	}
	return true
}
