package tui

import "github.com/tallystick/tallystick/tui/internal/screen"

// Sizes at which the oracle screen's layout changes, in cells.
const (
	besideColumns = 100 // oracles beside the chart; below: under it
	oracleColumns = 46  // of the oracles' pane beside the chart
	faultColumns  = 28  // of network and findings, from wideColumns on
	networkLines  = 11
)

// oracleLayout is where the parts of the oracle screen are at one size; what is empty is not shown. It depends on the size
// and on which of two panes is shown alone.
type oracleLayout struct {
	wide                                                bool // all panes are shown
	framed                                              bool
	verdict, oracles, chart, network, findings, figures rect
}

func (m *Model) oracleLayout() oracleLayout { return newOracleLayout(m.w, m.h, m.oracle.faults) }

func newOracleLayout(w, h int, faults bool) oracleLayout {
	var l oracleLayout
	switch shapeOf(w, h) {
	case tooSmall:
		return l
	case tiny:
		l.verdict = rect{0, 0, w, h - 2}
		return l
	case narrow:
		top, bottom := 1, h-1
		l.verdict = rect{0, top, w, min(3, bottom-top)}
		top += l.verdict.h
		if bottom-top >= 6 {
			l.chart = rect{0, top, w, max(3, (bottom-top)/3)}
			top += l.chart.h
		}
		l.oracles = rect{0, top, w, bottom - top}
		l.share(faults)
		return l
	}
	l.framed = true
	top, bottom := 1, h-1
	if h >= 12 {
		l.figures = rect{0, bottom - 1, w, 1}
		if w >= wideColumns && h >= 24 {
			l.figures = rect{0, bottom - 2, w, 2}
		}
		bottom = l.figures.y
	}
	lines := 2
	switch {
	case h >= 34:
		lines = 6
	case h >= 22:
		lines = 4
	}
	l.verdict = rect{0, top, w, lines}
	top += lines
	rest := bottom - top
	if w < besideColumns {
		if rest >= 12 {
			l.chart = rect{0, top, w, max(6, rest-max(10, rest*2/3))}
			if rest > 20 {
				l.chart.h = rest / 2
			}
			top += l.chart.h
		}
		l.oracles = rect{0, top, w, bottom - top}
		l.share(faults)
		return l
	}
	l.oracles = rect{0, top, oracleColumns + min((w-besideColumns)/8, 10), rest}
	x := l.oracles.w
	if w < wideColumns {
		l.chart = rect{x, top, w - x, rest}
		l.share(faults)
		return l
	}
	l.wide = true
	right := faultColumns + min((w-wideColumns)/6, 12)
	l.chart = rect{x, top, w - x - right, rest}
	x += l.chart.w
	if rest >= 2*networkLines {
		l.network = rect{x, top, right, networkLines}
	} else {
		l.network = rect{x, top, right, rest / 2}
	}
	l.findings = rect{x, top + l.network.h, right, rest - l.network.h}
	return l
}

// share gives the oracles' place to network and findings.
func (l *oracleLayout) share(faults bool) {
	if !faults {
		return
	}
	r := l.oracles
	l.oracles = rect{}
	if r.w >= 60 {
		l.network = rect{r.x, r.y, r.w / 2, r.h}
		l.findings = rect{r.x + r.w/2, r.y, r.w - r.w/2, r.h}
		return
	}
	l.network = rect{r.x, r.y, r.w, r.h / 2}
	l.findings = rect{r.x, r.y + r.h/2, r.w, r.h - r.h/2}
}

// oracleBody is the area between header and bottom line.
func (m *Model) oracleBody(all screen.Area) screen.Area {
	if m.lay.status.empty() {
		return sub(all, m.lay.body)
	}
	y := m.lay.header.y + m.lay.header.h
	return all.Sub(0, y, m.w, m.lay.status.y-y)
}
