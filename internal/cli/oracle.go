package cli

import "github.com/spf13/cobra"

func (p *program) oracleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "oracle",
		Short: "signed prices of many, one answer",
		Long:  "Rooms of oracles: many sign what they say a price is, and everybody computes one price of it,\nwhich up to a third of them cannot push outside what the honest ones said.",
		Args:  noArgs,
	}
	cmd.AddCommand(p.oracleNewCommand(), p.oracleNodeCommand(), p.oraclePriceCommand(), p.oraclePolicyCommand())
	return cmd
}
