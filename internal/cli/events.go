package cli

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/exchange"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/transport"
)

// What a line of plain mode tells: its kind.
const (
	kindEntry    = "entry"    // an entry of the list
	kindMark     = "mark"     // somebody agrees to an entry, disputes it, takes that back, or says a name
	kindState    = "state"    // an own entry has got further
	kindRefused  = "refused"  // something was refused, by us or by a peer
	kindEvidence = "evidence" // an author has signed two changes after one
	kindPeer     = "peer"     // a peer is live, or its connection has ended
	kindStore    = "store"    // part of the store was lost, or is back
	kindBalance  = "balance"  // what a party has
	kindPayment  = "payment"  // what settles up
	kindBad      = "bad"      // a line of a file that cannot be imported
	kindImport   = "import"   // what an import comes to
	kindRoom     = "room"     // what follows is of that room
	kindEnd      = "end"      // the last line
)

// eventWriter writes events, one a line: as columns parted by tabs, absent ones "-", or as JSON objects. The columns are
//
//	time kind id author from to amount unit memo state standing
//
// of which all kinds but entry leave out what they do not have from the end, and put what they have to say in words in
// the place of from. All text from outside is made safe here. After the first error it writes nothing.
type eventWriter struct {
	out  *bufio.Writer
	json bool
	err  error

	read ledger.Entry // reused
	line []byte       // reused
}

func newEventWriter(out *bufio.Writer, asJSON bool) *eventWriter {
	return &eventWriter{out: out, json: asJSON}
}

// entryJSON is an entry as JSON.
type entryJSON struct {
	Time   string `json:"time"` // as its author claims
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Author string `json:"author"`
	Seq    uint64 `json:"seq"`
	exchange.Content
	State    string  `json:"state"`              // "" if it is not ours
	Standing string  `json:"standing"`           // the word, as in docs/protocol.md
	Reason   string  `json:"reason,omitempty"`   // if it is invalid
	Replaces *string `json:"replaces,omitempty"` // the entry that it corrects
	standingJSON
}

// entry writes one row of v, which t tells of.
func (w *eventWriter) entry(v *crdt.View, row crdt.Row, state string, t *teller) {
	c := v.ChangeAt(row.Key.Change)
	bad := w.read.Decode(row.Literal)
	e := &w.read
	status := t.book.Status(row.Key)
	if bad == nil && status.Standing == ledger.Invalid {
		bad = &ledger.InvalidError{Reason: status.Reason} // of what it corrects: the book knows
	}
	if w.json {
		j := entryJSON{
			Time: exchange.TimeText(c.Time), Kind: kindEntry, ID: ledger.EntryID(v, row.Key), Author: fullHex(c.Author), Seq: c.Seq,
			Content: exchange.ContentOf(nil), State: state, Standing: status.Standing.String(), standingJSON: standingOf(status),
		}
		if bad != nil {
			j.Reason = bad.Error()
		} else {
			j.Content = exchange.ContentOf(e)
		}
		if status.IsCorrection {
			replaces := ledger.EntryID(v, status.Replaces)
			j.Replaces = &replaces
		}
		w.object(j)
		return
	}
	id := ledger.ShortID(v, row.Key)
	if bad != nil {
		w.columns(exchange.TimeText(c.Time), kindEntry, id, c.Author.String(), "", "", "", "", bad.Error(), state, t.standing(status))
		return
	}
	from, to, amount := sides(e, t.party)
	standing := t.standing(status)
	if status.IsCorrection {
		standing += ", corrects " + ledger.ShortID(v, status.Replaces) // who agrees to this lets that go
	}
	w.columns(exchange.TimeText(c.Time), kindEntry, id, c.Author.String(), from, to, amount, e.Unit, e.Memo, state, standing)
}

