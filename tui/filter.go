package tui

import (
	"slices"
	"strings"
	"sync/atomic"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/editor"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// filterState is a filter and what it has found so far.
type filterState struct {
	line  editor.Line
	words []string            // of the events' filter that applies, folded; nil: none
	want  ledger.Filter       // of the ledger's; zero: none
	wrong *ledger.SyntaxError // what is to be said of the line; want is what stands before

	// The ledger's only: its search goes through an immutable view off the screen's goroutine, from the newest row back,
	// while rows that come in later are looked at here.
	match   *matcher
	gen     int64         // of the search under way; what an older one found is dropped
	newest  *atomic.Int64 // gen, for the search itself: an older one gives up
	hits    []crdt.Key    // in the order of the rows; not changed in place, since others read it
	late    []crdt.Key    // of those, the ones that the search does not know
	touched []crdt.Key    // rows that stand otherwise than when the search began
	unsent  int           // changes, when it began
	done    bool          // the search has come to the first row
	stale   bool          // the search has to start over
	applied bool          // the list shows hits; before the first result it still shows what it showed
	anchor  crdt.Key      // where the cursor was before the filter
	isAt    bool
}

func (f *filterState) active() bool { return f.words != nil || !f.want.IsZero() }

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
	if m.screen == eventsScreen {
		f.words = splitWords(f.line.String())
		m.events.sync()
		return nil
	}
	f.want, f.wrong = ledger.ParseFilter(f.line.String())
	return m.searchAgain()
}

// filterEntered keeps the filter that was typed, if it is one.
func (m *Model) filterEntered() {
	if f := m.currentFilter(); m.screen != eventsScreen && f.wrong != nil {
		m.tell(true, "%s", f.wrong.Error())
		return
	}
	m.field = noField
}

func (m *Model) clearFilter() tea.Cmd {
	m.currentFilter().line.Set("")
	return m.filterTyped()
}

// setFilter shows the rows of the ledger that a filter chooses, as if it had been typed.
func (m *Model) setFilter(text string) tea.Cmd {
	m.show(ledgerScreen)
	f := &m.ledger.filter
	f.line.Set(text)
	cmd := m.filterTyped()
	if f.wrong != nil {
		m.field = filterField
		m.tell(true, "%s", f.wrong.Error())
	}
	return cmd
}

// splitWords returns the folded words of a filter, nil if there are none.
func splitWords(s string) []string {
	words := strings.Fields(string(ledger.AppendFolded(nil, s)))
	if len(words) == 0 {
		return nil
	}
	return words
}

// drawFilterHelp says what a filter can be, or what is wrong with the one that is typed.
func (m *Model) drawFilterHelp(a screen.Area, x int) {
	f := m.currentFilter()
	text := f.line.String()
	switch err := f.wrong; {
	case m.screen == eventsScreen:
		a.ConstCut(x, 0, a.W-x, m.st.Dim, "finds kinds, addresses and reasons; several words: all of them")
	case text == "":
		a.ConstCut(x, 0, a.W-x, m.st.Dim, "words, from: to: with: by: unit: memo: is: since: until: >100 -not")
		a.ConstCut(x, 1, a.W-x, m.st.Dim, "as in: from:alice unit:EUR >100 is:disputed since:2026-01 -rent")
	case err != nil && err.Offset < len(text):
		m.drawWrong(a, x, err)
	case err != nil:
		say(a, x, 0, own(m.st.Dim, "then "), outside(m.st.Info, m.cs.Text(err.Expected, noteCells)))
	case f.applied:
		n := screen.Const("")
		if !f.done {
			n = " so far, searching"
		}
		at := plural(len(f.hits), "row", "rows") + n
		if i := m.ledger.list.Index(); i >= 0 {
			at = "row " + number(i+1) + " of " + at
		}
		a.ConstCut(x, 0, a.W-x, m.st.Dim, at)
	}
}

