package tui

import (
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// drawInput draws the input line, with its box and help if there is room.
func (m *Model) drawInput(all screen.Area) {
	r := m.lay.input
	a := sub(all, r)
	typing := m.field != noField
	if m.lay.boxed {
		title, hint := m.fieldTitle()
		style := m.st.Title
		if typing {
			style = m.st.Focus
		}
		a = a.Frame(m.st.Dim, style, title, hint)
		m.drawField(a.Sub(0, 0, a.W, 1), typing, "")
		m.drawPreview(a.Sub(0, 1, a.W, a.H-1))
		return
	}
	m.drawField(a, typing, m.prompt())
	if typing && !m.lay.below.empty() {
		m.drawPreview(sub(all, m.lay.below))
	}
}

// prompt leads the input line where there is no box to say what it is.
func (m *Model) prompt() screen.Const {
	switch {
	case m.lay.shape == tiny && m.field == noField:
		return "[NAV] "
	case m.lay.shape == tiny:
		return "[TYPE] "
	case m.field == filterField:
		return " / "
	case m.field == addressField:
		return " peer: "
	case m.lay.shape == narrow:
		return "> "
	}
	return " > "
}

func (m *Model) fieldTitle() (title, hint screen.Const) {
	switch m.field {
	case filterField:
		return "Filter", m.keyed("typing: {type.enter} keeps the filter, {type.leave} clears it")
	case addressField:
		return "Add a peer", m.keyed("typing: {type.enter} dials, {type.leave} leaves")
	case entryField, noField:
		if m.snap != nil && m.snap.Writing == transport.WriteNoAuthor && m.snap.View.Charter().Closed() {
			return "Closed room", "you read: its charter names who writes, and you are not among them"
		}
		if m.field == noField {
			break
		}
		if m.snap != nil && m.snap.Writing != transport.WriteOpen {
			return "New transaction", "writing is closed"
		}
		if c := m.marks.correct; c != nil {
			return "Correct " + c.id, m.keyed("typing: {type.leave} leaves it as it is, {type.enter} signs and sends the correction")
		}
		return "New transaction", m.keyed("typing: {type.leave} leaves, {type.enter} signs and sends")
	}
	return "New transaction", m.keyed("{global.new} to type")
}

func (m *Model) drawField(a screen.Area, typing bool, prompt screen.Const) {
	x := a.Const(0, 0, m.st.Key, prompt)
	if m.lay.boxed {
		x = 1
	}
	if p := m.entry.paste; m.field == entryField && (p != nil || m.entry.reading) {
		a.Const(x, 0, m.st.Info, pasteSummary(p))
		a.PlaceCursor(x, 0, true)
		return
	}
	if !typing {
		if text := m.entry.line.String(); text != "" {
			a.Text(x, 0, a.W-x, m.st.Dim, m.cs.Text(text, a.W))
		} else if hint := m.keyed("{global.new} to type"); m.lay.shape == medium && a.W > 40 {
			a.Const(a.W-screen.Width(hint)-1, 0, m.st.Dim, hint)
		}
		return
	}
	at := -1
	if m.field == entryField {
		if _, err := m.draft(); err != nil && err.Offset < len(m.entry.line.String()) {
			at = err.Offset
		}
	}
	if f := m.currentFilter(); m.field == filterField && f.wrong != nil && f.wrong.Offset < len(f.line.String()) {
		at = f.wrong.Offset
	}
	m.fieldLine().Draw(a, x, 0, m.st.Text, len(m.overlay) == 0, at, m.st.Error|screen.Underline)
}

func pasteSummary(p *pasted) screen.Const {
	if p == nil {
		return "reading the paste…"
	}
	s := plural(len(p.good), "transaction", "transactions")
	if n := len(p.wrong) + p.more; n > 0 {
		s += ", " + number(n) + " wrong: line "
		for i, w := range p.wrong[:min(len(p.wrong), 5)] {
			if i > 0 {
				s += ", "
			}
			s += number(w.number)
		}
		if n > 5 {
			s += ", …"
		}
	}
	return s
}

// lineForms is what can be typed, as much of it as w cells hold.
func lineForms(w int) screen.Const {
	for _, s := range [...]screen.Const{
		"FROM -> TO AMOUNT [UNIT] [MEMO]   as in alice -> bob 12.50 EUR dinner   or   alice paid 60 EUR for alice, bob: dinner",
		"alice -> bob 12.50 EUR dinner   or   alice paid 60 EUR for alice, bob: dinner",
		"alice -> bob 12.50 EUR dinner",
	} {
		if screen.Width(s) <= w {
			return s
		}
	}
	return "FROM -> TO AMOUNT"
}

// draft is what the line typed is read as so far.
func (m *Model) draft() (ledger.Draft, *ledger.SyntaxError) {
	return ledger.Parse(m.entry.line.String(), m.options.Name)
}

// drawPreview draws what the line is read as, and the names that would complete it.
func (m *Model) drawPreview(a screen.Area) {
	if a.Empty() {
		return
	}
	x := 1
	switch m.field {
	case entryField:
	case filterField:
		m.drawFilterHelp(a, x)
		return
	case addressField:
		a.Const(x, 0, m.st.Dim, "as in ws://127.0.0.1:8080 or wss://relay.example.org")
		return
	default:
		if m.lay.boxed {
			a.Const(x, 0, m.st.Dim, lineForms(a.W-x))
		}
		return
	}
	if p := m.entry.paste; p != nil || m.entry.reading {
		m.drawPastePreview(a, x, p)
		return
	}
	d, err := m.draft()
	if m.entry.line.String() == "" {
		a.Const(x, 0, m.st.Dim, lineForms(a.W-x))
	} else {
		m.drawReading(a, x, &d, err)
	}
	warning := safe.String{}
	if _, command, _ := ledger.ParseCommand(m.entry.line.String()); !command && len(m.entry.cycle.candidates) == 0 {
		warning = m.nameWarning(&d)
	}
	switch {
	case a.H == 1 && err == nil && !d.Bill && warning.Width() > 0: // what is read can be seen in the line itself
		sub(a, rect{0, 0, a.W, 1}).Clear()
		a.Text(x, 0, a.W-x, m.st.Warn, warning)
	case a.H > 1 && (err == nil || err.Hint == "" || err.Offset >= len(m.entry.line.String())):
		if warning.Width() > 0 && !d.Open.Active {
			a.Text(x, 1, a.W-x, m.st.Warn, warning)
			return
		}
		m.drawCandidates(a, x, &d)
	}
}

// drawReading draws the parts understood, then what is missing or wrong.
func (m *Model) drawReading(a screen.Area, x int, d *ledger.Draft, err *ledger.SyntaxError) {
	st := &m.st
	cs := m.cs
	wrong := err != nil && err.Offset < len(m.entry.line.String())
	if !wrong && d.Bill && len(d.Postings) > 1 {
		x = m.drawGets(a, x, d, err == nil)
	} else if !wrong {
		x = say(a, x, 0, own(st.Dim, "reads:"))
		if d.Has(ledger.FieldFrom) {
			x = say(a, x, 0, own(st.Dim, " from "), outside(st.Text, cs.Text(d.From, nameCells)))
			if d.FromMe {
				x = say(a, x, 0, own(st.Dim, " (you)"))
			}
		}
		if d.Has(ledger.FieldTo) {
			x = say(a, x, 0, own(st.Dim, "  to "), outside(st.Text, cs.Text(d.To, nameCells)))
		}
		if d.Has(ledger.FieldAmount) {
			x = say(a, x, 0, own(st.Dim, "  amount "), own(st.Text, screen.Const(ledger.FormatAmount(d.Amount, d.Scale))))
		}
		if d.Has(ledger.FieldUnit) {
			x = say(a, x, 0, own(st.Text, " "), outside(st.Text, cs.Text(d.Unit, ledger.MaxUnitBytes)))
		}
		if d.Has(ledger.FieldMemo) {
			memo := cs.Text(d.Memo, memoCells)
			if memo.Width() == 0 {
				memo = safe.Literal("(none)")
			}
			x = say(a, x, 0, own(st.Dim, "  memo "), outside(st.Text, memo))
		}
	}
	switch {
	case wrong:
		m.drawWrong(a, x, err)
	case err != nil:
		say(a, x+1, 0, own(st.Dim, "then "), outside(st.Info, cs.Text(err.Expected, noteCells)))
	}
}

// drawWrong says what is wrong with the line that is typed.
func (m *Model) drawWrong(a screen.Area, x int, err *ledger.SyntaxError) {
	say(a, x, 0, own(m.st.Error, "column "+number(err.Column)), outside(m.st.Text, m.cs.Text(": expected "+err.Expected+", found "+err.Found, noteCells)))
	a.Text(x, 1, a.W-x, m.st.Dim, m.cs.Text(err.Hint, noteCells))
}

func (m *Model) drawPastePreview(a screen.Area, x int, p *pasted) {
	if p == nil {
		return
	}
	if len(p.wrong) == 0 {
		a.Const(x, 0, m.st.Dim, m.keyed("{type.enter} sends them, {type.leave} drops the paste"))
		return
	}
	w := p.wrong[0]
	say(a, x, 0, own(m.st.Error, "line "+number(w.number)), outside(m.st.Text, m.cs.Text(": "+w.err.Error(), noteCells)))
	if a.H > 1 {
		a.Const(x, 1, m.st.Dim, m.keyed("{type.enter} sends the good ones and leaves the wrong ones to mend, {type.leave} drops the paste"))
	}
}
