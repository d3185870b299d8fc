package cli

import (
	"errors"
	"os"

	"github.com/atotto/clipboard"
	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/oracle/sim"
	"github.com/tallystick/tallystick/tui"
)

const oracleScreenLong = `Oracles sign what a price is, each by itself, and every replica computes the same answer
from the same log: up to a third of them can lie, flood, fork or fall silent, and the
price stays between what honest ones said.

Without a word that is a command after it, it opens the oracle screen: a room of
oracles, simulated on real nodes, some of which lie, and what becomes of the price.
SCENARIO is one that is shipped (tallystick oracle list) or a file; left out, it is
two-of-seven. No room, no key and no network are needed, and nothing is kept unless
x saves what was run as a scenario file.`

// addOracleScreen makes cmd open the oracle screen if no sub-command follows.
func (p *program) addOracleScreen(cmd *cobra.Command) {
	var color string
	var ascii bool
	cmd.Use = "oracle [SCENARIO]"
	cmd.Long = oracleScreenLong
	cmd.Example = "tallystick oracle\ntallystick oracle too-many\ntallystick oracle run two-of-seven --json --stream"
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usage("oracle takes one SCENARIO, not %d words", len(args))
		}
		return nil
	}
	cmd.Flags().StringVar(&color, "color", "auto", "the screen's `COLOURS`: auto, never, or 16")
	cmd.Flags().BoolVar(&ascii, "ascii", false, "the screen uses no character beyond ASCII")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		how, ok := colors[color]
		if !ok {
			return usage("--color is auto, never or 16: not %q", color)
		}
		word := "two-of-seven"
		if len(args) == 1 {
			word = args[0]
		}
		sc, err := loadScenario(word) // before the screen: a wrong word is told where one types
		if err != nil {
			return err
		}
		if !p.InTerminal || !p.OutTerm {
			return usage("the oracle screen needs a terminal as standard input and output; without one: tallystick oracle run %s", word)
		}
		cfg, err := profile.LoadConfig()
		if err == nil {
			err = checkKeys(cfg)
		}
		if err != nil {
			return err
		}
		o := tui.Options{
			Keys:     cfg.Keys,
			Scenario: func() (sim.Scenario, error) { return sc, nil },
			Look:     tui.LookFromEnv(how, ascii, os.Getenv),
			Tmux:     os.Getenv("TMUX") != "",
			Save:     func(name string, content []byte) (string, error) { return saveNear(name, content, os.TempDir()) },
		}
		if !clipboard.Unsupported {
			o.Clipboard = clipboard.WriteAll
		}
		err = tui.Run(cmd.Context(), o)
		var panicked *tui.PanicError
		if errors.As(err, &panicked) {
			p.stack(panicked)
			return &codedError{code: ExitError}
		}
		return err
	}
}
