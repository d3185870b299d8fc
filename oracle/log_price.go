package oracle

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/tallystick/tallystick/crdt"
)

// Time is log time: the lower median over the committee of the greatest t that each
// oracle has said, Unix ms. With at most f liars it lies between honest clocks. It never
// goes back. It is false while no more than half of the committee have spoken.
func (l *Log) Time() (ms int64, ok bool) {
	t := l.ranked[(l.n-1)/2]
	if t == noTime {
		return 0, false
	}
	return t, true
}

// SetHeads sets the digest of heads that prices carry, of a Log that holds part of a
// room. The next change that is added undoes it.
func (l *Log) SetHeads(digest [32]byte) { l.headDigest, l.digested = digest, true }

const labelLog = "tallystick log v1\x00"

// Heads is the room's log digest: what [crdt.View.LogDigest] says. O(heads) if there are
// new ones.
func (l *Log) Heads() [32]byte {
	if l.digested {
		return l.headDigest
	}
	ids := make([]crdt.ChangeID, 0, len(l.heads))
	for _, n := range l.heads {
		ids = append(ids, l.node(n).id)
	}
	slices.SortFunc(ids, func(a, b crdt.ChangeID) int { return bytes.Compare(a[:], b[:]) })
	h := sha256.New()
	h.Write([]byte(labelLog))
	h.Write(l.terms.Room[:])
	for i := range ids {
		h.Write(ids[i][:])
	}
	h.Sum(l.headDigest[:0])
	l.digested = true
	return l.headDigest
}

// Price is what the log says that a pair's price was at a time, Unix ms, by the terms'
// strategy; a time below zero is log time. The error wraps [ErrPair] or [ErrTime].
// O(N·(k + log n)).
func (l *Log) Price(pair string, at int64) (Price, error) {
	return l.PriceBy(l.terms.Policy.Strategy, pair, at)
}

// PriceBy is Price by another strategy.
func (l *Log) PriceBy(s Strategy, pair string, at int64) (Price, error) {
	i, err := l.pairOf(pair, at)
	if err != nil {
		return Price{}, err
	}
	var p Price
	l.price(s, i, l.timeAt(at), &p)
	return p, nil
}

func (l *Log) pairOf(pair string, at int64) (int, error) {
	i, ok := l.pairs.index[pair]
	switch {
	case !ok:
		return 0, fmt.Errorf("%w: %q", ErrPair, clip(pair))
	case at > MaxTimeMS:
		return 0, fmt.Errorf("%w: %d", ErrTime, at)
	}
	return i, nil
}

// timeAt is at, or log time for one below zero; 0 if there is none yet.
func (l *Log) timeAt(at int64) int64 {
	if at < 0 {
		at, _ = l.Time()
	}
	return at
}

// price makes the price of a pair. It allocates nothing.
func (l *Log) price(s Strategy, pair int, at int64, p *Price) {
	*p = Price{Pair: l.terms.Pairs[pair].Name, Expo: l.terms.Pairs[pair].Expo, At: at, Heads: l.Heads()}
	t := &l.t
	t.reset()
	k := 0
	for o := range l.n {
		state, newest := l.state(pair, o, at)
		if state != Voted {
			p.count(state)
			continue
		}
		ser := &l.series[pair*l.n+o]
		t.prices = append(t.prices, l.voteValue(ser, newest, nil))
		if s == ThreeVote {
			t.spreads = append(t.spreads, ser.spread(newest))
		}
		if s == Weighted {
			t.weights = append(t.weights, l.weight(pair, o, at))
		}
		k++
	}
	if s == MeanIQR {
		for o := range l.n {
			t.all = l.said(pair, o, at, t.all)
		}
	}
	p.finish(t, s, &l.terms.Policy, l.n)
	p.Digest, l.buffer = p.digest(l.buffer)
}

// state is that of an oracle's vote, and its newest attestation that is not early, or
// −1.
func (l *Log) state(pair, o int, at int64) (VoteState, int) {
	if l.scores.guilty.has(o) {
		return Convicted, -1
	}
	ser := &l.series[pair*l.n+o]
	if ser.n == 0 {
		return Silent, -1
	}
	newest := ser.upTo(at+l.terms.Policy.SkewMaxMS) - 1
	switch {
	case newest < 0:
		return Early, -1
	case ser.t(newest) <= at-l.terms.Policy.MaxAgeMS:
		return Stale, newest
	}
	return Voted, newest
}

// voteValue is the lower median of the newest vote_k attestations within vote_span of the
// newest. Which ones, it tells each, if that is not nil, newest first.
func (l *Log) voteValue(ser *series, newest int, each func(i int)) int64 {
	room := l.votes[:0]
	after := ser.t(newest) - l.terms.Policy.VoteSpanMS
	for i := newest; i >= 0 && len(room) < l.terms.Policy.VoteK; i-- {
		r := ser.at(i)
		if r.t <= after {
			break
		}
		room = append(room, int64(r.price&^lateBit))
		if each != nil {
			each(i)
		}
	}
	return lowerMedian(room)
}

// weight is an oracle's in Weighted: half, and half its score.
func (l *Log) weight(pair, o int, at int64) int64 { return 500_000 + l.scores.at(pair, o, at)/2 }

// iqrWindowMS is how far the ancestor's demo looked back.
const iqrWindowMS = 60_000

// said appends what MeanIQR takes of an oracle: all that counts with a t after at − one
// minute, whatever its t, that was in the log at that time: the log time of its ancestors
// is at most at. O(log n) clocks, none if at is log time.
func (l *Log) said(pair, o int, at int64, dst []int64) []int64 {
	ser := &l.series[pair*l.n+o]
	lo, hi := ser.upTo(at-iqrWindowMS), ser.n
	for first := lo; first < hi; { // ancestors' time ascends along a chain
		if mid := int(uint(first+hi) / 2); l.node(ser.node(mid)).seen <= at {
			first = mid + 1
		} else {
			hi = mid
		}
	}
	for i := lo; i < hi; i++ {
		dst = append(dst, ser.price(i))
	}
	return dst
}

// Votes are those of a pair at a time (below zero: log time), one for each oracle of the
// committee, in its order: what [Log.Price] is made of. It is nil for a pair that the
// room has not.
func (l *Log) Votes(pair string, at int64) []Vote {
	return l.VotesFor(l.terms.Policy.Strategy, pair, at)
}

// VotesFor is Votes with what another strategy reads of them.
func (l *Log) VotesFor(s Strategy, pair string, at int64) []Vote {
	p, err := l.pairOf(pair, at)
	if err != nil {
		return nil
	}
	at = l.timeAt(at)
	votes := make([]Vote, l.n)
	for o := range votes {
		v := &votes[o]
		v.Oracle, v.Author = o, l.terms.Oracles[o]
		ser := &l.series[p*l.n+o]
		var newest int
		v.State, newest = l.state(p, o, at)
		from := func(i int) { v.From = append(v.From, l.node(ser.node(i)).id) }
		switch v.State {
		case Voted:
			v.Value = l.voteValue(ser, newest, from)
			v.T, v.Spread = ser.t(newest), ser.spread(newest)
			v.Weight = l.weight(p, o, at)
		case Stale:
			v.T = ser.t(newest)
			from(newest)
		case Early:
			v.T = ser.t(0)
			from(0)
		}
		if s == MeanIQR {
			v.Said = l.said(p, o, at, nil)
		}
	}
	return votes
}