// matcher decides whether the list shows a row. One goroutine uses it.
type matcher struct {
	filter ledger.Filter
	facts  ledger.ViewFacts
	snap   *transport.Snapshot
	state  func(*transport.Snapshot, int) transport.ChangeState
	hide   bool // rows that are withdrawn
}

// newMatcher is a matcher for the filter that applies, of the newest snapshot.
func (m *Model) newMatcher() *matcher {
	mt := &matcher{filter: m.ledger.filter.want, state: m.options.state}
	if mt.state == nil {
		mt.state = (*transport.Snapshot).State
	}
	mt.facts = ledger.ViewFacts{Self: m.snap.Me, Label: m.options.Name, Has: mt.has, Location: m.now().Location()}
	if m.book.ready {
		mt.facts.Book = m.book.book
		mt.hide = !m.ledger.showAll && !mt.filter.Asks(ledger.IsWithdrawn)
	}
	if people := m.book.people; people != nil {
		mt.facts.Names = people.Name
	}
	mt.at(m.snap)
	return mt
}

// at goes on with another snapshot.
func (mt *matcher) at(s *transport.Snapshot) {
	mt.snap, mt.facts.View = s, s.View
}

func (mt *matcher) matches(row crdt.Row) bool {
	mt.facts.At(row)
	return mt.filter.Match(&mt.facts) && !(mt.hide && mt.facts.Is(ledger.IsWithdrawn))
}

// has answers what a filter asks with is: and neither document nor book say.
func (mt *matcher) has(k crdt.Key, is ledger.Is) bool {
	switch is {
	case ledger.IsUnsent:
		s := mt.state(mt.snap, k.Change).Standing
		return s == transport.Unsent || s == transport.Saving
	case ledger.IsRefused:
		return mt.state(mt.snap, k.Change).Standing == transport.Refused
	}
	return false
}

// searchAgain starts the ledger's search over, or shows all rows if there is no filter.
func (m *Model) searchAgain() tea.Cmd {
	s := &m.ledger
	f := &s.filter
	if f.newest == nil {
		f.newest = new(atomic.Int64)
	}
	f.gen++
	f.newest.Store(f.gen)
	f.late, f.touched, f.done, f.stale = nil, nil, false, false
	s.amount = amountWidths{}
	if m.snap == nil {
		return nil
	}
	if at, ok := s.list.Cursor(); ok {
		f.anchor, f.isAt = at, true
	}
	s.order.forget()
	if f.active() {
		f.match, f.unsent = m.newMatcher(), m.snap.Unsent
		return searchFrom(m.newMatcher(), f.newest, f.gen, m.snap.View.Len(), nil, firstSearchRows)
	}
	f.hits, f.applied, f.match = nil, false, nil
	m.ledger.showRows(m.snap.View)
	if i, ok := s.rows.IndexOf(f.anchor); ok && f.isAt {
		s.list.To(s.rows, i)
	}
	return m.nextSort()
}

// nextFilter starts the search over if a snapshot brought more than is looked at here.
func (m *Model) nextFilter() tea.Cmd {
	f := &m.ledger.filter
	if f.done && (f.want.Asks(ledger.IsUnsent) || f.want.Asks(ledger.IsRefused)) && f.unsent != m.snap.Unsent {
		f.stale = true
	}
	if !f.stale {
		return nil
	}
	return m.searchAgain()
}

// Of a search, the first part is told soon, so that a page is there at once.
const (
	firstSearchRows = 4096
	nextSearchRows  = 1 << 16
)

