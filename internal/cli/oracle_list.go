package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/oracle/sim"
)

// oracleListCommand lists the scenarios within the program.
func (p *program) oracleListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "list the scenarios that are within the program",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			for _, name := range sim.Shipped() {
				sc, err := sim.Load(name)
				if err != nil {
					return fmt.Errorf("oracle list: %w", err)
				}
				if err := p.printf("%-16s %s", name, sc.About); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
