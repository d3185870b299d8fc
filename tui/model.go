package tui

import (
	"context"
	"maps"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/input"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// screenID is one of the screens. Their numbers are their keys.
type screenID uint8

const (
	ledgerScreen screenID = 1
	peersScreen  screenID = 2
	oracleScreen screenID = 3
	eventsScreen screenID = 4
)

// pane is what has the focus on the ledger screen.
type pane uint8

const (
	listPane pane = iota
	peersPane
	changePane
	eventsPane
	panes
)

// Model is the screen's state: one Bubble Tea model, driven by one goroutine.
type Model struct {
	options  Options
	fx       effects
	keys     KeyMap
	keyNames map[string]string // keys_config.go
	st       Styles
	cs       safe.Charset

	w, h  int
	lay   layout
	zoom  bool
	dirty bool // what is shown is not what draw would draw

	node    Node // nil until the room is open
	network Network
	prove   func(context.Context, crdt.Name) ([]byte, error) // of the room's entries; nil: none is made
	snap    *transport.Snapshot                              // nil until the room is open
	failed  error                                            // what Run returns

	screen    screenID
	pane      pane
	field     field                // what is typed in; noField: NAV
	overlay   []overlay            // what lies over the screen, the last on top
	ledger    ledgerState          // screen_ledger.go
	book      bookState            // book.go
	marks     marksState           // marks.go
	announced map[crdt.RoomID]bool // rooms that one's own name was said in, or tried to
	peers     peersState           // screen_peers.go
	events    eventsState          // screen_events.go
	oracle    oracleState          // oracle_screen.go
	entry     entryState           // typing.go
	names     namesState           // names.go
	rooms     roomsState           // rooms.go
	form      formState            // form.go
	digest    digestState          // digest.go
	note      note
	welcome   welcome     // firstrun.go
	link      safe.String // what was last told about the connections in general
	mouse     bool
	click     clickable // mouse.go
	ticking   bool      // a tickMsg is on its way
	later     tea.Cmd   // what the func of a thenMsg wants done next
	now       func() time.Time
}

// note is something to tell on the bottom line, until the next key.
type note struct {
	text safe.String
	bad  bool
}

// noteCells bounds a note; what does not fit the bottom line is cut there.
const noteCells = 300

func newModel(o Options, fx effects) *Model {
	keys, err := DefaultKeyMap().with(o.Keys)
	if err != nil {
		keys = DefaultKeyMap() // Run has refused them
	}
	m := &Model{
		options: o, fx: fx, keys: keys, st: newStyles(o.Look), cs: o.Look.charset(), now: o.Now,
		screen: ledgerScreen, field: entryField, dirty: true,
	}
	m.keyNames = keys.names()
	if m.now == nil {
		m.now = time.Now
	}
	m.ledger.list.Follow = true
	m.events.list.Follow = true
	m.announced = map[crdt.RoomID]bool{}
	m.oracle = newOracleState(o)
	if o.Open == nil {
		m.screen, m.field = oracleScreen, noField
	}
	return m
}

// Init implements tea.Model: it begins to open the room.
func (m *Model) Init() tea.Cmd {
	if m.options.Open == nil {
		return m.pace()
	}
	if m.options.Rooms != nil {
		m.fx.room, m.rooms.leave = context.WithCancel(m.fx.ctx)
	}
	return m.ofRoom(tea.Batch(m.fx.open(m.options.Open), m.fx.awaitNote(m.options.Notes), m.fx.awaitRooms(m.options.Rooms)))
}

// Update implements tea.Model. It routes; the handlers are beside what they handle.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	_, cmd := m.update(msg)
	return m, m.ofRoom(cmd)
}

