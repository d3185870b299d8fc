package cli

import "github.com/spf13/cobra"

// oracleCommand is the parent of all that is about oracles.
func (p *program) oracleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "oracle",
		Short: "signed prices of many oracles, one answer: simulate, run, replay",
	}
	p.addOracleScreen(cmd)
	cmd.AddCommand(
		p.oracleRunCommand(), p.oracleInitCommand(), p.oracleListCommand(), p.oracleReplayCommand(), p.oracleStudyCommand(), p.oracleProveCommand(),
		p.oracleNewCommand(), p.oracleNodeCommand(), p.oraclePriceCommand(), p.oraclePolicyCommand(),
	)
	return cmd
}
