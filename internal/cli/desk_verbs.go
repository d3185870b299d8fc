package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/control"
	"github.com/tallystick/tallystick/internal/ledger"
)

// deskCall is one command with its arguments, as it goes to the program that carries it out.
type deskCall struct {
	Verb    string   `json:"verb"`
	Charter []byte   `json:"charter"` // of the room
	Args    []string `json:"args,omitempty"`
	JSON    bool     `json:"json,omitempty"`

	Wait    time.Duration `json:"wait,omitempty"` // for peers
	Offline bool          `json:"offline,omitempty"`
	Sync    bool          `json:"sync,omitempty"` // first take in what others have

	Memo     string        `json:"memo,omitempty"`
	Replaces string        `json:"replaces,omitempty"` // add: the entry that this one corrects
	Bind     bool          `json:"bind,omitempty"`     // agree: write it anew, bound to one's own key
	Send     bool          `json:"send,omitempty"`     // settle
	Format   string        `json:"format,omitempty"`   // import, export
	For      time.Duration `json:"for,omitempty"`      // watch; 0: until interrupted
	Tail     int           `json:"tail,omitempty"`     // watch

	// Of import.
	Preview   bool              `json:"preview,omitempty"` // write nothing
	Asked     bool              `json:"asked,omitempty"`   // the preview was shown
	SkipBad   bool              `json:"skip_bad,omitempty"`
	SkipAlike bool              `json:"skip_alike,omitempty"`
	Contested bool              `json:"contested,omitempty"`
	Map       map[string]string `json:"map,omitempty"`

	Input []byte `json:"-"` // goes beside the rest
	live  bool   // in plain mode: what is written is told by others, and when it is sent
}

// A deskVerb carries out a command.
type deskVerb struct {
	run    func(ctx context.Context, d *desk, c *deskCall, out *deskOut) error
	writes bool // what it does is to be sent
}

// Verbs that other functions know, too.
const (
	settleVerb = "settle"
	importVerb = "import"
	exportVerb = "export"
	watchVerb  = "watch"
	proveVerb  = "prove"
)

// deskVerbs are the commands that a desk knows.
var deskVerbs = map[string]deskVerb{
	"add":      {verbAdd, true},
	"list":     {verbList, false},
	"inbox":    {verbInbox, false},
	"agree":    {verbAgree, true},
	"dispute":  {verbDispute, true},
	"withdraw": {verbWithdraw, true},
	"undo":     {verbUndo, true},
	"balances": {verbBalances, false},
	settleVerb: {verbSettle, true},
	importVerb: {verbImport, true},
	exportVerb: {verbExport, false},
	watchVerb:  {verbWatch, false},
	peopleVerb: {verbPeople, false},
	whoisVerb:  {verbWhois, false},
	"rooms":    {verbRooms, false},
	proveVerb:  {verbProve, false},
}

// carryOut does what a call asks, and says how that ended. It is the same beside a running program and without one.
func carryOut(ctx context.Context, d *desk, c *deskCall, out, errs io.Writer) control.Result {
	o := newDeskOut(out, errs, c.JSON)
	verb, ok := deskVerbs[c.Verb]
	err := fmt.Errorf("the running program does not know %q: quit it, and start this version", c.Verb)
	if ok {
		d.forget()
		if c.Sync && !c.Offline {
			d.fetch(ctx, c.Wait)
		}
		d.look()
		err = verb.run(ctx, d, c, o)
	}
	if flushErr := o.flush(); flushErr != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = flushErr
	}
	r := control.Result{Code: exitCode(err)}
	if speaks(err) {
		r.Error = errorLine(err)
	}
	return r
}

// find is the entry that a word of a command names. What others have written may still be on its way.
func (d *desk) find(ctx context.Context, c *deskCall, word string) (crdt.Key, error) {
	snap := d.look()
	k, err := d.book.Find(snap.View, word)
	if errors.Is(err, ledger.ErrNoEntry) && !c.Offline && !c.Sync {
		c.Sync = true
		d.fetch(ctx, c.Wait)
		snap = d.look()
		k, err = d.book.Find(snap.View, word)
	}
	return k, err
}

