package tui

import (
	"slices"
	"strings"

	"github.com/tallystick/tallystick/oracle/sim"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// said is what an oracle says of the pair that is shown.
func (o *oracleState) said(i int) sim.FrameSaid {
	or := &o.frame.Oracles[i]
	if o.pair < len(or.Said) {
		return or.Said[o.pair]
	}
	return sim.FrameSaid{State: or.State, Price: or.Price, GapPPM: or.GapPPM, Vote: or.Vote}
}

// vote is what an oracle's vote on the pair that is shown is; 0: it has none.
func (o *oracleState) vote(i int) int64 {
	if s := o.said(i); s.State == "voted" {
		return s.Vote
	}
	return 0
}

// sign is one of the program's own signs, or what stands for it in ASCII.
func (m *Model) sign(s, ascii screen.Const) screen.Const {
	if m.options.Look.ASCII {
		return ascii
	}
	return s
}

// oracleWord says in a word how an oracle stands: the gravest first.
func (m *Model) oracleWord(or *sim.FrameOracle, state string) (screen.Const, screen.Style) {
	switch {
	case or.Convicted:
		return m.sign("✂ FORKED", "X FORKED"), m.st.Error
	case !or.Up:
		return "crashed", m.st.Error
	case or.Kind != "":
		return "LIES " + kindWord(or.Kind), m.st.Error
	}
	switch state {
	case "stale":
		return "stale", m.st.Warn
	case "early":
		return "early", m.st.Warn
	case "silent":
		return "silent", m.st.Warn
	}
	return "honest", m.st.Dim
}

// kindWord is a way to lie in few letters; the kinds are the simulator's own words.
func kindWord(k sim.Kind) screen.Const {
	for _, w := range []struct {
		kind sim.Kind
		word screen.Const
	}{
		{sim.Plus, "plus"}, {sim.Minus, "minus"}, {sim.Drift, "drift"}, {sim.Ramp, "ramp"}, {sim.Edge, "edge"}, {sim.Alternate, "altern."}, {sim.Mix, "mix"},
		{sim.Copy, "copy"}, {sim.StaleCopy, "stale c."}, {sim.Flood, "flood"}, {sim.ClockForward, "clock +"}, {sim.ClockBack, "clock -"}, {sim.Early, "early"},
		{sim.Late, "late"}, {sim.Equivocate, "2 faces"}, {sim.Silent, "silent"}, {sim.Withhold, "withh."}, {sim.Malformed, "rubbish"},
	} {
		if w.kind == k {
			return w.word
		}
	}
	return "?"
}

// oracleColumnsOf are the widths of an oracle's row.
type oracleWidths struct{ name, state, price, gap, bar, score int }

func (m *Model) oracleWidths(w int) oracleWidths {
	o := &m.oracle
	c := oracleWidths{name: 4, state: 9, price: 5, gap: 6, score: 5}
	for i := range o.frame.Oracles {
		c.name = max(c.name, min(m.cs.Text(o.frame.Oracles[i].Name, nameCells).Width(), 10))
		c.price = max(c.price, screen.Width(priceConst(o.said(i).Price, o.price().Expo)))
		word, _ := m.oracleWord(&o.frame.Oracles[i], o.said(i).State)
		c.state = max(c.state, screen.Width(word))
	}
	used := func() int {
		n := 2
		for _, x := range []int{c.name, c.state, c.price, c.gap, c.score} {
			if x > 0 {
				n += x + 1
			}
		}
		return n
	}
	if used() > w {
		c.score = 0
	}
	if used() > w {
		c.name = max(c.name-(used()-w), 3)
	}
	if used() > w {
		c.gap = 0
	}
	if room := w - used() - 1; room >= 5 {
		c.bar = min(room-(1-room%2), 21)
	}
	return c
}

func (m *Model) drawOracles(a screen.Area, framed bool) {
	o := &m.oracle
	f := o.frame
	if framed {
		style := m.st.Title
		if o.pane == oraclesPane {
			style = m.st.Focus
		}
		note := number(o.price().Votes) + " vote, " + number(o.price().Need) + " needed"
		a = a.Frame(m.st.Dim, style, "Oracles", note)
	}
	n := len(f.Oracles)
	rows := min(n, a.H)
	head := framed && a.H >= 3
	if head {
		rows = min(n, a.H-1)
	}
	// What is left shows the votes in order, if that is worth it.
	votes := a.H - rows
	if head {
		votes--
	}
	if framed && n > 7 && a.H >= 20 {
		votes = a.H / 2
		rows = a.H - votes - 1
	}
	c := m.oracleWidths(a.W)
	y := 0
	if head {
		c.header(a, m.st.Dim)
		y = 1
	}
	top, shown := o.rows.Window(rows)
	for i := range shown {
		m.drawOracleRow(a, y+i, &c, top+i)
		if top+i == o.rows.Index() && o.pane == oraclesPane {
			m.clickRows(a.Sub(0, y, a.W, shown), i, shown)
		}
	}
	if votes >= 6 {
		m.drawVotes(a.Sub(0, a.H-votes+1, a.W, votes-1))
	}
}

func (c *oracleWidths) header(a screen.Area, st screen.Style) {
	x := 2
	col := func(w int, right bool, name screen.Const) {
		if w == 0 {
			return
		}
		at := x
		if right {
			at += max(w-screen.Width(name), 0)
		}
		a.ConstCut(at, 0, w, st, name)
		x += w + 1
	}
	col(c.name, false, "name")
	col(c.state, false, "is")
	col(c.price, true, "says")
	col(c.gap, true, "off")
	col(c.bar, false, "")
	col(c.score, true, "score")
}

func (m *Model) drawOracleRow(a screen.Area, y int, c *oracleWidths, i int) {
	o := &m.oracle
	or, said := &o.frame.Oracles[i], o.said(i)
	x := 2
	a.Text(x, y, c.name, m.st.Text, m.cs.Text(or.Name, nameCells))
	x += c.name + 1
	word, st := m.oracleWord(or, said.State)
	a.ConstCut(x, y, c.state, st, word)
	x += c.state + 1
	price, gap := screen.Const("-"), screen.Const("")
	if said.Price > 0 {
		price = priceConst(said.Price, o.price().Expo)
		gap = gapConst(said.GapPPM)
	}
	priceStyle := m.st.Text
	if said.State != "voted" {
		priceStyle = m.st.Dim
	}
	a.ConstCut(x+max(c.price-screen.Width(price), 0), y, c.price, priceStyle, price)
	x += c.price + 1
	if c.gap > 0 {
		a.ConstCut(x+max(c.gap-screen.Width(gap), 0), y, c.gap, st, gap)
		x += c.gap + 1
	}
	if c.bar > 0 {
		m.drawGap(a, x, y, c.bar, st, said)
		x += c.bar + 1
	}
	if c.score > 0 {
		score := number(int(or.ScorePPM+5000) / 10_000)
		a.Const(x+max(c.score-len(score), 0), y, m.st.Text, score)
	}
	if i == o.rows.Index() {
		a.Const(0, y, m.st.Focus, ">")
		if o.pane == oraclesPane {
			a.PlaceCursor(0, y, false)
		}
		a.Toggle(0, y, a.W, m.st.Cursor)
	}
}

// drawGap draws how far an oracle is from the price: to the left below, to the right above. A cell is about as many times
// more than the one before it.
func (m *Model) drawGap(a screen.Area, x, y, w int, st screen.Style, said sim.FrameSaid) {
	half := (w - 1) / 2
	a.Const(x+half, y, m.st.Dim, m.sign("│", "|"))
	if said.Price <= 0 {
		return
	}
	n := 0
	for limit, ppm := 1000.0, float64(max(said.GapPPM, -said.GapPPM)); n < half && ppm >= limit; n++ {
		limit *= barStep(half)
	}
	at := x + half + 1
	if said.GapPPM < 0 {
		at = x + half - n
	}
	a.Fill(at, y, n, st, m.sign("▬", "="))
}

// barStep is by how much each cell of half a bar is more than the last: the first begins at 0.1 %, the last at 10 %.
func barStep(half int) float64 {
	switch {
	case half <= 2:
		return 100
	case half <= 3:
		return 10
	case half <= 5:
		return 3.16
	}
	return 1.8
}

// drawVotes draws the votes from the highest to the lowest, the price in its place among them, and what is proved.
func (m *Model) drawVotes(a screen.Area) {
	o := &m.oracle
	p := o.price()
	type vote struct {
		oracle int
		price  int64
	}
	var votes []vote
	for i := range o.frame.Oracles {
		if v := o.vote(i); v > 0 {
			votes = append(votes, vote{i, v})
		}
	}
	slices.SortStableFunc(votes, func(a, b vote) int {
		switch {
		case a.price > b.price:
			return -1
		case a.price < b.price:
			return 1
		}
		return 0
	})
	expo := p.Expo
	width := 0
	for _, v := range votes {
		width = max(width, screen.Width(priceConst(v.price, expo)))
	}
	var lines []textLine
	at := -1 // line of the price
	pad := func(s screen.Const) screen.Const {
		return screen.Const(strings.Repeat(" ", max(width-screen.Width(s), 0))) + s
	}
	price := func() {
		if at < 0 && p.Price > 0 {
			at = len(lines)
			lines = append(lines, textLine{own(m.st.OK|screen.Bold, m.sign(" ━▶ ", " => ")+pad(priceConst(p.Price, expo))+"  the price")})
		}
	}
	lies, above := 0, 0
	for _, v := range votes {
		if v.price < p.Price {
			price()
		}
		or := &o.frame.Oracles[v.oracle]
		mark, st := screen.Const("    "), m.st.Text
		if p.Price > 0 && v.price >= p.Low && v.price <= p.High {
			mark = m.sign("  ┃ ", "  | ")
		}
		l := textLine{own(m.st.OK, mark), own(st, pad(priceConst(v.price, expo))+"  "), outside(st, m.cs.Text(or.Name, 10))}
		switch {
		case or.Kind != "":
			l = append(l, own(m.st.Error, " lies"))
			lies++
			if at < 0 {
				above++
			}
		case v.price == p.High && p.Price > 0:
			l = append(l, own(m.st.OK, "  high"))
		case v.price == p.Low && p.Price > 0:
			l = append(l, own(m.st.OK, "  low"))
		}
		lines = append(lines, l)
	}
	price()
	a.Const(0, 0, m.st.Focus, "  Votes in order")
	say(a, 18, 0, own(m.st.OK, m.sign("┃", "|")), own(m.st.Dim, " what is proved"))
	room := a.Sub(0, 1, a.W, a.H-1)
	from := 0
	if len(lines) > room.H {
		from = min(max(at-room.H/2, 0), len(lines)-room.H)
		if from > 0 {
			lines[from] = textLine{own(m.st.Dim, "    "+number(from+1)+" higher, "+number(above)+" of them lies")}
		}
		if below := len(lines) - from - room.H; below > 0 {
			lines[from+room.H-1] = textLine{own(m.st.Dim, "    "+number(below+1)+" lower, "+number(lies-above)+" of them lies")}
		}
	}
	for y := 0; y < room.H && from+y < len(lines); y++ {
		say(room, 0, y, lines[from+y]...)
	}
}
