package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/tui/internal/editor"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// overlay is something over the screen that gets all keys. None opens by itself, so none takes keys that were meant for
// what is below.
type overlay interface {
	key(m *Model, msg tea.KeyPressMsg) tea.Cmd
	draw(m *Model, all screen.Area)
	focus() focus
}

func (m *Model) push(o overlay) { m.overlay = append(m.overlay, o) }

func (m *Model) pop() {
	if n := len(m.overlay); n > 0 {
		m.overlay = m.overlay[:n-1]
	}
}

// question asks yes or no; no is the default.
type question struct {
	text screen.Const
	yes  func(*Model) tea.Cmd
}

// yesNo is how a question is answered: the key for no as a capital, if that means it too, since it is what all else means.
func (m *Model) yesNo() screen.Const {
	if capital := strings.ToUpper(m.keyNames["dialog.no"]); slices.Contains(m.keys.Dialog.No.Keys(), capital) {
		return m.keyed("{dialog.yes}/") + m.keyedAs("{dialog.no}", strings.ToUpper)
	}
	return m.keyed("{dialog.yes}/{dialog.no}")
}

func (q *question) focus() focus { return onDialog }

func (q *question) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	switch {
	case key.Matches(msg, m.keys.Dialog.Yes):
		m.pop()
		return q.yes(m)
	case key.Matches(msg, m.keys.Dialog.No):
		m.pop()
	}
	return nil
}

// draw asks in the place of the input line: it is there at every size.
func (q *question) draw(m *Model, all screen.Area) {
	a := sub(all, m.lay.input)
	a.Clear()
	answer := " " + m.yesNo() + " "
	if m.lay.boxed {
		a = a.Frame(m.st.Warn, m.st.Focus, "Question", m.keyed("{dialog.yes} yes · {dialog.no} no"))
		x := a.ConstCut(1, 0, a.W-screen.Width(answer)-1, m.st.Text, q.text)
		x = a.Const(x, 0, m.st.Warn, answer)
		a.PlaceCursor(min(x, a.W-1), 0, true)
		return
	}
	above := screen.Area{}
	if !m.lay.below.empty() {
		above = sub(all, m.lay.below)
		above.Clear()
	}
	y := a.H - 1
	if screen.Width(q.text)+screen.Width(answer) <= a.W || above.Empty() {
		x := a.ConstCut(0, y, max(a.W-screen.Width(answer), 0), m.st.Warn, q.text)
		x = a.Const(x, y, m.st.Warn, answer)
		a.PlaceCursor(min(x, a.W-1), y, true)
		return
	}
	for i, l := range wrapWords(string(q.text), above.W-1, above.H) {
		above.Const(0, i, m.st.Warn, screen.Const(l))
	}
	x := a.Const(0, y, m.st.Warn, answer)
	a.PlaceCursor(x, y, true)
}

