package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

const (
	maxNames      = 5000   // labels that are offered
	namesFromRows = 10_000 // how far back they are looked for
	namesPerSnap  = 500    // rows of one snapshot that are read for labels
	maxOffered    = 12
)

// namesState is the labels that complete a name, the last used first.
type namesState struct {
	labels []string
	known  map[string]bool
}

// add takes labels up, the last ones to be offered first.
func (s *namesState) add(labels []string) {
	for _, l := range labels {
		if s.known[l] {
			if i := slices.Index(s.labels, l); i > 0 {
				copy(s.labels[1:i+1], s.labels[:i])
				s.labels[0] = l
			}
			continue
		}
		if len(s.labels) >= maxNames {
			continue
		}
		s.known[l] = true
		s.labels = slices.Insert(s.labels, 0, l)
	}
}

// update takes up the labels of changes that are new.
func (s *namesState) update(old, now *transport.Snapshot) {
	if old == nil {
		return // readNames reads them all
	}
	from := max(old.View.Changes(), now.View.Changes()-namesPerSnap)
	var fresh []string
	for i := from; i < now.View.Changes(); i++ {
		for _, row := range now.View.RowsOf(i) {
			fresh = appendLabels(fresh, row)
		}
	}
	for _, l := range fresh {
		if !s.known[l] {
			s.add([]string{l})
		}
	}
}

// readNames reads the labels of the newest rows.
func (m *Model) readNames() tea.Cmd {
	v, me := m.snap.View, m.snap.Me
	return func() tea.Msg {
		seen := map[string]bool{}
		var labels []string
		for i := max(v.Len()-namesFromRows, 0); i < v.Len() && len(labels) < maxNames; i++ {
			for _, l := range appendLabels(nil, v.Row(i)) {
				if !seen[l] {
					seen[l] = true
					labels = append(labels, l)
				}
			}
		}
		return namesMsg{labels, me == crdt.Author{} || wroteAny(v, me)}
	}
}

func appendLabels(dst []string, r crdt.Row) []string {
	e, err := ledger.Decode(r.Literal)
	if err != nil {
		return dst
	}
	for _, p := range e.Postings {
		dst = append(dst, p.Label)
	}
	return dst
}

// completion is a name being completed: each Tab offers the next.
type completion struct {
	start      int // of the name in the line
	candidates []string
	next       int
}

// complete puts the next candidate in the place of the name that the line ends in.
func (m *Model) complete() {
	line, c := &m.entry.line, &m.entry.cycle
	if len(c.candidates) == 0 {
		line.End()
		d, _ := m.draft()
		if !d.Open.Active {
			return
		}
		found := ledger.Complete(d.Open.Prefix, m.names.labels, maxOffered)
		if len(found) == 0 {
			m.tell(false, "no name in this room begins so")
			return
		}
		*c = completion{start: d.Open.Start, candidates: found}
	}
	text := ledger.QuoteLabel(c.candidates[c.next])
	c.next = (c.next + 1) % len(c.candidates)
	if len(c.candidates) == 1 {
		text += " "
	}
	line.Replace(c.start, len(line.String()), text)
	if len(c.candidates) == 1 {
		*c = completion{}
	}
}

// drawCandidates draws the names that would complete the line.
func (m *Model) drawCandidates(a screen.Area, x int, d *ledger.Draft) {
	hint := m.keyed("{type.complete} completes")
	found := m.entry.cycle.candidates
	chosen := -1
	if len(found) > 0 {
		chosen = (m.entry.cycle.next + len(found) - 1) % len(found)
	} else if d.Open.Active {
		found = ledger.Complete(d.Open.Prefix, m.names.labels, maxOffered)
	}
	if len(found) == 0 {
		if m.snap != nil && m.snap.Link == transport.LinkOffline && m.entry.line.String() != "" {
			a.Const(x, 1, m.st.Warn, "offline: saved here, sent when a peer is there")
		}
		return
	}
	room := a
	if a.W > 60 {
		room = a.Sub(0, 0, a.W-screen.Width(hint)-2, a.H)
		a.Const(a.W-screen.Width(hint)-1, 1, m.st.Dim, hint)
	}
	x = room.Const(x, 1, m.st.Dim, "names:")
	for i, l := range found {
		style := m.st.Text
		if i == chosen {
			style = m.st.Cursor
		}
		name := m.cs.Text(l, nameCells)
		if x+2+name.Width() > room.W {
			room.Const(x, 1, m.st.Dim, " …")
			break
		}
		x = room.Const(x, 1, m.st.Text, "  ")
		x = room.Text(x, 1, room.W-x, style, name)
	}
}
