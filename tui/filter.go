package tui

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/editor"
)

// filterState is a filter and what it has found so far.
type filterState struct {
	line  editor.Line
	words []string // of the filter that applies, folded; nil: none

	// The ledger's only: its search goes through an immutable view off the screen's goroutine, from the newest row back,
	// while rows that come in later are looked at here.
	gen     int        // of the search under way; what an older one found is dropped
	hits    []crdt.Key // in the order of the rows
	late    []crdt.Key // of those, the ones that the search does not know
	done    bool       // the search has come to the first row
	stale   bool       // the search has to start over
	applied bool       // the list shows hits; before the first result it still shows what it showed
	anchor  crdt.Key   // where the cursor was before the filter
	isAt    bool
}

func (f *filterState) active() bool { return f.words != nil }

// currentFilter is the filter of the screen that is shown.
func (m *Model) currentFilter() *filterState {
	if m.screen == eventsScreen {
		return &m.events.filter
	}
	return &m.ledger.filter
}

// filterTyped applies what was typed so far.
func (m *Model) filterTyped() tea.Cmd {
	f := m.currentFilter()
	f.words = splitWords(f.line.String())
	if m.screen == eventsScreen {
		m.events.sync()
		return nil
	}
	return m.searchAgain()
}

func (m *Model) clearFilter() tea.Cmd {
	m.currentFilter().line.Set("")
	return m.filterTyped()
}

// splitWords returns the folded words of a filter, nil if there are none.
func splitWords(s string) []string {
	words := strings.Fields(string(appendFolded(nil, s)))
	if len(words) == 0 {
		return nil
	}
	return words
}

// searchAgain starts the ledger's search over, or shows all rows if there is no filter.
func (m *Model) searchAgain() tea.Cmd {
	s := &m.ledger
	f := &s.filter
	f.gen++
	f.late, f.done, f.stale = nil, false, false
	s.amount = amountWidths{}
	if m.snap == nil {
		return nil
	}
	if at, ok := s.list.Cursor(); ok {
		f.anchor, f.isAt = at, true
	}
	if f.active() {
		return searchFrom(m.snap.View, f.words, f.gen, m.snap.View.Len(), nil, firstSearchRows)
	}
	f.hits, f.applied = nil, false
	s.rows = allRows{m.snap.View}
	s.list.Sync(s.rows)
	if i, ok := s.rows.IndexOf(f.anchor); ok && f.isAt {
		s.list.To(s.rows, i)
	}
	return nil
}

// nextFilter starts the search over if a snapshot brought more than is looked at here.
func (m *Model) nextFilter() tea.Cmd {
	if !m.ledger.filter.stale {
		return nil
	}
	return m.searchAgain()
}

// Of a search, the first part is told soon, so that a page is there at once.
const (
	firstSearchRows = 4096
	nextSearchRows  = 1 << 16
)

// searchFrom looks at n rows of a view before row end, and adds the hits in front of those found.
func searchFrom(v *crdt.View, words []string, gen, end int, found []crdt.Key, n int) tea.Cmd {
	return func() tea.Msg {
		begin := max(end-n, 0)
		var hits []crdt.Key
		var e matcher
		for i := begin; i < end; i++ {
			if row := v.Row(i); e.matches(v, row, words) {
				hits = append(hits, row.Key)
			}
		}
		return filteredMsg{gen: gen, view: v, begin: begin, hits: append(hits, found...)}
	}
}

