package tui

import (
	"encoding/hex"
	"errors"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// Cells at which texts of an entry are cut before they are even measured against a column.
const (
	nameCells = 64
	memoCells = 512
)

// entryText is an entry ready to be drawn: it depends on the change alone, so it is kept as long as there is room.
type entryText struct {
	id       crdt.ChangeID
	hex      [16]byte // the first digits of id
	author   crdt.Author
	from, to safe.String
	keys     [2][]crdt.Author // of those who give, and of those who get
	alike    [2]*called       // the first of them, if it looks like another; else nil
	memo     safe.String
	unit     safe.String
	amount   int64 // what changes hands
	scale    int
	invalid  ledger.Reason // "" if valid
	postings int

	statusAt uint64 // of the book, when status was asked for; 0: never
	status   ledger.Status
	meaning  meaning
}

// readEntry decodes a row. What cannot be read is invalid and shows what there is.
func (m *Model) readEntry(v *crdt.View, r crdt.Row) *entryText {
	cs := m.cs
	c := v.ChangeAt(r.Key.Change)
	t := &entryText{id: c.ID, author: c.Author}
	hex.Encode(t.hex[:], c.ID[:len(t.hex)/2])
	e, err := ledger.Decode(r.Literal)
	var invalid *ledger.InvalidError
	if errors.As(err, &invalid) {
		t.invalid = invalid.Reason
	}
	t.memo = cs.Text(e.Memo, memoCells)
	t.unit = cs.Text(e.Unit, ledger.MaxUnitBytes)
	t.scale = min(max(e.Scale, 0), ledger.MaxScale)
	var more [2][]safe.String // of sides of several
	var got int64
	for i := range e.Postings {
		p := &e.Postings[i]
		at := 1
		if p.Amount < 0 {
			at = 0
		} else if got += p.Amount; got < 0 { // overflow: of an invalid entry only
			got = 0
		}
		side := &t.from
		if at == 1 {
			side = &t.to
		}
		switch {
		case side.Width() == 0: // as with any entry of two postings
			*side = m.partyName(p)
		case len(more[at]) < 2*maxNamesInRow:
			more[at] = append(more[at], safe.Literal(", "), m.partyName(p))
		}
		if p.Key != nil {
			if c := m.calledOf(*p.Key); len(t.keys[at]) == 0 && c.tail.Width() > 0 {
				t.alike[at] = c
			}
			t.keys[at] = append(t.keys[at], *p.Key)
		}
	}
	if more[0] != nil {
		t.from = safe.Concat(append([]safe.String{t.from}, more[0]...)...)
	}
	if more[1] != nil {
		t.to = safe.Concat(append([]safe.String{t.to}, more[1]...)...)
	}
	t.amount, t.postings = got, len(e.Postings)
	return t
}

// side is who gives (0) or gets (1), in at most w cells where the names have to be cut.
func (m *Model) side(e *entryText, at, w int) safe.String {
	s := e.from
	if at == 1 {
		s = e.to
	}
	c := e.alike[at]
	if c == nil || s.Width() <= w {
		return s
	}
	if more := safe.Literal(",…"); len(e.keys[at]) > 1 && w >= e.leastSide(at)+more.Width() {
		return safe.Concat(m.withTail(c.name, c.tail, w-more.Width()), more)
	}
	return m.withTail(c.name, c.tail, w)
}

// leastSide is how many cells tell who gives or gets from a look-alike; 0: there is none.
func (e *entryText) leastSide(at int) int {
	if c := e.alike[at]; c != nil {
		return c.tail.Width() + 1
	}
	return 0
}

// maxNamesInRow is how many parties of a side a row names: more than fit.
const maxNamesInRow = 8

// maxCachedRows bounds the entries that are kept ready. A screen shows a hundred at most; the rest is for scrolling back.
const maxCachedRows = 1024

// rowCache keeps entries ready to be drawn.
type rowCache map[crdt.Key]*entryText

// entryText returns the entry of a row.
func (m *Model) entryText(r crdt.Row) *entryText {
	c := &m.ledger.cache
	if t, ok := (*c)[r.Key]; ok {
		return t
	}
	if *c == nil || len(*c) >= maxCachedRows {
		*c = make(rowCache, maxCachedRows)
	}
	t := m.readEntry(m.snap.View, r)
	(*c)[r.Key] = t
	return t
}

// standingAt brings an entry's standing up to date.
func (m *Model) standingAt(k crdt.Key, t *entryText) *meaning {
	if !m.known() {
		return &t.meaning
	}
	if at := m.book.at + 1; t.statusAt != at {
		t.statusAt = at
		if s := m.book.book.Status(k); s.Standing != t.status.Standing || s.By != t.status.By || s.StandBy != t.status.StandBy || s.Sides != t.status.Sides {
			t.status, t.meaning = s, m.meaningOf(s)
		}
	}
	return &t.meaning
}

// standing is a row's state in words: what there is, and what gives way where there is no room.
type standing struct {
	word   screen.Const
	by, of int // "sent by/of"; of 0: no such suffix
	style  screen.Style
}

// append appends the word, with its suffix if wanted.
func (s standing) append(dst []byte, suffix bool) []byte {
	dst = append(dst, s.word...)
	if s.of > 0 && suffix {
		dst = appendInt(append(dst, ' '), s.by)
		dst = appendInt(append(dst, '/'), s.of)
	}
	return dst
}

// standingOf says the state of an entry, the gravest first.
func (m *Model) standingOf(key crdt.Key, t *entryText) standing {
	state := m.stateOf(key.Change)
	switch {
	case m.snap.View.Forked(t.author):
		return standing{word: "FORK", style: m.st.Error}
	case state.Standing == transport.Refused:
		return standing{word: "refused", style: m.st.Error}
	case t.invalid != "":
		return standing{word: "invalid", style: m.st.Error}
	}
	switch state.Standing {
	case transport.Saving:
		return standing{word: "saving", style: m.st.Dim}
	case transport.Unsent:
		return standing{word: "unsent", style: m.st.Warn}
	case transport.Sent:
		return standing{word: "sent", by: state.By, of: state.Of, style: m.st.OK}
	}
	return standing{}
}

// stateOf is how far a change has got.
func (m *Model) stateOf(index int) transport.ChangeState {
	if m.options.state != nil {
		return m.options.state(m.snap, index)
	}
	return m.snap.State(index)
}
