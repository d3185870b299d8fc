package cli

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/internal/exchange"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/proof"
)

const checkLong = `Checks a proof file of any kind, offline: it needs no name, no store and no key, and
does not trust who gave the file. It says what is proved, by which keys, in which room,
and what is not proved. FILE may be - for standard input.

It ends with 0 if the proof is valid, with 5 and the exact reason if it is not, and
with 1 if the file cannot be read. Proof files come from "tallystick prove", from
"tallystick evidence" and x on the screen's evidence, and from "tallystick oracle prove":
of such a one it makes the price anew from what the oracles signed.`

func (p *program) checkCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "check a proof file, whoever gave it",
		Long:  checkLong,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("check takes one FILE, or - for standard input: tallystick check FILE")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return p.check(args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "say it as one JSON object")
	return cmd
}

// check checks the proof file at path.
func (p *program) check(path string, asJSON bool) error {
	b, err := p.readProof(path)
	if err != nil {
		return err
	}
	s, err := proof.Check(b)
	if err != nil {
		err = &codedError{ExitDamaged, fmt.Errorf("check %s: %w", path, err)}
		if asJSON {
			return errors.Join(p.object(invalidJSON{Code: proof.Code(err), Error: err.Error()}), err)
		}
		return err
	}
	if asJSON {
		return p.object(proofJSONOf(s))
	}
	return p.sayProof(s)
}

// readProof reads at most one byte more than a proof file may have.
func (p *program) readProof(path string) ([]byte, error) {
	in := p.In
	if path != "-" {
		f, err := disk.OpenRegular(path, os.O_RDONLY)
		if err != nil {
			return nil, fmt.Errorf("check: %w", err)
		}
		defer f.Close() // only read
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, proof.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", path, err)
	}
	return b, nil
}

// sayProof prints a valid proof for people.
func (p *program) sayProof(s *proof.Statement) error {
	var err error
	say := func(format string, args ...any) {
		if err == nil {
			err = p.printf(format, args...)
		}
	}
	say("valid: %s", s.Proved)
	say("kind: %s", s.Kind)
	for _, k := range s.Keys {
		say("signed by: %s", fullHex(k))
	}
	if s.Room != nil {
		say("room: %s %s", *s.Room, fullHex(s.RoomID))
	} else {
		say("room: %s", fullHex(s.RoomID))
	}
	if f := s.Fork; f != nil {
		if f.Fork.Prev == (crdt.ChangeID{}) {
			say("both after: the room itself")
		} else {
			say("both after: %s", fullHex(f.Fork.Prev))
		}
		for k, c := range f.Changes {
			say("change %c: %s", 'A'+k, fullHex(c.ID))
			switch {
			case c.Refused != nil:
				say("  content: no replica accepts it: %v", c.Refused)
				continue
			case c.Content == nil:
				say("  content: not in the file, only its hash %x", c.Hash)
				continue
			}
			say("  claims: %s", exchange.TimeText(c.Content.Time))
			for _, said := range contentLines(c.Content) {
				say("  says: %s", said)
			}
		}
	}
	if s.Price != nil {
		say("pair: %s", s.Price.Price.Pair)
		say("at: %s", utc(s.Price.Price.At))
		sayPrice(say, s.Price)
	}
	if s.Entry != nil {
		sayEntry(say, s.Entry)
	}
	say("not proved:")
	for _, n := range s.NotProved {
		say("  %s", n)
	}
	return err
}

// maxSaid bounds the entries of one change that are told: a change may hold thousands.
const maxSaid = 20

// contentLines are what a change says, an entry a line. They are text from outside.
func contentLines(c *crdt.Payload) []string {
	var out []string
	for i, l := range c.Appends {
		if i == maxSaid {
			out = append(out, fmt.Sprintf("and %d more entries", len(c.Appends)-i))
			break
		}
		out = append(out, entryLine(l))
	}
	switch {
	case c.Void:
		out = append(out, "nothing that can be read: it is void as a whole")
	case c.Others > 0:
		out = append(out, fmt.Sprintf("and %d ops that are no entries", c.Others))
	case len(out) == 0:
		out = append(out, "nothing")
	}
	return out
}

