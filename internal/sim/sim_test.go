package sim

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tallystick/tallystick/internal/byz"
)

var (
	seedCount    = flag.Int("seeds", 0, "how many seeds TestSeeds plays; 0: as many as take a few seconds")
	firstSeed    = flag.Uint64("seed-from", 1, "the first of the seeds that TestSeeds plays")
	oneSeed      = flag.Uint64("seed", 0, "play this one seed; with -v as a trace")
	scenarioFile = flag.String("scenario", "", "play the scenario in this file; with -v as a trace")
)

func names(attacks []byz.Attack) (names []string) {
	for _, a := range attacks {
		names = append(names, a.Name)
	}
	return names
}

var testAttacks = byz.Attacks()

// TestSeeds plays the scenarios of many seeds, one on each core at a time. A failing one is printed as a line that plays it again,
// and as the smallest scenario found that fails alike.
func TestSeeds(t *testing.T) {
	switch {
	case *scenarioFile != "":
		text, err := os.ReadFile(*scenarioFile)
		if err != nil {
			t.Fatal(err)
		}
		sc, err := Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		play(t, sc, testing.Verbose())
		return
	case *oneSeed != 0:
		play(t, Generate(*oneSeed, names(testAttacks)), testing.Verbose())
		return
	}
	count := *seedCount
	if count == 0 {
		if count = 200; testing.Short() {
			count = 40
		}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // networks are small and soon gone
	began := time.Now()
	var next, failed atomic.Int64
	var mu sync.Mutex
	var total Stats
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for n := next.Add(1); n <= int64(count) && failed.Load() < 3; n = next.Add(1) {
				seed := *firstSeed + uint64(n) - 1
				cfg := Config{Scenario: Generate(seed, names(testAttacks)), Attacks: testAttacks}
				stats, err := Run(cfg)
				mu.Lock()
				total.add(stats)
				mu.Unlock()
				if err != nil {
					failed.Add(1)
					t.Errorf("seed %#x: %v\n\tgo test ./internal/sim -run TestSeeds -seed %#x -v\nin short:\n%s", seed, err, seed, Shrink(cfg))
				}
			}
		})
	}
	wait.Wait()
	t.Logf("%d seeds in %v: %d events, %d messages, %d changes, %d crashes, %d connections, %d attacks (%d judged whole); at most %v until all were equal",
		count, time.Since(began).Round(time.Millisecond), total.Events, total.Messages, total.Changes, total.Crashes, total.Connections, total.Attacks, total.Undisturbed, total.Settled)
}

func (s *Stats) add(o Stats) {
	s.Events += o.Events
	s.Messages += o.Messages
	s.Changes += o.Changes
	s.Crashes += o.Crashes
	s.Connections += o.Connections
	s.Attacks += o.Attacks
	s.Undisturbed += o.Undisturbed
	s.Settled = max(s.Settled, o.Settled)
}

// TestScenarios plays what once broke a promise.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sc, err := Parse(string(text))
			if err != nil {
				t.Fatal(err)
			}
			play(t, sc, false)
		})
	}
}

// TestFiles plays scenarios on real stores instead of those in memory.
func TestFiles(t *testing.T) {
	for seed := uint64(1); seed <= 5; seed++ {
		sc := Generate(seed, nil, "crash", "fail", "restore", "cut", "lose")
		for i := range sc.Nodes {
			sc.Nodes[i].Files = true
		}
		play(t, sc, false)
	}
}

// play plays one scenario.
func play(t *testing.T, sc Scenario, trace bool) {
	t.Helper()
	cfg := Config{Scenario: sc, Attacks: testAttacks}
	if trace {
		fmt.Print(sc, "\n")
		cfg.Trace = os.Stdout
	}
	if stats, err := Run(cfg); err != nil {
		t.Fatal(err)
	} else {
		t.Logf("%+v", stats)
	}
}

// TestSameSeedSameTrace: nothing but the scenario decides what happens.
func TestSameSeedSameTrace(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		var first []byte
		for range 3 {
			var trace bytes.Buffer
			if _, err := Run(Config{Scenario: Generate(seed, names(testAttacks)), Attacks: testAttacks, Trace: &trace}); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			switch {
			case first == nil:
				first = trace.Bytes()
			case !bytes.Equal(first, trace.Bytes()):
				t.Fatalf("seed %d: two traces", seed)
			}
		}
	}
}

