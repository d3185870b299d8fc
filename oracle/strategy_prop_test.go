package oracle

import (
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawVotes draws the votes of a committee of which f lie as they like and some are
// silent, and the honest votes, ascending.
func drawVotes(t *rapid.T) (votes []Vote, honest []int64, f int) {
	n := rapid.IntRange(1, 40).Draw(t, "n")
	f = (n - 1) / 3
	liars := rapid.IntRange(0, f).Draw(t, "liars")
	silent := rapid.IntRange(0, n-liars-(2*f+1)).Draw(t, "silent")
	truth := rapid.Int64Range(1, MaxPrice).Draw(t, "truth")
	band := rapid.Int64Range(0, truth/10).Draw(t, "band")
	for i := range n - silent {
		v := Vote{Oracle: i, State: Voted, Weight: rapid.Int64Range(500_000, 1_000_000).Draw(t, "weight")}
		if i < liars {
			v.Value = rapid.OneOf(rapid.Int64Range(1, MaxPrice), rapid.Just(int64(1)), rapid.Just(int64(MaxPrice)), rapid.Int64Range(max(1, truth-band), truth)).Draw(t, "lie")
			v.Spread = rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, MaxPrice)).Draw(t, "spread")
			v.Weight = 1_000_000
		} else {
			v.Value = rapid.Int64Range(max(1, truth-band), min(MaxPrice, truth+band)).Draw(t, "value")
			v.Spread = rapid.Int64Range(0, band).Draw(t, "spread")
			honest = append(honest, v.Value)
		}
		votes = append(votes, v)
	}
	slices.Sort(honest)
	return rapid.Permutation(votes).Draw(t, "order"), honest, f
}

// Whatever f liars say, what comes out lies in the hull, and the hull in the range of
// what honest oracles say (docs/oracle.md §3).
func TestHull(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		votes, honest, f := drawVotes(t)
		x := make([]int64, 0, len(votes))
		for _, v := range votes {
			x = append(x, v.Value)
		}
		slices.Sort(x)
		for _, s := range Strategies() {
			price, low, high, ok := Aggregate(s, DefaultPolicy(), votes, f)
			if !ok || low != x[f] || high != x[len(x)-f-1] {
				t.Fatalf("%v: hull %d … %d, want %d … %d", s, low, high, x[f], x[len(x)-f-1])
			}
			if low < honest[0] || high > honest[len(honest)-1] {
				t.Fatalf("hull %d … %d leaves the honest range %d … %d", low, high, honest[0], honest[len(honest)-1])
			}
			if s != MeanIQR && (price < low || price > high) {
				t.Fatalf("%v: %d is outside the hull %d … %d", s, price, low, high)
			}
		}
	})
}

// With a single vote fewer than the quorum there is no price.
func TestQuorum(t *testing.T) {
	t.Parallel()
	for f := range 5 {
		votes := make([]Vote, 2*f)
		for i := range votes {
			votes[i] = Vote{State: Voted, Value: 5}
		}
		for _, s := range Strategies() {
			if _, _, _, ok := Aggregate(s, DefaultPolicy(), votes, f); ok {
				t.Errorf("%v: a price of %d votes with f = %d", s, len(votes), f)
			}
			all := append(slices.Clone(votes), Vote{State: Voted, Value: 5})
			if p, _, _, ok := Aggregate(s, DefaultPolicy(), all, f); !ok || p != 5 {
				t.Errorf("%v: no price of %d votes with f = %d", s, len(all), f)
			}
			if _, _, _, ok := Aggregate(s, DefaultPolicy(), append(slices.Clone(votes), Vote{State: Stale, Value: 5}), f); ok {
				t.Errorf("%v: a stale vote counts", s)
			}
		}
	}
}

// slow is the unclamped strategy, in the words of docs/oracle.md §3 and big numbers.
func slow(s Strategy, p Policy, votes []Vote, f int) int64 {
	big1 := func(v int64) *big.Int { return big.NewInt(v) }
	floorDiv := func(a, b *big.Int) *big.Int { return new(big.Int).Div(a, b) } // Euclidean: floor for b > 0
	median := func(x []*big.Int) *big.Int {
		x = slices.Clone(x)
		slices.SortFunc(x, (*big.Int).Cmp)
		m := len(x)
		if m%2 == 1 {
			return x[m/2]
		}
		return floorDiv(new(big.Int).Add(x[m/2-1], x[m/2]), big1(2))
	}
	mean := func(x []*big.Int) *big.Int {
		sum := new(big.Int)
		for _, v := range x {
			sum.Add(sum, v)
		}
		return floorDiv(sum, big1(int64(len(x))))
	}
	var x []*big.Int
	for _, v := range votes {
		x = append(x, big1(v.Value))
	}
	sorted := slices.Clone(x)
	slices.SortFunc(sorted, (*big.Int).Cmp)
	switch s {
	case Median:
		return median(x).Int64()
	case Fenced:
		m := median(x)
		var gaps []*big.Int
		for _, v := range x {
			gaps = append(gaps, new(big.Int).Abs(new(big.Int).Sub(v, m)))
		}
		a := floorDiv(new(big.Int).Mul(median(gaps), big1(14826)), big1(10_000))
		b := floorDiv(new(big.Int).Mul(m, big1(p.FenceFloor)), big1(1_000_000))
		if b.Cmp(a) > 0 {
			a = b
		}
		a.Mul(a, big1(p.Fence))
		var rest []*big.Int
		for i, v := range x {
			if gaps[i].Cmp(a) <= 0 {
				rest = append(rest, v)
			}
		}
		if len(rest) == 0 {
			return m.Int64()
		}
		return mean(rest).Int64()
	case Trimmed:
		return mean(sorted[f : len(sorted)-f]).Int64()
	case Weighted:
		order := slices.Clone(votes)
		slices.SortStableFunc(order, func(a, b Vote) int { return big1(a.Value).Cmp(big1(b.Value)) })
		total, reached := int64(0), int64(0)
		for _, v := range order {
			total += v.Weight
		}
		for _, v := range order {
			if reached += v.Weight; 2*reached >= total {
				return v.Value
			}
		}
	case ThreeVote:
		var all []*big.Int
		for _, v := range votes {
			all = append(all, big1(v.Value-v.Spread), big1(v.Value), big1(v.Value+v.Spread))
		}
		return median(all).Int64()
	case Hodges:
		var all []*big.Int
		for i := range x {
			for j := i; j < len(x); j++ {
				all = append(all, floorDiv(new(big.Int).Add(x[i], x[j]), big1(2)))
			}
		}
		return median(all).Int64()
	case MeanIQR:
		n := len(sorted)
		if n <= 4 {
			return mean(sorted).Int64()
		}
		q1, q3 := new(big.Rat).SetInt(sorted[n/4]), new(big.Rat).SetInt(sorted[3*n/4])
		reach := new(big.Rat).Mul(new(big.Rat).Sub(q3, q1), big.NewRat(3, 2))
		var rest []*big.Int
		for _, v := range sorted {
			r := new(big.Rat).SetInt(v)
			if r.Cmp(new(big.Rat).Sub(q1, reach)) >= 0 && r.Cmp(new(big.Rat).Add(q3, reach)) <= 0 {
				rest = append(rest, v)
			}
		}
		return mean(rest).Int64()
	}
	panic(s)
}

