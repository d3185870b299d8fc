package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/internal/proof"
	"github.com/tallystick/tallystick/internal/store"
)

const oracleProveLong = `Writes a file that proves to somebody without the room what its oracles signed, and so
what the price is by the room's own rules: charter, heads, and of each oracle the changes
that its vote is made of. Whoever has the file checks it with "tallystick check", offline.

It does not prove that the price is true, nor that nothing was left out: for that they
compare the digest with that of a replica with the same heads ("tallystick oracle price"
says both). FILE is not replaced if it is there. While NAME runs its store is in use.`

func (p *program) oracleProveCommand() *cobra.Command {
	var room, pair, out string
	var at int64
	cmd := &cobra.Command{
		Use:               "prove NAME --room FILE --pair PAIR -o FILE",
		Short:             "write a price that anybody can check",
		Long:              oracleProveLong,
		Example:           "tallystick oracle prove alice --room btc.charter --pair BTC/USD -o btc.proof\ntallystick check btc.proof",
		Args:              exactName,
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case pair == "":
				return usage("oracle prove needs --pair: which price, as BTC/USD")
			case out == "":
				return usage("oracle prove needs -o: the FILE to write")
			case !cmd.Flags().Changed("at"):
				at = -1
			case at < 0:
				return usage("--at %d: a time in Unix ms", at)
			}
			charter, terms, err := oracleRoom(room)
			if err != nil {
				return err
			}
			if _, ok := terms.Pair(pair); !ok {
				return usage("--pair: the room has no %q", pair)
			}
			return p.withRoom(args[0], charter, room, func(st *store.Store) error { return p.oracleProve(st, charter, pair, at, out) })
		},
	}
	cmd.Flags().StringVar(&room, "room", "", "the `FILE` of the room's charter")
	cmd.Flags().StringVar(&pair, "pair", "", "the `PAIR`")
	cmd.Flags().Int64Var(&at, "at", 0, "the price at that time, Unix `MS` (default: log time)")
	cmd.Flags().StringVarP(&out, "output", "o", "", "the `FILE` to write")
	return cmd
}

func (p *program) oracleProve(st *store.Store, charter crdt.Charter, pair string, at int64, out string) error {
	replica, err := crdt.NewReplica(charter) // a keeper has no rows
	if err != nil {
		return err
	}
	if err := readStore(st, charter, replica); err != nil {
		return err
	}
	b, err := proof.AppendPrice(nil, replica, pair, at)
	if err != nil {
		return fmt.Errorf("oracle prove: %w", err)
	}
	s, err := proof.Check(b)
	if err != nil {
		return fmt.Errorf("oracle prove: %w", err) // our own: it was checked when it was made
	}
	switch err := disk.WriteNew(out, b); {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("oracle prove: %s is there already: give another name", out)
	case err != nil:
		return fmt.Errorf("oracle prove: %w", err)
	}
	var failed error
	sayPrice(func(format string, args ...any) {
		if failed == nil {
			failed = p.printf(format, args...)
		}
	}, s.Price)
	if failed == nil {
		failed = p.printf("wrote %d bytes: %s", len(b), out)
	}
	return failed
}
