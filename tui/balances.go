package tui

import (
	"bytes"
	"slices"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/tui/internal/list"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// balanceLine is what the line below the list shows, kept until the book says something else.
type balanceLine struct {
	at    uint64 // version of the book
	named uint64
	unit  string
	row   crdt.Key // under the cursor, if its parties are the ones shown
	w     int
	parts textLine
}

// partyLong is how a party is shown on a page.
func (m *Model) partyLong(p ledger.Party) safe.String {
	if p.Bound {
		return m.calledOf(p.Key).long
	}
	return m.cs.Text(p.Label, nameCells)
}

// partyShort is how a party is shown beside others: a name without a key in quotes, if it could be taken for somebody's with one.
func (m *Model) partyShort(p ledger.Party) safe.String {
	switch label := m.cs.Text(p.Label, nameCells); {
	case p.Bound:
		return m.calledOf(p.Key).short
	case m.book.people != nil && m.book.people.Seems(p.Label):
		return safe.Concat(safe.Literal(`"`), label, safe.Literal(`"`))
	default:
		return label
	}
}

// forkedParty reports whether a party's author has forked.
func (m *Model) forkedParty(p ledger.Party) bool { return p.Bound && m.snap.View.Forked(p.Key) }

// maxLineParties is how many parties a room may have for all of them to be looked at for the line of balances.
const maxLineParties = 256

// manyParties reports whether a unit has too many of them for that.
func (m *Model) manyParties(unit string) bool { return m.book.book.PartyCount(unit) > maxLineParties }

// cursorUnit is the unit of the entry under the cursor: that of the balances shown below the list.
func (m *Model) cursorUnit() string {
	k, ok := m.ledger.list.Cursor()
	if !ok {
		return ""
	}
	i, ok := m.snap.View.IndexOf(k)
	if !ok {
		return ""
	}
	return m.entryText(m.snap.View.Row(i)).unit.String()
}

// drawBalanceLine draws the balances of the unit under the cursor in one line: what is tallied, and in brackets with what
// is claimed besides. Oneself comes first.
func (m *Model) drawBalanceLine(a screen.Area) {
	if a.Empty() || !m.known() || m.snap == nil {
		return
	}
	unit, l := m.cursorUnit(), &m.ledger.balance
	var row crdt.Key
	if m.manyParties(unit) {
		row, _ = m.ledger.list.Cursor()
	}
	if l.at != m.book.at || l.named != m.book.named || l.unit != unit || l.row != row || l.w != a.W || l.parts == nil {
		*l = balanceLine{m.book.at, m.book.named, unit, row, a.W, m.balanceParts(unit, a.W)}
	}
	say(a, 1, 0, l.parts...)
}

func (m *Model) balanceParts(unit string, w int) textLine {
	title := screen.Const("Balances")
	if w < wideColumns {
		title = ""
	}
	l := textLine{own(m.st.Dim, title)}
	if unit != "" {
		l = append(l, own(m.st.Dim, " "), outside(m.st.Dim, m.cs.Text(unit, ledger.MaxUnitBytes)))
	}
	if title != "" || unit != "" {
		l = append(l, own(0, "  "))
	}
	all := m.balancesOf(unit)
	scale := leastScale(all)
	used := l.width()
	for i := range all {
		b := &all[i]
		p := m.balancePart(b, scale)
		more := screen.Const("")
		if left := len(all) - i - 1; left > 0 {
			more = "+" + number(left)
		}
		if used+p.width()+screen.Width(more)+3 > w {
			return append(l, own(m.st.Dim, "+"+number(len(all)-i)))
		}
		l = append(append(l, p...), own(0, "   "))
		used += p.width() + 3
	}
	const legend = "(in brackets: with what is only claimed)"
	if slices.ContainsFunc(all, func(b ledger.Balance) bool { return b.Claimed.Cmp(b.Tallied) != 0 }) && used+len(legend) <= w-2 {
		// At the right edge, where it stays while the figures change.
		return append(l, own(0, blanks(w-2-used-len(legend))), own(m.st.Dim, legend))
	}
	if len(all) == 0 {
		if title == "" {
			return textLine{}
		}
		if unit == "" && len(m.book.book.Units()) > 1 {
			title += " without a unit"
		}
		return textLine{own(m.st.Dim, title+"  none yet: an entry counts once a person in it has written it or agreed")}
	}
	return l
}

// balancePart is one party's balance: tallied, and in brackets with what is claimed.
func (m *Model) balancePart(b *ledger.Balance, scale int) textLine {
	figure := func(s *ledger.Sum) screen.Const { return screen.Const(s.Append(nil, scale)) }
	style := m.st.Text
	l := textLine{outside(style, m.partyShort(b.Party)), own(style, " "+figure(&b.Tallied))}
	if b.Claimed.Cmp(b.Tallied) != 0 {
		l = append(l, own(style, " ("+figure(&b.Claimed)+")"))
	}
	if m.forkedParty(b.Party) {
		l = append(l, own(m.st.Error, " FORK"))
	}
	return l
}

// leastScale is how many digits all figures have after the point at least: two, as most money has, if any has one.
func leastScale(all []ledger.Balance) int {
	for i := range all {
		for _, s := range sums(&all[i]) {
			if s.Scale() > 0 {
				return 2
			}
		}
	}
	return 0
}

// balancesOf are the balances of a unit, oneself first; in a room of very many, those of the row under the cursor.
func (m *Model) balancesOf(unit string) []ledger.Balance {
	if m.manyParties(unit) {
		return m.balancesOfRow(unit)
	}
	return m.allBalances(unit).of
}

// unitBalances are the balances of a unit.
type unitBalances struct {
	of    []ledger.Balance // oneself first
	scale int              // digits after the point at least
}

// allBalances are the balances of a unit, put in order once for what the book says now: of thousands it takes as long as all the
// rest of a key. They are not to be changed.
func (m *Model) allBalances(unit string) unitBalances {
	b := &m.book
	if b.balances == nil || b.balancesAt != b.at {
		b.balances, b.balancesAt = map[string]unitBalances{}, b.at
	}
	all, ok := b.balances[unit]
	if !ok {
		all.of = m.meFirst(b.book.Balances(unit))
		all.scale = leastScale(all.of)
		b.balances[unit] = all
	}
	return all
}

// balancesOfRow are the balances of oneself and of the parties of the row under the cursor.
func (m *Model) balancesOfRow(unit string) []ledger.Balance {
	parties := []ledger.Party{{Key: m.snap.Me, Bound: true}}
	if k, ok := m.ledger.list.Cursor(); ok {
		if i, ok := m.snap.View.IndexOf(k); ok {
			if e, err := ledger.Decode(m.snap.View.Row(i).Literal); err == nil {
				for j := range e.Postings {
					if p := ledger.PartyOf(&e.Postings[j]); !slices.Contains(parties, p) {
						parties = append(parties, p)
					}
				}
			}
		}
	}
	out := make([]ledger.Balance, 0, len(parties))
	for _, p := range parties {
		out = append(out, m.book.book.BalanceOf(p, unit))
	}
	return out
}

// meFirst puts one's own balance in front.
func (m *Model) meFirst(all []ledger.Balance) []ledger.Balance {
	if i := slices.IndexFunc(all, func(b ledger.Balance) bool { return b.Party.Bound && b.Party.Key == m.snap.Me }); i > 0 {
		own := all[i]
		copy(all[1:i+1], all[:i])
		all[0] = own
	}
	return all
}

// balancesPage is who stands where, a unit at a time.
type balancesPage struct {
	unit   string
	units  []string
	all    []ledger.Balance
	at     uint64 // version of the book
	loaded bool
	scale  int
	list   list.List[ledger.Party]
}

// partyRows are the page's rows as a list sees them.
type partyRows []ledger.Balance

func (r partyRows) Len() int               { return len(r) }
func (r partyRows) Key(i int) ledger.Party { return r[i].Party }
func (r partyRows) IndexOf(p ledger.Party) (int, bool) {
	i := slices.IndexFunc(r, func(b ledger.Balance) bool { return b.Party == p })
	return i, i >= 0
}

// openBalances shows the balances of a unit.
func (m *Model) openBalances(unit string) tea.Cmd {
	if !m.known() {
		m.tell(false, "the room is still being read: press the key again in a moment")
		return nil
	}
	units := m.book.book.Units()
	if len(units) > 0 && !slices.Contains(units, unit) {
		if unit != "" {
			m.tell(true, "no entry has the unit %s", m.cs.Text(unit, ledger.MaxUnitBytes).String())
		}
		unit = units[0]
	}
	m.push(&balancesPage{unit: unit})
	return nil
}

func (p *balancesPage) focus() focus { return onBalances }

// load reads the balances, if the book says something new.
func (p *balancesPage) load(m *Model) {
	if p.loaded && p.at == m.book.at {
		return
	}
	p.loaded, p.at = true, m.book.at
	p.units = m.book.book.Units()
	all := m.allBalances(p.unit)
	p.all, p.scale = all.of, all.scale
	p.list.Sync(partyRows(p.all))
}

func (p *balancesPage) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	p.load(m)
	k := &m.keys.Balances
	if moveIn(&m.keys.Move, msg, &p.list, list.Rows[ledger.Party](partyRows(p.all))) {
		return nil
	}
	switch {
	case key.Matches(msg, k.Back):
		m.pop()
	case key.Matches(msg, k.NextUnit):
		p.turn(1)
	case key.Matches(msg, k.PreviousUnit):
		p.turn(-1)
	case key.Matches(msg, k.Settle):
		return m.openSettle(p.unit)
	case key.Matches(msg, k.Entries):
		if i := p.list.Index(); i >= 0 {
			m.pop()
			return m.setFilter("with:" + ledger.QuoteLabel(m.filterName(p.all[i].Party)))
		}
	default:
		return m.onGlobalKey(msg)
	}
	return nil
}

