package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/oracle/sim"
)

const oracleRunLong = `Plays a scenario: oracles that are honest or lie, on real replicas, in virtual time. FILE is
a scenario file (see "tallystick oracle init"), - is standard input, NAME one of those that
"tallystick oracle list" lists.

It ends with 0 if all came that the scenario expects, with 1 if not. With --json it prints
one object, with --stream before it one for every slot; the same file and seed give the
same bytes but for wall_ms.`

type oracleRunFlags struct {
	json, stream bool
	seed         uint64
}

func (p *program) oracleRunCommand() *cobra.Command {
	var f oracleRunFlags
	cmd := &cobra.Command{
		Use:     "run FILE|NAME",
		Short:   "play a scenario and report what came of it",
		Long:    oracleRunLong,
		Example: "tallystick oracle run two-of-seven\ntallystick oracle run mine.json --json --seed 3",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("oracle run takes one FILE or NAME: tallystick oracle run two-of-seven")
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return sim.Shipped(), cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.stream && !f.json {
				return usage("--stream goes with --json")
			}
			sc, err := p.scenario(args[0])
			if err != nil {
				return fmt.Errorf("oracle run: %w", err)
			}
			if cmd.Flags().Changed("seed") {
				sc.Seed = f.seed
			}
			return p.oracleRun(sc, f)
		},
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print the report as one JSON object")
	cmd.Flags().BoolVar(&f.stream, "stream", false, "with --json: before it one object for every slot")
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "another seed than the scenario's")
	return cmd
}

// scenario is loadScenario, and standard input.
func (p *program) scenario(word string) (sim.Scenario, error) {
	if word != "-" {
		return loadScenario(word)
	}
	b, err := io.ReadAll(io.LimitReader(p.In, sim.MaxFileBytes+1))
	if err != nil {
		return sim.Scenario{}, err
	}
	return sim.Parse("standard input", b)
}

// loadScenario reads the scenario that a word names: one of the program's, else a file.
func loadScenario(word string) (sim.Scenario, error) {
	if slices.Contains(sim.Shipped(), word) {
		return sim.Load(word)
	}
	f, err := disk.OpenRegular(word, os.O_RDONLY)
	if os.IsNotExist(err) {
		return sim.Scenario{}, fmt.Errorf("there is no file %s, and no scenario of that name; see: tallystick oracle list", word)
	}
	if err != nil {
		return sim.Scenario{}, err
	}
	defer f.Close() // only read
	b, err := io.ReadAll(io.LimitReader(f, sim.MaxFileBytes+1))
	if err != nil {
		return sim.Scenario{}, fmt.Errorf("%s: %w", word, err)
	}
	return sim.Parse(word, b)
}

// oracleRun plays a scenario.
func (p *program) oracleRun(sc sim.Scenario, f oracleRunFlags) error {
	began := time.Now()
	r, err := sim.New(sc)
	if err != nil {
		return fmt.Errorf("oracle run: %w", err)
	}
	for r.Step() {
		if f.stream {
			if err := p.object(r.Slot()); err != nil {
				return err
			}
		}
	}
	if err := r.Err(); err != nil {
		return fmt.Errorf("oracle run: %w", err)
	}
	rep := r.Report()
	rep.WallMS = time.Since(began).Milliseconds()
	if f.json {
		err = p.object(rep)
	} else {
		err = p.sayReport(&rep)
	}
	if err == nil && !rep.OK {
		var missed []string
		for _, e := range rep.Expect {
			if !e.Met {
				missed = append(missed, fmt.Sprintf("%s: %s", e.Name, e.Text))
			}
		}
		return fmt.Errorf("oracle run: %s did not come to what it expects: %s", sc.Name, joinWords(missed))
	}
	return err
}
