package cli

import (
	"context"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/invite"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui"
)

// housemate is a session of a person in one room, with the rooms of its screen.
type housemate struct {
	t     testing.TB
	s     *session
	o     *opened
	rooms *screenRooms
}

func newHousemate(t testing.TB, person *profile.Person, charter crdt.Charter, plan linkPlan) *housemate {
	t.Helper()
	s := &session{p: &program{}, person: person, room: charter.Name, charter: charter, plan: plan}
	if _, err := join(person, invite.Invitation{Charter: charter}); err != nil {
		t.Fatal(err)
	}
	o, err := s.open(t.Context(), func(f func()) { go f() }, func(format string, args ...any) { t.Logf(format, args...) }, func() {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.stop() })
	h := &housemate{t, s, o, &screenRooms{s: s, changed: make(chan struct{}, 1)}}
	h.rooms.opened(o.house)
	return h
}

// status waits until the room's status is as f wants it.
func (h *housemate) status(id crdt.RoomID, f func(tui.RoomStatus) bool) tui.RoomStatus {
	h.t.Helper()
	late := time.After(patience)
	for {
		all := h.rooms.Rooms()
		for _, r := range all {
			if r.ID == id && f(r) {
				return r
			}
		}
		select {
		case <-h.rooms.Changed():
		case <-late:
			h.t.Fatalf("the rooms are %+v", all)
		}
	}
}

func (h *housemate) write(o *opened, to string) {
	h.t.Helper()
	done := make(chan error, 1)
	e := ledger.NewTransfer("me", to, 5, 0, "", "")
	intent := transport.Intent{Edit: ledger.AppendEdit(e, nil), Done: func(r transport.Receipt) { done <- r.Err }}
	if err := o.node.Submit(h.t.Context(), intent); err != nil {
		h.t.Fatal(err)
	}
	if err := <-done; err != nil {
		h.t.Fatal(err)
	}
}

func newPerson(t testing.TB, word string) *profile.Person {
	t.Helper()
	name, err := profile.ParseName(word)
	if err != nil {
		t.Fatal(err)
	}
	person, err := profile.Init(name)
	if err != nil {
		t.Fatal(err)
	}
	return person
}

