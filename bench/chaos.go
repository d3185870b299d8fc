package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/internal/e2e/chaos"
)

func chaosWork(flags *flag.FlagSet) func(context.Context, *run) error {
	var cfg chaos.Config
	flags.DurationVar(&cfg.For, "for", 10*time.Minute, "chaos: how long there are faults")
	flags.Uint64Var(&cfg.Seed, "seed", 1, "chaos: of the schedule of faults")
	flags.DurationVar(&cfg.Every, "every", time.Second, "chaos: from one fault to the next, on average")
	flags.Float64Var(&cfg.Rate, "rate", 10, "chaos: entries a second that each node writes")
	tell := flags.Bool("v", false, "chaos: tell of each fault")
	return func(ctx context.Context, r *run) error {
		if cfg.Rate <= 0 || cfg.Every <= 0 || cfg.For <= 0 {
			return errors.New("chaos: -for, -every and -rate are above zero")
		}
		cfg.Binary, cfg.Home, cfg.Patience = r.binary, filepath.Join(r.dir, "chaos"), 5*time.Minute
		if *tell {
			cfg.Log = r.say
		}
		r.say("chaos: %v; again: go run ./bench chaos -for %v -seed %d -every %v -rate %g", cfg.For, cfg.For, cfg.Seed, cfg.Every, cfg.Rate)
		out, err := chaos.Run(ctx, cfg)
		r.reportChaos(out)
		if err != nil {
			return fmt.Errorf("chaos: %w", err)
		}
		r.say("chaos: every node, newcomers at both relays and every store have log digest %s", out.LogDigest)
		return nil
	}
}

func (r *run) reportChaos(out *chaos.Report) {
	add := func(name, unit string, v float64, note string) {
		r.add(report.Figure{Work: "chaos", Name: name, Unit: unit, Summary: report.Single(v), Note: note})
	}
	for _, k := range chaos.Kinds() {
		add(string(k), "", float64(out.Faults[k]), "")
	}
	add("bits flipped", "", float64(out.Lines.Flipped), "")
	add("connections through the lines", "", float64(out.Lines.Connections), fmt.Sprintf("%d more refused or nobody there", out.Lines.Refused))
	add("passed on", "MB", float64(out.Lines.Bytes)/1e6, "both ways")
	add("connections that ended, as nodes tell", "", float64(sum(out.Tally.Closed)), counts(out.Tally.Closed))
	add("refusals, as nodes tell", "", float64(sum(out.Tally.Refused)), counts(out.Tally.Refused))
	add("peers that seemed to withhold", "", float64(out.Tally.Lies), "over lines that flip bits")
	add("entries typed", "", float64(out.Typed), "")
	add("entries acknowledged", "", float64(out.Tally.Acknowledged), "all there in the end")
	add("entries in the end", "", float64(out.Rows), "the same at all nodes and relays")
	add("stores read after a kill", "", float64(out.StoreChecked), "all that was acknowledged was there")
	add("from the last fault to equal digests", "s", out.ToEqual.Seconds(), "")
	for role, name := range []string{"node", "relay"} {
		add("memory of a "+name+", most", "MB", float64(out.Memory[role])/1e6, "")
		add("descriptors of a "+name+", most", "", float64(out.Files[role]), "")
		add("threads of a "+name+", most", "", float64(out.Threads[role]), "")
	}
}

func sum(m map[string]int) (n int) {
	for v := range maps.Values(m) {
		n += v
	}
	return n
}

// counts tells each count, the greatest first.
func counts(m map[string]int) string {
	codes := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		if m[a] != m[b] {
			return m[b] - m[a]
		}
		return strings.Compare(a, b)
	})
	for i, c := range codes {
		codes[i] = fmt.Sprintf("%s %d", c, m[c])
	}
	return strings.Join(codes, ", ")
}
