// Package liar says what an oracle reports that lies about its price: the same lies in
// studies, in replays of recorded prices and wherever else a price is to be false. Lies
// about time, identity or number are the simulation's.
//
// All is a function of its arguments: no clock, no source of randomness but the seed.
package liar

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Kind is a way to lie.
type Kind string

// The kinds. Shares are of the oracle's own honest reading.
const (
	Honest    Kind = ""
	Plus      Kind = "plus"      // +20 %
	Minus     Kind = "minus"     // -20 %
	Drift     Kind = "drift"     // +2 %
	Ramp      Kind = "ramp"      // 0.1 % more each report, to +20 %
	Edge      Kind = "edge"      // the greatest honest price
	Alternate Kind = "alternate" // +20 %, -20 %, …
	Mix       Kind = "mix"       // 30 % of reports +5 %, 30 % +20 %, 40 % honest, by chance
	Stale     Kind = "stale"     // its first price for ever
	Silent    Kind = "silent"    // nothing
)

var kinds = []Kind{Plus, Minus, Drift, Ramp, Edge, Alternate, Mix, Stale, Silent}

// Kinds are all kinds but Honest. The slice is the caller's.
func Kinds() []Kind { return slices.Clone(kinds) }

// Parse reads the name of a kind that is not Honest. The error lists them.
func Parse(name string) (Kind, error) {
	if k := Kind(name); slices.Contains(kinds, k) {
		return k, nil
	}
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return Honest, fmt.Errorf("there is no lie %q; there are %s", name, strings.Join(names, ", "))
}

// What a liar knows when it reports.
type Sight struct {
	Own   int64  // its honest reading, above 0
	First int64  // the honest reading of its first report
	High  int64  // the greatest honest price of the moment
	Step  int    // its reports before this one
	Draw  uint64 // chance: see [Draw]
}

// Price is what a liar of kind k reports; ok is false if it reports nothing. It is
// above 0.
func (k Kind) Price(s Sight) (price int64, ok bool) {
	const million = 1_000_000
	ppm := int64(0)
	switch k {
	case Plus:
		ppm = 200_000
	case Minus:
		ppm = -200_000
	case Drift:
		ppm = 20_000
	case Ramp:
		ppm = int64(min(s.Step, 200)) * 1000
	case Alternate:
		ppm = 200_000
		if s.Step%2 == 1 {
			ppm = -200_000
		}
	case Mix:
		switch d := s.Draw % 100; {
		case d < 30:
			ppm = 50_000
		case d < 60:
			ppm = 200_000
		}
	case Edge:
		return max(s.High, 1), true
	case Stale:
		return max(s.First, 1), true
	case Silent:
		return 0, false
	}
	// own·ppm/million, in parts that fit.
	part := s.Own/million*ppm + s.Own%million*ppm/million
	if part > math.MaxInt64-s.Own {
		return math.MaxInt64, true
	}
	return max(s.Own+part, 1), true
}

// Draw is number n of a fixed sequence for each seed and oracle (SplitMix64, Steele,
// Lea & Flood 2014).
func Draw(seed uint64, oracle, n int) uint64 {
	z := seed + uint64(oracle)<<32 + uint64(n)
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
