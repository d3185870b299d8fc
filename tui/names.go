package tui

import (
	"bytes"
	"cmp"
	"iter"
	"maps"
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

// namesState is the labels that complete a name: those of the list's last rows first, then the people who are in no row by their
// alphabet. So it does not matter in which order all of it was read.
type namesState struct {
	all    map[string]use
	labels []string // of all in order, nil if they are to be sorted
}

// use is where in the list a label was used last; zero for one that was not.
type use struct {
	lamport uint64
	change  crdt.ChangeID
	index   uint32
	posting int
}

func (a use) compare(b use) int {
	return cmp.Or(cmp.Compare(a.lamport, b.lamport), bytes.Compare(a.change[:], b.change[:]), cmp.Compare(a.index, b.index), cmp.Compare(a.posting, b.posting))
}

// compare is the order of two labels.
func (s *namesState) compare(a, b string) int {
	return cmp.Or(s.all[b].compare(s.all[a]), cmp.Compare(a, b))
}

// note takes up that a label was used, or that somebody is called so. What is in order stays so: changes may come by the thousand.
func (s *namesState) note(label string, at use) {
	if s.all == nil {
		s.all = map[string]use{}
	}
	old, known := s.all[label]
	if known && at.compare(old) <= 0 {
		return
	}
	if s.labels != nil && known {
		i, _ := slices.BinarySearchFunc(s.labels, label, s.compare)
		s.labels = slices.Delete(s.labels, i, i+1)
	}
	s.all[label] = at
	if s.labels != nil {
		i, _ := slices.BinarySearchFunc(s.labels, label, s.compare)
		s.labels = slices.Insert(s.labels, i, label)
	}
	if len(s.all) > 2*maxNames {
		s.offered()
	}
}

// noteAll is note of many.
func (s *namesState) noteAll(labels iter.Seq2[string, use]) {
	s.labels = nil
	for label, at := range labels {
		s.note(label, at)
	}
}

// offered are the labels in order. The least of them are forgotten if there are too many.
func (s *namesState) offered() []string {
	if s.labels == nil {
		s.labels = slices.SortedFunc(maps.Keys(s.all), s.compare)
	}
	for _, l := range s.labels[min(len(s.labels), maxNames):] {
		delete(s.all, l)
	}
	s.labels = s.labels[:len(s.all)]
	return s.labels
}

// update takes up the labels of changes that are new.
func (s *namesState) update(old, now *transport.Snapshot) {
	if old == nil {
		return // readNames reads them all
	}
	from := max(old.View.Changes(), now.View.Changes()-namesPerSnap)
	for i := from; i < now.View.Changes(); i++ {
		for _, row := range now.View.RowsOf(i) {
			eachLabel(now.View, row, s.note)
		}
	}
}

// readNames reads the labels of the newest rows.
func (m *Model) readNames() tea.Cmd {
	v, me := m.snap.View, m.snap.Me
	return func() tea.Msg {
		var read namesState
		for i := v.Len() - 1; i >= max(v.Len()-namesFromRows, 0) && len(read.all) < maxNames; i-- {
			eachLabel(v, v.Row(i), read.note)
		}
		return namesMsg{read.all, me == crdt.Author{} || wroteAny(v, me)}
	}
}

// eachLabel calls do with the labels of a row.
func eachLabel(v *crdt.View, r crdt.Row, do func(string, use)) {
	e, err := ledger.Decode(r.Literal)
	if err != nil {
		return
	}
	c := v.ChangeAt(r.Key.Change)
	for i, p := range e.Postings {
		do(p.Label, use{c.Lamport, c.ID, r.Key.Index, i})
	}
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
		found := ledger.Complete(d.Open.Prefix, m.names.offered(), maxOffered)
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
		found = ledger.Complete(d.Open.Prefix, m.names.offered(), maxOffered)
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
