package tui

import (
	"errors"
	"fmt"

	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// nameWarning says, before it is sent, whose name in what is typed tells nobody: the gravest first, "" if there is none. An entry
// with such a name is written all the same, as somebody may be no author here.
func (m *Model) nameWarning(d *ledger.Draft) safe.String {
	if !m.known() {
		return safe.String{}
	}
	e := ledger.Entry{Postings: d.Postings}
	if len(e.Postings) == 0 {
		for _, one := range []struct {
			has   ledger.Fields
			label string
		}{{ledger.FieldFrom, d.From}, {ledger.FieldTo, d.To}} {
			if d.Has(one.has) && !(d.Open.Active && d.Open.Prefix == one.label) {
				e.Postings = append(e.Postings, ledger.Posting{Label: one.label})
			}
		}
	}
	if c := m.marks.correct; c != nil {
		e = c.keepKeys(e)
	}
	var wrong, alike, several, nobody []string
	for _, p := range e.Postings {
		if p.Key != nil {
			continue
		}
		_, ok, err := m.book.people.Lookup(p.Label)
		var ambiguous *ledger.AmbiguousError
		switch {
		case errors.As(err, &ambiguous) && len(ambiguous.Candidates) == 0:
			wrong = append(wrong, p.Label)
		case err != nil:
			several = append(several, p.Label)
		case ok:
		case m.book.people.Seems(p.Label):
			alike = append(alike, p.Label)
		default:
			nobody = append(nobody, p.Label)
		}
	}
	for _, w := range []struct {
		labels []string
		text   screen.Const
	}{
		{wrong, "nobody here has a key that begins as in %s"},
		{alike, "nobody here is called %s, but somebody alike ({ledger.people}): without a key nobody can agree to it"},
		{several, "several can be %s: {type.enter} asks which"},
		{nobody, "nobody here is called %s: without a key nobody can agree to it"},
	} {
		if len(w.labels) == 0 {
			continue
		}
		names := fmt.Sprintf("%q", w.labels[0])
		if n := len(w.labels) - 1; n > 0 {
			names += fmt.Sprintf(" (and %d more)", n)
		}
		return m.cs.Text(fmt.Sprintf(string(m.keyedFormat(w.text)), names), noteCells)
	}
	return safe.String{}
}