func (m *Model) update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case ofRoomMsg:
		return m, m.onOfRoom(msg)
	case roomsMsg:
		return m, m.onRooms()
	case shownMsg:
		return m, m.onShown(msg)
	case inputMsg:
		var cmds []tea.Cmd
		for _, one := range msg {
			_, cmd := m.update(one)
			cmds = append(cmds, cmd)
		}
		return m, tea.Batch(cmds...)
	case tea.KeyPressMsg:
		m.welcome.pressed()
		m.dirty, m.note, m.click = true, note{}, clickable{}
		return m, m.onKey(msg)
	case tea.PasteMsg:
		m.dirty, m.note = true, note{}
		return m, m.onPaste(msg.Content)
	case input.PasteTooLong:
		m.tell(true, "%s were pasted, more than can be at once: use --plain and a file", number(msg.Bytes)+" bytes")
	case tea.MouseWheelMsg:
		m.onWheel(msg)
	case tea.MouseClickMsg:
		m.onClick(msg)
	case tea.WindowSizeMsg:
		m.resize(msg.Width, msg.Height)
		return m, m.pace()
	case simAnswerMsg:
		return m, m.onSimAnswer(msg)
	case simDueMsg:
		return m, m.onSimDue(msg)
	case openedMsg:
		return m, m.onOpened(msg)
	case pokedMsg:
		m.takeSnapshot()
		return m, tea.Batch(m.fx.awaitSnapshot(m.node, time.Now()), m.afterSnapshot())
	case submittedMsg:
		return m, m.onSubmitted(msg)
	case pastedMsg:
		m.onPasteRead(msg)
	case filteredMsg:
		return m, m.onFiltered(msg)
	case namesMsg:
		m.names.noteAll(maps.All(msg.labels))
		m.welcome.wrote = m.welcome.wrote || msg.wrote
		m.welcome.shown, m.dirty = !m.welcome.wrote, true
	case digestMsg:
		return m, m.onDigest(msg)
	case digestDueMsg:
		m.digest.resting = false
		return m, m.afterSnapshot()
	case foundMsg:
		m.dirty = true
		msg.then(m, msg.index)
	case thenMsg:
		m.dirty = true
		msg.do(m)
		cmd := m.later
		m.later = nil
		return m, cmd
	case noteMsg:
		m.dirty, m.note = true, msg.note
	case linkMsg:
		return m, m.onLink(msg)
	case tickMsg:
		m.ticking = false
		m.peers.measure(m.snap, time.Time(msg))
		m.dirty = true
		return m, m.tick()
	}
	return m, nil
}

// onLink takes over the newest line about the connections; it is told unless something else is.
func (m *Model) onLink(msg linkMsg) tea.Cmd {
	before := note{text: m.link}
	m.dirty, m.link = true, m.cs.Text(string(msg), noteCells)
	if m.note == (note{}) || m.note == before {
		m.note = note{text: m.link}
	}
	return m.fx.awaitNote(m.options.Notes)
}

// View implements tea.Model for whoever draws strings; the program's own loop paints cells.
func (m *Model) View() tea.View {
	var g screen.Grid
	m.draw(&g)
	var v tea.View
	v.AltScreen = true
	for y, h := 0, m.h; y < h; y++ {
		if y > 0 {
			v.Content += "\n"
		}
		v.Content += g.Styled(y)
	}
	if g.Cursor.Visible {
		v.Cursor = tea.NewCursor(g.Cursor.X, g.Cursor.Y)
	}
	return v
}

// resize takes over the terminal's size. One of zero is no size: Bubble Tea sends such a message of its own at the start.
func (m *Model) resize(w, h int) {
	if w <= 0 || h <= 0 || w == m.w && h == m.h {
		return
	}
	m.w, m.h = w, h
	m.relayout()
}

func (m *Model) relayout() {
	m.lay = newLayout(m.w, m.h, m.zoom)
	m.dirty = true
	if m.paneRect(m.pane).empty() {
		m.pane = listPane
	}
}

func (m *Model) onOpened(msg openedMsg) tea.Cmd {
	if msg.err != nil {
		m.failed = msg.err
		return tea.Quit
	}
	m.node, m.network, m.prove = msg.room.Node, msg.room.Network, msg.room.Prove
	m.takeRooms()
	return m.begin()
}

// begin takes over a room that is there now.
func (m *Model) begin() tea.Cmd {
	m.takeSnapshot()
	m.dirty = true
	return tea.Batch(m.fx.awaitSnapshot(m.node, time.Now()), m.readNames(), m.afterSnapshot())
}

// afterSnapshot returns what a new snapshot gives rise to.
func (m *Model) afterSnapshot() tea.Cmd {
	later := m.later
	m.later = nil
	return tea.Batch(later, m.nextBook(), m.nextFilter(), m.nextDigest(), m.tick())
}

// tick sees to a tickMsg in a second, if something that is visible counts by itself.
func (m *Model) tick() tea.Cmd {
	if m.ticking || !m.counting() {
		return nil
	}
	m.ticking = true
	return m.fx.after(time.Second, func(now time.Time) tea.Msg { return tickMsg(now) })
}

// counting reports whether something visible changes with time alone.
func (m *Model) counting() bool {
	if m.snap == nil {
		return false
	}
	if m.screen == peersScreen && len(m.snap.Peers) > 0 {
		return true
	}
	if m.lay.peers.empty() || m.screen != ledgerScreen {
		return false
	}
	for i := range m.snap.Peers {
		if m.snap.Peers[i].State == transport.PeerRetry {
			return true
		}
	}
	return false
}

