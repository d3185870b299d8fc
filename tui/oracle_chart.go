package tui

import (
	"github.com/tallystick/tallystick/oracle/sim"
	"github.com/tallystick/tallystick/tui/internal/chart"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

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
