package oracle

import "github.com/tallystick/tallystick/crdt"

// A VoteState says whether an oracle has a vote on a pair at a time.
type VoteState uint8

// The states.
const (
	Silent    VoteState = iota // has said nothing of the pair
	Voted                      //
	Stale                      // its newest is too old
	Early                      // all it has said is ahead of the time
	Convicted                  // two-faced
)

var voteStateNames = [...]string{"silent", "voted", "stale", "early", "convicted"}

// String is the word.
func (s VoteState) String() string {
	if int(s) < len(voteStateNames) {
		return voteStateNames[s]
	}
	return "unknown"
}

// MarshalText is the word.
func (s VoteState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Vote is one oracle's, whatever it submits.
type Vote struct {
	Oracle int
	Author crdt.Author
	State  VoteState
	Value  int64 // units of the pair; 0 unless Voted
	Spread int64 // of the newest attestation in it
	T      int64 // of that, Unix ms; also of a stale one, and the first that is early
	Weight int64 // ppm, 500,000 … 1,000,000; for Weighted

	// From are the changes of the attestations that the vote is made of, newest first; of
	// a stale vote its newest, of an early one its first.
	From []crdt.ChangeID
	// Said are all attestations in the window of MeanIQR; it is empty for other strategies.
	Said []int64
}

// lowerMedian is element ⌊(n−1)/2⌋ of the numbers in ascending order, 1 ≤ n ≤
// MaxVoteK. It reorders them.
func lowerMedian(x []int64) int64 {
	switch len(x) {
	case 1:
		return x[0]
	case 5: // as many as most votes are made of. Without a branch: they would not be foreseen
		low := max(min(x[0], x[1]), min(x[2], x[3]))
		high := min(max(x[0], x[1]), max(x[2], x[3]))
		return max(min(low, high), min(max(low, high), x[4]))
	}
	sortPrices(x)
	return x[(len(x)-1)/2]
}
