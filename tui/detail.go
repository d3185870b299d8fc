package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

const timeLayout = "2006-01-02 15:04:05"

// maxLinksShown bounds the links that a change lists; the rest is counted.
const maxLinksShown = 64

// detailOverlay is one change on the whole screen. It stays on its change, whatever comes in.
type detailOverlay struct {
	change int // log index
	entry  crdt.Key
	isRow  bool // entry is a row of the list
	scroll int
}

func (m *Model) openDetail() {
	if k, ok := m.selected(); ok {
		m.push(&detailOverlay{change: k.Change, entry: k, isRow: true})
	}
}

func (d *detailOverlay) focus() focus { return onDetail }

func (d *detailOverlay) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	k := &m.keys.Detail
	if by, ok := m.scrollBy(msg, m.lay.body.h-2); ok {
		d.scroll = max(d.scroll+by, 0)
		return nil
	}
	switch {
	case key.Matches(msg, k.Back):
		m.pop()
	case key.Matches(msg, k.Copy):
		return m.copyChangeID(d.change)
	case key.Matches(msg, k.CopyAll):
		return m.copyJSON(d.change, d.entry, d.isRow)
	case key.Matches(msg, k.Evidence):
		return m.openEvidence()
	case d.isRow && key.Matches(msg, m.keys.Mark.Agree):
		return m.markEntries(ledger.Agree, d.entry)
	case d.isRow && key.Matches(msg, m.keys.Mark.Dispute):
		return m.markEntries(ledger.Dispute, d.entry)
	case d.isRow && key.Matches(msg, m.keys.Mark.Withdraw):
		return m.markEntries(ledger.Withdraw, d.entry)
	case d.isRow && key.Matches(msg, m.keys.Mark.Undo):
		return m.undoMark()
	case d.isRow && key.Matches(msg, m.keys.Mark.Correct):
		return m.correctEntry(d.entry)
	case d.isRow && key.Matches(msg, m.keys.Mark.Prove):
		return m.proveEntry(d.entry)
	default:
		return m.onGlobalKey(msg)
	}
	return nil
}

func (d *detailOverlay) draw(m *Model, all screen.Area) {
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "Change", m.keyed("{detail.back} back"))
	}
	d.scroll = drawLines(a, m.changeLines(d.change, d.entry, d.isRow, a.W, whole), d.scroll)
}

// wholeBody clears and returns the area between header and bottom line, input line included.
func (m *Model) wholeBody(all screen.Area) screen.Area {
	a := sub(all, m.lay.body)
	if !m.lay.status.empty() {
		a = all.Sub(0, m.lay.body.y, m.w, m.lay.status.y-m.lay.body.y)
	}
	a.Clear()
	return a
}

// drawChangePane draws the change under the cursor beside the list.
func (m *Model) drawChangePane(a screen.Area) {
	style := m.st.Title
	if m.pane == changePane && m.field == noField {
		style = m.st.Focus
	}
	a = a.Frame(m.st.Dim, style, "Change", "")
	k, ok := m.ledger.list.Cursor()
	if !ok || m.snap == nil {
		return
	}
	lines := m.changeLines(k.Change, k, true, a.W, inPane)
	if m.pane != changePane {
		m.ledger.scroll = 0
	}
	m.ledger.scroll = drawLines(a, lines, m.ledger.scroll)
}

