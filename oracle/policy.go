package oracle

import (
	"fmt"
	"strings"
)

// A Strategy makes one price of the votes. All but MeanIQR are clamped to the hull
// (see [Aggregate]).
type Strategy uint8

// The strategies, in the order of [Strategies].
const (
	Median    Strategy = iota // of the votes
	Fenced                    // mean of the votes within 3 robust deviations of the median
	Trimmed                   // mean without f votes at each end
	Weighted                  // weighted median, weight by reputation in [½, 1]
	ThreeVote                 // median of p−s, p, p+s of every vote
	Hodges                    // median of all pairwise means (Hodges & Lehmann, 1963)
	MeanIQR                   // the ancestor's rule, for comparison alone: it does not hold against a third of liars
)

var strategyNames = [...]string{"median", "fenced", "trimmed", "weighted", "three_vote", "hodges", "mean_iqr"}

// Strategies are all there are, in a fixed order.
func Strategies() []Strategy {
	all := make([]Strategy, len(strategyNames))
	for i := range all {
		all[i] = Strategy(i)
	}
	return all
}

// String is the name, as in a charter and on the command line.
func (s Strategy) String() string {
	if int(s) < len(strategyNames) {
		return strategyNames[s]
	}
	return fmt.Sprintf("strategy %d", uint8(s))
}

// ParseStrategy is the strategy of that name. The error wraps [ErrStrategy] and
// lists the names.
func ParseStrategy(name string) (Strategy, error) {
	for i, n := range strategyNames {
		if n == name {
			return Strategy(i), nil
		}
	}
	return 0, fmt.Errorf("%w %q: it is one of %s", ErrStrategy, name, strings.Join(strategyNames[:], ", "))
}

// MarshalText is the name.
func (s Strategy) MarshalText() ([]byte, error) {
	if int(s) >= len(strategyNames) {
		return nil, fmt.Errorf("%w %d", ErrStrategy, uint8(s))
	}
	return []byte(s.String()), nil
}

// UnmarshalText is [ParseStrategy].
func (s *Strategy) UnmarshalText(b []byte) (err error) {
	*s, err = ParseStrategy(string(b))
	return err
}

// A Policy is what a charter fixes besides committee and pairs. All of it is
// hashed into the room's id.
type Policy struct {
	Strategy     Strategy // of Log.Price; any but MeanIQR
	VoteK        int      // newest attestations that make a vote, 1 … MaxVoteK
	IntervalMS   int64    // how often an oracle attests; advice to oracles, read by nobody
	SlotMS       int64    // length of a slot
	MaxAgeMS     int64    // a vote whose newest t is that old or older is stale
	VoteSpanMS   int64    // how far behind the newest an attestation may be and be in its vote
	SkewMaxMS    int64    // how far ahead of `at` a t may be and not be early
	LateMaxMS    int64    // how far behind its ancestors' log time a t may be and not be late
	Fence        int64    // of Fenced and scores, in robust deviations s
	FenceFloor   int64    // the least s, ppm of the median
	WidePPM      int64    // high−low beyond that, of the price, is the status Wide
	FloodMax     int      // attestations of one oracle, pair and slot that count
	DeviationPPM int64    // Due: a price that moved more than that
	HeartbeatMS  int64    // Due: a price as old as that
	HaltPPM      int64    // Breaker: a price that far from its five-minute mean halts
	MaxGapMS     int64    // how long a price is carried
	CommitReveal bool     // only attestations that were committed to before count
	MinSources   int      // sources below which an oracle's own node does not attest; not checked by readers
}

// DefaultPolicy is what a new room gets.
func DefaultPolicy() Policy {
	var p Policy
	for _, f := range policyFields {
		f.Set(&p, f.Default)
	}
	return p
}

// A Param is one number of a policy: its name in the charter, unit and bounds.
type Param struct {
	Name              string
	Unit              string // "ms", "ppm" or ""
	Default, Min, Max int64
	What              string // a line for people

	of  func(*Policy) *int64
	ofN func(*Policy) *int
}

// Set sets the parameter in p; whether v is in bounds [Policy.Validate] says.
func (f *Param) Set(p *Policy, v int64) {
	if f.of != nil {
		*f.of(p) = v
	} else {
		*f.ofN(p) = int(v)
	}
}

// In is the value of the parameter in p.
func (f *Param) In(p *Policy) int64 {
	if f.of != nil {
		return *f.of(p)
	}
	return int64(*f.ofN(p))
}

