package main

import "github.com/tallystick/tallystick/bench/internal/report"

// screenPeers are other programs' figures, by ours. They were measured once, in the same way and at the same size of 120x36 on a
// machine of two cores, nothing else running; medians. They list what they are for: htop processes, tig and lazygit commits.
var screenPeers = []struct {
	name    string
	figures map[string]string
}{
	{"lazygit", map[string]string{
		"first paint": "36", "idle CPU": "0.21", "idle wake-ups": "29", "cursor move to frame": "5.1", "cursor move": "330", "memory (RSS)": "23.6",
	}},
	{"tig", map[string]string{
		"first paint": "20", "idle CPU": "0", "idle wake-ups": "0", "cursor move to frame": "0.5", "cursor move": "96", "memory (RSS)": "4",
	}},
	{"htop", map[string]string{
		"first paint": "89", "idle CPU": "0.34", "idle wake-ups": "0.8", "cursor move to frame": "0.8", "cursor move": "368", "memory (RSS)": "4",
	}},
}

// beside are the cells for the same figure of other programs.
func beside(name string) []report.Cell {
	var cells []report.Cell
	for _, p := range screenPeers {
		if text, ok := p.figures[name]; ok {
			cells = append(cells, report.Cell{Head: p.name, Text: text})
		}
	}
	return cells
}
