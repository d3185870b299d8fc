package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/list"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// roomsPage lists the joined rooms.
type roomsPage struct {
	rows []RoomStatus
	list list.List[crdt.RoomID]
}

var _ list.Rows[crdt.RoomID] = (*roomsPage)(nil)

func (o *roomsPage) Len() int              { return len(o.rows) }
func (o *roomsPage) Key(i int) crdt.RoomID { return o.rows[i].ID }
func (o *roomsPage) IndexOf(id crdt.RoomID) (int, bool) {
	i := slices.IndexFunc(o.rows, func(r RoomStatus) bool { return r.ID == id })
	return i, i >= 0
}

// openRooms shows the joined rooms, the cursor on the one that is shown.
func (m *Model) openRooms() tea.Cmd {
	if m.options.Rooms == nil {
		m.tell(false, "there is no other room here")
		return nil
	}
	m.takeRooms()
	o := &roomsPage{}
	o.sync(m.rooms.all)
	if i := slices.IndexFunc(o.rows, func(r RoomStatus) bool { return m.isShown(&r) }); i >= 0 {
		o.list.To(o, i)
	}
	m.field = noField
	m.push(o)
	return nil
}

func (o *roomsPage) sync(all []RoomStatus) {
	o.rows = slices.Clone(all)
	o.list.Sync(o)
}

func (o *roomsPage) focus() focus { return onRooms }

func (o *roomsPage) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	k := &m.keys.Rooms
	if moveIn(&m.keys.Move, msg, &o.list, list.Rows[crdt.RoomID](o)) {
		return nil
	}
	i := o.list.Index()
	switch {
	case key.Matches(msg, k.Back):
		m.pop()
	case key.Matches(msg, k.New):
		return m.newRoom()
	case key.Matches(msg, k.Join):
		m.openJoin()
	case key.Matches(msg, k.Show, k.Invite) && (i < 0 || i >= len(o.rows)):
		m.tell(false, "no room is joined: {rooms.join} joins one")
	case key.Matches(msg, k.Show):
		return m.goToRoom(o.rows[i].ID)
	case key.Matches(msg, k.Invite):
		return m.openInvite(o.rows[i])
	default:
		return m.onGlobalKey(msg)
	}
	return nil
}

func (o *roomsPage) draw(m *Model, all screen.Area) {
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "Rooms", plural(len(o.rows), "room", "rooms")+m.keyed(" joined · {rooms.show} shows one · {rooms.back} back"))
	}
	if len(o.rows) == 0 {
		a.ConstCut(1, 0, a.W-1, m.st.Dim, m.keyed("No room is joined: {rooms.join} joins one by its name or an invitation, {rooms.new} makes one."))
		return
	}
	below := m.roomLines(&o.rows[max(o.list.Index(), 0)], a.W)
	h := a.H - len(below) - 1
	if h < 3 {
		below, h = nil, a.H
	}
	top, n := o.list.Window(h)
	for i := range n {
		say(a, 0, i, m.roomRow(&o.rows[top+i], a.W)...)
		if top+i == o.list.Index() {
			m.drawCursor(a, i, n)
		}
	}
	drawLines(a.Sub(0, h+1, a.W, max(a.H-h-1, 0)), below, 0)
}

// linkWord is how a room that is not shown is connected.
func (m *Model) linkWord(r *RoomStatus) (screen.Const, screen.Style) {
	switch {
	case !r.Open:
		return "not running", m.st.Dim
	case r.Link == transport.LinkLive:
		return "live", m.st.OK
	case r.Link == transport.LinkConnecting:
		return "connecting", m.st.Info
	case r.Link == transport.LinkCatchingUp:
		return "catching up", m.st.Info
	}
	return "offline", m.st.Warn
}

func mayWrite(r *RoomStatus) screen.Const {
	switch {
	case !r.Closed:
		return "open"
	case r.Writer:
		return "closed"
	}
	return "reading"
}

