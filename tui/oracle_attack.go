package tui

import (
	"context"
	"fmt"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/oracle/sim"
	"github.com/tallystick/tallystick/tui/internal/list"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// onAttackKey does something to an oracle or to the network, from the next round on.
func (m *Model) onAttackKey(msg tea.KeyPressMsg) tea.Cmd {
	k, f := &m.keys.Oracle, m.oracle.frame
	switch {
	case key.Matches(msg, k.Partition):
		if len(f.Net.Groups) > 1 {
			m.tell(false, "the network is cut already: {oracle.heal} joins it again")
			return nil
		}
		groups := halves(len(f.Oracles))
		return m.ask(eventRequest(partitionEvent(groups), func(m *Model) tea.Cmd {
			m.tell(false, "the network is cut in two: %s hear nothing of %s", rangeText(groups[0]), rangeText(groups[1]))
			return nil
		}))
	case key.Matches(msg, k.Heal):
		if len(f.Net.Groups) <= 1 {
			m.tell(false, "the network is whole: {oracle.partition} cuts it in two")
			return nil
		}
		return m.ask(eventRequest(healEvent(), func(m *Model) tea.Cmd {
			m.tell(false, "the network is whole again: what was missed is sent now")
			return nil
		}))
	}
	i := m.oracle.selected()
	if i < 0 {
		return nil
	}
	or := &f.Oracles[i]
	name := m.cs.Text(or.Name, nameCells).String()
	switch {
	case key.Matches(msg, k.Lie):
		m.chooseLie(i)
	case key.Matches(msg, k.Honest):
		if or.Kind == "" {
			m.tell(false, "%s is honest: {oracle.lie} makes it lie", name)
			return nil
		}
		return m.ask(eventRequest(honestEvent(i), func(m *Model) tea.Cmd {
			m.tell(false, "%s tells the truth from now on", name)
			return nil
		}))
	case key.Matches(msg, k.Crash):
		if !or.Up {
			return m.ask(eventRequest(restartEvent(i), func(m *Model) tea.Cmd {
				m.tell(false, "%s is started again: it goes on with its own chain", name)
				return nil
			}))
		}
		return m.ask(eventRequest(crashEvent(i), func(m *Model) tea.Cmd {
			m.tell(false, "%s has crashed: {oracle.crash} starts it again", name)
			return nil
		}))
	}
	return nil
}

// halves are two groups of n oracles, the smaller first: for seven 0-2 and 3-6.
func halves(n int) [][]int {
	groups := make([][]int, 2)
	for i := range n {
		side := 1
		if i < n/2 {
			side = 0
		}
		groups[side] = append(groups[side], i)
	}
	return groups
}

// rangeText is a group of oracles in words: "o0-o2", "o3 and o5".
func rangeText(group []int) string {
	var b strings.Builder
	for i := 0; i < len(group); {
		j := i
		for j+1 < len(group) && group[j+1] == group[j]+1 {
			j++
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "o%d", group[i])
		if j > i {
			fmt.Fprintf(&b, "-o%d", group[j])
		}
		i = j + 1
	}
	return b.String()
}

// choice is one of several things to choose from.
type choice struct {
	name, words safe.String
	take        func(*Model) tea.Cmd
}

// chooser is a list of things over the screen: Enter takes one, Esc none.
type chooser struct {
	title   safe.String
	choices []choice
	list    list.List[int]
}

func (m *Model) choose(title safe.String, choices []choice, at int) {
	c := &chooser{title: title, choices: choices}
	c.list.Sync(oracleRows(len(choices)))
	c.list.To(oracleRows(len(choices)), at)
	m.push(c)
}

func (c *chooser) focus() focus { return onChoose }

func (c *chooser) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	rows := list.Rows[int](oracleRows(len(c.choices)))
	if moveIn(&m.keys.Move, msg, &c.list, rows) {
		return nil
	}
	k := &m.keys.Choose
	switch {
	case key.Matches(msg, k.Back):
		m.pop()
	case key.Matches(msg, k.Take):
		m.pop()
		if i := c.list.Index(); i >= 0 {
			return c.choices[i].take(m)
		}
	default:
		return m.onGlobalKey(msg)
	}
	return nil
}

func (c *chooser) draw(m *Model, all screen.Area) {
	a := m.oracleBody(all)
	a.Clear()
	if m.lay.shape >= medium {
		frame := a
		a = a.Frame(m.st.Dim, m.st.Focus, "Choose", m.keyed("{choose.take} takes it · {choose.back} leaves"))
		drawTitle(frame, m.st.Focus, "Choose", c.title)
	} else if a.H > 1 {
		a.Text(0, 0, a.W, m.st.Focus, c.title)
		a = a.Sub(0, 1, a.W, a.H-1)
	}
	wide := 0
	for i := range c.choices {
		wide = max(wide, c.choices[i].name.Width())
	}
	wide = min(wide, max(a.W/3, 8))
	top, n := c.list.Window(a.H)
	for y := range n {
		one := &c.choices[top+y]
		x := 3
		a.Text(x, y, wide, m.st.Text, one.name)
		a.Text(x+wide+2, y, max(a.W-x-wide-2, 0), m.st.Dim, one.words)
		if top+y == c.list.Index() {
			m.drawCursor(a, y, n)
		}
	}
}

// chooseLie asks how an oracle is to lie.
func (m *Model) chooseLie(node int) {
	or := &m.oracle.frame.Oracles[node]
	name := m.cs.Text(or.Name, nameCells)
	var choices []choice
	at := 0
	for _, kind := range sim.Kinds() {
		if kind == or.Kind {
			at = len(choices)
		}
		choices = append(choices, choice{
			name: m.cs.Text(string(kind), nameCells), words: m.cs.Text(lieWords(kind, sim.DefaultPPM(kind)), noteCells),
			take: func(m *Model) tea.Cmd {
				return m.ask(eventRequest(byzantineEvent(node, kind), func(m *Model) tea.Cmd {
					m.tell(false, "%s lies from now on: %s", name.String(), kind)
					return nil
				}))
			},
		})
	}
	m.choose(safe.Concat(safe.Literal("how shall "), name, safe.Literal(" lie?")), choices, at)
}

// chooseScenario asks for another scenario.
func (m *Model) chooseScenario() tea.Cmd {
	return m.ask(func(context.Context, *simulation) simAnswer {
		var choices []choice
		for _, name := range sim.Shipped() {
			choices = append(choices, choice{
				name: m.cs.Text(name, nameCells), words: m.cs.Text(scenarioWords(name), noteCells),
				take: func(m *Model) tea.Cmd {
					m.oracle.paused = false
					return m.ask(beginRequest(func() (sim.Scenario, error) { return sim.Load(name) }))
				},
			})
		}
		return simAnswer{then: func(m *Model) tea.Cmd {
			m.choose(safe.Literal("a scenario"), choices, 0)
			return nil
		}}
	})
}
