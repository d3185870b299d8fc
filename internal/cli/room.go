package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/transport"
)

const defaultRoom = "main"

// roomName returns the room that the flag names, or the config, or the default one.
func roomName(flag string, cfg profile.Config) (string, error) {
	name, where := flag, "--room"
	if name == "" {
		name, where = cfg.Room, "room in the config"
	}
	if name == "" {
		return defaultRoom, nil
	}
	if err := crdt.OpenLedger(name).Validate(); err != nil {
		return "", &codedError{ExitUsage, fmt.Errorf("%s: %q: %w", where, name, err)}
	}
	// The name makes the room: two that look alike must not be two rooms.
	if shown := safe.Text(name, safe.NoLimit).String(); shown != name {
		return "", &codedError{ExitUsage, fmt.Errorf("%s: %q has characters that are not seen: give a name of letters and digits", where, name)}
	}
	return name, nil
}

// openRoom is a room of a person, whose store and last file it holds.
type openRoom struct {
	node  *transport.Node
	store *store.Store
	last  *store.Last
	sent  *store.Last
}

// openRoom opens the room's store, making one if need be, and reads and checks all of it.
func (p *program) openRoom(ctx context.Context, person *profile.Person, name string) (*openRoom, error) {
	charter := crdt.OpenLedger(name)
	room := charter.ID()
	path := person.RoomPath(room)
	st, err := store.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		st, err = store.Create(path, store.Meta{Room: room, Charter: charter.Append(nil)})
	}
	if err != nil {
		return nil, storeHint(err, person)
	}
	o := &openRoom{store: st}
	if got := st.Meta().Room; got != room {
		return nil, errors.Join(fmt.Errorf("store %s: holds room %x, not %q: move the file away", path, got[:4], name), o.close())
	}
	if o.last, err = store.OpenLast(person.LastPath(room)); err != nil {
		return nil, errors.Join(storeHint(err, person), o.close())
	}
	if o.sent, err = store.OpenLast(person.SentPath(room)); err != nil {
		return nil, errors.Join(storeHint(err, person), o.close())
	}
	o.node, err = transport.OpenNode(ctx, transport.NodeConfig{
		Charter: charter, Key: person.Secret.PrivateKey(), Store: st, Last: o.last, Sent: o.sent, Copied: st.Moved() || o.last.Damaged(),
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("room %s: %w", name, err), o.close())
	}
	return o, nil
}

// close lets go of the files.
func (o *openRoom) close() error {
	err := o.store.Close()
	if o.last != nil {
		err = errors.Join(err, o.last.Close())
	}
	if o.sent != nil {
		err = errors.Join(err, o.sent.Close())
	}
	return err
}

// storeHint adds what to do.
func storeHint(err error, person *profile.Person) error {
	switch {
	case errors.Is(err, store.ErrLocked):
		return fmt.Errorf("%w: %s runs already: quit it, or be another person: tallystick run NAME", err, person.Name)
	case errors.Is(err, store.ErrDamaged):
		return fmt.Errorf("%w; nothing was changed: move the file away and start again, and what peers have comes back", err)
	}
	return err
}
