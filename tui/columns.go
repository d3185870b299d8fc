package tui

import (
	"strconv"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// rowShown is a row of the window with what its columns need.
type rowShown struct {
	key    crdt.Key
	number int // in the view, from 1
	entry  *entryText
	state  standing
	said   *meaning
	cursor bool
	chosen bool
}

// gather reads the rows of the window, and widens the amount's columns for them.
func (m *Model) gather(top, n int) []rowShown {
	v := m.snap.View
	out := make([]rowShown, n)
	w := &m.ledger.amount
	w.word = 0 // a state passes: what is kept of it would depend on when it was looked at
	var stack [128]int
	for i, at := range m.ledger.rows.window(stack[:0], top, n) {
		row := v.Row(at)
		e := m.entryText(row)
		out[i] = rowShown{
			key: row.Key, number: at + 1, entry: e, state: m.standingOf(row.Key, e), said: m.standingAt(row.Key, e),
			cursor: top+i == m.ledger.list.Index(), chosen: m.marks.chosen[row.Key],
		}
		before, after := ledger.AmountCells(e.amount, e.scale)
		w.before, w.after, w.unit = max(w.before, before), max(w.after, after), max(w.unit, e.unit.Width())
		from, to := min(e.from.Width()+2*len(e.keys[0]), leastName), min(e.to.Width()+2*len(e.keys[1]), leastName)
		w.from, w.to = max(w.from, from), max(w.to, to)
		if n := e.leastSide(0); n > 0 { // a letter before the digits, and a mark after them
			from = n + 1 + columnGap
		}
		if n := e.leastSide(1); n > 0 {
			to = n + 1 + columnGap
		}
		w.leastFrom, w.leastTo = max(w.leastFrom, min(from, leastName)), max(w.leastTo, min(to, leastName))
		w.said = max(w.said, min(out[i].said.width(), mostStanding))
		var word [32]byte
		w.word = max(w.word, len(out[i].state.append(word[:0], m.narrowSuffix())))
	}
	return out
}

// columns is where the columns of a row stand at one width. They give way in this order: row number, who stands by an entry,
// memo, the suffix of the state, the standing's word for its sign, the names, the sign; id, amount and the state's word
// never do.
type columns struct {
	number, id, from, to, amount, unit, memo, said, state int // widths; 0: not shown
	before, after                                         int // of the amount's point
	suffix                                                bool
}

const (
	columnGap  = 2
	markCells  = 3 // " > "
	leastName  = 10
	leastCut   = 5 // of a name, before the sign of the standing goes
	mostName   = 18
	leastMemo  = 8
	stateCells = 8 // "sent 3/3"
	wordCells  = 7 // "refused"
)

func (m *Model) newColumns(w int, rows []rowShown) columns {
	c := columns{before: max(m.ledger.amount.before, 5), after: max(m.ledger.amount.after, 3), unit: m.ledger.amount.unit, suffix: true}
	c.amount = c.before + c.after
	c.id = idDigits(rows)
	c.number = max(len(strconv.Itoa(m.snap.View.Len())), 3)
	c.from, c.to, c.memo, c.state = max(m.ledger.amount.leastFrom, leastCut), max(m.ledger.amount.leastTo, leastCut), leastMemo, stateCells
	for i := range rows {
		var stack [32]byte
		c.state = max(c.state, len(rows[i].state.append(stack[:0], true)))
	}
	full := max(m.ledger.amount.said, standingWord)
	if c.said = full; c.total() > w {
		c.number = 0
	}
	if c.total() > w {
		c.said = standingWord
	}
	if c.total() > w {
		c.memo = 0
	}
	if c.total() > w {
		c.suffix, c.state = false, wordCells
	}
	if c.total() > w {
		c.said = standingGlyph
	}
	for c.total() > w && (c.from > leastCut || c.to > leastCut) {
		if c.from >= c.to {
			c.from--
		} else {
			c.to--
		}
	}
	if c.total() > w {
		c.said = 0
	}
	for c.total() > w && (c.from > 1 || c.to > 1) {
		if c.from >= c.to {
			c.from--
		} else {
			c.to--
		}
	}
	// What is left: a memo worth reading, then the names, then the memo again.
	rest := w - c.total()
	take := func(column *int, most int) {
		n := min(max(most-*column, 0), rest)
		*column += n
		rest -= n
	}
	if c.memo > 0 {
		take(&c.memo, leastMemo)
	}
	if c.said >= standingWord {
		take(&c.said, full)
	}
	take(&c.from, m.ledger.amount.from)
	take(&c.to, m.ledger.amount.to)
	if c.memo > 0 {
		take(&c.memo, 20)
	}
	take(&c.from, 12)
	take(&c.to, 12)
	take(&c.from, mostName)
	take(&c.to, mostName)
	if c.memo > 0 {
		c.memo += max(rest-1, 0)
	}
	return c
}

func (c *columns) total() int {
	n := markCells
	for _, w := range []int{c.number, c.id, c.from, c.to, c.amount, c.memo, c.said, c.state} {
		if w > 0 {
			n += w + columnGap
		}
	}
	if c.unit > 0 {
		n += c.unit + 1
	}
	return n - columnGap
}

func (c *columns) header(a screen.Area, st screen.Style) {
	x := markCells
	col := func(w int, right bool, name screen.Const) {
		if w == 0 {
			return
		}
		at := x
		if right {
			at = x + max(w-len(name), 0)
		}
		a.ConstCut(at, 0, w, st, name)
		x += w + columnGap
	}
	col(c.number, true, "row")
	col(c.id, false, "id")
	col(c.from, false, "from")
	col(c.to, false, "to")
	amount := c.amount
	if c.unit > 0 {
		amount += c.unit + 1
	}
	col(amount, true, "amount")
	col(c.memo, false, "memo")
	if c.said == standingGlyph {
		x += c.said + columnGap
	} else {
		col(c.said, false, "standing")
	}
	col(c.state, false, "state")
}

// idDigits is how many digits of the ids tell all rows shown apart, at least 8.
func idDigits(rows []rowShown) int {
	n := 8
	for i := range rows {
		for j := range i {
			for n < 16 && rows[i].entry.id != rows[j].entry.id && string(rows[i].entry.hex[:n]) == string(rows[j].entry.hex[:n]) {
				n += 2
			}
		}
	}
	return n
}

func (m *Model) drawRow(a screen.Area, y int, c *columns, r *rowShown) {
	st := m.st.Text
	if r.entry.invalid != "" || r.said.standing == ledger.Withdrawn {
		st = m.st.Dim
	}
	if r.chosen {
		a.Const(0, y, m.st.Key, "*")
	}
	if r.cursor {
		a.Const(1, y, m.st.Text, ">")
		a.PlaceCursor(1, y, false)
	}
	var stack [64]byte
	x := markCells
	if c.number > 0 {
		s := appendInt(stack[:0], r.number)
		a.ASCII(x+c.number-len(s), y, m.st.Dim, s)
		x += c.number + columnGap
	}
	a.ASCII(x, y, st, r.entry.hex[:min(c.id, len(r.entry.hex))])
	x += c.id + columnGap
	m.drawName(a, x, y, c.from, st, r, true)
	x += c.from + columnGap
	m.drawName(a, x, y, c.to, st, r, false)
	x += c.to + columnGap
	x = m.drawAmount(a, x, y, c.before, c.after, st, r.entry)
	if c.unit > 0 {
		a.Text(x+1, y, c.unit, st, r.entry.unit)
		x += c.unit + 1
	}
	x += columnGap
	if c.memo > 0 {
		a.Text(x, y, c.memo, st, r.entry.memo)
		x += c.memo + columnGap
	}
	if r.cursor { // what it says; how it stands keeps its colours
		a.Toggle(1, y, x-columnGap-1, m.st.Cursor)
	}
	if c.said > 0 {
		m.drawMeaning(a, x, y, c.said, r.said)
		x += c.said + columnGap
	}
	a.Sub(0, 0, x+c.state, a.H).ASCII(x, y, r.state.style, r.state.append(stack[:0], c.suffix))
}

// drawName draws who gives or gets, and marks a party whose author has forked.
func (m *Model) drawName(a screen.Area, x, y, w int, st screen.Style, r *rowShown, from bool) {
	at := 1
	if from {
		at = 0
	}
	forked := false
	for _, p := range r.entry.keys[at] {
		forked = forked || m.snap.View.Forked(p)
	}
	if !forked || w < 4 {
		a.Text(x, y, w, st, m.side(r.entry, at, w))
		return
	}
	a.Const(a.Text(x, y, w-2, st, m.side(r.entry, at, w-2)), y, m.st.Error, " !")
}

func (m *Model) drawAmount(a screen.Area, x, y, before, after int, st screen.Style, e *entryText) (end int) {
	var stack [64]byte
	s := ledger.AppendAmountAligned(stack[:0], e.amount, e.scale, before, after)
	a.ASCII(x, y, st, s)
	return x + before + after
}

// narrowSuffix reports whether rows without columns have room for how many have stored a change.
func (m *Model) narrowSuffix() bool { return m.lay.list.w >= 44 }

// drawNarrowRow draws a row without columns: id, from>to, amount, state.
func (m *Model) drawNarrowRow(a screen.Area, y int, r *rowShown) {
	st := m.st.Text
	e := r.entry
	if r.chosen {
		a.Const(0, y, m.st.Key, "*")
	}
	if r.cursor {
		if !r.chosen {
			a.Const(0, y, m.st.Focus, ">")
		}
		a.PlaceCursor(0, y, false)
	}
	var stack, stack2 [64]byte
	x := a.ASCII(1, y, st, e.hex[:8]) + 1
	word := r.state.append(stack[:0], m.narrowSuffix())
	stateAt := a.W - max(len(word), m.ledger.amount.word) - 1
	if r.said.standing != ledger.None {
		stateAt -= standingGlyph + 1
		m.drawMeaning(a, stateAt, y, standingGlyph, r.said)
	}
	amount := ledger.AppendAmount(stack2[:0], e.amount, e.scale)
	amountAt := stateAt - 1 - len(amount)
	if e.unit.Width() > 0 {
		amountAt -= e.unit.Width() + 1
	}
	if amountAt < x { // an amount is never cut: the names go first
		amountAt = x
	}
	room := amountAt - 1 - x
	if room >= 3 {
		from := e.shareNames(room - 1)
		p := a.Text(x, y, from, st, m.side(e, 0, from))
		p = a.Const(p, y, m.st.Dim, ">")
		a.Text(p, y, x+room-p, st, m.side(e, 1, x+room-p))
	}
	p := a.ASCII(amountAt, y, st, amount)
	if e.unit.Width() > 0 {
		a.Text(p+1, y, e.unit.Width(), st, e.unit)
	}
	a.ASCII(a.W-len(word)-1, y, r.state.style, word)
	if r.cursor {
		a.Toggle(0, y, a.W, m.st.Cursor)
	}
}

// shareNames is how many of n cells are for who gives: what the other leaves, or half; but where one looks like another, the
// digits that tell it are kept, at the cost of the other's letters, then of the question mark.
func (e *entryText) shareNames(n int) int {
	from := min(e.from.Width(), max(n-e.to.Width(), n/2))
	leastFrom, leastTo := min(e.leastSide(0), e.from.Width()), min(e.leastSide(1), e.to.Width())
	if leastFrom > 0 && leastTo > 0 && leastFrom+leastTo > n {
		leastFrom, leastTo = leastFrom-1, leastTo-1
	}
	return min(max(min(from, n-leastTo), leastFrom), n)
}

// drawTinyRow draws the selected row alone: amount and state, and above them who and whom if there is a line for it.
func (m *Model) drawTinyRow(a screen.Area) {
	i := m.ledger.list.Index()
	if i < 0 || a.H == 0 {
		a.Const(0, a.H-1, m.st.Dim, "no rows")
		return
	}
	r := m.gather(i, 1)[0]
	y := a.H - 1
	x := a.Const(0, y, m.st.Text, screen.Const(ledger.FormatAmount(r.entry.amount, r.entry.scale)))
	if r.entry.unit.Width() > 0 {
		x = say(a, x, y, own(m.st.Text, " "), outside(m.st.Text, r.entry.unit))
	}
	var stack [32]byte
	x = a.ASCII(x+1, y, r.state.style, r.state.append(stack[:0], true))
	m.drawMeaning(a, x+1, y, standingGlyph, r.said)
	a.PlaceCursor(0, y, false)
	if y == 0 {
		return
	}
	if a.W >= 19 {
		x = a.Const(0, 0, m.st.Dim, shortHex(r.entry.id, 8)) + 1
	} else {
		x = 0
	}
	say(a, x, 0, outside(m.st.Text, r.entry.from), own(m.st.Dim, ">"), outside(m.st.Text, r.entry.to))
}
