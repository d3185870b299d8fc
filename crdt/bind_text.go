package crdt

import (
	"reflect"
	"strings"
)

// Text is the handle of a text object. Indexes and counts are of code points.
type Text struct {
	at    *spot
	draft *string
}

// NewText is a text for a struct that is put into a [List] or [Map].
func NewText(s string) Text { return Text{draft: &s} }

func (Text) spec() (shapeKind, ObjectKind, reflect.Type) { return objectShape, TextObject, nil }
func (t *Text) bind(p *spot)                             { *t = Text{at: p} }
func (t *Text) bound() *spot                             { return t.at }
func (t *Text) drafted() bool                            { return t.draft != nil }

func (t *Text) fill(tx *Tx, n Name) error {
	if t.draft == nil || *t.draft == "" {
		return nil
	}
	_, err := tx.InsertText(n, 0, *t.draft)
	return err
}

// Objects are the names of the text objects at this place, the winner first: one as a
// rule, none before the first write, more as [Bind] says.
func (t Text) Objects() ([]Name, error) { return t.at.named() }

// Value is the text.
func (t Text) Value() (string, error) {
	names, err := t.at.named()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, n := range names {
		s, err := t.at.doc.Text(n)
		if err != nil {
			return "", t.at.fail(err)
		}
		if len(names) == 1 {
			return s, nil
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

// String is Value for printing; where it cannot be read, the error in parentheses.
func (t Text) String() string {
	s, err := t.Value()
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return s
}

// Len is the number of code points; 0 where the text cannot be read.
func (t Text) Len() int { return t.at.length() }

// Insert puts s before the code point at index, which may be the length.
func (t Text) Insert(tx *Tx, index int, s string) error {
	if n, ok := t.at.sole(tx); ok {
		if _, err := tx.InsertText(n, index, s); err != nil {
			return t.at.fail(err)
		}
		return nil
	}
	return t.Splice(tx, index, 0, s)
}

// Append puts s after the end.
func (t Text) Append(tx *Tx, s string) error { return t.Insert(tx, t.Len(), s) }

// Delete removes count code points from index on.
func (t Text) Delete(tx *Tx, index, count int) error {
	return t.at.write(tx, func() error {
		names, err := t.at.objects(tx)
		if err != nil {
			return err
		}
		return t.at.remove(tx, names, index, count)
	})
}

// Splice removes count code points from index on and puts s in their place.
func (t Text) Splice(tx *Tx, index, count int, s string) error {
	return t.at.write(tx, func() error {
		names, err := t.at.objects(tx)
		if err != nil {
			return err
		}
		if count != 0 {
			if err := t.at.remove(tx, names, index, count); err != nil || s == "" {
				return err
			}
		}
		n, i, err := t.at.open(tx, names, index)
		if err != nil {
			return err
		}
		_, err = tx.InsertText(n, i, s)
		return err
	})
}

// Offset is index in another unit: how many bytes of UTF-8 or code units of UTF-16
// come before it.
func (t Text) Offset(index int, u Unit) (int, error) {
	names, err := t.at.named()
	if err != nil {
		return 0, err
	}
	before := 0
	for i, n := range names {
		here := index
		if i < len(names)-1 {
			here = min(index, t.at.size(n))
		}
		offset, err := t.at.doc.Offset(n, here, u)
		if err != nil {
			return 0, t.at.fail(err)
		}
		before += offset
		index -= here
	}
	if len(names) == 0 && index != 0 {
		_, _, err = t.at.part(nil, index, true)
		return 0, t.at.fail(err)
	}
	return before, nil
}

// Index is the code point at an offset in another unit. An offset within a code
// point is [ErrBadIndex].
func (t Text) Index(offset int, u Unit) (int, error) {
	names, err := t.at.named()
	if err != nil {
		return 0, err
	}
	before := 0
	for i, n := range names {
		size := t.at.size(n)
		whole, err := t.at.doc.Offset(n, size, u)
		if err != nil {
			return 0, t.at.fail(err)
		}
		if i == len(names)-1 || offset <= whole {
			at, err := t.at.doc.Index(n, offset, u)
			if err != nil {
				return 0, t.at.fail(err)
			}
			return before + at, nil
		}
		offset -= whole
		before += size
	}
	if offset != 0 {
		_, _, err = t.at.part(nil, offset, true)
		return 0, t.at.fail(err)
	}
	return 0, nil
}

// Counter is the handle of a counter: a sum of all that was added, modulo 2^64.
type Counter struct {
	at    *spot
	draft *int64
}

// NewCounter is a counter for a struct that is put into a [List] or [Map].
func NewCounter(n int64) Counter { return Counter{draft: &n} }

func (Counter) spec() (shapeKind, ObjectKind, reflect.Type) { return objectShape, CounterObject, nil }
func (c *Counter) bind(p *spot)                             { *c = Counter{at: p} }
func (c *Counter) bound() *spot                             { return c.at }
func (c *Counter) drafted() bool                            { return c.draft != nil }

func (c *Counter) fill(tx *Tx, n Name) error {
	if c.draft == nil || *c.draft == 0 {
		return nil
	}
	return tx.Add(n, *c.draft)
}

// Objects are the names of the counters at this place, as [Text.Objects].
func (c Counter) Objects() ([]Name, error) { return c.at.named() }

// Value is the sum.
func (c Counter) Value() (int64, error) {
	names, err := c.at.named()
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, n := range names {
		count, err := c.at.doc.Count(n)
		if err != nil {
			return 0, c.at.fail(err)
		}
		sum += count
	}
	return sum, nil
}

// Add adds n, which may be negative.
func (c Counter) Add(tx *Tx, n int64) error {
	return c.at.write(tx, func() error {
		names, err := c.at.make(tx)
		if err != nil {
			return err
		}
		return tx.Add(names[0], n)
	})
}
