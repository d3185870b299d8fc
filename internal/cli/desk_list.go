package cli

import (
	"context"
	"strings"

	"github.com/tallystick/tallystick/crdt"
)

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
