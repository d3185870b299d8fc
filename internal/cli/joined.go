package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/invite"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/transport"
)

// minRoomDigits is how many digits of a room's id choose it.
const minRoomDigits = 8

// roomFor is what founded the room that the flag names, or the config, or the default one: a room that person has joined by its name
// or the first digits of its id, else an open ledger by its name, or a room of any kind by the file of its charter.
func roomFor(person *profile.Person, flag string, cfg profile.Config) (crdt.Charter, error) {
	word, where := flag, "--room"
	if word == "" {
		word, where = cfg.Room, "room in the config"
	}
	if word == "" || strings.HasSuffix(word, charterSuffix) {
		return roomCharter(flag, cfg)
	}
	joined, err := person.Joined()
	if err != nil {
		return crdt.Charter{}, err
	}
	found, err := findJoined(joined, word)
	if err != nil {
		return crdt.Charter{}, &codedError{ExitUsage, fmt.Errorf("%s: %w", where, err)}
	}
	if found != nil {
		return found.Charter, nil
	}
	return roomCharter(flag, cfg)
}

// findJoined is the joined room that a word names, nil if none: by the whole of its id, or else by its name or the first digits of its
// id. It is an error if there are several: whoever founds a room chooses its name, which may be the digits of another's id.
func findJoined(joined []profile.Joined, word string) (*profile.Joined, error) {
	var named []*profile.Joined
	digits := strings.ToLower(word)
	for i := range joined {
		r := &joined[i]
		id := fullHex(r.Charter.ID())
		if id == digits {
			return r, nil
		}
		if r.Charter.Name == word || len(word) >= minRoomDigits && strings.HasPrefix(id, digits) {
			named = append(named, r)
		}
	}
	switch len(named) {
	case 0:
		return nil, nil
	case 1:
		return named[0], nil
	}
	var words []string
	for _, r := range named {
		words = append(words, fmt.Sprintf("%s (%s, %s)", distinctID(joined, r.Charter.ID()), r.Charter.Name, access(r.Charter)))
	}
	return nil, fmt.Errorf("%d rooms that you have joined go by %q: say which by its id: %s", len(named), word, strings.Join(words, ", "))
}

// distinctID is as much of a room's id as names it and nothing else among the joined ones: its first digits, else all of it.
func distinctID(joined []profile.Joined, id crdt.RoomID) string {
	short := id.String()
	for i := range joined {
		c := &joined[i].Charter
		if c.ID() != id && (c.Name == short || strings.HasPrefix(fullHex(c.ID()), short)) {
			return fullHex(id)
		}
	}
	return short
}

// access says who may write, in a word or two.
func access(c crdt.Charter) string {
	if !c.Closed() {
		return "open"
	}
	return fmt.Sprintf("closed, writers: %d", len(c.Writers))
}

// mayWrite says whether an author may write in a room.
func mayWrite(c crdt.Charter, a crdt.Author) bool {
	return !c.Closed() || slices.Contains(c.Writers, a)
}

// joinable refuses rooms that a ledger's program does not open, and names that do not look like what they are.
func joinable(c crdt.Charter) error {
	if c.Kind != crdt.Ledger {
		return fmt.Errorf("room %q is of kind %s, and this is for ledgers; rooms of oracles are opened by tallystick oracle node, price and screen, with the file of the charter", c.Name, c.Kind)
	}
	return seenName(c.Name)
}

// seenName refuses names of rooms that two could share to the eye.
func seenName(name string) error {
	if err := crdt.OpenLedger(name).Validate(); err != nil {
		return err
	}
	if shown := safe.Text(name, safe.NoLimit).String(); shown != name {
		return fmt.Errorf("%q has characters that are not seen: give a name of letters and digits", name)
	}
	return nil
}

// join puts a room among those that person has joined, with the relays that it has not yet. It reports whether it is new.
func join(person *profile.Person, in invite.Invitation) (added bool, err error) {
	id := in.Charter.ID()
	joined, err := person.Joined()
	if err != nil {
		return false, err
	}
	for _, r := range joined {
		if r.Charter.ID() == id && !slices.ContainsFunc(in.Relays, func(u string) bool { return !slices.Contains(r.Relays, u) }) {
			return false, nil
		}
	}
	err = person.ChangeJoined(func(list []profile.Joined) ([]profile.Joined, error) {
		at := slices.IndexFunc(list, func(r profile.Joined) bool { return r.Charter.ID() == id })
		if at < 0 {
			added = true
			list = append(list, profile.Joined{Charter: in.Charter})
			at = len(list) - 1
		}
		for _, u := range in.Relays {
			if r := &list[at]; !slices.Contains(r.Relays, u) && len(r.Relays) < profile.MaxRelays {
				r.Relays = append(r.Relays, u)
			}
		}
		return list, nil
	})
	return added, err
}

// preview says what a text names that somebody wants to join: an invitation, or an open ledger by its name.
func preview(text string) (invite.Invitation, error) {
	if invite.Is(text) {
		in, err := invite.Parse(text)
		if err == nil {
			err = joinable(in.Charter)
		}
		return in, err
	}
	name := strings.TrimSpace(text)
	if name == "" {
		return invite.Invitation{}, errors.New("what? give the name of an open room, or an invitation")
	}
	if err := seenName(name); err != nil {
		return invite.Invitation{}, err
	}
	return invite.Invitation{Charter: crdt.OpenLedger(name)}, nil
}

