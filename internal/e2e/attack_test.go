package e2e

import (
	"flag"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/tallystick/tallystick/internal/byz"
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
	if testing.Short() {
		suite.Sample = 16
	}
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

// TestAttackRunner: the runner finds each of these wants to be wrong, which differ from a right one in one thing.
func TestAttackRunner(t *testing.T) {
	attacks := make(map[string]byz.Attack)
	for _, a := range byz.Attacks() {
		attacks[a.Name] = a
	}
	w, err := live.NewWorld(t.Context(), binary, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var runs sync.WaitGroup
	for _, x := range []struct {
		attack, want string
		falsify      func(*byz.Want)
	}{
		{"codec/good-then-bad", "3 of the attackers' changes are accepted, want 4", func(w *byz.Want) { w.Accepted++ }},
		{"withholding/branch-each", "1 authors are shown as forked, want 0", func(w *byz.Want) { w.Forks-- }},
		{"codec/pack-truncated", "of malformed, which was not to be", func(w *byz.Want) { w.Refused = nil }},
		{"codec/pack-trailing-byte", "an attacker's connection was closed", func(w *byz.Want) { w.Closed = false }},
		{"chain/branch-for-each", "rows of the attackers are shown, want none", func(w *byz.Want) { w.Void = true }},
	} {
		a, ok := attacks[x.attack]
		if !ok {
			t.Fatalf("no attack is called %s", x.attack)
		}
		x.falsify(&a.Want)
		runs.Go(func() {
			if r := w.Attack(t.Context(), a, false); r.Err == nil || !strings.Contains(r.Err.Error(), x.want) {
				t.Errorf("%s: got error %v, want %q", x.attack, r.Err, x.want)
			}
		})
	}
	runs.Wait()
	if err := w.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