// onFiltered takes over what a search has found so far, and lets it go on.
func (m *Model) onFiltered(msg filteredMsg) tea.Cmd {
	s := &m.ledger
	f := &s.filter
	if msg.gen != f.gen {
		return nil
	}
	m.dirty = true
	f.hits, f.done = slices.Clone(msg.hits), msg.begin == 0
	for _, k := range f.late {
		f.insert(m.snap.View, k)
	}
	at, had := f.anchor, !f.applied && f.isAt
	following := s.list.Following()
	f.applied = true
	rows := hitRows{m.snap.View, f.hits}
	s.rows = rows
	s.list.Sync(s.rows)
	if row, ok := m.snap.View.IndexOf(at); ok && had && !following {
		s.list.To(s.rows, rows.place(row)) // the next hit, if the row itself is none
	}
	if f.done {
		return nil
	}
	return searchFrom(msg.view, f.words, f.gen, msg.begin, msg.hits, nextSearchRows)
}

// insert puts a hit in its place among the others.
func (f *filterState) insert(v *crdt.View, k crdt.Key) {
	row, ok := v.IndexOf(k)
	if !ok {
		return
	}
	i := hitRows{v, f.hits}.place(row)
	if i < len(f.hits) && f.hits[i] == k {
		return
	}
	f.hits = slices.Insert(f.hits, i, k)
}

// maxLateChanges is how many new changes of one snapshot are searched on the screen's goroutine.
const maxLateChanges = 1000

// grow looks at the rows that came in between two snapshots. It reports false if that are too many, so that the search has
// to start over.
func (f *filterState) grow(old, now *transport.Snapshot) bool {
	if old == nil || now.View.Changes()-old.View.Changes() > maxLateChanges {
		return false
	}
	var e matcher
	for c := old.View.Changes(); c < now.View.Changes(); c++ {
		for _, row := range now.View.RowsOf(c) {
			if e.matches(now.View, row, f.words) {
				f.late = append(f.late, row.Key)
				f.insert(now.View, row.Key)
			}
		}
	}
	return true
}

// moveHit moves to the next or previous hit, and around the ends.
func (m *Model) moveHit(by int) {
	if m.screen == eventsScreen {
		if n := m.events.list.Len(); n > 0 {
			m.events.list.To(m.events.rows(), (m.events.list.Index()+by+n)%n)
		}
		return
	}
	if n := m.ledger.list.Len(); n > 0 && m.ledger.filter.applied {
		m.ledger.list.To(m.ledger.rows, (m.ledger.list.Index()+by+n)%n)
	}
}

// matcher decides whether rows match. It keeps its memory between them.
type matcher struct {
	entry ledger.Entry
	text  []byte
}

// matches reports whether every word is in the row: in a name, the memo, the amount or the unit, or as the beginning
// (four digits at least) of the change's or the author's id.
func (e *matcher) matches(v *crdt.View, r crdt.Row, words []string) bool {
	if e.entry.Decode(r.Literal) != nil && len(e.entry.Postings) == 0 {
		e.text = append(e.text[:0], "invalid"...)
	} else {
		b := e.text[:0]
		for _, p := range e.entry.Postings {
			b = append(appendFolded(b, p.Label), '\n')
			if p.Amount > 0 {
				b = append(ledger.AppendAmount(b, p.Amount, min(max(e.entry.Scale, 0), ledger.MaxScale)), '\n')
			}
		}
		b = append(appendFolded(b, e.entry.Unit), '\n')
		e.text = appendFolded(b, e.entry.Memo)
	}
	for _, w := range words {
		if !bytes.Contains(e.text, []byte(w)) && !matchesID(v, r.Key.Change, w) {
			return false
		}
	}
	return true
}

func matchesID(v *crdt.View, change int, w string) bool {
	if len(w) < 4 || len(w) > 64 || strings.Trim(w, "0123456789abcdef") != "" {
		return false
	}
	c := v.ChangeAt(change)
	var digits [64]byte
	hex.Encode(digits[:], c.ID[:])
	if string(digits[:len(w)]) == w {
		return true
	}
	hex.Encode(digits[:], c.Author[:])
	return string(digits[:len(w)]) == w
}

// appendFolded appends s in lower case.
func appendFolded(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			for _, r := range s[i:] {
				dst = utf8.AppendRune(dst, unicode.ToLower(r))
			}
			return dst
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
