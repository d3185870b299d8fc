package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

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
	return d.enter(ctx, c, out, edit)
}

// enter writes edits that add entries, waits until they are sent, and tells of them.
func (d *desk) enter(ctx context.Context, c *deskCall, out *deskOut, edits ...func(*crdt.Tx) error) error {
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
