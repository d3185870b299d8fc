package tui

import (
	"context"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/sim"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// inspectOverlay is one change of the simulation on the whole screen: what it says, its hash, and what it follows. Enter goes
// on to a parent, Esc back to where one came from. The simulation waits meanwhile.
type inspectOverlay struct {
	seen    sim.Seen
	parents []crdt.ChangeID // prev first, then the links
	at      int             // the parent under the cursor
	scroll  int
	kept    bool // the scroll was moved by hand
}

// inspect shows a change.
func (m *Model) inspect(id crdt.ChangeID) tea.Cmd {
	return m.ask(func(_ context.Context, s *simulation) simAnswer {
		seen, ok := s.run.Attestation(id)
		return simAnswer{then: func(m *Model) tea.Cmd {
			if !ok {
				m.tell(false, "change %s is on no replica that is up", shortHex(id, 8))
				return nil
			}
			o := &inspectOverlay{seen: seen}
			if seen.Prev != (crdt.ChangeID{}) && seen.Seq > 1 {
				o.parents = append(o.parents, seen.Prev)
			}
			o.parents = append(o.parents, seen.Links...)
			if len(o.parents) > maxLinksShown {
				o.parents = o.parents[:maxLinksShown]
			}
			if len(m.overlay) >= maxInspected {
				m.overlay = append(m.overlay[:1], m.overlay[2:]...)
			}
			m.push(o)
			return nil
		}}
	})
}

// maxInspected bounds how many changes one comes back through.
const maxInspected = 100

// inspectSelected shows the newest change of the oracle under the cursor, or what the finding under it is about.
func (m *Model) inspectSelected() tea.Cmd {
	o := &m.oracle
	if o.pane == findingsPane {
		i := o.findings.Index()
		if i < 0 {
			return nil
		}
		if o.found[i].Change == (crdt.ChangeID{}) {
			m.tell(false, "this is about no change")
			return nil
		}
		return m.inspect(o.found[i].Change)
	}
	i := o.selected()
	if i < 0 {
		return nil
	}
	if o.frame.Oracles[i].Last == (crdt.ChangeID{}) {
		m.tell(false, "it has said nothing yet")
		return nil
	}
	return m.inspect(o.frame.Oracles[i].Last)
}

func (o *inspectOverlay) focus() focus { return onInspect }

func (o *inspectOverlay) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	k, mv := &m.keys.Inspect, &m.keys.Move
	switch {
	case key.Matches(msg, mv.Down):
		o.at, o.kept = min(o.at+1, max(len(o.parents)-1, 0)), false
	case key.Matches(msg, mv.Up):
		o.at, o.kept = max(o.at-1, 0), false
	case key.Matches(msg, mv.First, mv.Last, mv.PageUp, mv.PageDown, mv.HalfUp, mv.HalfDown):
		by, _ := m.scrollBy(msg, m.lay.body.h-2)
		o.scroll, o.kept = max(o.scroll+by, 0), true
	case key.Matches(msg, k.Back):
		m.pop()
	case key.Matches(msg, k.Open):
		if o.at < len(o.parents) {
			return m.inspect(o.parents[o.at])
		}
		m.tell(false, "this change begins its chain: it follows the room itself")
	case key.Matches(msg, k.Copy):
		return m.fx.copyText(string(shortHex(o.seen.ID, 64)), "id")
	default:
		return m.onGlobalKey(msg)
	}
	return nil
}

func (o *inspectOverlay) draw(m *Model, all screen.Area) {
	a := m.oracleBody(all)
	a.Clear()
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "Attestation", m.keyed("{inspect.open} goes to the parent · {inspect.back} back"))
	}
	lines, cursor := o.lines(m, a.W)
	if !o.kept && cursor >= 0 { // the parent under the cursor stays in sight
		o.scroll = min(max(o.scroll, cursor-a.H+2), max(cursor, 0))
		if cursor < a.H-1 {
			o.scroll = 0
		}
	}
	o.scroll = drawLines(a, lines, o.scroll)
	if y := cursor - o.scroll; cursor >= 0 && y >= 0 && y < a.H {
		a.PlaceCursor(0, y, false)
		a.Toggle(0, y, a.W, m.st.Cursor)
	}
}

