package tui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/proof"
)

// proveEntry writes a file by which anybody checks offline who signed an entry: only of what stands, as the command does.
func (m *Model) proveEntry(k crdt.Key) tea.Cmd {
	switch {
	case m.prove == nil || m.options.Save == nil:
		m.tell(true, "proofs cannot be saved here")
		return nil
	case !m.known():
		m.tell(false, "the room is still being read: press the key again in a moment")
		return nil
	}
	v := m.snap.View
	id := ledger.ShortID(v, k)
	switch s := m.book.book.Status(k); s.Standing {
	case ledger.Tallied, ledger.Claimed:
	case ledger.Hearsay:
		m.tell(true, "%s: no side of it has signed it: there is nothing to prove until one agrees ({mark.agree})", id)
		return nil
	default:
		m.tell(true, "%s is %s: only what stands is proved", id, m.meaningParts(s).text().String())
		return nil
	}
	prove, save, name, ctx := m.prove, m.options.Save, v.NameOf(k), m.fx.roomContext()
	return func() tea.Msg {
		where := ""
		b, err := prove(ctx, name)
		if err == nil {
			where, err = save(proof.EntryFileName(id), b)
		}
		return thenMsg{func(m *Model) {
			if err != nil {
				m.tell(true, "not saved: %v", err)
				return
			}
			m.tell(false, "saved: %s; anybody checks it with tallystick check", where)
		}}
	}
}
