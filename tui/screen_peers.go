package tui

import (
	"slices"
	"strconv"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/list"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// peersState is the peers screen: one row a peer.
type peersState struct {
	list  list.List[transport.PeerID]
	rows  peerRows
	rates map[transport.PeerID]peerRate
}

// peerRate is how fast bytes went in and out in the last second that was measured.
type peerRate struct {
	at      time.Time
	in, out uint64 // at that time
	perIn   float64
	perOut  float64
}

// peerRows are the peers of a snapshot, in its order.
type peerRows []transport.PeerID

func (r peerRows) Len() int                   { return len(r) }
func (r peerRows) Key(i int) transport.PeerID { return r[i] }
func (r peerRows) IndexOf(id transport.PeerID) (int, bool) {
	i := slices.Index(r, id)
	return i, i >= 0
}

var _ list.Rows[transport.PeerID] = peerRows{}

func (s *peersState) sync(snap *transport.Snapshot) {
	rows := make(peerRows, len(snap.Peers))
	for i := range rows {
		rows[i] = snap.Peers[i].ID
	}
	s.rows = rows
	s.list.Sync(rows)
}

// measure takes the rates, once a second while they are shown.
func (s *peersState) measure(snap *transport.Snapshot, now time.Time) {
	if snap == nil {
		return
	}
	rates := make(map[transport.PeerID]peerRate, len(snap.Peers))
	for i := range snap.Peers {
		p := &snap.Peers[i]
		r := peerRate{at: now, in: p.BytesIn, out: p.BytesOut}
		if old, ok := s.rates[p.ID]; ok && now.After(old.at) && p.BytesIn >= old.in && p.BytesOut >= old.out {
			secs := now.Sub(old.at).Seconds()
			r.perIn, r.perOut = float64(p.BytesIn-old.in)/secs, float64(p.BytesOut-old.out)/secs
		}
		rates[p.ID] = r
	}
	s.rates = rates
}

func (m *Model) selectedPeer() (transport.PeerStatus, bool) {
	id, ok := m.peers.list.Cursor()
	if !ok || m.snap == nil {
		return transport.PeerStatus{}, false
	}
	return m.snap.Peer(id)
}

func (m *Model) onPeersKey(msg tea.KeyPressMsg) (tea.Cmd, bool) {
	if moveIn(&m.keys.Move, msg, &m.peers.list, list.Rows[transport.PeerID](m.peers.rows)) {
		return nil, true
	}
	k := &m.keys.Peers
	p, any := m.selectedPeer()
	switch {
	case key.Matches(msg, k.Back):
		m.show(ledgerScreen)
	case any && key.Matches(msg, k.Open):
		return m.openTips(p), true
	case key.Matches(msg, k.Add, k.Disconnect, k.Retry) && m.network == nil:
		m.tell(false, "connections cannot be changed here: the program was started without a network")
	case key.Matches(msg, k.Add):
		m.field = addressField
	case !any && key.Matches(msg, k.Open, k.Disconnect, k.Retry):
		m.tell(false, "there is no peer yet: {peers.add} adds one")
	case key.Matches(msg, k.Retry):
		m.tell(false, "trying %s now", m.address(p.Address).String())
		return m.fx.do(func() { m.network.Retry(p.ID) }), true
	case key.Matches(msg, k.Disconnect):
		network := m.network
		text := screen.Const("Disconnect the selected peer for this session? It is not dialled again.")
		if p.Direction == transport.Accepted {
			text = "Disconnect the selected peer? It dialled us, and may do so again."
		}
		m.push(&question{
			text: text,
			yes:  func(m *Model) tea.Cmd { return m.fx.do(func() { network.Disconnect(p.ID) }) },
		})
	default:
		return nil, false
	}
	return nil, true
}

// peerState is a peer's state in words.
func (m *Model) peerState(p *transport.PeerStatus) (screen.Const, screen.Style) {
	switch p.State {
	case transport.PeerLive:
		return "live", m.st.OK
	case transport.PeerConnecting:
		return "connecting", m.st.Info
	case transport.PeerComparing:
		return "comparing", m.st.Info
	case transport.PeerCatchingUp:
		return "catching up", m.st.Info
	case transport.PeerRetry:
		return "retry in " + wait(p.RetryAt.Sub(m.now())), m.st.Warn
	}
	return "closed", m.st.Dim
}

// behindText is what a peer is not known to hold: "=" nothing, "-2" two changes, "?" not compared yet.
func behindText(p *transport.PeerStatus) screen.Const {
	switch {
	case p.State == transport.PeerRetry || p.State == transport.PeerClosed || p.Behind < 0:
		return "?"
	case p.Behind == 0:
		return "="
	}
	return screen.Const(strconv.Itoa(-p.Behind))
}

// drawPeersPane draws the peers beside the list, a line each.
func (m *Model) drawPeersPane(a screen.Area) {
	style := m.st.Title
	if m.pane == peersPane && m.field == noField {
		style = m.st.Focus
	}
	a = a.Frame(m.st.Dim, style, "Peers", "")
	if m.snap == nil {
		return
	}
	if len(m.snap.Peers) == 0 {
		if m.link.Width() > 0 {
			drawLines(a, appendWrapped(nil, a.W-1, " ", m.st.Dim, m.st.Dim, m.link), 0)
			return
		}
		a.Const(1, 0, m.st.Dim, m.keyed("none: {global.peers}, then {peers.add} adds one"))
		return
	}
	for y := range min(len(m.snap.Peers), a.H) {
		if n := len(m.snap.Peers) - y; y == a.H-1 && n > 1 {
			a.Const(1, y, m.st.Dim, number(n)+" more: 2")
			break
		}
		p := &m.snap.Peers[y]
		word, st := m.peerState(p)
		a.Text(1, y, 13, m.st.Text, m.address(p.Address))
		a.ConstCut(15, y, a.W-15, st, word)
		if p.State != transport.PeerRetry && p.Theirs >= 0 && screen.Width(word) <= 4 {
			s := screen.Const(strconv.Itoa(p.Theirs)) + " " + behindText(p)
			a.Const(max(a.W-screen.Width(s)-1, 20), y, m.st.Text, s)
		}
	}
}

// drawPeers draws the peers screen: the rows, the selected peer, and what is to be compared with others.
func (m *Model) drawPeers(a screen.Area) {
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "Peers", m.peersNote())
	}
	if m.snap == nil {
		return
	}
	details := m.peerLines(a.W)
	rows := max(a.H-len(details)-2, min(len(m.snap.Peers), 3))
	if len(m.snap.Peers) > 0 {
		rows = min(rows, len(m.snap.Peers))
	} else {
		rows = 1
		a.Const(1, 1, m.st.Dim, m.keyed("No peer. What you type is saved here. {peers.add} adds one, as in ws://127.0.0.1:8080"))
	}
	m.drawPeerRows(a.Sub(0, 0, a.W, rows+1), rows)
	drawLines(a.Sub(0, rows+2, a.W, max(a.H-rows-2, 0)), details, 0)
}

