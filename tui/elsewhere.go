package tui

import tea "charm.land/bubbletea/v2"

// What other parts of the screen will do: each goes from here as soon as it is there.

func (m *Model) openSettle(string) tea.Cmd { return m.elsewhere("settling up") }
func (m *Model) openPeople() tea.Cmd       { return m.elsewhere("the people of this room") }
func (m *Model) openRooms() tea.Cmd        { return m.elsewhere("the switcher of rooms") }
func (m *Model) join(string) tea.Cmd       { return m.elsewhere("joining a room") }
func (m *Model) elsewhere(what string) tea.Cmd {
	m.tell(false, "%s is not here yet", what)
	return nil
}
