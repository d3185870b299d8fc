package tui

import (
	"strings"

	"github.com/tallystick/tallystick/internal/ledger"
)

// formLine is the line that says what a form is filled with, and where each field stands in it.
type formLine struct {
	text  string
	spans [formFields][2]int
}

// compose writes the form as a line. What would be read differently in its place is put in quotes; whether each field is right by
// itself, check says.
func (f *formState) compose() formLine {
	l := f.composeMemo(f.text(formMemo))
	if memo := f.text(formMemo); memo != "" {
		if d, err := ledger.Parse(l.text, "\x00"); err == nil && (d.Memo != memo || d.Unit != f.text(formUnit)) {
			return f.composeMemo(quoted(memo))
		} else if err != nil && err.Offset >= l.spans[formMemo][0] {
			return f.composeMemo(quoted(memo))
		}
	}
	return l
}

func (f *formState) composeMemo(memo string) (l formLine) {
	var b strings.Builder
	put := func(i formField, s string) {
		if s != "" && b.Len() > 0 {
			b.WriteByte(' ')
		}
		l.spans[i][0] = b.Len()
		b.WriteString(s)
		l.spans[i][1] = b.Len()
	}
	word := func(s string) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s)
	}
	from := typedLabel(f.text(formFrom))
	if f.paid {
		put(formFrom, from)
		word("paid")
		put(formAmount, f.text(formAmount))
		put(formUnit, f.text(formUnit))
		word("for")
		put(formTo, typedParties(f.text(formTo)))
		if memo != "" {
			b.WriteByte(':')
			put(formMemo, memo)
		}
	} else {
		put(formFrom, from)
		if from != "" {
			word("->")
		}
		put(formTo, typedLabel(f.text(formTo)))
		put(formAmount, f.text(formAmount))
		put(formUnit, f.text(formUnit))
		put(formMemo, memo)
	}
	l.text = b.String()
	return l
}

// typedLabel is what was typed as a name, in quotes if it needs them; quotes that were typed stay.
func typedLabel(s string) string {
	switch {
	case s == "":
		return ""
	case strings.HasPrefix(s, `"`):
		return s
	case s == "paid": // as the first word it would be the bill's
		return quoted(s)
	}
	return ledger.QuoteLabel(s)
}

// typedParties is the list of a shared bill as the line has it: names in quotes where they need them, each with its share if one
// was typed.
func typedParties(s string) string {
	if s == "" {
		return ""
	}
	var out []string
	for _, item := range splitParties(s) {
		item = strings.TrimSpace(item)
		if i := strings.LastIndexByte(item, ' '); i > 0 && item[i+1] >= '0' && item[i+1] <= '9' {
			out = append(out, typedLabel(strings.TrimSpace(item[:i]))+" "+item[i+1:])
			continue
		}
		out = append(out, typedLabel(item))
	}
	return strings.Join(out, ", ")
}

// splitParties splits at commas outside of quotes.
func splitParties(s string) []string {
	var out []string
	in, from := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case in && s[i] == '\\':
			i++
		case s[i] == '"':
			in = !in
		case s[i] == ',' && !in:
			out = append(out, s[from:i])
			from = i + 1
		}
	}
	return append(out, s[from:])
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// fillForm moves what was understood of a line into the form.
func (m *Model) fillForm(line string) {
	d, err := ledger.Parse(line, m.options.Name)
	if err != nil && err.Offset < len(line) { // there is more in it than was understood
		return
	}
	f := &m.form
	f.paid = d.Bill
	set := func(i formField, has ledger.Fields, s string) {
		if d.Has(has) {
			f.lines[i].Set(s)
		}
	}
	if !d.FromMe {
		set(formFrom, ledger.FieldFrom, d.From)
	}
	set(formTo, ledger.FieldTo, d.To)
	if d.Bill {
		var parties []string
		for _, s := range d.Shares {
			parties = append(parties, ledger.QuoteLabel(s.Label)+" "+ledger.FormatAmount(s.Amount, d.Scale))
		}
		f.lines[formTo].Set(strings.Join(parties, ", "))
	}
	if d.Has(ledger.FieldAmount) {
		f.lines[formAmount].Set(ledger.FormatAmount(d.Amount, d.Scale))
	}
	set(formUnit, ledger.FieldUnit, d.Unit)
	set(formMemo, ledger.FieldMemo, d.Memo)
	m.entry.line.Set("")
}
