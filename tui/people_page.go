package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/qrcode"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/tui/internal/list"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// whoIs is a person's name, with the mark of one that could be taken for another's; empty if there is none. A name is no identity:
// it stands beside digits of the key.
func (m *Model) whoIs(a crdt.Author) safe.String {
	p := m.book.people
	if p == nil {
		return safe.String{}
	}
	s := p.Shown(a)
	name := m.cs.Text(s.Name, nameCells)
	if s.LookAlike && name.Width() > 0 {
		name = safe.Concat(name, safe.Literal(" ?"))
	}
	return name
}

// everybody is who is known in this room but the user, in the order of the people page.
func (m *Model) everybody() []crdt.Author {
	p := m.book.people
	if p == nil {
		return nil
	}
	var out []crdt.Author
	for _, one := range p.Of() {
		if !one.Me {
			out = append(out, one.Author)
		}
	}
	return out
}

// peoplePage lists the people of the room and those whom the user has named.
type peoplePage struct {
	of    *ledger.People // what rows are of
	rows  []ledger.Person
	owing owing
	list  list.List[crdt.Author]
}

var _ list.Rows[crdt.Author] = (*peoplePage)(nil)

func (o *peoplePage) Len() int              { return len(o.rows) }
func (o *peoplePage) Key(i int) crdt.Author { return o.rows[i].Author }
func (o *peoplePage) IndexOf(a crdt.Author) (int, bool) {
	i := slices.IndexFunc(o.rows, func(p ledger.Person) bool { return p.Author == a })
	return i, i >= 0
}

// openPeople shows the people page.
func (m *Model) openPeople() tea.Cmd {
	if m.snap == nil || m.book.people == nil {
		m.tell(false, "the room is still being opened")
		return nil
	}
	o := &peoplePage{}
	o.sync(m)
	m.field = noField
	m.push(o)
	return m.readOwing(func(m *Model, w owing) { o.owing = w })
}

// sync takes over who is known now.
func (o *peoplePage) sync(m *Model) {
	if p := m.book.people; p != nil && p != o.of {
		o.of, o.rows = p, p.Of()
		o.list.Sync(o)
	}
}

func (o *peoplePage) focus() focus { return onPeople }

func (o *peoplePage) selected() (ledger.Person, bool) {
	a, ok := o.list.Cursor()
	if !ok {
		return ledger.Person{}, false
	}
	i, ok := o.IndexOf(a)
	if !ok {
		return ledger.Person{}, false
	}
	return o.rows[i], true
}

func (o *peoplePage) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	if moveIn(&m.keys.Move, msg, &o.list, list.Rows[crdt.Author](o)) {
		return nil
	}
	k := &m.keys.People
	p, ok := o.selected()
	switch {
	case key.Matches(msg, k.Back):
		m.pop()
	case key.Matches(msg, k.Mine):
		if m.snap == nil || m.snap.Me == (crdt.Author{}) {
			m.tell(false, "this node has no key: it only reads")
			return nil
		}
		return m.openPerson(m.snap.Me, &o.owing)
	case !ok && key.Matches(msg, k.Open, k.Confirm, k.Name, k.Copy):
		m.tell(false, "nobody is known here yet")
	case key.Matches(msg, k.Open):
		return m.openPerson(p.Author, &o.owing)
	case key.Matches(msg, k.Confirm, k.Name, k.Copy):
		return m.onPersonKey(msg, p.Author)
	default:
		return m.onGlobalKey(msg)
	}
	return nil
}

// onPersonKey is what can be done with a person, in the list and on its page.
func (m *Model) onPersonKey(msg tea.KeyPressMsg, a crdt.Author) tea.Cmd {
	k := &m.keys.People
	switch {
	case key.Matches(msg, k.Copy):
		return m.fx.copyText(string(shortHex(a, 64)), "the key")
	case key.Matches(msg, k.Confirm):
		return m.confirmPerson(a)
	}
	return m.namePerson(a)
}

// person is what is known of an author.
func (m *Model) person(a crdt.Author) ledger.Person {
	if p := m.book.people; p != nil {
		return p.Person(a)
	}
	return ledger.Person{Author: a, Shown: ledger.Shown{Digits: string(shortHex(a, 8))}}
}

