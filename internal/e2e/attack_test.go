package e2e

import (
	"flag"
	"regexp"
	"testing"

	"github.com/tallystick/tallystick/internal/byz/live"
)

var (
	attackOnly = flag.String("attack", "", "only attacks whose names match this")
	attackFull = flag.Bool("attack.full", false, "all attacks, each in both forms, and those that wait for long timeouts")
)

// TestAttacks runs some attacks of every class against a real relay and real nodes; the tests of package byz run them all, without
// processes, and `go run ./bench attack` runs them all in all forms.
func TestAttacks(t *testing.T) {
	suite := live.Suite{Quick: !*attackFull, Parallel: 4, Sample: 4}
	if *attackOnly != "" {
		suite.Only = regexp.MustCompile(*attackOnly)
	}
	if *attackFull || suite.Only != nil {
		suite.Sample = 1
	}
	results, err := suite.Run(t.Context(), binary, t.TempDir())
	if err != nil {
		t.Error(err)
	}
	for _, r := range live.Failed(results) {
		t.Errorf("%s (among honest traffic: %t): %v", r.Name, r.Busy, r.Err)
	}
	t.Logf("%d attacks", len(results))
}