// roomRow is one room in w cells: what has come last, its name, what waits, and how it is connected. The name and what waits go
// last.
func (m *Model) roomRow(r *RoomStatus, w int) textLine {
	name, id, kind := 18, w >= narrowColumns-2, w >= narrowColumns+6
	if w >= wideColumns-2 {
		name = 40
	}
	if w < narrowColumns-2 {
		name = max(w-24, 6)
	}
	text := m.cs.Text(r.Name, name)
	l := textLine{own(0, "   "), outside(m.st.Text, text), own(0, blanks(name-text.Width()+2))}
	if id {
		l = append(l, own(m.st.Dim, shortHex(r.ID, 8)+"  "))
	}
	if kind {
		l = append(l, own(m.st.Dim, padded(mayWrite(r), 9)))
	}
	word, style := m.linkWord(r)
	if id {
		l = append(l, own(style, padded(word, 13)))
	}
	switch {
	case m.isShown(r):
		l = append(l, own(m.st.Focus, padded("shown", 10)))
	case r.Unread > 0:
		l = append(l, own(m.st.Info, padded(number(r.Unread)+" new", 10)))
	default:
		l = append(l, own(0, blanks(10)))
	}
	if r.Waiting > 0 {
		l = append(l, own(m.st.Warn, number(r.Waiting)+" waiting"))
	}
	return l
}

// roomLines are what is known of one room.
func (m *Model) roomLines(r *RoomStatus, w int) []textLine {
	st := &m.st
	who := screen.Const("open: everybody who knows its name may write")
	switch {
	case r.Closed && r.Writer:
		who = "closed: only its writers may write, and you are one"
	case r.Closed:
		who = "closed: only its writers may write, and you are none: you read"
	}
	return []textLine{
		{own(st.Dim, " room   "), own(st.Text, hexIn(r.ID, 64, w-9))},
		cutLine(textLine{own(st.Dim, " who    "), own(st.Text, who)}, w),
	}
}

// padded is s with blanks after it, n cells in all.
func padded(s screen.Const, n int) screen.Const { return s + blanks(n-screen.Width(s)) }

func blanks(n int) screen.Const { return screen.Const(strings.Repeat(" ", max(n, 0))) }

// joinPage shows what a room's charter says before it is joined.
type joinPage struct {
	in     Invitation
	id     crdt.RoomID
	scroll int
}

func (o *joinPage) focus() focus { return onJoin }

func (o *joinPage) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	if by, ok := m.scrollBy(msg, m.lay.body.h-2); ok {
		o.scroll = max(o.scroll+by, 0)
		return nil
	}
	switch {
	case key.Matches(msg, m.keys.Dialog.Yes):
		m.pop()
		if _, ok := m.joined(o.id); ok && !o.in.More {
			return m.goToRoom(o.id)
		}
		return m.joinNow(o.in)
	case key.Matches(msg, m.keys.Dialog.No):
		m.pop()
		m.tell(false, "nothing was joined")
	}
	return nil
}

func (o *joinPage) draw(m *Model, all screen.Area) {
	a := m.wholeBody(all)
	title, hint, answer := screen.Const("Join this room?"), m.keyed("{dialog.yes} joins it · {dialog.no} leaves it"), screen.Const(" Join it? ")
	switch _, ok := m.joined(o.id); {
	case o.in.More:
		title, hint, answer = "More relays?", m.keyed("{dialog.yes} adds them · {dialog.no} leaves it"), " Look for it there, too? "
	case ok:
		title, hint, answer = "Show this room?", m.keyed("{dialog.yes} shows it · {dialog.no} leaves it"), " Show it? "
	}
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Warn, m.st.Focus, title, hint)
	}
	o.scroll = drawLines(a.Sub(0, 0, a.W, a.H-1), o.lines(m, a.W), o.scroll)
	x := a.Const(0, a.H-1, m.st.Warn, answer+m.yesNo()+" ")
	a.PlaceCursor(min(x, a.W-1), a.H-1, true)
}

