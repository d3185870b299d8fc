package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/tui/internal/editor"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// prompt asks for one line of text, in the place of the input line.
type prompt struct {
	title screen.Const
	help  screen.Const // what is wanted
	line  editor.Line
	done  func(m *Model, text string) tea.Cmd // Enter; the prompt is closed by then
}

// pasteTaker is an overlay that text can be pasted into.
type pasteTaker interface {
	paste(m *Model, s string)
}

func (p *prompt) focus() focus { return onType }

func (p *prompt) paste(_ *Model, s string) { p.line.Insert(s) }

func (p *prompt) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	t := &m.keys.Type
	switch {
	case key.Matches(msg, t.Enter):
		m.pop()
		return p.done(m, p.line.String())
	case key.Matches(msg, t.Leave):
		m.pop()
	case key.Matches(msg, t.Clear):
		if p.line.String() == "" {
			m.pop()
		}
		p.line.Set("")
	case key.Matches(msg, t.Help):
		m.push(&helpOverlay{of: onType})
	case key.Matches(msg, t.Repaint):
		return m.fx.do(m.fx.terminal.repaint)
	case key.Matches(msg, t.Out):
		return m.fx.suspend()
	default:
		m.edit(&p.line, msg)
	}
	return nil
}

func (p *prompt) draw(m *Model, all screen.Area) {
	a := sub(all, m.lay.input)
	a.Clear()
	focused := m.onTop(p)
	if m.lay.boxed {
		a = a.Frame(m.st.Warn, m.st.Focus, p.title, m.keyed("typing: {type.enter} goes on, {type.leave} leaves"))
		p.line.Draw(a.Sub(0, 0, a.W, 1), 1, 0, m.st.Text, focused, -1, 0)
		a.ConstCut(1, 1, a.W-1, m.st.Dim, p.help)
		return
	}
	if !m.lay.below.empty() {
		b := sub(all, m.lay.below)
		b.Clear()
		for i, l := range wrapWords(string(p.help), b.W-1, b.H) {
			b.ConstCut(0, i, b.W, m.st.Dim, screen.Const(l))
		}
	}
	y := a.H - 1
	x := a.ConstCut(0, y, a.W/2, m.st.Key, p.title+": ")
	p.line.Draw(a.Sub(0, y, a.W, 1), x, 0, m.st.Text, focused, -1, 0)
}

// onTop reports whether an overlay is the one that gets the keys.
func (m *Model) onTop(o overlay) bool {
	n := len(m.overlay)
	return n > 0 && m.overlay[n-1] == o
}