// noStore tells why nothing can be said of people, if so.
func (m *Model) noStore(a crdt.Author) bool {
	switch {
	case m.options.People == nil:
		m.tell(false, "what you know of people is not kept here: start the screen under a NAME")
	case m.snap != nil && a == m.snap.Me:
		m.tell(false, "this is your own key: show it to others, they confirm it")
	default:
		return false
	}
	return true
}

// confirmPerson shows the safety number and asks whether the other side reads the same.
func (m *Model) confirmPerson(a crdt.Author) tea.Cmd {
	if m.noStore(a) {
		return nil
	}
	p := m.person(a)
	if p.Contact.Confirmed {
		m.push(&question{text: "This key is confirmed. Take that back?", yes: func(m *Model) tea.Cmd {
			return m.saveContact(ledger.Contact{Author: a, Name: p.Contact.Name}, "the key counts as unconfirmed again")
		}})
		return nil
	}
	if p.Shown.Name == "" {
		m.push(&prompt{
			title: "First a name", help: "it has none: what do you call this person?",
			done: func(m *Model, name string) tea.Cmd {
				label, ok := ledger.ParseLabel(strings.TrimSpace(name))
				if !ok {
					m.tell(true, "no name: 1 to %d bytes in one line, without control characters", ledger.MaxLabelBytes)
					return nil
				}
				return m.askSafety(a, label)
			},
		})
		return nil
	}
	return m.askSafety(a, p.Shown.Name)
}

// askSafety computes the safety number, which takes its time, and asks.
func (m *Model) askSafety(a crdt.Author, name string) tea.Cmd {
	me := m.snap.Me
	return func() tea.Msg {
		digits := ledger.SafetyNumber(me, a)
		return thenMsg{func(m *Model) {
			m.push(&safetyPage{author: a, name: name, digits: screen.Const(digits)})
		}}
	}
}

// safetyPage shows a safety number and asks whether it is the same on the other side.
type safetyPage struct {
	author crdt.Author
	name   string
	digits screen.Const
}

func (o *safetyPage) focus() focus { return onDialog }

func (o *safetyPage) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	switch {
	case key.Matches(msg, m.keys.Dialog.Yes):
		m.pop()
		return m.saveContact(ledger.Contact{Author: o.author, Name: o.name, Confirmed: true}, "confirmed: the name stands alone from now on")
	case key.Matches(msg, m.keys.Dialog.No):
		m.pop()
		m.tell(false, "not confirmed")
	}
	return nil
}

func (o *safetyPage) draw(m *Model, all screen.Area) {
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Warn, m.st.Focus, "Safety number", m.keyed("{dialog.yes} the same · {dialog.no} not"))
	}
	answer := " The same on both sides? " + m.yesNo() + " "
	out := []textLine{{own(m.st.Dim, " you and "), outside(m.st.Text, m.cs.Text(o.name, nameCells)), own(m.st.Dim, " "+shortHex(o.author, 8))}, nil}
	words := strings.Fields(string(o.digits))
	for len(words) > 0 {
		n := min(max((a.W-2)/8, 1), 3, len(words))
		out = append(out, textLine{own(m.st.Focus, "   "+screen.Const(strings.Join(words[:n], "   ")))})
		words = words[n:]
	}
	out = append(out, nil)
	out = appendWrapped(out, a.W, " ", m.st.Dim, m.st.Dim, safe.Literal(
		"Compare it by a way that you trust: side by side, or by a voice that you know. The other side finds the same number on its people page (P, then c). Different numbers: it is another key."))
	drawLines(a.Sub(0, 0, a.W, a.H-1), out, 0)
	x := a.Const(0, a.H-1, m.st.Warn, answer)
	a.PlaceCursor(min(x, a.W-1), a.H-1, true)
}

// namePerson asks for the user's own name of a person.
func (m *Model) namePerson(a crdt.Author) tea.Cmd {
	if m.noStore(a) {
		return nil
	}
	p := m.person(a)
	ask := &prompt{
		title: "Your name for it", help: "it wins over what they call themselves, and stays on this machine; empty: none",
		done: func(m *Model, text string) tea.Cmd {
			c := ledger.Contact{Author: a, Confirmed: p.Contact.Confirmed}
			if text = strings.TrimSpace(text); text == "" {
				if c.Confirmed {
					m.tell(true, "a confirmed key has a name: {people.confirm} takes the confirmation back first")
					return nil
				}
				return m.saveContact(c, "forgotten")
			}
			label, ok := ledger.ParseLabel(text)
			if !ok {
				m.tell(true, "no name: 1 to %d bytes in one line, without control characters", ledger.MaxLabelBytes)
				return nil
			}
			c.Name = label
			return m.saveContact(c, "named")
		},
	}
	ask.line.Set(p.Contact.Name)
	m.push(ask)
	return nil
}

