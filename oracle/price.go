package oracle

import (
	"crypto/sha256"
	"fmt"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// A Status says how far a price may be relied on.
type Status uint8

// The statuses.
const (
	OK           Status = iota
	Wide                // the proved interval is wider than wide_ppm of the price
	Insufficient        // fewer votes than the quorum, or more convicted than may lie: there is no price
	Halted              // a breaker's word, never that of Log.Price
)

var statusNames = [...]string{"ok", "wide", "insufficient", "halted"}

// String is the word.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// MarshalText is the word.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Price is one answer: what the log says that a pair's price was at a time. Equal
// heads give equal prices, byte for byte, on every replica: compare the Digest.
//
// Status comes first for whoever uses it: there is no price if it is Insufficient.
type Price struct {
	Pair  string
	At    int64 // Unix ms, in the terms of log time
	Price int64 // units of 10^Expo; 0 if there is none
	Expo  int
	Low   int64 // the hull: while at most F votes are lies, honest votes are at or beyond both
	High  int64
	MAD   int64 // median absolute deviation of the votes

	Votes     int // counted
	Present   int // oracles that have spoken of the pair: votes, stale and early ones
	Stale     int // whose newest countable attestation is too old
	Early     int // all of whose attestations are ahead of At
	Convicted int // two-faced: without vote for ever
	F         int // how many of the votes may be lies: of the committee, less those convicted

	Strategy Strategy
	Status   Status
	Heads    [32]byte // digest of the log that says so
	Digest   [32]byte // of all the above
}

const labelAggregate = "tallystick aggregate v1\x00"

// digest is SHA-256("tallystick aggregate v1\0" ‖ the deterministic CBOR of a map of all
// the rest). b is room to work in.
func (p *Price) digest(b []byte) ([32]byte, []byte) {
	b = append(b[:0], labelAggregate...)
	b = dcbor.AppendMap(b, 16)
	b = dcbor.AppendInt(append(b, "\x61f"...), int64(p.F))
	b = dcbor.AppendInt(append(b, "\x62at"...), p.At)
	b = dcbor.AppendInt(append(b, "\x63low"...), p.Low)
	b = dcbor.AppendInt(append(b, "\x63mad"...), p.MAD)
	b = dcbor.AppendInt(append(b, "\x64expo"...), int64(p.Expo))
	b = dcbor.AppendInt(append(b, "\x64high"...), p.High)
	b = dcbor.AppendText(append(b, "\x64pair"...), p.Pair)
	b = dcbor.AppendInt(append(b, "\x65early"...), int64(p.Early))
	b = dcbor.AppendInt(append(b, "\x65price"...), p.Price)
	b = dcbor.AppendInt(append(b, "\x65stale"...), int64(p.Stale))
	b = dcbor.AppendInt(append(b, "\x65votes"...), int64(p.Votes))
	b = dcbor.AppendText(append(b, "\x66status"...), p.Status.String())
	b = dcbor.AppendInt(append(b, "\x67present"...), int64(p.Present))
	b = dcbor.AppendText(append(b, "\x68strategy"...), p.Strategy.String())
	b = dcbor.AppendInt(append(b, "\x69convicted"...), int64(p.Convicted))
	b = dcbor.AppendBytes(append(b, "\x6cheads_digest"...), p.Heads[:])
	return sha256.Sum256(b), b
}

// Sum is what Digest must be. It differs from the Digest of a price that somebody
// altered.
func (p *Price) Sum() [32]byte {
	sum, _ := p.digest(nil)
	return sum
}

// finish makes of the votes in t, and the counts in p, the price.
func (p *Price) finish(t *tally, s Strategy, policy *Policy, oracles int) {
	f := max(0, (oracles-1)/3-p.Convicted)
	p.F, p.Strategy, p.Votes = f, s, len(t.prices)
	p.Present = p.Votes + p.Stale + p.Early
	if p.Votes < 2*f+1 || p.Convicted > (oracles-1)/3 {
		p.Status = Insufficient
		return
	}
	t.sort()
	p.Price, p.Low, p.High = t.price(s, policy, f)
	p.MAD = t.mad(medianOf(t.sorted))
	if mulMore(uint64(p.High-p.Low), 1_000_000, uint64(policy.WidePPM), uint64(p.Price)) {
		p.Status = Wide
	}
}

// Lack says in words what an Insufficient price lacks.
func (p *Price) Lack() string {
	if p.Votes > 2*p.F {
		return fmt.Sprintf("%d oracles are convicted, more than may lie: nothing that the others say is proved", p.Convicted)
	}
	return fmt.Sprintf("%d votes, and it takes %d", p.Votes, 2*p.F+1)
}

// PriceOf is the price that votes give, one for each oracle of the committee: the last
// step of [Log.PriceBy], for who has the votes without the log. heads is the digest of
// the log that they were read from. The error wraps [ErrPair] or [ErrTime], or says
// that the votes are not one for each oracle.
func (t Terms) PriceOf(s Strategy, pair string, at int64, votes []Vote, heads [32]byte) (Price, error) {
	i, ok := t.Pair(pair)
	switch {
	case !ok:
		return Price{}, fmt.Errorf("%w: %q", ErrPair, clip(pair))
	case at < 0 || at > MaxTimeMS:
		return Price{}, fmt.Errorf("%w: %d", ErrTime, at)
	case len(votes) != len(t.Oracles):
		return Price{}, fmt.Errorf("%d votes, want one for each of %d oracles", len(votes), len(t.Oracles))
	}
	p := Price{Pair: pair, Expo: t.Pairs[i].Expo, At: at, Heads: heads}
	for k := range votes {
		p.count(votes[k].State)
	}
	p.finish(newTally(votes), s, &t.Policy, len(t.Oracles))
	p.Digest = p.Sum()
	return p, nil
}

func (p *Price) count(s VoteState) {
	switch s {
	case Stale:
		p.Stale++
	case Early:
		p.Early++
	case Convicted:
		p.Convicted++
	}
}
