package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"

	attacks "github.com/tallystick/tallystick/internal/byz/live"
)

// attackWork runs the attacks of internal/byz against the real program. It prints a table attack → outcome, and measures nothing that has
// a budget: what is not as it must be is an error.
func attackWork(flags *flag.FlagSet) func(context.Context, *run) error {
	only := flags.String("only", "", "attack: those whose names match this regular expression")
	quick := flags.Bool("quick", false, "attack: each in one form, without those that wait for long timeouts")
	parallel := flags.Int("parallel", 2, "attack: rooms that are attacked at a time")
	table := flags.String("table", "", "attack: document whose table is replaced, as docs/attacks.md")
	return func(ctx context.Context, r *run) error {
		suite := attacks.Suite{Quick: *quick, Parallel: *parallel}
		if *only != "" {
			re, err := regexp.Compile(*only)
			if err != nil {
				return err
			}
			suite.Only = re
		}
		began := time.Now()
		suite.Each = func(a *attacks.Result) {
			r.say("%6.1f s  %s, honest traffic %t: relay %d MiB, edit %v, %v", time.Since(began).Seconds(), a.Name, a.Busy, a.Relay>>20, a.Edit.Round(time.Millisecond), a.Err)
		}
		results, err := suite.Run(ctx, r.binary, r.dir)
		if err != nil {
			return fmt.Errorf("attack: %w", err)
		}
		if err := attacks.Markdown(os.Stdout, results); err != nil {
			return err
		}
		if *table != "" {
			if err := attacks.Into(*table, results); err != nil {
				return err
			}
		}
		if failed := attacks.Failed(results); len(failed) > 0 {
			return fmt.Errorf("attack: %d of %d runs are not as they must be, the first: %s: %w", len(failed), len(results), failed[0].Name, failed[0].Err)
		}
		return nil
	}
}