// saveContact keeps what the user said of a person.
func (m *Model) saveContact(c ledger.Contact, told screen.Const) tea.Cmd {
	store := m.options.People
	return func() tea.Msg {
		err := store.Save(c)
		return thenMsg{func(m *Model) {
			if err != nil {
				m.tell(true, "not kept: %v", err)
				return
			}
			m.tell(false, told)
			m.later = m.readPeople()
		}}
	}
}

func (o *peoplePage) draw(m *Model, all screen.Area) {
	o.sync(m)
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "People", plural(len(o.rows), "person", "people")+m.keyed(" · {people.open} opens · {people.back} back"))
	}
	if len(o.rows) == 0 {
		a.ConstCut(1, 0, a.W-1, m.st.Dim, "Nobody yet: whoever writes in this room stands here.")
		return
	}
	c := peopleColumns(a.W)
	c.draw(a, 0, m.st.Dim, textLine{own(m.st.Dim, "name")}, textLine{own(m.st.Dim, "key")}, textLine{own(m.st.Dim, "known")},
		textLine{own(m.st.Dim, "calls itself")}, textLine{own(m.st.Dim, "with you")})
	rows := a.Sub(0, 1, a.W, a.H-1)
	top, n := o.list.Window(rows.H)
	for i := range n {
		p := &o.rows[top+i]
		known, style := screen.Const("unconfirmed"), m.st.Dim
		switch {
		case p.Me:
			known, style = "you", m.st.Focus
		case p.Shown.Confirmed:
			known, style = "confirmed", m.st.OK
		}
		name := m.cs.Text(p.Shown.Name, nameCells)
		if name.Width() == 0 {
			name = safe.Literal("(no name)")
		}
		l := textLine{outside(m.st.Text, m.cs.Cut(name, max(c.name-7, 4)))}
		if p.Shown.LookAlike {
			l = append(l, own(m.st.Warn, " ?"))
		}
		if m.snap.View.Forked(p.Author) {
			l = append(l, own(m.st.Error, " FORK"))
		}
		c.draw(rows, i, m.st.Text, l, textLine{own(m.st.Dim, screen.Const(p.Shown.Digits))}, textLine{own(style, known)},
			textLine{outside(m.st.Dim, m.cs.Text(p.Claimed, max(c.claimed-1, 1)))}, o.owing.parts(m, p.Author, 2))
		if top+i == o.list.Index() {
			m.drawCursor(rows, i, n)
		}
	}
}

// personColumns are the widths of the columns of the people page; 0: not shown. What is owed takes the rest.
type personColumns struct{ name, key, known, claimed int }

func peopleColumns(w int) personColumns {
	switch {
	case w >= wideColumns-2:
		return personColumns{name: 30, key: 12, known: 13, claimed: 24}
	case w >= narrowColumns-2:
		return personColumns{name: 22, key: 12, known: 13}
	}
	return personColumns{name: max(w-24, 8), key: 10}
}

func (c personColumns) draw(a screen.Area, y int, _ screen.Style, name, digits, known, claimed, owes textLine) {
	x := 3
	for _, col := range []struct {
		w int
		l textLine
	}{{c.name, name}, {c.key, digits}, {c.known, known}, {c.claimed, claimed}, {max(a.W-3-c.name-c.key-c.known-c.claimed, 0), owes}} {
		if col.w > 0 {
			say(a.Sub(x, y, col.w, 1), 0, 0, cutLine(col.l, col.w-1)...)
		}
		x += col.w
	}
}

// personPage is all that is known of one person.
type personPage struct {
	author crdt.Author
	owing  *owing
	safety screen.Const // "" until it is computed
	code   []textLine   // of one's own key, for a camera
	scroll int
}

// openPerson shows all that is known of a person.
func (m *Model) openPerson(a crdt.Author, w *owing) tea.Cmd {
	o := &personPage{author: a, owing: w}
	m.push(o)
	me := m.snap.Me
	switch {
	case me == (crdt.Author{}):
		return nil
	case a == me:
		o.code = m.cameraLines(string(shortHex(me, 64)))
		return nil
	}
	return func() tea.Msg {
		digits := screen.Const(ledger.SafetyNumber(me, a))
		return thenMsg{func(*Model) { o.safety = digits }}
	}
}