func (m *Model) peersNote() screen.Const {
	if m.snap == nil {
		return ""
	}
	return plural(len(m.snap.Peers), "peer", "peers")
}

// peerColumn is one column of the peers screen; from is the width of the screen from which it is shown.
type peerColumn struct {
	name  screen.Const
	w     int
	from  int
	right bool
	text  func(m *Model, p *transport.PeerStatus) (screen.Const, screen.Style)
}

func (m *Model) peerColumns() []peerColumn {
	plain := func(f func(p *transport.PeerStatus) screen.Const) func(*Model, *transport.PeerStatus) (screen.Const, screen.Style) {
		return func(m *Model, p *transport.PeerStatus) (screen.Const, screen.Style) { return f(p), m.st.Text }
	}
	return []peerColumn{
		{"state", 14, 0, false, (*Model).peerState},
		{"role", 8, 70, false, plain(func(p *transport.PeerStatus) screen.Const {
			if p.Direction == transport.Accepted && p.Role == transport.RoleNode {
				return "node in"
			}
			return [...]screen.Const{"", "relay", "node"}[min(int(p.Role), 2)]
		})},
		{"ours", 9, 60, true, plain(func(p *transport.PeerStatus) screen.Const { return number(p.Ours) })},
		{"theirs", 9, 50, true, plain(func(p *transport.PeerStatus) screen.Const {
			if p.Theirs < 0 {
				return "?"
			}
			return number(p.Theirs)
		})},
		{"behind", 7, 40, true, plain(behindText)},
		{"ping", 7, 80, true, plain(func(p *transport.PeerStatus) screen.Const {
			if p.RTT <= 0 {
				return ""
			}
			if p.RTT < 10*time.Millisecond {
				return screen.Const(strconv.FormatFloat(float64(p.RTT)/1e6, 'f', 1, 64)) + " ms"
			}
			return number(int(p.RTT.Milliseconds())) + " ms"
		})},
		{"in", 10, 100, true, func(m *Model, p *transport.PeerStatus) (screen.Const, screen.Style) {
			return bytesRate(m.peers.rates[p.ID].perIn), m.st.Text
		}},
		{"out", 10, 100, true, func(m *Model, p *transport.PeerStatus) (screen.Const, screen.Style) {
			return bytesRate(m.peers.rates[p.ID].perOut), m.st.Text
		}},
		{"refused", 8, 90, true, func(m *Model, p *transport.PeerStatus) (screen.Const, screen.Style) {
			n := 0
			for _, r := range p.Refused {
				n += int(r.N)
			}
			if n == 0 {
				return "0", m.st.Text
			}
			return number(n), m.st.Error
		}},
	}
}

