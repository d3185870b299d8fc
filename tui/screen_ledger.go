package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/list"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// ledgerState is the ledger screen: a list anchored to its entries.
type ledgerState struct {
	list   list.List[crdt.Key]
	rows   viewRows // all, or the filter's hits; nil until the room is open
	cache  rowCache
	filter filterState
	order  orderState // sort.go
	scroll int        // of the change pane

	withdrawn    []crdt.Key // rows that are withdrawn, in the order of the view
	showAll      bool       // those too
	inbox        bool       // the list is what waits for one's word
	waiting      []crdt.Key // that
	outside      crdt.Key   // where the cursor was before the inbox
	wasFollowing bool
	balance      balanceLine // below the list

	// shown is what the last picture had under the cursor: a key that is pressed means this one, whatever came in between.
	shown   crdt.Key
	isShown bool

	amount amountWidths
}

// amountWidths are the columns of amounts, aligned on the point, and those of names and standings. They grow with what comes
// into sight and shrink when the filter changes, so that nothing jumps while one scrolls.
type amountWidths struct{ before, after, unit, from, to, leastFrom, leastTo, said, word int } // word is of the states in sight alone

// sync takes over a newer snapshot.
func (s *ledgerState) sync(old, now *transport.Snapshot) {
	f := &s.filter
	if f.active() && !f.grow(old, now) {
		f.stale = true
	}
	s.order.grow(s, old, now)
	s.showRows(now.View)
}

// showRows has the list show what filter and order make of a view.
func (s *ledgerState) showRows(v *crdt.View) {
	s.rows = s.order.apply(v, s.chosen(v))
	plain := s.order.plain()
	if s.inbox { // a short list, in its own order
		s.rows, plain = s.base(v), true
	}
	s.list.Follow = s.list.Follow && plain // a last row of another order is not the one to be followed
	s.list.Sync(s.rows)
	s.list.Follow = plain
}

// chosen are the rows that are shown, in the order of the view.
func (s *ledgerState) chosen(v *crdt.View) viewRows {
	if s.filter.applied {
		return hitRows{v, s.filter.hits}
	}
	return s.base(v)
}

// selected is the entry that a key means: the one that was shown under the cursor, or that a key since then has moved it to.
func (m *Model) selected() (crdt.Key, bool) {
	if m.ledger.isShown {
		if _, ok := m.ledger.rows.IndexOf(m.ledger.shown); ok {
			return m.ledger.shown, true
		}
	}
	return m.ledger.list.Cursor()
}

func (m *Model) onLedgerKey(msg tea.KeyPressMsg) (tea.Cmd, bool) {
	switch m.pane {
	case peersPane, eventsPane:
		if key.Matches(msg, m.keys.Ledger.Open) {
			return m.zoomIn(), true
		}
	case changePane:
		if by, ok := m.scrollBy(msg, m.lay.change.h-2); ok {
			m.ledger.scroll = max(m.ledger.scroll+by, 0)
			return nil, true
		}
	}
	l := &m.keys.Ledger
	if m.pane == listPane && m.ledger.rows != nil && m.moveList(msg) {
		m.rememberShown() // the next key may come before the next picture: it means the row moved to
		m.ledger.scroll = 0
		return nil, true
	}
	switch {
	case key.Matches(msg, l.Open):
		m.openDetail()
	case key.Matches(msg, l.Back):
		switch {
		case m.pane != listPane:
			m.pane = listPane
		case len(m.marks.chosen) > 0:
			clear(m.marks.chosen)
		case m.ledger.filter.active():
			return m.clearFilter(), true
		case m.ledger.inbox:
			m.showInbox(false)
		case m.zoom:
			m.zoom = false
			m.relayout()
		}
	case key.Matches(msg, l.Filter):
		m.pane, m.field = listPane, filterField
	case key.Matches(msg, l.NextHit):
		m.moveHit(1)
	case key.Matches(msg, l.PreviousHit):
		m.moveHit(-1)
	case key.Matches(msg, l.Sort):
		return m.sortNext(), true
	case key.Matches(msg, l.Reverse):
		return m.sortReverse(), true
	case key.Matches(msg, l.Copy):
		return m.copyID(), true
	case key.Matches(msg, l.CopyAll):
		return m.copyChange(), true
	case key.Matches(msg, l.Form):
		return m.openForm(), true
	case key.Matches(msg, l.People):
		return m.openPeople(), true
	case key.Matches(msg, l.Rooms):
		return m.openRooms(), true
	case key.Matches(msg, l.Evidence):
		return m.openEvidence(), true
	default:
		return m.onMarkKey(msg)
	}
	return nil, true
}

