package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"

	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/sim"
	"github.com/tallystick/tallystick/tui/internal/chart"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// drawOracle draws the oracle screen.
func (m *Model) drawOracle(all screen.Area) {
	o, l := &m.oracle, m.oracleLayout()
	if o.frame == nil {
		a := m.oracleBody(all)
		if o.failed.Width() > 0 {
			drawLines(a, appendWrapped(nil, a.W-1, " ", 0, m.st.Error, o.failed), 0)
			return
		}
		a.Const(1, 0, m.st.Info, "starting the simulation: every oracle is a real node here…")
		return
	}
	v := judge(o.frame, o.pair)
	if m.lay.shape == tiny {
		m.drawOracleTiny(sub(all, l.verdict), v)
		return
	}
	m.drawVerdict(sub(all, l.verdict), v)
	if !l.chart.empty() {
		m.drawChart(sub(all, l.chart), l.framed)
	}
	if !l.oracles.empty() {
		m.drawOracles(sub(all, l.oracles), l.framed)
	}
	if !l.network.empty() {
		m.drawNetwork(sub(all, l.network), l.framed)
	}
	if !l.findings.empty() {
		m.drawFindings(sub(all, l.findings), l.framed)
	}
	if !l.figures.empty() {
		m.drawFigures(sub(all, l.figures))
	}
}

// drawVerdict draws the verdict in as many lines as there are.
func (m *Model) drawVerdict(a screen.Area, v verdict) {
	if m.lay.shape <= narrow {
		gap := part{}
		if p := m.oracle.price(); p.Price > 0 {
			gap = own(m.st.Text, " "+priceConst(p.Price, p.Expo)+" "+percentConst(p.ErrorPPM, true))
		} else if p.Carried > 0 {
			gap = own(m.st.Text, " "+priceConst(p.Carried, p.Expo)+", "+secondsConst(m.oracle.frame.AtMS-p.CarriedAtMS)+" ago")
		}
		say(a, 0, 0, own(m.verdictStyle(v), " "+v.word()), gap)
		text := v.what
		if v.state != good {
			text = v.why
		}
		for y, l := range appendWrapped(nil, a.W-1, " ", 0, m.st.Text, m.cs.Text(upperFirst(text), safe.NoLimit)) {
			say(a, 0, 1+y, l...)
		}
		return
	}
	parts := []string{"price", "what", "why", "old"}
	switch {
	case a.H >= 6:
	case a.H >= 4:
		parts = parts[:3]
		v.price = v.short
	default:
		parts = []string{"price", "what"}
		v.price = v.short
	}
	var lines []textLine
	for i, p := range parts {
		more := m.verdictLines(v, a.W, p)
		// Each part gets a line at least: what is too long is cut, the first ones last.
		if room := a.H - len(lines) - (len(parts) - i - 1); len(more) > room {
			more = more[:max(room, 0)]
			if n := len(more); n > 0 {
				more[n-1] = append(more[n-1], own(m.st.Dim, "…"))
			}
		}
		lines = append(lines, more...)
	}
	for y, l := range lines {
		say(a, 0, y, l...)
	}
}

// drawOracleTiny draws the price, and the oracle under the cursor if there is a line for it.
func (m *Model) drawOracleTiny(a screen.Area, v verdict) {
	o := &m.oracle
	p := o.price()
	price := p.Price
	if price == 0 {
		price = p.Carried
	}
	style := m.verdictStyle(v)
	say(a, 0, 0, own(m.st.Text, priceConst(price, p.Expo)+" "), own(style, v.word()))
	if i := o.selected(); i >= 0 && a.H > 1 {
		or := &o.frame.Oracles[i]
		word, st := m.oracleWord(or, o.said(i).State)
		say(a, 0, 1, outside(m.st.Text, m.cs.Text(or.Name, nameCells)), own(0, " "), own(m.st.Text, priceConst(o.said(i).Price, p.Expo)+" "), own(st, word))
		a.PlaceCursor(0, 1, false)
	}
}

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

