package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/invite"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/profile"
)

// asFlag lets a command be done as somebody.
func asFlag(cmd *cobra.Command, as *string) {
	cmd.Flags().StringVar(as, "as", "", "do it as `NAME` (default: the name in the config, else your login name)")
	_ = cmd.RegisterFlagCompletionFunc("as", func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return completeNames(cmd, nil, word)
	}) // the flag exists
}

// asWhom is the person that a command is done as, and the config. No key is made: a command of a script with a slip of the pen would
// write as nobody.
func asWhom(as string) (*profile.Person, profile.Config, error) {
	cfg, err := profile.LoadConfig()
	if err != nil {
		return nil, cfg, err
	}
	if as != "" {
		person, err := load(as)
		return person, cfg, err
	}
	person, err := profile.Load(profile.DefaultName(cfg))
	return person, cfg, err
}

func (p *program) roomCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "room",
		Short: "found a closed room, invite to a room, leave one",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no command room %q: new, invite or leave", args[0])
			}
			return usage("room what? new, invite or leave")
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(p.roomNewCommand(), p.roomInviteCommand(), p.roomLeaveCommand())
	return cmd
}

const roomNewLong = `Founds a ledger in which only the writers may write; everyone may read it. The writers are
keys (64 hex digits, what tallystick id prints) or people that you have named (tallystick
people name). You are one of them, unless --without-me is given. They can never be changed:
the room's id is the hash of its charter. Prints the invitation, one line for the others to
give to: tallystick join`

func (p *program) roomNewCommand() *cobra.Command {
	var as string
	var writers, connect []string
	var without, asJSON bool
	cmd := &cobra.Command{
		Use:     "new ROOM --writers A,B,…",
		Short:   "found a closed room and print the invitation",
		Long:    roomNewLong,
		Example: "tallystick room new trip --writers bob,carol --connect wss://relay.example.org",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("room new takes the name of one room: tallystick room new ROOM --writers A,B")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			person, cfg, err := asWhom(as)
			if err != nil {
				return err
			}
			if len(writers) == 0 && without {
				return usage("room new needs who may write: --writers A,B")
			}
			if len(connect) == 0 {
				connect = cfg.Connect
			}
			relays, err := urls(connect)
			if err != nil {
				return err
			}
			who, err := writersOf(person, writers)
			if err != nil {
				return fmt.Errorf("--writers: %w", err)
			}
			if !without && !slices.Contains(who, crdt.Author(person.Author)) {
				who = append(who, person.Author)
			}
			in, err := foundRoom(person, args[0], who, relays)
			if err != nil {
				return &codedError{ExitUsage, fmt.Errorf("room new: %w", err)}
			}
			line, err := invite.Format(in)
			if err != nil {
				return fmt.Errorf("room new: %w", err)
			}
			p.note("founded and joined room %s, %v, writers: %d; to open it: tallystick run %s --room %s", in.Charter.Name, in.Charter.ID(), len(in.Charter.Writers), person.Name, roomWord(in.Charter))
			if len(relays) == 0 {
				p.note("the invitation names no relay: those invited have to know where to meet (--connect URL)")
			}
			return p.invitation(in, line, asJSON)
		},
	}
	asFlag(cmd, &as)
	s := cmd.Flags()
	s.StringSliceVar(&writers, "writers", nil, "who may write besides you: keys or names, parted by commas")
	s.BoolVar(&without, "without-me", false, "found it for others: you may read it, not write")
	s.BoolVar(&asJSON, "json", false, "print the invitation as a JSON object")
	s.StringArrayVar(&connect, "connect", nil, "the relay at `URL` where the room is to be found; may be given several times (default: those in the config)")
	return cmd
}

// roomWord is a room's name as a word of a command line.
func roomWord(c crdt.Charter) string {
	if strings.Trim(c.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == "" {
		return c.Name
	}
	return c.ID().String()
}

// foundRoom makes a new closed room, which person joins.
func foundRoom(person *profile.Person, name string, writers []crdt.Author, relays []string) (invite.Invitation, error) {
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails
	charter, err := newRoom(name, writers, nonce)
	if err != nil {
		return invite.Invitation{}, err
	}
	in := invite.Invitation{Charter: charter, Relays: relays}
	if _, err := invite.Format(in); err != nil {
		return in, err
	}
	_, err = join(person, in)
	return in, err
}

func (p *program) roomInviteCommand() *cobra.Command {
	var as string
	var connect []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "invite ROOM",
		Short: "print the invitation to a room that you have joined: one line",
		Long:  "Prints one line that holds the room's id, its charter, and where it is to be found: the relays of --connect,\nelse those of the invitation that you had, else those in the config. Nothing in it is secret.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("room invite takes one room: tallystick room invite ROOM")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			person, cfg, err := asWhom(as)
			if err != nil {
				return err
			}
			relays, err := urls(connect)
			if err != nil {
				return err
			}
			in, err := invitation(person, cfg, args[0], relays)
			if err != nil {
				return err
			}
			line, err := invite.Format(in)
			if err != nil {
				return err
			}
			return p.invitation(in, line, asJSON)
		},
	}
	asFlag(cmd, &as)
	cmd.Flags().StringArrayVar(&connect, "connect", nil, "the relay at `URL` where the room is to be found; may be given several times")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as a JSON object")
	return cmd
}