func TestStrategiesBySlow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		votes, _, f := drawVotes(t)
		p := DefaultPolicy()
		p.FenceFloor = rapid.SampledFrom([]int64{0, 1, 1000, 1_000_000}).Draw(t, "floor")
		p.Fence = rapid.Int64Range(1, 100).Draw(t, "fence")
		for _, s := range Strategies() {
			got, ok := Unclamped(s, p, votes, f)
			if want := slow(s, p, votes, f); !ok || got != want {
				t.Fatalf("%v: got %d, want %d", s, got, want)
			}
		}
	})
}

// The ancestor's own attack: 5 honest oracles about 2500, 2 at a fifth more. Its rule lets
// the lie in, and every other stays among the honest votes.
func TestAncestorsAttack(t *testing.T) {
	t.Parallel()
	var votes []Vote
	for i, v := range []int64{2490, 2495, 2500, 2505, 2510, 3000, 3000} {
		votes = append(votes, Vote{Oracle: i, State: Voted, Value: v * 1e8, Weight: 750_000})
	}
	for s, want := range map[Strategy]string{
		Median: "2505.00000000", Fenced: "2500.00000000", Trimmed: "2505.00000000", Weighted: "2505.00000000",
		ThreeVote: "2505.00000000", Hodges: "2508.75000000", MeanIQR: "2642.85714285",
	} {
		price, _, _, ok := Aggregate(s, DefaultPolicy(), votes, 2)
		if got := FormatPrice(price, -8); !ok || got != want {
			t.Errorf("%v: got %s, want %s", s, got, want)
		}
	}
}

// The bytes of what a price's digest is of are fixed.
func TestAggregateVectors(t *testing.T) {
	t.Parallel()
	const path = "testdata/aggregates.txt"
	terms := testTerms(t, 7, []string{"BTC/USD", "ETH/USD"}, nil)
	var b strings.Builder
	b.WriteString("# Prices: pair, at, strategy, votes (- is silent, s stale, e early, c convicted, else a number and its spread), price, low, high, mad, status, digest.\n" +
		"# Committee of 7 with the default policy, heads digest 32 times 0x11, weights 500000 + 10000 by number. Made by: go test ./oracle -run Vectors -update\n")
	for _, line := range []string{
		"2500/5 2490/5 2510/5 2505/5 2495/5 3000/1 3000/1",
		"2500/0 2490/0 2510/0 2505/0 2495/0 - -",
		"2500/0 2490/0 2510/0 2505/0 s e -",
		"2500/0 2490/0 2510/0 2505/0 c c -",
		"2500/0 2490/0 2510/0 c c c 9/0",
		"999999999999999999/999999999999999999 999999999999999999/0 1/0 1/0 999999999999999999/0 1/0 1/0",
	} {
		votes := make([]Vote, 7)
		for i, w := range strings.Fields(line) {
			votes[i] = Vote{Oracle: i, Author: terms.Oracles[i], Weight: 500_000 + 10_000*int64(i)}
			switch w {
			case "-":
			case "s":
				votes[i].State = Stale
			case "e":
				votes[i].State = Early
			case "c":
				votes[i].State = Convicted
			default:
				votes[i].State = Voted
				if _, err := fmt.Sscanf(w, "%d/%d", &votes[i].Value, &votes[i].Spread); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, s := range Strategies() {
			p, err := terms.PriceOf(s, "ETH/USD", 1_760_131_200_123, votes, [32]byte([]byte(strings.Repeat("\x11", 32))))
			if err != nil || p.Digest != p.Sum() {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s\t%d\t%v\t%s\t%d\t%d\t%d\t%d\t%v\t%x\n", p.Pair, p.At, s, line, p.Price, p.Low, p.High, p.MAD, p.Status, p.Digest)
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil || string(golden) != b.String() {
		t.Fatalf("%s is another (%v): if that is meant, run with -update", path, err)
	}
}
