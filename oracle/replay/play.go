package replay

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/liar"
)

// A Setup is a committee that is given a recording.
type Setup struct {
	Pair   string        // BASE/QUOTE
	Policy oracle.Policy // its strategy is one of those reported, marked as the room's own
	Seed   uint64        // of lies by chance
	// Venues says by oracle which venue it reads, Liars how it lies about that. They are of one length, 1 … oracle.MaxOracles.
	Venues []int
	Liars  []liar.Kind
}

// A Report is what came of a recording. Shares are in millionths (ppm) of the bound that is crossed.
type Report struct {
	Moments      int   // at which prices were asked for: the ends of the recorded buckets
	From, To     int64 // Unix ms: the first and the last of them
	F            int   // how many of the committee may lie
	Sent         []int // attestations by oracle
	Insufficient int   // moments with fewer than 2f+1 votes: no price
	Wide         int   // of those with a price: whose proved interval is wide
	// Spread is how far the highest price of an honest venue lay above the lowest, at moments with a price.
	Spread Shares
	Rules  []Rule
}

// Shares sum up some shares.
type Shares struct {
	Median, P99, Max int64 // ppm; nearest rank
	MaxAt            int64 // Unix ms: the first moment of Max
}

// A Rule is one way to make a price, held against what honest oracles saw.
type Rule struct {
	Name string
	Own  bool // the strategy of the policy
	// Outside is how far prices lay outside the range of the honest venues: of the newest price of each venue that an honest oracle
	// reads, traded by that moment, known or not, and no older than max_age. Times counts those outside.
	Outside      Shares
	OutsideTimes int
	// Votes is how far they lay outside the range of the honest votes themselves, which while at most F lie is never for a strategy
	// that is clamped.
	Votes      Shares
	VotesTimes int
}

// Rules beside the strategies, to show what the clamp and a committee-fixed f are for.
const (
	unclampedFenced = "fenced, unclamped"
	floatingFenced  = "fenced, f of the votes present"
)

// Play gives the recording to a committee, in the order of the moments at which its buckets ended, and asks for the price at each.
// At a moment every oracle says, once, the newest price of its venue that was known by then, as of the venue's own time: nothing if
// that is no newer than what it said last, so that a silent venue goes stale. All hear everything at once: it is one log, without
// network and signatures. The same arguments give the same report. The error is of the setup, or wraps [oracle.ErrTerms].
func Play(rec *Recording, s Setup) (*Report, error) {
	if len(s.Liars) != len(s.Venues) {
		return nil, fmt.Errorf("%d oracles read venues, and %d are said to lie or not", len(s.Venues), len(s.Liars))
	}
	for o, v := range s.Venues {
		if v < 0 || v >= len(rec.venues) {
			return nil, fmt.Errorf("oracle %d reads venue %d of %d", o, v, len(rec.venues))
		}
	}
	p, err := newPlayer(rec, s)
	if err != nil {
		return nil, err
	}
	for _, at := range rec.moments {
		if err := p.say(at); err != nil {
			return nil, err
		}
		if err := p.measure(at); err != nil {
			return nil, err
		}
	}
	return p.finish(), nil
}

// A player is a [Play] under way.
type player struct {
	rec   *Recording
	setup Setup
	log   *oracle.Log
	terms oracle.Terms
	tips  []crdt.ChangeID
	first []int64 // by oracle: the honest reading of its first report
	last  []int64 // the T of its last
	sent  []int

	report  *Report
	spread  []share
	outside [][]share // by rule
	votes   [][]share
}

type share struct{ ppm, at int64 }

func newPlayer(rec *Recording, s Setup) (*player, error) {
	n := len(s.Venues)
	terms := oracle.Terms{Pairs: []oracle.Pair{{Name: s.Pair, Expo: rec.expo}}, Policy: s.Policy}
	for o := range n {
		seed := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("tallystick oracle replay key"), uint64(o)))
		terms.Oracles = append(terms.Oracles, crdt.Author(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)))
	}
	slices.SortFunc(terms.Oracles, func(a, b crdt.Author) int { return bytes.Compare(a[:], b[:]) })
	charter, err := oracle.NewCharter("replay", nil, terms)
	if err != nil {
		return nil, err
	}
	if terms, err = oracle.ParseTerms(charter); err != nil {
		return nil, err
	}
	p := &player{
		rec: rec, setup: s, log: oracle.NewLog(terms), terms: terms,
		tips: make([]crdt.ChangeID, n), first: make([]int64, n), last: make([]int64, n), sent: make([]int, n),
		report: &Report{Moments: len(rec.moments), From: rec.moments[0], To: rec.moments[len(rec.moments)-1], F: terms.F()},
	}
	for _, st := range oracle.Strategies() {
		p.report.Rules = append(p.report.Rules, Rule{Name: st.String(), Own: st == s.Policy.Strategy})
	}
	p.report.Rules = append(p.report.Rules, Rule{Name: unclampedFenced}, Rule{Name: floatingFenced})
	p.outside, p.votes = make([][]share, len(p.report.Rules)), make([][]share, len(p.report.Rules))
	return p, nil
}