// tell writes the lines of entries.
func (d *desk) tell(out *deskOut, keys []crdt.Key) error {
	snap := d.look()
	t, err := d.teller()
	if err != nil {
		return err
	}
	for _, k := range keys {
		if r, ok := row(snap.View, k); ok {
			out.entry(snap.View, r, entryState(snap, k), t)
		}
	}
	return out.err
}

// entriesOf are the entries that own changes made.
func (d *desk) entriesOf(indexes []int) []crdt.Key {
	v := d.look().View
	var keys []crdt.Key
	for _, i := range indexes {
		for _, r := range v.RowsOf(i) {
			keys = append(keys, r.Key)
		}
	}
	return keys
}

// tellMarks writes the lines of the marks on entries that own changes made.
func (d *desk) tellMarks(out *deskOut, indexes []int) error {
	v := d.look().View
	t, err := d.teller()
	if err != nil {
		return err
	}
	for _, i := range indexes {
		c := v.ChangeAt(i)
		for _, m := range v.MarksOf(i) {
			if !m.Root {
				out.mark(v, c, m, t)
			}
		}
	}
	return out.err
}

// verbAdd writes the entry that a line says.
func verbAdd(ctx context.Context, d *desk, c *deskCall, out *deskOut) error {
	line := commandLine(c.Args)
	e, wrong := ledger.ParseLine(line, d.name)
	if wrong != nil {
		return &codedError{ExitUsage, wrong}
	}
	var old crdt.Key
	if c.Replaces != "" {
		var err error
		if old, err = d.find(ctx, c, c.Replaces); err != nil {
			return err
		}
	}
	if err := d.bind(&e); err != nil {
		return err
	}
	d.noteUnbound(out, &e)
	edit := ledger.AppendEdit(e, nil)
	if c.Replaces != "" {
		edit = d.book.CorrectEdit(d.me, old, d.look().View.NameOf(old), e)
	}
	indexes, err := d.write(ctx, c, out, edit)
	if err != nil {
		return err
	}
	unsent := d.sent(ctx, c, out, indexes)
	if err := d.tell(out, d.entriesOf(indexes)); err != nil {
		return err
	}
	return unsent
}

// noteUnbound says whose names in an entry tell nobody: it is written all the same, as somebody may be no author here.
func (d *desk) noteUnbound(out *deskOut, e *ledger.Entry) {
	who, err := d.who()
	if err != nil {
		return // it was asked before
	}
	for _, one := range e.Postings {
		switch {
		case one.Key != nil:
		case who.Seems(one.Label):
			out.note("nobody here is called %q, but somebody alike: written without a key, so nobody can agree to it; who is who: tallystick people", one.Label)
		default:
			out.note("nobody here is called %q: written without a key, so nobody can agree to it", one.Label)
		}
	}
}

// commandLine is the line of a transaction whose words are arguments. A single argument is the line; of several, those with blanks
// are quoted, as the shell had them.
func commandLine(args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	words := slices.Clone(args)
	for i, w := range words {
		if strings.ContainsAny(w, " \t") && !strings.HasPrefix(w, `"`) {
			words[i] = ledger.QuoteLabel(w)
		}
	}
	return strings.Join(words, " ")
}

// verbList writes the entries that a filter keeps, in the order of the list.
func verbList(_ context.Context, d *desk, c *deskCall, out *deskOut) error {
	snap := d.look()
	t, err := d.teller()
	if err != nil {
		return err
	}
	kept, err := d.keeps(snap, t, strings.Join(c.Args, " "))
	if err != nil {
		return err
	}
	snap.View.Rows(func(r crdt.Row) bool {
		if kept(r) {
			out.entry(snap.View, r, entryState(snap, r.Key), t)
		}
		return out.err == nil
	})
	return out.err
}

// verbInbox writes the entries that wait for this person's word.
func verbInbox(_ context.Context, d *desk, _ *deskCall, out *deskOut) error {
	d.look()
	return d.tell(out, d.book.Waiting())
}

// marksPerChange bounds how many marks go into one change: each may need a link.
const marksPerChange = 256