// drawChart draws the price over time.
func (m *Model) drawChart(a screen.Area, framed bool) {
	o := &m.oracle
	p := o.price()
	slots := chartWindows[o.zoom]
	if framed {
		frame := a
		a = a.Frame(m.st.Dim, m.st.Title, "Price", number(slots)+" rounds · + - zoom")
		drawTitle(frame, m.st.Title, "Price", m.cs.Text(p.Name, nameCells))
	}
	if a.H >= 4 {
		m.drawLegend(a.Sub(0, 0, a.W, 1))
		a = a.Sub(0, 1, a.W, a.H-1)
	}
	plot, axis := a, screen.Area{}
	if a.H >= 6 {
		plot, axis = a.Sub(0, 0, a.W, a.H-1), a.Sub(0, a.H-1, a.W, 1)
	}
	c, old := m.chartOf(p, slots)
	last := c.First + len(p.Series) - 1
	start := chart.Start(max(last, 0), slots)
	lo, hi, ok := c.Range(start)
	if !ok {
		a.Const(1, 0, m.st.Dim, "no price yet")
		return
	}
	// The old rule's line may be far away: it is shown as long as what matters stays legible.
	both := chart.Chart{First: c.First, Slots: slots, Lines: []chart.Line{old}}
	times := int64(1) // as large as what matters
	if plot.H >= 12 {
		times = 8
	}
	if l, h, ok := both.Range(start); ok && max(h, hi)-min(l, lo) <= times*max(hi-lo, 1) {
		lo, hi = min(l, lo), max(h, hi)
	}
	c.Lines = append([]chart.Line{old}, c.Lines...)
	o.scale.Fit(lo, hi)
	labels := 0
	every := max(plot.H/5, 1)
	texts := make([]screen.Const, plot.H)
	for y := range plot.H {
		if y%every == every/2 || plot.H < 4 {
			texts[y] = priceConst(int64(o.scale.Value(y, plot.H)), p.Expo)
			labels = max(labels, screen.Width(texts[y]))
		}
	}
	if labels+20 > plot.W {
		labels = 0
	}
	for y, t := range texts {
		if labels > 0 {
			a.Const(labels-screen.Width(t), y, m.st.Dim, t)
			a.Const(labels, y, m.st.Dim, m.sign("┤", "|"))
		}
	}
	x := 0
	if labels > 0 {
		x = labels + 1
	}
	c.Draw(plot.Sub(x, 0, plot.W-x, plot.H), start, o.scale)
	m.drawOutside(plot.Sub(x, 0, plot.W-x, plot.H))
	for i := range 4 {
		at := start + i*slots/4
		axis.Const(x+i*(axis.W-x)/4, 0, m.st.Dim, secondsConst(int64(at)*o.frame.IntervalMS))
	}
}

// chartOf is the chart of a pair: truth and price, and the old rule's line by itself.
func (m *Model) chartOf(p *sim.FramePair, slots int) (c chart.Chart, old chart.Line) {
	n := len(p.Series)
	values := make([]int64, 5*n)
	truth, price, low, high, naive := values[:n], values[n:2*n], values[2*n:3*n], values[3*n:4*n], values[4*n:]
	set := func(v int64) int64 {
		if v == 0 {
			return chart.None
		}
		return v
	}
	for i := range p.Series {
		s := &p.Series[i]
		truth[i], price[i], low[i], high[i], naive[i] = set(s.Truth), set(s.Price), set(s.Low), set(s.High), set(s.Naive)
	}
	if n > 0 {
		c.First = int(p.Series[0].AtMS / max(m.oracle.frame.IntervalMS, 1))
	}
	thick, thin, points, shade := chart.Thick, chart.Thin, chart.Points, screen.Const("░")
	if m.options.Look.ASCII {
		thick, thin, points, shade = chart.ThickASCII, chart.ThinASCII, chart.PointsASCII, ":"
	}
	c.Slots = slots
	c.Band = chart.Band{Low: low, High: high, Sign: shade, Style: m.st.Dim}
	c.Lines = []chart.Line{{Values: truth, Signs: points, Style: m.st.Info}, {Values: price, Signs: thick, Style: m.st.OK | screen.Bold}}
	return c, chart.Line{Values: naive, Signs: thin, Style: m.st.Warn &^ screen.Bold}
}