func (o *personPage) focus() focus { return onPerson }

func (o *personPage) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	if by, ok := m.scrollBy(msg, m.lay.body.h-2); ok {
		o.scroll = max(o.scroll+by, 0)
		return nil
	}
	k := &m.keys.People
	switch {
	case key.Matches(msg, k.Back):
		m.pop()
	case key.Matches(msg, k.Confirm, k.Name, k.Copy):
		return m.onPersonKey(msg, o.author)
	default:
		return m.onGlobalKey(msg)
	}
	return nil
}

func (o *personPage) draw(m *Model, all screen.Area) {
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "Person", m.keyed("{people.back} back"))
	}
	if len(o.code) > 0 {
		const leastText = 38 // beside the code, which is of use only if all of it is in sight
		if w := o.code[0].width(); a.W >= leastText+1+w && a.H >= len(o.code) {
			drawLines(a.Sub(a.W-w, 0, w, a.H), o.code, 0)
			a.W -= w + 1
			o.scroll = drawLines(a, o.lines(m, a.W), o.scroll)
			return
		}
	}
	o.scroll = drawLines(a, append(o.lines(m, a.W), o.codeBelow(m, a.W)...), o.scroll)
}

// cameraLines draw a text as a code for a camera.
func (m *Model) cameraLines(text string) (out []textLine) {
	ground := qrcode.Light
	if m.options.Look.Mono {
		ground = qrcode.Dark
	}
	lines, err := qrcode.Draw(text, ground, m.options.Look.ASCII)
	if err != nil { // no key is too long for one
		return nil
	}
	for _, runs := range lines {
		var l textLine
		for _, r := range runs {
			style := m.st.Paper
			if r.Inverse {
				style ^= screen.Reverse
			}
			l = append(l, own(style, screen.Const(r.Text)))
		}
		out = append(out, l)
	}
	return out
}

// codeBelow is the code for a camera where there is no room for it beside the text.
func (o *personPage) codeBelow(m *Model, w int) []textLine {
	switch {
	case len(o.code) == 0:
		return nil
	case o.code[0].width() > w:
		return []textLine{nil, {own(m.st.Dim, " (the screen is too narrow for its code)")}}
	}
	return append([]textLine{nil}, o.code...)
}

func (o *personPage) lines(m *Model, w int) (out []textLine) {
	st := &m.st
	p := m.person(o.author)
	label := func(s screen.Const) screen.Const { return " " + padded(s, 14) }
	line := func(name screen.Const, style screen.Style, s safe.String) {
		out = appendWrapped(out, w, label(name), st.Dim, style, s)
	}
	name := m.whoIs(o.author)
	if name.Width() == 0 {
		name = safe.Literal("(no name)")
	}
	line("name", st.Focus, name)
	hexKey := m.cs.Text(string(groupedHex(o.author, 64)), safe.NoLimit)
	line("key", st.Text, hexKey)
	switch {
	case p.Me:
		line("known", st.Focus, safe.Literal("this is you"))
	case p.Shown.Confirmed:
		line("known", st.OK, safe.Literal("confirmed: you compared the key"))
	default:
		line("known", st.Warn, m.cs.Text(string(m.keyed("unconfirmed: {people.confirm} compares the key with theirs")), noteCells))
	}
	if p.Claimed != "" {
		line("calls itself", st.Text, m.cs.Text(p.Claimed, nameCells))
	}
	if p.Contact.Name != "" {
		line("you call it", st.Text, m.cs.Text(p.Contact.Name, nameCells))
	}
	if p.Shown.LookAlike {
		line("look-alike ?", st.Warn, safe.Literal("somebody else here has a name that looks the same: trust the key, not the name"))
	}
	if m.snap.View.Forked(o.author) {
		line("FORK", st.Error, m.cs.Text(string(m.keyed("this key has signed two changes after the same one: {ledger.evidence} on the ledger shows it")), noteCells))
	}
	if o.safety != "" {
		line("safety number", st.Text, m.cs.Text(string(o.safety), safe.NoLimit))
	}
	return append(out, o.balanceLines(m, w)...)
}
