package tui

import (
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// getsParts is what every party of a draft gets, one piece a party.
func (m *Model) getsParts(d *ledger.Draft) []textLine {
	var out []textLine
	unit := m.cs.Text(d.Unit, ledger.MaxUnitBytes)
	for _, p := range d.Postings {
		style, sign := m.st.Text, screen.Const("")
		if p.Amount > 0 {
			sign = "+"
		}
		l := textLine{outside(m.st.Text, m.cs.Text(p.Label, nameCells)), own(style, " "+sign+screen.Const(ledger.FormatAmount(p.Amount, d.Scale)))}
		if unit.Width() > 0 && d.Has(ledger.FieldUnit) {
			l = append(l, own(0, " "), outside(m.st.Text, unit))
		}
		out = append(out, l)
	}
	return out
}

// wrapParts puts pieces behind one another, as many in a line as fit.
func (m *Model) wrapParts(pieces []textLine, w int, label screen.Const) []textLine {
	var out []textLine
	line := textLine{own(m.st.Dim, label)}
	for _, p := range pieces {
		if len(line) > 1 && line.width()+3+p.width() > w {
			out = append(out, cutLine(line, w))
			line = textLine{own(m.st.Dim, blanks(screen.Width(label)))}
		}
		if len(line) > 1 {
			line = append(line, own(0, "   "))
		}
		line = append(line, p...)
	}
	return append(out, cutLine(line, w))
}

// drawGets draws what every party of a shared bill gets, in one line: before Enter one sees what is signed.
func (m *Model) drawGets(a screen.Area, x int, d *ledger.Draft, whole bool) int {
	x = say(a, x, 0, own(m.st.Dim, "gets:"))
	pieces := m.getsParts(d)
	for i, p := range pieces {
		room := a.W - x - 1
		if i < len(pieces)-1 {
			room -= len("  +64")
		}
		if 2+p.width() > room {
			x = say(a, x, 0, own(m.st.Dim, "  +"+number(len(pieces)-i)))
			break
		}
		x = say(a, x+2, 0, p...)
	}
	if whole && d.Memo != "" {
		x = say(a, x, 0, own(m.st.Dim, "  memo "), outside(m.st.Text, m.cs.Text(d.Memo, memoCells)))
	}
	return x
}
