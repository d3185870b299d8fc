package tui

import (
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/sim"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// drawNetwork draws who hears whom, who is down, and how good the lines are.
func (m *Model) drawNetwork(a screen.Area, framed bool) {
	net := &m.oracle.frame.Net
	if framed {
		note := screen.Const("whole")
		if len(net.Groups) > 1 {
			note = "CUT"
		}
		a = a.Frame(m.st.Dim, m.st.Title, "Network", note)
	}
	drawLines(a, m.networkLines(a.W), 0)
}

func (m *Model) networkLines(w int) []textLine {
	st, f := &m.st, m.oracle.frame
	net := &f.Net
	groups := net.Groups
	if len(groups) == 0 {
		all := make([]int, len(f.Oracles))
		for i := range all {
			all[i] = i
		}
		groups = [][]int{all}
	}
	var out []textLine
	for i, g := range groups {
		if i > 0 {
			out = append(out, textLine{own(st.Error, m.sign(" ╳ ── cut ── ╳ ── cut ── ╳", " x -- cut -- x -- cut -- x"))})
		}
		out = append(out, m.groupLines(g, w)...)
		if side := m.sideLine(net, g); side != nil {
			out = append(out, side)
		}
	}
	up := 0
	for i := range net.Links {
		if net.Links[i].Up {
			up++
		}
	}
	if len(groups) == 1 {
		out = append(out, nil)
	}
	links := textLine{own(st.Dim, " lines "), own(st.Text, number(up)+"/"+number(len(net.Links))), own(st.Dim, " up")}
	if net.Relays > 0 {
		links = append(links, own(st.Dim, ", "), own(st.Text, plural(net.Relays, "relay", "relays")))
	}
	return append(out, links,
		textLine{own(st.Dim, " delay "), own(st.Text, number(int(net.LatencyMS))), own(st.Dim, " to "), own(st.Text, number(int(net.LatencyMS+net.JitterMS))), own(st.Dim, " ms")},
		textLine{own(st.Dim, " loss "), own(st.Text, percentConst(net.LossPPM, false)), own(st.Dim, ", lost "), own(st.Text, number(net.Lost))},
		textLine{own(st.Dim, " messages "), own(st.Text, number(net.Messages))},
	)
}

// groupLines are those who hear one another: who is down is marked, and who lies.
func (m *Model) groupLines(group []int, w int) (out []textLine) {
	line := textLine{own(0, " ")}
	for _, i := range group {
		if i < 0 || i >= len(m.oracle.frame.Oracles) {
			continue // a relay
		}
		or := &m.oracle.frame.Oracles[i]
		st, mark := m.st.Text, screen.Const("")
		switch {
		case !or.Up:
			st, mark = m.st.Error, m.sign("†", "x")
		case or.Convicted:
			st, mark = m.st.Error, m.sign("✂", "X")
		case or.Kind != "":
			st, mark = m.st.Error, "!"
		}
		name := m.cs.Text(or.Name, 10)
		if line.width()+name.Width()+screen.Width(mark)+1 > w && len(line) > 1 {
			out = append(out, line)
			line = textLine{own(0, " ")}
		}
		line = append(line, outside(st, name), own(st, mark), own(0, " "))
	}
	return append(out, line)
}

// sideLine says what one side of a partition has.
func (m *Model) sideLine(net *sim.FrameNet, group []int) textLine {
	p := m.oracle.price()
	for i := range p.Sides {
		s := &p.Sides[i]
		if len(s.Nodes) == 0 || len(group) == 0 || s.Nodes[0] != group[0] {
			continue
		}
		if s.Price > 0 && s.Status != oracle.Insufficient {
			return textLine{own(m.st.Dim, "   has "), own(m.st.Text, priceConst(s.Price, p.Expo))}
		}
		if s.Carried > 0 {
			return textLine{own(m.st.Warn, "   no new price for "+secondsConst(m.oracle.frame.AtMS-s.CarriedAtMS))}
		}
		return textLine{own(m.st.Warn, "   no price")}
	}
	return nil
}

// drawFindings draws what the log shows, and what was done: newest last.
func (m *Model) drawFindings(a screen.Area, framed bool) {
	o := &m.oracle
	if framed {
		style := m.st.Title
		if o.pane == findingsPane {
			style = m.st.Focus
		}
		note := screen.Const("")
		if n := o.findings.Fresh(); n > 0 {
			note = number(n) + m.keyed(" new: {move.last}")
		}
		a = a.Frame(m.st.Dim, style, "Findings", note)
	}
	top, n := o.findings.Window(a.H)
	if n <= 0 {
		drawLines(a, appendWrapped(nil, a.W-1, " ", 0, m.st.Dim, m.cs.Text("nothing yet: what the log itself shows of liars is listed here", noteCells)), 0)
		return
	}
	for y := range n {
		one := &o.found[top+y]
		x := 1
		if o.pane == findingsPane {
			x = 2
		}
		x = say(a, x, y, own(m.st.Dim, secondsConst(one.AtMS)+" "))
		done := isEvent(one.Kind)
		if !done && one.Oracle >= 0 && one.Oracle < len(o.frame.Oracles) {
			x = say(a, x, y, outside(m.st.Text, m.cs.Text(o.frame.Oracles[one.Oracle].Name, 10)), own(0, " "))
		}
		switch {
		case done:
			say(a, x, y, outside(m.st.Info, m.cs.Text(one.Text, noteCells)))
		default:
			st := m.st.Warn
			if one.Kind == "equivocation" {
				st = m.st.Error
			}
			say(a, x, y, outside(st, m.cs.Text(one.Kind, nameCells)), own(0, " "), outside(m.st.Dim, m.cs.Text(one.Text, noteCells)))
		}
		if o.pane == findingsPane && top+y == o.findings.Index() {
			a.Const(0, y, m.st.Focus, ">")
			a.PlaceCursor(0, y, false)
			a.Toggle(0, y, a.W, m.st.Cursor)
			m.clickRows(a, y, n)
		}
	}
}

// isEvent reports whether something was done, rather than found in the log.
func isEvent(kind string) bool {
	switch kind {
	case sim.EventPartition, sim.EventHeal, sim.EventCrash, sim.EventRestart, sim.EventRestore, sim.EventByzantine, sim.EventHonest, sim.EventStrategy:
		return true
	}
	return false
}
