package oracle

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tallystick/tallystick/crdt"
)

// A FindingKind is a rule of detection. All but Equivocation are opinion: they are
// listed with their figures, and take no vote away by themselves.
type FindingKind uint8

// The kinds.
const (
	Equivocation FindingKind = iota // two changes after the same: conviction
	Outlier                         // beyond the fence in 5 of 20 slots
	Bias                            // on one side of the median in 28 of 32 slots, by more than ½ s on average
	Quiet                           // nothing countable for max_age ("stale")
	Stuck                           // the same price for 60 s, in which the median left the fence ("stale")
	Flood                           // more than flood_max attestations in a slot
	Copycat                         // 90 % of 20 slots or more equal to one other's price among its own ancestors
	Clock                           // early or late in 5 of 20 slots
	Void                            // without effect, by reason
	Blind                           // nothing new of others among its ancestors for 10 slots, while others reported

	FindingKinds // how many there are
)

var findingNames = [FindingKinds]string{"equivocation", "outlier", "bias", "stale", "stuck", "flood", "copycat", "clock", "void", "blind"}

// String is the word.
func (k FindingKind) String() string {
	if k < FindingKinds {
		return findingNames[k]
	}
	return "unknown"
}

// MarshalText is the word.
func (k FindingKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// A Finding is one thing that the log shows of an oracle, with its figures and the
// changes that show it. Of one kind, oracle and pair there is at most one: the newest
// time that it held; slots in which it held belong together if less than 20 judged
// slots lie between.
type Finding struct {
	Kind   FindingKind
	Oracle int // −1: others than the committee
	Author crdt.Author
	Pair   string // "" if it is of no pair
	Other  int    // Copycat: whose price; else −1
	Reason Reason // Void: why; else NotVoid

	From, To int64 // slots, first and last
	Now      bool  // it holds in the newest judged slot. Equivocation, Flood and Void stay
	Count    int   // how often it was so, of Of:
	Of       int   // slots looked at; 0 where there is nothing to be part of
	PPM      int64 // Outlier: the greatest gap to the median; Bias: the mean gap. Signed, of the median
	MS       int64 // Clock: median of t − log time of the ancestors; Quiet: since its newest t; Stuck: with that price; Blind: since it saw anything new

	Changes []crdt.ChangeID // at most 8, the newest, in order of their chains; Equivocation: the two, by id; Copycat: the copied one, then the copy, and so on; of others than the committee: the least ids
}

// String says it in a line, without names.
func (f Finding) String() string {
	switch f.Kind {
	case Equivocation:
		return "two changes after the same one: convicted"
	case Outlier:
		return fmt.Sprintf("%s: beyond the fence in %d of %d slots, by up to %+d ppm", f.Pair, f.Count, f.Of, f.PPM)
	case Bias:
		return fmt.Sprintf("%s: on one side of the median in %d of %d slots, by %+d ppm on average", f.Pair, f.Count, f.Of, f.PPM)
	case Quiet:
		return fmt.Sprintf("%s: nothing that counts for %d ms", f.Pair, f.MS)
	case Stuck:
		return fmt.Sprintf("%s: the same price for %d ms, while the others moved", f.Pair, f.MS)
	case Flood:
		return fmt.Sprintf("%s: %d attestations beyond what a slot takes", f.Pair, f.Count)
	case Copycat:
		return fmt.Sprintf("%s: in %d of %d slots the price of oracle %d, which it had seen", f.Pair, f.Count, f.Of, f.Other)
	case Clock:
		return fmt.Sprintf("%s: early or late in %d of %d slots, by %+d ms against what it had seen", f.Pair, f.Count, f.Of, f.MS)
	case Void:
		return fmt.Sprintf("%d without effect: %v", f.Count, f.Reason)
	case Blind:
		return fmt.Sprintf("%s: saw nothing new of others for %d ms", f.Pair, f.MS)
	}
	return f.Kind.String()
}

// joinSlots are the judged slots within which a finding is the same.
const joinSlots = 20

// Findings are what the log shows of its oracles, oldest first (From, kind, oracle,
// pair). Of each pair the newest 600 judged slots are looked at: what was before is in the log. Do not change them.
//
// The first call costs O(slots·N·32), later ones O(slots·N) and what is new. Memory is bounded: at
// most one finding for each kind, oracle and pair, or reason.
func (l *Log) Findings() []Finding {
	s := l.scores
	for p := range s.pairs {
		s.advance(p) // log time may have moved
	}
	if s.listed && s.listedAt == s.version {
		return s.list
	}
	list := s.equivocations(nil)
	list = s.voidFindings(list)
	for p := range s.pairs {
		list = s.slotFindings(p, list)
	}
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Oracle, b.Oracle),
			cmp.Compare(a.Pair, b.Pair), cmp.Compare(a.Reason, b.Reason))
	})
	s.list, s.listed, s.listedAt = list, true, s.version
	return list
}

// detection is what findings need besides scores.
type detection struct {
	version uint64 // grows with everything that could change a finding

	ahead    map[attestationKey]*oracleSet // who built on an attestation while behind it by more than skew_max
	earlyN   []int                         // early attestations by oracle
	looked   [][]int64                     // by oracle and place in its chain: the greatest t at its last change with something new of others
	voids    map[voidKey]*voidTally
	branches map[forkKey][2]crdt.ChangeID // the two least
	forks    map[int][2]crdt.ChangeID     // by oracle: the least of them

	listed   bool
	listedAt uint64
	list     []Finding
}

// An attestationKey names one attestation that counts: number i in its series.
type attestationKey struct {
	series int
	i      int
}

func (d *detection) init(l *Log) {
	d.ahead = make(map[attestationKey]*oracleSet)
	d.earlyN = make([]int, l.n)
	d.looked = make([][]int64, l.n)
	d.voids = make(map[voidKey]*voidTally)
}
