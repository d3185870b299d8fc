package tui

import (
	"strings"

	"github.com/tallystick/tallystick/internal/ledger"
)

// check is what is wrong with one field by itself, "" if nothing is, or if it is empty.
func (f *formState) check(i formField) string {
	s := f.text(i)
	if s == "" {
		return ""
	}
	alone := func(line string, ok func(d *ledger.Draft) bool, otherwise string) string {
		d, err := ledger.Parse(line, "")
		switch {
		case err == nil && ok(&d):
			return ""
		case err == nil || err.Hint == "" && err.Found == "the end of the line":
			return otherwise
		case err.Hint != "":
			return "expected " + err.Expected + "; " + err.Hint
		}
		return "expected " + err.Expected + ", found " + err.Found
	}
	switch i {
	case formFrom:
		return checkLabel(s)
	case formTo:
		if f.paid {
			return "" // the whole line tells
		}
		return checkLabel(s)
	case formAmount:
		return alone("a -> b "+s, func(d *ledger.Draft) bool { return d.Unit == "" && d.Memo == "" }, "one number, as in 12.50; the unit has a field of its own")
	case formUnit:
		return alone("a -> b 1 "+s, func(d *ledger.Draft) bool { return d.Unit == s }, "2 to 8 capital letters and digits, as in EUR")
	case formMemo:
		return alone("a -> b 1 XX "+quoted(s), func(*ledger.Draft) bool { return true }, "one line of at most 512 bytes")
	}
	return ""
}

func checkLabel(s string) string {
	if strings.HasPrefix(s, `"`) {
		d, err := ledger.Parse(s+" -> ", "")
		switch {
		case err != nil && !d.Has(ledger.FieldFrom):
			return "expected " + err.Expected
		case err != nil && err.Offset < len(s)+len(" ->"):
			return "one name: nothing after its quotes"
		}
		return ""
	}
	if _, ok := ledger.ParseLabel(s); !ok {
		return "a name has 1 to 64 bytes, and no control or format characters"
	}
	return ""
}

// formErrors is what is wrong with or missing in each field, and whether the whole can be sent.
func (m *Model) formErrors(l formLine) (wrong [formFields]string, missing [formFields]string, draft ledger.Draft, ok bool) {
	f := &m.form
	ok = true
	for i := formFrom; i < formFields; i++ {
		if wrong[i] = f.check(i); wrong[i] != "" {
			ok = false
		}
	}
	draft, err := ledger.Parse(l.text, m.options.Name)
	if err == nil {
		return wrong, missing, draft, ok
	}
	if !ok {
		return wrong, missing, draft, false
	}
	for i := formFrom; i < formMemo; i++ { // an empty field is missing, not wrong
		if f.text(i) == "" && i != formUnit && (i != formFrom || m.options.Name == "") {
			missing[i] = "still missing"
			ok = false
		}
	}
	if !ok {
		return wrong, missing, draft, false
	}
	at := formMemo
	for i := formFrom; i < formFields; i++ {
		if err.Offset >= l.spans[i][0] && err.Offset <= l.spans[i][1] && l.spans[i][0] < l.spans[i][1] {
			at = i
			break
		}
	}
	wrong[at] = "expected " + err.Expected + ", found " + err.Found
	if err.Hint != "" {
		wrong[at] += "; " + err.Hint
	}
	return wrong, missing, draft, false
}
