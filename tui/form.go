package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/tui/internal/editor"
)

// formField is one field of the form, in the order of Tab.
type formField uint8

const (
	formKind formField = iota // gives, or paid for several
	formFrom
	formTo
	formAmount
	formUnit
	formMemo
	formFields
)

// formState is the form that a transaction is filled into. It stays as it is when one leaves it.
type formState struct {
	paid  bool // a shared bill
	at    formField
	lines [formFields]editor.Line // formKind's is not used
	cycle completion
}

func (f *formState) text(i formField) string { return strings.TrimSpace(f.lines[i].String()) }

func (f *formState) empty() bool {
	for i := range f.lines {
		if f.lines[i].String() != "" {
			return false
		}
	}
	return true
}

// formPage is the form on the screen; what it is filled with is the model's, and stays.
type formPage struct{}

// openForm shows the form. A line that was begun goes into it.
func (m *Model) openForm() tea.Cmd {
	f := &m.form
	if line := m.entry.line.String(); f.empty() && strings.TrimSpace(line) != "" && m.entry.paste == nil {
		m.fillForm(line)
	}
	if f.at == formKind {
		f.at = formFrom
	}
	m.show(ledgerScreen)
	m.push(&formPage{})
	return nil
}

func (o *formPage) focus() focus { return onForm }

func (o *formPage) paste(m *Model, s string) {
	f := &m.form
	if f.at != formKind {
		f.lines[f.at].Insert(strings.TrimRight(s, "\r\n"))
		f.cycle = completion{}
	}
}

func (o *formPage) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	t, k, f := &m.keys.Type, &m.keys.Form, &m.form
	line := &f.lines[f.at]
	switch {
	case key.Matches(msg, t.Enter):
		return m.sendForm()
	case key.Matches(msg, t.Leave):
		m.pop()
		if !f.empty() {
			m.tell(false, "what is filled in stays: {ledger.form} goes on with it")
		}
		return nil
	case key.Matches(msg, k.Next):
		f.at = (f.at + 1) % formFields
	case key.Matches(msg, k.Previous):
		f.at = (f.at + formFields - 1) % formFields
	case key.Matches(msg, k.NextName, k.PreviousName):
		if f.at == formKind {
			f.paid = !f.paid
			return nil
		}
		by := 1
		if key.Matches(msg, k.PreviousName) {
			by = -1
		}
		m.completeForm(by)
		return nil
	case key.Matches(msg, t.Clear):
		switch {
		case f.at != formKind && line.String() != "":
			line.Set("")
		case !f.empty():
			m.form = formState{paid: f.paid, at: formFrom}
		default:
			m.pop()
		}
	case key.Matches(msg, t.Help):
		m.push(&helpOverlay{of: onForm})
	case key.Matches(msg, t.Repaint):
		return m.fx.do(m.fx.terminal.repaint)
	case key.Matches(msg, t.Out):
		return m.fx.suspend()
	case f.at == formKind:
		if msg.Text == " " || key.Matches(msg, t.Left, t.Right) {
			f.paid = !f.paid
		}
	default:
		m.edit(line, msg)
	}
	f.cycle = completion{}
	return nil
}

// sendForm sends what the form says: the entry of its line.
func (m *Model) sendForm() tea.Cmd {
	f := &m.form
	if f.empty() {
		m.tell(false, "the form is empty: fill it in, or {type.leave} leaves it")
		return nil
	}
	l := f.compose()
	wrong, missing, _, ok := m.formErrors(l)
	if !ok {
		for i := formFrom; i < formFields; i++ {
			if wrong[i] != "" || missing[i] != "" {
				f.at = i
				m.tell(wrong[i] != "", "%s: %s", string(f.label(i)), wrong[i]+missing[i])
				break
			}
		}
		return nil
	}
	if !m.writable() {
		return nil
	}
	e, serr := ledger.ParseLine(l.text, m.options.Name)
	if serr != nil { // cannot be: it was read by formErrors
		m.tell(true, "%s", serr.Error())
		return nil
	}
	return m.sendEntry(e, l.text, func(m *Model) tea.Cmd {
		m.entry.history.Add(l.text)
		f := &m.form
		for i := range f.lines {
			if formField(i) != formUnit {
				f.lines[i].Set("")
			}
		}
		f.at = formFrom
		m.tell(false, "sent: %s", l.text)
		return nil
	})
}

// namesPrefix is the name that a field ends in, and where it begins.
func (f *formState) namesPrefix() (prefix string, start int, ok bool) {
	switch {
	case f.at == formFrom, f.at == formTo && !f.paid:
		return strings.TrimLeft(f.lines[f.at].String(), " "), 0, true
	case f.at == formTo:
		s := f.lines[f.at].String()
		parts := splitParties(s)
		last := parts[len(parts)-1]
		name := strings.TrimLeft(last, " ")
		return name, len(s) - len(name), true
	}
	return "", 0, false
}

// completeForm puts the next or the previous name that fits in the place of the one that was begun.
func (m *Model) completeForm(by int) {
	f := &m.form
	c := &f.cycle
	line := &f.lines[f.at]
	if len(c.candidates) == 0 {
		prefix, start, ok := f.namesPrefix()
		if !ok {
			return
		}
		found := ledger.Complete(prefix, m.names.offered(), maxOffered)
		if len(found) == 0 {
			m.tell(false, "no name in this room begins so")
			return
		}
		*c = completion{start: start, candidates: found}
		if by < 0 {
			c.next = len(found) - 1
		}
	} else {
		c.next = (c.next + by + len(c.candidates)) % len(c.candidates)
	}
	line.Replace(c.start, len(line.String()), c.candidates[c.next])
	line.End()
}