// verbAgree agrees to entries: to all that are named, or to none.
func verbAgree(ctx context.Context, d *desk, c *deskCall, out *deskOut) error {
	if err := d.mayWrite(); err != nil {
		return err
	}
	var keys []crdt.Key
	var anew []crdt.Key // to be written anew, with our key
	for _, word := range c.Args {
		k, err := d.find(ctx, c, word)
		if err != nil {
			return err
		}
		if slices.Contains(keys, k) || slices.Contains(anew, k) {
			return usage("%s is named twice", word)
		}
		err = d.book.May(d.me, k, ledger.Agree)
		switch named := errors.Is(err, ledger.ErrNotParty) && d.namesMe(k); {
		case named && c.Bind:
			anew = append(anew, k)
		case named:
			return fmt.Errorf("%s: it names %s, but not by key, so no key can agree to it: --bind writes it anew, bound to yours, as a correction", word, d.name)
		case err != nil:
			return fmt.Errorf("%s: %w", word, err)
		default:
			keys = append(keys, k)
			d.tellLetGo(out, k)
		}
	}
	var edits []func(*crdt.Tx) error
	for part := range slices.Chunk(keys, marksPerChange) {
		edits = append(edits, d.markEdits(part, ledger.Agree, ""))
	}
	for _, k := range anew {
		edit, err := d.boundAnew(k)
		if err != nil {
			return err
		}
		edits = append(edits, edit)
	}
	return d.mark(ctx, c, out, edits...)
}

// tellLetGo notes what this person lets go by agreeing to a correction: all that it corrects, directly or through others, which may
// be of far greater amounts than what lies between.
func (d *desk) tellLetGo(out *deskOut, k crdt.Key) {
	v, told := d.look().View, 0
	for s := d.book.Status(k); s.IsCorrection; s = d.book.Status(s.Replaces) {
		e, ok := d.entry(s.Replaces)
		mine := ok && slices.ContainsFunc(e.Postings, func(p ledger.Posting) bool { return p.Key != nil && *p.Key == d.me })
		if !mine || d.book.Standing(s.Replaces) == ledger.Withdrawn {
			continue
		}
		if told++; told > maxLetGoTold {
			out.note("%s corrects still more entries that name you", ledger.ShortID(v, k))
			return
		}
		out.note("%s corrects %s, which you let go: %s", ledger.ShortID(v, k), ledger.ShortID(v, s.Replaces), formatEntry(&e))
	}
}

// maxLetGoTold bounds how many corrected entries are told of at an agreement.
const maxLetGoTold = 8

// markEdits says one thing of several entries.
func (d *desk) markEdits(keys []crdt.Key, say ledger.Say, memo string) func(*crdt.Tx) error {
	v := d.look().View
	edits := make([]func(*crdt.Tx) error, 0, len(keys))
	for _, k := range keys {
		edits = append(edits, ledger.MarkEdit(v.NameOf(k), say, memo))
	}
	return ledger.Edits(edits...)
}

// mark writes edits that mark entries, waits until they are sent, and tells of them.
func (d *desk) mark(ctx context.Context, c *deskCall, out *deskOut, edits ...func(*crdt.Tx) error) error {
	indexes, err := d.write(ctx, c, out, edits...)
	if err != nil {
		return err
	}
	unsent := d.sent(ctx, c, out, indexes)
	if err := d.tellMarks(out, indexes); err != nil {
		return err
	}
	if err := d.tell(out, d.entriesOf(indexes)); err != nil {
		return err
	}
	return unsent
}

// namesMe says whether a posting of an entry has this person's name, and no key.
func (d *desk) namesMe(k crdt.Key) bool {
	e, ok := d.entry(k)
	return ok && slices.ContainsFunc(e.Postings, func(p ledger.Posting) bool { return p.Key == nil && p.Label == d.name })
}

// entry is an entry that can be read.
func (d *desk) entry(k crdt.Key) (ledger.Entry, bool) {
	r, ok := row(d.look().View, k)
	if !ok {
		return ledger.Entry{}, false
	}
	e, err := ledger.Decode(r.Literal)
	return e, err == nil
}

