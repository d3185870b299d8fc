package tui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/tui/internal/screen"
)

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
	m.dirty, m.click = true, clickable{}
	if n := len(m.overlay); n > 0 {
		switch o := m.overlay[n-1].(type) {
		case *paletteOverlay, *chooser: // of few
			m.step(by / wheelRows)
		case *helpOverlay:
			o.scroll = max(o.scroll+by, 0)
		default:
			m.step(by)
		}
		return
	}
	if m.screen == oracleScreen { // of few
		by /= wheelRows
	}
	m.stepScreen(by)
}

// stepScreen moves the cursor of the screen by so many rows.
func (m *Model) stepScreen(by int) {
	switch {
	case m.screen == oracleScreen:
		if m.oracle.frame == nil {
			return
		}
		if m.oracle.pane == findingsPane {
			m.oracle.findings.Move(m.oracle.found, by)
			return
		}
		m.oracle.rows.Move(oracleRows(len(m.oracle.frame.Oracles)), by)
	case m.screen == eventsScreen:
		m.events.list.Move(m.events.rows(), by)
	case m.screen == peersScreen:
		m.peers.list.Move(m.peers.rows, by)
	case m.ledger.rows != nil:
		m.ledger.list.Move(m.ledger.rows, by)
		m.rememberShown()
	}
}

// clickable is where the rows were drawn last that a click can choose from; empty: nowhere, or the cursor has moved since.
type clickable struct {
	rows rect
	at   int // the line of the cursor
}

// clickRows notes that lines 0 to n-1 of a show a row each, the one under the cursor at line y.
func (m *Model) clickRows(a screen.Area, y, n int) {
	m.click = clickable{rect{a.X, a.Y, a.W, n}, y}
}

// drawCursor marks line y, of n that show a row each, as the one under the cursor of a page.
func (m *Model) drawCursor(a screen.Area, y, n int) {
	a.Const(1, y, m.st.Focus, ">")
	a.PlaceCursor(1, y, false)
	a.Toggle(0, y, a.W, m.st.Cursor)
	m.clickRows(a, y, n)
}

// step moves what lies on top by so many rows or lines: as its keys do.
func (m *Model) step(by int) {
	o := m.overlay[len(m.overlay)-1]
	up, down := m.keys.Move.Up, m.keys.Move.Down
	switch o.focus() {
	case onDialog, onMark, onForm: // a wheel answers nothing
		return
	case onType:
		if _, ok := o.(*paletteOverlay); !ok {
			return
		}
		up, down = m.keys.Type.Older, m.keys.Type.Newer
	}
	press, _ := pressOf(down.Keys()[0])
	if by < 0 {
		by = -by
		press, _ = pressOf(up.Keys()[0])
	}
	for range by {
		o.key(m, press) // moving has no command
	}
}

// onClick selects the row that was clicked.
func (m *Model) onClick(msg tea.MouseClickMsg) {
	c := m.click
	if msg.Button != tea.MouseLeft || !c.rows.has(msg.X, msg.Y) {
		return
	}
	m.dirty, m.click = true, clickable{} // until it is drawn
	by := msg.Y - c.rows.y - c.at
	if len(m.overlay) > 0 {
		m.step(by)
		return
	}
	m.stepScreen(by)
	m.pane = listPane
}
