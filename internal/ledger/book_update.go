package ledger

import (
	"slices"
	"strings"

	"github.com/tallystick/tallystick/crdt"
)

// batchChunks is how many chunks at least an Update takes in before it lets readers
// in again; more if the book holds more, so that counting anew stays O(1) a change.
const batchChunks = 4

// Update takes in what v, of the same replica as all before, has more than the book.
// The book keeps v.
func (b *Book) Update(v *crdt.View) {
	n := b.Changes()
	switch {
	case v.Changes() <= n:
		return
	case n == 0:
		b.first(v)
		return
	}
	end := n // of the batch
	eachChunk(v, n, b.chunkSize, func(c *chunk) { c.read(v, b.self, false) }, func(c *chunk) {
		if b.n == end {
			b.mu.Lock()
			b.begin(v)
			end = min(v.Changes(), b.n+b.chunkSize*max(batchChunks, b.n/4/b.chunkSize))
		}
		b.take(c)
		if b.n == end {
			b.settleAll()
			b.mu.Unlock()
		}
	})
}

// first is the Update of an empty book. It writes a book of its own, so that nobody waits
// for it, and in one batch.
func (b *Book) first(v *crdt.View) {
	own := &Book{self: b.self, pages: newPages(), chunkSize: b.chunkSize, leastSteps: b.leastSteps}
	own.begin(v)
	own.reserve(v)
	eachChunk(v, 0, b.chunkSize, func(c *chunk) { c.read(v, b.self, true) }, own.take)
	own.settleAll()
	own.dirty = nil // it held them all
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pages = own.pages
}

// begin begins a batch.
func (b *Book) begin(v *crdt.View) {
	b.view = v
	b.version++
	b.steps, b.recount = 0, false
}

// reserve makes room for what v holds, so that a first Update need not copy as it
// grows. There are two postings in most entries, and more in few.
func (b *Book) reserve(v *crdt.View) {
	b.entryAt = slices.Grow(b.entryAt, v.Changes())
	b.entries = slices.Grow(b.entries, v.Len())
	b.postings = slices.Grow(b.postings, MinPostings*v.Len()+v.Len()/16)
	b.dirty = slices.Grow(b.dirty, v.Len())
	b.marks = slices.Grow(b.marks, v.Marks())
}

// settleAll ends a batch.
func (b *Book) settleAll() {
	if b.recount {
		b.countBelow()
	}
	for _, i := range b.dirty {
		b.settle(i)
	}
	b.dirty = b.dirty[:0]
}

// take takes in the changes of a chunk, the next.
func (b *Book) take(c *chunk) {
	rows, marks := 0, 0
	for i := range c.changes {
		change := &c.changes[i]
		at := int32(b.n)
		for ; rows < change.rows; rows++ {
			b.add(&c.rows[rows], at, b.writer(change.author), change.lamport)
		}
		b.n++ // marks may be on rows of the change itself
		b.entryAt = append(b.entryAt, int32(len(b.entries)))
		for ; marks < change.marks; marks++ {
			m := &c.marks[marks]
			if m.root {
				b.rename(b.writer(m.author), m.stamp, m.name)
			} else if e, ok := b.find(m.key); ok {
				b.mark(e, b.writer(m.author), m.stamp, m.say)
			}
		}
	}
	for i := range c.own {
		m := &c.own[i]
		if e, ok := b.find(m.key); ok && !m.root {
			b.own = append(b.own, ownMark{m.stamp, e, m.say})
		}
	}
}

// writer is the number of an author as the view counts them.
func (b *Book) writer(of int) uint32 {
	for of >= len(b.writers) {
		b.writers = append(b.writers, nobody)
	}
	if b.writers[of] == nobody {
		b.writers[of] = b.author(&b.view.Authors()[of])
	}
	return b.writers[of]
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
func (b *Book) rename(author uint32, at stamp, name string) {
	a := &b.authors[author]
	if a.named.lamport > 0 && !b.newer(at, a.named) {
		return
	}
	a.named = at
	if name != a.name {
		a.name = name
		b.names = b.version
	}
}

// add takes in an entry.
func (b *Book) add(r *readRow, change int32, writer, lamport uint32) {
	i := int32(len(b.entries))
	e := bookEntry{
		change: change, index: r.index, lamport: lamport, writer: writer,
		parent: none, child: none, sibling: none, postings: uint32(len(b.postings)), said: none,
	}
	if r.reason == "" {
		d := &r.entry
		e.sides, e.scale = uint8(len(d.Postings)), uint8(d.Scale)
		unit := b.unit(d.Unit)
		for k := range d.Postings {
			p := &d.Postings[k]
			var who partyNumber
			if p.Key != nil {
				a := writer // as one of them is nearly always
				if *p.Key != b.authors[a].key {
					a = b.author(p.Key)
				}
				who = authorParty(a)
				e.bindsMe = e.bindsMe || a == b.me
			} else {
				who = labelParty(b.label(p.Label))
			}
			b.postings = append(b.postings, bookPosting{amount: p.Amount, cell: b.cell(unit, who), mark: none})
		}
	} else {
		b.invalid[i] = r.reason
	}
	if old, ok := b.find(r.replaces); ok && r.corrects && r.reason == "" {
		e.parent, e.sibling = old, b.entries[old].child
		b.entries[old].child = i
		b.touch(old)
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
