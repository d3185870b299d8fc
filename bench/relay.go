package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/internal/program"
)

// relayParts are the works within the work, in the order in which they run.
var relayParts = []struct {
	name string
	run  func(context.Context, *run, *relayFlags) error
}{
	{"publish", relayPublish},
	{"fanout", relayFanout},
	{"newcomer", relayNewcomer},
	{"missing", relayMissing},
	{"idle", relayIdle},
	{"stall", relayStall},
	{"flood", relayFlood},
}

type relayFlags struct {
	parts    string
	duration time.Duration
	changes  int
	only     string
}

const messageBytes = 300 // of a change's payload, as in the figures that ours are compared with

func relayWork(flags *flag.FlagSet) func(context.Context, *run) error {
	f := &relayFlags{}
	var names []string
	for _, p := range relayParts {
		names = append(names, p.name)
	}
	flags.StringVar(&f.parts, "work", strings.Join(names, ","), "relay: which parts")
	flags.DurationVar(&f.duration, "for", 2*time.Second, "relay: how long each rate is measured")
	flags.StringVar(&f.only, "only", "", "relay: of publish, the cases alone whose name holds this")
	flags.IntVar(&f.changes, "newcomer", 100_000, "relay: changes that a newcomer gets")
	return func(ctx context.Context, r *run) error {
		wanted := map[string]bool{}
		for name := range strings.SplitSeq(f.parts, ",") {
			wanted[strings.TrimSpace(name)] = true
		}
		for _, p := range relayParts {
			if !wanted[p.name] {
				continue
			}
			delete(wanted, p.name)
			r.say("relay: %s", p.name)
			// Nothing may hang for ever: the other side is another process.
			ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
			err := p.run(ctx, r, f)
			cancel()
			if err != nil {
				return fmt.Errorf("relay: %s: %w", p.name, err)
			}
		}
		for name := range wanted {
			return fmt.Errorf("relay: there is no part %q: %s", name, strings.Join(names, ", "))
		}
		return nil
	}
}

// relayFigure is a figure of this work with the same of the plain server beside it.
func (r *run) relayFigure(name, unit, better string, f report.Figure, plain float64) {
	f.Work, f.Name, f.Unit, f.Better, f.Reference = "relay", name, unit, better, plain
	r.add(f)
}

// plainServer starts the plain server as a process and returns its base URL.
func (r *run) plainServer() (base string, pid int, stop func() error, err error) {
	addr, err := program.FreeAddr()
	if err != nil {
		return "", 0, nil, err
	}
	h, stop, err := r.helper("plain", addr)
	if err != nil {
		return "", 0, nil, err
	}
	return "ws://" + addr, h.pid, stop, nil
}
