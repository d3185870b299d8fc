package tui

import (
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/tui/internal/list"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// sideBySideCells is the width from which both changes of a fork stand side by side, not one above the other.
const sideBySideCells = 100

// openEvidence shows the evidence: the record if there is one fork, else who forked.
func (m *Model) openEvidence() tea.Cmd {
	if m.snap == nil {
		return nil
	}
	forks := m.snap.View.Forks()
	switch len(forks) {
	case 0:
		m.tell(false, "no fork is known: nobody here was seen to sign two changes after the same one")
		return nil
	case 1:
		return m.openFork(0)
	}
	return m.fx.groupForks(forks, func(m *Model, rows []forkedAuthor) {
		if len(rows) == 1 {
			m.later = m.openFork(rows[0].newest)
			return
		}
		o := &forksOverlay{rows: rows}
		o.list.Sync(o)
		m.field = noField
		m.push(o)
	})
}

// forkedAuthor is a row of the list of evidence: however often somebody forks, it is one row.
type forkedAuthor struct {
	author crdt.Author
	newest int // place of the newest fork in the View's
	n      int
}

// forksOverlay lists the authors who forked, the newest fork first.
type forksOverlay struct {
	rows []forkedAuthor
	list list.List[crdt.Author]
}

var _ list.Rows[crdt.Author] = (*forksOverlay)(nil)

func (o *forksOverlay) Len() int              { return len(o.rows) }
func (o *forksOverlay) Key(i int) crdt.Author { return o.rows[i].author }
func (o *forksOverlay) IndexOf(a crdt.Author) (int, bool) {
	for i := range o.rows {
		if o.rows[i].author == a {
			return i, true
		}
	}
	return 0, false
}

func (o *forksOverlay) focus() focus { return onForks }

func (o *forksOverlay) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	if moveIn(&m.keys.Move, msg, &o.list, list.Rows[crdt.Author](o)) {
		return nil
	}
	k, row := &m.keys.Evidence, o.rows[o.list.Index()]
	switch {
	case key.Matches(msg, k.Back):
		m.pop()
	case key.Matches(msg, k.Open):
		return m.openFork(row.newest)
	default:
		return m.onGlobalKey(msg)
	}
	return nil
}

func (o *forksOverlay) draw(m *Model, all screen.Area) {
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "Evidence", plural(len(o.rows), "author", "authors")+m.keyed(" with a fork · {evidence.back} back"))
	}
	top, n := o.list.Window(a.H)
	for i := range n {
		row := &o.rows[top+i]
		f := m.snap.View.Forks()[row.newest]
		l := textLine{
			own(m.st.Text, "   "), own(m.st.Error, "FORK"), own(m.st.Text, "  "+shortHex(row.author, 8)),
			own(m.st.Dim, "  two changes after "), own(m.st.Warn, m.prevWord(f, 8)),
		}
		if row.author == m.snap.Me {
			l = append(l, own(m.st.Error, "  your own key"))
		}
		if row.n > 1 {
			l = append(l, own(m.st.Dim, "  and "+number(row.n-1)+" more times"))
		}
		say(a, 0, i, l...)
		if top+i == o.list.Index() {
			m.drawCursor(a, i, n)
		}
	}
}

// prevWord is what both changes of a fork follow.
func (m *Model) prevWord(f crdt.Fork, digits int) screen.Const {
	if f.Prev == (crdt.ChangeID{}) {
		return "the room itself"
	}
	return shortHex(f.Prev, digits)
}

// evidenceOverlay is the record of one fork: both changes, side by side where there is room.
type evidenceOverlay struct {
	at     int // of the fork in the View's
	fork   crdt.Fork
	index  map[crdt.ChangeID]int // of its changes in the log
	side   int                   // the change that Enter goes to
	scroll int
	saved  safe.String // where the proof went, or why not
	failed bool        // why not
}

// openFork shows the record of a fork by its place in the View's.
func (m *Model) openFork(at int) tea.Cmd {
	o := &evidenceOverlay{at: at, fork: m.snap.View.Forks()[at]}
	return m.fx.find(m.snap.View, []crdt.ChangeID{o.fork.A, o.fork.B}, func(m *Model, index map[crdt.ChangeID]int) {
		o.index = index
		m.field = noField
		if n := len(m.overlay); n > 0 {
			if _, ok := m.overlay[n-1].(*evidenceOverlay); ok { // another record of the same author
				m.pop()
			}
		}
		m.push(o)
	})
}

