package crdt

import "fmt"

// Unit is what an editor counts a text in.
type Unit uint8

// The document itself counts code points.
const (
	CodePoints Unit = iota
	UTF8            // bytes
	UTF16           // code units, as in JavaScript, Java and the language server protocol
)

// String is the word for u.
func (u Unit) String() string {
	switch u {
	case UTF8:
		return "UTF-8"
	case UTF16:
		return "UTF-16"
	default:
		return "code points"
	}
}

// Offset is how many units the first index code points of a text take. The error
// is [ErrNoTarget], [ErrWrongType] or [ErrBadIndex].
func (d *Doc) Offset(t Name, index int, u Unit) (int, error) {
	d.enter()
	defer d.leave()
	o, _, err := d.object(t, TextObject)
	if err != nil {
		return 0, err
	}
	if size := d.read.size(o); index < 0 || index > size {
		return 0, d.fail(t, badIndex(index, index, size))
	}
	if u == CodePoints {
		return index, nil
	}
	return d.read.offset(o, index, u), nil
}

// Index is the code point before which offset units stand: the inverse of
// [Doc.Offset]. The error is [ErrNoTarget], [ErrWrongType] or, beyond the end and
// within a code point (between the halves of a surrogate pair), [ErrBadIndex].
func (d *Doc) Index(t Name, offset int, u Unit) (int, error) {
	d.enter()
	defer d.leave()
	o, _, err := d.object(t, TextObject)
	if err != nil {
		return 0, err
	}
	size := d.read.size(o)
	if u == CodePoints {
		if offset < 0 || offset > size {
			return 0, d.fail(t, badIndex(offset, offset, size))
		}
		return offset, nil
	}
	index, exact := 0, false
	if offset >= 0 {
		index, exact = d.read.indexOf(o, offset, u)
	}
	switch {
	case exact:
		return index, nil
	case offset < 0 || index >= size:
		return 0, d.fail(t, fmt.Errorf("%w: %s offset %d of %d", ErrBadIndex, u, offset, d.read.offset(o, size, u)))
	default:
		return 0, d.fail(t, fmt.Errorf("%w: %s offset %d is within code point %d", ErrBadIndex, u, offset, index))
	}
}
