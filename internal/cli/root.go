package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/internal/profile"
)

const rootLong = `tallystick keeps one list of transactions together with people who trust neither
each other nor the server between them. Every change is signed and hash-linked.

Without a word after it, it opens your ledger and asks nothing. NAME is who you are
on this machine: 1 to 32 letters, digits, - or _. Left out, it is the name in the
config, else your login name, else "me". A NAME that is new gets a key.
Words that are commands are names only after "run".

Without --connect and --listen it connects to ` + defaultURL + `, and if nobody
answers there it listens there itself. If standard input or output is no terminal,
it is in plain mode: a transaction a line in, events out.`

const rootExamples = `tallystick
tallystick bob --connect ws://192.0.2.1:8080
cat transactions.txt | tallystick alice --plain --json
tallystick --relay --listen 0.0.0.0:8080`

// root makes the whole command line.
func (p *program) root() *cobra.Command {
	var run runFlags
	var relayed relayFlags
	root := &cobra.Command{
		SuggestionsMinimumDistance: 2,
		Use:                        "tallystick [NAME]",
		Short:                      "one list, kept by people who trust neither each other nor the server",
		Long:                       rootLong,
		Example:                    rootExamples,
		Args:                       oneName,
		Version:                    Version,
		RunE: func(cmd *cobra.Command, args []string) error {
			if relayed.relay {
				if err := relayed.check(cmd, args); err != nil {
					return err
				}
				return p.relay(cmd.Context(), relayed, run)
			}
			if err := relayed.without(cmd); err != nil {
				return err
			}
			if len(args) == 1 {
				if err := p.notACommand(cmd, args[0]); err != nil {
					return err
				}
			}
			return p.run(cmd, args, run)
		},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	run.add(root)
	relayed.add(root)
	root.SetVersionTemplate(versionLine() + "\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%w", err) })
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(p.runCommand())
	root.AddCommand(p.deskCommands()...)
	root.AddCommand(p.initCommand(), p.showCommand(), p.verifyCommand(), p.saveCommand(), p.loadCommand(), p.evidenceCommand(), p.proveCommand(), p.checkCommand(), p.oracleCommand(), p.roomCommand(), p.joinCommand(), p.roomsCommand(), p.peopleCommand(), p.idCommand(), p.versionCommand())
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate(helpTemplate())
	root.ValidArgsFunction = completeNames
	cobra.EnableCommandSorting = false
	return root
}

// notACommand refuses a name that nobody has here and that is a slip of the pen away from a command.
func (p *program) notACommand(cmd *cobra.Command, word string) error {
	const short = 5 // shorter words are near to many names
	if len(word) < short {
		return nil
	}
	for _, near := range cmd.SuggestionsFor(word) {
		if len(near) < short {
			continue
		}
		names, err := profile.People()
		if err != nil {
			return err
		}
		for _, n := range names {
			if n.String() == word {
				return nil
			}
		}
		return usage("there is no %q here; did you mean the command %q? To make a person of that name: tallystick run %s", word, near, word)
	}
	return nil
}

// oneName allows one argument at most.
func oneName(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		if !cmd.HasParent() {
			return usage("there is no command %q: one NAME at most", args[0])
		}
		return usage("%s takes one NAME, not %d words", cmd.Name(), len(args))
	}
	return nil
}

// exactName asks for one argument.
func exactName(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage("%s takes one NAME: tallystick %s NAME", cmd.Name(), cmd.Name())
	}
	return nil
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no words after it, not %q", cmd.Name(), args[0])
	}
	return nil
}

// completeNames completes the people on this machine.
func completeNames(_ *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, err := profile.People()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, n := range names {
		if strings.HasPrefix(n.String(), toComplete) {
			out = append(out, n.String())
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

const usageTemplate = `usage:
  {{if .HasParent}}{{.UseLine}}{{else}}tallystick [NAME] [flags]
  tallystick --relay [flags]
  tallystick COMMAND [flags]{{end}}{{if .HasExample}}

examples:
{{indent .Example}}{{end}}{{if .HasAvailableSubCommands}}

commands:{{range .Commands}}{{if (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
`

func init() {
	cobra.AddTemplateFunc("indent", func(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") })
}

func helpTemplate() string {
	var b strings.Builder
	b.WriteString("{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}\n\n{{end}}{{.UsageString}}\nexit codes:\n")
	for _, e := range exitTable {
		fmt.Fprintf(&b, "  %-3d  %s\n", e.code, e.text)
	}
	return b.String()
}
