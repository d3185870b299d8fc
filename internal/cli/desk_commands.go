package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/internal/ledger"
)

// deskLong ends the help of every command that a desk carries out.
const deskLong = `

It is carried out by the running program of that name, if there is one, else here,
which opens the ledger, acts, connects as the config says, and waits (--wait) until a
peer has stored what was written: exit code 3 if none has; it is saved and is sent
next time. Both say the same.`

const entryHelp = `ENTRY is the id of an entry or its first digits, 4 at least, as the list shows
them; .2 after it means the second entry of one change.`

// deskCommands are the commands for scripts.
func (p *program) deskCommands() []*cobra.Command {
	return []*cobra.Command{
		p.addCommand(), p.listCommand(), p.inboxCommand(), p.agreeCommand(), p.disputeCommand(), p.withdrawCommand(), p.undoCommand(),
		p.balancesCommand(), p.settleCommand(), p.importCommand(), p.exportCommand(), p.watchCommand(),
	}
}

// deskCommand makes one of them. fill puts what was given into the call.
func (p *program) deskCommand(use, short, long string, args cobra.PositionalArgs, fill func(c *deskCall, args []string) error) (*cobra.Command, *deskFlags) {
	f := &deskFlags{}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long + deskLong, Args: args, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			c := &deskCall{Verb: cmd.Name(), Args: args}
			if err := fill(c, args); err != nil {
				return err
			}
			return p.callDesk(cmd, f, c)
		},
	}
	f.add(cmd)
	return cmd, f
}

func asGiven(*deskCall, []string) error { return nil }

func (p *program) addCommand() *cobra.Command {
	var replaces string
	cmd, _ := p.deskCommand("add LINE", "write one transaction", `Writes one transaction, and prints it:

  tallystick add 'alice -> bob 12.50 EUR dinner'
  tallystick add bob 12.50 EUR "dinner, two of us"        from yourself
  tallystick add 'alice paid 60 EUR for alice, bob, carol: dinner'

Quote a line with -> or >: a shell takes > for itself. A name that several people have
is told apart by the first digits of a key: bob#1a2b3c4d. --replaces corrects an entry:
who agrees to the new one lets the old one go.`, someArgs("a transaction, as in: tallystick add bob 12.50 EUR dinner"),
		func(c *deskCall, _ []string) error {
			c.Replaces = replaces
			return nil
		})
	cmd.Flags().StringVar(&replaces, "replaces", "", "it corrects `ENTRY`")
	return cmd
}

func (p *program) listCommand() *cobra.Command {
	cmd, _ := p.deskCommand("list [FILTER]...", "print the entries that a filter keeps", `Prints entries, in order, one a line, as plain mode does; a FILTER keeps some:

  from:alice to:bob with:carol by:dave   who gives, gets, is a party, wrote it
  unit:EUR memo:dinner >100 <=20         what of, how much
  is:tallied claimed said disputed withdrawn invalid unsent mine waiting
  since:2026-01 until:2026-02-03         as the writers claim, UTC
  -TERM                                  what TERM does not match; after --

and any other word is looked for in names, memos, amounts, units and ids.`, cobra.ArbitraryArgs, asGiven)
	return cmd
}

func (p *program) inboxCommand() *cobra.Command {
	cmd, _ := p.deskCommand("inbox", "print the entries that wait for your word", "Prints the entries that name you by key, that others wrote, and of which you have said\nnothing yet. Answer with agree or dispute.", noArgs, asGiven)
	return cmd
}

func (p *program) agreeCommand() *cobra.Command {
	var bind bool
	cmd, _ := p.deskCommand("agree ENTRY...", "agree to entries", "Agrees to entries that name you: to all of them, or to none. When all sides stand by\nan entry it is tallied. "+entryHelp, someArgs("an entry: its id, as the list shows it"),
		func(c *deskCall, _ []string) error {
			c.Bind = bind
			return nil
		})
	cmd.Flags().BoolVar(&bind, "bind", false, "if your name stands there without a key, write the entry anew, bound to yours")
	return cmd
}

func (p *program) disputeCommand() *cobra.Command {
	cmd, _ := p.deskCommand("dispute ENTRY [MEMO]", "dispute an entry, and say why", "Says that an entry that names you is wrong. "+entryHelp, someArgs("an entry: its id, as the list shows it"), memoAfter)
	return cmd
}

func (p *program) withdrawCommand() *cobra.Command {
	cmd, _ := p.deskCommand("withdraw ENTRY [MEMO]", "withdraw an entry, or ask for it", "Takes back an entry that you wrote or agreed to. While another side stands by it, that\nis a request: it counts as disputed until they withdraw it too. "+entryHelp, someArgs("an entry: its id, as the list shows it"), memoAfter)
	return cmd
}

// memoAfter takes all words but the first for a memo.
func memoAfter(c *deskCall, args []string) error {
	c.Args, c.Memo = args[:1], strings.Join(args[1:], " ")
	if len(c.Memo) > ledger.MaxMemoBytes {
		return usage("the memo has %d bytes, at most %d", len(c.Memo), ledger.MaxMemoBytes)
	}
	return nil
}

func (p *program) undoCommand() *cobra.Command {
	cmd, _ := p.deskCommand("undo", "take back what you said last of an entry", "Takes back your last agree, dispute or withdraw: what you had said before stands again.", noArgs, asGiven)
	return cmd
}

const unitHelp = "\nUNIT is one unit, as in EUR; - is that of entries without one; left out: all."

func (p *program) balancesCommand() *cobra.Command {
	cmd, _ := p.deskCommand("balances [UNIT]", "print who stands where", "Prints, for every unit and party, what it is owed (below zero: owes) by tallied entries, by\ntallied and claimed ones, and by disputed ones. Columns: unit party tallied claimed disputed."+unitHelp, oneUnit, asGiven)
	return cmd
}

func (p *program) settleCommand() *cobra.Command {
	var send bool
	cmd, _ := p.deskCommand(settleVerb+" [UNIT]", "print the payments that settle up", "Prints few payments that bring all tallied balances to zero, as lines that can be sent as\nthey are (tallystick add) once they were paid; the memo says who pays whom: who is below\nzero owes. --send writes those that you are a side of."+unitHelp, oneUnit,
		func(c *deskCall, _ []string) error {
			c.Send = send
			return nil
		})
	cmd.Flags().BoolVar(&send, "send", false, "write the payments that you are a side of")
	return cmd
}

func (p *program) watchCommand() *cobra.Command {
	var long time.Duration
	var tail int
	cmd, _ := p.deskCommand(watchVerb, "print events as they come", "Prints what happens, one event a line, as plain mode does (tallystick run --help), until\nit is interrupted.", noArgs,
		func(c *deskCall, _ []string) error {
			if long < 0 {
				return usage("--for is how long to watch: not %v", long)
			}
			if tail < -1 {
				return usage("--tail is a number of entries, or -1 for all: not %d", tail)
			}
			c.For, c.Tail = long, tail
			return nil
		})
	cmd.Flags().DurationVar(&long, "for", 0, "end after so long; 0: when interrupted")
	cmd.Flags().IntVar(&tail, "tail", 0, "first print the last `N` of the entries that are here already; -1: all")
	return cmd
}

// someArgs asks for one argument at least: what it is.
func someArgs(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("%s needs %s", cmd.Name(), what)
		}
		return nil
	}
}

func oneUnit(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage("%s takes one UNIT, not %d words", cmd.Name(), len(args))
	}
	return nil
}