// drawSummary draws the change under the cursor in one line, where there is no pane for it.
func (m *Model) drawSummary(a screen.Area) {
	k, ok := m.ledger.list.Cursor()
	if !ok || m.snap == nil {
		return
	}
	c := m.snap.View.ChangeAt(k.Change)
	y := a.H - 1
	row, _ := m.snap.View.IndexOf(k)
	e := m.entryText(m.snap.View.Row(row))
	if m.lay.shape == narrow {
		x := say(a, 0, y, own(m.st.Dim, number(m.ledger.list.Index()+1)+"/"+number(m.ledger.list.Len())+"  "))
		if n := m.ledger.list.Fresh(); n > 0 {
			x = say(a, x, y, own(m.st.Warn, number(n)+m.keyed(" new below: {move.last}  ")))
		}
		if !m.ledger.order.plain() {
			x = say(a, x, y, own(m.st.Info, m.ledger.order.note()+"  "))
		}
		if e.status.Standing != ledger.None {
			x = say(a, x, y, append(m.meaningParts(e.status), own(0, "  "))...)
		}
		say(a, x, y, outside(m.st.Text, e.memo))
		return
	}
	x := 1
	if e.invalid != "" {
		x = say(a, x, 0, own(m.st.Error, "invalid: "), outside(m.st.Text, m.cs.Text(e.invalid.Error(), noteCells)))
	} else {
		x = say(a, x, 0, m.meaningParts(e.status)...)
	}
	x = say(a, x, 0, own(m.st.Dim, " · by "), outside(m.st.Text, m.calledOf(c.Author).long))
	if c.Author == m.snap.Me {
		x = say(a, x, 0, own(m.st.Dim, " (you)"))
	}
	x = say(a, x, 0, own(m.st.Dim, " · "), m.storedPart(k.Change, c.Author), own(m.st.Dim, " · "+m.claimed(c.Time, "15:04")))
	if e.memo.Width() > 0 {
		say(a, x, 0, own(m.st.Dim, " · "), outside(m.st.Text, e.memo))
	}
	m.drawBalanceLine(a.Sub(0, 1, a.W, a.H-1))
}

// leastMemoLines are the lines that the pane keeps for a memo.
const leastMemoLines = 2

// memoLines are the memo of an entry that its row shows but for that.
func (m *Model) memoLines(out []textLine, label func(screen.Const) screen.Const, k crdt.Key, w int) []textLine {
	if i, ok := m.snap.View.IndexOf(k); ok {
		if e := m.entryText(m.snap.View.Row(i)); e.memo.Width() > 0 {
			return appendWrapped(out, w, label("memo"), m.st.Dim, m.st.Text, e.memo)
		}
	}
	return out
}

// storedPart says who has a change, in a few words.
func (m *Model) storedPart(change int, author crdt.Author) part {
	s := m.stateOf(change)
	switch s.Standing {
	case transport.Saving:
		return own(m.st.Dim, "saving")
	case transport.Unsent:
		return own(m.st.Warn, "unsent: only here")
	case transport.Refused:
		return own(m.st.Error, "refused")
	case transport.Sent:
		return own(m.st.OK, "stored by "+number(s.By)+" of "+number(s.Of))
	}
	return own(m.st.Text, "stored here")
}

// extent is how much of a change is shown.
type extent uint8

const (
	inPane     extent = iota // beside the list, which shows the entry
	inEvidence               // beside the other change of a fork
	whole                    // on the whole screen
)