func (o *joinPage) lines(m *Model, w int) (out []textLine) {
	st, c := &m.st, &o.in.Charter
	label := func(s screen.Const) screen.Const { return " " + padded(s, 9) }
	line := func(name screen.Const, style screen.Style, s safe.String) {
		out = appendWrapped(out, w, label(name), st.Dim, style, s)
	}
	line("name", st.Text, m.cs.Text(c.Name, noteCells))
	line("kind", st.Text, m.cs.Text(string(c.Kind), nameCells))
	for _, care := range o.in.Care {
		line("careful", st.Warn, m.cs.Text(care, noteCells))
	}
	out = append(out, cutLine(textLine{own(st.Dim, label("room")), own(st.Text, hexIn(o.id, 64, w-11))}, w))
	me := crdt.Author{}
	if m.snap != nil {
		me = m.snap.Me
	}
	switch {
	case !c.Closed():
		line("writers", st.Text, safe.Literal("everybody who knows this name: it is an open room, and says nothing about who is in it"))
		line("you", st.OK, safe.Literal("may write"))
	case slices.Contains(c.Writers, me):
		line("writers", st.Text, safe.Literal("only those below, for ever: a charter never changes"))
		line("you", st.OK, safe.Literal("may write"))
	default:
		line("writers", st.Text, safe.Literal("only those below, for ever: a charter never changes"))
		line("you", st.Warn, safe.Literal("may only read: the charter does not name your key"))
	}
	for i, a := range c.Writers {
		if i == maxWritersShown {
			out = append(out, textLine{own(st.Dim, label("")+number(len(c.Writers)-i)+" more")})
			break
		}
		who := m.whoIs(a)
		l := textLine{own(st.Dim, label("")), own(st.Text, shortHex(a, 8)), own(st.Text, "  "), outside(st.Text, who)}
		if a == me {
			l = append(l, own(st.Dim, " (you)"))
		}
		out = append(out, cutLine(l, w))
	}
	for i, r := range o.in.Relays {
		if i == maxWritersShown {
			break
		}
		name := screen.Const("relays")
		if i > 0 {
			name = ""
		}
		line(name, st.Text, m.cs.Text(r, noteCells))
	}
	if o.in.More {
		out = append(out, textLine{own(st.Warn, " You have joined it already, and not at all of these relays:")},
			textLine{own(st.Warn, " whoever sent the line chose them.")})
	} else if _, ok := m.joined(o.id); ok {
		out = append(out, textLine{own(st.Info, m.keyed(" You have joined it already: {dialog.yes} shows it."))})
	}
	return out
}

// maxWritersShown bounds the writers that a page lists; the rest is counted.
const maxWritersShown = 128

// invitePage shows the invitation to a room, to be copied.
type invitePage struct {
	id    crdt.RoomID
	name  string
	line  string
	isNew bool
}

func (o *invitePage) focus() focus { return onInvite }

func (o *invitePage) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	k := &m.keys.Rooms
	switch {
	case key.Matches(msg, k.Back):
		m.pop()
	case key.Matches(msg, k.Copy):
		return m.fx.copyText(o.line, "the invitation")
	case key.Matches(msg, k.Show):
		return m.goToRoom(o.id)
	default:
		return m.onGlobalKey(msg)
	}
	return nil
}

func (o *invitePage) draw(m *Model, all screen.Area) {
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "Invitation", m.keyed("{rooms.copy} copies it · {rooms.show} shows the room · {rooms.back} back"))
	}
	var out []textLine
	lead := safe.Literal("Room ")
	if o.isNew {
		lead = safe.Literal("Made and joined: room ")
	}
	out = appendWrapped(out, a.W, " ", m.st.Dim, m.st.Text, safe.Concat(lead, m.cs.Text(o.name, nameCells)))
	out = append(out, nil)
	out = appendWrapped(out, a.W, " ", m.st.Dim, m.st.Info, m.cs.Text(o.line, safe.NoLimit))
	out = append(out, nil)
	out = appendWrapped(out, a.W, " ", m.st.Dim, m.st.Dim, m.cs.Text(string(m.keyed(
		"Whoever has this line can read the room where a relay serves it; only the writers of its charter can write. "+
			"{rooms.copy} copies it; the other side types :join and pastes it.")), noteCells))
	drawLines(a, out, 0)
}

