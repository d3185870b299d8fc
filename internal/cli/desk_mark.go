package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

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
