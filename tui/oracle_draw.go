package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"

	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/oracle"
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
	v := judge(o.frame, o.pair, &m.keys.Oracle)
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