// say has every oracle say what it has at a moment.
func (p *player) say(at int64) error {
	rows := make([]Row, len(p.setup.Venues))
	high := int64(0)
	for o, v := range p.setup.Venues {
		row, ok := p.rec.Known(v, at)
		if !ok {
			continue
		}
		rows[o] = row
		if p.setup.Liars[o] == liar.Honest {
			high = max(high, row.Price)
		}
	}
	before := slices.Clone(p.tips) // nobody has seen what others say at this moment
	for o, row := range rows {
		if row.Price == 0 || p.first[o] != 0 && row.T <= p.last[o] {
			continue
		}
		if p.first[o] == 0 {
			p.first[o] = row.Price
		}
		price, ok := p.setup.Liars[o].Price(liar.Sight{
			Own: row.Price, First: p.first[o], High: high, Step: p.sent[o], Draw: liar.Draw(p.setup.Seed, o, p.sent[o]),
		})
		p.last[o] = row.T
		if !ok {
			continue
		}
		a := oracle.Attestation{
			Pair: p.setup.Pair, Price: min(price, oracle.MaxPrice), T: row.T, Flags: oracle.FlagReplayed,
			Src: []oracle.Source{{Name: p.rec.venues[row.Venue], Price: row.Price, T: row.T}},
		}
		if row.Rounded {
			a.Flags |= oracle.FlagRounded
		}
		body, err := a.Encode()
		if err != nil {
			return fmt.Errorf("oracle %d at %d: %w", o, at, err)
		}
		c := oracle.Change{Author: p.terms.Oracles[o], Prev: p.tips[o], Body: []crdt.Literal{body}}
		for k, tip := range before {
			if k != o && tip != (crdt.ChangeID{}) {
				c.Links = append(c.Links, tip)
			}
		}
		p.sent[o]++
		c.Seq = uint64(p.sent[o])
		c.ID = sha256.Sum256(binary.BigEndian.AppendUint64(c.Author[:], c.Seq)) // any name will do that no other has
		p.log.Add(c)
		p.tips[o] = c.ID
	}
	return nil
}

// measure asks for prices at a moment.
func (p *player) measure(at int64) error {
	var venues, votes span
	for o, v := range p.setup.Venues {
		if row, ok := p.rec.Traded(v, at); ok && p.setup.Liars[o] == liar.Honest && row.T > at-p.setup.Policy.MaxAgeMS {
			venues.add(row.Price)
		}
	}
	all := p.log.Votes(p.setup.Pair, at)
	present := 0
	for o := range all {
		if all[o].State != oracle.Voted {
			continue
		}
		present++
		if p.setup.Liars[o] == liar.Honest {
			votes.add(all[o].Value)
		}
	}
	own, err := p.log.Price(p.setup.Pair, at)
	if err != nil {
		return err
	}
	if own.Status == oracle.Insufficient {
		p.report.Insufficient++
		return nil
	}
	if own.Status == oracle.Wide {
		p.report.Wide++
	}
	if venues.low > 0 {
		p.spread = append(p.spread, share{apart(venues.low, venues.high, venues.low), at})
	}
	for i := range p.report.Rules {
		price := int64(0)
		switch name := p.report.Rules[i].Name; name {
		case unclampedFenced:
			price, _ = oracle.Unclamped(oracle.Fenced, p.setup.Policy, all, own.F)
		case floatingFenced:
			price, _, _, _ = oracle.Aggregate(oracle.Fenced, p.setup.Policy, all, (present-1)/3)
		default:
			one, err := p.log.PriceBy(oracle.Strategies()[i], p.setup.Pair, at)
			if err != nil {
				return err
			}
			price = one.Price
		}
		if venues.low > 0 {
			p.outside[i] = append(p.outside[i], share{venues.of(price), at})
		}
		if votes.low > 0 {
			p.votes[i] = append(p.votes[i], share{votes.of(price), at})
		}
	}
	return nil
}

func (p *player) finish() *Report {
	r := p.report
	r.Sent = p.sent
	r.Spread, _ = sumUp(p.spread)
	for i := range r.Rules {
		rule := &r.Rules[i]
		rule.Outside, rule.OutsideTimes = sumUp(p.outside[i])
		rule.Votes, rule.VotesTimes = sumUp(p.votes[i])
	}
	return r
}

// sumUp sums up shares, and counts those above zero.
func sumUp(all []share) (s Shares, above int) {
	if len(all) == 0 {
		return s, 0
	}
	x := make([]int64, len(all))
	for i, one := range all {
		x[i] = one.ppm
		if one.ppm > 0 {
			above++
		}
		if one.ppm > s.Max {
			s.Max, s.MaxAt = one.ppm, one.at
		}
	}
	slices.Sort(x)
	rank := func(percent int) int64 { return x[max(0, (len(x)*percent+99)/100-1)] }
	s.Median, s.P99 = rank(50), rank(99)
	return s, above
}

// A span is the range of prices that were added; low is 0 if none was.
type span struct{ low, high int64 }

func (s *span) add(price int64) {
	if s.low == 0 || price < s.low {
		s.low = price
	}
	s.high = max(s.high, price)
}

// of is how far a price lies outside the span, in ppm of the bound that it crosses, rounded up: 0 is inside.
func (s span) of(price int64) int64 {
	switch {
	case price < s.low:
		return apart(price, s.low, s.low)
	case price > s.high:
		return apart(s.high, price, s.high)
	}
	return 0
}

// apart is ⌈(high−low)·10^6/of⌉ of prices above zero, or the greatest int64.
func apart(low, high, of int64) int64 {
	hi, lo := bits.Mul64(uint64(high-low), 1_000_000)
	lo, carry := bits.Add64(lo, uint64(of-1), 0)
	if hi += carry; hi >= uint64(of) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(of))
	return int64(min(q, math.MaxInt64))
}