// moveList moves the cursor of the list.
func (m *Model) moveList(msg tea.KeyPressMsg) bool {
	l, rows := &m.ledger.list, m.ledger.rows
	return moveIn(&m.keys.Move, msg, l, rows)
}

// moveIn moves a list's cursor by the keys for it; false if msg is none.
func moveIn[K comparable](mv *MoveKeys, msg tea.KeyPressMsg, l *list.List[K], rows list.Rows[K]) bool {
	switch {
	case key.Matches(msg, mv.Down):
		l.Move(rows, 1)
	case key.Matches(msg, mv.Up):
		l.Move(rows, -1)
	case key.Matches(msg, mv.PageDown):
		l.Page(rows, 1)
	case key.Matches(msg, mv.PageUp):
		l.Page(rows, -1)
	case key.Matches(msg, mv.HalfDown):
		l.HalfPage(rows, 1)
	case key.Matches(msg, mv.HalfUp):
		l.HalfPage(rows, -1)
	case key.Matches(msg, mv.First):
		l.To(rows, 0)
	case key.Matches(msg, mv.Last):
		l.To(rows, l.Len()-1)
	default:
		return false
	}
	return true
}

// scrollBy is by how many lines a key for moving scrolls a text shown in so many lines.
func (m *Model) scrollBy(msg tea.KeyPressMsg, lines int) (int, bool) {
	mv := &m.keys.Move
	const all = 1 << 20
	switch {
	case key.Matches(msg, mv.Down):
		return 1, true
	case key.Matches(msg, mv.Up):
		return -1, true
	case key.Matches(msg, mv.PageDown):
		return max(lines-1, 1), true
	case key.Matches(msg, mv.PageUp):
		return -max(lines-1, 1), true
	case key.Matches(msg, mv.HalfDown):
		return max(lines/2, 1), true
	case key.Matches(msg, mv.HalfUp):
		return -max(lines/2, 1), true
	case key.Matches(msg, mv.First):
		return -all, true
	case key.Matches(msg, mv.Last):
		return all, true
	}
	return 0, false
}

// drawLedger draws the list and, where there is room, what is beside and below it.
func (m *Model) drawLedger(all screen.Area) {
	lay := &m.lay
	m.drawList(sub(all, lay.list))
	if !lay.peers.empty() {
		m.drawPeersPane(sub(all, lay.peers))
	}
	if !lay.change.empty() {
		m.drawChangePane(sub(all, lay.change))
	}
	if !lay.events.empty() {
		m.drawEventsPane(sub(all, lay.events))
	}
	if !lay.below.empty() && m.field == noField {
		m.drawSummary(sub(all, lay.below))
	}
	m.drawBalanceLine(sub(all, lay.balances))
}