// sides returns what stands in the columns from, to and amount: for more than two postings all parties in the first, and
// what each gets (below zero: gives) in the last, in the same order. called is how a party is called.
func sides(e *ledger.Entry, called func(*crdt.Author, string) string) (from, to, amount string) {
	if giver, taker, ok := e.Transfer(); ok {
		return called(giver.Key, giver.Label), called(taker.Key, taker.Label), ledger.FormatAmount(taker.Amount, e.Scale)
	}
	var parties, amounts []string
	for _, p := range e.Postings {
		parties = append(parties, called(p.Key, p.Label))
		amounts = append(amounts, ledger.FormatAmount(p.Amount, e.Scale))
	}
	return strings.Join(parties, ","), "", strings.Join(amounts, ",")
}

// eventJSON is every other event as JSON.
type eventJSON struct {
	Time    string `json:"time"`
	Kind    string `json:"kind"`
	ID      string `json:"id,omitempty"`
	Other   string `json:"other,omitempty"`
	Author  string `json:"author,omitempty"`
	Seq     uint64 `json:"seq,omitempty"`
	Peer    string `json:"peer,omitempty"`
	State   string `json:"state,omitempty"`
	Code    string `json:"code,omitempty"`
	Text    string `json:"text,omitempty"`
	N       int    `json:"n,omitempty"`
	By      string `json:"by,omitempty"` // refused: "us" or "peer"
	Storers *int   `json:"stored_by,omitempty"`
	Of      *int   `json:"of,omitempty"`
}

// state writes that an own change has got further.
func (w *eventWriter) state(now time.Time, c crdt.Change, s transport.ChangeState) {
	word := stateWord(s)
	if w.json {
		j := eventJSON{Time: stamp(now), Kind: kindState, ID: fullHex(c.ID), Author: fullHex(c.Author), Seq: c.Seq, State: word}
		if s.Standing == transport.Sent {
			j.Storers, j.Of = &s.By, &s.Of
		}
		if s.Standing == transport.Refused {
			j.Code, j.Text = s.Reason.Code, s.Reason.Text
		}
		w.object(j)
		return
	}
	w.columns(stamp(now), kindState, c.ID.String(), c.Author.String(), word)
}

// stateWord is the word for how far a change has got, "" for another's.
func stateWord(s transport.ChangeState) string {
	switch s.Standing {
	case transport.Sent:
		return "sent " + strconv.Itoa(s.By) + "/" + strconv.Itoa(s.Of)
	case transport.Refused:
		return "refused: " + s.Reason.Code
	default:
		return s.Standing.String()
	}
}

// event writes what happened to peers and packs; it leaves out what has no kind.
func (w *eventWriter) event(e transport.Event) {
	j := eventJSON{Time: stamp(e.Time), Peer: e.Address, Code: e.Code, Text: e.Text, N: e.N}
	var words string
	switch e.Kind {
	case transport.EventPeerLive:
		j.Kind, j.State = kindPeer, "live"
		words = e.Address + " live"
	case transport.EventPeerClosed:
		j.Kind, j.State = kindPeer, "closed"
		words = e.Address + " closed: " + e.Code + ": " + strings.TrimPrefix(e.Text, e.Address+": ") // a dial error names it too
	case transport.EventWithheld:
		j.Kind, j.State = kindPeer, "withholds"
		words = fmt.Sprintf("%s no longer shows %d changes that it said to have stored", e.Address, e.N)
	case transport.EventRefused:
		j.Kind, j.By = kindRefused, "us"
		words = fmt.Sprintf("%d from %s: %s", max(e.N, 1), e.Address, e.Code)
	case transport.EventNoteRefused:
		j.Kind, j.By = kindRefused, "peer"
		words = "by " + e.Address + ": " + e.Code + ": " + e.Text
	case transport.EventSalvage:
		j.Kind, j.State = kindStore, e.Code
		j.Code = ""
		words = e.Code + ": " + e.Text
	case transport.EventFork, transport.EventSelfFork:
		j.Kind, j.Other = kindEvidence, fullHex(e.Other)
		words = "signed two changes after one: " + e.Change.String() + " and " + e.Other.String()
	default:
		return
	}
	id, author := "", ""
	if e.Change != (crdt.ChangeID{}) {
		id, j.ID = e.Change.String(), fullHex(e.Change)
	}
	if e.Author != (crdt.Author{}) {
		author, j.Author = e.Author.String(), fullHex(e.Author)
	}
	if w.json {
		w.object(j)
		return
	}
	w.columns(stamp(e.Time), j.Kind, id, author, words)
}

