package cli

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/orphan"
	"github.com/tallystick/tallystick/internal/salvage"
	"github.com/tallystick/tallystick/internal/store"
)

func (p *program) verifyCommand() *cobra.Command {
	var room string
	cmd := &cobra.Command{
		Use:               "verify NAME",
		Short:             "check every hash and every signature that NAME holds",
		Long:              "Reads the whole store of NAME as if a stranger had sent it: every id is computed again from\nthe bytes, every signature is checked. Prints counts and both digests: replicas with equal\ndigests hold the same. Nothing is changed. It ends with 5 if something is damaged,\nand then says what a salvage would save: tallystick run NAME does it.",
		Args:              exactName,
		ValidArgsFunction: completeNames,
		RunE: func(_ *cobra.Command, args []string) error {
			err := p.withStore(args[0], room, p.verify)
			if errors.Is(err, store.ErrDamaged) || errors.As(err, new(*crdt.RefusedError)) {
				err = p.survey(args[0], room, err)
			}
			return err
		},
	}
	roomOrFileFlag(cmd, &room)
	return cmd
}

// survey says what a salvage of a damaged store would save. It returns damage, which is why.
func (p *program) survey(word, roomFlag string, damage error) error {
	charter, err := chosenRoom(word, roomFlag)
	if err != nil {
		return err
	}
	person, err := load(word)
	if err != nil {
		return err
	}
	own := &salvage.Own{Author: person.Author}
	last, err := store.OpenLast(person.LastPath(charter.ID()))
	if err == nil {
		own.Last, own.Wrote = last.ID()
		err = last.Close()
	}
	if err != nil {
		return errors.Join(damage, err)
	}
	report, err := salvage.Survey(person.RoomPath(charter.ID()), charter, own, damage)
	if err != nil {
		return errors.Join(damage, err)
	}
	for _, line := range report.Lines() {
		if err := p.printf("%s", line); err != nil {
			return err
		}
	}
	return damage
}

// verify checks all of a store and prints what it found.
func (p *program) verify(st *store.Store, charter crdt.Charter) error {
	replica, err := crdt.NewReplica(charter)
	if err != nil {
		return err
	}
	checker := crdt.NewChecker(charter)
	waiting := orphan.Packs{Checker: checker}
	var signatures int
	packs := 0
	err = st.Records(func(n uint64, record []byte) error {
		// A pack keeps its frame, and Records lends it.
		err := checker.EachStored(bytes.Clone(record), func(pack *crdt.StoredPack) error {
			if err := checker.Verify(pack.Pack()); err != nil {
				return err
			}
			packs++
			signatures += pack.Pack().Runs()
			return waiting.Load(replica, pack) // no earlier record may hold what a salvage has lost
		})
		if err != nil {
			return recordError(st, n, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	view := replica.View()
	authors := map[crdt.Author]bool{}
	for i := range view.Changes() {
		authors[view.ChangeAt(i).Author] = true
	}
	size, err := st.Size()
	if err != nil {
		return err
	}
	logDigest, docDigest := view.LogDigest(), view.DocDigest()
	for _, line := range []string{
		fmt.Sprintf("room: %s %x", charter.Name, [32]byte(charter.ID())),
		fmt.Sprintf("file: %d bytes", size),
		fmt.Sprintf("packs: %d", packs),
		fmt.Sprintf("changes: %d, every hash checked", view.Changes()),
		fmt.Sprintf("signatures: %d, all good", signatures),
		fmt.Sprintf("authors: %d", len(authors)),
		fmt.Sprintf("rows: %d", view.Len()),
		fmt.Sprintf("forks: %d", len(view.Forks())),
		fmt.Sprintf("log digest: %x", logDigest),
		fmt.Sprintf("doc digest: %x", docDigest),
	} {
		if err := p.printf("%s", line); err != nil {
			return err
		}
	}
	if n := waiting.Changes(); n > 0 {
		if err := p.printf("waiting for lost changes: %d", n); err != nil {
			return err
		}
	}
	for _, f := range view.Forks() {
		if err := p.printf("fork: author %x signed two changes after %v: %v and %v", [32]byte(f.Author), f.Prev, f.A, f.B); err != nil {
			return err
		}
	}
	return nil
}