const dayMS = 24 * 60 * 60 * 1000

// policyFields are the numbers of a policy, in the order people read them.
var policyFields = []Param{
	{Name: "vote_k", Default: 5, Min: 1, Max: MaxVoteK, What: "newest attestations that make a vote", ofN: func(p *Policy) *int { return &p.VoteK }},
	{Name: "interval_ms", Unit: "ms", Default: 1000, Min: 1, Max: dayMS, What: "how often an oracle attests", of: func(p *Policy) *int64 { return &p.IntervalMS }},
	{Name: "slot_ms", Unit: "ms", Default: 1000, Min: 1, Max: dayMS, What: "length of a slot of reputation and detection", of: func(p *Policy) *int64 { return &p.SlotMS }},
	{Name: "max_age_ms", Unit: "ms", Default: 10_000, Min: 1, Max: dayMS, What: "from that age on a vote is stale", of: func(p *Policy) *int64 { return &p.MaxAgeMS }},
	{Name: "vote_span_ms", Unit: "ms", Default: 10_000, Min: 1, Max: dayMS, What: "how far apart the attestations of one vote may lie", of: func(p *Policy) *int64 { return &p.VoteSpanMS }},
	{Name: "skew_max_ms", Unit: "ms", Default: 2000, Min: 0, Max: dayMS, What: "further ahead an attestation is early", of: func(p *Policy) *int64 { return &p.SkewMaxMS }},
	{Name: "late_max_ms", Unit: "ms", Default: 5000, Min: 0, Max: dayMS, What: "further behind its ancestors' time an attestation is late", of: func(p *Policy) *int64 { return &p.LateMaxMS }},
	{Name: "fence", Default: 3, Min: 1, Max: 100, What: "robust deviations from the median that are in bounds", of: func(p *Policy) *int64 { return &p.Fence }},
	{Name: "fence_floor_ppm", Unit: "ppm", Default: 1000, Min: 0, Max: 1_000_000, What: "the least robust deviation, of the median", of: func(p *Policy) *int64 { return &p.FenceFloor }},
	{Name: "wide_ppm", Unit: "ppm", Default: 20_000, Min: 0, Max: 1_000_000_000, What: "a wider proved interval is the status wide", of: func(p *Policy) *int64 { return &p.WidePPM }},
	{Name: "flood_max", Default: 10, Min: 1, Max: 4096, What: "attestations an oracle, pair and slot that count", ofN: func(p *Policy) *int { return &p.FloodMax }},
	{Name: "deviation_ppm", Unit: "ppm", Default: 5000, Min: 0, Max: 1_000_000_000, What: "an update is due when the price moved more", of: func(p *Policy) *int64 { return &p.DeviationPPM }},
	{Name: "heartbeat_ms", Unit: "ms", Default: 60_000, Min: 1, Max: dayMS, What: "an update is due after that time", of: func(p *Policy) *int64 { return &p.HeartbeatMS }},
	{Name: "halt_ppm", Unit: "ppm", Default: 100_000, Min: 0, Max: 1_000_000_000, What: "a price that far from its five-minute mean halts", of: func(p *Policy) *int64 { return &p.HaltPPM }},
	{Name: "max_gap_ms", Unit: "ms", Default: 30_000, Min: 0, Max: dayMS, What: "how long a price is carried", of: func(p *Policy) *int64 { return &p.MaxGapMS }},
	{Name: "min_sources", Default: 1, Min: 1, Max: MaxSources, What: "fewer sources, and an oracle's own node does not attest", ofN: func(p *Policy) *int { return &p.MinSources }},
}

// Params are the numbers of a policy, in the order people read them. Strategy and
// commit_reveal stand beside them.
func Params() []Param { return append([]Param(nil), policyFields...) }

// Validate checks every number against its bounds. The error wraps [ErrTerms] and
// names parameter, value and bounds.
func (p Policy) Validate() error {
	if int(p.Strategy) >= len(strategyNames) || p.Strategy == MeanIQR {
		return fmt.Errorf("%w: policy.strategy: %v is for comparison alone, or unknown", ErrTerms, p.Strategy)
	}
	for _, f := range policyFields {
		if v := f.In(&p); v < f.Min || v > f.Max {
			return fmt.Errorf("%w: policy.%s: %d is not in %d … %d", ErrTerms, f.Name, v, f.Min, f.Max)
		}
	}
	return nil
}
