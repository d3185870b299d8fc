package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/orphan"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/internal/store"
)

func (p *program) showCommand() *cobra.Command {
	var room string
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "show NAME",
		Short:             "print the list that NAME holds, and its digests",
		Long:              "Prints the entries that NAME holds, in order, one a line, then their number and the digests.\nNothing is connected to and nothing is changed. While NAME runs its store is in use:\nthe running program shows the list.",
		Args:              exactName,
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			person, err := load(args[0])
			if err != nil {
				return err
			}
			return p.withStore(args[0], room, func(st *store.Store, charter crdt.Charter) error {
				if charter.Kind != crdt.Ledger {
					return usage("show prints ledgers; %s is of kind %s: tallystick oracle price %s --room %s", charter.Name, charter.Kind, args[0], room)
				}
				return p.show(st, charter, person, asJSON)
			})
		},
	}
	roomOrFileFlag(cmd, &room)
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

// withStore opens the store that the named person has of a room, for f to read.
func (p *program) withStore(word, roomFlag string, f func(*store.Store, crdt.Charter) error) error {
	charter, err := chosenRoom(word, roomFlag)
	if err != nil {
		return err
	}
	return p.withRoom(word, charter, roomFlag, func(st *store.Store) error { return f(st, charter) })
}

// withRoom is withStore of a room whose charter is known. roomFlag is what --room says, for a hint.
func (p *program) withRoom(word string, charter crdt.Charter, roomFlag string, f func(*store.Store) error) error {
	person, err := load(word)
	if err != nil {
		return err
	}
	st, err := store.Open(person.RoomPath(charter.ID()))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if charter.Kind == crdt.Oracle {
			return fmt.Errorf("%s has nothing of room %s: to read it: tallystick oracle price %s --room %s", person.Name, charter.Name, person.Name, roomFlag)
		}
		return fmt.Errorf("%s has nothing of room %s: to open it: tallystick run %s --room %s", person.Name, charter.Name, person.Name, charter.Name)
	case errors.Is(err, store.ErrLocked):
		return fmt.Errorf("%w: %s runs: look there, or quit it first", err, person.Name)
	case err != nil:
		return storeHint(err, person)
	}
	defer st.Close() // only read
	if st.Meta().Room != charter.ID() {
		return fmt.Errorf("store %s: holds another room than %s: move the file away", st.Path(), charter.Name)
	}
	// A relay's files, copied here.
	switch waits, err := store.JournalWaits(st); {
	case err != nil:
		return err
	case waits > 0:
		p.note("left out what a relay has not yet put into the file (records: %d): it waits in %s, and tallystick run %s takes it in", waits, st.Path()+store.JournalInfix, person.Name)
	}
	return f(st)
}

// show prints the rows of a store.
func (p *program) show(st *store.Store, charter crdt.Charter, person *profile.Person, asJSON bool) error {
	replica, err := crdt.NewReplica(charter)
	if err != nil {
		return err
	}
	if err := readStore(st, charter, replica); err != nil {
		return err
	}
	view := replica.View()
	t, err := tellerOf(view, person)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(p.Out, 64<<10)
	w := newEventWriter(out, asJSON)
	view.Rows(func(row crdt.Row) bool {
		w.entry(view, row, "", t)
		return w.err == nil
	})
	w.end(endEvent(view))
	return errors.Join(w.err, out.Flush())
}

// readStore takes all of a store into replica, every hash and every tip's signature checked.
func readStore(st *store.Store, charter crdt.Charter, replica *crdt.Replica) error {
	checker := crdt.NewChecker(charter)
	waiting := orphan.Packs{Checker: checker}
	if err := st.Records(func(n uint64, frame []byte) error {
		if err := loadRecord(checker, &waiting, replica, bytes.Clone(frame)); err != nil { // the replica keeps it
			return recordError(st, n, err)
		}
		return nil
	}); err != nil {
		return err
	}
	if err := replica.VerifyTips(); err != nil {
		return &codedError{ExitDamaged, fmt.Errorf("store %s: %w", st.Path(), err)}
	}
	return nil
}

// loadRecord takes a record of a store into replica. What lacks a parent, since that was lost, waits.
func loadRecord(checker *crdt.Checker, waiting *orphan.Packs, replica *crdt.Replica, record []byte) error {
	return checker.EachStored(record, func(pack *crdt.StoredPack) error { return waiting.Load(replica, pack) })
}

// recordError says which record of a store is not what the program writes.
func recordError(st *store.Store, n uint64, err error) error {
	return &codedError{ExitDamaged, fmt.Errorf("store %s: record %d: %w", st.Path(), n, err)}
}
