package tui

import (
	"encoding/json"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/safe"
)

// copyID copies the id of the change that the cursor was shown on.
func (m *Model) copyID() tea.Cmd {
	if k, ok := m.selected(); ok {
		return m.copyChangeID(k.Change)
	}
	return nil
}

func (m *Model) copyChangeID(change int) tea.Cmd {
	return m.fx.copyText(string(shortHex(m.snap.View.ChangeAt(change).ID, 64)), "id")
}

func (m *Model) copyChange() tea.Cmd {
	if k, ok := m.selected(); ok {
		return m.copyJSON(k.Change, k, true)
	}
	return nil
}

// changeJSON is a change as it is copied.
type changeJSON struct {
	ID      crdt.ChangeID   `json:"id"`
	Room    crdt.RoomID     `json:"room"`
	Author  crdt.Author     `json:"author"`
	Seq     uint64          `json:"seq"`
	Lamport uint64          `json:"lamport"`
	Prev    *crdt.ChangeID  `json:"prev"`
	Links   []crdt.ChangeID `json:"links"`
	Time    string          `json:"time"` // the author's claim
	Entry   json.RawMessage `json:"entry,omitempty"`
}

// copyJSON copies a change, and the entry that was selected in it.
func (m *Model) copyJSON(change int, entry crdt.Key, isRow bool) tea.Cmd {
	v := m.snap.View
	c := v.ChangeAt(change)
	j := changeJSON{
		ID: c.ID, Room: m.snap.Room, Author: c.Author, Seq: c.Seq, Lamport: c.Lamport,
		Links: []crdt.ChangeID{}, Time: string(m.claimed(c.Time, time.RFC3339)),
	}
	if c.Prev != (crdt.ChangeID{}) {
		j.Prev = &c.Prev
	}
	for i := range c.Links.Len() {
		j.Links = append(j.Links, c.Links.At(i))
	}
	if i, ok := v.IndexOf(entry); ok && isRow {
		if b, err := v.Row(i).Literal.MarshalJSON(); err == nil {
			j.Entry = b
		}
	}
	b, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		m.tell(true, "not copied: %v", err)
		return nil
	}
	return m.fx.copyText(string(safe.EscapeJSON(nil, b)), "change")
}