// writersPage chooses who may write in a new closed room.
type writersPage struct {
	name   string
	people []crdt.Author // without the user, who always may
	chosen map[crdt.Author]bool
	list   list.List[crdt.Author]
}

var _ list.Rows[crdt.Author] = (*writersPage)(nil)

func (o *writersPage) Len() int              { return len(o.people) }
func (o *writersPage) Key(i int) crdt.Author { return o.people[i] }
func (o *writersPage) IndexOf(a crdt.Author) (int, bool) {
	i := slices.Index(o.people, a)
	return i, i >= 0
}

func newWriters(m *Model, name string) *writersPage {
	o := &writersPage{name: name, people: m.everybody(), chosen: map[crdt.Author]bool{}}
	o.list.Sync(o)
	return o
}

func (o *writersPage) focus() focus { return onWriters }

func (o *writersPage) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	if moveIn(&m.keys.Move, msg, &o.list, list.Rows[crdt.Author](o)) {
		return nil
	}
	k := &m.keys.Rooms
	switch {
	case key.Matches(msg, k.Back):
		m.pop()
		m.tell(false, "no room was made")
	case key.Matches(msg, k.Mark):
		if a, ok := o.list.Cursor(); ok {
			if o.chosen[a] {
				delete(o.chosen, a)
			} else {
				o.chosen[a] = true
			}
			o.list.Move(o, 1)
		}
	case key.Matches(msg, k.Show):
		o.ask(m)
	}
	return nil
}

// ask asks before the room is made: who may write in it cannot be changed.
func (o *writersPage) ask(m *Model) {
	writers := make([]crdt.Author, 0, len(o.chosen))
	for _, a := range o.people {
		if o.chosen[a] {
			writers = append(writers, a)
		}
	}
	if len(writers)+1 > crdt.MaxWriters {
		m.tell(true, "%s writers and you: a charter names at most %s", number(len(writers)), number(crdt.MaxWriters))
		return
	}
	text := screen.Const("Make it for you alone? Nobody else can ever write in it.")
	if n := len(writers); n > 0 {
		text = "Make it for you and " + plural(n, "other", "others") + "? Who may write can never be changed."
	}
	name := o.name
	m.push(&question{text: text, yes: func(m *Model) tea.Cmd {
		if m.onTop(o) {
			m.pop()
		}
		return m.found(name, writers)
	}})
}

func (o *writersPage) draw(m *Model, all screen.Area) {
	a := m.wholeBody(all)
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "Who may write", m.keyed("{rooms.mark} chooses · {rooms.show} goes on · {rooms.back} back"))
	}
	say(a, 1, 0, own(m.st.Dim, "room "), outside(m.st.Text, m.cs.Text(o.name, nameCells)), own(m.st.Dim, ": you and "+number(len(o.chosen))+" chosen"))
	if len(o.people) == 0 {
		a.ConstCut(1, 2, a.W-1, m.st.Dim, "Nobody else is known in this room: whoever writes here can be chosen.")
		return
	}
	rows := a.Sub(0, 1, a.W, a.H-1)
	top, n := o.list.Window(rows.H)
	for i := range n {
		who := o.people[top+i]
		mark := screen.Const("   [ ] ")
		if o.chosen[who] {
			mark = "   [x] "
		}
		say(rows, 0, i, own(m.st.Text, mark), own(m.st.Dim, shortHex(who, 8)+"  "), outside(m.st.Text, m.whoIs(who)))
		if top+i == o.list.Index() {
			m.drawCursor(rows, i, n)
		}
	}
}