func (m *Model) drawList(a screen.Area) {
	framed := m.lay.shape >= medium
	if framed {
		style := m.st.Title
		if m.pane == listPane && m.field == noField {
			style = m.st.Focus
		}
		bottom := a.Sub(0, a.H-1, a.W, 1)
		a = a.Frame(m.st.Dim, style, "List", m.listNote())
		m.drawListFoot(bottom)
	}
	if m.snap == nil {
		a.Const(1, 0, m.st.Info, "opening the room: checking every hash and signature…")
		return
	}
	l := &m.ledger.list
	rows := a
	if framed {
		rows = a.Sub(0, 1, a.W, a.H-1)
	}
	if m.lay.shape == tiny {
		rows = a.Sub(0, max(a.H-2, 0), a.W, min(a.H, 2))
		l.Window(1)
		m.rememberShown()
		m.drawTinyRow(rows)
		return
	}
	if n := m.welcomeHeight(rows.H); n > 0 {
		m.drawWelcome(rows.Sub(0, rows.H-n, rows.W, n))
		rows = rows.Sub(0, 0, rows.W, rows.H-n)
	}
	top, n := l.Window(rows.H)
	m.rememberShown()
	if n <= 0 {
		m.drawEmpty(rows)
		return
	}
	drawn := m.gather(top, n)
	if !framed {
		for i := range drawn {
			m.drawNarrowRow(rows, i, &drawn[i])
			if drawn[i].cursor {
				m.clickRows(rows, i, n)
			}
		}
		return
	}
	c := m.newColumns(a.W-1, drawn)
	c.header(a, m.st.Dim)
	for i := range drawn {
		m.drawRow(rows, i, &c, &drawn[i])
		if drawn[i].cursor {
			m.clickRows(rows, i, n)
		}
	}
}

// rememberShown notes what a key means now: what the picture shows under the cursor, or where a key has just put it. Whoever moves
// the cursor for the user calls it; what comes in from others never does.
func (m *Model) rememberShown() {
	m.ledger.shown, m.ledger.isShown = m.ledger.list.Cursor()
}

func (m *Model) listNote() screen.Const {
	if m.snap == nil {
		return ""
	}
	f := &m.ledger.filter
	order := m.ledger.order.note()
	if !f.active() {
		return m.baseNote(order)
	}
	s := number(len(f.hits)) + " of " + plural(m.snap.View.Len(), "row", "rows")
	if !f.done {
		s += ", searching"
	}
	return s + " · " + order + " · filter " + screen.Const(m.cs.Text(strings.TrimSpace(f.line.String()), 24).String())
}

// drawListFoot writes where the cursor is, and the digests, into the list's lower border.
func (m *Model) drawListFoot(a screen.Area) {
	if m.snap == nil || a.W < 40 {
		return
	}
	l := &m.ledger.list
	x := 2
	place := textLine{own(m.st.Dim, " row "), own(m.st.Text, number(l.Index()+1)), own(m.st.Dim, " of "+number(l.Len())+" ")}
	switch {
	case l.Len() == 0:
	case l.Fresh() > 0:
		x = say(a, x, 0, append(place, own(m.st.Dim, "· "), own(m.st.Warn, number(l.Fresh())+m.keyed(" new below: {move.last}")), own(m.st.Dim, " "))...)
	case l.Following():
		x = say(a, x, 0, own(m.st.Dim, " end: following "))
	default:
		x = say(a, x, 0, place...)
	}
	if s := m.digestNote(); a.W-screen.Width(s)-3 > x {
		a.Const(a.W-screen.Width(s)-3, 0, m.st.Dim, s)
	}
}

// drawEmpty says what to do where there is no row.
func (m *Model) drawEmpty(a screen.Area) {
	lines := []screen.Const{
		"No transaction in this room yet.", "",
		"Type one:  alice -> bob 12.50 dinner",
		"It is signed, kept here, and sent to every peer that is there.",
	}
	if m.field == noField {
		lines[2] = m.keyed("Press {global.new} and type one:  alice -> bob 12.50 dinner")
	}
	if m.ledger.inbox {
		lines = []screen.Const{"Nothing waits for your word.", "", m.keyed("{ledger.back} shows all rows again.")}
	}
	if m.ledger.filter.active() {
		lines = []screen.Const{"Nothing matches the filter.", "", m.keyed("{ledger.back} shows all rows again.")}
		if !m.ledger.filter.done {
			lines = []screen.Const{"searching…"}
		}
	}
	for i, s := range lines {
		a.ConstCut(1, i, a.W-1, m.st.Dim, s)
	}
}
