package cli

import (
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/source"
)

// reporter decides what an oracle says: readings and times go in, attestations come out. It reads no clock and does no I/O.
type reporter struct {
	terms oracle.Terms
	me    crdt.Author
	flags uint64 // of every attestation
	pairs []*reportPair
	nonce func() [oracle.NonceBytes]byte
}

// reportPair is what a reporter knows of one pair.
type reportPair struct {
	oracle.Pair
	sources []string         // that are asked for it
	read    []source.Reading // by source, the newest; a zero T: none

	saidT     int64 // greatest t of the own chain; -1: none
	inSlot    int   // attestations of the own chain in its slot
	committed int64 // greatest slot committed to; -1: none
	open      *oracle.Attestation
	silent    error // why nothing was said the last time; nil: it was, or there was nothing new
}

func newReporter(terms oracle.Terms, me crdt.Author, pairs []oracle.Pair) *reporter {
	r := &reporter{terms: terms, me: me, nonce: func() (b [oracle.NonceBytes]byte) {
		_, _ = rand.Read(b[:]) // it never fails: crypto/rand
		return b
	}}
	for _, p := range pairs {
		r.pairs = append(r.pairs, &reportPair{Pair: p, saidT: -1, committed: -1})
	}
	return r
}

// pair is the one of that name, nil if it is not reported.
func (r *reporter) pair(name string) *reportPair {
	for _, p := range r.pairs {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// addSource names one more source of a pair and returns its number there.
func (p *reportPair) addSource(name string) int {
	p.sources, p.read = append(p.sources, name), append(p.read, source.Reading{})
	return len(p.sources) - 1
}

// maxAge is from which age on a reading counts no more.
func (r *reporter) maxAge() time.Duration {
	return time.Duration(r.terms.Policy.MaxAgeMS) * time.Millisecond
}

// resume takes from the own chain how far each pair has got: t never goes back, and a slot is committed to once. It walks v from its
// end, so it costs what was said since the last own change, if all pairs are in that.
func (r *reporter) resume(v *crdt.View) {
	left := len(r.pairs)
	done := map[*reportPair]bool{}
	for i := v.Changes() - 1; i >= 0 && left > 0; i-- {
		if v.ChangeAt(i).Author != r.me {
			continue
		}
		rows := v.RowsOf(i)
		slices.Reverse(rows)
		for _, row := range rows {
			if a, err := oracle.ParseAttestation(row.Literal); err == nil {
				p := r.pair(a.Pair)
				switch {
				case p == nil || done[p]:
				case p.saidT < 0:
					p.saidT, p.inSlot = a.T, 1
				case r.slot(a.T) == r.slot(p.saidT):
					p.inSlot++
				case !r.terms.Policy.CommitReveal || p.committed >= 0:
					done[p], left = true, left-1
				}
			} else if c, err := oracle.ParseCommitment(row.Literal); err == nil {
				if p := r.pair(c.Pair); p != nil {
					p.committed = max(p.committed, c.Slot)
				}
			}
		}
	}
}

// slot is that of a time.
func (r *reporter) slot(t int64) int64 { return t / r.terms.Policy.SlotMS }

// A statement is what a reporter has to say at a time.
type statement struct {
	said     []oracle.Attestation // new prices
	reveals  []oracle.Attestation // of a slot before
	commits  []oracle.Commitment  // to what is in said
	literals []crdt.Literal       // all of it, as it is written
	changed  []*reportPair        // pairs that were silent and speak, or the other way
}

// at says what is to be said at a time, Unix ms: of each pair the own price of the readings that are no older than max_age, if one is
// newer than what was said last.
func (r *reporter) at(now int64) (statement, error) {
	var s statement
	for _, p := range r.pairs {
		var fresh []source.Reading
		for _, x := range p.read {
			if x.T > now-r.terms.Policy.MaxAgeMS && x.T > 0 {
				fresh = append(fresh, x)
			}
		}
		a, err := source.Own(p.Name, fresh, r.terms.Policy.MinSources)
		if before := p.silent; (before == nil) != (err == nil) || err != nil && err.Error() != before.Error() {
			p.silent = err
			s.changed = append(s.changed, p)
		}
		if err != nil {
			err = r.reveal(p, now, &s)
		} else {
			a.Flags |= r.flags
			if len(fresh) < len(p.read) {
				a.Flags |= oracle.FlagHalted
			}
			err = r.say(p, a, now, &s)
		}
		if err != nil {
			return statement{}, err
		}
	}
	return s, nil
}

// say adds a to what is said, as the room wants it.
func (r *reporter) say(p *reportPair, a oracle.Attestation, now int64, s *statement) error {
	if !r.terms.Policy.CommitReveal {
		if a.T <= p.saidT {
			return nil // nothing new
		}
		if r.slot(a.T) == r.slot(p.saidT) && p.inSlot >= r.terms.Policy.FloodMax {
			return nil // more would be a flood
		}
		s.said = append(s.said, a)
		return s.add(&a)
	}
	if err := r.reveal(p, now, s); err != nil {
		return err
	}
	slot := r.slot(a.T)
	if p.open != nil || slot <= p.committed || a.T <= p.saidT {
		return nil
	}
	// What is committed to once others have told what they saw is void: so it is of the present slot, by our clock and our chain.
	for _, q := range r.pairs {
		if slot <= r.slot(q.saidT) {
			return nil
		}
	}
	if slot < r.slot(now) {
		return nil
	}
	nonce := r.nonce()
	c := oracle.Commit(r.terms.Room, r.me, p.Name, slot, a.Price, nonce)
	a.Flags, a.Nonce = a.Flags|oracle.FlagRevealed, nonce[:]
	p.open, p.committed = &a, slot
	s.said, s.commits = append(s.said, a), append(s.commits, c)
	l, err := c.Encode()
	s.literals = append(s.literals, l)
	return err
}

// reveal adds what was committed to, once its slot is over.
func (r *reporter) reveal(p *reportPair, now int64, s *statement) error {
	if p.open == nil || r.slot(now) <= r.slot(p.open.T) {
		return nil
	}
	a := p.open
	p.open = nil
	s.reveals = append(s.reveals, *a)
	return s.add(a)
}

func (s *statement) add(a *oracle.Attestation) error {
	l, err := a.Encode()
	s.literals = append(s.literals, l)
	return err
}

// saved takes in that s is durable.
func (r *reporter) saved(s *statement) {
	all := s.reveals
	if len(s.commits) == 0 {
		all = append(slices.Clone(all), s.said...)
	}
	for _, a := range all {
		if p := r.pair(a.Pair); p != nil {
			if r.slot(a.T) != r.slot(p.saidT) {
				p.inSlot = 0
			}
			p.saidT, p.inSlot = max(p.saidT, a.T), p.inSlot+1
		}
	}
}

// lost takes in that s came to nothing: what it committed to cannot be revealed.
func (r *reporter) lost(s *statement) {
	for _, c := range s.commits {
		if p := r.pair(c.Pair); p != nil {
			p.open = nil
		}
	}
}

// ahead says that a pair's chain is beyond the clock: until it is there, nothing can be said.
func (p *reportPair) ahead(now int64) time.Duration {
	return max(0, time.Duration(p.saidT-now)*time.Millisecond)
}

// clocks compares this machine's clock with those that the others claim.
type clocks struct {
	terms  oracle.Terms
	me     crdt.Author
	seen   int     // changes below this log index were looked at
	offset []int64 // by oracle, of its newest change: its t less our clock when it came, ms
	known  []bool
	told   error
}

var (
	errClockBehind = errors.New("this machine's clock is behind those of the other oracles")
	errClockAhead  = errors.New("this machine's clock is ahead of those of the other oracles, or they are slow to arrive")
)

// look takes in what v has more, which came at now, and returns how far the clocks of most others are ahead of ours if that has become
// more than skew_max, or less again (then with no error).
func (c *clocks) look(v *crdt.View, now int64) (offset time.Duration, err error, changed bool) {
	if c.offset == nil {
		c.offset, c.known = make([]int64, len(c.terms.Oracles)), make([]bool, len(c.terms.Oracles))
	}
	for ; c.seen < v.Changes(); c.seen++ {
		author := v.ChangeAt(c.seen).Author
		i, member := c.terms.Oracle(author)
		if !member || author == c.me {
			continue
		}
		for _, row := range v.RowsOf(c.seen) {
			if a, err := oracle.ParseAttestation(row.Literal); err == nil {
				c.offset[i], c.known[i] = a.T-now, true
			}
		}
	}
	var offsets []int64
	for i, known := range c.known {
		if known {
			offsets = append(offsets, c.offset[i])
		}
	}
	if len(offsets) <= 2*c.terms.F() { // liars could be most of them
		return 0, nil, false
	}
	slices.Sort(offsets)
	median := offsets[(len(offsets)-1)/2]
	skew, late := c.terms.Policy.SkewMaxMS, c.terms.Policy.SkewMaxMS
	if c.terms.Policy.CommitReveal {
		late += 2 * c.terms.Policy.SlotMS // what is revealed is that old
	}
	switch {
	case median > skew:
		err = errClockBehind
	case -median > late:
		err = errClockAhead
	}
	changed = err != c.told
	c.told = err
	return time.Duration(median) * time.Millisecond, err, changed
}
