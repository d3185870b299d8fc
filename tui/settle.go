package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/tui/internal/list"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// settling is one payment of those that settle up, as the line that can be sent.
type settling struct {
	ledger.Payment
	entry ledger.Entry
	line  string
	wrong string // why it cannot be sent
	mine  bool
	sent  bool // in this page
}

// settlePage offers the fewest payments that bring all tallied balances of a unit to zero, those with me first. It stays as it was
// computed until the unit is changed: what is sent here is only claimed, and changes no tallied balance.
type settlePage struct {
	units []string
	unit  string
	rows  []settling
	open  bool // something is claimed or disputed besides
	list  list.List[int]
}

var _ list.Rows[int] = (*settlePage)(nil)

func (o *settlePage) Len() int                  { return len(o.rows) }
func (o *settlePage) Key(i int) int             { return i }
func (o *settlePage) IndexOf(i int) (int, bool) { return i, i >= 0 && i < len(o.rows) }
func (o *settlePage) focus() focus              { return onSettle }
func (o *settlePage) selected() (*settling, bool) {
	i := o.list.Index()
	if i < 0 || i >= len(o.rows) {
		return nil, false
	}
	return &o.rows[i], true
}

// openSettle shows the payments that settle a unit.
func (m *Model) openSettle(unit string) tea.Cmd {
	if m.snap == nil || !m.known() {
		m.tell(false, "the room is still being read: try again in a moment")
		return nil
	}
	o := &settlePage{units: m.book.book.Units(), unit: strings.TrimSpace(unit)}
	if len(o.units) == 0 {
		m.tell(false, "there is nothing to settle: no entry is here yet")
		return nil
	}
	if !slices.Contains(o.units, o.unit) {
		if o.unit != "" {
			m.tell(true, "no entry has the unit %s", m.cs.Text(o.unit, ledger.MaxUnitBytes).String())
		}
		o.unit = o.units[0]
	}
	o.compute(m)
	m.field = noField
	m.push(o)
	return nil
}

// compute finds the payments of the unit.
func (o *settlePage) compute(m *Model) {
	balances := m.book.book.Balances(o.unit)
	o.open = slices.ContainsFunc(balances, func(b ledger.Balance) bool { return b.Claimed != b.Tallied || !b.Disputed.IsZero() })
	o.rows = nil
	me, _ := m.me()
	for _, p := range ledger.Settle(balances) {
		o.rows = append(o.rows, m.settlingOf(p, me))
	}
	slices.SortStableFunc(o.rows, func(a, b settling) int {
		switch {
		case a.mine == b.mine:
			return 0
		case a.mine:
			return -1
		}
		return 1
	})
	o.list = list.List[int]{}
	o.list.Sync(o)
}

// settlingOf is a payment as an entry: its parties bound as those of the balances are.
func (m *Model) settlingOf(p ledger.Payment, me crdt.Author) settling {
	s := settling{Payment: p, mine: p.From.Bound && p.From.Key == me || p.To.Bound && p.To.Key == me}
	amount, scale, ok := p.Amount.Scaled()
	if !ok {
		s.wrong = "the amount has more than 18 digits: write it in parts"
		return s
	}
	if scale == 1 && amount < 1e17 { // cents have two digits
		amount, scale = amount*10, 2
	}
	// Who is below zero owes, and pays: the entry of it runs the other way, and takes that away. So the memo says it in words.
	from, to := m.partyLabel(p.From), m.partyLabel(p.To)
	s.entry = ledger.NewTransfer(from, to, amount, scale, p.Unit, to+" pays "+from)
	for i, party := range []ledger.Party{p.From, p.To} {
		if party.Bound {
			s.entry.Postings[i].Key = &party.Key
		}
	}
	shown := s.entry
	shown.Postings = slices.Clone(shown.Postings)
	for i := range shown.Postings { // the line that says it: by key where the name alone does not tell
		if p := &shown.Postings[i]; p.Key != nil {
			if a, found, err := m.book.people.Lookup(p.Label); err != nil || !found || a != *p.Key {
				p.Label += "#" + m.book.people.Shown(*p.Key).Digits
			}
			p.Key = nil
		}
	}
	if s.line, ok = ledger.Format(shown); !ok {
		s.line, ok = ledger.Format(s.entry)
	}
	if err := s.entry.Validate(); err != nil || !ok {
		s.wrong = "no line says it: its parties have one name"
	}
	return s
}

// partyLabel is what a party is called in an entry.
func (m *Model) partyLabel(p ledger.Party) string {
	if !p.Bound {
		return p.Label
	}
	s := m.book.people.Shown(p.Key)
	if label, ok := ledger.ParseLabel(s.Name); ok {
		return label
	}
	return s.Digits
}

func (o *settlePage) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	if moveIn(&m.keys.Move, msg, &o.list, list.Rows[int](o)) {
		return nil
	}
	k := &m.keys.Settle
	switch {
	case key.Matches(msg, k.Back):
		m.pop()
	case key.Matches(msg, k.Unit):
		i := slices.Index(o.units, o.unit)
		o.unit = o.units[(i+1)%len(o.units)]
		o.compute(m)
	case key.Matches(msg, k.Send):
		return o.sendOne(m)
	case key.Matches(msg, k.All):
		return o.askAll(m)
	default:
		return m.onGlobalKey(msg)
	}
	return nil
}

