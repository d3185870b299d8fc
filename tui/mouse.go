package tui

import tea "charm.land/bubbletea/v2"

// toggleMouse turns the mouse on or off. It is off at the start, so that the terminal's own selection works.
func (m *Model) toggleMouse() tea.Cmd {
	m.mouse = !m.mouse
	on := m.mouse
	if on {
		m.tell(false, "mouse on: the wheel scrolls, a click selects; most terminals still select text with Shift")
	} else {
		m.tell(false, "mouse off")
	}
	return m.fx.do(func() { m.fx.terminal.mouse(on) })
}

const wheelRows = 3

func (m *Model) onWheel(msg tea.MouseWheelMsg) {
	by := wheelRows
	if msg.Button == tea.MouseWheelUp {
		by = -wheelRows
	}
	m.dirty = true
	if n := len(m.overlay); n > 0 {
		switch o := m.overlay[n-1].(type) {
		case *helpOverlay:
			o.scroll = max(o.scroll+by, 0)
		case *paletteOverlay:
			o.at = min(max(o.at+by/wheelRows, 0), max(len(o.found(m))-1, 0))
		case *detailOverlay:
			o.scroll = max(o.scroll+by, 0)
		case *evidenceOverlay:
			o.scroll = max(o.scroll+by, 0)
		case *inspectOverlay:
			o.scroll, o.kept = max(o.scroll+by, 0), true
		case *chooser:
			o.list.Move(oracleRows(len(o.choices)), by/wheelRows)
		}
		return
	}
	switch {
	case m.screen == oracleScreen:
		if m.oracle.frame != nil {
			m.oracle.rows.Move(oracleRows(len(m.oracle.frame.Oracles)), by/wheelRows)
		}
	case m.screen == eventsScreen:
		m.events.list.Move(m.events.rows(), by)
	case m.screen == peersScreen:
		m.peers.list.Move(m.peers.rows, by)
	case m.ledger.rows != nil:
		m.ledger.list.Move(m.ledger.rows, by)
		m.rememberShown()
	}
}

// onClick selects the row that was clicked.
func (m *Model) onClick(msg tea.MouseClickMsg) {
	if len(m.overlay) > 0 || m.screen != ledgerScreen || m.ledger.rows == nil || msg.Button != tea.MouseLeft {
		return
	}
	r := m.lay.list
	first := r.y
	if m.lay.shape >= medium {
		first += 2 // border and heading
	}
	if msg.X < r.x || msg.X >= r.x+r.w || msg.Y < first || msg.Y >= r.y+r.h {
		return
	}
	top, n := m.ledger.list.Window(m.listHeight())
	if row := msg.Y - first; row < n {
		m.ledger.list.To(m.ledger.rows, top+row)
		m.rememberShown()
		m.dirty, m.pane = true, listPane
	}
}

// listHeight is how many rows the list shows.
func (m *Model) listHeight() int {
	switch {
	case m.lay.shape == tiny:
		return 1
	case m.lay.shape >= medium:
		h := m.lay.list.h - 3
		return h - m.welcomeHeight(h)
	}
	return m.lay.list.h
}