// filterName is a party as a filter names it: an author by its key.
func (m *Model) filterName(p ledger.Party) string {
	if p.Bound {
		return m.book.people.Shown(p.Key).Digits
	}
	return p.Label
}

// turn goes to another unit.
func (p *balancesPage) turn(by int) {
	if n := len(p.units); n > 0 {
		i := max(slices.Index(p.units, p.unit), 0)
		p.unit = p.units[(i+by+n)%n]
		p.loaded = false
	}
}

func (p *balancesPage) draw(m *Model, all screen.Area) {
	p.load(m)
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "Balances", plural(len(p.all), "party", "parties")+m.keyed(" · {balances.back} back"))
	}
	if a.H > 2 {
		p.drawUnits(m, a)
		a = a.Sub(0, 1, a.W, a.H-1)
	}
	if len(p.all) == 0 {
		a.ConstCut(1, 0, a.W-1, m.st.Dim, m.keyed("Nothing counts in this unit yet: {global.new} types an entry."))
		return
	}
	a.W--
	c := balanceColumns{scale: p.scale}
	header := a.H > 3
	rows := a
	if header {
		rows = a.Sub(0, 1, a.W, a.H-1)
	}
	top, n := p.list.Window(rows.H)
	for i := range n {
		c.widen(&p.all[top+i])
	}
	c.fit(a.W - markCells)
	if header {
		c.header(a, m.st.Dim)
	}
	for i := range n {
		m.drawBalance(rows, i, &c, &p.all[top+i])
		if top+i == p.list.Index() {
			m.drawCursor(rows, i, n)
		}
	}
}