// lines are what is known of the change, and the line of the parent under the cursor, -1 if there is none.
func (o *inspectOverlay) lines(m *Model, w int) (out []textLine, cursor int) {
	st, s, cursor := &m.st, &o.seen, -1
	label := func(name screen.Const) screen.Const {
		return " " + name + screen.Const("          ")[:max(10-len(name), 1)]
	}
	line := func(name screen.Const, parts ...part) {
		out = append(out, append(textLine{own(st.Dim, label(name))}, parts...))
	}
	who := safe.String{}
	for i := range m.oracle.frame.Oracles {
		if or := &m.oracle.frame.Oracles[i]; or.Author == s.Author {
			who = m.cs.Text(or.Name+" ", nameCells)
		}
	}
	out = append(out, textLine{own(st.Focus, " Who signed it, and where it stands in that chain")})
	line("author", outside(st.Text, who), own(st.Text, hexIn(s.Author, 64, w-11-who.Width())))
	line("seq", own(st.Text, number(int(s.Seq))), own(st.Dim, "  of its own chain; lamport "), own(st.Text, number(int(s.Lamport))))
	out = append(out, nil, textLine{own(st.Focus, " What it says")})
	out = append(out, o.saidLines(m, w, label)...)
	out = append(out, nil, textLine{own(st.Focus, " What nobody can alter unseen")})
	line("id", own(st.Text, hexIn(s.ID, 64, w-11)))
	line("", own(st.Dim, "= SHA-256 (chain, prev, payload hash): any other byte, another id"))
	line("payload", own(st.Text, hexIn(s.PayloadHash, 64, w-11)))
	line("", own(st.Dim, "its SHA-256, of "+number(s.Bytes)+" bytes"))
	out = append(out, nil, textLine{own(st.Focus, " What it follows"), own(st.Dim, m.keyed("  {inspect.open} goes there"))})
	if len(o.parents) == 0 {
		line("prev", own(st.Dim, "none: it begins a chain, right after the room itself"))
	}
	for i, id := range o.parents {
		name, mark := screen.Const("link"), screen.Const(" ")
		if i == 0 && id == s.Prev {
			name = "prev"
		}
		if i == o.at {
			mark, cursor = ">", len(out)
		}
		line(name, own(st.Focus, mark+" "), own(st.Text, hexIn(id, 64, w-13)))
	}
	return out, cursor
}

// saidLines are the attestations of the change.
func (o *inspectOverlay) saidLines(m *Model, w int, label func(screen.Const) screen.Const) (out []textLine) {
	st := &m.st
	if len(o.seen.Attestations) == 0 {
		return []textLine{{own(st.Dim, label("")), own(st.Dim, "nothing that is an attestation")}}
	}
	for i := range o.seen.Attestations {
		at := &o.seen.Attestations[i]
		if i == maxEntriesShown {
			return append(out, textLine{own(st.Dim, label("")), own(st.Dim, "and "+number(len(o.seen.Attestations)-i)+" more")})
		}
		if at.Void != oracle.NotVoid {
			out = appendWrapped(out, w, label("void"), st.Error, st.Text, m.cs.Text(at.Void.Error(), noteCells))
		}
		if at.Commitment != nil {
			out = append(out, textLine{own(st.Dim, label("hidden")), own(st.Text, "a commitment for slot "+number(int(at.Commitment.Slot))+": the price is shown in the next")})
			continue
		}
		if at.Price == 0 && at.Pair == "" {
			continue
		}
		expo := m.expoOf(at.Pair)
		out = append(out, textLine{
			own(st.Dim, label("price")), own(st.Focus, exactPrice(at.Price, expo)), own(0, "  "), outside(st.Text, m.cs.Text(at.Pair, nameCells)),
			own(st.Dim, m.sign("  ± ", "  +- ")), own(st.Text, exactPrice(at.Spread, expo)),
		})
		when := time.UnixMilli(at.T).In(m.now().Location())
		out = append(out, textLine{own(st.Dim, label("observed")), own(st.Text, m.claimed(at.T/1000, timeLayout)), own(st.Dim, "  by its own clock, "+number(when.Nanosecond()/1e6)+" ms after")})
		if words := flagWords(at.Flags); words != "" {
			out = append(out, textLine{own(st.Dim, label("flags")), own(st.Text, words)})
		}
		for j := range at.Src {
			src := &at.Src[j]
			name := label("")
			if j == 0 {
				name = label("source")
			}
			out = append(out, textLine{
				own(st.Dim, name), outside(st.Text, m.cs.Text(src.Name, nameCells)), own(0, "  "), own(st.Text, exactPrice(src.Price, expo)),
			})
		}
	}
	return out
}

// expoOf is the exponent of a pair's prices.
func (m *Model) expoOf(pair string) int {
	for i := range m.oracle.frame.Pairs {
		if m.oracle.frame.Pairs[i].Name == pair {
			return m.oracle.frame.Pairs[i].Expo
		}
	}
	return -8
}

// flagWords are an attestation's flags in words.
func flagWords(flags uint64) screen.Const {
	var s screen.Const
	for _, f := range []struct {
		bit  uint64
		word screen.Const
	}{{1, "rounded"}, {2, "source halted"}, {4, "replayed"}, {8, "revealed"}} {
		if flags&f.bit != 0 {
			if s != "" {
				s += ", "
			}
			s += f.word
		}
	}
	return s
}