func (m *Model) drawLegend(a screen.Area) {
	l := textLine{
		own(m.st.OK|screen.Bold, m.sign(" ━", " *")), own(m.st.Text, " price  "), own(m.st.Dim, m.sign("░", ":")), own(m.st.Text, " proved  "),
		own(m.st.Info, m.sign("•", "o")), own(m.st.Text, " true  "), own(m.st.Warn&^screen.Bold, m.sign("─", "-")), own(m.st.Text, " usual mean"),
	}
	say(a, 0, 0, l...)
}

// drawOutside says who is above or below what the chart shows.
func (m *Model) drawOutside(a screen.Area) {
	o := &m.oracle
	side := func(y int, arrow screen.Const, is func(float64) bool) {
		l := textLine{own(m.st.Error, " "+arrow)}
		var price int64
		n := 0
		for i := range o.frame.Oracles {
			s := o.said(i)
			if s.Price > 0 && s.State == "voted" && is(float64(s.Price)) {
				if n++; n <= 3 {
					l = append(l, own(0, " "), outside(m.st.Error, m.cs.Text(o.frame.Oracles[i].Name, 10)))
				}
				price = s.Price
			}
		}
		if n == 0 {
			return
		}
		if n > 3 {
			l = append(l, own(m.st.Error, " +"+number(n-3)))
		}
		l = append(l, own(m.st.Error, " "+priceConst(price, o.price().Expo)+" "))
		if w := l.width(); w < a.W {
			say(a, a.W-w, y, l...)
		}
	}
	if p := o.price(); a.H > 2 && (float64(p.Naive) > o.scale.Max || p.Naive > 0 && float64(p.Naive) < o.scale.Min) {
		arrow, y := m.sign("▲", "^"), 1
		if float64(p.Naive) < o.scale.Min {
			arrow, y = m.sign("▼", "v"), a.H-2
		}
		if l := (textLine{own(m.st.Warn, " "+arrow+" usual mean "+priceConst(p.Naive, p.Expo)+" ")}); l.width() < a.W {
			say(a, a.W-l.width(), y, l...)
		}
	}
	side(0, m.sign("▲", "^"), func(v float64) bool { return v > o.scale.Max })
	if a.H > 1 {
		side(a.H-1, m.sign("▼", "v"), func(v float64) bool { return v < o.scale.Min })
	}
}

// drawFigures draws the figures below the panes.
func (m *Model) drawFigures(a screen.Area) {
	st, f, p := &m.st, m.oracle.frame, m.oracle.price()
	dim := func(s screen.Const) part { return own(st.Dim, s) }
	val := func(s screen.Const) part { return own(st.Text, s) }
	of := max(p.Truth, p.Price, p.Carried)
	errors := textLine{
		dim(" error now "), val(percentConst(p.ErrorPPM, true)), dim(" (" + money(of, max(p.ErrorPPM, -p.ErrorPPM), p.Expo) + ")"),
		dim("  RMS "), val(percentConst(p.RMSPPM, false)), dim("  most "), val(percentConst(p.MaxPPM, false)), dim(" (" + money(of, p.MaxPPM, p.Expo) + ")"),
	}
	agree := own(st.OK, number(f.Agree)+"/"+number(f.Replicas))
	if f.Agree < f.Replicas {
		agree = own(st.Warn, number(f.Agree)+"/"+number(f.Replicas))
	}
	same := textLine{
		dim(" replicas that say the same "), agree, dim("  digest "), val(shortHex(p.Digest, 8)),
		dim("  log "), val(number(f.Changes)), dim(" changes, "), val(sizeConst(f.Bytes)), dim("  "), val(countRate(f.PerSecond)), dim(" reports"),
	}
	if o := &m.oracle; o.pane == findingsPane && o.findings.Index() >= 0 { // its pane may be too narrow for it
		one := &o.found[o.findings.Index()]
		same = textLine{own(st.Dim, " "+secondsConst(one.AtMS)+" "), outside(st.Text, m.cs.Text(strings.TrimSpace(one.Kind+" "+one.Pair)+": "+one.Text, noteCells))}
	}
	if a.H > 1 {
		if p.NaiveRMSPPM > 0 {
			errors = append(errors, dim("  usual mean: RMS "), val(percentConst(p.NaiveRMSPPM, false)), dim("  most "), val(percentConst(p.NaiveMaxPPM, false)))
		}
		errors = append(errors, dim("  strategy "), own(st.Text, strategyConst(f.Strategy)))
		say(a, 0, 0, errors...)
		say(a, 0, 1, same...)
		return
	}
	short := textLine{
		dim(" error "), val(percentConst(p.ErrorPPM, true)), dim("  RMS "), val(percentConst(p.RMSPPM, false)), dim("  most "), val(percentConst(p.MaxPPM, false)),
		dim("  same "), agree, dim("  "), val(shortHex(p.Digest, 8)), dim("  "), val(strategyConst(f.Strategy)),
	}
	say(a, 0, 0, short...)
}