// entryLine is an entry as it is typed, or else what there is of it.
func entryLine(l crdt.Literal) string {
	e, err := ledger.Decode(l)
	if err != nil {
		return "an invalid entry: " + err.Error()
	}
	return formatEntry(&e)
}

// formatEntry is entryLine of a valid entry.
func formatEntry(e *ledger.Entry) string {
	if line, ok := ledger.Format(*e); ok {
		return line
	}
	from, to, amount := sides(e, func(_ *crdt.Author, label string) string { return label })
	line := from
	if to != "" {
		line += " -> " + to
	}
	line += " " + amount
	for _, s := range []string{e.Unit, e.Memo} {
		if s != "" {
			line += " " + s
		}
	}
	return line
}

// invalidJSON is what --json says of a file that is no valid proof.
type invalidJSON struct {
	Valid bool   `json:"valid"`
	Code  string `json:"code"`
	Error string `json:"error"`
}

// proofJSON is what --json says of a valid one.
type proofJSON struct {
	Valid     bool          `json:"valid"`
	Kind      string        `json:"kind"`
	Proved    string        `json:"proved"`
	Room      string        `json:"room"`
	RoomName  *string       `json:"room_name"` // null: the file does not tell
	Keys      []string      `json:"keys"`
	NotProved []string      `json:"not_proved"`
	Prev      *string       `json:"prev,omitempty"`    // of a fork: none is the room itself
	Changes   []changeProof `json:"changes,omitempty"` // of a fork: both
	Price     *priceProof   `json:"price,omitempty"`   // of a price
	Entry     *entryProof   `json:"entry,omitempty"`   // of an entry
	File      *string       `json:"file,omitempty"`    // that was written
}

type changeProof struct {
	ID      string        `json:"id"`
	Hash    string        `json:"payload_hash"`
	Time    string        `json:"time,omitempty"` // as its author claims
	Refused string        `json:"refused,omitempty"`
	Void    bool          `json:"void,omitempty"`
	Others  int           `json:"other_ops,omitempty"`
	Entries []contentJSON `json:"entries"` // null: the file holds the hash alone
}

// contentJSON is an entry that stands in no list.
type contentJSON struct {
	exchange.Content
	Reason string `json:"reason,omitempty"` // why it is invalid
}

func contentOf(l crdt.Literal) contentJSON {
	e, err := ledger.Decode(l)
	if err != nil {
		return contentJSON{Content: exchange.ContentOf(nil), Reason: err.Error()}
	}
	return contentJSON{Content: exchange.ContentOf(&e)}
}

func proofJSONOf(s *proof.Statement) proofJSON {
	j := proofJSON{Valid: true, Kind: s.Kind, Proved: s.Proved, Room: fullHex(s.RoomID), RoomName: s.Room, NotProved: s.NotProved}
	for _, k := range s.Keys {
		j.Keys = append(j.Keys, fullHex(k))
	}
	if s.Price != nil {
		j.Price = priceProofOf(s.Price)
	}
	if s.Entry != nil {
		j.Entry = entryProofOf(s.Entry)
	}
	if s.Fork == nil {
		return j
	}
	if prev := s.Fork.Fork.Prev; prev != (crdt.ChangeID{}) {
		h := fullHex(prev)
		j.Prev = &h
	}
	for _, c := range s.Fork.Changes {
		one := changeProof{ID: fullHex(c.ID), Hash: hex.EncodeToString(c.Hash[:])}
		if c.Refused != nil {
			one.Refused = c.Refused.Error()
		}
		if p := c.Content; p != nil {
			one.Time, one.Void, one.Others, one.Entries = exchange.TimeText(p.Time), p.Void, p.Others, []contentJSON{}
			for _, l := range p.Appends {
				one.Entries = append(one.Entries, contentOf(l))
			}
		}
		j.Changes = append(j.Changes, one)
	}
	return j
}