// changeLines is what is known of a change, in w cells.
func (m *Model) changeLines(change int, entry crdt.Key, isRow bool, w int, ext extent) []textLine {
	st, full := &m.st, ext == whole
	v := m.snap.View
	c := v.ChangeAt(change)
	digits := 64
	lead := screen.Const(" ")
	label := func(s screen.Const) screen.Const {
		return lead + s + screen.Const(strings.Repeat(" ", max(8-len(s), 1)))
	}
	if !full {
		if digits = 16; ext == inPane {
			digits = 12
		}
		label = func(s screen.Const) screen.Const {
			return lead + s + screen.Const(strings.Repeat(" ", max(7-len(s), 1)))
		}
	}
	var out []textLine
	line := func(name screen.Const, parts ...part) {
		out = append(out, append(textLine{own(st.Dim, label(name))}, parts...))
	}
	line("id", own(st.Text, hexIn(c.ID, digits, w-10)))
	if full && isRow { // what it means comes first, then how it is known
		out = m.entryLines(append(out, nil), label, entry, w, full)
		if m.known() {
			out = m.standingLines(append(out, nil), label, entry, w, full)
			line("proof", own(st.Dim, m.keyed("{mark.prove} saves who signed this as a file, as does tallystick prove ")+m.entryID(entry)))
		}
		out = append(out, nil)
	}
	you := part{}
	if c.Author == m.snap.Me {
		you = own(st.Dim, " (you)")
	}
	if ext == inPane && isRow { // what it means comes first: the pane is short
		line("author", outside(st.Text, m.calledOf(c.Author).long), you)
		if m.known() {
			out = m.standingLines(out, label, entry, w, full)
		}
		// The lines below stay where they are while one moves from entry to entry: what is the same is not drawn again.
		block := m.entryLines([]textLine{nil}, label, entry, w, full)
		if !m.beyondRow(entry) {
			block = m.memoLines([]textLine{nil}, label, entry, w)
		}
		for len(block) < 1+leastMemoLines {
			block = append(block, nil)
		}
		out = append(append(out, block...), nil)
	} else if ext != inEvidence { // told above both
		if full {
			line("author", own(st.Text, hexIn(c.Author, 64, w-10)))
			if m.known() {
				line("", outside(st.Text, m.calledOf(c.Author).short), you)
			}
		} else {
			line("author", outside(st.Text, m.calledOf(c.Author).long), you)
		}
	}
	if v.Forked(c.Author) && ext != inEvidence {
		line("", own(st.Error, "FORK"), own(st.Text, m.keyed(": {ledger.evidence} shows it")))
	}
	switch {
	case full:
		line("seq", own(st.Text, number(int(c.Seq))))
		line("lamport", own(st.Text, number(int(c.Lamport))))
	case ext == inPane: // what nobody looks for from entry to entry is on the whole screen
		line("seq", own(st.Text, number(int(c.Seq))))
	default:
		line("seq", own(st.Text, number(int(c.Seq))), own(st.Dim, "   lamport "), own(st.Text, number(int(c.Lamport))))
	}
	switch {
	case ext == inPane: // the whole screen has it
	case c.Prev == (crdt.ChangeID{}):
		line("prev", own(st.Dim, "none: begins a chain"))
	case ext == inEvidence:
		line("prev", own(st.Warn, shortHex(c.Prev, 8)), own(st.Dim, "  the same in both"))
	default:
		line("prev", own(st.Text, hexIn(c.Prev, prevDigits(full), w-10)))
	}
	m.linkLines(&out, label, c.Links, w, full)
	layout := timeLayout
	if ext == inPane {
		layout = "2006-01-02 15:04"
	}
	line("claims", own(st.Text, m.claimed(c.Time, layout)))
	m.stateLines(&out, label, change, w)
	if ext == inEvidence {
		return m.saidLines(out, label, change, w)
	}
	if full {
		line("size", own(st.Text, number(len(c.Payload))+" bytes"))
		line("log", own(st.Text, "change "+number(change+1)+" of "+number(v.Changes())))
		return out
	}
	return append(out, nil, textLine{own(st.Key, m.keyed(" {ledger.copy}")), own(st.Dim, " copy id   "), own(st.Key, m.keyed("{ledger.copy-all}")), own(st.Dim, " copy all")},
		textLine{own(st.Key, m.keyed(" {ledger.open}")), own(st.Dim, "  whole screen")})
}

// maxEntriesShown bounds the entries that are shown of one change: it may hold thousands.
const maxEntriesShown = 20

// saidLines are all entries of a change.
func (m *Model) saidLines(out []textLine, label func(screen.Const) screen.Const, change, w int) []textLine {
	rows := m.snap.View.RowsOf(change)
	for i, row := range rows {
		if i == maxEntriesShown {
			return append(out, nil, textLine{own(m.st.Dim, label("")), own(m.st.Dim, "and "+plural(len(rows)-i, "more entry", "more entries"))})
		}
		out = m.entryLines(append(out, nil), label, row.Key, w, false)
	}
	if len(rows) == 0 {
		out = append(out, nil, textLine{own(m.st.Dim, label("entry")), own(m.st.Dim, "none: it says nothing that is one")})
	}
	return out
}

// beyondRow reports whether an entry says more than its row and a memo show: what each of several parties gets.
func (m *Model) beyondRow(k crdt.Key) bool {
	i, ok := m.snap.View.IndexOf(k)
	if !ok {
		return false
	}
	e := m.entryText(m.snap.View.Row(i))
	return e.invalid != "" || e.postings != 2
}

