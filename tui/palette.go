package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/tui/internal/editor"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// paletteOverlay lists every command with its key, filtered as one types; Enter does the one that is chosen. It reads the
// table that handlers and help read, and the command lines that the input line takes.
type paletteOverlay struct {
	of   focus // what got the keys before
	line editor.Line
	at   int // the item chosen

	wrong safe.String // what is wrong with the command line that was entered
}

// command is one item of the palette.
type command struct {
	section screen.Const
	name    screen.Const // the key, or the line to be typed
	what    screen.Const
	verb    string // of a command line
	args    string
	run     func(*Model) tea.Cmd // nil for a command line
}

func (p *paletteOverlay) focus() focus { return onType }

// commands are all items, those of the place where the palette was opened first.
func (p *paletteOverlay) commands(m *Model) []command {
	var out []command
	add := func(s section, do func(b key.Binding) func(*Model) tea.Cmd) {
		for _, b := range s.keys {
			if b.Enabled() && b.Help() != m.keys.Global.Palette.Help() {
				out = append(out, command{section: screen.Const(s.title), name: screen.Const(b.Help().Key), what: screen.Const(b.Help().Desc), run: do(b)})
			}
		}
	}
	press := func(b key.Binding) func(*Model) tea.Cmd {
		return func(m *Model) tea.Cmd {
			k, _ := pressOf(b.Keys()[0])
			return m.onKey(k)
		}
	}
	sections := m.keys.focuses(p.of)
	own := 0 // those of the place itself
	for own < len(sections) && sections[own].title != moveTitle && sections[own].title != globalTitle {
		add(sections[own], press)
		own++
	}
	if m.options.Open != nil {
		for _, c := range ledger.Commands {
			name := ":" + c.Verb
			if c.Args != "" {
				name += " " + c.Args
			}
			out = append(out, command{section: "Command line", name: screen.Const(name), what: screen.Const(c.What), verb: c.Verb, args: c.Args})
		}
	}
	for _, s := range sections[own:] {
		add(s, press)
	}
	if m.options.Open == nil {
		return out
	}
	for _, other := range []struct {
		id screenID
		of focus
	}{{ledgerScreen, onLedger}, {peersScreen, onPeers}, {oracleScreen, onOracle}, {eventsScreen, onEvents}} {
		if other.of == p.of || other.id == m.screen {
			continue
		}
		for _, s := range m.keys.focuses(other.of) {
			if s.title == moveTitle || s.title == globalTitle {
				continue
			}
			add(s, func(b key.Binding) func(*Model) tea.Cmd {
				return func(m *Model) tea.Cmd {
					m.show(other.id)
					return press(b)(m)
				}
			})
		}
	}
	return out
}

// found are the items that match what is typed, one whose verb was typed in full first.
func (p *paletteOverlay) found(m *Model) []command {
	words := splitWords(strings.TrimLeft(p.line.String(), " :/"))
	var first, rest []command
	for _, c := range p.commands(m) {
		switch {
		case len(words) > 0 && c.verb != "" && c.verb == words[0]:
			first = append(first, c)
		case hasWords(string(c.section+" "+c.name+" "+c.what), words):
			rest = append(rest, c)
		}
	}
	return append(first, rest...)
}

func (p *paletteOverlay) paste(s string) {
	p.line.Insert(strings.TrimRight(s, "\r\n"))
	p.at = 0
}

func (p *paletteOverlay) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	t := &m.keys.Type
	p.wrong = safe.String{}
	switch {
	case key.Matches(msg, t.Leave), key.Matches(msg, t.Clear) && p.line.String() == "":
		m.pop()
	case key.Matches(msg, t.Clear):
		p.line.Set("")
		p.at = 0
	case key.Matches(msg, t.Older):
		p.at = max(p.at-1, 0)
	case key.Matches(msg, t.Newer):
		p.at = min(p.at+1, max(len(p.found(m))-1, 0))
	case key.Matches(msg, t.Enter):
		return p.take(m)
	case key.Matches(msg, t.Repaint):
		return m.fx.do(m.fx.terminal.repaint)
	case key.Matches(msg, t.Out):
		return m.fx.suspend()
	default:
		before := p.line.String()
		m.edit(&p.line, msg)
		if p.line.String() != before {
			p.at = 0
		}
	}
	return nil
}

// take does what is chosen. A command line that needs more is put into the line, to be completed.
func (p *paletteOverlay) take(m *Model) tea.Cmd {
	found := p.found(m)
	if p.at >= len(found) {
		m.tell(false, "no command matches: {type.leave} leaves, {type.kill-left} clears")
		return nil
	}
	c := found[p.at]
	if c.run != nil {
		m.pop()
		return c.run(m)
	}
	text := ":" + strings.TrimLeft(p.line.String(), " :/")
	if verb, _, _ := strings.Cut(strings.TrimSpace(text[1:]), " "); verb != c.verb {
		if text = ":" + c.verb; c.args != "" {
			p.line.Set(c.verb + " ")
			p.at = 0
			if c.args[0] != '[' {
				return nil
			}
		}
	}
	line, _, err := ledger.ParseCommand(text)
	if err != nil {
		p.wrong = m.cs.Text(err.Error(), noteCells)
		return nil
	}
	m.pop()
	return m.runCommand(line)
}

func (p *paletteOverlay) draw(m *Model, all screen.Area) {
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "Commands", m.keyed("type to filter · {type.enter} does it · {type.leave} leaves"))
	}
	found := p.found(m)
	p.at = min(p.at, max(len(found)-1, 0))
	x := a.Const(0, 0, m.st.Key, " : ")
	defer p.line.Draw(a.Sub(0, 0, a.W, 1), x, 0, m.st.Text, true, -1, 0) // the terminal's cursor is there, not on a row
	if len(found) == 0 {
		a.Const(x, 1, m.st.Dim, "no command matches")
		return
	}
	y := 1
	if p.wrong.Width() > 0 {
		for _, l := range appendWrapped(nil, a.W-x, "", 0, m.st.Error, p.wrong) {
			say(a, x, y, l...)
			y++
		}
	}
	rows := a.Sub(0, y, a.W, max(a.H-y, 0))
	name := 0
	for i := range found {
		name = max(name, screen.Width(found[i].name))
	}
	name = min(name, max(a.W/3, 6))
	top := min(max(p.at-rows.H+1, 0), max(len(found)-rows.H, 0))
	for y := 0; y < rows.H && top+y < len(found); y++ {
		c := &found[top+y]
		rows.ConstCut(3, y, name, m.st.Key, c.name)
		x := 3 + name + 2
		room := rows.W - x - 1
		if n := len(c.section); room > n+30 {
			rows.Const(rows.W-n-1, y, m.st.Dim, c.section)
			room -= n + 2
		}
		rows.ConstCut(x, y, room, m.st.Text, c.what)
		if top+y == p.at {
			m.drawCursor(rows, y, min(rows.H, len(found)-top))
		}
	}
	if below := len(found) - top - rows.H; below > 0 {
		s := " " + number(below) + " more "
		rows.Const(max(rows.W-len(s), 0), rows.H-1, screen.Reverse, s)
	}
}
