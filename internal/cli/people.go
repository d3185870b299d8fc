package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/profile"
)

const peopleLong = `Lists who is known in a room: what each is called, the first digits of the key unless you
have confirmed it, and ? beside a name that could be taken for another's. A name is never
an identity: what you call somebody (people name) wins over what they call themselves.`

func (p *program) peopleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "people",
		Short: "list who is known; confirm a key, or give a name",
		Long:  peopleLong,
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return nil },
	}
	p.addPeopleList(cmd)
	cmd.AddCommand(p.peopleNameCommand(), p.peopleConfirmCommand(), p.peopleForgetCommand())
	return cmd
}

// contactJSON is somebody whom the user has named, as JSON.
type contactJSON struct {
	Author       string `json:"author"`
	Name         string `json:"name"`
	Confirmed    bool   `json:"confirmed"`
	SafetyNumber string `json:"safety_number,omitempty"`
}

func contactOf(c ledger.Contact) contactJSON {
	return contactJSON{Author: fullHex(c.Author), Name: c.Name, Confirmed: c.Confirmed}
}

func (p *program) peopleNameCommand() *cobra.Command {
	var as, room string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "name AUTHOR NAME",
		Short:   "call an author NAME from now on, whatever it calls itself",
		Long:    "AUTHOR is a key, 64 hex digits, or whatever name tells who is meant in the room. The name is yours alone:\nnobody else sees it.",
		Example: "tallystick people name bob#1a2b3c4d Robert",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("people name takes an AUTHOR and a NAME: tallystick people name AUTHOR NAME")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			person, cfg, err := asWhom(as)
			if err != nil {
				return err
			}
			a, _, err := p.whoIs(cmd, person, cfg, room, args[0])
			if err != nil {
				return err
			}
			if a == crdt.Author(person.Author) {
				return usage("that is you: others see the name that you announce, %s", person.Name)
			}
			named := ledger.Contact{Author: a, Name: args[1]}
			if err := person.ChangeContacts(func(c ledger.Contacts) (ledger.Contacts, error) {
				old, _ := c.Of(a)
				named.Confirmed = old.Confirmed
				return c.With(named)
			}); err != nil {
				return &codedError{ExitUsage, err}
			}
			if asJSON {
				return p.object(contactOf(named))
			}
			return p.printf("%s is %s", args[1], fullHex(a))
		},
	}
	asFlag(cmd, &as)
	roomFlag(cmd, &room)
	cmd.Flags().BoolVar(&asJSON, "json", false, "say it as a JSON object")
	return cmd
}

func roomFlag(cmd *cobra.Command, room *string) {
	cmd.Flags().StringVar(room, "room", "", "the `ROOM` in which names tell who is meant (default \"main\")")
	_ = cmd.RegisterFlagCompletionFunc("room", cobra.NoFileCompletions) // the flag exists
}

const peopleConfirmLong = `Shows the safety number of you and AUTHOR: six groups of five digits, which the other
sees too, with the same command or on the people page. Read it to each other on another
way than this program, best face to face. If it is equal, each has the other's key; then
the name stands alone, without digits of the key. If it is not, somebody poses as one of you.`