// searchFrom looks at n rows of a view before row end, and adds the hits in front of those found. It gives up once another search
// was begun: who types a word begins one with each letter.
func searchFrom(mt *matcher, newest *atomic.Int64, gen int64, end int, found []crdt.Key, n int) tea.Cmd {
	return func() tea.Msg {
		begin := max(end-n, 0)
		var hits []crdt.Key
		for i := begin; i < end; i++ {
			if i%256 == 0 && newest.Load() != gen {
				return nil
			}
			if row := mt.facts.View.Row(i); mt.matches(row) {
				hits = append(hits, row.Key)
			}
		}
		return filteredMsg{gen: gen, match: mt, begin: begin, hits: append(hits, found...)}
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
	f.hits = placeHits(m.snap.View, f.hits, f.late)
	f.match.at(m.snap)
	f.judge(f.touched)
	at, had := f.anchor, !f.applied && f.isAt
	following := s.list.Following()
	f.applied = true
	s.showRows(m.snap.View)
	if row, ok := m.snap.View.IndexOf(at); ok && had && !following && s.order.plain() {
		s.list.To(s.rows, hitRows{m.snap.View, f.hits}.place(row)) // the next hit, if the row itself is none
	}
	if f.done {
		return m.nextSort()
	}
	return searchFrom(msg.match, f.newest, f.gen, msg.begin, msg.hits, nextSearchRows)
}

// placeHits returns hits with more of them put in their places.
func placeHits(v *crdt.View, hits, more []crdt.Key) []crdt.Key {
	if len(more) == 0 {
		return hits
	}
	hits = slices.Clone(hits)
	for _, k := range more {
		row, ok := v.IndexOf(k)
		if !ok {
			continue
		}
		if i := (hitRows{v, hits}).place(row); i == len(hits) || hits[i] != k {
			hits = slices.Insert(hits, i, k)
		}
	}
	return hits
}

// maxLateChanges is how many new changes of one snapshot are searched on the screen's goroutine.
const maxLateChanges = 1000

// grow looks at the rows that came in between two snapshots. It reports false if that are too many, so that the search has
// to start over.
func (f *filterState) grow(old, now *transport.Snapshot) bool {
	if old == nil || f.match == nil || now.View.Changes()-old.View.Changes() > maxLateChanges {
		return false
	}
	f.match.at(now)
	more := len(f.late)
	for c := old.View.Changes(); c < now.View.Changes(); c++ {
		for _, row := range now.View.RowsOf(c) {
			if f.match.matches(row) {
				f.late = append(f.late, row.Key)
			}
		}
	}
	f.hits = placeHits(now.View, f.hits, f.late[more:])
	return true
}

// rowsChanged looks again at the rows of entries that stand otherwise than before; at all rows unless ok.
func (m *Model) rowsChanged(keys []crdt.Key, ok bool) {
	s := &m.ledger
	f := &s.filter
	switch {
	case !ok:
		f.stale = f.active()
		s.order.changed()
		return
	case len(keys) == 0:
		return
	case s.order.by == byStanding:
		s.order.changed()
	}
	if f.match == nil || !f.want.Changes() && !f.match.hide {
		return
	}
	f.match.at(m.snap)
	if !f.done {
		f.touched = append(f.touched, keys...) // the search may have seen them as they were
		f.stale = f.stale || len(f.touched) > maxLateChanges
	}
	if f.judge(keys) {
		s.order.changed()
	}
}

// judge puts rows among the hits, or takes them out, as they stand now. It reports whether that changed any.
func (f *filterState) judge(keys []crdt.Key) (changed bool) {
	v := f.match.snap.View
	var in []crdt.Key
	for _, k := range keys {
		at, ok := v.IndexOf(k)
		if !ok {
			continue
		}
		i := hitRows{v, f.hits}.place(at)
		is, want := i < len(f.hits) && f.hits[i] == k, f.match.matches(v.Row(at))
		switch {
		case want && !is:
			in = append(in, k)
		case !want && is:
			f.hits = slices.Concat(f.hits[:i], f.hits[i+1:])
			f.late = slices.DeleteFunc(f.late, func(l crdt.Key) bool { return l == k })
		default:
			continue
		}
		changed = true
	}
	f.late = append(f.late, in...)
	f.hits = placeHits(v, f.hits, in)
	return changed
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
		m.rememberShown()
	}
}
