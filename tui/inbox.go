package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// onMarkKey handles the keys by which one says something of entries, and looks at what was said.
func (m *Model) onMarkKey(msg tea.KeyPressMsg) (tea.Cmd, bool) {
	k := &m.keys.Mark
	if m.snap == nil || m.ledger.rows == nil {
		return nil, false
	}
	switch {
	case key.Matches(msg, k.Agree):
		return m.markEntries(ledger.Agree, m.chosenRows()...), true
	case key.Matches(msg, k.Dispute):
		return m.markEntries(ledger.Dispute, m.chosenRows()...), true
	case key.Matches(msg, k.Withdraw):
		return m.markEntries(ledger.Withdraw, m.chosenRows()...), true
	case key.Matches(msg, k.Undo):
		return m.undoMark(), true
	case key.Matches(msg, k.Correct):
		if row, ok := m.selected(); ok {
			return m.correctEntry(row), true
		}
	case key.Matches(msg, k.Prove):
		if row, ok := m.selected(); ok {
			return m.proveEntry(row), true
		}
	case key.Matches(msg, k.Select):
		m.chooseRow()
	case key.Matches(msg, k.Inbox):
		m.showInbox(!m.ledger.inbox)
	case key.Matches(msg, k.Balances):
		return m.openBalances(m.cursorUnit()), true
	case key.Matches(msg, k.Withdrawn):
		return m.toggleWithdrawn(), true
	default:
		return nil, false
	}
	return nil, true
}

// showInbox shows only what waits for one's word, or all rows again, the cursor where it was.
func (m *Model) showInbox(on bool) {
	s := &m.ledger
	if s.inbox == on || s.rows == nil {
		return
	}
	if on && !m.known() {
		m.tell(false, "the room is still being read: press the key again in a moment")
		return
	}
	clear(m.marks.chosen)
	m.pane = listPane
	if s.filter.active() {
		s.filter.line.Set("")
		m.later = tea.Batch(m.later, m.filterTyped())
	}
	s.inbox, s.amount = on, amountWidths{}
	if on {
		s.outside, _ = s.list.Cursor()
		s.wasFollowing = s.list.Following()
		s.waiting = m.book.book.Waiting()
		m.showRows()
		s.list.To(s.rows, 0)
		m.rememberShown()
		if len(s.waiting) > 0 {
			m.tell(false, "{mark.agree} agrees, {mark.dispute} disputes, {mark.select} selects several, {ledger.open} shows all that is known, {ledger.back} goes back")
		}
		return
	}
	s.waiting = nil
	m.showRows()
	if i, ok := s.rows.IndexOf(s.outside); ok && !s.wasFollowing {
		s.list.To(s.rows, i)
	} else {
		s.list.To(s.rows, s.list.Len()-1)
	}
	m.rememberShown()
}

// showRows has the list show the rows that it is to show now.
func (m *Model) showRows() {
	m.dirty = true
	m.ledger.showRows(m.snap.View)
	m.rememberShown()
}

// toggleWithdrawn shows withdrawn rows, or hides them.
func (m *Model) toggleWithdrawn() tea.Cmd {
	s := &m.ledger
	s.showAll = !s.showAll
	switch n := len(s.withdrawn); {
	case s.showAll && n == 0:
		m.tell(false, "no entry is withdrawn yet; those that will be are shown from now on")
	case s.showAll:
		m.tell(false, "%s shown, dimmed: {mark.withdrawn} hides them", plural(n, "withdrawn entry", "withdrawn entries"))
	default:
		m.tell(false, "withdrawn entries are hidden: {mark.withdrawn} shows them")
	}
	if s.filter.active() {
		return m.searchAgain()
	}
	m.showRows()
	if s.order.by != inListOrder {
		note := m.note
		cmd := m.sortAgain()
		m.note = note
		return cmd
	}
	return nil
}

// baseNote says what the list shows where no filter is on.
func (m *Model) baseNote(order screen.Const) screen.Const {
	s := &m.ledger
	if s.inbox {
		return "inbox: " + plural(len(s.waiting), "entry waits", "entries wait") + m.keyed(" for your word · {ledger.back} back")
	}
	note := plural(m.snap.View.Len(), "row", "rows")
	if n := len(s.withdrawn); n > 0 && !s.showAll {
		return note + ", " + number(n) + m.keyed(" withdrawn hidden ({mark.withdrawn}) · ") + order + " · filter off"
	}
	return note + " · " + order + " · filter off"
}

// waitWord says what the count in the header is of, and the key for it.
func (m *Model) waitWord() screen.Const {
	if m.lay.shape <= narrow {
		return " wait"
	}
	if m.lay.shape == medium {
		return m.keyed(" wait: {mark.inbox}")
	}
	if m.book.waiting == 1 {
		return m.keyed(" waits for you: {mark.inbox}")
	}
	return m.keyed(" wait for you: {mark.inbox}")
}

// markHints are the keys of the bottom line that matter most for the row under the cursor, nil if none stand out.
func (m *Model) markHints() []key.Binding {
	if m.snap == nil || m.screen != ledgerScreen || !m.known() {
		return nil
	}
	k := &m.keys.Mark
	if n := len(m.marks.chosen); n > 0 {
		return []key.Binding{
			relabel(k.Agree, "agree to "+string(number(n))), relabel(k.Dispute, "dispute"), relabel(k.Withdraw, "withdraw"), k.Select,
			relabel(m.keys.Ledger.Back, "let go"),
		}
	}
	row, ok := m.ledger.list.Cursor()
	if !ok {
		return nil
	}
	hints := []key.Binding{relabel(m.keys.Global.New, "new"), relabel(m.keys.Ledger.Filter, "filter"), m.keys.Ledger.Open}
	switch me, can := m.me(); {
	case !can:
		return nil
	case m.book.book.Waits(row):
		hints = []key.Binding{k.Agree, relabel(k.Dispute, "dispute"), relabel(k.Select, "select"), m.keys.Ledger.Open}
		if m.ledger.inbox {
			hints = append(hints, relabel(m.keys.Ledger.Back, "all rows"))
		}
	case m.snap.View.ChangeAt(row.Change).Author == me:
		hints = append(hints, relabel(k.Correct, "correct"), relabel(k.Withdraw, "withdraw"))
	}
	if m.book.waiting > 0 && !m.ledger.inbox {
		hints = append(hints, relabel(k.Inbox, "inbox"))
	}
	return append(hints, relabel(k.Balances, "balances"), relabel(k.Undo, "undo"), relabel(m.keys.Ledger.Copy, "copy"))
}
