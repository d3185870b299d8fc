package crdt

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"slices"

	"github.com/tallystick/tallystick/crdt/dcbor"
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
	feedState{d.items.Len(), d.items.Scan, d.log, d.marks}.hashState(h)
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
	names := make([]thing, 0, len(d.objects))
	for t := range d.objects {
		names = append(names, t)
	}
	slices.SortFunc(names, d.log.compareThings)
	h.array(2)
	h.array(len(names))
	for _, t := range names {
		o := d.objects[t]
		h.array(3)
		h.name(d.log.name(t))
		h.uint(uint64(o.kind))
		d.hashContent(h, o)
	}
	d.marks.hashState(h)
}

func (d *jsonDoc) hashContent(h *stateHash, o *object) {
	switch o.kind {
	case MapObject:
		alive := make(map[string][]*value)
		for k, values := range o.keys {
			if a := d.alive(values); len(a) > 0 {
				alive[k] = a
			}
		}
		h.array(len(alive))
		for _, k := range sortedKeys(alive) {
			h.array(2)
			h.raw(dcbor.AppendText(nil, k))
			d.hashValues(h, alive[k])
		}
	case RegisterObject:
		d.hashValues(h, d.alive(o.values))
	case ListObject:
		all := o.seq.all()
		h.array(len(all))
		for _, e := range all {
			if e.dead {
				h.array(3)
				h.madeBy(d.log.name(e.at))
				h.bool(false)
				continue
			}
			h.array(5)
			h.madeBy(d.log.name(e.at))
			h.bool(true)
			d.hashValue(h, e.literal, e.object)
		}
	case TextObject:
		d.hashText(h, o.seq.all())
	case CounterObject:
		h.raw(dcbor.AppendInt(nil, o.counter))
	}
}

func (d *jsonDoc) hashValues(h *stateHash, values []*value) {
	h.array(len(values))
	for _, v := range values {
		h.array(4)
		h.madeBy(d.log.name(v.at))
		d.hashValue(h, v.literal, v.object)
	}
}

// hashValue is two items: 0 and a literal, or 1 and the kind of an object, whose
// name is that of its value or element.
func (d *jsonDoc) hashValue(h *stateHash, l Literal, o *object) {
	if o == nil {
		h.uint(0)
		h.raw(l)
		return
	}
	h.uint(1)
	h.uint(uint64(o.kind))
}

// hashText writes the longest runs of elements that one change made in a row and
// that are all live or all dead: [id, i, n, live], and the text of live ones.
func (d *jsonDoc) hashText(h *stateHash, all []*element) {
	var runs [][]*element
	for i, e := range all {
		if i > 0 {
			p := all[i-1]
			if p.at.change == e.at.change && p.at.index+1 == e.at.index && p.dead == e.dead {
				runs[len(runs)-1] = append(runs[len(runs)-1], e)
				continue
			}
		}
		runs = append(runs, []*element{e})
	}
	h.array(len(runs))
	for _, run := range runs {
		live := !run[0].dead
		if live {
			h.array(5)
		} else {
			h.array(4)
		}
		h.madeBy(d.log.name(run[0].at))
		h.uint(uint64(len(run)))
		h.bool(live)
		if live {
			text := make([]rune, len(run))
			for i, e := range run {
				text[i] = e.char
			}
			h.raw(dcbor.AppendText(nil, string(text)))
		}
	}
}
