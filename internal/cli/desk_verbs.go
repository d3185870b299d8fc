package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
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
