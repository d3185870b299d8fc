package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/transport"
)

// desk is where commands are carried out: one room of a person that runs, in this process, what its entries come to, and who is
// who in it. It serves plain mode, the one-shot commands beside a running program, and those without one, by the same functions. It is
// safe for concurrent use.
type desk struct {
	node    *transport.Node
	charter crdt.Charter
	me      crdt.Author
	name    string // what the person is called here, and announces to be called
	person  *profile.Person
	settled func(*transport.Snapshot) bool // nothing more is to be expected of the connections for now

	mu        sync.Mutex
	book      *ledger.Book
	people    *ledger.People // of namesAt and contacts; nil: to be made
	namesAt   uint64
	contacts  ledger.Contacts
	read      bool // contacts were read
	announced bool // the name was said, or is being said
}

// newDesk makes the desk of a room that runs. settled may be nil: nothing is ever to be expected.
func newDesk(node *transport.Node, charter crdt.Charter, person *profile.Person, settled func(*transport.Snapshot) bool) *desk {
	if settled == nil {
		settled = func(*transport.Snapshot) bool { return true }
	}
	me := crdt.Author(person.Author)
	return &desk{
		node: node, charter: charter, me: me, name: person.Name.String(), person: person, settled: settled, book: ledger.NewBook(me),
	}
}

// look returns the newest snapshot, and brings the book up to it.
func (d *desk) look() *transport.Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lookLocked()
}

func (d *desk) lookLocked() *transport.Snapshot {
	snap := d.node.Snapshot()
	if snap.View.Changes() > d.book.Changes() {
		d.book.Update(snap.View)
	}
	return snap
}

// who is who is called what, as of the newest look.
func (d *desk) who() (*ledger.People, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.whoLocked()
}

func (d *desk) whoLocked() (*ledger.People, error) {
	if !d.read {
		contacts, err := d.person.Contacts()
		if err != nil {
			return nil, err
		}
		d.contacts, d.read, d.people = contacts, true, nil
	}
	if at := d.book.NamesVersion(); d.people == nil || at != d.namesAt {
		d.people = ledger.NewPeople(d.book.Authors(), d.book.Name, d.contacts, d.me, d.name)
		d.namesAt = at
	}
	return d.people, nil
}

// forget has contacts read anew: another command may have written them.
func (d *desk) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.read = false
}

// bind says who is meant by the labels of an entry that was typed, and checks what comes of it.
func (d *desk) bind(e *ledger.Entry) error {
	who, err := d.who()
	if err != nil {
		return err
	}
	if err := who.Bind(e); err != nil {
		return err
	}
	_, err = ledger.Encode(*e)
	return err
}

// mayWrite says why this person cannot write here, nil if it can.
func (d *desk) mayWrite() error {
	if d.charter.Closed() && !slices.Contains(d.charter.Writers, d.me) {
		return fmt.Errorf("room %s is closed and %s is none of its writers: it can be read; whoever founded it decides who writes", d.charter.Name, d.name)
	}
	return nil
}

// saying puts what announces the name in front of an edit, if that was not said yet. It returns the edit, and what to call when it came
// to nothing.
func (d *desk) saying(edit func(*crdt.Tx) error) (with func(*crdt.Tx) error, undo func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.announced || d.book.Name(d.me) == d.name {
		d.announced = true
		return edit, func() {}
	}
	d.announced = true
	return ledger.Edits(ledger.NameEdit(d.name), edit), func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.announced = false
	}
}

// unannounced says whether the name is still to be said, and could be.
func (d *desk) unannounced() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.announced && d.book.Name(d.me) != d.name && d.mayWrite() == nil
}

// submit hands an edit to the node, once, without waiting until it is durable. done is called on the node's goroutine.
func (d *desk) submit(ctx context.Context, edit func(*crdt.Tx) error, done func(transport.Receipt)) error {
	if err := d.mayWrite(); err != nil {
		return err
	}
	edit, undo := d.saying(edit)
	err := d.node.Submit(ctx, transport.Intent{Time: time.Now().Unix(), Edit: edit, Done: func(r transport.Receipt) {
		if r.Err != nil {
			undo()
		}
		done(r)
	}})
	if err != nil {
		undo()
	}
	return err
}

// guardNote is said once when writing waits for a peer.
const guardNote = "this store looks copied, restored or salvaged: writing waits, up to %v, for a peer that knows this key; if no other copy is in use, and nothing newer was sent: --only-copy"

