package cli

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/internal/proof"
	"github.com/tallystick/tallystick/internal/store"
)

const evidenceLong = `Lists who signed two changes after the same one, as far as NAME has seen, and the two
changes. ID names some of them: the first hex digits, 8 or more, of an author or of one
of the two changes.

With --save it writes proof files into the folder DIR: of the forks that ID names, or of
the first fork of each author, which is enough to prove it. A file that is there is left
as it is. Whoever has such a file checks it with "tallystick check". While NAME runs its
store is in use: the running program shows and saves the evidence.`

// maxSavedProofs bounds the files that one command writes: others choose how many forks there are.
const maxSavedProofs = 1000

func (p *program) evidenceCommand() *cobra.Command {
	var room, dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "evidence NAME [ID]",
		Short: "list the forks that NAME has seen, and save the proofs",
		Long:  evidenceLong,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usage("evidence takes a NAME, and an ID if not all are wanted: tallystick evidence NAME")
			}
			return nil
		},
		ValidArgsFunction: completeNames,
		RunE: func(_ *cobra.Command, args []string) error {
			which := ""
			if len(args) == 2 {
				which = strings.ToLower(args[1])
				if _, err := hex.DecodeString(which + strings.Repeat("0", len(which)%2)); err != nil || len(which) < 8 || len(which) > 64 {
					return usage("%q is no ID: give the first hex digits, 8 or more, of an author or a change", args[1])
				}
			}
			return p.withStore(args[0], room, func(st *store.Store, charter crdt.Charter) error {
				replica, err := stored(st, charter)
				if err != nil {
					return err
				}
				return p.evidence(replica, which, dir, asJSON)
			})
		},
	}
	roomOrFileFlag(cmd, &room)
	cmd.Flags().StringVar(&dir, "save", "", "write proof files into the folder `DIR`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	_ = cmd.MarkFlagDirname("save") // for completion; the flag exists
	return cmd
}

// forkJSON is a fork as evidence lists it.
type forkJSON struct {
	Kind   string `json:"kind"`
	Author string `json:"author"`
	Prev   string `json:"prev,omitempty"` // none: the room itself
	ID     string `json:"id"`
	Other  string `json:"other"`
	File   string `json:"file,omitempty"` // where the proof is
}

// evidence lists the forks whose author or changes begin with which, and saves them in dir if that is not empty.
func (p *program) evidence(r *crdt.Replica, which, dir string, asJSON bool) error {
	day := time.Now().UTC().Format(time.DateOnly)
	told := map[crdt.Author]bool{}
	listed, saved := 0, 0
	for _, f := range r.Forks() {
		if which != "" && !strings.HasPrefix(fullHex(f.Author), which) && !strings.HasPrefix(fullHex(f.A), which) && !strings.HasPrefix(fullHex(f.B), which) {
			continue
		}
		listed++
		file := ""
		if dir != "" && (which != "" || !told[f.Author]) && saved < maxSavedProofs {
			var err error
			if file, err = p.saveProof(proof.OfReplica(r), f, dir, day); err != nil {
				return err
			}
			saved++
		}
		told[f.Author] = true
		if err := p.fork(f, file, asJSON); err != nil {
			return err
		}
	}
	switch {
	case listed == 0 && which != "":
		return fmt.Errorf("no fork is known whose author or change begins with %s", which)
	case listed == 0 && !asJSON:
		return p.printf("no fork is known: nobody was seen to sign two changes after the same one")
	case saved == maxSavedProofs:
		p.note("%d proofs were saved; for others give an ID", saved)
	}
	return nil
}

// fork prints one fork.
func (p *program) fork(f crdt.Fork, file string, asJSON bool) error {
	prev := ""
	if f.Prev != (crdt.ChangeID{}) {
		prev = fullHex(f.Prev)
	}
	if asJSON {
		return p.object(forkJSON{Kind: kindEvidence, Author: fullHex(f.Author), Prev: prev, ID: fullHex(f.A), Other: fullHex(f.B), File: file})
	}
	after := "after " + prev
	if prev == "" {
		after = "as the first of its chain"
	}
	line := fmt.Sprintf("fork: author %s signed two changes %s: %s and %s", fullHex(f.Author), after, fullHex(f.A), fullHex(f.B))
	if file != "" {
		line += "; proof: " + file
	}
	return p.printf("%s", line)
}

// saveProof writes the proof of a fork into dir, and returns where it is.
func (p *program) saveProof(from proof.Source, f crdt.Fork, dir, day string) (string, error) {
	b, err := proof.AppendFork(nil, from, f)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, proof.FileName(f, day))
	switch err := disk.WriteNew(path, b); {
	case errors.Is(err, fs.ErrExist):
		p.note("%s is there already: left as it is", path)
	case err != nil:
		return "", fmt.Errorf("evidence: %w", err)
	}
	return path, nil
}
