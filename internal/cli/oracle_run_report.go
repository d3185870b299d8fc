package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tallystick/tallystick/oracle/sim"
)

func joinWords(words []string) string { return strings.Join(words, "; ") }

// percent is ppm for people.
func percent(ppm int64) string { return fmt.Sprintf("%.3f %%", float64(ppm)/10_000) }

// sayReport prints a report for people.
func (p *program) sayReport(r *sim.Report) error {
	var err error
	say := func(format string, args ...any) {
		if err == nil {
			err = p.printf(format, args...)
		}
	}
	lied, f := 0, (len(r.Oracles)-1)/3
	for _, o := range r.Oracles {
		if o.Byzantine {
			lied++
		}
	}
	say("%s: seed %d, %.1f s in %d ms", r.Scenario, r.Seed, float64(r.DurationMS)/1000, r.WallMS)
	proved := "proved"
	if lied <= f {
		say("%d of %d oracles lie, %d can be borne", lied, len(r.Oracles), f)
	} else {
		proved = "not proved:"
		say("%d of %d oracles lie, only %d can be borne: nothing is promised", lied, len(r.Oracles), f)
	}
	for _, o := range r.Pairs {
		say("")
		say("%s %s (%s %s to %s), %s; truth %s", o.Pair, orNone(o.Price), proved, orNone(o.Low), orNone(o.High), o.Status, orNone(o.Truth))
		say("  error now %s, root mean square %s, at most %s, of %d prices", percent(o.ErrorPPM), percent(o.RMSPPM), percent(o.MaxPPM), o.Prices)
		outside := fmt.Sprint(o.OutsideHonest)
		if lied > f {
			outside = "not asked"
		}
		say("  slots without a new price: %d, of them for want of votes: %d; wide: %d; prices not between honest votes: %s", o.NoNewPriceSlots, o.InsufficientSlots, o.WideSlots, outside)
		for _, name := range sortedKeys(o.ByStrategy) {
			s := o.ByStrategy[name]
			say("  %-10s root mean square %s, at most %s", name, percent(s.RMSPPM), percent(s.MaxPPM))
		}
	}
	say("")
	say("oracle   kind           sent accepted  void early  late stale  score  max gap    found")
	for _, o := range r.Oracles {
		kind, found := o.Kind, strings.Join(o.Findings, ", ")
		if kind == "" {
			kind = "honest"
		}
		if o.Convicted {
			found = strings.TrimPrefix(found+", convicted", ", ")
		}
		say("%2d %.4s  %-13s %5d %8d %5d %5d %5d %5d  %.3f %9s  %s", o.ID, o.Author, kind, o.Sent, o.Accepted, o.Void, o.Early, o.Late, o.Stale, float64(o.ScorePPM)/1e6, percent(o.MaxGapPPM), found)
	}
	say("")
	a, n, l := r.Agreement, r.Network, r.Log
	say("agreement: %d of %d digests equal at equal heads; healed in %d ms, all equal at %d ms", a.EqualDigestChecks, a.EqualHeadsChecks, a.HealedInMS, a.ConvergedAtMS)
	say("network: %d messages, %d bytes, %d lost, %d twice; %d partitions of %d ms; %d crashes", n.Messages, n.Bytes, n.Lost, n.Duplicated, n.Partitions, n.PartitionMS, n.Crashes)
	say("log: %d changes, %d bytes, %d runs, %d signatures checked; %d attestations and %d prices a second", l.Changes, l.Bytes, l.Runs, l.SignaturesChecked, r.Rates.AttestationsPerS, r.Rates.AggregatesPerS)
	for _, e := range r.Evidence {
		say("evidence: %.8s wrote %.8s and %.8s after %.8s", e.Author, e.A, e.B, e.Prev)
	}
	for _, e := range r.Expect {
		word := "ok    "
		if !e.Met {
			word = "MISSED"
		}
		say("%s %s: %s", word, e.Name, e.Text)
	}
	return err
}

func orNone(price string) string {
	if price == "" {
		return "none"
	}
	return price
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
