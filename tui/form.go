package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/tui/internal/editor"
	"github.com/tallystick/tallystick/tui/internal/screen"
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
		if d, err := ledger.Parse(s+" -> ", ""); err != nil && !d.Has(ledger.FieldFrom) {
			return "expected " + err.Expected
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
			m.tell(false, "what is filled in stays: f goes on with it")
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
		m.tell(false, "the form is empty: fill it in, or Esc leaves it")
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
		found := ledger.Complete(prefix, m.names.labels, maxOffered)
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
		a = a.Frame(m.st.Dim, m.st.Focus, "New transaction", "Tab next field · Enter sends · Esc leaves and keeps")
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
			found, chosen = ledger.Complete(prefix, m.names.labels, maxOffered), -1
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
	if ok && !f.empty() {
		out = append(out, textLine{own(m.st.OK, " Enter signs and sends it")})
	}
	drawLines(a.Sub(0, y, a.W, max(a.H-y, 0)), out, 0)
}

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
