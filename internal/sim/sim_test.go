package sim

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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
	t.Logf("%d seeds in %v: %d events, %d messages, %d changes, %d crashes, %d connections, %d attacks; at most %v until all were equal",
		count, time.Since(began).Round(time.Millisecond), total.Events, total.Messages, total.Changes, total.Crashes, total.Connections, total.Attacks, total.Settled)
}

func (s *Stats) add(o Stats) {
	s.Events += o.Events
	s.Messages += o.Messages
	s.Changes += o.Changes
	s.Crashes += o.Crashes
	s.Connections += o.Connections
	s.Attacks += o.Attacks
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
	for seed := uint64(1); seed <= 3; seed++ {
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
