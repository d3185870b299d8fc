package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/internal/safe"
)

// personJSON is somebody who is known, as JSON.
type personJSON struct {
	Author    string `json:"author"`
	Name      string `json:"name"`    // what you call it, else what it calls itself
	Claimed   string `json:"claimed"` // what it calls itself
	Confirmed bool   `json:"confirmed"`
	LookAlike bool   `json:"look_alike"`
	Me        bool   `json:"me"`
}

// addPeopleList makes cmd list who is known in a room.
func (p *program) addPeopleList(cmd *cobra.Command) {
	f := &deskFlags{}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return p.people(cmd, f)
	}
}

func (p *program) people(cmd *cobra.Command, f *deskFlags) error {
	person, _, charter, err := f.chosen()
	if err != nil {
		return err
	}
	if _, err := os.Lstat(person.RoomPath(charter.ID())); !errors.Is(err, fs.ErrNotExist) || f.sync {
		return p.callDesk(cmd, f, &deskCall{Verb: peopleVerb})
	}
	// Nothing of the room is here: whom the user has named is known all the same.
	contacts, err := loadContacts(person)
	if err != nil {
		return err
	}
	out := newDeskOut(p.Out, p.Err, f.json)
	out.people(ledger.NewPeople(nil, func(crdt.Author) string { return "" }, contacts, person.Author, person.Name.String()))
	return out.flush()
}

const (
	peopleVerb = "people"
	whoisVerb  = "whois" // who a word means: for people confirm and name
)

func verbPeople(_ context.Context, d *desk, _ *deskCall, out *deskOut) error {
	who, err := d.who()
	if err != nil {
		return err
	}
	out.people(who)
	return nil
}

// people writes who is known, one a line.
func (o *deskOut) people(who *ledger.People) {
	for _, one := range who.Of() {
		if o.json {
			o.object(personJSON{fullHex(one.Author), one.Shown.Name, one.Claimed, one.Shown.Confirmed && !one.Me, one.Shown.LookAlike, one.Me})
		} else {
			o.line(personLine(one))
		}
	}
}

// line writes one line of words, made safe.
func (o *deskOut) line(words string) {
	o.write([]byte(safe.Text(words, maxNoteCells).String() + "\n"))
}

// verbRooms lists the joined rooms, for plain mode.
func verbRooms(_ context.Context, d *desk, c *deskCall, out *deskOut) error {
	var lines bytes.Buffer
	err := (&program{Streams: Streams{Out: &lines, Err: out.p.Err}}).rooms(d.person, c.JSON)
	out.write(lines.Bytes())
	return err
}

// known is who a word means, as whois tells it.
type known struct {
	Author string `json:"author"`
	Name   string `json:"name"` // "" if it has none
}

func verbWhois(_ context.Context, d *desk, c *deskCall, out *deskOut) error {
	who, err := d.who()
	if err != nil {
		return err
	}
	a, ok, err := who.Lookup(c.Args[0])
	if err != nil {
		return &codedError{ExitUsage, err}
	}
	if !ok {
		if a, err = profile.ParseAuthor(c.Args[0]); err != nil {
			return fmt.Errorf("nobody is called %q here: give the key, 64 hex digits, as tallystick id prints it there; tallystick people lists who is known", c.Args[0])
		}
	}
	out.object(known{fullHex(a), who.Name(a)})
	return nil
}

// personLine is one of them in words.
func personLine(one ledger.Person) string {
	name := one.Shown.Name
	if name == "" {
		name = "(no name)"
	}
	if one.Shown.LookAlike {
		name += " ?"
	}
	words := []string{fullHex(one.Author), name}
	switch {
	case one.Me:
		words = append(words, "you")
	case one.Shown.Confirmed:
		words = append(words, "confirmed")
	case one.Contact.Name != "":
		words = append(words, "named by you")
	}
	if one.Claimed != "" && one.Claimed != one.Shown.Name {
		words = append(words, "calls itself "+one.Claimed)
	}
	if one.Shown.LookAlike {
		words = append(words, "looks like another's name")
	}
	return strings.Join(words, "  ")
}
