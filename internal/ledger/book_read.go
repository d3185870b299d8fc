package ledger

import (
	"errors"
	"strings"

	"github.com/tallystick/tallystick/crdt"
)

// chunkChanges is how many changes are read before they are taken in. While one such
// chunk is taken in the next are read.
const chunkChanges = 1024

// A chunk is what some changes in a row say, read and decoded: all that can be known
// of them without the book.
type chunk struct {
	changes  []readChange
	rows     []readRow
	marks    []readMark
	own      []readMark // those that the book's person made in these changes, in order
	postings []Posting  // of the rows, as far as they fit

	rowsOf  []crdt.Row // of one change
	marksOf []crdt.Mark

	from, end int           // of eachChunk: what to read
	done      chan struct{} // it was
}

type readChange struct {
	author      int // as the view counts them
	lamport     uint32
	rows, marks int // ends in those of the chunk
}

type readRow struct {
	index    uint32
	reason   Reason   // "" if the entry is valid
	corrects bool     // it is valid, and replaces
	replaces crdt.Key // this
	entry    Entry
}

type readMark struct {
	root   bool
	key    crdt.Key // of the entry
	author int      // as the view counts them
	stamp
	say  Say
	name string // on the root
}

// read reads the changes from … end-1. For an empty book, marks come with what they are
// said of: those that stand, and no others. That saves to look up for each mark ever made
// what it is said of, and to judge an entry again for each. Later marks come with the
// changes that made them.
func (c *chunk) read(v *crdt.View, self crdt.Author, empty bool) {
	c.changes, c.rows, c.marks, c.own = c.changes[:0], c.rows[:0], c.marks[:0], c.own[:0]
	if c.postings == nil {
		c.postings = make([]Posting, 0, 2*MinPostings*(c.end-c.from))
	}
	c.postings = c.postings[:0]
	if empty {
		for m := range v.MarksOn(c.from, c.end) {
			c.marks = append(c.marks, readMarkOf(v, m))
		}
	}
	marks := 0
	for i := c.from; i < c.end; i++ {
		change := readChange{author: v.AuthorOf(i), lamport: uint32(v.LamportOf(i))}
		c.rowsOf = v.AppendRows(c.rowsOf[:0], i)
		for _, r := range c.rowsOf {
			c.readRow(v, r)
		}
		mine := self != (crdt.Author{}) && v.Authors()[change.author] == self
		if empty {
			for marks < len(c.marks) && c.marks[marks].key.Change <= i { // the root's is zero
				marks++
			}
			if mine {
				c.own = c.appendMarks(c.own, v, i)
			}
		} else {
			c.marks = c.appendMarks(c.marks, v, i)
			if mine {
				c.own = append(c.own, c.marks[marks:]...)
			}
			marks = len(c.marks)
		}
		change.rows, change.marks = len(c.rows), marks
		c.changes = append(c.changes, change)
	}
}

func (c *chunk) readRow(v *crdt.View, r crdt.Row) {
	c.rows = append(c.rows, readRow{index: r.Key.Index})
	row := &c.rows[len(c.rows)-1]
	used := len(c.postings)
	row.entry.Postings = c.postings[used:]
	err := row.entry.Decode(r.Literal)
	if n := used + len(row.entry.Postings); n <= cap(c.postings) {
		c.postings = c.postings[:n]
	}
	if ref := row.entry.Replaces; err == nil && !ref.IsZero() {
		row.replaces, row.corrects = v.Element(r.Key.Change, ref.K, ref.I, ref.D)
		if !row.corrects {
			err = invalid(ReasonReplaces)
		}
	}
	if err != nil {
		row.reason, _ = errors.AsType[Reason](err)
	}
}

func (c *chunk) appendMarks(to []readMark, v *crdt.View, i int) []readMark {
	c.marksOf = v.AppendMarks(c.marksOf[:0], i)
	for _, m := range c.marksOf {
		to = append(to, readMarkOf(v, m))
	}
	return to
}

func readMarkOf(v *crdt.View, m crdt.Mark) readMark {
	mark := readMark{
		root: m.Root, key: m.Key, author: v.AuthorOf(m.Change),
		stamp: stamp{uint32(v.LamportOf(m.Change)), int32(m.Change), int32(m.Op)},
	}
	if m.Root {
		mark.name = strings.Clone(decodeName(m.Literal)) // not the change it lies in
	} else {
		mark.say, _ = decodeSay(m.Literal)
	}
	return mark
}

// Chunks are read by so many goroutines, and at most so many wait to be taken in.
const (
	chunkReaders = 2
	chunksAhead  = 4
)

// eachChunk has the changes of v from an index on read in chunks of a size, and calls
// take with each, in order. While take runs others are read; what a chunk holds is
// another's after that.
func eachChunk(v *crdt.View, from, size int, read, take func(c *chunk)) {
	if v.Changes()-from <= size {
		c := chunk{from: from, end: v.Changes()}
		read(&c)
		take(&c)
		return
	}
	free, inOrder, unread := make(chan *chunk, chunksAhead), make(chan *chunk, chunksAhead), make(chan *chunk, chunksAhead)
	for range chunksAhead {
		free <- &chunk{done: make(chan struct{}, 1)}
	}
	go func() {
		defer close(inOrder)
		defer close(unread)
		for i := from; i < v.Changes(); i += size {
			c := <-free
			c.from, c.end = i, min(i+size, v.Changes())
			inOrder <- c
			unread <- c
		}
	}()
	for range chunkReaders {
		go func() {
			for c := range unread {
				read(c)
				c.done <- struct{}{}
			}
		}()
	}
	for c := range inOrder {
		<-c.done
		take(c)
		free <- c
	}
}