// openForkOf shows the record of the fork that an event told of.
func (m *Model) openForkOf(a crdt.Author, one, other crdt.ChangeID) tea.Cmd {
	for at, f := range m.snap.View.Forks() {
		if f.Author == a && (f.A == one && f.B == other || f.A == other && f.B == one) {
			return m.openFork(at)
		}
	}
	return m.openEvidence()
}

func (o *evidenceOverlay) focus() focus { return onEvidence }

func (o *evidenceOverlay) id(side int) crdt.ChangeID {
	return [2]crdt.ChangeID{o.fork.A, o.fork.B}[side]
}

func (o *evidenceOverlay) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	if by, ok := m.scrollBy(msg, m.lay.body.h-2); ok {
		o.scroll = max(o.scroll+by, 0)
		return nil
	}
	k := &m.keys.Evidence
	switch {
	case key.Matches(msg, k.Back):
		m.pop()
	case key.Matches(msg, k.Side):
		o.side = 1 - o.side
	case key.Matches(msg, k.Open):
		return o.jump(m)
	case key.Matches(msg, k.Next):
		return o.another(m, 1)
	case key.Matches(msg, k.Previous):
		return o.another(m, -1)
	case key.Matches(msg, k.Copy):
		return m.fx.copyText(string(shortHex(o.fork.A, 64)+"\n"+shortHex(o.fork.B, 64)), "both ids")
	case key.Matches(msg, k.Export):
		return o.export(m)
	default:
		return m.onGlobalKey(msg)
	}
	return nil
}

// another goes to the next older (-1) or newer fork of the same author.
func (o *evidenceOverlay) another(m *Model, by int) tea.Cmd {
	forks := m.snap.View.Forks()
	for at := o.at + by; at >= 0 && at < len(forks); at += by {
		if forks[at].Author == o.fork.Author {
			return m.openFork(at)
		}
	}
	m.tell(false, "no other fork of this author is known in that direction")
	return nil
}

// jump goes to the chosen change: to its row, or if it has none to the change itself.
func (o *evidenceOverlay) jump(m *Model) tea.Cmd {
	i, ok := o.index[o.id(o.side)]
	if !ok {
		m.tell(false, "change %s is not in the log yet", shortHex(o.id(o.side), 8))
		return nil
	}
	rows := m.snap.View.RowsOf(i)
	if len(rows) == 0 {
		m.push(&detailOverlay{change: i, entry: crdt.Key{Change: i}})
		return nil
	}
	return m.goTo(rows[0].Key)
}

// goTo puts the ledger's cursor on an entry; a filter that hides it is taken off.
func (m *Model) goTo(k crdt.Key) (cmd tea.Cmd) {
	m.show(ledgerScreen)
	m.pane = listPane
	if _, shown := m.ledger.rows.IndexOf(k); !shown {
		cmd = m.clearFilter()
	}
	if i, shown := m.ledger.rows.IndexOf(k); shown {
		m.ledger.list.To(m.ledger.rows, i)
		m.rememberShown()
		m.ledger.scroll = 0
	}
	return cmd
}

// export writes the proof of the fork into a file.
func (o *evidenceOverlay) export(m *Model) tea.Cmd {
	if m.options.Save == nil {
		m.tell(true, "proofs cannot be saved here")
		return nil
	}
	return m.fx.saveProof(m.node, m.snap.View, o.fork, o.index, m.now().Format(time.DateOnly), m.options.Save, func(m *Model, where string, err error) {
		// Told in the record itself: the bottom line may be too short for a path, or for a reason.
		if err != nil {
			o.saved, o.failed = m.cs.Text(err.Error(), maxPathCells), true
			m.tell(true, "not saved")
			return
		}
		o.saved, o.failed = m.cs.Text(where, maxPathCells), false
		m.tell(false, "the proof is saved; others check it: tallystick check")
	})
}

// maxPathCells bounds what is shown of a path.
const maxPathCells = 1000

