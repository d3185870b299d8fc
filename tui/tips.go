package tui

import (
	"bytes"
	"slices"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/list"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// maxTips bounds the authors that are listed: keys cost nothing.
const maxTips = 10_000

// tip is how far one author's changes are held: here, and by a peer as far as it is known to.
type tip struct {
	author       crdt.Author
	ours, theirs uint64 // the last seq; theirs 0: none that is known of
	lacks        int    // changes that the peer is not known to hold
}

// readTips compares what is here with what a peer is known to hold, author by author: O(changes).
func readTips(s *transport.Snapshot, id transport.PeerID) (tips []tip, more int) {
	at := map[crdt.Author]int{}
	var by []transport.PeerID
	for i := range s.View.Changes() {
		c := s.View.ChangeAt(i)
		k, ok := at[c.Author]
		if !ok {
			if len(tips) == maxTips {
				more++
				continue
			}
			k = len(tips)
			at[c.Author] = k
			tips = append(tips, tip{author: c.Author})
		}
		t := &tips[k]
		t.ours = max(t.ours, c.Seq)
		if by = s.StoredBy(by[:0], i); slices.Contains(by, id) {
			t.theirs = max(t.theirs, c.Seq)
		} else {
			t.lacks++
		}
	}
	// Those of whom the peer lacks something come first.
	slices.SortStableFunc(tips, func(a, b tip) int {
		if a.lacks != b.lacks {
			return b.lacks - a.lacks
		}
		return bytes.Compare(a.author[:], b.author[:])
	})
	return tips, more
}

// tipsPage shows what one peer is known to hold, by author, as it was when the page was opened.
type tipsPage struct {
	address safe.String
	theirs  int // changes that it says it holds
	tips    []tip
	more    int // authors or changes of theirs beyond those listed
	list    list.List[crdt.Author]
}

var _ list.Rows[crdt.Author] = (*tipsPage)(nil)

func (o *tipsPage) Len() int              { return len(o.tips) }
func (o *tipsPage) Key(i int) crdt.Author { return o.tips[i].author }
func (o *tipsPage) IndexOf(a crdt.Author) (int, bool) {
	i := slices.IndexFunc(o.tips, func(t tip) bool { return t.author == a })
	return i, i >= 0
}

// openTips shows what a peer is known to hold.
func (m *Model) openTips(p transport.PeerStatus) tea.Cmd {
	snap, address := m.snap, m.address(p.Address)
	return func() tea.Msg {
		o := &tipsPage{address: address, theirs: p.Theirs}
		o.tips, o.more = readTips(snap, p.ID)
		o.list.Sync(o)
		return thenMsg{func(m *Model) {
			if m.screen == peersScreen && len(m.overlay) == 0 {
				m.push(o)
			}
		}}
	}
}

func (o *tipsPage) focus() focus { return onTips }

func (o *tipsPage) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	if moveIn(&m.keys.Move, msg, &o.list, list.Rows[crdt.Author](o)) {
		return nil
	}
	switch {
	case key.Matches(msg, m.keys.Tips.Back):
		m.pop()
	case key.Matches(msg, m.keys.Tips.Copy):
		if a, ok := o.list.Cursor(); ok {
			return m.fx.copyText(string(shortHex(a, 64)), "the key")
		}
	default:
		return m.onGlobalKey(msg)
	}
	return nil
}

func (o *tipsPage) draw(m *Model, all screen.Area) {
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "What it holds", plural(len(o.tips), "author", "authors")+m.keyed(" · {tips.back} back"))
	}
	say(a, 1, 0, own(m.st.Focus, "Peer  "), outside(m.st.Text, o.address))
	head := screen.Const("   key       here        there       lacks  name")
	narrow := a.W < narrowColumns-2
	if narrow {
		head = "   key       here    there   lacks"
	}
	a.ConstCut(0, 1, a.W, m.st.Dim, head)
	if len(o.tips) == 0 {
		a.ConstCut(1, 2, a.W-1, m.st.Dim, "No change is here yet.")
		return
	}
	rows := a.Sub(0, 2, a.W, a.H-2)
	if o.more > 0 {
		rows.H--
		a.ConstCut(1, a.H-1, a.W-1, m.st.Dim, plural(o.more, "change", "changes")+" of more authors")
	}
	wide := 12
	if narrow {
		wide = 8
	}
	top, n := o.list.Window(rows.H)
	for i := range n {
		t := &o.tips[top+i]
		there, lacks, style := screen.Const("none"), screen.Const("="), m.st.OK
		if t.theirs > 0 {
			there = "seq " + number(int(t.theirs))
		}
		if t.lacks > 0 {
			lacks, style = number(-t.lacks), m.st.Warn
		}
		l := textLine{
			own(m.st.Text, "   "+shortHex(t.author, 8)+"  "), own(m.st.Text, padded("seq "+number(int(t.ours)), wide)), own(m.st.Text, padded(there, wide)),
			own(style, padded(lacks, 7)), outside(m.st.Text, m.whoIs(t.author)),
		}
		if m.snap != nil && m.snap.View.Forked(t.author) {
			l = append(l, own(m.st.Error, " FORK"))
		}
		say(rows, 0, i, l...)
		if top+i == o.list.Index() {
			m.drawCursor(rows, i, n)
		}
	}
}