// onKey routes a key: what lies on top, the field that is typed in, the screen, everywhere.
func (m *Model) onKey(msg tea.KeyPressMsg) tea.Cmd {
	if n := len(m.overlay); n > 0 {
		return tea.Batch(m.overlay[n-1].key(m, msg), m.tick(), m.pace())
	}
	if m.field != noField {
		return m.onTypeKey(msg)
	}
	var cmd tea.Cmd
	took := false
	switch m.screen {
	case ledgerScreen:
		cmd, took = m.onLedgerKey(msg)
	case peersScreen:
		cmd, took = m.onPeersKey(msg)
	case eventsScreen:
		cmd, took = m.onEventsKey(msg)
	case oracleScreen:
		cmd, took = m.onOracleKey(msg)
	}
	if !took {
		cmd = m.onGlobalKey(msg)
	}
	return tea.Batch(cmd, m.tick(), m.pace())
}

func (m *Model) onGlobalKey(msg tea.KeyPressMsg) tea.Cmd {
	g := &m.keys.Global
	switch {
	case m.options.Open == nil && key.Matches(msg, g.New, g.Ledger, g.Peers, g.Events):
		m.tell(false, "there is no room here: tallystick without \"oracle\" opens your ledger")
	case key.Matches(msg, g.New):
		m.show(ledgerScreen)
		m.field = entryField
	case key.Matches(msg, g.Ledger):
		m.show(ledgerScreen)
	case key.Matches(msg, g.Peers):
		m.show(peersScreen)
	case key.Matches(msg, g.Oracle):
		m.show(oracleScreen)
	case key.Matches(msg, g.Events):
		m.show(eventsScreen)
	case key.Matches(msg, g.Next):
		m.nextPane(1)
	case key.Matches(msg, g.Previous):
		m.nextPane(-1)
	case key.Matches(msg, g.Zoom):
		return m.zoomIn()
	case key.Matches(msg, g.Unzoom):
		m.zoom = false
		m.relayout()
	case key.Matches(msg, g.Mouse):
		return m.toggleMouse()
	case key.Matches(msg, g.Palette):
		m.push(&paletteOverlay{of: m.focus()})
	case key.Matches(msg, g.Help):
		m.push(&helpOverlay{of: m.focus()})
	case key.Matches(msg, g.Repaint):
		return m.fx.do(m.fx.terminal.repaint)
	case key.Matches(msg, g.Suspend):
		return m.fx.suspend()
	case key.Matches(msg, g.Quit):
		return m.askQuit()
	}
	return nil
}

// show goes to a screen.
func (m *Model) show(s screenID) {
	m.screen = s
	m.overlay = nil
	m.field = noField
	if s != ledgerScreen {
		m.pane = listPane
	}
}

// nextPane moves the focus over the panes that are shown.
func (m *Model) nextPane(by int) {
	if m.screen != ledgerScreen {
		return
	}
	for range panes {
		m.pane = pane((int(m.pane) + by + int(panes)) % int(panes))
		if !m.paneRect(m.pane).empty() {
			return
		}
	}
}

func (m *Model) paneRect(p pane) rect {
	switch p {
	case peersPane:
		return m.lay.peers
	case changePane:
		return m.lay.change
	case eventsPane:
		return m.lay.events
	}
	return m.lay.list
}

// zoomIn gives the focused pane the whole screen.
func (m *Model) zoomIn() tea.Cmd {
	if m.screen != ledgerScreen {
		return nil
	}
	switch m.pane {
	case listPane:
		m.zoom = true
		m.relayout()
	case peersPane:
		m.show(peersScreen)
	case changePane:
		m.openDetail()
	case eventsPane:
		m.show(eventsScreen)
	}
	return nil
}

// focus is what gets the keys at this moment.
func (m *Model) focus() focus {
	if n := len(m.overlay); n > 0 {
		return m.overlay[n-1].focus()
	}
	if m.field != noField {
		return onType
	}
	switch m.screen {
	case peersScreen:
		return onPeers
	case eventsScreen:
		return onEvents
	case oracleScreen:
		return onOracle
	}
	return onLedger
}

func (m *Model) askQuit() tea.Cmd {
	unsent := len(m.entry.queue) + m.entry.inFlight
	if m.snap != nil {
		unsent += m.snap.Unsent
	}
	if unsent == 0 {
		return tea.Quit
	}
	m.push(&question{
		text: plural(unsent, "change is", "changes are") + " unsent: saved here, will be sent next time. Quit?",
		yes:  func(*Model) tea.Cmd { return tea.Quit },
	})
	return nil
}

// tell puts a text of the program's own on the bottom line; keys in it stand as in {mark.agree}.
func (m *Model) tell(bad bool, format screen.Const, args ...any) {
	m.dirty = true
	m.note = note{text: m.cs.Text(sprintf(string(m.keyedFormat(format)), args...), noteCells), bad: bad}
}
