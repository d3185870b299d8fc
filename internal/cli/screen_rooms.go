package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/invite"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/tui"
)

// screenRooms is tui.Rooms of a session.
type screenRooms struct {
	s       *session
	cfg     profile.Config
	changed chan struct{}

	mu    sync.Mutex
	house *house // guarded by mu; nil until the first room is open
}

// errOpening is what is said before the first room is open.
var errOpening = errors.New("the room is still being opened: try again in a moment")

// opened takes over the rooms of the first room.
func (r *screenRooms) opened(h *house) {
	h.changed = r.changed
	r.mu.Lock()
	r.house = h
	r.mu.Unlock()
	h.live()
	poke(r.changed)
}

func (r *screenRooms) get() *house {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.house
}

// Changed implements tui.Rooms.
func (r *screenRooms) Changed() <-chan struct{} { return r.changed }

// Rooms implements tui.Rooms.
func (r *screenRooms) Rooms() []tui.RoomStatus {
	h := r.get()
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	running := h.runningLocked()
	var all []tui.RoomStatus
	for _, j := range h.joined {
		id := j.Charter.ID()
		c := h.count[id]
		_, open := running[id]
		all = append(all, tui.RoomStatus{
			ID: id, Name: j.Charter.Name, Closed: j.Charter.Closed(), Writer: mayWrite(j.Charter, r.s.person.Author),
			Open: open, Shown: id == h.shown, Unread: c.unread, Waiting: c.waiting, Link: c.link,
		})
	}
	return all
}

// Show implements tui.Rooms.
func (r *screenRooms) Show(ctx context.Context, id crdt.RoomID) (tui.Opened, error) {
	h := r.get()
	if h == nil {
		return tui.Opened{}, errOpening
	}
	h.mu.Lock()
	at := slices.IndexFunc(h.joined, func(j profile.Joined) bool { return j.Charter.ID() == id })
	var charter crdt.Charter
	if at >= 0 {
		charter = h.joined[at].Charter
	}
	h.mu.Unlock()
	if at < 0 {
		return tui.Opened{}, fmt.Errorf("room %v is not joined", id)
	}
	o, err := h.open(ctx, charter)
	if err != nil {
		return tui.Opened{}, err
	}
	h.show(id, o)
	return openedFor(o), nil
}

// Preview implements tui.Rooms.
func (r *screenRooms) Preview(text string) (tui.Invitation, error) {
	in, err := look(r.s.person, text)
	return tui.Invitation{Charter: in.Charter, Relays: in.Relays, Care: in.care, More: in.at >= 0 && len(in.relays) > 0}, err
}

// Join implements tui.Rooms.
func (r *screenRooms) Join(_ context.Context, in tui.Invitation) (crdt.RoomID, error) {
	id := in.Charter.ID()
	h := r.get()
	if h == nil {
		return id, errOpening
	}
	if err := joinable(in.Charter); err != nil {
		return id, err
	}
	return id, h.join(invite.Invitation{Charter: in.Charter, Relays: in.Relays})
}

// New implements tui.Rooms.
func (r *screenRooms) New(_ context.Context, name string, writers []crdt.Author) (tui.Invitation, error) {
	h := r.get()
	if h == nil {
		return tui.Invitation{}, errOpening
	}
	if !slices.Contains(writers, crdt.Author(r.s.person.Author)) {
		writers = append(slices.Clone(writers), r.s.person.Author)
	}
	in, err := foundRoom(r.s.person, name, writers, r.s.plan.shared)
	if err != nil {
		return tui.Invitation{}, err
	}
	h.reread()
	return tui.Invitation{Charter: in.Charter, Relays: in.Relays}, nil
}

// Invite implements tui.Rooms.
func (r *screenRooms) Invite(id crdt.RoomID) (string, error) {
	in, err := invitation(r.s.person, r.cfg, fullHex(id), nil)
	if err != nil {
		return "", err
	}
	return invite.Format(in)
}

// peopleStore is tui.PeopleStore of a person. Its file may be written by a command meanwhile.
type peopleStore struct {
	person *profile.Person
	say    func(string, ...any)

	mu       sync.Mutex
	read     os.FileInfo // guarded by mu; what the file was when it was read; nil: there was none
	known    bool        // guarded by mu
	contacts ledger.Contacts
}

// Contacts implements tui.PeopleStore. Of a file that is not as it should be it tells, once, and the ones before it count.
func (s *peopleStore) Contacts() ledger.Contacts {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(s.person.ContactsPath())
	if err != nil {
		info = nil
	}
	same := (info == nil) == (s.read == nil) && (info == nil || os.SameFile(info, s.read) && info.ModTime().Equal(s.read.ModTime()) && info.Size() == s.read.Size())
	if s.known && same {
		return s.contacts
	}
	s.read, s.known = info, true
	contacts, err := s.person.Contacts()
	if err != nil {
		s.say("%v", err)
		return s.contacts
	}
	s.contacts = contacts
	return contacts
}

// Save implements tui.PeopleStore.
func (s *peopleStore) Save(c ledger.Contact) error {
	return s.person.ChangeContacts(func(all ledger.Contacts) (ledger.Contacts, error) {
		if c.Name == "" && !c.Confirmed {
			return all.Without(c.Author), nil
		}
		return all.With(c)
	})
}

// Me implements tui.PeopleStore.
func (s *peopleStore) Me() string { return s.person.Name.String() }
