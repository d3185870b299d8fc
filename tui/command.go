package tui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

// runCommand does what a command line asks for.
func (m *Model) runCommand(c ledger.Command) tea.Cmd {
	switch c.Verb {
	case "agree":
		return m.onEntry(c.ID, func(k crdt.Key) tea.Cmd { return m.markEntries(ledger.Agree, k) })
	case "dispute":
		return m.onEntry(c.ID, func(k crdt.Key) tea.Cmd { return m.askMark(ledger.Dispute, c.Rest, k) })
	case "withdraw":
		return m.onEntry(c.ID, func(k crdt.Key) tea.Cmd { return m.askMark(ledger.Withdraw, c.Rest, k) })
	case "undo":
		return m.undoMark()
	case "list":
		m.toList()
		return m.setFilter(c.Rest)
	case "inbox":
		m.toList()
		m.showInbox(true)
	case "balances":
		m.toList()
		return m.openBalances(c.Rest)
	case "settle":
		m.toList()
		return m.openSettle(c.Rest)
	case "people":
		m.toList()
		return m.openPeople()
	case "rooms":
		return m.openRooms()
	case "join":
		return m.join(c.Rest)
	default:
		m.tell(true, "there is no command %s: ? lists what there is", m.cs.Text(c.Verb, nameCells).String())
	}
	return nil
}

// toList leaves the line for the list.
func (m *Model) toList() {
	m.show(ledgerScreen)
	m.pane = listPane
}

// onEntry does something with the entry that an id names, in full or by its first digits.
func (m *Model) onEntry(id string, do func(crdt.Key) tea.Cmd) tea.Cmd {
	if m.snap == nil || !m.known() {
		m.tell(false, "the room is still being read: press {type.enter} again in a moment")
		return nil
	}
	k, err := m.book.book.Find(m.snap.View, id)
	if err != nil {
		m.tell(true, "%s", err.Error())
		return nil
	}
	return do(k)
}

// askMark is markEntries of one entry with a memo that is known already.
func (m *Model) askMark(say ledger.Say, memo string, k crdt.Key) tea.Cmd {
	cmd := m.markEntries(say, k)
	if q := m.asked(); q != nil {
		q.memo.Set(memo)
	}
	return cmd
}
