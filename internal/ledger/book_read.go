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
	postings []Posting // of the rows, as far as they fit

	rowsOf  []crdt.Row // of one change
	marksOf []crdt.Mark

	from, end int           // of eachChunk: what to read
	done      chan struct{} // it was
}

type readChange struct {
	author      crdt.Author
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
	root bool
	key  crdt.Key // of the entry
	op   int32
	say  Say
	name string // on the root
}

// read reads the changes from … end-1.
func (c *chunk) read(v *crdt.View, from, end int) {
	c.changes, c.rows, c.marks = c.changes[:0], c.rows[:0], c.marks[:0]
	if c.postings == nil {
		c.postings = make([]Posting, 0, 2*MinPostings*(end-from))
	}
	c.postings = c.postings[:0]
	for i := from; i < end; i++ {
		c.rowsOf, c.marksOf = v.AppendRows(c.rowsOf[:0], i), v.AppendMarks(c.marksOf[:0], i)
		var change readChange
		if len(c.rowsOf)+len(c.marksOf) > 0 {
			at := v.ChangeAt(i)
			change.author, change.lamport = at.Author, uint32(at.Lamport)
		}
		for _, r := range c.rowsOf {
			c.readRow(v, r)
		}
		for _, m := range c.marksOf {
			c.readMark(m)
		}
		change.rows, change.marks = len(c.rows), len(c.marks)
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

func (c *chunk) readMark(m crdt.Mark) {
	mark := readMark{root: m.Root, key: m.Key, op: int32(m.Op)}
	if m.Root {
		mark.name = strings.Clone(decodeName(m.Literal)) // not the change it lies in
	} else {
		mark.say, _ = decodeSay(m.Literal)
	}
	c.marks = append(c.marks, mark)
}

// Chunks are read by so many goroutines, and at most so many wait to be taken in.
const (
	chunkReaders = 2
	chunksAhead  = 4
)

// eachChunk reads the changes of v from an index on in chunks of a size, and calls
// take with each, in order. While take runs others are read; what a chunk holds is
// another's after that.
func eachChunk(v *crdt.View, from, size int, take func(c *chunk)) {
	if v.Changes()-from <= size {
		var c chunk
		c.read(v, from, v.Changes())
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
				c.read(v, c.from, c.end)
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
