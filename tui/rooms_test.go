package tui

import (
	"context"
	"crypto/ed25519"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// fakeRooms are worlds that somebody has joined.
type fakeRooms struct {
	tb      testing.TB
	worlds  []*world
	status  []RoomStatus
	changed chan struct{}
	founded []crdt.Author
	relays  []string // of what was joined last
	err     error
}

func newFakeRooms(tb testing.TB, worlds ...*world) *fakeRooms {
	f := &fakeRooms{tb: tb, changed: make(chan struct{}, 1)}
	for _, w := range worlds {
		f.add(w)
	}
	return f
}

func (f *fakeRooms) add(w *world) {
	s := w.Snapshot()
	c := s.View.Charter()
	f.worlds = append(f.worlds, w)
	f.status = append(f.status, RoomStatus{
		ID: s.Room, Name: s.RoomName, Closed: c.Closed(), Writer: !c.Closed() || slices.Contains(c.Writers, s.Me), Open: true, Link: transport.LinkLive,
	})
}

func (f *fakeRooms) Rooms() []RoomStatus      { return slices.Clone(f.status) }
func (f *fakeRooms) Changed() <-chan struct{} { return f.changed }

func (f *fakeRooms) Show(_ context.Context, id crdt.RoomID) (Opened, error) {
	for i, w := range f.worlds {
		f.status[i].Shown = f.status[i].ID == id
		if f.status[i].Shown && f.err == nil {
			f.status[i].Unread = 0
			return Opened{Node: w}, nil
		}
	}
	if f.err != nil {
		return Opened{}, f.err
	}
	return Opened{}, errors.New("no such room")
}

func (f *fakeRooms) Preview(text string) (Invitation, error) {
	if len(text) > 40 {
		return Invitation{}, errors.New("the invitation is cut off at its end: " + text)
	}
	if name, ok := strings.CutPrefix(text, "closed:"); ok {
		return Invitation{Charter: closedCharter(name, "bob", "carol"), Relays: []string{"ws://relay-a:8080", evil[0]}}, nil
	}
	if name, ok := strings.CutPrefix(text, "elsewhere:"); ok {
		return Invitation{
			Charter: crdt.OpenLedger(name), Relays: []string{"ws://relay-b:8080"}, More: true,
			Care: []string{"you have joined another room " + evil[0] + ", 1a2b3c4d, that is called so or alike"},
		}, nil
	}
	return Invitation{Charter: crdt.OpenLedger(text)}, nil
}

func (f *fakeRooms) Join(_ context.Context, in Invitation) (crdt.RoomID, error) {
	f.relays = in.Relays
	if !slices.ContainsFunc(f.status, func(r RoomStatus) bool { return r.ID == in.Charter.ID() }) {
		f.add(newWorldOf(f.tb, in.Charter))
	}
	return in.Charter.ID(), f.err
}

func (f *fakeRooms) New(_ context.Context, name string, writers []crdt.Author) (Invitation, error) {
	f.founded = writers
	in := Invitation{Charter: closedCharter(name, "alice")}
	f.add(newWorldOf(f.tb, in.Charter))
	return in, f.err
}

func (f *fakeRooms) Invite(crdt.RoomID) (string, error) {
	return "tallystick:room:" + strings.Repeat("abcdefgh", 40), nil
}

func closedCharter(name string, writers ...string) crdt.Charter {
	c := crdt.OpenLedger(name)
	for _, w := range writers {
		c.Writers = append(c.Writers, authorOf(w))
	}
	slices.SortFunc(c.Writers, func(a, b crdt.Author) int { return slices.Compare(a[:], b[:]) })
	return c
}

func authorOf(name string) crdt.Author {
	return crdt.Author(authorKey(name).Public().(ed25519.PublicKey))
}

// twoRooms are main, which is shown, with 16 rows, and trip with one.
func twoRooms(tb testing.TB) (main, trip *world, rooms *fakeRooms) {
	main = newWorld(tb).demo(16)
	trip = newWorldOf(tb, crdt.OpenLedger("trip"))
	trip.enter("carol", "carol -> alice 8 EUR tent")
	rooms = newFakeRooms(tb, main, trip)
	rooms.status[0].Shown = true
	rooms.status[1].Unread, rooms.status[1].Waiting = 3, 1
	return main, trip, rooms
}

// TestSwitchRooms goes to another room and back: nothing of the one is seen in the other, and what was typed waits.
func TestSwitchRooms(t *testing.T) {
	t.Parallel()
	main, trip, rooms := twoRooms(t)
	d := newDriver(t, main, 120, 36, func(o *Options) { o.Rooms = rooms })
	d.write("alice -> bob 99")
	d.sees("16 rows", "3 new: R")
	d.press("esc", "R")
	d.sees("2 rooms joined", "trip", "3 new", "1 waiting")
	d.press("j", "enter")
	d.sees("room trip", "1 row", "tent")
	d.seesNot("lunch", "mallory", "3 new: R", "99", "rent share")
	d.press("n")
	d.write("bob -> carol 7")
	d.press("esc", "R", "k", "enter")
	d.sees("room main", "16 rows", "alice -> bob 99", "rent share")
	d.seesNot("tent", "bob -> carol 7")
	d.press("R", "j", "enter")
	d.sees("bob -> carol 7")
	d.press("n", "enter")
	if n := trip.Snapshot().View.Len(); n != 2 || main.Snapshot().View.Len() != 16 {
		t.Errorf("trip has %d rows, main %d; want 2 and 16", n, main.Snapshot().View.Len())
	}
}

// TestNothingLeaks: the model of a room that was switched to holds nothing that a model of that room alone does not.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	main, trip, rooms := twoRooms(t)
	main.fork("mallory")
	trip.with(func(s *transport.Snapshot) { s.Live = 0 }) // nobody to say one's own name to
	d := newDriver(t, main, 120, 36, func(o *Options) { o.Rooms = rooms })
	d.write("alice -> bob 9")
	d.press("enter", "esc", "/", "b", "o", "b", "enter", "k", "y", "4", "k", "2", "j", "1", "tab", "R", "j", "enter")
	fresh := newDriver(t, trip, 120, 36, func(o *Options) { o.Rooms = newFakeRooms(t, trip) })
	fresh.press("esc")
	kept := []string{"options", "fx", "rooms", "oracle", "link", "mouse", "now", "dirty", "keys", "announced", "welcome"}
	a, b := reflect.ValueOf(d.m).Elem(), reflect.ValueOf(fresh.m).Elem()
	for i := range a.NumField() {
		name := a.Type().Field(i).Name
		if slices.Contains(kept, name) {
			continue
		}
		if got, want := describe(a.Field(i)), describe(b.Field(i)); got != want {
			t.Errorf("%s: %s, in a room opened by itself %s", name, got, want)
		}
	}
	if got, want := d.text(), fresh.text(); got != want {
		t.Errorf("switched to:\n%s\nopened:\n%s", got, want)
	}
}

