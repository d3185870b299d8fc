package tui

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
)

// roomsState is the joined rooms, and the way from one to another. It outlives the room that is shown.
type roomsState struct {
	all    []RoomStatus
	gen    int                    // of the room that is shown: what a command of an older one brings is dropped
	leave  context.CancelFunc     // ends what waits for the room that is shown
	next   *shownMsg              // a room that waits until what was typed in this one is durable
	asked  int                    // counts what was asked of Rooms; only the newest answer counts
	drafts map[crdt.RoomID]string // what was typed and not sent in rooms left
}

type (
	roomsMsg struct{} // the joined rooms have changed
	shownMsg struct { // a room is there to be shown
		id    crdt.RoomID
		room  Opened
		err   error
		asked int
	}
	ofRoomMsg struct { // what a command of a room has brought
		gen int
		msg tea.Msg
	}
)

// ofRoom ties what a command brings to the room that is shown: it is dropped once another is. What belongs to no room passes.
func (m *Model) ofRoom(cmd tea.Cmd) tea.Cmd {
	if cmd == nil || m.options.Rooms == nil {
		return cmd
	}
	gen := m.rooms.gen
	return func() tea.Msg { return stamped(cmd(), gen) }
}

func stamped(msg tea.Msg, gen int) tea.Msg {
	switch msg := msg.(type) {
	case nil, tea.QuitMsg, linkMsg, roomsMsg, shownMsg, simAnswerMsg, simDueMsg, ofRoomMsg:
		return msg
	case tea.BatchMsg:
		for i, cmd := range msg {
			if cmd != nil {
				msg[i] = func() tea.Msg { return stamped(cmd(), gen) }
			}
		}
		return msg
	}
	return ofRoomMsg{gen, msg}
}

// awaitRooms waits until the joined rooms change.
func (fx effects) awaitRooms(r Rooms) tea.Cmd {
	if r == nil {
		return nil
	}
	return func() tea.Msg {
		if fx.ctx.Err() != nil {
			return nil
		}
		select {
		case <-r.Changed():
			return roomsMsg{}
		case <-fx.ctx.Done():
			return nil
		}
	}
}

// showRoom opens a room to be shown.
func (fx effects) showRoom(r Rooms, id crdt.RoomID, asked int) tea.Cmd {
	return func() tea.Msg {
		room, err := r.Show(fx.ctx, id)
		return shownMsg{id, room, err, asked}
	}
}

// takeRooms takes over the joined rooms as they are now.
func (m *Model) takeRooms() {
	if m.options.Rooms == nil {
		return
	}
	m.rooms.all = m.options.Rooms.Rooms()
	m.dirty = true
	for _, o := range m.overlay {
		if page, ok := o.(*roomsPage); ok {
			page.sync(m.rooms.all)
		}
	}
}

func (m *Model) onRooms() tea.Cmd {
	m.takeRooms()
	return m.fx.awaitRooms(m.options.Rooms)
}

// unreadElsewhere is how many rows have come to the rooms that are not shown.
func (m *Model) unreadElsewhere() int {
	n := 0
	for i := range m.rooms.all {
		if r := &m.rooms.all[i]; !m.isShown(r) {
			n += max(r.Unread, 0)
		}
	}
	return n
}

func (m *Model) isShown(r *RoomStatus) bool {
	if m.snap != nil {
		return r.ID == m.snap.Room
	}
	return r.Shown
}

// goToRoom shows another room.
func (m *Model) goToRoom(id crdt.RoomID) tea.Cmd {
	if m.snap != nil && id == m.snap.Room {
		m.show(ledgerScreen)
		return nil
	}
	m.rooms.asked++
	m.tell(false, "opening the room…")
	return m.fx.showRoom(m.options.Rooms, id, m.rooms.asked)
}

// onShown goes to a room that is there now: at once, or as soon as everything typed in this one is durable.
func (m *Model) onShown(msg shownMsg) tea.Cmd {
	if msg.asked != m.rooms.asked {
		return nil
	}
	if msg.err != nil {
		m.tell(true, "the room is not shown: %v", msg.err)
		return nil
	}
	m.rooms.next = &msg
	return m.enterRoom()
}

// enterRoom goes to the room that waits, if nothing of this one is under way.
func (m *Model) enterRoom() tea.Cmd {
	next := m.rooms.next
	if next == nil {
		return nil
	}
	if len(m.entry.queue)+m.entry.inFlight > 0 {
		m.tell(false, "first what you typed here is saved…")
		return nil
	}
	m.rooms.next = nil
	m.leaveRoom()
	m.node, m.network, m.prove = next.room.Node, next.room.Network, next.room.Prove
	if text, ok := m.rooms.drafts[next.id]; ok {
		m.entry.line.Set(text)
		delete(m.rooms.drafts, next.id)
	}
	m.takeRooms()
	return m.begin()
}

