package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/internal/store"
)

// maxRoomFileBytes bounds what is read of a room file: all of it is in memory at once.
const maxRoomFileBytes = 1 << 30

// What a room file takes in memory once it is unpacked is many times its size: 56 times for entries that differ in a number,
// 300 for somebody's typing, letter by letter, 10,000 for one entry said over and over. Anybody may sign such a file, so its
// head, which crdt.LoadFile holds it to, is judged by its size: it may take maxSmallRoomBytes and maxRoomRatio times its
// size, and maxRoomBytes at most. changeBytes is what a change takes besides its bytes.
const (
	maxSmallRoomBytes = 128 << 20
	maxRoomRatio      = 256
	maxRoomBytes      = 2 << 30
	changeBytes       = 192
)

// appendBytes is how many bytes of packs are made durable at once.
const appendBytes = 16 << 20

func (p *program) saveCommand() *cobra.Command {
	var room string
	var force bool
	cmd := &cobra.Command{
		Use:               "save NAME FILE",
		Short:             "write the room that NAME holds into one file",
		Long:              "Writes everything that NAME holds of the room into one compact file, with every signature:\nwhoever has it can check all of it, and load takes it in. A file that is there is left as it\nis unless --force is given. While NAME runs its store is in use.",
		Args:              nameAndFile,
		ValidArgsFunction: completeNames,
		RunE: func(_ *cobra.Command, args []string) error {
			return p.withStore(args[0], room, func(st *store.Store, charter crdt.Charter) error {
				return p.save(st, charter, args[1], force)
			})
		},
	}
	roomOrFileFlag(cmd, &room)
	cmd.Flags().BoolVar(&force, "force", false, "replace FILE if it is there")
	return cmd
}

func (p *program) loadCommand() *cobra.Command {
	var room string
	cmd := &cobra.Command{
		Use:               "load NAME FILE",
		Short:             "take a file of the room in, as if a peer had sent it",
		Long:              "Takes into the store of NAME what FILE holds and NAME lacks. Every hash and every signature is\nchecked, as of what a stranger sends. Of a damaged file, what lies before the damage is taken in,\nthe first bad change is named, and it ends with 5. If that is what NAME\nitself wrote, writing waits until a peer has shown that nothing newer was sent. While NAME runs\nits store is in use.",
		Args:              nameAndFile,
		ValidArgsFunction: completeNames,
		RunE: func(_ *cobra.Command, args []string) error {
			return p.load(args[0], room, args[1])
		},
	}
	roomOrFileFlag(cmd, &room)
	return cmd
}

func nameAndFile(cmd *cobra.Command, args []string) error {
	if len(args) != 2 {
		return usage("%s takes a NAME and a FILE: tallystick %s NAME FILE", cmd.Name(), cmd.Name())
	}
	return nil
}

// stored is the replica that a store holds, every hash and every tip's signature checked.
func stored(st *store.Store, charter crdt.Charter) (*crdt.Replica, error) {
	replica, err := crdt.NewKeeper(charter)
	if err != nil {
		return nil, err
	}
	return replica, readStore(st, charter, replica)
}

func (p *program) save(st *store.Store, charter crdt.Charter, path string, force bool) error {
	if _, err := os.Lstat(path); err == nil && !force {
		return fileThere(path)
	}
	replica, err := stored(st, charter)
	if err != nil {
		return err
	}
	file := replica.Save(nil)
	write := disk.WriteNew
	if force {
		write = disk.Replace
	}
	switch err := write(path, file); {
	case errors.Is(err, fs.ErrExist):
		return fileThere(path)
	case err != nil:
		return fmt.Errorf("save: %w", err)
	}
	return p.printf("saved %d changes in %d bytes: %s", replica.Len(), len(file), path)
}

func fileThere(path string) error {
	return fmt.Errorf("save: %s is there already: give another name, or --force", path)
}

// load takes in what the file at path holds of the room.
func (p *program) load(word, roomFlag, path string) error {
	charter, err := chosenRoom(word, roomFlag)
	if err != nil {
		return err
	}
	person, err := load(word)
	if err != nil {
		return err
	}
	data, err := readRoomFile(path)
	if err != nil {
		return err
	}
	from, damage, err := unpack(path, data, charter)
	if err != nil {
		return err
	}
	st, err := store.Open(person.RoomPath(charter.ID()))
	if errors.Is(err, fs.ErrNotExist) {
		st, err = store.Create(person.RoomPath(charter.ID()), store.Meta{Room: charter.ID(), Charter: charter.Append(nil)})
	}
	if err != nil {
		return storeHint(err, person)
	}
	taken, guarded, err := takeIn(st, charter, from, person.Author)
	if err = errors.Join(err, st.Close()); err != nil {
		return fmt.Errorf("load %s: %w", path, err)
	}
	if err := p.printf("took in %d of %d changes: %s", taken, from.Len(), path); err != nil {
		return err
	}
	if guarded {
		p.note("writing as %s waits for a peer that knows this key, for the file may be older than what was sent; if nothing was: --only-copy", person.Name)
	}
	if damage != nil {
		return fileError(path, damage)
	}
	return nil
}