func (m *Model) drawPeerRows(a screen.Area, rows int) {
	columns := m.peerColumns()
	w := a.W
	left := w - markCells - 1
	shown := columns[:0]
	for _, c := range columns {
		if w >= c.from {
			shown = append(shown, c)
			left -= c.w + 1
		}
	}
	address := max(left, 6)
	draw := func(y int, f func(c *peerColumn) (screen.Const, screen.Style)) {
		x := markCells + address + 1
		for i := range shown {
			c := &shown[i]
			s, st := f(c)
			at := x
			if c.right {
				at += max(c.w-screen.Width(s), 0)
			}
			a.ConstCut(at, y, c.w, st, s)
			x += c.w + 1
		}
	}
	a.ConstCut(markCells, 0, address, m.st.Dim, "address")
	draw(0, func(c *peerColumn) (screen.Const, screen.Style) { return c.name, m.st.Dim })
	top, n := m.peers.list.Window(rows)
	for i := range n {
		p, ok := m.snap.Peer(m.peers.rows[top+i])
		if !ok {
			continue
		}
		y := i + 1
		a.Text(markCells, y, address, m.st.Text, m.address(p.Address))
		draw(y, func(c *peerColumn) (screen.Const, screen.Style) { return c.text(m, &p) })
		if top+i == m.peers.list.Index() {
			m.drawCursor(a.Sub(0, 1, a.W, a.H-1), i, n)
		}
	}
}

// peerLines is what is known of the selected peer, then the digests and counts of this room.
func (m *Model) peerLines(w int) []textLine {
	st := &m.st
	label := func(s screen.Const) part {
		return own(st.Dim, " "+s+screen.Const("            ")[:max(12-len(s), 1)])
	}
	var out []textLine
	if p, ok := m.selectedPeer(); ok {
		out = append(out, textLine{own(st.Focus, " Selected"), own(st.Dim, "  "), outside(st.Text, m.address(p.Address))})
		if p.Agent != "" {
			out = append(out, textLine{label("says it is"), outside(st.Text, m.cs.Text(p.Agent, noteCells))})
		}
		word, style := m.peerState(&p)
		out = append(out, textLine{label("state"), own(style, word), own(st.Dim, " since "+m.claimed(p.Since.Unix(), timeLayout))})
		if p.ToReceive > 0 || p.ToSend > 0 {
			out = append(out, textLine{label("under way"), own(st.Text, number(p.ToReceive)+" to receive, "+number(p.ToSend)+" to send")})
		}
		if p.Reason.Code != "" {
			who := screen.Const("")
			if p.Reason.Remote {
				who = "it said: "
			}
			text := m.cs.Text(p.Reason.Code+": "+p.Reason.Text, noteCells)
			out = appendWrapped(out, w, " last error  "+who, st.Dim, st.Text, text)
		}
		for _, r := range p.Refused {
			out = append(out, textLine{label("refused"), own(st.Error, number(int(r.N))), own(st.Text, " "), outside(st.Text, m.cs.Text(r.Code, noteCells))})
		}
		if p.Withheld > 0 {
			out = append(out, textLine{label("withheld"), own(st.Error, plural(p.Withheld, "change", "changes")), own(st.Text, " that it said to have stored")})
		}
		out = append(out, nil)
	}
	if m.link.Width() > 0 {
		out = append(out, textLine{own(st.Focus, " Connection")})
		out = append(appendWrapped(out, w-1, " ", st.Dim, st.Text, m.link), nil)
	}
	log, doc := screen.Const("…"), screen.Const("…")
	if m.digest.fresh(m) {
		log, doc = shortHex(m.digest.log, 64), shortHex(m.digest.doc, 64)
	}
	me := screen.Const("nobody: reading only")
	if m.snap.Writing != transport.WriteNoAuthor {
		me = hexIn(m.snap.Me, 64, w-13)
	}
	out = append(out, textLine{own(st.Focus, " Room"), own(st.Dim, "  equal digests mean equal documents: compare them with others")},
		textLine{label("log digest"), own(st.Text, log)},
		textLine{label("doc digest"), own(st.Text, doc)},
		textLine{label("room"), own(st.Text, shortHex(m.snap.Room, 64))},
		textLine{label("you"), own(st.Text, me)},
		textLine{
			label("changes"), own(st.Text, number(m.snap.View.Changes())), own(st.Dim, "  rows "), own(st.Text, number(m.snap.View.Len())),
			own(st.Dim, "  waiting for an ancestor "), own(st.Text, number(m.snap.Pending)), own(st.Dim, "  unsent "), own(st.Text, number(m.snap.Unsent)),
		})
	for i, l := range out {
		if l.width() > w { // full ids need two lines where there is no room for one
			out[i] = cutLine(l, w)
		}
	}
	return out
}