// boundAnew is a correction of an entry in which labels that resolve now have keys.
func (d *desk) boundAnew(k crdt.Key) (func(*crdt.Tx) error, error) {
	e, _ := d.entry(k)
	e.Replaces = ledger.Ref{}
	if err := d.bind(&e); err != nil {
		return nil, err
	}
	return d.book.CorrectEdit(d.me, k, d.look().View.NameOf(k), e), nil
}

// verbDispute disputes an entry.
func verbDispute(ctx context.Context, d *desk, c *deskCall, out *deskOut) error {
	if err := d.mayWrite(); err != nil {
		return err
	}
	return d.sayOf(ctx, c, out, ledger.Dispute)
}

// verbWithdraw withdraws an entry, or asks for it.
func verbWithdraw(ctx context.Context, d *desk, c *deskCall, out *deskOut) error {
	if err := d.mayWrite(); err != nil {
		return err
	}
	return d.sayOf(ctx, c, out, ledger.Withdraw)
}

// sayOf says something of the entry that is the first argument.
func (d *desk) sayOf(ctx context.Context, c *deskCall, out *deskOut, say ledger.Say) error {
	k, err := d.find(ctx, c, c.Args[0])
	if err != nil {
		return err
	}
	if err := d.book.May(d.me, k, say); err != nil {
		return fmt.Errorf("%s: %w", c.Args[0], err)
	}
	return d.mark(ctx, c, out, d.markEdits([]crdt.Key{k}, say, c.Memo))
}

// verbUndo takes back what this person said last, and puts in its place what it had said before.
func verbUndo(ctx context.Context, d *desk, c *deskCall, out *deskOut) error {
	if err := d.mayWrite(); err != nil {
		return err
	}
	v := d.look().View
	marks := d.book.LastOwnMarks()
	if len(marks) == 0 {
		return errors.New("nothing was said of any entry that could be taken back; an entry is taken back with: tallystick withdraw ENTRY")
	}
	var edits []func(*crdt.Tx) error
	for _, m := range marks {
		edits = append(edits, ledger.MarkEdit(v.NameOf(m.Key), m.Before.Say, m.Before.Memo))
	}
	return d.mark(ctx, c, out, ledger.Edits(edits...))
}

// noUnit is how a command names the unit of entries that have none.
const noUnit = "-"

// units are those that a command asks for: all, or the one that is its argument.
func (d *desk) units(c *deskCall) ([]string, error) {
	d.look()
	all := d.book.Units()
	if len(c.Args) == 0 {
		return all, nil
	}
	want := c.Args[0]
	if want == noUnit {
		want = ""
	}
	if !slices.Contains(all, want) {
		shown := make([]string, 0, len(all))
		for _, u := range all {
			if u == "" {
				u = noUnit
			}
			shown = append(shown, u)
		}
		if len(shown) == 0 {
			return nil, fmt.Errorf("there is no entry with the unit %s, nor any other", c.Args[0])
		}
		return nil, fmt.Errorf("there is no entry with the unit %s; there are: %s", c.Args[0], strings.Join(shown[:min(len(shown), maxUnitsTold)], ", "))
	}
	return []string{want}, nil
}

// maxUnitsTold bounds how many units an error names.
const maxUnitsTold = 16

// moneyText is a sum with so many digits after the point, and two in place of one, as cents have.
func moneyText(s ledger.Sum, scale int) string {
	if scale == 1 {
		scale = 2
	}
	return string(s.Append(nil, scale))
}

// verbBalances writes what every party has in every unit.
func verbBalances(_ context.Context, d *desk, c *deskCall, out *deskOut) error {
	units, err := d.units(c)
	if err != nil {
		return err
	}
	t, err := d.teller()
	if err != nil {
		return err
	}
	for _, u := range units {
		balances := d.book.Balances(u)
		scale := 0 // of all: points stand alike
		for i := range balances {
			b := &balances[i]
			scale = max(scale, b.Tallied.Scale(), b.Claimed.Scale(), b.Disputed.Scale())
		}
		decimal := func(s ledger.Sum) string { return moneyText(s, scale) }
		for i := range balances {
			b := &balances[i]
			j := balanceJSON{
				Kind: kindBalance, Unit: present(u), Party: t.partyJSON(b.Party),
				Tallied: decimal(b.Tallied), Claimed: decimal(b.Claimed), Disputed: decimal(b.Disputed),
			}
			if c.JSON {
				out.object(j)
			} else {
				out.columns(u, t.partyText(b.Party), j.Tallied, j.Claimed, j.Disputed)
			}
		}
	}
	return out.err
}