// leaveRoom makes the model as it was before a room was opened. All that is kept is named here: what anybody adds to the model
// is the room's, and goes.
func (m *Model) leaveRoom() {
	drafts := m.rooms.drafts
	if drafts == nil {
		drafts = map[crdt.RoomID]string{}
	}
	if m.snap != nil {
		delete(drafts, m.snap.Room)
		if text := m.entry.line.String(); strings.TrimSpace(text) != "" {
			drafts[m.snap.Room] = text
		}
	}
	if m.rooms.leave != nil {
		m.rooms.leave()
	}
	fresh := newModel(m.options, m.fx)
	fresh.keys, fresh.now, fresh.mouse, fresh.link = m.keys, m.now, m.mouse, m.link
	fresh.w, fresh.h, fresh.lay, fresh.zoom = m.w, m.h, m.lay, m.zoom
	fresh.oracle, fresh.announced, fresh.welcome = m.oracle, m.announced, m.welcome
	fresh.welcome.wrote = false // there
	fresh.rooms = roomsState{all: m.rooms.all, gen: m.rooms.gen + 1, asked: m.rooms.asked, drafts: drafts}
	fresh.fx.room, fresh.rooms.leave = context.WithCancel(m.fx.ctx)
	fresh.field = noField
	*m = *fresh
}

// onOfRoom is what a command of a room has brought, unless that room is left.
func (m *Model) onOfRoom(msg ofRoomMsg) tea.Cmd {
	if msg.gen != m.rooms.gen {
		return nil
	}
	_, cmd := m.update(msg.msg)
	return tea.Batch(cmd, m.enterRoom())
}

// join shows what a room's charter says, by the name of an open ledger or by an invitation, and asks whether to join it.
func (m *Model) join(text string) tea.Cmd {
	text = strings.TrimSpace(text)
	rooms := m.options.Rooms
	switch {
	case rooms == nil:
		m.tell(false, "this screen has but one room: start it without --once to join others")
		return nil
	case text == "":
		m.openJoin()
		return nil
	}
	return func() tea.Msg {
		in, err := rooms.Preview(text)
		return thenMsg{func(m *Model) {
			if err != nil {
				m.tell(true, "no room: %v", err)
				return
			}
			m.push(&joinPage{in: in, id: in.Charter.ID()})
		}}
	}
}

// openJoin asks for the name or the invitation of a room.
func (m *Model) openJoin() {
	m.push(&prompt{
		title: "Join a room", help: "the name of an open ledger, as in main, or the invitation to a closed room: one line of text",
		done: func(m *Model, text string) tea.Cmd { return m.join(text) },
	})
}

// joinNow joins a room, and shows it.
func (m *Model) joinNow(in Invitation) tea.Cmd {
	rooms, ctx := m.options.Rooms, m.fx.ctx
	m.rooms.asked++
	asked := m.rooms.asked
	m.tell(false, "joining…")
	return func() tea.Msg {
		id, err := rooms.Join(ctx, in)
		if err != nil {
			return noteMsg{note{text: m.cs.Text("not joined: "+err.Error(), noteCells), bad: true}}
		}
		room, err := rooms.Show(ctx, id)
		return shownMsg{id, room, err, asked}
	}
}

// newRoom asks for the name of a closed room, then for those who may write there.
func (m *Model) newRoom() tea.Cmd {
	m.push(&prompt{
		title: "New closed room", help: "its name, as its charter will say it for ever; next you choose who may write",
		done: func(m *Model, name string) tea.Cmd {
			if name = strings.TrimSpace(name); name == "" {
				return nil
			}
			if len(name) > crdt.MaxRoomNameBytes {
				m.tell(true, "the name has %s bytes, a room's at most %s: choose a shorter one", number(len(name)), number(crdt.MaxRoomNameBytes))
				return nil
			}
			m.push(newWriters(m, name))
			return nil
		},
	})
	return nil
}

// found founds a closed room, and shows the invitation to it.
func (m *Model) found(name string, writers []crdt.Author) tea.Cmd {
	rooms, ctx := m.options.Rooms, m.fx.ctx
	return func() tea.Msg {
		in, err := rooms.New(ctx, name, writers)
		line := ""
		id := in.Charter.ID()
		if err == nil {
			line, err = rooms.Invite(id)
		}
		return thenMsg{func(m *Model) {
			m.takeRooms()
			if err != nil {
				m.tell(true, "no room was made: %v", err)
				return
			}
			m.push(&invitePage{id: id, name: in.Charter.Name, line: line, isNew: true})
		}}
	}
}

// openInvite shows the invitation to a joined room.
func (m *Model) openInvite(r RoomStatus) tea.Cmd {
	rooms := m.options.Rooms
	return func() tea.Msg {
		line, err := rooms.Invite(r.ID)
		return thenMsg{func(m *Model) {
			if err != nil {
				m.tell(true, "no invitation: %v", err)
				return
			}
			m.push(&invitePage{id: r.ID, name: r.Name, line: line})
		}}
	}
}

// joined is the status of a room, false if it is not joined.
func (m *Model) joined(id crdt.RoomID) (RoomStatus, bool) {
	i := slices.IndexFunc(m.rooms.all, func(r RoomStatus) bool { return r.ID == id })
	if i < 0 {
		return RoomStatus{}, false
	}
	return m.rooms.all[i], true
}

// newsPart tells that other rooms have news.
func (m *Model) newsPart() (part, bool) {
	n := m.unreadElsewhere()
	if n == 0 {
		return part{}, false
	}
	return own(m.st.Info, number(n)+m.keyed(" new: {ledger.rooms}")), true
}
