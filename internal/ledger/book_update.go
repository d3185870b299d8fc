package ledger

import (
	"errors"
	"strings"

	"github.com/tallystick/tallystick/crdt"
)

// batchChanges is how many changes an Update takes in before it lets readers in
// again; more if the book holds more, so that counting anew stays O(1) a change.
const batchChanges = 4096

// Update takes in what v, of the same replica as all before, has more than the book.
// The book keeps v.
func (b *Book) Update(v *crdt.View) {
	for {
		b.mu.Lock()
		more := b.batch(v)
		b.mu.Unlock()
		if !more {
			return
		}
	}
}

// batch takes in some changes and reports whether v has more.
func (b *Book) batch(v *crdt.View) bool {
	if v.Changes() <= b.n {
		return false
	}
	b.view = v
	b.version++
	b.steps, b.recount = 0, false
	for end := min(v.Changes(), b.n+max(batchChanges, b.n/4)); b.n < end; {
		b.take(b.n)
	}
	if b.recount {
		b.countBelow()
	}
	for _, i := range b.dirty {
		b.settle(i)
	}
	b.dirty = b.dirty[:0]
	return v.Changes() > b.n
}

// take takes in the change at log index i, the next.
func (b *Book) take(i int) {
	rows, marks := b.view.RowsOf(i), b.view.MarksOf(i)
	if len(rows)+len(marks) > 0 {
		c := b.view.ChangeAt(i)
		author, lamport := b.author(&c.Author), uint32(c.Lamport)
		for _, r := range rows {
			b.add(r, author, lamport)
		}
		b.n++ // marks may be on rows of the change itself
		b.entryAt = append(b.entryAt, int32(len(b.entries)))
		for _, m := range marks {
			at := stamp{lamport, int32(i), int32(m.Op)}
			if m.Root {
				b.rename(author, at, m.Literal)
			} else if e, ok := b.find(m.Key); ok {
				say, _ := decodeSay(m.Literal)
				b.mark(e, author, at, say)
			}
		}
		return
	}
	b.n++
	b.entryAt = append(b.entryAt, int32(len(b.entries)))
}

// author is the number of an author.
func (b *Book) author(key *crdt.Author) uint32 {
	if i, ok := b.authorOf[*key]; ok {
		return i
	}
	i := uint32(len(b.authors))
	b.authors = append(b.authors, bookAuthor{key: *key})
	b.authorOf[*key] = i
	if *key == b.self && b.self != (crdt.Author{}) {
		b.me = i
	}
	b.names = b.version
	return i
}

// rename takes in a mark on the root.
func (b *Book) rename(author uint32, at stamp, l crdt.Literal) {
	a := &b.authors[author]
	if a.named.lamport > 0 && !b.newer(at, a.named) {
		return
	}
	a.named = at
	if name := decodeName(l); name != a.name {
		a.name = strings.Clone(name)
		b.names = b.version
	}
}

// add takes in an entry.
func (b *Book) add(r crdt.Row, writer, lamport uint32) {
	i := int32(len(b.entries))
	e := bookEntry{
		change: int32(r.Key.Change), index: r.Key.Index, lamport: lamport, writer: writer,
		parent: none, child: none, sibling: none, postings: uint32(len(b.postings)), said: none,
	}
	d := &b.scratch
	err := d.Decode(r.Literal)
	if err == nil && !d.Replaces.IsZero() {
		old, found := none, false
		if k, ok := b.view.Element(r.Key.Change, d.Replaces.K, d.Replaces.I, d.Replaces.D); ok {
			old, found = b.find(k)
		}
		if !found {
			err = invalid(ReasonReplaces)
		} else {
			e.parent, e.sibling = old, b.entries[old].child
			b.entries[old].child = i
			b.touch(old)
		}
	}
	if err == nil {
		e.sides, e.scale = uint8(len(d.Postings)), uint8(d.Scale)
		unit := b.unit(d.Unit)
		for k := range d.Postings {
			p := &d.Postings[k]
			var who partyNumber
			if p.Key != nil {
				a := b.author(p.Key)
				who = authorParty(a)
				e.bindsMe = e.bindsMe || a == b.me
			} else {
				who = labelParty(b.label(p.Label))
			}
			b.postings = append(b.postings, bookPosting{amount: p.Amount, cell: b.cell(unit, who), mark: none})
		}
	} else {
		b.invalid[i], _ = errors.AsType[Reason](err)
	}
	b.entries = append(b.entries, e)
	b.touch(i)
	if e.parent != none {
		b.spread(writer, i, true)
	}
}

func (b *Book) label(text string) uint32 {
	if i, ok := b.labelOf[text]; ok {
		return i
	}
	i := uint32(len(b.labels))
	text = strings.Clone(text) // not the change it lies in
	b.labels = append(b.labels, text)
	b.labelOf[text] = i
	return i
}

// mark takes in what an author says of entry i.
func (b *Book) mark(i int32, author uint32, at stamp, say Say) {
	if author == b.me {
		b.own = append(b.own, ownMark{at, i, say})
	}
	e := &b.entries[i]
	side := b.sideOf(e, author)
	m := b.markOf(i, author)
	before := b.sayAt(m)
	switch {
	case m == none:
		m = int32(len(b.marks))
		b.marks = append(b.marks, bookMark{stamp: at, author: author, next: e.said, say: say})
		e.said = m
		if side != nil {
			side.mark = m
		} else {
			b.others[pair(uint32(i), author)] = m
		}
	case b.newer(at, b.marks[m].stamp):
		b.marks[m].stamp, b.marks[m].say = at, say
	default:
		return
	}
	if side == nil && author == e.writer {
		e.writerSay = say
	}
	b.touch(i)
	stood, stands := standsBy(before, author == e.writer), standsBy(say, author == e.writer)
	if e.parent != none && stood != stands && (side == nil || side.below == 0) {
		b.spread(author, i, stands)
	}
}

// touch has the standing of entry i found anew when the batch ends.
func (b *Book) touch(i int32) {
	if e := &b.entries[i]; !e.dirty {
		e.dirty = true
		b.dirty = append(b.dirty, i)
	}
}

// settle finds the standing of entry i, and moves its postings to where they count.
func (b *Book) settle(i int32) {
	e := &b.entries[i]
	e.dirty = false
	if standing := b.judge(e, nil).standing; standing != e.standing {
		b.count(e, e.standing, false)
		b.count(e, standing, true)
		e.standing = standing
	}
	if e.bindsMe {
		p := b.sideOf(e, b.me)
		waits := e.standing != Withdrawn && e.writer != b.me && b.sayAt(p.mark) == Nothing && p.below == 0
		switch {
		case waits && !e.waits:
			b.waiting.Set(i)
		case !waits && e.waits:
			b.waiting.Delete(i)
		}
		e.waits = waits
	}
	c := changedEntry{b.version, i}
	if b.changedEnd < maxChanged {
		b.changed = append(b.changed, c)
	} else {
		old := &b.changed[b.changedEnd%maxChanged]
		b.forgotten, *old = old.version, c
	}
	b.changedEnd++
}
