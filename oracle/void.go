package oracle

// A Reason says why what was appended to the feed has no effect: the short, stable
// word that reports show. It is an error, so that errors.Is finds it.
type Reason uint8

// The reasons, in the order in which they are judged: the first that holds is given.
const (
	NotVoid Reason = iota

	// What the bytes of the literal tell, or of the change.
	VoidMalformed // not in the form of an attestation or a commitment
	VoidTime      // t or slot is out of range
	VoidSources   // a source is out of bounds, or too many
	VoidFlags     // unknown flags, or flag 8 without a nonce, or a nonce without flag 8
	VoidPrice     // not 1 … MaxPrice
	VoidSpread    // not 1 … MaxPrice, where there is one
	VoidPair      // not in the charter
	VoidCommit    // a commitment in a room without commit_reveal

	// What the chain before it tells.
	VoidTimeBack   // t is less than one before it, of the pair
	VoidFlood      // flood_max before it have their t in its slot
	VoidReveal     // no commitment before it matches
	VoidRecommit   // a commitment of the pair to that slot or a later one stands before it
	VoidLateCommit // a commitment when its ancestors' log time has reached the slot: too late
	VoidNonMember  // the author is not of the committee

	// Reasons is how many there are, NotVoid among them.
	Reasons
)

var reasonNames = [Reasons]string{
	"not_void", "malformed", "time", "sources", "flags", "price", "spread", "pair", "commit",
	"time_back", "flood", "reveal", "recommit", "late_commit", "non_member",
}

// String is the word.
func (r Reason) String() string {
	if r < Reasons {
		return reasonNames[r]
	}
	return "unknown"
}

// Error is "void: " and the word.
func (r Reason) Error() string { return "void: " + r.String() }

// MarshalText is the word.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// ofBytes reports whether the bytes of the literal alone tell r.
func (r Reason) ofBytes() bool { return r > NotVoid && r < VoidTimeBack }

// Voids counts by reason.
type Voids [Reasons]int

// Sum is how many there are of all reasons.
func (v *Voids) Sum() int {
	n := 0
	for _, k := range v[NotVoid+1:] {
		n += k
	}
	return n
}
