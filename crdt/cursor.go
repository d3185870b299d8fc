package crdt

import (
	"fmt"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// Stick is the neighbour that a [Cursor] stays with.
type Stick uint8

const (
	// StickLeft stays behind the item on the left: what is inserted at the cursor
	// comes after it. At index 0 it stays at the beginning.
	StickLeft Stick = iota
	// StickRight stays before the item on the right: what is inserted at the cursor
	// pushes it on. At the end it stays at the end.
	StickRight
)

// A Cursor is a place between two items of a list, text or feed that survives
// edits, here and on other replicas: it names the item that it stays with. When
// that is deleted the cursor is where it was.
type Cursor struct {
	seq   Name
	item  Name
	ends  bool // at the beginning or the end: no item
	stick Stick
}

// maxCursorBytes bounds an encoded cursor: two names and four small items.
const maxCursorBytes = 2*(1+34+9) + 4

// Seq is the list, text or feed that c is in.
func (c Cursor) Seq() Name { return c.seq }

// Cursor is a cursor before the item at index, which may be the length. The error
// is [ErrNoTarget], [ErrWrongType] or [ErrBadIndex]. O(log n).
func (d *Doc) Cursor(seq Name, index int, stick Stick) (Cursor, error) {
	d.enter()
	defer d.leave()
	t, _, err := d.object(seq, ListObject, TextObject, feedObject)
	if err != nil {
		return Cursor{}, err
	}
	size := d.read.size(t)
	if index < 0 || index > size {
		return Cursor{}, d.fail(seq, badIndex(index, index, size))
	}
	if stick > StickRight {
		return Cursor{}, d.fail(seq, fmt.Errorf("%w: stick %d", ErrBadCursor, stick))
	}
	c := Cursor{seq: seq, stick: stick, ends: stick == StickLeft && index == 0 || stick == StickRight && index == size}
	if !c.ends {
		if stick == StickLeft {
			index--
		}
		c.item = d.log.name(d.read.itemAt(t, index))
	}
	return c, nil
}

// Position is the index at which c is now. The error is [ErrNoTarget] if this
// document does not have, or does not have yet, the sequence or the item, and
// [ErrBadCursor] if the item is of another sequence. O(log n).
func (d *Doc) Position(c Cursor) (int, error) {
	d.enter()
	defer d.leave()
	seq, _, err := d.object(c.seq, ListObject, TextObject, feedObject)
	switch {
	case err != nil:
		return 0, err
	case c.ends && c.stick == StickLeft:
		return 0, nil
	case c.ends:
		return d.read.size(seq), nil
	}
	t, err := d.thing(c.item)
	if err != nil {
		return 0, err
	}
	if in, _, ok := d.read.holder(t); !ok || in != seq {
		return 0, d.fail(c.seq, fmt.Errorf("%w: %v is no item of it", ErrBadCursor, c.item))
	}
	index := d.read.rank(t)
	if c.stick == StickLeft && d.read.lives(t) {
		index++
	}
	return index, nil
}

// MarshalBinary is the deterministic CBOR [sequence, item or null, stick], at most
// 92 bytes. The error is always nil.
func (c Cursor) MarshalBinary() ([]byte, error) {
	b := appendName(dcbor.AppendArray(nil, 3), c.seq)
	if c.ends {
		b = dcbor.AppendNull(b)
	} else {
		b = appendName(b, c.item)
	}
	return dcbor.AppendUint(b, uint64(c.stick)), nil
}

// ParseCursor reads what [Cursor.MarshalBinary] wrote. The error wraps
// [ErrBadCursor]. Whether the cursor is of a document at hand is for
// [Doc.Position] to say.
func ParseCursor(b []byte) (Cursor, error) {
	var c Cursor
	if len(b) > maxCursorBytes {
		return c, fmt.Errorf("%w: %d bytes, at most %d", ErrBadCursor, len(b), maxCursorBytes)
	}
	r := dcbor.NewReader(b)
	r.ArrayN(3)
	c.seq = readName(&r)
	if r.Kind() == dcbor.KindNull {
		r.Null()
		c.ends = true
	} else {
		c.item = readName(&r)
	}
	stick := r.Uint()
	if stick > uint64(StickRight) {
		r.Fail(dcbor.ErrRange)
	}
	c.stick = Stick(stick)
	if err := r.Done(); err != nil {
		return Cursor{}, fmt.Errorf("%w: %w", ErrBadCursor, err)
	}
	return c, nil
}

// appendName writes a name as the document's state does: n, or [id, i].
func appendName(b []byte, n Name) []byte {
	if n.Fixed() {
		return dcbor.AppendUint(b, uint64(n.Index))
	}
	b = dcbor.AppendBytes(dcbor.AppendArray(b, 2), n.Change[:])
	return dcbor.AppendUint(b, uint64(n.Index))
}

func readName(r *dcbor.Reader) Name {
	if r.Kind() == dcbor.KindUint {
		i := r.Uint()
		if i > uint64(Feed.Index) {
			r.Fail(dcbor.ErrRange)
		}
		return Name{Index: uint32(i)}
	}
	r.ArrayN(2)
	n := Name{Change: r.Bytes32()}
	i := r.Uint()
	if i >= MaxPayloadBytes || n.Fixed() {
		r.Fail(dcbor.ErrRange) // no change makes more
	}
	n.Index = uint32(i)
	return n
}