// describe is a value in words, as deep as values are stored in place: what lies behind pointers is the rooms' own.
func describe(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct:
		var b strings.Builder
		for i := range v.NumField() {
			b.WriteString(v.Type().Field(i).Name + ":" + describe(v.Field(i)) + " ")
		}
		return "{" + b.String() + "}"
	case reflect.Pointer, reflect.Func, reflect.Chan, reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
		return "set"
	case reflect.Map, reflect.Slice:
		return v.Type().String() + " of " + string(number(v.Len()))
	case reflect.Array:
		return "" // ids
	case reflect.Bool:
		if v.Bool() {
			return "true"
		}
		return "false"
	case reflect.String:
		return v.String()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return string(number(int(v.Int())))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return string(number(int(v.Uint())))
	}
	return ""
}

// TestOldRoomIsSilent: what a command of a room brings after one has left it changes nothing.
func TestOldRoomIsSilent(t *testing.T) {
	t.Parallel()
	main, _, rooms := twoRooms(t)
	d := newDriver(t, main, 120, 36, func(o *Options) { o.Rooms = rooms })
	d.press("esc")
	var late []tea.Msg
	for _, do := range []func() tea.Cmd{d.m.readNames, func() tea.Cmd { return d.m.fx.digests(d.m.snap.View) }} {
		late = append(late, d.m.ofRoom(do())())
	}
	late = append(late, d.m.ofRoom(tea.Batch(d.m.readNames(), d.m.fx.do(func() {})))().(tea.BatchMsg)[0]())
	d.press("R", "j", "enter")
	before := d.text()
	labels := len(d.m.names.offered())
	for _, msg := range late {
		if _, ok := msg.(ofRoomMsg); !ok {
			t.Errorf("%T is not tied to its room", msg)
		}
		d.update(msg)
	}
	if got := d.text(); got != before || len(d.m.names.offered()) != labels {
		t.Errorf("late messages of another room changed\n%s\nto\n%s", before, got)
	}
}

