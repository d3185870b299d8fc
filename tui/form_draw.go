package tui

import (
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

func (f *formState) label(i formField) screen.Const {
	if f.paid {
		return [formFields]screen.Const{"kind", "paid by", "for", "amount", "unit", "memo"}[i]
	}
	return [formFields]screen.Const{"kind", "from", "to", "amount", "unit", "memo"}[i]
}

// help is what a field wants.
func (f *formState) help(i formField) screen.Const {
	switch i {
	case formKind:
		return "space changes it"
	case formFrom:
		return "empty: you"
	case formTo:
		if f.paid {
			return "names, parted by commas; with shares: alice 30, bob 20"
		}
		return "one name"
	case formAmount:
		return "as in 12.50"
	case formUnit:
		return "as in EUR; empty: none"
	}
	return "what it was for; may be empty"
}

func (o *formPage) draw(m *Model, all screen.Area) {
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "New transaction", m.keyed("{form.next} next field · {type.enter} sends · {type.leave} leaves and keeps"))
	}
	f := &m.form
	l := f.compose()
	wrong, missing, draft, ok := m.formErrors(l)
	first, rows := formField(0), int(formFields)
	if a.H < rows { // where there is no room for all, those about the one that is typed in
		rows = a.H
		first = formField(min(max(int(f.at)-rows/2, 0), int(formFields)-rows))
	}
	const labels = 9
	field := min(max(a.W/2-labels, 16), 48)
	if a.W < narrowColumns-2 {
		field = a.W - labels - 1
	}
	for y := range rows {
		i := first + formField(y)
		o.drawField(m, a.Sub(0, y, a.W, 1), i, labels, field, wrong[i], missing[i])
	}
	if below := a.Sub(0, rows, a.W, a.H-rows); !below.Empty() {
		o.drawBelow(m, below, l, &draft, ok, wrong[f.at])
	}
}

// drawField draws one field: its name, what is in it, and whether that is right.
func (o *formPage) drawField(m *Model, a screen.Area, i formField, labels, w int, wrong, missing string) {
	f := &m.form
	style, here := m.st.Dim, i == f.at
	if here {
		style = m.st.Focus
		a.Const(0, 0, m.st.Focus, ">")
	}
	a.ConstCut(1, 0, labels-1, style, f.label(i))
	if i == formKind {
		text := screen.Const("gives: FROM -> TO")
		if f.paid {
			text = "shared bill: paid for several"
		}
		a.ConstCut(labels, 0, w, m.st.Text, text)
		if here {
			a.PlaceCursor(min(labels, a.W-1), 0, m.onTop(o))
		}
	} else {
		box := a.Sub(labels, 0, w, 1)
		f.lines[i].Draw(box, 0, 0, m.st.Text, here && m.onTop(o), -1, 0)
	}
	rest := a.Sub(labels+w+1, 0, a.W-labels-w-2, 1)
	switch {
	case wrong != "":
		rest.Text(0, 0, rest.W, m.st.Error, m.cs.Text("wrong: "+wrong, noteCells))
	case missing != "" && !here:
		rest.Text(0, 0, rest.W, m.st.Info, m.cs.Text(missing, noteCells))
	case here || i == formKind:
		rest.ConstCut(0, 0, rest.W, m.st.Dim, f.help(i))
	case f.text(i) != "":
		rest.ConstCut(0, 0, rest.W, m.st.OK, "ok")
	}
}

// drawBelow draws the names that fit, the line that the form says, and what everybody gets.
func (o *formPage) drawBelow(m *Model, a screen.Area, l formLine, d *ledger.Draft, ok bool, wrong string) {
	f := &m.form
	y := 0
	if a.H > 4 {
		y++
	}
	if prefix, _, open := f.namesPrefix(); open {
		found, chosen := f.cycle.candidates, f.cycle.next
		if len(found) == 0 {
			found, chosen = ledger.Complete(prefix, m.names.offered(), maxOffered), -1
		}
		if len(found) > 0 && (len(found) > 1 || found[0] != prefix) {
			x := a.Const(1, y, m.st.Dim, "names:")
			for i, n := range found {
				style := m.st.Text
				if i == chosen {
					style = m.st.Cursor
				}
				name := m.cs.Text(n, nameCells)
				if x+2+name.Width() > a.W {
					a.Const(x, y, m.st.Dim, " …")
					break
				}
				x = a.Text(x+2, y, a.W-x-2, style, name)
			}
			y++
		}
	}
	var out []textLine
	if wrong != "" {
		out = appendWrapped(out, a.W, " ", m.st.Error, m.st.Error, m.cs.Text(wrong, noteCells))
	}
	if !f.empty() {
		if gets := m.getsParts(d); len(gets) > 0 {
			out = append(out, m.wrapParts(gets, a.W, " gets  ")...)
		}
		out = appendWrapped(out, a.W, " line  ", m.st.Dim, m.st.Text, m.cs.Text(l.text, noteCells))
	}
	if warning := m.nameWarning(d); warning.Width() > 0 && !f.empty() {
		out = appendWrapped(out, a.W, " ", m.st.Warn, m.st.Warn, warning)
	}
	if ok && !f.empty() {
		out = append(out, textLine{own(m.st.OK, m.keyed(" {type.enter} signs and sends it"))})
	}
	drawLines(a.Sub(0, y, a.W, max(a.H-y, 0)), out, 0)
}