// TestHouse: a node runs all joined rooms, counts what comes to those that are not shown, and remembers how far each was read.
func TestHouse(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	trip, err := ledger.ClosedLedger("trip", []crdt.Author{alice.Author, bob.Author}, [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	home := crdt.OpenLedger("main")
	if _, err := join(alice, invite.Invitation{Charter: trip}); err != nil {
		t.Fatal(err)
	}
	// More was read than there is: a salvage has shortened the log. What comes is new all the same.
	if err := alice.ChangeJoined(func(list []profile.Joined) ([]profile.Joined, error) {
		list[0].Read = 10
		return list, nil
	}); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := newHousemate(t, alice, home, linkPlan{listen: ln})
	a.status(trip.ID(), func(r tui.RoomStatus) bool { return r.Open && !r.Shown && r.Writer && r.Closed && r.Unread == 0 })
	o, err := a.o.house.open(t.Context(), trip)
	if err != nil {
		t.Fatal(err)
	}
	a.o.house.watch(trip.ID(), o)
	a.o.house.recount(trip.ID(), o)
	url := []string{"ws://" + ln.Addr().String() + "/websocket"}
	b := newHousemate(t, bob, trip, linkPlan{connect: url, shared: url})
	b.write(b.o, "alice")
	b.write(b.o, "alice")
	a.status(trip.ID(), func(r tui.RoomStatus) bool { return r.Unread == 2 })
	a.status(home.ID(), func(r tui.RoomStatus) bool { return r.Shown && r.Unread == 0 })

	shown, err := a.rooms.Show(t.Context(), trip.ID())
	if err != nil || shown.Node.Snapshot().View.Len() != 2 {
		t.Fatalf("got %v, %v", shown, err)
	}
	a.status(trip.ID(), func(r tui.RoomStatus) bool { return r.Shown && r.Unread == 0 })
	b.write(b.o, "alice")
	a.status(trip.ID(), func(r tui.RoomStatus) bool { return r.Unread == 0 })
	if _, err := a.rooms.Show(t.Context(), home.ID()); err != nil {
		t.Fatal(err)
	}
	a.status(home.ID(), func(r tui.RoomStatus) bool { return r.Shown })
	// What is one's own is read.
	o, err = a.o.house.open(t.Context(), trip)
	if err != nil {
		t.Fatal(err)
	}
	a.write(o, "bob")
	read := o.node.Snapshot().View.Changes()
	a.status(trip.ID(), func(r tui.RoomStatus) bool { return !r.Shown && r.Unread <= 1 })

	// A room that a command joins meanwhile is opened behind, and one joined here at once.
	third := crdt.OpenLedger("third")
	if _, err := a.rooms.Join(t.Context(), tui.Invitation{Charter: third}); err != nil {
		t.Fatal(err)
	}
	a.status(third.ID(), func(r tui.RoomStatus) bool { return r.Open })
	line, err := a.rooms.Invite(trip.ID())
	if err != nil || !strings.HasPrefix(line, invite.Prefix) {
		t.Fatalf("got %q, %v", line, err)
	}
	if in, err := a.rooms.Preview(line); err != nil || in.Charter.ID() != trip.ID() {
		t.Fatalf("got %v, %v", in, err)
	}
	if err := a.o.stop(); err != nil {
		t.Fatal(err)
	}
	joined, err := alice.Joined()
	if err != nil || len(joined) != 3 || joined[0].Read < 2 || joined[0].Read > read {
		t.Fatalf("got %+v, %v, want between 2 and %d read", joined, err, read)
	}
	if _, err := a.o.house.open(t.Context(), crdt.OpenLedger("late")); err == nil {
		t.Error("a room was opened after the end")
	}
}

// TestHouseCounts: what waits in a room is counted again once it is left, a room that a command opened before the screen knew it is
// counted like the others, and how far a room was read is kept while it is shown, for who is killed.
func TestHouseCounts(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	trip, err := ledger.ClosedLedger("trip", []crdt.Author{alice.Author, bob.Author}, [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	home := crdt.OpenLedger("main")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := newHousemate(t, alice, home, linkPlan{listen: ln})
	if _, err := a.o.house.open(t.Context(), trip); err != nil {
		t.Fatal(err)
	}
	if _, err := join(alice, invite.Invitation{Charter: trip}); err != nil {
		t.Fatal(err)
	}
	url := []string{"ws://" + ln.Addr().String() + "/websocket"}
	b := newHousemate(t, bob, trip, linkPlan{connect: url, shared: url})
	e := ledger.NewTransfer("bob", "alice", 5, 0, "", "")
	for i, who := range []crdt.Author{bob.Author, alice.Author} {
		e.Postings[i].Key = &who
	}
	done := make(chan error, 1)
	if err := b.o.node.Submit(t.Context(), transport.Intent{Edit: ledger.AppendEdit(e, nil), Done: func(r transport.Receipt) { done <- r.Err }}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	a.status(trip.ID(), func(r tui.RoomStatus) bool { return r.Unread == 1 && r.Waiting == 1 })
	if _, err := a.rooms.Show(t.Context(), trip.ID()); err != nil {
		t.Fatal(err)
	}
	a.status(trip.ID(), func(r tui.RoomStatus) bool { return r.Shown && r.Unread == 0 && r.Waiting == 0 })
	b.write(b.o, "alice")
	late := time.After(patience)
	for read := 0; read < 2; {
		joined, err := alice.Joined()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range joined {
			if r.Charter.ID() == trip.ID() {
				read = r.Read
			}
		}
		select {
		case <-time.After(settleTick):
		case <-late:
			t.Fatalf("%d changes are kept as read", read)
		}
	}
	if _, err := a.rooms.Show(t.Context(), home.ID()); err != nil {
		t.Fatal(err)
	}
	a.status(trip.ID(), func(r tui.RoomStatus) bool { return !r.Shown && r.Unread == 0 && r.Waiting == 1 })
}

// TestHouseWithRoomThatDoesNotOpen: it is told once, and the others run.
func TestHouseWithRoomThatDoesNotOpen(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	alice := newPerson(t, "alice")
	home, bad, good := crdt.OpenLedger("main"), crdt.OpenLedger("bad"), crdt.OpenLedger("good")
	for _, c := range []crdt.Charter{bad, good} {
		if _, err := join(alice, invite.Invitation{Charter: c}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(alice.RoomPath(bad.ID()), 0o700); err != nil { // a folder is no store
		t.Fatal(err)
	}
	a := newHousemate(t, alice, home, linkPlan{})
	a.status(good.ID(), func(r tui.RoomStatus) bool { return r.Open })
	a.status(bad.ID(), func(r tui.RoomStatus) bool { return !r.Open })
	if _, err := a.rooms.Show(t.Context(), bad.ID()); err == nil {
		t.Error("a folder was opened as a room")
	}
	told := 0
	a.o.house.say = func(string, ...any) { told++ }
	failed := map[crdt.RoomID]bool{}
	a.o.house.openBehind(failed)
	a.o.house.openBehind(failed)
	if told != 1 || len(failed) != 1 {
		t.Errorf("told %d times, of %v", told, failed)
	}
	if err := os.Remove(alice.RoomPath(bad.ID())); err != nil {
		t.Fatal(err)
	}
	if _, err := a.rooms.Show(t.Context(), bad.ID()); err != nil {
		t.Error(err)
	}
}

// TestInvitedRelayIsOneRooms: what an invitation names is for its room alone, whichever room a node was started for.
func TestInvitedRelayIsOneRooms(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	alice := newPerson(t, "alice")
	trip, err := ledger.ClosedLedger("trip", []crdt.Author{alice.Author}, [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	const chosen, named = "ws://127.0.0.1:1/websocket", "ws://127.0.0.1:2/websocket"
	if _, err := join(alice, invite.Invitation{Charter: trip, Relays: []string{named}}); err != nil {
		t.Fatal(err)
	}
	s := &session{person: alice}
	connect, _ := s.flags.found(alice, trip.ID(), []string{chosen}, "")
	h := newHousemate(t, alice, trip, linkPlan{connect: connect, shared: []string{chosen}})
	private := crdt.OpenLedger("private")
	if _, err := h.rooms.Join(t.Context(), tui.Invitation{Charter: private}); err != nil {
		t.Fatal(err)
	}
	o, err := h.o.house.open(t.Context(), private)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(h.o.links.dialled); got != 2 {
		t.Errorf("the room of the invitation dials %d, want 2", got)
	}
	if got := len(o.links.dialled); got != 1 {
		t.Errorf("another room dials %d, want 1", got)
	}
	in, err := h.rooms.New(t.Context(), "new", nil)
	if err != nil || !slices.Equal(in.Relays, []string{chosen}) {
		t.Errorf("a new room is to be found at %q, %v", in.Relays, err)
	}
}

// TestFindJoined: whoever founds a room chooses its name, and so can call it as the id of another begins.
func TestFindJoined(t *testing.T) {
	t.Parallel()
	home := crdt.OpenLedger("main")
	room := func(name string) profile.Joined { return profile.Joined{Charter: crdt.OpenLedger(name)} }
	list := []profile.Joined{room(home.ID().String()), room(fullHex(home.ID())), {Charter: home}, room("trip")}
	for word, want := range map[string]int{fullHex(home.ID()): 2, "trip": 3, "main": 2, list[3].Charter.ID().String(): 3, "nothing": -1} {
		got, err := findJoined(list, word)
		if err != nil || (got == nil) != (want < 0) || got != nil && got != &list[want] {
			t.Errorf("%s: got %v, %v", word, got, err)
		}
	}
	if got, err := findJoined(list, home.ID().String()); err == nil || !strings.Contains(err.Error(), fullHex(home.ID())+" (main, open)") {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestReaderOfClosedLedger: who is none of the writers opens a closed ledger, and cannot write.
func TestReaderOfClosedLedger(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	trip, err := ledger.ClosedLedger("trip", []crdt.Author{bob.Author}, [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	for person, want := range map[*profile.Person]transport.WriteState{alice: transport.WriteNoAuthor, bob: transport.WriteOpen} {
		o, err := openRoomOf(context.Background(), person, trip, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.node.Snapshot().Writing; got != want {
			t.Errorf("%s: got %v, want %v", person.Name, got, want)
		}
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPeopleStore: what a command writes into the contacts is seen, and a file that is wrong takes nothing away.
func TestPeopleStore(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	said := 0
	s := &peopleStore{person: alice, say: func(string, ...any) { said++ }}
	if got := s.Contacts().All(); len(got) != 0 {
		t.Fatalf("got %v", got)
	}
	other := &peopleStore{person: alice, say: t.Logf}
	if err := other.Save(ledger.Contact{Author: bob.Author, Name: "Bob"}); err != nil {
		t.Fatal(err)
	}
	if got, ok := s.Contacts().Of(bob.Author); !ok || got.Name != "Bob" {
		t.Fatalf("got %v", got)
	}
	if err := os.WriteFile(alice.ContactsPath(), []byte("bad\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Contacts().Of(bob.Author); !ok || said != 1 {
		t.Fatalf("forgotten, or told %d times", said)
	}
	s.Contacts()
	if err := os.Remove(alice.ContactsPath()); err != nil || said != 1 {
		t.Fatal(err, said)
	}
	if err := s.Save(ledger.Contact{Author: bob.Author, Name: "Bob"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(ledger.Contact{Author: bob.Author}); err != nil {
		t.Fatal(err)
	}
	if got := s.Contacts().All(); len(got) != 0 {
		t.Fatalf("got %v", got)
	}
}