// sendOne writes the payment under the cursor; one of others, which counts for nothing by itself, after a question.
func (o *settlePage) sendOne(m *Model) tea.Cmd {
	s, ok := o.selected()
	switch {
	case !ok:
		m.tell(false, "nothing is to be settled in this unit")
	case s.wrong != "":
		m.tell(true, "not written: %s", s.wrong)
	case s.sent:
		m.push(&question{text: "It is written already. Write it once more?", yes: func(m *Model) tea.Cmd { return o.send(m, s) }})
	case !s.mine:
		m.push(&question{
			text: "You are no party to it: it counts only when both of them agree. Write it?",
			yes:  func(m *Model) tea.Cmd { return o.send(m, s) },
		})
	default:
		return o.send(m, s)
	}
	return nil
}

// askAll asks, and writes all that are not written yet.
func (o *settlePage) askAll(m *Model) tea.Cmd {
	var all []*settling
	mine := 0
	for i := range o.rows {
		if s := &o.rows[i]; !s.sent && s.wrong == "" {
			all = append(all, s)
			if s.mine {
				mine++
			}
		}
	}
	if len(all) == 0 {
		m.tell(false, "nothing is left to be written")
		return nil
	}
	text := "Write " + plural(len(all), "payment", "payments") + "?"
	if n := len(all) - mine; n > 0 {
		text += " " + number(n) + " of them between others, who have to agree."
	}
	m.push(&question{text: text, yes: func(m *Model) tea.Cmd { return o.send(m, all...) }})
	return nil
}

// send signs and sends payments.
func (o *settlePage) send(m *Model, all ...*settling) tea.Cmd {
	if !m.writable() {
		return nil
	}
	batch := make([]submission, 0, len(all))
	for _, s := range all {
		s.sent = true
		batch = append(batch, submission{ledger.AppendEdit(s.entry, nil), s.line})
	}
	m.toOwn()
	m.tell(false, "%s written: settled when the other side agrees", plural(len(all), "payment is", "payments are"))
	return m.submit(batch...)
}

func (o *settlePage) draw(m *Model, all screen.Area) {
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "Settle up", m.keyed("{settle.send} writes one · {settle.all} all · {settle.back} back"))
	}
	unit := m.cs.Text(o.unit, ledger.MaxUnitBytes)
	if o.unit == "" {
		unit = safe.Literal("(none)")
	}
	head := textLine{own(m.st.Dim, "unit "), outside(m.st.Focus, unit)}
	if len(o.units) > 1 {
		head = append(head, own(m.st.Dim, "  of "+number(len(o.units))+m.keyed(": {settle.unit} next")))
	}
	head = append(head, own(m.st.Dim, "   "+plural(len(o.rows), "payment settles", "payments settle")+" what is tallied"))
	say(a, 1, 0, head...)
	rows := a.Sub(0, 1, a.W, a.H-1)
	foot := func(least int, st screen.Style, long, short screen.Const) {
		if rows.H <= least {
			return
		}
		rows.H--
		if screen.Width(long) > a.W-1 {
			long = short
		}
		a.ConstCut(1, rows.H+1, a.W-1, st, long)
	}
	if o.open {
		foot(3, m.st.Warn, m.keyed("What is only claimed or disputed is not in it: agree first ({mark.inbox} on the ledger), then settle."),
			"without what is claimed or disputed")
	}
	if len(o.rows) > 0 {
		foot(4, m.st.Dim, "Each memo says who pays whom, outside of here: write it once it is paid.",
			"pay outside of here, then write it")
	}
	if len(o.rows) == 0 {
		rows.ConstCut(1, 0, rows.W-1, m.st.OK, "All tallied balances of this unit are zero: nothing is to be settled.")
		return
	}
	top, n := o.list.Window(rows.H)
	for i := range n {
		s := &o.rows[top+i]
		l := textLine{own(0, "   ")}
		switch {
		case s.wrong != "":
			l = append(l, outside(m.st.Text, m.partyShort(s.From)), own(m.st.Dim, " -> "), outside(m.st.Text, m.partyShort(s.To)), own(0, " "))
			l = append(append(l, m.sumParts(s.Amount, o.unit)...), own(m.st.Error, "  "), outside(m.st.Error, m.cs.Text(s.wrong, noteCells)))
		default:
			style := m.st.Dim
			if s.mine {
				style = m.st.Text
			}
			line := outside(style, m.cs.Text(s.line, noteCells))
			if l.width()+line.width() > rows.W { // who pays whom says most
				line = outside(style, m.cs.Text(s.entry.Memo+" "+string(s.Amount.Append(nil, 2))+" "+o.unit, noteCells))
			}
			l = append(l, line)
			if !s.mine {
				l = append(l, own(m.st.Dim, "  (between others)"))
			}
		}
		if s.sent {
			l = append(textLine{own(m.st.OK, "   written "), own(0, " ")}, l[1:]...)
		}
		say(rows, 0, i, cutLine(l, rows.W)...)
		if top+i == o.list.Index() {
			m.drawCursor(rows, i, n)
		}
	}
}
