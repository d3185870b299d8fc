package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/internal/salvage"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/transport"
)

const defaultRoom = "main"

// charterSuffix is how the name of a charter's file ends, and no room's on the command line.
const charterSuffix = ".charter"

// roomOrFileFlag is the flag of commands that take a ledger by its name, or a room of any kind by the file of its charter.
func roomOrFileFlag(cmd *cobra.Command, room *string) {
	cmd.Flags().StringVar(room, "room", "", "the `ROOM`, or the file of its charter (default \"main\")")
}

// chosenRoom is roomFor the person of that name, with the config of this machine.
func chosenRoom(word, flag string) (crdt.Charter, error) {
	cfg, err := profile.LoadConfig()
	if err != nil {
		return crdt.Charter{}, err
	}
	person, err := load(word)
	if err != nil {
		return crdt.Charter{}, err
	}
	return roomFor(person, flag, cfg)
}

// roomCharter returns what founded the room that the flag names, or the config, or the default one: by its name an open ledger, or a
// room of any kind by the file of its charter.
func roomCharter(flag string, cfg profile.Config) (crdt.Charter, error) {
	if strings.HasSuffix(flag, charterSuffix) {
		return readCharter(flag)
	}
	name, err := roomName(flag, cfg)
	if err != nil {
		return crdt.Charter{}, err
	}
	return crdt.OpenLedger(name), nil
}

// readCharter reads a room's charter from its file.
func readCharter(path string) (crdt.Charter, error) {
	f, err := disk.OpenRegular(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return crdt.Charter{}, fmt.Errorf("room: %w: give the file of the room's charter; tallystick oracle new makes one", err)
	}
	if err != nil {
		return crdt.Charter{}, fmt.Errorf("room: %w", err)
	}
	defer f.Close() // only read
	b, err := io.ReadAll(io.LimitReader(f, crdt.MaxCharterBytes+1))
	if err != nil {
		return crdt.Charter{}, fmt.Errorf("room: %w", err)
	}
	c, err := crdt.ParseCharter(b)
	if err != nil {
		return c, &codedError{ExitDamaged, fmt.Errorf("room: %s is no charter: %w", path, err)}
	}
	return c, nil
}

// roomName returns the room that the flag names, or the config, or the default one.
func roomName(flag string, cfg profile.Config) (string, error) {
	name, where := flag, "--room"
	if name == "" {
		name, where = cfg.Room, "room in the config"
	}
	if name == "" {
		return defaultRoom, nil
	}
	if strings.HasSuffix(name, charterSuffix) {
		return "", usage("%s: %q is the file of a charter: this is for ledgers; rooms of oracles are opened by tallystick oracle node, price and screen", where, name)
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
	found []string // what was damaged, and what became of it; the node's first event tells it
}

// openRoomOf opens the room's store, making one if need be, and reads and checks all of it. A damaged one is salvaged. onlyCopy is the
// user's word that no other copy of it is in use. Without a person it keeps nothing, and writes nothing.
func openRoomOf(ctx context.Context, person *profile.Person, charter crdt.Charter, onlyCopy bool) (*openRoom, error) {
	if person == nil {
		node, err := transport.OpenNode(ctx, transport.NodeConfig{Charter: charter, Store: new(nowhere)})
		if err != nil {
			return nil, fmt.Errorf("room %s: %w", charter.Name, err)
		}
		return &openRoom{node: node}, nil
	}
	room := charter.ID()
	path := person.RoomPath(room)
	o := &openRoom{}
	var err error
	if o.last, err = store.OpenLast(person.LastPath(room)); err != nil {
		return nil, storeHint(err, person)
	}
	if o.sent, err = store.OpenLast(person.SentPath(room)); err != nil {
		return nil, errors.Join(storeHint(err, person), o.close())
	}
	last, wrote := o.last.ID()
	own := &salvage.Own{Author: person.Author, Last: last, Wrote: wrote}
	var report *salvage.Report
	o.store, report, err = salvage.Open(path, charter, own)
	// Nobody else runs as person: it is a command that reads the file, such as show.
	for late := time.Now().Add(lockPatience); errors.Is(err, store.ErrLocked) && time.Now().Before(late) && pause(ctx, lockTick); {
		o.store, report, err = salvage.Open(path, charter, own)
	}
	if errors.Is(err, fs.ErrNotExist) {
		if o.store, err = store.Create(path, store.Meta{Room: room, Charter: charter.Append(nil)}); err == nil && person.Imported() {
			// The key was made elsewhere and may have written there: writing waits for a peer that knows.
			err = o.store.Disown()
		}
	}
	if err != nil {
		return nil, errors.Join(storeHint(err, person), o.close())
	}
	if got := o.store.Meta().Room; got != room {
		return nil, errors.Join(fmt.Errorf("store %s: holds room %x, not %q: move the file away", path, got[:4], charter.Name), o.close())
	}
	// That a relay has left, whose files were copied here; nothing is appended by it.
	j, err := store.OpenJournal(o.store)
	if err != nil {
		return nil, errors.Join(storeHint(err, person), o.close())
	}
	if found := j.Found(); found != nil {
		o.found = append(o.found, fmt.Sprintf("%v: what is intact was taken in, and the file is %s now", found.Damage, found.Kept))
	}
	err = o.openNode(ctx, charter, person, report, onlyCopy)
	var refused *crdt.RefusedError
	if errors.As(err, &refused) && report == nil {
		// Every checksum is good and what they are of is not: the file was damaged before it was written, or by somebody.
		why := err
		if err = o.store.Close(); err == nil {
			if o.store, report, err = salvage.Rebuild(path, charter, own, why); err == nil {
				err = o.openNode(ctx, charter, person, report, onlyCopy)
			}
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("room %s: %w", charter.Name, err), o.close())
	}
	return o, nil
}

// openNode reads and checks all of the store.
func (o *openRoom) openNode(ctx context.Context, charter crdt.Charter, person *profile.Person, report *salvage.Report, onlyCopy bool) (err error) {
	if report != nil {
		o.found = append(o.found, report.String())
	}
	key := person.Secret.PrivateKey()
	if !mayWrite(charter, person.Author) {
		key = nil // a reader: holds the room as anybody may, and cannot write
	}
	o.node, err = transport.OpenNode(ctx, transport.NodeConfig{
		Charter: charter, Key: key, Store: o.store, Last: o.last, Sent: o.sent, Copied: o.store.Moved(),
		OnlyCopy: onlyCopy, Salvaged: strings.Join(o.found, "; "),
	})
	return err
}

// nowhere is the store of a reader who keeps nothing: it counts records.
type nowhere struct{ n uint64 }

func (*nowhere) Records(func(uint64, []byte) error) error { return nil }

func (s *nowhere) Append(frames [][]byte) (uint64, error) {
	first := s.n
	s.n += uint64(len(frames))
	return first, nil
}

// close lets go of the files.
func (o *openRoom) close() error {
	var err error
	if o.store != nil {
		err = o.store.Close()
	}
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
	case errors.Is(err, salvage.ErrFailed):
		return fmt.Errorf("%w; nothing was changed: see to the disk, then start again", err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w; give back the right to write it", err)
	case errors.Is(err, store.ErrDamaged):
		return fmt.Errorf("%w; nothing was changed; to salvage what is intact, with the damaged file kept: tallystick run %s", err, person.Name)
	}
	return err
}
