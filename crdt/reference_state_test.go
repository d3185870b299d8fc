package crdt_test

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// The reference of §6: the state of a document, and its digest.

// digest is §6.
func (d *refDoc) digest() hash32 {
	return sha256.Sum256(slices.Concat([]byte("tallystick doc v1\x00"), d.log.room[:], refEncode(d.state())))
}

func (d *refDoc) state() any {
	var objects []*refObject
	for _, o := range d.objects {
		objects = append(objects, o)
	}
	slices.SortFunc(objects, func(a, b *refObject) int { return compareNames(a.name, b.name) })
	objectItems := []any{}
	for _, o := range objects {
		objectItems = append(objectItems, []any{refNameItem(o.name), o.kind, o.content()})
	}
	var keys []refMarkKey
	for k := range d.marks {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b refMarkKey) int {
		if c := compareNames(a.target, b.target); c != 0 {
			return c
		}
		return compareHashes(a.author, b.author)
	})
	marks := []any{}
	for _, k := range keys {
		marks = append(marks, []any{refNameItem(k.target), k.author[:], d.marks[k].literal})
	}
	return []any{objectItems, marks}
}

func refNameItem(n refName) any {
	if n.change == (hash32{}) {
		return n.index
	}
	return []any{n.change[:], n.index}
}

// living are the values under key, the winner first.
func (o *refObject) living(key any) []*refThing {
	var alive []*refThing
	for _, v := range o.values {
		if !v.dead && v.key == key {
			alive = append(alive, v)
		}
	}
	slices.SortFunc(alive, func(a, b *refThing) int {
		if refGreater(a.lamport, a.name.change, a.op, b.lamport, b.name.change, b.op) {
			return -1
		}
		return 1
	})
	return alive
}

func (o *refObject) content() any {
	list := []any{}
	switch o.kind {
	case refMap:
		keys := map[string]bool{}
		for _, v := range o.values {
			keys[v.key.(string)] = true
		}
		var sorted []cbor.RawMessage
		for k := range keys {
			sorted = append(sorted, refEncode(k))
		}
		slices.SortFunc(sorted, func(a, b cbor.RawMessage) int { return bytes.Compare(a, b) })
		for _, raw := range sorted {
			key, _ := refDecode(raw, 0)
			if alive := o.living(key); len(alive) > 0 {
				list = append(list, []any{key, refValueItems(alive)})
			}
		}
	case refRegister:
		return refValueItems(o.living(nil))
	case refList:
		for _, e := range refWalk(o.top) {
			item := []any{e.name.change[:], e.name.index, !e.dead}
			if !e.dead {
				item = append(item, e.tail()...)
			}
			list = append(list, item)
		}
	case refText:
		return refTextItems(refWalk(o.top))
	case refCounter:
		return o.sum
	case refFeed:
		items := slices.Clone(o.items)
		slices.SortFunc(items, func(a, b *refThing) int {
			if refGreater(b.lamport, b.name.change, b.name.index, a.lamport, a.name.change, a.name.index) {
				return -1
			}
			return 1
		})
		for _, it := range items {
			list = append(list, []any{it.name.change[:], it.name.index, it.literal})
		}
	}
	return list
}

func refValueItems(values []*refThing) any {
	list := []any{}
	for _, v := range values {
		list = append(list, append([]any{v.name.change[:], v.name.index}, v.tail()...))
	}
	return list
}

// tail is 0 and a literal, or 1 and a kind.
func (t *refThing) tail() []any {
	if t.object != nil {
		return []any{1, t.object.kind}
	}
	return []any{0, t.literal}
}

func refTextItems(all []*refThing) any {
	list := []any{}
	for i := 0; i < len(all); {
		first := all[i]
		var text strings.Builder
		n := 0
		for i < len(all) && all[i].dead == first.dead &&
			all[i].name == (refName{first.name.change, first.name.index + n}) {
			text.WriteRune(all[i].literal.(rune))
			n++
			i++
		}
		item := []any{first.name.change[:], first.name.index, n, !first.dead}
		if !first.dead {
			item = append(item, text.String())
		}
		list = append(list, item)
	}
	return list
}
