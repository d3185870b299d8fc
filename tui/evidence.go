package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// evidenceOverlay shows the forks that are known: both changes, side by side.
type evidenceOverlay struct {
	forks  []crdt.Fork
	more   int
	index  map[crdt.ChangeID]int // of their changes in the log
	scroll int
}

// maxForksShown bounds the forks that are shown, the newest first: an author can make any number.
const maxForksShown = 50

// openEvidence shows the evidence, once the changes were found.
func (m *Model) openEvidence() tea.Cmd {
	if m.snap == nil {
		return nil
	}
	all := m.snap.View.Forks()
	if len(all) == 0 {
		m.tell(false, "no fork is known: nobody here was seen to sign two changes after the same one")
		return nil
	}
	o := &evidenceOverlay{forks: slices.Clone(all[max(len(all)-maxForksShown, 0):]), more: max(len(all)-maxForksShown, 0)}
	slices.Reverse(o.forks)
	var ids []crdt.ChangeID
	for _, f := range o.forks {
		ids = append(ids, f.A, f.B)
	}
	return m.fx.find(m.snap.View, ids, func(m *Model, index map[crdt.ChangeID]int) {
		o.index = index
		m.field = noField
		m.push(o)
	})
}

func (o *evidenceOverlay) focus() focus { return onDetail }

func (o *evidenceOverlay) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	if by, ok := m.scrollBy(msg, m.lay.body.h-2); ok {
		o.scroll = max(o.scroll+by, 0)
		return nil
	}
	k := &m.keys.Detail
	switch {
	case key.Matches(msg, k.Back, k.Evidence):
		m.pop()
	case key.Matches(msg, k.Copy) && len(o.forks) > 0:
		return m.fx.copyText(string(shortHex(o.forks[0].A, 64)+"\n"+shortHex(o.forks[0].B, 64)), "both ids of the newest fork")
	case key.Matches(msg, k.CopyAll):
	default:
		return m.onGlobalKey(msg)
	}
	return nil
}

func (o *evidenceOverlay) draw(m *Model, all screen.Area) {
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "Evidence", plural(len(m.snap.View.Forks()), "fork", "forks")+" · Esc back")
	}
	o.scroll = drawLines(a, o.lines(m, a.W), o.scroll)
}

func (o *evidenceOverlay) lines(m *Model, w int) []textLine {
	var out []textLine
	for i, f := range o.forks {
		if i > 0 {
			out = append(out, nil)
		}
		out = append(out, textLine{own(m.st.Error, " FORK "), own(m.st.Text, "author "+groupedHex(f.Author, min(64, max(8, (w-14)*4/5/4*4))))})
		if f.Prev == (crdt.ChangeID{}) {
			out = append(out, textLine{own(m.st.Text, " began its chain twice:")})
		} else {
			out = append(out, textLine{own(m.st.Text, " signed two changes after "), own(m.st.Warn, shortHex(f.Prev, 16)+"…"), own(m.st.Text, ":")})
		}
		out = o.sideBySide(m, out, f, w)
	}
	if o.more > 0 {
		out = append(out, nil, textLine{own(m.st.Dim, " and "+number(o.more)+" older forks")})
	}
	return out
}

// sideBySide adds both changes of a fork, in two columns if there is room.
func (o *evidenceOverlay) sideBySide(m *Model, out []textLine, f crdt.Fork, w int) []textLine {
	column := (w - 3) / 2
	if w < 70 {
		column = w
	}
	side := func(id crdt.ChangeID) []textLine {
		i, ok := o.index[id]
		if !ok {
			return []textLine{{own(m.st.Text, " "+shortHex(id, 16)+"…")}}
		}
		_, isRow := m.snap.View.IndexOf(crdt.Key{Change: i})
		return m.changeLines(i, crdt.Key{Change: i}, isRow, column, inEvidence)
	}
	a, b := side(f.A), side(f.B)
	if w < 70 {
		return append(append(append(out, a...), nil), b...)
	}
	for i := range max(len(a), len(b)) {
		var l textLine
		if i < len(a) {
			l = cutLine(a[i], column)
		}
		l = append(l, own(0, screen.Const(strings.Repeat(" ", max(column-l.width(), 0)))), own(m.st.Dim, " │ "))
		if i < len(b) {
			l = append(l, b[i]...)
		}
		out = append(out, l)
	}
	return out
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
