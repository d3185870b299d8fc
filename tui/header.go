package tui

import (
	"time"

	"charm.land/bubbles/v2/key"

	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// catchUpAfter is how long catching up must last to be told in figures.
const catchUpAfter = 300 * time.Millisecond

// draw draws the whole screen.
func (m *Model) draw(g *screen.Grid) {
	m.dirty, m.click = false, clickable{}
	g.ASCII = m.options.Look.ASCII
	g.Reset(m.w, m.h)
	all := g.All()
	if m.lay.shape == tooSmall {
		all.Const(0, 0, m.st.Text, "too small")
		return
	}
	m.drawHeader(sub(all, m.lay.header))
	switch m.screen {
	case ledgerScreen:
		m.drawLedger(all)
	case peersScreen:
		m.drawPeers(sub(all, m.lay.body))
	case eventsScreen:
		m.drawEvents(sub(all, m.lay.body))
	case oracleScreen:
		m.drawOracle(all)
	}
	if m.screen != oracleScreen || m.lay.shape == tiny {
		m.drawInput(all)
	}
	m.drawStatus(sub(all, m.lay.status))
	m.drawLongNote(all)
	for _, o := range m.overlay {
		m.click = clickable{}
		o.draw(m, all)
	}
	if f := m.focus(); len(m.overlay) > 0 && f != onDialog && f != onType { // those are drawn where it would stand
		m.drawLongNote(all)
	}
}

func sub(a screen.Area, r rect) screen.Area { return a.Sub(r.x, r.y, r.w, r.h) }

// drawHeader draws where one is at the left and how things stand at the right; the right side goes last.
func (m *Model) drawHeader(a screen.Area) {
	if a.Empty() {
		return
	}
	state := m.stateLine()
	w := state.width()
	if m.lay.shape == tiny && m.screen == oracleScreen {
		say(a, 0, 0, state...)
		return
	}
	if m.lay.shape == tiny {
		m.drawTinyCounts(a, state)
		return
	}
	at := max(a.W-w-1, 0)
	left := a.Sub(0, 0, max(at-1, 0), 1)
	say(a, at, 0, state...)
	name, id := m.roomName()
	switch m.lay.shape {
	case wide:
		if m.options.Open == nil {
			say(left, 1, 0, own(m.st.Focus, "tallystick"), own(m.st.Dim, "  oracle simulation"))
			return
		}
		where := textLine{own(m.st.Focus, "tallystick"), own(m.st.Dim, "  room "), outside(m.st.Text, name), own(m.st.Dim, " "), own(m.st.Text, id)}
		if left.W < 1+where.width()+3+tabCells { // where one can go says more than what program it is
			where = where[2:]
		}
		x := say(left, 1, 0, where...)
		m.drawTabs(left, x+3, 2)
	case medium:
		if m.options.Open == nil {
			say(left, 1, 0, own(m.st.Focus, "oracle simulation"))
			return
		}
		x := say(left, 1, 0, outside(m.st.Focus, name))
		m.drawTabs(left, x+2, 1)
	case narrow:
		if m.screen == oracleScreen {
			name = m.cs.Text(m.oracle.price().Name, 16)
		}
		say(left, 0, 0, outside(m.st.Focus, name))
	}
}

// tabCells is how wide the tabs are at their widest, but for keys of the user's own.
const tabCells = len("1 Ledger  2 Peers  3 Oracle  4 Events")

func (m *Model) drawTabs(a screen.Area, x, gap int) {
	for _, t := range []struct {
		id   screenID
		name screen.Const
	}{
		{ledgerScreen, "{global.ledger} Ledger"}, {peersScreen, "{global.peers} Peers"},
		{oracleScreen, "{global.oracle} Oracle"}, {eventsScreen, "{global.events} Events"},
	} {
		t.name = m.keyed(t.name)
		if x+screen.Width(t.name) > a.W {
			return
		}
		if m.options.Open == nil && t.id != oracleScreen {
			continue
		}
		style := m.st.Dim
		if t.id == m.screen {
			style = m.st.Focus | screen.Underline
		}
		x = a.Const(x, 0, style, t.name) + gap
	}
}

func (m *Model) roomName() (safe.String, screen.Const) {
	if m.snap == nil {
		return m.cs.Text(m.options.Room, 24), ""
	}
	return m.cs.Text(m.snap.RoomName, 24), shortHex(m.snap.Room, 8)
}

// stateLine is the connection's word and all counts that want attention.
func (m *Model) stateLine() textLine {
	st := &m.st
	sep := own(st.Dim, " · ")
	if m.lay.shape <= narrow {
		sep = own(st.Dim, " ")
	}
	if m.screen == oracleScreen {
		return m.simLine()
	}
	if m.snap == nil {
		return textLine{own(st.Info, "opening")}
	}
	s := m.snap
	var l textLine
	switch s.Writing {
	case transport.WriteStoreError:
		l = append(l, own(st.Error, "store error"), sep)
	case transport.WriteSelfFork:
		l = append(l, own(st.Error, "SELF FORK"), sep)
	case transport.WriteGuarded:
		l = append(l, own(st.Warn, "writing waits"), sep)
	case transport.WriteNoAuthor:
		l = append(l, own(st.Dim, "reading only"), sep)
	}
	l = append(l, m.linkPart())
	count := func(n int, style screen.Style, word screen.Const) {
		if n > 0 {
			l = append(l, sep, own(style, number(n)+" "+word))
		}
	}
	count(len(m.entry.queue)+m.entry.inFlight, st.Dim, "saving")
	if n := m.book.waiting; n > 0 {
		l = append(l, sep, own(st.Info, number(n)+m.waitWord()))
	}
	count(s.Unsent, st.Warn, "unsent")
	count(s.Pending, st.Dim, "pending")
	if n := len(s.View.Forks()); n > 0 {
		word := screen.Const("forks")
		if n == 1 {
			word = "fork"
		}
		count(n, st.Error, word)
	}
	if news, ok := m.newsPart(); ok { // what is cut first
		l = append(l, sep, news)
	}
	return l
}

func (m *Model) linkPart() part {
	s := m.snap
	of := number(s.Live) + "/" + number(s.Of)
	switch s.Link {
	case transport.LinkConnecting:
		return own(m.st.Info, "connecting "+of)
	case transport.LinkCatchingUp:
		return own(m.st.Info, m.catchUpText())
	case transport.LinkLive:
		return own(m.st.OK, "live "+of)
	}
	return own(m.st.Warn, "offline")
}

// catchUpText tells how far catching up has got: done of total, share, rate, time left.
func (m *Model) catchUpText() screen.Const {
	c := &m.snap.CatchUp
	lasts := m.now().Sub(c.Since)
	if lasts < catchUpAfter || c.Total <= 0 {
		return "catching up"
	}
	of := number(c.Done) + "/" + number(c.Total)
	if c.AtLeast {
		of = number(c.Done) + " of at least " + number(c.Total)
	}
	text := "catching up " + of
	if m.lay.shape < wide {
		return text
	}
	text += " " + number(100*min(c.Done, c.Total)/c.Total) + "%"
	if rate := float64(c.Done-c.From) / lasts.Seconds(); rate >= 1 {
		text += " " + countRate(rate) + " ~" + wait(time.Duration(float64(max(c.Total-c.Done, 0))/rate*float64(time.Second)))
	}
	return text
}

// drawTinyCounts draws the row's place and what wants attention, the latter last to go.
func (m *Model) drawTinyCounts(a screen.Area, state textLine) {
	if len(state) > 2 {
		state = state[2:] // the counts rather than the connection
	}
	w := state.width()
	at := max(a.W-w, 0)
	if i := m.ledger.list.Index(); i >= 0 {
		place := number(i+1) + "/" + number(m.ledger.list.Len())
		if screen.Width(place) < at {
			a.Const(0, 0, m.st.Dim, place)
		}
	}
	say(a, at, 0, state...)
}

// drawStatus draws the bottom line: the mode, then a note or the keys that matter, then help and quit.
func (m *Model) drawStatus(a screen.Area) {
	if a.Empty() {
		return
	}
	mode := screen.Const(" [NAV]  ")
	if m.typing() {
		mode = " [TYPE] "
	}
	if m.lay.shape == narrow {
		mode = mode[1:]
	}
	x := a.Const(0, 0, m.st.Focus, mode)
	right := m.rightHints()
	end := a.W - right.width() - 1
	if m.lay.shape == narrow && len(right) > 2 { // how to find the rest, rather than how to leave
		right = right[:2]
		end = a.W - right.width()
	}
	if end > 2*len(mode) {
		say(a, end, 0, right...)
	} else {
		end = a.W
	}
	room := a.Sub(0, 0, max(end-1, 0), 1)
	if w := m.note.text.Width(); w > 0 && (w <= room.W-x || m.noteRect().empty()) {
		room.Text(x, 0, room.W-x, m.noteStyle(), m.note.text)
		return
	}
	for _, k := range m.hints() {
		h := k.Help()
		w := len(h.Key) + 1 + len(h.Desc)
		if x+w > room.W {
			break
		}
		x = room.Const(x, 0, m.st.Key, screen.Const(h.Key))
		x = room.Const(x+1, 0, m.st.Text, screen.Const(h.Desc)) + 2
	}
}

func (m *Model) noteStyle() screen.Style {
	if m.note.bad {
		return m.st.Error
	}
	return m.st.Info
}

// noteRect is where a note is told that is too long for the bottom line: in place of the lines about what is typed.
func (m *Model) noteRect() rect {
	if m.screen == oracleScreen {
		return m.oracleLayout().figures
	}
	if m.lay.boxed {
		r := m.lay.input
		return rect{r.x + 1, r.y + 2, r.w - 2, r.h - 3}
	}
	return m.lay.below
}

// drawLongNote draws a note that does not fit the bottom line.
func (m *Model) drawLongNote(all screen.Area) {
	status := m.lay.status.w - 10 - m.rightHints().width()
	if m.note.text.Width() <= status || m.lay.status.empty() || m.noteRect().empty() {
		return
	}
	a := sub(all, m.noteRect())
	a.Clear()
	for i, l := range appendWrapped(nil, a.W-1, " ", 0, m.noteStyle(), m.note.text) {
		say(a, 0, i, l...)
	}
}

// typing reports whether printable keys are text: the mode.
func (m *Model) typing() bool { return m.focus() == onType || m.focus() == onForm }

// hints are the keys of the bottom line, the most useful first.
func (m *Model) hints() []key.Binding {
	k := &m.keys
	switch m.focus() {
	case onRooms:
		return []key.Binding{k.Rooms.Show, relabel(k.Rooms.Join, "join"), k.Rooms.New, relabel(k.Rooms.Invite, "invitation"), relabel(k.Rooms.Back, "back")}
	case onJoin:
		return []key.Binding{relabel(k.Dialog.Yes, "join it"), relabel(k.Dialog.No, "leave it"), k.Move.Down, k.Move.Up}
	case onInvite:
		return []key.Binding{relabel(k.Rooms.Copy, "copy"), relabel(k.Rooms.Show, "show the room"), relabel(k.Rooms.Back, "back")}
	case onWriters:
		return []key.Binding{k.Rooms.Mark, relabel(k.Rooms.Show, "go on"), relabel(k.Rooms.Back, "back")}
	case onPeople:
		p := &k.People
		return []key.Binding{relabel(p.Open, "open"), relabel(p.Confirm, "confirm"), relabel(p.Name, "name"), relabel(p.Copy, "copy key"), relabel(p.Mine, "own key"), relabel(p.Back, "back")}
	case onPerson:
		p := &k.People
		return []key.Binding{relabel(p.Confirm, "confirm"), relabel(p.Name, "name"), relabel(p.Copy, "copy key"), relabel(p.Back, "back"), k.Move.Down, k.Move.Up}
	case onSettle:
		s := &k.Settle
		return []key.Binding{relabel(s.Send, "write it"), relabel(s.All, "write all"), s.Unit, relabel(s.Back, "back")}
	case onTips:
		return []key.Binding{k.Tips.Back, relabel(k.Tips.Copy, "copy key"), k.Move.Down, k.Move.Up}
	case onForm:
		return []key.Binding{k.Type.Enter, relabel(k.Form.Next, "next field"), relabel(k.Form.NextName, "name"), relabel(k.Type.Leave, "leave")}
	case onType:
		t := &k.Type
		if q := m.asked(); q != nil {
			return []key.Binding{t.Enter, relabel(t.Leave, "without a memo")}
		}
		if n := len(m.overlay); n > 0 {
			if _, ok := m.overlay[n-1].(*prompt); ok {
				return []key.Binding{relabel(t.Enter, "go on"), t.Leave, relabel(t.KillLeft, "clear")}
			}
		}
		switch m.field {
		case filterField:
			return []key.Binding{relabel(t.Enter, "keep filter"), relabel(t.Leave, "clear"), relabel(t.Older, "previous hit"), relabel(t.Newer, "next hit")}
		case addressField:
			return []key.Binding{relabel(t.Enter, "dial"), t.Leave}
		case noField:
			if n := len(m.overlay); n > 0 {
				if _, ok := m.overlay[n-1].(*paletteOverlay); ok {
					return []key.Binding{relabel(t.Enter, "do it"), t.Leave, relabel(t.Older, "up"), relabel(t.Newer, "down"), relabel(t.KillLeft, "clear")}
				}
			}
			return []key.Binding{relabel(t.Enter, "keep"), relabel(t.Leave, "clear")}
		}
		return []key.Binding{t.Enter, t.Leave, t.Complete, t.Older, relabel(t.KillLeft, "clear")}
	case onDialog:
		return []key.Binding{k.Dialog.Yes, k.Dialog.No}
	case onDetail:
		return []key.Binding{
			k.Detail.Back, k.Mark.Agree, relabel(k.Mark.Dispute, "dispute"), relabel(k.Mark.Withdraw, "withdraw"), relabel(k.Mark.Correct, "correct"),
			k.Detail.Copy, relabel(k.Detail.CopyAll, "copy JSON"), k.Move.Down, k.Move.Up,
		}
	case onForks:
		return []key.Binding{k.Evidence.Open, k.Evidence.Back, k.Move.Down, k.Move.Up}
	case onEvidence:
		return []key.Binding{
			k.Evidence.Back, relabel(k.Evidence.Export, "save proof"), k.Evidence.Open, relabel(k.Evidence.Side, "choose"),
			relabel(k.Evidence.Next, "next"), relabel(k.Evidence.Copy, "copy ids"), k.Move.Down, k.Move.Up,
		}
	case onMark:
		return []key.Binding{k.Dialog.Yes, k.Dialog.No, relabel(k.Mark.Memo, "with a memo")}
	case onBalances:
		return []key.Binding{k.Balances.Back, k.Balances.NextUnit, k.Balances.Settle, relabel(k.Balances.Entries, "entries"), k.Move.Down, k.Move.Up}
	case onHelp:
		return []key.Binding{k.Detail.Back, relabel(k.Ledger.Filter, "filter"), k.Move.Down, k.Move.Up}
	case onPeers:
		hints := []key.Binding{relabel(k.Peers.Open, "what it holds"), relabel(k.Ledger.Back, "ledger")}
		if m.network != nil {
			hints = append([]key.Binding{relabel(k.Peers.Add, "add"), k.Peers.Disconnect, k.Peers.Retry}, hints...)
		}
		return hints
	case onOracle:
		return m.oracleHints()
	case onInspect:
		return []key.Binding{k.Inspect.Open, k.Inspect.Back, relabel(k.Inspect.Copy, "copy"), k.Move.Down, k.Move.Up}
	case onChoose:
		return []key.Binding{k.Choose.Take, k.Choose.Back, k.Move.Down, k.Move.Up}
	case onEvents:
		return []key.Binding{relabel(k.Events.Filter, "filter"), relabel(k.Events.Open, "go to change"), relabel(k.Events.Back, "ledger")}
	}
	if cmds := m.markHints(); cmds != nil {
		return cmds
	}
	hints := []key.Binding{relabel(k.Global.New, "new"), relabel(k.Ledger.Filter, "filter"), k.Ledger.Open, relabel(k.Ledger.Copy, "copy")}
	if m.snap != nil && len(m.snap.View.Forks()) > 0 {
		hints = append(hints, relabel(k.Ledger.Evidence, "evidence"))
	}
	if m.lay.shape == wide {
		hints = append(hints, relabel(k.Global.Next, "pane"))
	}
	return hints
}

// rightHints stand at the right end of the bottom line.
func (m *Model) rightHints() textLine {
	if m.focus() == onDialog {
		return nil
	}
	h, q := m.keys.Global.Help.Help(), m.keys.Global.Quit.Help()
	if m.typing() {
		h = m.keys.Type.Help.Help()
		return textLine{own(m.st.Key, screen.Const(h.Key)), own(m.st.Text, " help")}
	}
	return textLine{
		own(m.st.Key, screen.Const(h.Key)), own(m.st.Text, " help"), own(0, "  "), own(m.st.Key, screen.Const(q.Key)), own(m.st.Text, " quit"),
	}
}

// relabel is a binding as a bottom line calls it.
func relabel(b key.Binding, desc string) key.Binding {
	b.SetHelp(b.Help().Key, desc)
	return b
}