// invitationJSON is an invitation as JSON.
type invitationJSON struct {
	Room       string   `json:"room"` // its id
	Name       string   `json:"name"`
	Closed     bool     `json:"closed"`
	Writers    []string `json:"writers"`
	Relays     []string `json:"relays"`
	Invitation string   `json:"invitation"` // the line
}

// invitation prints one, that in is as a line.
func (p *program) invitation(in invite.Invitation, line string, asJSON bool) error {
	if !asJSON {
		return p.printf("%s", line)
	}
	c := in.Charter
	return p.object(invitationJSON{Room: fullHex(c.ID()), Name: c.Name, Closed: c.Closed(), Writers: hexOf(c.Writers), Relays: append([]string{}, in.Relays...), Invitation: line})
}

// hexOf are the ids of authors in full, never null in JSON.
func hexOf(authors []crdt.Author) []string {
	all := make([]string, 0, len(authors))
	for _, a := range authors {
		all = append(all, fullHex(a))
	}
	return all
}

// invitation is what invites to a joined room, or to an open one by its name.
func invitation(person *profile.Person, cfg profile.Config, word string, relays []string) (invite.Invitation, error) {
	var none invite.Invitation
	joined, err := person.Joined()
	if err != nil {
		return none, err
	}
	found, err := findJoined(joined, word)
	if err != nil {
		return none, &codedError{ExitUsage, err}
	}
	in := invite.Invitation{Charter: crdt.OpenLedger(word), Relays: relays}
	if found != nil {
		in.Charter = found.Charter
		if len(relays) == 0 {
			in.Relays = found.Relays
		}
	} else if err := seenName(word); err != nil {
		return none, &codedError{ExitUsage, err}
	}
	if len(in.Relays) == 0 {
		if in.Relays, err = urls(cfg.Connect); err != nil {
			return none, err
		}
	}
	return in, nil
}

func (p *program) roomLeaveCommand() *cobra.Command {
	var as string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "leave ROOM",
		Short: "take a room off your list; what you hold of it stays on the disk",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("room leave takes one room: tallystick room leave ROOM")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			person, _, err := asWhom(as)
			if err != nil {
				return err
			}
			var left profile.Joined
			if err := person.ChangeJoined(func(list []profile.Joined) ([]profile.Joined, error) {
				found, err := findJoined(list, args[0])
				if err != nil {
					return nil, &codedError{ExitUsage, err}
				}
				if found == nil {
					return nil, notJoined(person, args[0])
				}
				left = *found
				return slices.DeleteFunc(list, func(r profile.Joined) bool { return r.Charter.ID() == left.Charter.ID() }), nil
			}); err != nil {
				return err
			}
			if asJSON {
				return p.object(roomOf(person, left))
			}
			p.note("left room %s; what is here of it stays in %s", left.Charter.Name, person.RoomPath(left.Charter.ID()))
			return nil
		},
	}
	asFlag(cmd, &as)
	cmd.Flags().BoolVar(&asJSON, "json", false, "say as a JSON object which, as rooms does")
	return cmd
}

func notJoined(person *profile.Person, word string) error {
	return fmt.Errorf("%s has joined no room %q: tallystick rooms lists them", person.Name, word)
}

const joinLong = `Joins a room: by an invitation, one line of text that somebody sent you, or an open room
by its name. First it shows what the room's charter says, and asks (--yes: does not). An
invitation is not signed: whoever passed it on could have put another room in its place,
so look at who may write. - takes it from standard input.`

func (p *program) joinCommand() *cobra.Command {
	var as string
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:   "join INVITATION|ROOM",
		Short: "join a room, after showing what its charter says",
		Long:  joinLong,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 1 && !invite.Is(args[0]) {
				return usage("join takes an invitation, or the name of an open room: tallystick join INVITATION")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			person, _, err := asWhom(as)
			if err != nil {
				return err
			}
			text := strings.Join(args, " ")
			if text == "-" {
				b, err := io.ReadAll(io.LimitReader(p.In, invite.MaxBytes+1))
				if err != nil {
					return fmt.Errorf("standard input: %w", err)
				}
				if text = string(b); !invite.Is(text) {
					return fmt.Errorf("standard input: %w", invite.ErrNone)
				}
			}
			return p.join(person, text, yes, asJSON)
		},
	}
	asFlag(cmd, &as)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&asJSON, "json", false, "show the charter as a JSON object, as rooms does")
	return cmd
}

