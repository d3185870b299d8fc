package tui

import (
	"charm.land/bubbles/v2/key"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// welcome is the help of the first run: three lines below the list. They go away by themselves, with the first entry that
// one sends or after some keys, and do not come back to who has an entry in the room.
type welcome struct {
	shown bool
	wrote bool // an entry of one's own has come since, by whatever way: typed, imported by a command, from another's copy
	keys  int  // pressed since
}

const (
	welcomeLines  = 3
	welcomeKeys   = 60 // pressed until whoever reads has seen enough
	leastListRows = 8  // that are left to the list
)

// wroteAny reports whether a row is an author's own: O(rows), to be run off the screen's goroutine.
func wroteAny(v *crdt.View, a crdt.Author) bool {
	for i := v.Len() - 1; i >= 0; i-- {
		if v.ChangeAt(v.Row(i).Key.Change).Author == a {
			return true
		}
	}
	return false
}

// follow ends the help with the first entry of one's own among changes that are new.
func (w *welcome) follow(old, now *transport.Snapshot) {
	if w.wrote || old == nil || now.Me == (crdt.Author{}) {
		return
	}
	for i := old.View.Changes(); i < now.View.Changes(); i++ {
		if now.View.ChangeAt(i).Author == now.Me && len(now.View.RowsOf(i)) > 0 {
			w.wrote, w.shown = true, false
			return
		}
	}
}

// pressed counts a key.
func (w *welcome) pressed() {
	if w.keys++; w.keys >= welcomeKeys {
		w.shown = false
	}
}

// welcomeHeight is how many of the list's lines the help takes.
func (m *Model) welcomeHeight(rows int) int {
	if !m.welcome.shown || m.lay.shape < medium || rows < leastListRows+welcomeLines || m.ledger.list.Len() == 0 {
		return 0
	}
	return welcomeLines
}

func (m *Model) drawWelcome(a screen.Area) {
	k := &m.keys
	name := func(b key.Binding) part { return own(m.st.Key, screen.Const(b.Help().Key)) }
	lines := [welcomeLines]textLine{
		{own(m.st.Info, "Welcome. "), own(m.st.Dim, m.keyed("Type a line as in  alice -> bob 12.50 dinner  and press {type.enter}: it is signed, kept here and sent."))},
		{
			name(k.Type.Leave), own(m.st.Dim, " leaves the line for the keys: "), name(k.Global.New), own(m.st.Dim, " types again, "),
			name(k.Mark.Agree), own(m.st.Dim, " agrees, "), name(k.Ledger.Filter), own(m.st.Dim, " finds, "),
			name(k.Global.Palette), own(m.st.Dim, " names every command."),
		},
		{
			name(k.Global.Help), own(m.st.Dim, m.keyed(" ({type.help} while typing) lists the keys. These lines go away with your first entry.")),
		},
	}
	if a.W < 100 { // the same in fewer words, so that none is cut
		lines = [welcomeLines]textLine{
			{own(m.st.Info, "Welcome. "), own(m.st.Dim, m.keyed("Type  alice -> bob 12.50 dinner  and {type.enter}: signed, kept, sent."))},
			{
				name(k.Type.Leave), own(m.st.Dim, " leaves the line: "), name(k.Global.New), own(m.st.Dim, " types again, "),
				name(k.Mark.Agree), own(m.st.Dim, " agrees, "), name(k.Ledger.Filter), own(m.st.Dim, " finds, "),
				name(k.Global.Palette), own(m.st.Dim, " commands."),
			},
			{name(k.Global.Help), own(m.st.Dim, m.keyed(" ({type.help} while typing) lists the keys. Your first entry ends this."))},
		}
	}
	for y, l := range lines {
		say(a, 1, y, l...)
	}
}