// verbSettle writes the payments that settle up, as lines that can be sent as they are, or sends those that this person is a side of.
func verbSettle(ctx context.Context, d *desk, c *deskCall, out *deskOut) error {
	units, err := d.units(c)
	if err != nil {
		return err
	}
	t, err := d.teller()
	if err != nil {
		return err
	}
	var edits []func(*crdt.Tx) error
	others := 0
	for _, u := range units {
		for _, pay := range ledger.Settle(d.book.Balances(u)) {
			e, line, ok := t.payment(pay)
			switch {
			case !c.Send:
				j := paymentJSON{Kind: kindPayment, Unit: present(u), From: t.partyJSON(pay.From), To: t.partyJSON(pay.To), Amount: moneyText(pay.Amount, pay.Amount.Scale())}
				if ok {
					j.Line = &line
				}
				switch {
				case c.JSON:
					out.object(j)
				case ok:
					out.columns(line)
				default:
					out.note("%s gives %s %s %s: more digits than one line takes", t.partyText(pay.From), t.partyText(pay.To), j.Amount, u)
				}
			case !pay.From.Bound || !pay.To.Bound || pay.From.Key != d.me && pay.To.Key != d.me:
				others++
			case !ok:
				return fmt.Errorf("%s %s: more digits than one entry takes: write several", pay.Amount, u)
			default:
				edits = append(edits, ledger.AppendEdit(e, nil))
			}
		}
	}
	if !c.Send {
		return out.err
	}
	if others > 0 {
		out.note("not sent, since they are between others, or name somebody without a key: %d", others)
	}
	if len(edits) == 0 {
		out.note("nothing to settle by %s", d.name)
		return out.err
	}
	indexes, err := d.write(ctx, c, out, edits...)
	if err != nil {
		return err
	}
	unsent := d.sent(ctx, c, out, indexes)
	if err := d.tell(out, d.entriesOf(indexes)); err != nil {
		return err
	}
	return unsent
}

// payment is the entry of a payment, and the line that says it here; false if it has more digits than an entry takes.
func (t *teller) payment(p ledger.Payment) (e ledger.Entry, line string, ok bool) {
	amount, scale, ok := p.Amount.Scaled()
	if !ok {
		return e, "", false
	}
	if scale == 1 && amount < shiftBelow { // cents have two digits
		amount, scale = amount*10, 2
	}
	// Who is above zero is owed: what is paid to it takes that away.
	typed := ledger.NewTransfer(t.label(p.From), t.label(p.To), amount, scale, p.Unit, t.called(p.To)+" pays "+t.called(p.From))
	line, ok = ledger.Format(typed)
	e = typed
	e.Postings = slices.Clone(typed.Postings)
	for i, side := range []ledger.Party{p.From, p.To} {
		if side.Bound {
			key := side.Key
			e.Postings[i].Key = &key
			if name := t.people.Name(key); name != "" {
				e.Postings[i].Label = name
			}
		}
	}
	return e, line, ok
}

// called is a party's name alone, for a memo.
func (t *teller) called(p ledger.Party) string {
	if !p.Bound {
		return p.Label
	}
	if s := t.people.Shown(p.Key); s.Name != "" {
		return s.Name
	}
	return t.author(p.Key)
}

// shiftBelow is what an amount may be to take another digit.
const shiftBelow = 1e17

// label is what to type for a party.
func (t *teller) label(p ledger.Party) string {
	if !p.Bound {
		return p.Label
	}
	s := t.people.Shown(p.Key)
	if a, ok, err := t.people.Lookup(s.Name); ok && err == nil && a == p.Key {
		return s.Name
	}
	if label := s.Name + "#" + s.Digits; len(label) <= ledger.MaxLabelBytes {
		return label
	}
	return "#" + s.Digits
}
