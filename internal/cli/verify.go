package cli

import (
	"bytes"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/store"
)

func (p *program) verifyCommand() *cobra.Command {
	var room string
	cmd := &cobra.Command{
		Use:               "verify NAME",
		Short:             "check every hash and every signature that NAME holds",
		Long:              "Reads the whole store of NAME as if a stranger had sent it: every id is computed again from\nthe bytes, every signature is checked. Prints counts and both digests: replicas with equal\ndigests hold the same. Nothing is changed. It ends with 5 if something is damaged.",
		Args:              exactName,
		ValidArgsFunction: completeNames,
		RunE: func(_ *cobra.Command, args []string) error {
			return p.withStore(args[0], room, p.verify)
		},
	}
	cmd.Flags().StringVar(&room, "room", "", "the `ROOM` (default \"main\")")
	return cmd
}

// verify checks all of a store and prints what it found.
func (p *program) verify(st *store.Store, charter crdt.Charter) error {
	replica, err := crdt.NewReplica(charter)
	if err != nil {
		return err
	}
	checker := crdt.NewChecker(charter)
	var signatures int
	packs := 0
	err = st.Records(func(n uint64, record []byte) error {
		// A pack keeps its frame, and Records lends it.
		err := checker.EachStored(bytes.Clone(record), func(pack *crdt.Pack) error {
			if err := checker.Verify(pack); err != nil {
				return err
			}
			packs++
			signatures += pack.Runs()
			out := replica.Receive(pack, 1, time.Now())
			if out.Err == nil && len(out.Missing) > 0 {
				return fmt.Errorf("change %v, which an earlier record should hold, is missing", out.Missing[0])
			}
			return out.Err
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
	for _, f := range view.Forks() {
		if err := p.printf("fork: author %x signed two changes after %v: %v and %v", [32]byte(f.Author), f.Prev, f.A, f.B); err != nil {
			return err
		}
	}
	return nil
}