// strategyConst is a strategy's own name.
func strategyConst(s oracle.Strategy) screen.Const {
	return screen.Const(s.String())
}

// simLine says at the right of the header how the simulation stands.
func (m *Model) simLine() textLine {
	o, st := &m.oracle, &m.st
	f := o.frame
	if f == nil {
		if o.failed.Width() > 0 {
			return textLine{own(st.Error, "no simulation")}
		}
		return textLine{own(st.Info, "starting")}
	}
	word := own(st.OK, "running")
	switch {
	case f.Ended:
		word = own(st.Warn, "ended: r, R")
	case o.paused:
		word = own(st.Warn, "paused")
	case len(m.overlay) > 0:
		word = own(st.Dim, "waits")
	}
	speed := screen.Const("×")
	if m.options.Look.ASCII {
		speed = "x"
	}
	digits := simSpeeds[o.speed].name
	if m.options.Look.ASCII {
		digits = strings.NewReplacer("¼", "1/4", "½", "1/2").Replace(digits)
	}
	speed += screen.Const(digits)
	out := textLine{own(st.Text, secondsConst(f.AtMS)+" "), own(st.Dim, speed+" "), word}
	if m.lay.shape == wide {
		out = append(textLine{outside(st.Text, m.cs.Text(f.Name, 24)), own(st.Dim, " · ")}, out...)
	}
	return out
}

// oracleHints are the keys of the bottom line.
func (m *Model) oracleHints() []key.Binding {
	k := &m.keys.Oracle
	run := relabel(k.Pause, "pause")
	if m.oracle.paused {
		run = relabel(k.Pause, "run")
	}
	hints := []key.Binding{relabel(k.Lie, "make it lie"), relabel(k.Partition, "cut"), relabel(k.Crash, "crash"), run}
	if f := m.oracle.frame; f != nil {
		if len(f.Net.Groups) > 1 {
			hints[1] = relabel(k.Heal, "heal")
		}
		if i := m.oracle.selected(); i >= 0 {
			if f.Oracles[i].Kind != "" {
				hints[0] = relabel(k.Honest, "honest")
			}
			if !f.Oracles[i].Up {
				hints[2] = relabel(k.Crash, "restart")
			}
		}
	}
	hints = append(hints, relabel(k.Inspect, "inspect"))
	if !m.oracleLayout().wide {
		hints = append(hints, relabel(k.Faults, "faults"))
	}
	return append(hints, relabel(k.Rewind, "rewind"), relabel(k.Strategy, "strategy"), relabel(k.Load, "scenario"), relabel(k.Save, "save"),
		relabel(k.Slower, "slower"), relabel(k.Faster, "faster"))
}
