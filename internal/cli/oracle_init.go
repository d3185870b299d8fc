package cli

import (
	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/oracle/sim"
)

// oracleInitCommand prints a scenario to start from.
func (p *program) oracleInitCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "init",
		Short:   "print a scenario file to start from",
		Long:    "Prints the scenario two-of-seven as a file: change it, and play it with \"oracle run\".",
		Example: "tallystick oracle init > mine.json\ntallystick oracle run mine.json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := p.Out.Write(sim.Example()) // the program's own text
			return err
		},
	}
}
