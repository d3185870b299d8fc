package crdt

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"slices"

	"github.com/tallystick/tallystick/crdt/dcbor"
	"github.com/tallystick/tallystick/crdt/internal/fugue"
)

// logDigest is SHA-256(label ‖ room ‖ sorted heads).
func logDigest(room RoomID, heads []ChangeID) [32]byte {
	heads = slices.SortedFunc(slices.Values(heads), ChangeID.compare)
	b := append([]byte(labelLog), room[:]...)
	for _, h := range heads {
		b = append(b, h[:]...)
	}
	return sha256.Sum256(b)
}

// LogDigest is equal on two replicas if and only if they accepted the same
// changes.
func (r *Replica) LogDigest() [32]byte { return logDigest(r.room, r.Heads()) }

// DocDigest is the hash of the document's state. It follows from LogDigest: the
// two together show that the same log was also understood alike. O(document).
func (r *Replica) DocDigest() [32]byte {
	if r.keeps() {
		return [32]byte{}
	}
	return docDigest(r.room, r.doc)
}

func docDigest(room RoomID, d interface{ hashState(*stateHash) }) [32]byte {
	h := newStateHash(room)
	d.hashState(h)
	return h.sum()
}

// stateHash hashes the deterministic CBOR of a state without holding all of it.
type stateHash struct {
	hash hash.Hash
	buf  []byte
}

const stateHashChunk = 32 << 10

func newStateHash(room RoomID) *stateHash {
	h := &stateHash{hash: sha256.New(), buf: make([]byte, 0, 2*stateHashChunk)}
	h.hash.Write([]byte(labelDoc))
	h.hash.Write(room[:])
	return h
}

func (h *stateHash) sum() (d [32]byte) {
	h.hash.Write(h.buf)
	h.hash.Sum(d[:0])
	return d
}

func (h *stateHash) flush() {
	if len(h.buf) >= stateHashChunk {
		h.hash.Write(h.buf)
		h.buf = h.buf[:0]
	}
}

func (h *stateHash) array(n int) { h.buf = dcbor.AppendArray(h.buf, n) }

func (h *stateHash) uint(n uint64) { h.buf = dcbor.AppendUint(h.buf, n) }

func (h *stateHash) raw(b []byte) {
	h.buf = append(h.buf, b...)
	h.flush()
}

func (h *stateHash) text(utf8 []byte) {
	h.buf = dcbor.AppendTextHead(h.buf, len(utf8))
	h.raw(utf8)
}

// name is the name of a thing as the state writes it: n, or [id, i].
func (h *stateHash) name(n Name) {
	if n.Fixed() {
		h.uint(uint64(n.Index))
		return
	}
	h.array(2)
	h.madeBy(n)
}

// madeBy is a name that is never fixed, as two items.
func (h *stateHash) madeBy(n Name) {
	h.buf = dcbor.AppendBytes(h.buf, n.Change[:])
	h.uint(uint64(n.Index))
	h.flush()
}

func (h *stateHash) bool(v bool) { h.buf = dcbor.AppendBool(h.buf, v) }

// The state is [objects, marks].
func (d *feedDoc) hashState(h *stateHash) {
	feedState{d.items.Len(), d.items.Scan, d.log, d.said()}.hashState(h)
}

// feedState hashes a feed, of a document or of a View of it.
type feedState struct {
	n     int
	scan  func(func(feedItem) bool)
	log   *log
	marks marks
}

func (s feedState) hashState(h *stateHash) {
	h.array(2)
	h.array(2) // objects
	h.array(3)
	h.uint(uint64(Root.Index))
	h.uint(uint64(MapObject))
	h.array(0)
	h.array(3)
	h.uint(uint64(Feed.Index))
	h.uint(uint64(feedObject))
	h.array(s.n)
	s.scan(func(it feedItem) bool {
		h.array(3)
		h.madeBy(s.log.name(it.thing))
		h.raw(s.log.literalAt(it.change, it.offset))
		return true
	})
	s.marks.hashState(h)
}

// hashState writes the marks by (target, author), fixed targets first.
func (m marks) hashState(h *stateHash) {
	items := m.items.Items()
	slices.SortFunc(items, func(a, b markItem) int {
		if c := m.log.compareThings(a.target, b.target); c != 0 {
			return c
		}
		x, y := m.log.keys[a.author], m.log.keys[b.author]
		return bytes.Compare(x[:], y[:])
	})
	h.array(len(items))
	for _, it := range items {
		h.array(3)
		h.name(m.log.name(it.target))
		a := m.log.keys[it.author]
		h.raw(dcbor.AppendBytes(nil, a[:]))
		h.raw(m.log.literalAt(it.change, it.offset))
	}
}

func (d *jsonDoc) hashState(h *stateHash) {
	objects := slices.Clone(d.objects)
	slices.SortFunc(objects[1:], func(a, b *object) int {
		if d.firstSibling(a.number, b.number) {
			return -1
		}
		return 1
	})
	h.array(2)
	h.array(len(objects))
	for _, o := range objects {
		h.array(3)
		h.name(d.name(o.number))
		h.uint(uint64(o.kind))
		d.hashContent(h, o)
	}
	d.marks.hashState(h)
}

func (d *jsonDoc) hashContent(h *stateHash, o *object) {
	switch o.kind {
	case MapObject:
		h.array(len(o.slots))
		for _, k := range sortedKeys(o.slots) {
			h.array(2)
			h.text([]byte(k))
			d.hashValues(h, &o.slots[k].standing)
		}
	case RegisterObject:
		d.hashValues(h, &o.slot.standing)
	case ListObject:
		d.hashList(h, o)
	case TextObject:
		d.hashText(h, o)
	case CounterObject:
		h.raw(dcbor.AppendInt(nil, o.counter))
	}
}

func (d *jsonDoc) hashValues(h *stateHash, s *standing) {
	h.array(s.len())
	for v := range s.each {
		h.array(4)
		h.madeBy(d.name(d.values[v].number))
		l, o := d.held(&d.values[v])
		hashHeld(h, l, o)
	}
}

// hashHeld is two items: 0 and a literal, or 1 and the kind of an object, whose
// name is that of its value or element.
func hashHeld(h *stateHash, l Literal, o *object) {
	if o == nil {
		h.uint(0)
		h.raw(l)
		return
	}
	h.uint(1)
	h.uint(uint64(o.kind))
}

func (d *jsonDoc) hashList(h *stateHash, o *object) {
	h.array(d.forest.Size(o.seq))
	d.forest.Spans(o.seq, func(e fugue.Elem, n int, live bool) bool {
		for range n {
			if live {
				h.array(5)
			} else {
				h.array(3)
			}
			h.madeBy(d.name(e))
			h.bool(live)
			if live {
				l, item := d.item(e)
				hashHeld(h, l, item)
			}
			e++
		}
		return true
	})
}

// hashText writes the longest runs of elements that one change made in a row and
// that are all live or all dead: [id, i, n, live], and the text of live ones.
func (d *jsonDoc) hashText(h *stateHash, o *object) {
	runs := 0
	d.eachSpan(o, func(thing, uint32, int, bool) bool {
		runs++
		return true
	})
	h.array(runs)
	var text []byte
	d.eachSpan(o, func(t thing, e uint32, n int, live bool) bool {
		if live {
			h.array(5)
		} else {
			h.array(4)
		}
		h.madeBy(d.log.name(t))
		h.uint(uint64(n))
		h.bool(live)
		if live {
			text = d.contents.appendText(text[:0], e, n)
			h.text(text)
		}
		return true
	})
}