// wrapWords folds a text of the program at blanks, into at most so many lines.
func wrapWords(s string, w, lines int) []string {
	var out []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && len(line)+1+len(word) > w {
			out = append(out, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	out = append(out, line)
	return out[:min(len(out), lines)]
}

// helpOverlay lists the keys that work where it was opened, from the key table.
type helpOverlay struct {
	of     focus
	line   editor.Line // the filter
	typing bool
	scroll int
}

func (h *helpOverlay) focus() focus {
	if h.typing {
		return onType
	}
	return onHelp
}

func (h *helpOverlay) paste(_ *Model, s string) {
	if h.typing {
		h.line.Insert(s)
	}
}

func (h *helpOverlay) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	if h.typing {
		t := &m.keys.Type
		switch {
		case key.Matches(msg, t.Enter):
			h.typing = false
		case key.Matches(msg, t.Leave, t.Clear):
			h.typing = false
			h.line.Set("")
		default:
			m.edit(&h.line, msg)
		}
		h.scroll = 0
		return nil
	}
	if by, ok := m.scrollBy(msg, m.lay.body.h-2); ok {
		h.scroll = max(h.scroll+by, 0)
		return nil
	}
	switch {
	case key.Matches(msg, m.keys.Ledger.Filter):
		h.typing = true
	case key.Matches(msg, m.keys.Global.Help, m.keys.Detail.Back, m.keys.Global.Quit):
		if h.line.String() != "" && key.Matches(msg, m.keys.Detail.Back) {
			h.line.Set("")
			return nil
		}
		m.pop()
	}
	return nil
}

func (h *helpOverlay) draw(m *Model, all screen.Area) {
	a := sub(all, m.lay.body)
	if m.lay.boxed {
		a = all.Sub(0, m.lay.body.y, m.w, m.lay.status.y-m.lay.body.y)
	}
	a.Clear()
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "Keys", m.keyed("{ledger.filter} filters · {detail.back} closes"))
	}
	lines := h.lines(m)
	top := 0
	if h.typing || h.line.String() != "" {
		x := a.Const(0, 0, m.st.Key, " / ")
		h.line.Draw(a.Sub(0, 0, a.W, 1), x, 0, m.st.Text, h.typing, -1, 0)
		top = 1
	}
	h.scroll = drawLines(a.Sub(0, top, a.W, a.H-top), lines, h.scroll)
}

// lines are the help's lines, filtered.
func (h *helpOverlay) lines(m *Model) []textLine {
	words := splitWords(h.line.String())
	var out []textLine
	for _, s := range m.keys.focuses(h.of) {
		head := len(out)
		for _, k := range s.keys {
			if !k.Enabled() || !hasWords(s.title+" "+k.Help().Key+" "+k.Help().Desc, words) {
				continue
			}
			if len(out) == head {
				if head > 0 {
					out = append(out, nil)
				}
				out = append(out, textLine{own(m.st.Focus, " "+screen.Const(s.title))})
			}
			names := screen.Const(strings.Join(k.Keys(), " "))
			pad := screen.Const(strings.Repeat(" ", max(19-screen.Width(names), 1)))
			out = append(out, textLine{own(m.st.Key, "   "+names+pad), own(m.st.Text, screen.Const(k.Help().Desc))})
		}
	}
	if h.of == onLedger || h.of == onType {
		out = h.commandLines(m, out, words)
	}
	if len(out) == 0 {
		out = append(out, textLine{own(m.st.Dim, " no key matches")})
	}
	return out
}

// commandLines appends what the input line takes besides transactions.
func (h *helpOverlay) commandLines(m *Model, out []textLine, words []string) []textLine {
	head := len(out)
	for _, c := range (&paletteOverlay{of: h.of}).commands(m) {
		if c.verb == "" || !hasWords(string(c.section+" "+c.name+" "+c.what), words) {
			continue
		}
		if len(out) == head {
			if head > 0 {
				out = append(out, nil)
			}
			out = append(out, textLine{own(m.st.Focus, " Command lines, typed here or after "+screen.Const(m.keys.Global.Palette.Help().Key))})
		}
		pad := screen.Const(strings.Repeat(" ", max(19-screen.Width(c.name), 1)))
		out = append(out, textLine{own(m.st.Key, "   "+c.name+pad), own(m.st.Text, c.what)})
	}
	return out
}

func hasWords(s string, words []string) bool {
	folded := string(ledger.AppendFolded(nil, s))
	for _, w := range words {
		if !strings.Contains(folded, w) {
			return false
		}
	}
	return true
}

// drawLines draws lines from one on and returns that one, corrected so that the last line is not scrolled away. What is
// above and below is told at the right edge.
func drawLines(a screen.Area, lines []textLine, from int) int {
	from = min(max(from, 0), max(len(lines)-a.H, 0))
	for y := range a.H {
		if from+y < len(lines) {
			say(a, 0, y, lines[from+y]...)
		}
	}
	if below := len(lines) - a.H - from; below > 0 && a.H > 0 {
		s := " " + number(below+1) + " more "
		a.Const(max(a.W-len(s), 0), a.H-1, screen.Reverse, s)
	}
	return from
}