// patiently calls submit until the node takes the edit: a guard may end within wait.
func (d *desk) patiently(ctx context.Context, wait time.Duration, say func(string, ...any), edit func(*crdt.Tx) error, done func(transport.Receipt)) error {
	err := d.submit(ctx, edit, done)
	if !errors.Is(err, transport.ErrGuarded) {
		return submitHint(err)
	}
	say(guardNote, wait)
	changed, stop := d.node.Watch()
	defer stop()
	late := time.NewTimer(wait)
	defer late.Stop()
	for errors.Is(err, transport.ErrGuarded) {
		select {
		case <-changed:
			err = d.submit(ctx, edit, done)
		case <-late.C:
			return submitHint(err)
		case <-d.node.Done():
			return submitHint(transport.ErrStopped)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return submitHint(err)
}

// write makes one change of each edit and waits until all are durable, and in the newest look. The indexes are in the order of
// the edits. After an error, some may have been made: made says how many.
func (d *desk) write(ctx context.Context, c *deskCall, out *deskOut, edits ...func(*crdt.Tx) error) (indexes []int, err error) {
	receipts := make(chan numbered, len(edits))
	under := 0
	for i, edit := range edits {
		err = d.patiently(ctx, c.Wait, out.note, edit, func(r transport.Receipt) { receipts <- numbered{i, r} })
		if err != nil {
			break
		}
		under++
	}
	indexes = make([]int, under)
	last := -1
	for range under {
		select {
		case r := <-receipts:
			indexes[r.i] = r.Index
			if r.Err != nil {
				indexes[r.i] = -1
				if err == nil {
					err = r.Err
				}
			} else {
				last = max(last, r.Index)
			}
		case <-ctx.Done():
			return nil, ctx.Err() // it may still be made
		}
	}
	indexes = slices.DeleteFunc(indexes, func(i int) bool { return i < 0 })
	if waitErr := d.seen(ctx, last); err == nil {
		err = waitErr
	}
	return indexes, err
}

type numbered struct {
	i int
	transport.Receipt
}

// seen waits until the change at a log index is in the newest look. Its receipt may come before the snapshot that shows it.
func (d *desk) seen(ctx context.Context, index int) error {
	changed, stop := d.node.Watch()
	defer stop()
	for d.look().View.Changes() <= index {
		select {
		case <-changed:
		case <-d.node.Done():
			if d.look().View.Changes() > index {
				return nil
			}
			return transport.ErrStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// sent waits until peers have stored own changes, at most wait. It is nil if they have; else an error with [ExitUnsent], after a note.
func (d *desk) sent(ctx context.Context, c *deskCall, out *deskOut, indexes []int) error {
	if c.live {
		return nil
	}
	changed, stop := d.node.Watch()
	defer stop()
	late := time.NewTimer(c.Wait)
	defer late.Stop()
	// What the connections come to is no snapshot's matter alone.
	tick := time.NewTicker(settleTick)
	defer tick.Stop()
	for waiting := !c.Offline; ; {
		snap := d.look()
		unsent, refused := 0, transport.Reason{}
		for _, i := range indexes {
			s := snap.State(i)
			if s.Standing != transport.Sent {
				unsent++
			}
			if s.Standing == transport.Refused {
				refused = s.Reason
			}
		}
		if unsent == 0 {
			return nil
		}
		// With nobody to send it to there is nothing to wait for.
		if !waiting || refused.Code != "" || d.settled(snap) && snap.Of == 0 {
			if refused.Code != "" {
				out.note("saved here, and refused by a peer: %s: %s", refused.Code, refused.Text)
			} else {
				out.note("saved here, not yet stored by any peer: %d; sent next time", unsent)
			}
			return &codedError{code: ExitUnsent}
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-late.C:
			waiting = false
		case <-d.node.Done():
			waiting = false
		case <-ctx.Done():
			waiting = false // what was made is saved
		}
	}
}

const settleTick = 20 * time.Millisecond

// fetch waits until what others have wrote is here, as far as the connections give it, at most wait.
func (d *desk) fetch(ctx context.Context, wait time.Duration) {
	changed, stop := d.node.Watch()
	defer stop()
	late := time.NewTimer(wait)
	defer late.Stop()
	tick := time.NewTicker(settleTick)
	defer tick.Stop()
	for !d.settled(d.node.Snapshot()) {
		select {
		case <-changed:
		case <-tick.C:
		case <-late.C:
			return
		case <-d.node.Done():
			return
		case <-ctx.Done():
			return
		}
	}
}

// row is the row of an entry.
func row(v *crdt.View, k crdt.Key) (crdt.Row, bool) {
	i, ok := v.IndexOf(k)
	if !ok {
		return crdt.Row{}, false
	}
	return v.Row(i), true
}
