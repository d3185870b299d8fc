package tui

import (
	"fmt"
	"slices"
	"sort"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/list"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// eventsState is the events screen: what happened, oldest first. A snapshot has the newest events only; they are gathered
// here, up to maxEvents.
type eventsState struct {
	all    []transport.Event
	missed int // events that came between two snapshots and were never seen
	shown  []transport.Event
	list   list.List[uint64]
	filter filterState
}

const (
	maxEvents  = 5000
	dropEvents = 1000 // so many are dropped at once
)

// eventRows are events in the order of their numbers.
type eventRows []transport.Event

func (r eventRows) Len() int         { return len(r) }
func (r eventRows) Key(i int) uint64 { return r[i].Seq }
func (r eventRows) IndexOf(seq uint64) (int, bool) {
	i := sort.Search(len(r), func(i int) bool { return r[i].Seq >= seq })
	return i, i < len(r) && r[i].Seq == seq
}

var _ list.Rows[uint64] = eventRows{}

func (s *eventsState) rows() list.Rows[uint64] { return eventRows(s.shown) }

// take adds the events that are new.
func (s *eventsState) take(events []transport.Event) {
	last := uint64(0)
	if n := len(s.all); n > 0 {
		last = s.all[n-1].Seq
	}
	i := sort.Search(len(events), func(i int) bool { return events[i].Seq > last })
	if i == len(events) {
		return
	}
	if last > 0 {
		s.missed += int(events[i].Seq - last - 1)
	}
	s.all = append(s.all, events[i:]...)
	if len(s.all) > maxEvents {
		s.all = slices.Delete(s.all, 0, len(s.all)-maxEvents+dropEvents)
	}
	s.sync()
}

// sync applies the filter.
func (s *eventsState) sync() {
	s.shown = s.all
	if s.filter.active() {
		s.shown = nil
		for _, e := range s.all {
			kind, _ := eventWord(e.Kind)
			if hasWords(string(kind)+" "+e.Code+" "+eventText(&e), s.filter.words) {
				s.shown = append(s.shown, e)
			}
		}
	}
	s.list.Sync(s.rows())
}

func (m *Model) onEventsKey(msg tea.KeyPressMsg) (tea.Cmd, bool) {
	s := &m.events
	if moveIn(&m.keys.Move, msg, &s.list, s.rows()) {
		return nil, true
	}
	k := &m.keys.Events
	switch {
	case key.Matches(msg, k.Back):
		if s.filter.active() {
			return m.clearFilter(), true
		}
		m.show(ledgerScreen)
	case key.Matches(msg, k.Filter):
		m.field = filterField
	case key.Matches(msg, k.NextHit):
		m.moveHit(1)
	case key.Matches(msg, k.PreviousHit):
		m.moveHit(-1)
	case key.Matches(msg, k.Open):
		return m.openEvent(), true
	default:
		return nil, false
	}
	return nil, true
}

// openEvent shows the change that an event is about, or the evidence.
func (m *Model) openEvent() tea.Cmd {
	i := m.events.list.Index()
	if i < 0 {
		return nil
	}
	e := m.events.shown[i]
	switch {
	case e.Kind == transport.EventFork || e.Kind == transport.EventSelfFork:
		return m.openForkOf(e.Author, e.Change, e.Other)
	case e.Change == (crdt.ChangeID{}):
		m.tell(false, "this event is about no change")
		return nil
	}
	return m.fx.find(m.snap.View, []crdt.ChangeID{e.Change}, func(m *Model, found map[crdt.ChangeID]int) {
		i, ok := found[e.Change]
		if !ok {
			m.tell(false, "change %s is not in the log: refused, or still missing", shortHex(e.Change, 8))
			return
		}
		k := crdt.Key{Change: i}
		_, isRow := m.snap.View.IndexOf(k)
		m.push(&detailOverlay{change: i, entry: k, isRow: isRow})
	})
}

// eventWord is the kind of an event in one word, and how grave it is.
func eventWord(k transport.EventKind) (screen.Const, int) {
	const (
		plain = iota
		good
		warn
		bad
	)
	switch k {
	case transport.EventPeerLive:
		return "live", good
	case transport.EventPeerClosed:
		return "closed", plain
	case transport.EventRefused:
		return "refused", bad
	case transport.EventPending:
		return "pending", plain
	case transport.EventExpired:
		return "expired", warn
	case transport.EventFork:
		return "FORK", bad
	case transport.EventStoreError:
		return "store error", bad
	case transport.EventGuard:
		return "guard", warn
	case transport.EventSalvage:
		return "salvage", bad
	case transport.EventSelfFork:
		return "SELF FORK", bad
	case transport.EventWithheld:
		return "withheld", bad
	case transport.EventNoteRefused:
		return "refused us", bad
	}
	return "event", plain
}

func (m *Model) gravity(g int) screen.Style {
	return [...]screen.Style{m.st.Text, m.st.OK, m.st.Warn, m.st.Error}[g]
}

// eventText is an event in words, as it came: to be cleaned before it is shown.
func eventText(e *transport.Event) string {
	address, from := bareAddress(e.Address), ""
	if address != "" {
		from = " from " + address
	}
	code := e.Code
	if e.Text != "" {
		if code != "" {
			code += ": "
		}
		code += e.Text
	}
	id := func(c crdt.ChangeID) string {
		if c == (crdt.ChangeID{}) {
			return ""
		}
		return " " + c.String()
	}
	author := ""
	if e.Author != (crdt.Author{}) {
		author = " by " + e.Author.String()
	}
	switch e.Kind {
	case transport.EventPeerLive:
		return address
	case transport.EventPeerClosed:
		return address + " " + code
	case transport.EventRefused:
		return fmt.Sprintf("%d%s: %s%s%s", e.N, from, code, id(e.Change), author)
	case transport.EventPending:
		return fmt.Sprintf("%d%s: missing%s", e.N, from, id(e.Change))
	case transport.EventExpired:
		return fmt.Sprintf("%d%s: asked for again", e.N, from)
	case transport.EventFork:
		return fmt.Sprintf("author %s signed%s and%s after the same change", e.Author, id(e.Change), id(e.Other))
	case transport.EventSelfFork:
		return fmt.Sprintf("your own key signed%s and%s after the same change: nothing more is written", id(e.Change), id(e.Other))
	case transport.EventWithheld:
		return fmt.Sprintf("%s no longer shows %d changes that it said to have stored", address, e.N)
	case transport.EventNoteRefused:
		return address + " " + code + id(e.Change)
	}
	return code + from
}

// drawEventsPane draws the newest events beside the list.
func (m *Model) drawEventsPane(a screen.Area) {
	style := m.st.Title
	if m.pane == eventsPane && m.field == noField {
		style = m.st.Focus
	}
	a = a.Frame(m.st.Dim, style, "Events", "")
	// Newest first: the pane is short, and an event may take two lines.
	y := 0
	for i := len(m.events.all) - 1; i >= 0 && y < a.H; i-- {
		e := &m.events.all[i]
		word, grave := eventWord(e.Kind)
		x := say(a, 0, y, own(m.st.Dim, m.claimed(e.Time.Unix(), "15:04")+" "), own(m.gravity(grave), word), own(0, " "))
		rest := m.eventLine(e)
		head, more := rest.Split(max(a.W-x, 0))
		a.Text(x, y, a.W-x, m.st.Text, head)
		y++
		if more.Width() > 0 && y < a.H {
			a.Text(6, y, a.W-6, m.st.Text, more)
			y++
		}
	}
	if len(m.events.all) == 0 {
		a.Const(1, 0, m.st.Dim, "nothing yet")
	}
}

func (m *Model) eventLine(e *transport.Event) safe.String { return m.cs.Text(eventText(e), noteCells) }

func (m *Model) drawEvents(a screen.Area) {
	s := &m.events
	if m.lay.shape >= medium {
		a = a.Frame(m.st.Dim, m.st.Focus, "Events", m.eventsNote())
	}
	top, n := s.list.Window(a.H)
	if n <= 0 {
		a.Const(1, 0, m.st.Dim, "Nothing has happened yet: connections, refusals and forks are told here.")
		return
	}
	for i := range n {
		e := &s.shown[top+i]
		word, grave := eventWord(e.Kind)
		x := 0
		if a.W >= 40 {
			x = a.Const(markCells, i, m.st.Dim, m.claimed(e.Time.Unix(), "15:04:05")) + 2
		}
		a.Const(x, i, m.gravity(grave), word)
		x += 13
		a.Text(x, i, a.W-x, m.st.Text, m.eventLine(e))
		if top+i == s.list.Index() {
			if a.W >= 40 {
				a.Const(1, i, m.st.Focus, ">")
			}
			a.PlaceCursor(0, i, false)
			m.clickRows(a, i, n)
			a.Toggle(0, i, a.W, m.st.Cursor)
		}
	}
}

func (m *Model) eventsNote() screen.Const {
	s := plural(len(m.events.all), "event", "events")
	if m.events.filter.active() {
		s = number(len(m.events.shown)) + " of " + s + " · filter on"
	}
	if m.events.missed > 0 {
		s += " · " + number(m.events.missed) + " not kept"
	}
	if n := m.events.list.Fresh(); n > 0 {
		s += " · " + number(n) + m.keyed(" new below: {move.last}")
	}
	return s
}
