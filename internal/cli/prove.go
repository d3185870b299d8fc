package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/proof"
	"github.com/tallystick/tallystick/transport"
)

const proveLong = `Writes a small file by which anybody checks offline, with "tallystick check", who signed
ENTRY in this room: both sides, or all, if it is tallied; else those that claim it. ENTRY is
the first hex digits of its id, 4 or more, as "tallystick list" shows them.

It does not prove that nothing came later: whoever holds the room sees whether a side has
disputed or withdrawn the entry since. So there is no proof of an entry of which that is
known already. FILE is not replaced if it is there.`

func (p *program) proveCommand() *cobra.Command {
	var f deskFlags
	var file string
	cmd := &cobra.Command{
		Use:     "prove ENTRY",
		Short:   "write a file that proves who signed an entry",
		Long:    proveLong,
		Example: "tallystick prove 9f2c4a1e --save dinner.proof\ntallystick check dinner.proof",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("prove takes one ENTRY, the first digits of its id: tallystick prove 9f2c4a1e")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("save") && file == "" {
				return usage("--save: the FILE to write")
			}
			return p.prove(cmd.Context(), &f, args[0], file)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&file, "save", "", "write `FILE` (default: entry-ID.proof)")
	_ = cmd.MarkFlagFilename("save", "proof") // for completion; the flag exists
	return cmd
}

// proofAnswer is what carries a proof from who has the room to who writes the file.
type proofAnswer struct {
	ID   string `json:"id"` // as it is shown for people
	File []byte `json:"file"`
}

// prove writes the proof of an entry to a file.
func (p *program) prove(ctx context.Context, f *deskFlags, entry, file string) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	var answer bytes.Buffer
	if err := p.callDeskUntil(ctx, f, &deskCall{Verb: proveVerb, Args: []string{entry}}, &answer); err != nil {
		return err
	}
	var got proofAnswer
	if err := json.Unmarshal(answer.Bytes(), &got); err != nil {
		return fmt.Errorf("prove: %w: quit the running program, and start this version", err)
	}
	s, err := proof.Check(got.File)
	if err != nil {
		return fmt.Errorf("prove: %w", err) // our own: it was checked when it was made
	}
	if file == "" {
		file = proof.EntryFileName(got.ID)
	}
	switch err := disk.WriteNew(file, got.File); {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("prove: %s is there already: give another name with --save", file)
	case err != nil:
		return fmt.Errorf("prove: %w", err)
	}
	if f.json {
		j := proofJSONOf(s)
		j.File = &file
		return p.object(j)
	}
	for _, line := range []string{
		"entry " + got.ID + ": " + formatEntry(&s.Entry.Entry), "proved: " + s.Proved, "not proved: " + s.NotProved[0],
		fmt.Sprintf("wrote %d bytes: %s", len(got.File), file),
	} {
		if err := p.printf("%s", line); err != nil {
			return err
		}
	}
	return nil
}

// proveEntry makes the proof of an entry.
func proveEntry(ctx context.Context, n *transport.Node, entry crdt.Name) ([]byte, error) {
	return transport.Inspect(ctx, n, func(r *crdt.Replica) ([]byte, error) { return proof.AppendEntry(nil, r, entry) })
}

// verbProve makes the proof of an entry that stands.
func verbProve(ctx context.Context, d *desk, c *deskCall, out *deskOut) error {
	k, err := d.find(ctx, c, c.Args[0])
	if err != nil {
		return err
	}
	v := d.look().View
	id := ledger.ShortID(v, k)
	switch s := d.book.Status(k); s.Standing {
	case ledger.Tallied, ledger.Claimed:
	case ledger.Hearsay:
		return fmt.Errorf("prove %s: no side of it has signed it: there is nothing to prove until one does (tallystick agree %s)", id, id)
	default:
		t, err := d.teller()
		if err != nil {
			return err
		}
		return fmt.Errorf("prove %s: it is %s: only what stands is proved", id, t.standing(s))
	}
	name := v.NameOf(k)
	b, err := proveEntry(ctx, d.node, name)
	if err != nil {
		return fmt.Errorf("prove %s: %w", id, err)
	}
	out.object(proofAnswer{id, b})
	return nil
}