func (o *evidenceOverlay) draw(m *Model, all screen.Area) {
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		note := plural(len(m.snap.View.Forks()), "fork", "forks") + m.keyed(" known · {evidence.export} saves the proof · {evidence.back} back")
		if a.W < sideBySideCells {
			note = m.keyed("{evidence.export} saves the proof · {evidence.back} back")
		}
		a = a.Frame(m.st.Dim, m.st.Focus, "Evidence", note)
	}
	o.scroll = drawLines(a, o.lines(m, a.W), o.scroll)
}

func (o *evidenceOverlay) lines(m *Model, w int) []textLine {
	f, st := o.fork, &m.st
	author := textLine{own(st.Error, " FORK "), own(st.Text, "author "+hexIn(f.Author, min(64, max(8, (w-14)/4*4)), w-14))}
	if f.Author == m.snap.Me {
		author = append(author, own(st.Error, " (you)"))
	}
	out := []textLine{author}
	if name := o.name(m); name.Width() > 0 {
		out = append(out, textLine{own(st.Text, " gives as "), outside(st.Text, name), own(st.Dim, "  in these entries; a name proves nothing, the key does")})
	}
	if f.Prev == (crdt.ChangeID{}) {
		out = append(out, textLine{own(st.Text, " began its chain twice, after "), own(st.Warn, "the room itself"), own(st.Text, ":")})
	} else {
		out = append(out, textLine{own(st.Text, " signed two changes after "), own(st.Warn, shortHex(f.Prev, min(64, max(8, w-30)))), own(st.Text, ":")})
	}
	switch {
	case o.failed:
		out = appendWrapped(out, w, " failed  ", st.Dim, st.Error, o.saved)
	case o.saved.Width() > 0:
		out = appendWrapped(out, w, " saved  ", st.Dim, st.OK, o.saved)
	}
	out = append(out, nil)
	column := w
	if w >= sideBySideCells {
		column = (w - 3) / 2
	}
	a, b := o.sideLines(m, 0, column), o.sideLines(m, 1, column)
	if column == w {
		return append(append(append(out, a...), nil), b...)
	}
	for i := range max(len(a), len(b)) {
		var l textLine
		if i < len(a) {
			l = cutLine(a[i], column)
		}
		l = append(l, own(0, screen.Const(strings.Repeat(" ", max(column-l.width(), 0)))), own(st.Dim, " │ "))
		if i < len(b) {
			l = append(l, b[i]...)
		}
		out = append(out, l)
	}
	return out
}

// name is the giver whom the author's two changes name, if that is one and the same.
func (o *evidenceOverlay) name(m *Model) (name safe.String) {
	for side := range 2 {
		i, ok := o.index[o.id(side)]
		if !ok {
			return safe.String{}
		}
		rows := m.snap.View.RowsOf(i)
		if len(rows) == 0 {
			return safe.String{}
		}
		from := m.entryText(rows[0]).from
		if side == 1 && from != name {
			return safe.String{}
		}
		name = from
	}
	return name
}

// sideLines is one change of the fork.
func (o *evidenceOverlay) sideLines(m *Model, side, w int) []textLine {
	head := textLine{own(m.st.Text, "   "), own(m.st.Title, [2]screen.Const{"one", "the other"}[side])}
	if side == o.side {
		head = textLine{own(m.st.Focus, " > "), own(m.st.Focus, [2]screen.Const{"one", "the other"}[side]), own(m.st.Dim, m.keyed("  {evidence.open} goes to it"))}
	}
	id := o.id(side)
	i, ok := o.index[id]
	if !ok {
		return []textLine{head, {own(m.st.Text, " "+shortHex(id, 16)+"…")}}
	}
	return append([]textLine{head}, m.changeLines(i, crdt.Key{Change: i}, false, w, inEvidence)...)
}

// cutLine is a line of at most w cells.
func cutLine(l textLine, w int) textLine {
	var out textLine
	for _, p := range l {
		if room := w - out.width(); p.width() > room {
			if p.own != "" {
				p.own = p.own[:max(min(room, len(p.own)), 0)]
			} else {
				p.text, _ = p.text.Split(room)
			}
			return append(out, p)
		}
		out = append(out, p)
	}
	return out
}
