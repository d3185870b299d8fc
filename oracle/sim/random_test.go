package sim

import (
	"flag"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	scenarioCount = flag.Int("scenarios", 0, "how many random scenarios TestRandom plays; 0: as many as take a few seconds")
	firstSeed     = flag.Uint64("seed-from", 1, "the first of their seeds")
)

// TestRandom plays random scenarios, one on each core at a time: whenever two honest replicas have equal heads they say the same, and no price
// lies outside of honest votes.
//
//	go test ./oracle/sim -run TestRandom -scenarios 1000 -timeout 1h -v
func TestRandom(t *testing.T) {
	count := *scenarioCount
	if count == 0 {
		if count = 12; testing.Short() {
			count = 4
		}
	}
	began := time.Now()
	var next, heads, prices, mismatches, outside, convicted, settled, failed atomic.Int64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for n := next.Add(1); n <= int64(count) && failed.Load() < 5; n = next.Add(1) {
				seed := *firstSeed + uint64(n) - 1
				sc := Random(seed)
				r, err := New(sc)
				if err != nil {
					failed.Add(1)
					t.Errorf("seed %d: %v\n%s", seed, err, sc.JSON())
					continue
				}
				for r.Step() {
				}
				if r.Err() != nil {
					failed.Add(1)
					t.Errorf("seed %d: %v\n%s", seed, r.Err(), sc.JSON())
					continue
				}
				rep := r.Report()
				heads.Add(rep.Agreement.EqualHeadsChecks)
				mismatches.Add(rep.Agreement.Mismatches)
				if rep.Agreement.ConvergedAtMS >= 0 {
					settled.Add(1)
				}
				bad := rep.Agreement.Mismatches > 0
				for i := range r.pairs {
					prices.Add(r.pairs[i].judged)
					outside.Add(r.pairs[i].outside)
					bad = bad || r.pairs[i].outside > 0
				}
				for _, o := range rep.Oracles {
					if o.Convicted {
						convicted.Add(1)
						bad = bad || !o.Byzantine
					}
				}
				if bad {
					failed.Add(1)
					t.Errorf("seed %d: %+v\n%+v\n%s", seed, rep.Agreement, rep.Pairs, sc.JSON())
				}
			}
		})
	}
	wait.Wait()
	if heads.Load() == 0 || prices.Load() == 0 {
		t.Errorf("%d comparisons at equal heads, %d prices: nothing was tested", heads.Load(), prices.Load())
	}
	t.Logf("%d scenarios in %v: %d comparisons at equal heads, %d mismatches; %d prices, %d outside of honest votes; %d convicted, all rightly; %d all equal at the end",
		count, time.Since(began).Round(time.Millisecond), heads.Load(), mismatches.Load(), prices.Load(), outside.Load(), convicted.Load(), settled.Load())
}