// TestSwitchWaitsForWhatIsSaved: no transaction is lost by leaving its room.
func TestSwitchWaitsForWhatIsSaved(t *testing.T) {
	t.Parallel()
	main, _, rooms := twoRooms(t)
	d := newDriver(t, main, 120, 36, func(o *Options) { o.Rooms = rooms })
	d.m.entry.inFlight = 1
	d.press("esc", "R", "j", "enter")
	d.sees("room main", "first what you typed here is saved")
	d.update(d.m.ofRoom(func() tea.Msg { return submittedMsg{saved: 1} })())
	d.sees("room trip")
}

func TestRoomThatDoesNotOpen(t *testing.T) {
	t.Parallel()
	main, _, rooms := twoRooms(t)
	rooms.err = errors.New("store locked\x1b[2J: another tallystick runs")
	d := newDriver(t, main, 120, 36, func(o *Options) { o.Rooms = rooms })
	d.press("esc", "R", "j", "enter")
	d.sees("room main", "the room is not shown: store locked", "another tallystick runs")
}

// TestJoin previews, joins and shows a room; no is the default.
func TestJoin(t *testing.T) {
	t.Parallel()
	main, _, rooms := twoRooms(t)
	d := newDriver(t, main, 120, 36, func(o *Options) { o.Rooms = rooms })
	d.press("esc")
	d.run(d.m.join("closed:party"))
	d.draw()
	d.sees("party", "ledger", "may only read", shortHexOf("bob"), shortHexOf("carol"), "relay-a", "Join it? y/N")
	d.press("enter")
	d.sees("nothing was joined")
	d.press("R", "a")
	d.write("party")
	d.press("enter")
	d.sees("everybody who knows this name", "may write")
	d.press("y")
	d.sees("room party", "No transaction in this room yet")
	d.run(d.m.join("main"))
	d.draw()
	d.sees("joined it already")
	d.press("y")
	d.sees("room main", "16 rows")
	// What it could be taken for, and who else would be asked for it.
	d.run(d.m.join("elsewhere:trip"))
	d.draw()
	d.sees("careful", "you have joined another room", "1a2b3c4d, that is called so or alike", "not at all of these relays", "Look for it there, too? y/N")
	d.press("n")
	d.sees("nothing was joined")
	d.run(d.m.join("elsewhere:trip"))
	d.draw()
	d.press("y")
	if !slices.Equal(rooms.relays, []string{"ws://relay-b:8080"}) {
		t.Errorf("joined at %v", rooms.relays)
	}
	d.run(d.m.join(strings.Repeat("x", 50)))
	d.draw()
	d.sees("no room: the invitation is cut off")
}

// TestNewRoom makes a closed room and shows the invitation to it.
func TestNewRoom(t *testing.T) {
	t.Parallel()
	main, _, rooms := twoRooms(t)
	d := newDriver(t, main, 120, 36, func(o *Options) { o.Rooms = rooms })
	d.press("esc", "R", "n")
	d.write("flat")
	d.press("enter")
	d.sees("Who may write", "flat")
	d.press("space", "enter", "enter") // no is the default
	d.sees("Who may write")
	d.press("enter", "y")
	d.sees("Made and joined: room flat", "tallystick:room:")
	d.press("y")
	if n := len(d.term.rawSeq); n != 1 {
		t.Errorf("%d texts were copied", n)
	}
	d.press("enter")
	d.sees("room flat")
	d.press("R", "i")
	d.sees("Invitation", "tallystick:room:")
}

func shortHexOf(name string) string { return string(shortHex(authorOf(name), 8)) }
