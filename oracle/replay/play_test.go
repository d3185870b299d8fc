package replay

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/liar"
)

// crash is the AAVE cut read by 7 oracles, of which the last two lie.
func crash(t *testing.T, kind liar.Kind) (*Recording, Setup) {
	rec, err := Open("aave-crash", Options{Expo: -8, Venues: []string{"binance-perp", "coinbase", "gemini"}})
	if err != nil {
		t.Fatal(err)
	}
	s := Setup{Pair: "AAVE/USD", Policy: oracle.DefaultPolicy(), Seed: 7, Venues: []int{0, 0, 1, 1, 2, 0, 1}, Liars: make([]liar.Kind, 7)}
	s.Policy.VoteK, s.Policy.MaxAgeMS, s.Policy.VoteSpanMS = 1, 120_000, 120_000
	s.Liars[5], s.Liars[6] = kind, kind
	return rec, s
}

// TestPlayCrash: while two of seven lie, however they do, no clamped price leaves the honest votes, at any moment of the crash; the
// ancestor's rule does, and so does a fence without the clamp, or with an f that shrinks with the votes.
func TestPlayCrash(t *testing.T) {
	t.Parallel()
	for _, kind := range liar.Kinds() {
		rec, s := crash(t, kind)
		r, err := Play(rec, s)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Play(rec, s); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%s: played again it is another: %v", kind, err)
		}
		if r.F != 2 || r.Moments != 230 || r.Insufficient != 1 || r.Spread.Max < 1_000_000 {
			t.Errorf("%s: f %d, %d moments, %d without a price, venues apart %+v", kind, r.F, r.Moments, r.Insufficient, r.Spread)
		}
		own := 0
		for _, rule := range r.Rules {
			clamped := !strings.Contains(rule.Name, ",") && rule.Name != "mean_iqr"
			if clamped && rule.VotesTimes > 0 {
				t.Errorf("%s: %s left the honest votes %d times, by %d ppm", kind, rule.Name, rule.VotesTimes, rule.Votes.Max)
			}
			if !clamped && kind == liar.Minus && rule.Name != floatingFenced && rule.Votes.Max < 10_000 {
				t.Errorf("%s: %s stays within %d ppm: then the clamp shows nothing", kind, rule.Name, rule.Votes.Max)
			}
			if rule.Own {
				own++
			}
		}
		if own != 1 || len(r.Rules) != len(oracle.Strategies())+2 {
			t.Errorf("%s: %d own rules of %d", kind, own, len(r.Rules))
		}
	}
}

// A venue that is silent goes stale: with no quorum left there is no price, and nothing is made up.
func TestPlaySilence(t *testing.T) {
	t.Parallel()
	rec, err := read(longHeader+"1000,a,1,1000,0\n1000,b,1.1,1000,0\n1000,c,1.2,1000,0\n1000,d,1.3,1000,0\n9000,a,2,9000,0\n21000,a,3,21000,0\n", Options{Expo: -2})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Play(rec, Setup{Pair: "A/B", Policy: oracle.DefaultPolicy(), Venues: []int{0, 1, 2, 3}, Liars: make([]liar.Kind, 4)})
	if err != nil {
		t.Fatal(err)
	}
	if r.Moments != 3 || r.Insufficient != 1 || !reflect.DeepEqual(r.Sent, []int{3, 1, 1, 1}) || r.From != 1000 || r.To != 21000 {
		t.Errorf("got %+v", r)
	}
}

func TestPlayRefuses(t *testing.T) {
	t.Parallel()
	rec, s := crash(t, liar.Plus)
	for name, c := range map[string]struct {
		change func(*Setup)
		want   string
	}{
		"pair":   {func(s *Setup) { s.Pair = "AAVE" }, "no pair like"},
		"venue":  {func(s *Setup) { s.Venues = []int{0, 1, 2, 3, 0, 0, 0} }, "oracle 3 reads venue 3 of 3"},
		"liars":  {func(s *Setup) { s.Liars = nil }, "7 oracles read venues"},
		"nobody": {func(s *Setup) { s.Venues, s.Liars = nil, nil }, "oracles: there are none"},
		"policy": {func(s *Setup) { s.Policy.VoteK = 0 }, "vote_k"},
	} {
		one := s
		c.change(&one)
		if _, err := Play(rec, one); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ low, high, of, want int64 }{
		{100, 100, 100, 0}, {100, 101, 100, 10_000}, {3, 4, 3, 333_334}, {1, math.MaxInt64, 1, math.MaxInt64},
		{1, math.MaxInt64, math.MaxInt64, 1_000_000},
	} {
		if got := apart(c.low, c.high, c.of); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
}

// Shares sum up as they do the plain way.
func TestSumUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ppm := rapid.SliceOfN(rapid.Int64Range(0, 5), 1, 300).Draw(rt, "ppm")
		var all []share
		for i, x := range ppm {
			all = append(all, share{x, int64(i)})
		}
		s, above := sumUp(all)
		atMost := func(v int64) (n int) {
			for _, x := range ppm {
				if x <= v {
					n++
				}
			}
			return n
		}
		if above != len(ppm)-atMost(0) {
			rt.Fatalf("%d above", above)
		}
		for _, q := range []struct{ got, percent int64 }{{s.Median, 50}, {s.P99, 99}, {s.Max, 100}} {
			if n := int64(len(ppm)); int64(atMost(q.got))*100 < n*q.percent || q.got > 0 && int64(atMost(q.got-1))*100 >= n*q.percent {
				rt.Fatalf("%d%%: got %d of %v", q.percent, q.got, ppm)
			}
		}
		if s.Max > 0 && ppm[s.MaxAt] != s.Max {
			rt.Fatalf("max at %d", s.MaxAt)
		}
	})
}