func prevDigits(full bool) int {
	if full {
		return 64
	}
	return 8
}

func (m *Model) linkLines(out *[]textLine, label func(screen.Const) screen.Const, links crdt.Links, w int, full bool) {
	n := links.Len()
	name := label("links")
	add := func(parts ...part) {
		*out = append(*out, append(textLine{own(m.st.Dim, name)}, parts...))
		name = label("")
	}
	switch {
	case n == 0:
		add(own(m.st.Dim, "none"))
	case full:
		for i := range min(n, maxLinksShown) {
			add(own(m.st.Text, hexIn(links.At(i), 64, w-10)))
		}
		if n > maxLinksShown {
			add(own(m.st.Dim, number(n-maxLinksShown)+" more"))
		}
	default:
		s := shortHex(links.At(0), 8)
		if n > 1 {
			s += ", " + shortHex(links.At(1), 8)
		}
		if n > 2 {
			add(own(m.st.Text, s))
			s = "and " + number(n-2) + " more"
		}
		add(own(m.st.Text, s))
	}
}

// stateLines say how far a change has got, and which peers say that they stored it.
func (m *Model) stateLines(out *[]textLine, label func(screen.Const) screen.Const, change int, w int) {
	c := m.snap.View.ChangeAt(change)
	*out = append(*out, textLine{own(m.st.Dim, label("state")), m.storedPart(change, c.Author)})
	state := m.stateOf(change)
	if state.Standing == transport.Refused {
		p, _ := m.snap.Peer(state.Peer)
		text := safe.Concat(m.address(p.Address), safe.Literal(": "), m.cs.Text(state.Reason.Code+" "+state.Reason.Text, noteCells))
		*out = appendWrapped(*out, w, label(""), m.st.Dim, m.st.Error, text)
	}
	for _, id := range m.snap.StoredBy(nil, change) {
		p, ok := m.snap.Peer(id)
		if ok && p.State == transport.PeerClosed && p.Direction == transport.Accepted && m.snap.Live > 0 {
			continue // an ended connection: who made it is counted by the one it has now, or not at all
		}
		if ok {
			*out = append(*out, textLine{own(m.st.Dim, label("")), outside(m.st.Text, m.address(p.Address))})
		}
	}
}

// entryLines are the entry: its parties and the memo in full.
func (m *Model) entryLines(out []textLine, label func(screen.Const) screen.Const, k crdt.Key, w int, full bool) []textLine {
	v := m.snap.View
	i, ok := v.IndexOf(k)
	if !ok {
		return out
	}
	row := v.Row(i)
	e, err := ledger.Decode(row.Literal)
	if err != nil {
		out = appendWrapped(out, w, label("invalid"), m.st.Error, m.st.Text, m.cs.Text(err.Error(), noteCells))
	}
	unit := m.cs.Text(e.Unit, ledger.MaxUnitBytes)
	scale := min(max(e.Scale, 0), ledger.MaxScale)
	before, after := 0, 0
	for _, p := range e.Postings {
		b, a := ledger.AmountCells(p.Amount, scale)
		before, after = max(before, b), max(after, a)
	}
	for j, p := range e.Postings {
		name := label("")
		if j == 0 {
			name = label("entry")
		}
		l := textLine{own(m.st.Dim, name), own(m.st.Text, screen.Const(ledger.AppendAmountAligned(nil, p.Amount, scale, before, after))), own(0, " ")}
		if unit.Width() > 0 {
			l = append(l, outside(m.st.Text, unit), own(0, " "))
		}
		out = append(out, append(l, m.partyParts(&p, full)...))
	}
	if e.Memo != "" {
		out = appendWrapped(out, w, label("memo"), m.st.Dim, m.st.Text, m.cs.Text(e.Memo, safe.NoLimit))
	}
	if full {
		out = append(out, textLine{own(m.st.Dim, label("row")), own(m.st.Text, number(i+1)+" of "+number(v.Len()))})
	}
	return out
}
