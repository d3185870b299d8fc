package crdt

import (
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt/internal/fugue"
)

// All that readers ask of the document of a json room, beside kindOf and exists.
// Nothing else of the readers knows how it is kept.

// must is the number of a thing that exists and is not the root.
func (d *jsonDoc) must(t thing) uint32 { return d.base(t.change) + t.index }

func (d *jsonDoc) holder(t thing) (in thing, key string, ok bool) {
	e, ok := d.number(t)
	if !ok {
		return thing{}, "", false
	}
	if v, ok := d.forest.Noted(e); ok {
		s := d.values[v].slot
		return d.at(s.holder), s.key, true
	}
	if seq, ok := d.forest.SeqOf(e); ok {
		return d.at(d.seqs[seq]), "", true
	}
	return thing{}, "", false
}

// at is the name of o by log index.
func (d *jsonDoc) at(o *object) thing {
	if o.number == rootNumber {
		return fixedThing(Root.Index)
	}
	return d.thing(o.number)
}

func (d *jsonDoc) lives(t thing) bool {
	e, ok := d.number(t)
	if !ok {
		return false
	}
	if v, ok := d.forest.Noted(e); ok {
		return d.values[v].living()
	}
	return d.forest.Live(e)
}

func (d *jsonDoc) literal(t thing) Literal {
	e := d.must(t)
	if v, ok := d.forest.Noted(e); ok {
		v := &d.values[v]
		if !v.living() && v.object == nil {
			return d.literalOf(t)
		}
		l, _ := d.held(v)
		return l
	}
	l, _ := d.item(e)
	return l
}

// literalOf is the literal of a value that was replaced: its change still says it.
func (d *jsonDoc) literalOf(t thing) (literal Literal) {
	eachOp(d.log.ops(t.change), func(o *op, _, made int) {
		if o.code == opSet && made == int(t.index) {
			literal = o.literal
		}
	})
	return literal
}

func (d *jsonDoc) chain(first thing, n int, end int32, yield func(first thing, n int)) {
	for n > 0 {
		if own := min(n, d.made(first.change)-int(first.index)); own > 0 {
			yield(first, own)
			n -= own
		}
		if first.change == end {
			return
		}
		first = thing{d.log.back(end, uint64(d.log.seq(end)-d.log.seq(first.change)-1)), 0}
	}
}

func (d *jsonDoc) keys(m thing) []string { return sortedKeys(d.object(m).slots) }

func (d *jsonDoc) living(holder thing, key string) []thing {
	var living []thing
	for v := range d.now(d.object(holder), key).each {
		living = append(living, d.thing(d.values[v].number))
	}
	return living
}

func (d *jsonDoc) winner(holder thing, key string) (thing, bool) {
	for v := range d.now(d.object(holder), key).each {
		return d.thing(d.values[v].number), true
	}
	return thing{}, false
}

func (d *jsonDoc) total(counter thing) int64 { return d.object(counter).counter }

func (d *jsonDoc) size(seq thing) int { return d.forest.Len(d.object(seq).seq) }

func (d *jsonDoc) itemAt(seq thing, index int) thing {
	return d.thing(d.forest.At(d.object(seq).seq, index))
}

func (d *jsonDoc) rank(t thing) int { return d.forest.Rank(d.must(t)) }

func (d *jsonDoc) runs(seq thing, from, to int, yield func(first thing, n int) bool) {
	d.forest.Range(d.object(seq).seq, from, to-from, func(e fugue.Elem, n int) bool {
		return d.split(e, n, func(t thing, _ uint32, n int) bool { return yield(t, n) })
	})
}

func (d *jsonDoc) walk(seq thing, yield func(first thing, n int, live bool) bool) {
	d.eachSpan(d.object(seq), func(t thing, _ uint32, n int, live bool) bool { return yield(t, n, live) })
}

// eachSpan yields all elements of a list or text in order, as the longest runs that
// one change made in a row and that are all live or all dead.
func (d *jsonDoc) eachSpan(o *object, yield func(t thing, e uint32, n int, live bool) bool) {
	d.forest.Spans(o.seq, func(e fugue.Elem, n int, live bool) bool {
		return d.split(e, n, func(t thing, e uint32, n int) bool { return yield(t, e, n, live) })
	})
}

func (d *jsonDoc) appendText(dst []byte, first thing, n int) []byte {
	return d.contents.appendText(dst, d.must(first), n)
}

func (d *jsonDoc) appendSlice(dst []byte, text thing, from, to int) []byte {
	d.forest.Range(d.object(text).seq, from, to-from, func(e fugue.Elem, n int) bool {
		dst = d.contents.appendText(dst, e, n)
		return true
	})
	return dst
}

// widen makes the forest keep the other offsets of a text, once somebody asks.
func (d *jsonDoc) widen(text thing) fugue.Seq {
	seq := d.object(text).seq
	d.forest.Widen(seq, d.widths)
	return seq
}

// widths are what n elements of a text take in UTF-8 and UTF-16.
func (d *jsonDoc) widths(e fugue.Elem, n int) (in8, in16 int) {
	for range n {
		c := rune(d.contents.at(e))
		in8, in16 = in8+utf8.RuneLen(c), in16+utf16.RuneLen(c)
		e++
	}
	return in8, in16
}

func (d *jsonDoc) offset(text thing, index int, u Unit) int {
	in8, in16 := d.forest.Offset(d.widen(text), index)
	switch u {
	case UTF8:
		return in8
	case UTF16:
		return in16
	default:
		return index
	}
}

func (d *jsonDoc) indexOf(text thing, offset int, u Unit) (index int, exact bool) {
	seq := d.widen(text)
	switch u {
	case UTF8:
		return d.forest.IndexUTF8(seq, offset)
	case UTF16:
		return d.forest.IndexUTF16(seq, offset)
	default:
		n := d.forest.Len(seq)
		return min(offset, n), offset <= n
	}
}