// roomLineJSON says which room what follows is of.
type roomLineJSON struct {
	Time string `json:"time"`
	Kind string `json:"kind"`
	Room string `json:"room"`
	Name string `json:"name"`
}

// room says which room what follows is of.
func (w *eventWriter) room(c crdt.Charter) {
	now := stamp(time.Now())
	if w.json {
		w.object(roomLineJSON{now, kindRoom, fullHex(c.ID()), c.Name})
		return
	}
	w.columns(now, kindRoom, c.ID().String(), "", c.Name)
}

// endJSON is the last line.
type endJSON struct {
	Time      string `json:"time"`
	Kind      string `json:"kind"`
	Rows      int    `json:"rows"`
	LogDigest string `json:"log_digest"`
	DocDigest string `json:"doc_digest"`
	Room      string `json:"room"`
	Changes   int    `json:"changes"`
	Forks     int    `json:"forks"`
	// Of a run, not of show:
	Unsent *int   `json:"unsent,omitempty"` // saved here, stored by no peer
	Bad    *int64 `json:"bad_lines,omitempty"`
	Live   *int   `json:"live,omitempty"` // peers that have all of this, of how many
	Of     *int   `json:"of,omitempty"`
}

// endEvent returns what there is to say of v in the end.
func endEvent(v *crdt.View) endJSON {
	log, doc := v.LogDigest(), v.DocDigest()
	return endJSON{
		Time: stamp(time.Now()), Kind: kindEnd, Rows: v.Len(), LogDigest: hex.EncodeToString(log[:]), DocDigest: hex.EncodeToString(doc[:]),
		Room: fullHex(v.Room()), Changes: v.Changes(), Forks: len(v.Forks()),
	}
}

// end writes the last line.
func (w *eventWriter) end(e endJSON) {
	if w.json {
		w.object(e)
		return
	}
	words := []string{e.Time, kindEnd, fmt.Sprintf("rows: %d", e.Rows), "log digest: " + e.LogDigest, "doc digest: " + e.DocDigest}
	if e.Unsent != nil {
		words = append(words, fmt.Sprintf("unsent: %d", *e.Unsent))
	}
	if e.Bad != nil {
		words = append(words, fmt.Sprintf("bad lines: %d", *e.Bad))
	}
	w.columns(words...)
}

// columns writes one line of columns.
func (w *eventWriter) columns(cells ...string) {
	w.line = w.line[:0]
	for i, c := range cells {
		if i > 0 {
			w.line = append(w.line, '\t')
		}
		if c == "" {
			c = "-"
		}
		w.line = append(w.line, safe.Text(c, maxCellCells).String()...)
	}
	w.line = append(w.line, '\n')
	w.write(w.line)
}

// maxCellCells is above what a memo of the format can take, each byte escaped, and bounds what an invalid one costs.
const maxCellCells = 4 * ledger.MaxMemoBytes

// object writes one JSON object.
func (w *eventWriter) object(v any) {
	if w.err != nil {
		return
	}
	doc, err := json.Marshal(v)
	if err != nil {
		w.err = fmt.Errorf("output: %w", err)
		return
	}
	w.line = append(safe.EscapeJSON(w.line[:0], doc), '\n')
	w.write(w.line)
}

func (w *eventWriter) write(b []byte) {
	if w.err != nil {
		return
	}
	if _, err := w.out.Write(b); err != nil {
		w.err = fmt.Errorf("output: %w", err)
	}
}

// flush hands over what was written so far.
func (w *eventWriter) flush() error {
	if w.err == nil {
		if err := w.out.Flush(); err != nil {
			w.err = fmt.Errorf("output: %w", err)
		}
	}
	return w.err
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func fullHex[T ~[32]byte](b T) string { return hex.EncodeToString(b[:]) }
