package cli

import "github.com/spf13/cobra"

const oracleLong = `Oracles sign what a price is, each by itself, and every replica computes the same answer
from the same log: up to a third of them can lie, flood, fork or fall silent, and the
price stays between what honest ones said.`

// oracleCommand is the parent of all that is about oracles.
func (p *program) oracleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "oracle",
		Short: "signed prices of many oracles, one answer: simulate, run, replay",
		Long:  oracleLong,
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		p.oracleRunCommand(), p.oracleInitCommand(), p.oracleListCommand(), p.oracleReplayCommand(), p.oracleStudyCommand(), p.oracleProveCommand(),
		p.oracleNewCommand(), p.oracleNodeCommand(), p.oraclePriceCommand(), p.oraclePolicyCommand(),
	)
	return cmd
}
