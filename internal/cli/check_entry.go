package cli

import (
	"fmt"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/exchange"
	"github.com/tallystick/tallystick/internal/proof"
)

// sayEntry says for people what the proof of an entry shows. Its texts are from outside.
func sayEntry(say func(format string, args ...any), s *proof.EntryStatement) {
	say("entry: %s", nameText(s.Name))
	say("  says: %s", formatEntry(&s.Entry))
	say("  written by: %s, who claims %s", fullHex(s.Writer), exchange.TimeText(s.Time))
	for i := range s.Sides {
		side, p := &s.Sides[i], &s.Entry.Postings[i]
		switch {
		case side.Key == nil:
			say("side %s: bound to no key: nobody can sign for it", p.Label)
		case !side.Stands:
			say("side %s %s: has not signed it, as far as the file shows", p.Label, fullHex(*side.Key))
		case *side.Key == s.Writer:
			say("side %s %s: wrote it", p.Label, fullHex(*side.Key))
		default:
			memo := ""
			if side.Memo != "" {
				memo = ": " + side.Memo
			}
			say("side %s %s: agreed by change %s, claims %s%s", p.Label, fullHex(*side.Key), fullHex(side.Change), exchange.TimeText(side.Time), memo)
		}
	}
	if s.Replaced != nil {
		say("corrects: %s", nameText(s.Replaced.Name))
		say("  says: %s", entryLine(s.Replaced.Literal))
	}
	say("standing: %s, as far as the file shows", s.Standing())
}

// nameText is a name in full; things of a change count from 1, as they do for people.
func nameText(n crdt.Name) string { return fmt.Sprintf("%s.%d", fullHex(n.Change), n.Index+1) }

// entryProof is what --json says of the proof of an entry.
type entryProof struct {
	Change   string      `json:"change"`
	Thing    uint32      `json:"thing"` // of the change, from 0
	Standing string      `json:"standing"`
	Writer   string      `json:"writer"`
	Time     string      `json:"time"` // as the writer claims
	Content  contentJSON `json:"content"`
	Sides    []sideProof `json:"sides"`    // one for each posting, in their order
	Replaces *oldProof   `json:"replaces"` // null: nothing that the file shows
}

type sideProof struct {
	Label  string  `json:"label"`
	Key    *string `json:"key"`    // null: bound to none
	Stands *string `json:"stands"` // "wrote" or "agreed"; null: it has not signed it, as far as the file shows
	Change *string `json:"change"` // by which it stands by it
	Time   *string `json:"time"`   // as it claims
	Memo   *string `json:"memo"`
}

type oldProof struct {
	Change  string      `json:"change"`
	Thing   uint32      `json:"thing"`
	Content contentJSON `json:"content"`
}

func entryProofOf(s *proof.EntryStatement) *entryProof {
	j := &entryProof{
		Change: fullHex(s.Name.Change), Thing: s.Name.Index, Standing: s.Standing(), Writer: fullHex(s.Writer), Time: exchange.TimeText(s.Time),
		Content: contentJSON{Content: exchange.ContentOf(&s.Entry)},
	}
	for i := range s.Sides {
		side := &s.Sides[i]
		one := sideProof{Label: s.Entry.Postings[i].Label, Memo: exchange.Present(side.Memo)}
		if side.Key != nil {
			one.Key = exchange.Present(fullHex(*side.Key))
		}
		if side.Stands {
			how := "agreed"
			if *side.Key == s.Writer {
				how = "wrote"
			}
			one.Stands, one.Change, one.Time = &how, exchange.Present(fullHex(side.Change)), exchange.Present(exchange.TimeText(side.Time))
		}
		j.Sides = append(j.Sides, one)
	}
	if old := s.Replaced; old != nil {
		j.Replaces = &oldProof{Change: fullHex(old.Name.Change), Thing: old.Name.Index, Content: contentOf(old.Literal)}
	}
	return j
}