// joining is a room that somebody wants to join, with what there is to say of it.
type joining struct {
	invite.Invitation
	joined []profile.Joined // the joined rooms
	at     int              // where it is among them; below zero: it is none
	relays []string         // those of its relays at which it is not looked for yet
	care   []string         // what it could be taken for
}

// look is preview, with what else person is to know before it joins.
func look(person *profile.Person, text string) (j joining, err error) {
	if j.Invitation, err = preview(text); err != nil {
		return j, err
	}
	if j.joined, err = person.Joined(); err != nil {
		return j, err
	}
	id, c := j.Charter.ID(), j.Charter
	has := func(id crdt.RoomID) int {
		return slices.IndexFunc(j.joined, func(r profile.Joined) bool { return r.Charter.ID() == id })
	}
	j.at, j.relays = has(id), slices.Clone(j.Relays)
	if j.at >= 0 {
		j.relays = slices.DeleteFunc(j.relays, func(u string) bool { return slices.Contains(j.joined[j.at].Relays, u) })
	}
	for _, r := range j.joined {
		if r.Charter.ID() != id && ledger.Alike(r.Charter.Name, c.Name) {
			j.care = append(j.care, fmt.Sprintf("you have joined another room %s, %v, that is called so or alike", r.Charter.Name, r.Charter.ID()))
		}
	}
	if open := crdt.OpenLedger(c.Name).ID(); open != id && has(open) < 0 {
		if _, err := os.Lstat(person.RoomPath(open)); c.Name == defaultRoom || err == nil {
			j.care = append(j.care, fmt.Sprintf("the open room %s is another one; --room %s will mean this one, unless you join that, too", c.Name, c.Name))
		}
	}
	return j, nil
}

// newRoom is the charter of a new closed ledger. What tells it from any other of the same name and writers is a number of chance.
func newRoom(name string, writers []crdt.Author, nonce [16]byte) (crdt.Charter, error) {
	if err := seenName(name); err != nil {
		return crdt.Charter{}, err
	}
	if len(writers) == 0 {
		return crdt.Charter{}, errors.New("a closed room has at least one writer")
	}
	return ledger.ClosedLedger(name, writers, nonce)
}

// urls checks the addresses of relays.
func urls(given []string) ([]string, error) {
	var all []string
	for _, u := range given {
		full, err := transport.ParseURL(u)
		if err != nil {
			return nil, &codedError{ExitUsage, fmt.Errorf("connect: %w; give an address as in ws://192.0.2.1:8080", err)}
		}
		if !slices.Contains(all, full) {
			all = append(all, full)
		}
	}
	if len(all) > profile.MaxRelays {
		return nil, usage("--connect: %d addresses, at most %d", len(all), profile.MaxRelays)
	}
	return all, nil
}

// writersOf are the authors that words name: 64 hex digits, a contact, or somebody on this machine.
func writersOf(person *profile.Person, words []string) ([]crdt.Author, error) {
	contacts, err := loadContacts(person)
	if err != nil {
		return nil, err
	}
	who := ledger.NewPeople(nil, func(crdt.Author) string { return "" }, contacts, person.Author, person.Name.String())
	var all []crdt.Author
	for _, word := range words {
		a, ok, err := who.Lookup(word)
		if err != nil {
			return nil, err
		}
		if !ok {
			if a, err = profile.ParseAuthor(word); err != nil {
				if len(word) == 2*len(a) {
					return nil, usage("%s is no key: %w", word, err)
				}
				other, loadErr := load(word)
				if loadErr != nil {
					return nil, usage("%q is neither a key of 64 hex digits, nor one that you have named; ask for what tallystick id prints there, then: tallystick people name KEY %s", word, ledger.QuoteLabel(word))
				}
				a = other.Author
			}
		}
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all, nil
}

// loadContacts are whom person has named.
func loadContacts(person *profile.Person) (ledger.Contacts, error) { return person.Contacts() }

// relaysOf are where a joined room is to be found, as the invitation said.
func relaysOf(person *profile.Person, room crdt.RoomID) []string {
	joined, err := person.Joined()
	if err != nil {
		return nil // who opens the room is told
	}
	for _, r := range joined {
		if r.Charter.ID() == room {
			relays, err := urls(r.Relays)
			if err != nil {
				return nil // edited by hand: run --connect says what is wrong with it
			}
			return relays
		}
	}
	return nil
}

// found adds to the connections of a plan where a joined room is to be found, unless the user said where.
func (f *runFlags) found(person *profile.Person, room crdt.RoomID, connect []string, meet string) ([]string, string) {
	if f.offline || len(f.connect) > 0 {
		return connect, meet
	}
	for _, u := range relaysOf(person, room) {
		if !slices.Contains(connect, u) {
			connect = append(connect, u)
		}
	}
	if len(connect) > 0 {
		meet = ""
	}
	return connect, meet
}
