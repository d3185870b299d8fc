package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/oracle/study"
)

func (p *program) oracleStudyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "study",
		Short: "hold every strategy against every lie, as tables",
		Long:  "Makes the tables of docs/oracle-study.md: committees of 7 and 31 oracles, drawn by chance from one\nseed, of which a third lies in each of many ways, and how far off each strategy is. The text is\nthe same each time.",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(p.Out, study.Markdown())
			return err
		},
	}
}
