package cli

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/exchange"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/transport"
)

// deskOut is where a command puts what it has to say: events on standard output, notes on standard error.
type deskOut struct {
	*eventWriter
	p *program
}

func newDeskOut(out, errs io.Writer, asJSON bool) *deskOut {
	p := &program{Streams: Streams{Out: out, Err: errs}}
	return &deskOut{eventWriter: newEventWriter(bufio.NewWriterSize(out, 32<<10), asJSON), p: p}
}

// note says one line on standard error, made safe.
func (o *deskOut) note(format string, args ...any) { o.p.note(format, args...) }

// teller is what the lines of entries need beside the entry: how it stands, and who is who.
type teller struct {
	book   *ledger.Book
	people *ledger.People
}

// teller returns what tells of entries, as of the newest look.
func (d *desk) teller() (*teller, error) {
	who, err := d.who()
	if err != nil {
		return nil, err
	}
	return &teller{d.book, who}, nil
}

// tellerOf is what tells a person of the entries of a view.
func tellerOf(v *crdt.View, person *profile.Person) (*teller, error) {
	contacts, err := person.Contacts()
	if err != nil {
		return nil, err
	}
	book := ledger.NewBook(person.Author)
	book.Update(v)
	return &teller{book, ledger.NewPeople(book.Authors(), book.Name, contacts, person.Author, person.Name.String())}, nil
}

// standing is the word for how an entry stands, with whom it names.
func (t *teller) standing(s ledger.Status) string {
	word := s.Standing.String()
	switch s.Standing {
	case ledger.Claimed:
		if s.StandBy > 1 {
			return word + " " + strconv.Itoa(s.StandBy) + " of " + strconv.Itoa(s.Sides)
		}
		return word + " by " + t.author(s.By)
	case ledger.Hearsay, ledger.Disputed:
		return word + " by " + t.author(s.By)
	}
	return word
}

// author is how an author is called in columns: what the user or it calls it, with the first digits of its key unless that was
// confirmed. Untrusted.
func (t *teller) author(a crdt.Author) string {
	s := t.people.Shown(a)
	switch {
	case s.Confirmed:
		return s.Name
	case s.Name == "":
		return "#" + s.Digits
	}
	return s.Name + "#" + s.Digits
}

// party is how a side of an entry is called in columns. A label that nobody's key stands behind is as typed, in quotes if it could be
// taken for somebody with one.
func (t *teller) party(key *crdt.Author, label string) string {
	if key != nil {
		if s := t.people.Shown(*key); s.Name == "" {
			return label + "#" + s.Digits
		}
		return t.author(*key)
	}
	if t.people.Seems(label) || strings.ContainsRune(label, '#') {
		return strconv.Quote(label)
	}
	return label
}

// partyJSON is a side of a balance or a payment.
type partyJSON struct {
	Label     string  `json:"label"`     // what it is called here
	Key       *string `json:"key"`       // null: nobody's key stands behind the label
	Confirmed bool    `json:"confirmed"` // the user compared the key
}

func (t *teller) partyJSON(p ledger.Party) partyJSON {
	if !p.Bound {
		return partyJSON{Label: p.Label}
	}
	s := t.people.Shown(p.Key)
	k := fullHex(p.Key)
	return partyJSON{Label: s.Name, Key: &k, Confirmed: s.Confirmed}
}

func (t *teller) partyText(p ledger.Party) string {
	if p.Bound {
		return t.author(p.Key)
	}
	return t.party(nil, p.Label)
}

// markJSON is something that somebody said of an entry, or of itself.
type markJSON struct {
	Time     string  `json:"time"` // as its author claims
	Kind     string  `json:"kind"`
	ID       string  `json:"id"` // of the entry; "" if Say is name
	Author   string  `json:"author"`
	Seq      uint64  `json:"seq"`
	Say      string  `json:"say"` // agree, dispute, withdraw; nothing: taken back; name: how the author calls itself
	Memo     *string `json:"memo"`
	Name     *string `json:"name,omitempty"`
	Standing string  `json:"standing"` // of the entry now; "" if Say is name
	standingJSON
}

// standingJSON tells of a standing besides its word.
type standingJSON struct {
	By      *string `json:"by,omitempty"`       // whom the word names: who claims, says, disputes
	StandBy *int    `json:"stand_by,omitempty"` // sides with a key that stand by the entry
	Sides   *int    `json:"sides,omitempty"`    // of so many
}

func standingOf(s ledger.Status) standingJSON {
	var j standingJSON
	if s.Standing == ledger.None || s.Standing == ledger.Invalid {
		return j
	}
	j.StandBy, j.Sides = &s.StandBy, &s.Sides
	switch s.Standing {
	case ledger.Claimed, ledger.Hearsay, ledger.Disputed, ledger.Withdrawing:
		by := fullHex(s.By)
		j.By = &by
	}
	return j
}

const sayNothing, sayName = "nothing", "name"

// mark writes what the change c says by one of its marks.
func (w *eventWriter) mark(v *crdt.View, c crdt.Change, m crdt.Mark, t *teller) {
	j := markJSON{Time: exchange.TimeText(c.Time), Kind: kindMark, Author: fullHex(c.Author), Seq: c.Seq}
	if m.Root {
		name := ledger.DecodeName(m.Literal)
		if name == "" {
			return // of no meaning here
		}
		j.Say, j.Name = sayName, &name
		if w.json {
			w.object(j)
			return
		}
		w.columns(j.Time, kindMark, "", c.Author.String(), sayName, "", "", "", name)
		return
	}
	say, memo := ledger.DecodeSay(m.Literal)
	j.Say = say.String()
	if say == ledger.Nothing {
		j.Say = sayNothing
	}
	status := t.book.Status(m.Key)
	if status.Standing == ledger.None {
		return
	}
	if w.json {
		j.ID, j.Memo, j.Standing, j.standingJSON = ledger.EntryID(v, m.Key), exchange.Present(memo), status.Standing.String(), standingOf(status)
		w.object(j)
		return
	}
	w.columns(j.Time, kindMark, ledger.ShortID(v, m.Key), c.Author.String(), j.Say, "", "", "", memo, "", t.standing(status))
}

// entryState is the word for how far an own entry has got, "" for another's: for the commands, which tell the same whatever
// process carries them out.
func entryState(snap *transport.Snapshot, k crdt.Key) string {
	if snap.View.ChangeAt(k.Change).Author != snap.Me {
		return ""
	}
	s := snap.State(k.Change)
	if s.Standing == transport.Refused {
		return refusedWord + ": " + s.Reason.Code
	}
	return s.Standing.String()
}

// Words of entryState.
const (
	sentWord    = "sent"
	refusedWord = "refused"
)

// balanceJSON is what one party has, in one unit. Amounts are exact decimals, for they may exceed any integer.
type balanceJSON struct {
	Kind     string    `json:"kind"`
	Unit     *string   `json:"unit"`
	Party    partyJSON `json:"party"`
	Tallied  string    `json:"tallied"`  // entries that all sides stand by
	Claimed  string    `json:"claimed"`  // those, and the ones that some stand by
	Disputed string    `json:"disputed"` // disputed, or asked to be withdrawn
}

// paymentJSON is one payment that helps to settle up.
type paymentJSON struct {
	Kind   string    `json:"kind"`
	Unit   *string   `json:"unit"`
	From   partyJSON `json:"from"`
	To     partyJSON `json:"to"`
	Amount string    `json:"amount"`
	Line   *string   `json:"line"` // as it can be typed; null: no line says so much at once
}
