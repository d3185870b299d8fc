package crdt

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A PathError says at which place of a document a call failed. Path is what
// leads there from the root, or nil if Name stands at no place: then the name is
// all there is to say.
type PathError struct {
	Path []any // of string (key of a map) and int (index)
	Name Name
	Err  error // [ErrNoTarget], [ErrWrongType], [ErrBadIndex] …
}

func (e *PathError) Error() string {
	if e.Path == nil {
		return fmt.Sprintf("at %v: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("at %s: %v", formatPath(e.Path), e.Err)
}

func (e *PathError) Unwrap() error { return e.Err }

// formatPath is like `.todo[3].title`, and "." for the root.
func formatPath(path []any) string {
	var b strings.Builder
	for _, step := range path {
		switch s := step.(type) {
		case string:
			if plainKey(s) {
				b.WriteString("." + s)
			} else {
				b.WriteString("[" + strconv.Quote(s) + "]")
			}
		default:
			fmt.Fprintf(&b, "[%v]", s)
		}
	}
	if b.Len() == 0 {
		return "."
	}
	return b.String()
}

func plainKey(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return s != ""
}

// Find is the name of what stands at path: an object, or the value or item itself
// where that is a literal; of a text, the code point. A step is a string (the key
// of a map; the winner where values conflict) or an int (an index of a list, a
// text or a feed). A register takes no step: the next one goes on in its content.
// No step at all is [Root].
//
// The error is a *[PathError] of the first step that leads nowhere: [ErrNoTarget],
// [ErrWrongType], [ErrBadIndex]; or [ErrKeeper]. O(log n) a step.
func (d *Doc) Find(path ...any) (Name, error) {
	d.enter()
	defer d.leave()
	if d.read == nil {
		return Name{}, ErrKeeper
	}
	t := fixedThing(Root.Index)
	for i, step := range path {
		next, err := d.step(t, step)
		if err != nil {
			return Name{}, &PathError{Path: slices.Clone(path[:i+1]), Err: err}
		}
		t = next
	}
	return d.log.name(t), nil
}

func (d *Doc) step(t thing, step any) (thing, error) {
	kind, isObject := d.read.kindOf(t)
	for isObject && kind == RegisterObject {
		content, ok := d.winner(t, "")
		if !ok {
			return t, fmt.Errorf("%w: the register is empty", ErrNoTarget)
		}
		t = content
		kind, isObject = d.read.kindOf(t)
	}
	switch step := step.(type) {
	case string:
		if !isObject || kind != MapObject {
			return t, fmt.Errorf("%w: a key, where no map is", ErrWrongType)
		}
		v, ok := d.winner(t, step)
		if !ok {
			return t, ErrNoTarget
		}
		return v, nil
	case int:
		if !isObject || !kind.sequence() {
			return t, fmt.Errorf("%w: an index, where no list or text is", ErrWrongType)
		}
		if size := d.read.size(t); step < 0 || step >= size {
			return t, badIndex(step, step, size)
		}
		return d.read.itemAt(t, step), nil
	default:
		return t, fmt.Errorf("%w: a step is a string or an int, not %T", ErrWrongType, step)
	}
}

// sequence reports whether objects of that kind hold items in an order.
func (k ObjectKind) sequence() bool { return k == ListObject || k == TextObject || k == feedObject }

func badIndex(from, to, size int) error {
	if from == to {
		return fmt.Errorf("%w: %d of %d", ErrBadIndex, from, size)
	}
	return fmt.Errorf("%w: [%d, %d) of %d", ErrBadIndex, from, to, size)
}

// Path is where the value, item or object of that name stands now: the steps that
// [Doc.Find] takes to it, or to the register whose content it is. visible is false
// if it does not: it was deleted or replaced, another value wins over it, or so for
// what it is in. The error is that of [Doc.Kind].
func (d *Doc) Path(n Name) (path []any, visible bool, err error) {
	d.enter()
	defer d.leave()
	t, err := d.thing(n)
	if err != nil {
		return nil, false, err
	}
	path, visible = d.pathOf(t)
	return path, visible, nil
}

// pathOf walks up: at most MaxDepth steps, O(log n) each.
func (d *Doc) pathOf(t thing) ([]any, bool) {
	path := []any{}
	for t != fixedThing(Root.Index) {
		in, key, ok := d.read.holder(t)
		if !ok {
			return nil, false
		}
		kind, _ := d.read.kindOf(in)
		if kind.sequence() {
			if !d.read.lives(t) {
				return nil, false
			}
			path = append(path, d.read.rank(t))
		} else {
			if w, ok := d.winner(in, key); !ok || w != t {
				return nil, false
			}
			if kind == MapObject {
				path = append(path, key)
			}
		}
		t = in
	}
	slices.Reverse(path)
	return path, true
}

// fail puts the place of n to err.
func (d *Doc) fail(n Name, err error) error {
	e := &PathError{Name: n, Err: err}
	if t, ok := d.find(n); ok && d.read.exists(t) {
		e.Path, _ = d.pathOf(t)
	}
	return e
}