// TestScenarioText: a scenario is what its text says.
func TestScenarioText(t *testing.T) {
	for seed := uint64(1); seed <= 200; seed++ {
		sc := Generate(seed, []string{"class/name"})
		got, err := Parse(sc.String())
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, sc)
		}
		if got.String() != sc.String() || !slices.Equal(got.Nodes, sc.Nodes) || !slices.Equal(got.Links, sc.Links) {
			t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, got, sc)
		}
	}
}

// TestWants: an attack that comes to something else than it says is found, by what it was to come to.
func TestWants(t *testing.T) {
	first := func(fits func(byz.Want) bool) byz.Attack {
		i := slices.IndexFunc(testAttacks, func(a byz.Attack) bool {
			return a.Class == byz.Chain && a.Kind == "" && a.Charter == nil && fits(a.Want)
		})
		return testAttacks[i]
	}
	forks := first(func(w byz.Want) bool { return w.Forks > 0 && w.Accepted < 10 })
	closed := first(func(w byz.Want) bool { return w.Closed })
	for _, x := range []struct {
		name, kind string
		attack     byz.Attack
		change     func(w *byz.Want)
	}{
		{"as it is", "", forks, func(*byz.Want) {}},
		{"as it is, refused", "", closed, func(*byz.Want) {}},
		{"more accepted", "accepted", forks, func(w *byz.Want) { w.Accepted-- }},
		{"fewer accepted", "accepted", forks, func(w *byz.Want) { w.Accepted++ }},
		{"more forks", "forks", forks, func(w *byz.Want) { w.Forks-- }},
		{"fewer forks", "forks", forks, func(w *byz.Want) { w.Forks++ }},
		{"another code", "reason", closed, func(w *byz.Want) { w.Refused = nil }},
		{"a code less", "refused", closed, func(w *byz.Want) { w.Refused = append(slices.Clone(w.Refused), "none") }},
		{"not closed", "refused", closed, func(w *byz.Want) { w.Closed = false }},
	} {
		t.Run(x.name, func(t *testing.T) {
			x.change(&x.attack.Want)
			sc, err := Parse("seed 1\nroom ledger open\nnode author 0 0s memory\nnode author 1 0s memory\nlink 1 0 9ms 9ms 99999 5\n" +
				"+0s edit 0 1\n+1s attack 0 " + x.attack.Name + "\n+0s quiet\n")
			if err != nil {
				t.Fatal(err)
			}
			_, err = Run(Config{Scenario: sc, Attacks: []byz.Attack{x.attack}})
			var f *Failure
			if errors.As(err, &f); f == nil && x.kind != "" || f != nil && f.Kind != x.kind {
				t.Fatalf("%s: %v; want %q", x.attack.Name, err, x.kind)
			}
		})
	}
}

// TestMutants: defects of every kind that the simulator is there for are found, and by the promise that they break.
func TestMutants(t *testing.T) {
	for _, m := range []struct {
		mutant string
		kinds  []string
		within uint64 // seeds
		faults []string
	}{
		{mutantLazyStore, []string{"lost", "honest-fork"}, 60, nil},
		{mutantDropFrame, []string{"durable", "records"}, 10, nil},
		{mutantSendEarly, []string{"durable"}, 10, nil},
		{mutantLazyLast, []string{"honest-fork"}, 100, []string{"restore"}},
		{mutantNoGuard, []string{"honest-fork"}, 30, []string{"restore"}},
		{mutantStale, []string{"lost", "store", "honest-fork"}, 10, nil},
		{mutantLossy, []string{"liveness", "blame", "prompt"}, 30, nil},
		{mutantTwice, []string{"blame"}, 10, nil},
	} {
		t.Run(m.mutant, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= m.within; seed++ {
				_, err := Run(Config{Scenario: Generate(seed, nil, m.faults...), Mutant: m.mutant})
				var f *Failure
				if errors.As(err, &f) {
					if !slices.Contains(m.kinds, f.Kind) {
						t.Fatalf("seed %d: %v; want one of %v", seed, err, m.kinds)
					}
					t.Logf("seed %d: %v", seed, err)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			t.Fatalf("not found in %d seeds", m.within)
		})
	}
}