func (p *balancesPage) drawUnits(m *Model, a screen.Area) {
	x := 1
	for _, u := range p.units {
		name := m.cs.Text(u, ledger.MaxUnitBytes)
		if u == "" {
			name = safe.Literal("(no unit)")
		}
		style := m.st.Dim
		if u == p.unit {
			style = m.st.Focus | screen.Underline
		}
		if x+name.Width() > a.W {
			break
		}
		x = a.Text(x, 0, a.W-x, style, name) + 2
	}
	if hint := screen.Const("tallied: all sides agree · claimed: with what waits for agreement"); x+screen.Width(hint)+2 < a.W {
		a.Const(a.W-screen.Width(hint)-1, 0, m.st.Dim, hint)
	}
}

// balanceColumns are the three figures' columns, each aligned on the point. Disputed gives way, then tallied's neighbour.
type balanceColumns struct {
	before, after [3]int
	name          int
	n             int // figures shown
	scale         int // digits after the point at least
}

func sums(b *ledger.Balance) [3]*ledger.Sum {
	return [3]*ledger.Sum{&b.Tallied, &b.Claimed, &b.Disputed}
}

var balanceHeads = [3]screen.Const{"tallied", "claimed", "disputed"}

func (c *balanceColumns) widen(b *ledger.Balance) {
	var stack [64]byte
	for i, s := range sums(b) {
		text := s.Append(stack[:0], c.scale)
		point := bytes.IndexByte(text, '.')
		if point < 0 {
			point = len(text)
		}
		c.before[i] = max(c.before[i], point, len(balanceHeads[i])-c.after[i])
		c.after[i] = max(c.after[i], len(text)-point)
	}
}

func (c *balanceColumns) fit(w int) {
	const leastParty, mostParty = 12, 40
	for c.n = 3; ; c.n-- {
		c.name = w
		for i := range c.n {
			c.name -= columnGap + c.before[i] + c.after[i]
		}
		if c.name >= leastParty || c.n == 1 {
			c.name = min(max(c.name, 1), mostParty)
			return
		}
	}
}

func (c *balanceColumns) header(a screen.Area, st screen.Style) {
	x := a.Const(markCells, 0, st, "party")
	x = max(x, markCells+c.name)
	for i := range c.n {
		x += columnGap + c.before[i] + c.after[i]
		a.Const(max(x-len(balanceHeads[i]), 0), 0, st, balanceHeads[i])
	}
}

func (m *Model) drawBalance(a screen.Area, y int, c *balanceColumns, b *ledger.Balance) {
	name := m.partyLong(b.Party)
	if c.name < 20 {
		name = m.partyShort(b.Party)
	}
	room := c.name
	forked := m.forkedParty(b.Party)
	if forked {
		room -= len(" FORK")
	}
	x := a.Text(markCells, y, room, m.st.Text, name)
	switch {
	case forked:
		a.Const(x, y, m.st.Error, " FORK")
	case b.Party.Bound && b.Party.Key == m.snap.Me:
		a.ConstCut(x, y, markCells+c.name-x, m.st.Dim, " (you)")
	case !b.Party.Bound:
		if words := screen.Const(" (a name, no key)"); x+screen.Width(words) <= markCells+c.name {
			a.Const(x, y, m.st.Dim, words)
		}
	}
	x = markCells + c.name
	var stack [64]byte
	for i, s := range sums(b) {
		if i == c.n {
			break
		}
		x += columnGap
		text := s.Append(stack[:0], c.scale)
		point := bytes.IndexByte(text, '.')
		if point < 0 {
			point = len(text)
		}
		st := m.st.Text
		switch {
		case s.IsZero():
			st = m.st.Dim
		case i == 2:
			st = m.st.Error
		}
		a.ASCII(x+c.before[i]-point, y, st, text)
		x += c.before[i] + c.after[i]
	}
}