func (p *program) join(person *profile.Person, text string, yes, asJSON bool) error {
	in, err := look(person, text)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	already := in.at >= 0
	question := "join it?"
	if already {
		question = "you have joined it already; look for it at these relays, too?"
	}
	if asJSON {
		err = p.object(roomOf(person, profile.Joined{Charter: in.Charter, Relays: in.Relays}))
	} else {
		err = in.say(person, p.printf)
	}
	if err != nil {
		return err
	}
	if !yes && (!already || len(in.relays) > 0) {
		sure, err := p.ask(question, "join asks before it joins: give --yes where there is no terminal")
		if err != nil {
			return err
		}
		if !sure {
			return errors.New("not joined")
		}
	}
	if _, err := join(person, in.Invitation); err != nil {
		return err
	}
	word, id := roomWord(in.Charter), in.Charter.ID()
	if twins := slices.ContainsFunc(in.joined, func(r profile.Joined) bool { return r.Charter.Name == in.Charter.Name && r.Charter.ID() != id }); twins {
		word = distinctID(in.joined, id)
	}
	what := "joined"
	if already {
		what = "joined already"
	}
	p.note("%s; to open it: tallystick run %s --room %s", what, person.Name, word)
	return nil
}

// say says what an invitation and its charter say, for whoever is to decide, a line at a time.
func (j *joining) say(person *profile.Person, printf func(string, ...any) error) error {
	c := j.Charter
	lines := []string{
		"room: " + c.Name,
		"id: " + fullHex(c.ID()),
		"kind: " + string(c.Kind),
	}
	for _, care := range j.care {
		lines = append(lines, "take care: "+care)
	}
	if !c.Closed() {
		lines = append(lines, "writers: everybody")
	} else {
		contacts, err := loadContacts(person)
		if err != nil {
			return err
		}
		who := ledger.NewPeople(c.Writers, func(crdt.Author) string { return "" }, contacts, person.Author, person.Name.String())
		lines = append(lines, fmt.Sprintf("writers: %d", len(c.Writers)))
		for _, a := range c.Writers {
			word := "not known to you"
			if s := who.Shown(a); a == crdt.Author(person.Author) {
				word = s.Name + ", you"
			} else if s.Name != "" {
				word = s.Name
				if s.Confirmed {
					word += ", confirmed"
				}
			}
			lines = append(lines, fmt.Sprintf("  %s %s", fullHex(a), word))
		}
	}
	for _, r := range j.Relays {
		lines = append(lines, "relay: "+r)
	}
	if mayWrite(c, person.Author) {
		lines = append(lines, "you may read this room, and write")
	} else {
		lines = append(lines, "you may read this room, not write")
	}
	for _, line := range lines {
		if err := printf("%s", line); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) roomsCommand() *cobra.Command {
	var as string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rooms",
		Short: "list the rooms that you have joined",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			person, _, err := asWhom(as)
			if err != nil {
				return err
			}
			return p.rooms(person, asJSON)
		},
	}
	asFlag(cmd, &as)
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

// roomJSON is a joined room as JSON.
type roomJSON struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Closed  bool     `json:"closed"`
	Writers []string `json:"writers"`
	Write   bool     `json:"write"` // you may
	Relays  []string `json:"relays"`
	Here    bool     `json:"here"` // there is something of it on this disk
}

func roomOf(person *profile.Person, r profile.Joined) roomJSON {
	id := r.Charter.ID()
	_, err := os.Lstat(person.RoomPath(id))
	return roomJSON{
		ID: fullHex(id), Name: r.Charter.Name, Closed: r.Charter.Closed(), Writers: hexOf(r.Charter.Writers),
		Write: mayWrite(r.Charter, person.Author), Relays: append([]string{}, r.Relays...), Here: !errors.Is(err, fs.ErrNotExist),
	}
}

func (p *program) rooms(person *profile.Person, asJSON bool) error {
	joined, err := person.Joined()
	if err != nil {
		return err
	}
	if len(joined) == 0 {
		p.note("%s has joined no room yet: tallystick join ROOM, or just: tallystick run %s", person.Name, person.Name)
	}
	for _, r := range joined {
		id := r.Charter.ID()
		if asJSON {
			if err := p.object(roomOf(person, r)); err != nil {
				return err
			}
			continue
		}
		words, j := access(r.Charter), roomOf(person, r)
		if !j.Write {
			words += ", you may read it, not write"
		}
		if !j.Here {
			words += ", not opened yet"
		}
		if err := p.printf("%s  %s  %s", id, r.Charter.Name, words); err != nil {
			return err
		}
	}
	return nil
}