// unpack makes the replica that data, the file at path, holds, as far as it is intact: damage says where that ends. With err
// it makes none: data is no file of this room, or would take too much memory.
func unpack(path string, data []byte, charter crdt.Charter) (from *crdt.Replica, damage, err error) {
	head, err := crdt.ReadFileHead(data)
	if err != nil {
		return nil, nil, fileError(path, err)
	}
	if head.Charter.ID() != charter.ID() {
		return nil, nil, fmt.Errorf("load %s: %w: it is %q, %x, and not %q, %x", path, crdt.ErrWrongRoom, head.Charter.Name, head.Charter.ID(), charter.Name, charter.ID())
	}
	if err := fits(path, len(data), head); err != nil {
		return nil, nil, err
	}
	from, damage = crdt.LoadFile(data)
	if from == nil {
		return nil, nil, fileError(path, damage)
	}
	return from, damage, nil
}

// fits refuses a file of size bytes that would take too much memory once it is unpacked.
func fits(path string, size int, head crdt.FileHead) error {
	n, most := head.PayloadBytes+int64(head.Changes)*changeBytes, min(maxRoomBytes, maxSmallRoomBytes+maxRoomRatio*int64(size))
	if n > most {
		return fmt.Errorf("load %s: it says that it holds %d changes with %d bytes, which take %d bytes of memory: of a file of %d bytes, at most %d are loaded",
			path, head.Changes, head.PayloadBytes, n, size, most)
	}
	return nil
}

// takeIn judges the packs of from as those of a peer, and makes durable what the store lacks. If that is own changes, of
// author me, the store was older than the file, and both may be older than what was sent: it is guarded from then on.
func takeIn(st *store.Store, charter crdt.Charter, from *crdt.Replica, me crdt.Author) (taken int, guarded bool, err error) {
	to, err := stored(st, charter)
	if err != nil {
		return 0, false, err
	}
	checker := crdt.NewChecker(charter)
	known := func(id crdt.ChangeID) bool { _, ok := to.Index(id); return ok }
	start := to.Len()
	for i := 0; i < from.Len(); {
		var frame []byte
		if frame, i = from.PackFrom(i, func(i int) bool { return known(from.ID(i)) }); frame == nil {
			continue
		}
		pack, err := checker.Check(frame, known)
		if err != nil {
			return 0, false, err
		}
		switch out := to.Receive(pack, 1, time.Now()); {
		case out.Err != nil:
			return 0, false, out.Err
		case len(out.Missing) > 0:
			return 0, false, fmt.Errorf("%w: %v", crdt.ErrMissing, out.Missing[0])
		}
	}
	for i := start; i < to.Len(); i++ {
		guarded = guarded || to.Author(i) == me
	}
	if guarded {
		// Before anything is taken in: a crash in between leaves a guard too many, not one too few.
		if err := st.Disown(); err != nil {
			return 0, false, err
		}
	}
	var frames [][]byte
	size := 0
	for i := start; i < to.Len(); {
		var frame []byte
		frame, i = to.PackFrom(i, nil)
		frames, size = append(frames, frame), size+len(frame)
		if size < appendBytes && i < to.Len() {
			continue
		}
		// A crash between two of these leaves a front of what is taken in, which is whole in itself.
		if _, err := st.Append(frames); err != nil {
			return 0, false, err
		}
		frames, size = nil, 0
	}
	return to.Len() - start, guarded, nil
}

func readRoomFile(path string) ([]byte, error) {
	f, err := disk.OpenRegular(path, os.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	defer f.Close() // only read
	data, err := io.ReadAll(io.LimitReader(f, maxRoomFileBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("load: %w", err)
	case len(data) > maxRoomFileBytes:
		return nil, fmt.Errorf("load %s: more than %d bytes", filepath.Base(path), maxRoomFileBytes)
	}
	return data, nil
}

// fileError is err of a room file, which is damaged or none.
func fileError(path string, err error) error {
	return &codedError{ExitDamaged, fmt.Errorf("load %s: %w", path, err)}
}
