package crdt

import (
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// All that readers ask of the document of a json room, beside kindOf and exists.
// Nothing else of the readers knows how it is kept.

func (d *jsonDoc) holder(t thing) (in thing, key string, ok bool) {
	if v := d.values[t]; v != nil {
		return v.holder.at, v.key, true
	}
	if e := d.elems[t]; e != nil {
		return e.seq.of, "", true
	}
	return thing{}, "", false
}

func (d *jsonDoc) lives(t thing) bool {
	if v := d.values[t]; v != nil {
		return !v.dead
	}
	e := d.elems[t]
	return e != nil && !e.dead
}

func (d *jsonDoc) literal(t thing) Literal {
	if v := d.values[t]; v != nil {
		return v.literal
	}
	return d.elems[t].literal
}

func (d *jsonDoc) keys(m thing) []string {
	var keys []string
	for k, values := range d.objects[m].keys {
		if slices.ContainsFunc(values, func(v *value) bool { return !v.dead }) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

func (d *jsonDoc) living(holder thing, key string) []thing {
	var living []thing
	for _, v := range d.now(holder, key) {
		living = append(living, v.at)
	}
	return living
}

func (d *jsonDoc) total(counter thing) int64 { return d.objects[counter].counter }

func (d *jsonDoc) size(seq thing) int { return len(d.objects[seq].seq.live()) }

func (d *jsonDoc) itemAt(seq thing, index int) thing { return d.objects[seq].seq.live()[index].at }

func (d *jsonDoc) rank(t thing) int {
	e := d.elems[t]
	n := 0
	for _, other := range e.seq.all() {
		if other == e {
			break
		}
		if !other.dead {
			n++
		}
	}
	return n
}

func (d *jsonDoc) runs(seq thing, from, to int, yield func(first thing, n int) bool) {
	live := d.objects[seq].seq.live()[from:to]
	for len(live) > 0 {
		n := 1
		for n < len(live) && live[n].at == (thing{live[0].at.change, live[0].at.index + uint32(n)}) {
			n++
		}
		if !yield(live[0].at, n) {
			return
		}
		live = live[n:]
	}
}

func (d *jsonDoc) walk(seq thing, yield func(first thing, n int, live bool) bool) {
	for _, e := range d.objects[seq].seq.all() {
		if !yield(e.at, 1, !e.dead) {
			return
		}
	}
}

func (d *jsonDoc) appendSlice(b []byte, text thing, from, to int) []byte {
	d.runs(text, from, to, func(first thing, n int) bool {
		b = d.appendText(b, first, n)
		return true
	})
	return b
}

func (d *jsonDoc) appendText(b []byte, first thing, n int) []byte {
	for range n {
		b = utf8.AppendRune(b, d.elems[first].char)
		first.index++
	}
	return b
}

func (d *jsonDoc) offset(text thing, index int, u Unit) int {
	n := 0
	for _, e := range d.objects[text].seq.live()[:index] {
		n += u.width(e.char)
	}
	return n
}

func (d *jsonDoc) indexOf(text thing, offset int, u Unit) (index int, exact bool) {
	for _, e := range d.objects[text].seq.live() {
		if offset <= 0 {
			break
		}
		offset -= u.width(e.char)
		index++
	}
	if offset < 0 {
		return index - 1, false
	}
	return index, offset == 0
}

// width is how many units a code point takes.
func (u Unit) width(c rune) int {
	switch u {
	case UTF8:
		return utf8.RuneLen(c)
	case UTF16:
		return utf16.RuneLen(c)
	default:
		return 1
	}
}