func (p *program) peopleConfirmCommand() *cobra.Command {
	var as, room string
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:     "confirm AUTHOR|NAME [AS]",
		Short:   "compare a safety number with somebody, and remember that the key is right",
		Long:    peopleConfirmLong,
		Example: "tallystick people confirm bob",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usage("people confirm takes an AUTHOR or a name, and what to call it if it has none: tallystick people confirm bob")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			person, cfg, err := asWhom(as)
			if err != nil {
				return err
			}
			a, name, err := p.whoIs(cmd, person, cfg, room, args[0])
			if err != nil {
				return err
			}
			if a == crdt.Author(person.Author) {
				return usage("that is you: there is nobody to compare with")
			}
			if len(args) == 2 {
				name = args[1]
			}
			if name == "" {
				return usage("%s calls itself nothing: say what to call it: tallystick people confirm %s NAME", a, fullHex(a))
			}
			number := ledger.SafetyNumber(person.Author, a)
			for _, line := range []string{"key: " + fullHex(a), fmt.Sprintf("safety number of %s and %s:", person.Name, name), "  " + number} {
				if asJSON {
					p.note("%s", line) // the object comes once it is confirmed
				} else if err := p.printf("%s", line); err != nil {
					return err
				}
			}
			if !yes {
				sure, err := p.ask(fmt.Sprintf("does %s have the same number?", name), "people confirm asks whether the numbers are equal: where there is no terminal give --yes, once you have compared them")
				if err != nil {
					return err
				}
				if !sure {
					return fmt.Errorf("not confirmed; if the numbers differ, that is not %s's key: agree to nothing in its name", name)
				}
			}
			if err := person.ChangeContacts(func(c ledger.Contacts) (ledger.Contacts, error) {
				return c.With(ledger.Contact{Author: a, Name: name, Confirmed: true})
			}); err != nil {
				return &codedError{ExitUsage, err}
			}
			if asJSON {
				return p.object(contactJSON{fullHex(a), name, true, number})
			}
			p.note("confirmed: %s is %s", name, fullHex(a))
			return nil
		},
	}
	asFlag(cmd, &as)
	roomFlag(cmd, &room)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask: the numbers were compared")
	cmd.Flags().BoolVar(&asJSON, "json", false, "say it as a JSON object, once it is confirmed")
	return cmd
}

func (p *program) peopleForgetCommand() *cobra.Command {
	var as string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "forget AUTHOR|NAME",
		Short: "forget what you called somebody, and that the key was confirmed",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("people forget takes one AUTHOR or name: tallystick people forget bob")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			person, _, err := asWhom(as)
			if err != nil {
				return err
			}
			var forgot ledger.Contact
			if err := person.ChangeContacts(func(c ledger.Contacts) (ledger.Contacts, error) {
				for _, forgot = range c.All() {
					if forgot.Name == args[0] || strings.EqualFold(fullHex(forgot.Author), args[0]) {
						return c.Without(forgot.Author), nil
					}
				}
				return c, fmt.Errorf("you have named nobody %q: tallystick people lists them", args[0])
			}); err != nil {
				return err
			}
			if asJSON {
				return p.object(contactOf(forgot))
			}
			p.note("forgot %s, %s", forgot.Name, fullHex(forgot.Author))
			return nil
		},
	}
	asFlag(cmd, &as)
	cmd.Flags().BoolVar(&asJSON, "json", false, "say as a JSON object whom")
	return cmd
}

// whoIs is the author that a word means, and what it is called, "" if nothing: to the user, or else in a room, which may run.
func (p *program) whoIs(cmd *cobra.Command, person *profile.Person, cfg profile.Config, room, word string) (a crdt.Author, name string, err error) {
	contacts, err := loadContacts(person)
	if err != nil {
		return a, "", err
	}
	charter, err := roomFor(person, room, cfg)
	if err != nil {
		return a, "", err
	}
	if _, err := os.Lstat(person.RoomPath(charter.ID())); errors.Is(err, fs.ErrNotExist) {
		who := ledger.NewPeople(nil, func(crdt.Author) string { return "" }, contacts, person.Author, person.Name.String())
		a, ok, _ := who.Lookup(word) // there is nobody to be taken for another
		if !ok {
			if a, err = profile.ParseAuthor(word); err != nil {
				return a, "", usage("nobody is called %q here: give the key, 64 hex digits, as tallystick id prints it there", word)
			}
		}
		return a, who.Name(a), nil
	}
	var out bytes.Buffer
	f := &deskFlags{as: person.Name.String(), room: room, offline: true, wait: defaultWait}
	if err := p.callDeskUntil(cmd.Context(), f, &deskCall{Verb: whoisVerb, Args: []string{word}}, &out); err != nil {
		return a, "", err
	}
	var found known
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		return a, "", fmt.Errorf("whois: %w", err)
	}
	a, err = profile.ParseAuthor(found.Author)
	return a, found.Name, err
}
