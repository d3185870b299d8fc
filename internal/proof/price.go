package proof

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
	"github.com/tallystick/tallystick/oracle"
)

// KindPrice is the proof of what price a committee's signed attestations give. Its
// body is
//
//	[charter, pair, at, [head…], [evidence…], [chain…], digest]
//	chain = [oracle, prev or null, [payload…], [payload hash…], signature]
//
// The evidence convicts oracles that are two-faced. Each chain is a stretch of one
// other oracle's, signed at its end; null is the beginning. Who checks it makes the
// price anew of what stands in the payloads, by the charter's policy: it must have
// the digest.
const KindPrice = "price"

// maxOpenTail is how many changes after those that a vote is made of are given with
// what they say, so that there is nothing to be hidden in them. Of more, the hashes.
const maxOpenTail = 256

// maxTriedForks is how many forks of one oracle are looked at for the shortest
// evidence.
const maxTriedForks = 16

// Reasons for which there is no proof of a price or an entry.
var (
	ErrUnprovable = errors.New("no proof of it can be made")
	ErrTooLarge   = errors.New("the proof would be too large")
)

// A PriceStatement is what the proof of a price says.
type PriceStatement struct {
	Price oracle.Price // recomputed; its Pair is plain text by the rules of charters
	Heads int          // that the price is of: by their digest, Price.Heads
	Votes []PriceVote  // one for each oracle of the committee, in its order
}

// A PriceVote is one oracle's part in it.
type PriceVote struct {
	oracle.Vote
	Shown  int  // changes whose content is in the file
	Hashed int  // later ones of which there is the hash alone
	InLog  bool // what is shown of it leads up to the heads: it is in the log that has these heads
}

// A stretch is a chain of a proof.
type stretch struct {
	oracle   int
	run      crdt.SignedRun // Author, Prev, Signature; Hashes of all once it is checked
	payloads [][]byte
	hashes   [][32]byte // of what follows
}

// AppendPrice appends the proof file of the price of a pair at a time (Unix ms; below
// zero: log time) in the room of r, whose document must be whole: r is no keeper. It
// checks what it wrote. The error wraps [oracle.ErrTerms] if r is no room of oracles,
// [oracle.ErrPair] or [oracle.ErrTime]; [ErrUnprovable] if the room weighs votes by all of
// its history; [ErrTooLarge] beyond [MaxBytes]. O(log).
func AppendPrice(dst []byte, r *crdt.Replica, pair string, at int64) ([]byte, error) {
	charter := r.Charter()
	terms, err := oracle.ParseTerms(charter)
	if err != nil {
		return dst, err
	}
	if s := terms.Policy.Strategy; s == oracle.Weighted {
		return dst, fmt.Errorf("%w: the strategy %v weighs votes by the whole history; give the room itself (save)", ErrUnprovable, s)
	}
	log := oracle.NewLog(terms)
	log.Update(r.View())
	price, err := log.Price(pair, at)
	if err != nil {
		return dst, err
	}
	p := pricer{r: r, terms: terms, log: log, price: price, votes: log.Votes(pair, price.At)}
	if err := p.begin(); err != nil {
		return dst, err
	}
	var good []byte // the last that is a proof
	for rounds := 0; ; rounds++ {
		f, s, err := p.try()
		switch {
		case err != nil && good == nil:
			return dst, err
		case err != nil:
			return append(dst, good...), nil
		case s.Price.Price.Digest != price.Digest:
			// What counts depends on what came before on the chain: show more of it.
			if !p.widen(func(o int) bool { return !sameVote(&p.votes[o], &s.Price.Votes[o].Vote) }) && !p.widen(everyone) {
				return dst, fmt.Errorf("%w: what is told of it differs from the log", ErrUnprovable)
			}
			continue
		}
		good = f
		// More may show that all of it is in the log, but it need not: so far and no farther.
		if s.Price.inLog() || rounds >= maxRounds || len(f) > wideBytes || !p.widen(everyone) {
			return append(dst, good...), nil
		}
	}
}

// How far a stretch is widened to show that what stands in it is in the log: as often,
// each time to twice as much, and in files of at most so many bytes.
const (
	maxRounds = 6
	wideBytes = 256 << 10
)

func everyone(int) bool { return true }

func sameVote(a, b *oracle.Vote) bool {
	return a.State == b.State && a.Value == b.Value && a.T == b.T && slices.Equal(a.From, b.From)
}

// inLog reports whether all that is shown is in the log.
func (s *PriceStatement) inLog() bool {
	return !slices.ContainsFunc(s.Votes, func(v PriceVote) bool { return v.Shown > 0 && !v.InLog })
}

// A pricer makes a proof. from and to are log indexes by oracle, −1 of who is not shown.
type pricer struct {
	r     *crdt.Replica
	terms oracle.Terms
	log   *oracle.Log
	price oracle.Price
	votes []oracle.Vote

	from, to, shown []int
	evidence        [][]byte
}

// try makes a file of what is to be shown, and says what it says.
func (p *pricer) try() ([]byte, *Statement, error) {
	body, err := p.body()
	if err != nil {
		return nil, nil, err
	}
	f := file{KindPrice, kinds[KindPrice].version, body}.append(nil)
	if len(f) > MaxBytes {
		return nil, nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(f), MaxBytes)
	}
	s, err := recompute(body)
	return f, s, err
}

// begin finds the stretches that the votes are made of, and the newest change of who
// has said nothing of the pair.
func (p *pricer) begin() error {
	n := len(p.votes)
	p.from, p.to, p.shown = make([]int, n), make([]int, n), make([]int, n)
	for o := range p.votes {
		v := &p.votes[o]
		p.from[o] = -1
		if v.State == oracle.Convicted {
			e, err := p.shortest(v.Author)
			if err != nil {
				return err
			}
			p.evidence = append(p.evidence, e)
		}
		if v.State == oracle.Convicted {
			continue
		}
		if len(v.From) == 0 {
			p.r.TipsOf(v.Author, func(tip int) bool {
				p.from[o], p.to[o], p.shown[o] = tip, tip, tip
				return false
			})
			continue
		}
		newest, ok := p.r.Index(v.From[0])
		oldest, ok2 := p.r.Index(v.From[len(v.From)-1])
		if !ok || !ok2 {
			return fmt.Errorf("%w: a vote is of a change that is not there", ErrUnprovable)
		}
		p.from[o], p.to[o], p.shown[o] = oldest, newest, newest
		p.r.TipsOf(v.Author, func(tip int) bool {
			if p.r.Seq(tip)-p.r.Seq(newest) <= maxOpenTail {
				p.to[o], p.shown[o] = tip, tip
			}
			return true
		})
	}
	return nil
}

// shortest is the shortest evidence against a.
func (p *pricer) shortest(a crdt.Author) (e []byte, err error) {
	tried := 0
	for _, f := range p.r.Forks() {
		if f.Author != a {
			continue
		}
		one, err := p.r.Evidence(ordered(f))
		if err != nil {
			return nil, err
		}
		if e == nil || len(one) < len(e) {
			e = one
		}
		if tried++; tried == maxTriedForks {
			break
		}
	}
	if e == nil {
		return nil, fmt.Errorf("%w: oracle %v is convicted, and the evidence is not there", ErrUnprovable, a)
	}
	return e, nil
}

// body writes what there is to be shown.
func (p *pricer) body() ([]byte, error) {
	heads := slices.Clone(p.r.Heads())
	slices.SortFunc(heads, compareIDs)
	b := dcbor.AppendArray(nil, 7)
	b = dcbor.AppendBytes(b, p.r.Charter().Append(nil))
	b = dcbor.AppendText(b, p.price.Pair)
	b = dcbor.AppendInt(b, p.price.At)
	b = dcbor.AppendArray(b, len(heads))
	for i := range heads {
		b = dcbor.AppendBytes(b, heads[i][:])
	}
	b = dcbor.AppendArray(b, len(p.evidence))
	for _, e := range p.evidence {
		b = dcbor.AppendBytes(b, e)
	}
	chains := 0
	var all []byte
	for o, from := range p.from {
		if from < 0 {
			continue
		}
		run, changes, err := p.r.SignedRun(from, p.to[o])
		if err != nil {
			return nil, err
		}
		chains++
		all = dcbor.AppendArray(all, 5)
		all = dcbor.AppendUint(all, uint64(o))
		if run.Prev == (crdt.ChangeID{}) {
			all = dcbor.AppendNull(all)
		} else {
			all = dcbor.AppendBytes(all, run.Prev[:])
		}
		open := slices.Index(changes, p.shown[o]) + 1
		all = dcbor.AppendArray(all, open)
		for _, i := range changes[:open] {
			all = dcbor.AppendBytes(all, p.r.At(i).Payload)
		}
		all = dcbor.AppendArray(all, len(changes)-open)
		for k := range run.Hashes[open:] {
			all = dcbor.AppendBytes(all, run.Hashes[open+k][:])
		}
		all = dcbor.AppendBytes(all, run.Signature[:])
		if len(all) > MaxBytes {
			return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, MaxBytes)
		}
	}
	b = dcbor.AppendArray(b, chains)
	b = append(b, all...)
	return dcbor.AppendBytes(b, p.price.Digest[:]), nil
}

// widen shows twice as much of the chains of those oracles, and reports whether any has
// more.
func (p *pricer) widen(whose func(o int) bool) (widened bool) {
	for o, from := range p.from {
		if from < 0 || !whose(o) {
			continue
		}
		shown := p.r.Seq(p.shown[o]) - p.r.Seq(from) + 1
		if back := min(shown, p.r.Seq(from)-1); back > 0 {
			if i, ok := p.r.Back(from, back); ok {
				p.from[o], widened = i, true
			}
		}
	}
	return widened
}

func compareIDs(a, b crdt.ChangeID) int { return bytes.Compare(a[:], b[:]) }

// checkPrice checks a body, trusting nobody.
func checkPrice(body []byte) (*Statement, error) {
	s, err := recompute(body)
	if err != nil {
		return nil, err
	}
	r := dcbor.NewReader(body)
	r.Array()
	for range 6 {
		r.Skip()
	}
	if digest := r.Bytes32(); digest != s.Price.Price.Digest {
		return nil, fmt.Errorf("%w: what is in it gives the digest %x, and it says %x", ErrInvalid, s.Price.Price.Digest[:4], digest[:4])
	}
	return s, nil
}

// recompute checks all of a body but its digest, and makes the price anew.
func recompute(body []byte) (*Statement, error) {
	invalid := func(format string, args ...any) (*Statement, error) {
		return nil, fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
	}
	r := dcbor.NewReader(body)
	r.ArrayN(7)
	rawCharter := r.Bytes()
	pair := r.Text()
	at := r.Int()
	heads := make([]crdt.ChangeID, 0, min(r.Remaining()/32, 64))
	for range r.Array() {
		heads = append(heads, r.Bytes32())
	}
	var evidence [][]byte
	for range r.Array() {
		evidence = append(evidence, r.Bytes())
	}
	var chains []stretch
	n := r.Array()
	if r.Err() == nil && n > oracle.MaxOracles {
		return invalid("%d chains, at most %d", n, oracle.MaxOracles)
	}
	for range n {
		c, err := readStretch(&r)
		if err != nil {
			return nil, err
		}
		chains = append(chains, c)
	}
	r.Bytes32() // the digest
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}

	charter, err := crdt.ParseCharter(rawCharter)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	terms, err := oracle.ParseTerms(charter)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if terms.Policy.Strategy == oracle.Weighted {
		return invalid("the room's strategy, %v, weighs votes by the whole history", terms.Policy.Strategy)
	}
	if at < 0 {
		return invalid("at %d", at)
	}
	for i := 1; i < len(heads); i++ {
		if compareIDs(heads[i-1], heads[i]) >= 0 {
			return invalid("heads are not sorted and unique")
		}
	}
	log := oracle.NewLog(terms)
	s := &Statement{RoomID: terms.Room, Room: &charter.Name}
	convicted := make([]bool, len(terms.Oracles))
	last := -1
	for _, b := range evidence {
		e, err := crdt.ParseEvidence(b)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		o, member := terms.Oracle(e.Fork.Author)
		switch {
		case e.Room != terms.Room:
			return invalid("evidence is of room %v, the charter of %v", e.Room, terms.Room)
		case !member || o <= last || e.Fork != ordered(e.Fork):
			return invalid("evidence is not of oracles of the committee, one each, in order")
		}
		last, convicted[o] = o, true
		log.Convict(e.Fork)
		s.Keys = append(s.Keys, e.Fork.Author)
	}
	parents := map[crdt.ChangeID][]crdt.ChangeID{}
	ends := make([]crdt.ChangeID, len(terms.Oracles))
	parts := make([]PriceVote, len(terms.Oracles))
	last = -1
	for i := range chains {
		c := &chains[i]
		if c.oracle <= last || c.oracle >= len(terms.Oracles) || convicted[c.oracle] {
			return invalid("chains are not of oracles of the committee that are not convicted, one each, in order")
		}
		last = c.oracle
		end, err := c.check(terms, log, parents)
		if err != nil {
			return nil, err
		}
		ends[c.oracle] = end
		parts[c.oracle].Shown, parts[c.oracle].Hashed = len(c.payloads), len(c.hashes)
		s.Keys = append(s.Keys, terms.Oracles[c.oracle])
	}
	log.SetHeads(crdt.LogDigest(terms.Room, heads))
	price, err := log.Price(pair, at)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	reached := reach(heads, parents)
	for o, v := range log.Votes(pair, at) {
		parts[o].Vote = v
		parts[o].InLog = parts[o].Shown > 0 && reached[ends[o]]
	}
	s.Price = &PriceStatement{Price: price, Heads: len(heads), Votes: parts}
	s.tell(terms)
	return s, nil
}

// readStretch reads a chain. What is wrong with the encoding is left to r.
func readStretch(r *dcbor.Reader) (stretch, error) {
	var c stretch
	r.ArrayN(5)
	c.oracle = int(min(r.Uint(), oracle.MaxOracles))
	if prev := optional(r); prev != nil {
		if r.Err() == nil && (len(prev) != 32 || crdt.ChangeID(prev) == crdt.ChangeID{}) {
			return c, fmt.Errorf("%w: a chain after %d bytes that are no change", ErrInvalid, len(prev))
		}
		if r.Err() == nil {
			c.run.Prev = crdt.ChangeID(prev)
		}
	}
	for range r.Array() {
		c.payloads = append(c.payloads, r.Bytes())
	}
	for range r.Array() {
		c.hashes = append(c.hashes, r.Bytes32())
	}
	copy(c.run.Signature[:], r.BytesN(64))
	return c, nil
}

// check proves that the oracle signed the stretch, and gives log what it says. It notes
// the parents of each change, and returns the last.
func (c *stretch) check(terms oracle.Terms, log *oracle.Log, parents map[crdt.ChangeID][]crdt.ChangeID) (end crdt.ChangeID, err error) {
	c.run.Author = terms.Oracles[c.oracle]
	if len(c.payloads) == 0 {
		return end, fmt.Errorf("%w: nothing is shown of oracle %d", ErrInvalid, c.oracle)
	}
	for _, b := range c.payloads {
		c.run.Hashes = append(c.run.Hashes, sha256.Sum256(b))
	}
	c.run.Hashes = append(c.run.Hashes, c.hashes...)
	signed, err := c.run.Check(terms.Room)
	if err != nil {
		return end, fmt.Errorf("%w: oracle %d: %w", ErrInvalid, c.oracle, err)
	}
	ids := append([]crdt.ChangeID{c.run.Prev}, signed...)
	for i, b := range c.payloads {
		p, err := crdt.ReadPayload(b, terms.Room, ids[i])
		if err != nil {
			return end, fmt.Errorf("%w: oracle %d: %w", ErrInvalid, c.oracle, err)
		}
		ch := oracle.Change{ID: ids[i+1], Author: c.run.Author, Prev: ids[i], Body: p.Appends, Broken: p.Void}
		for k := range p.Links.Len() {
			ch.Links = append(ch.Links, p.Links.At(k))
		}
		parents[ch.ID] = append(ch.Links[:len(ch.Links):len(ch.Links)], ch.Prev)
		log.Add(ch)
	}
	for i := len(c.payloads); i < len(signed); i++ {
		parents[signed[i]] = []crdt.ChangeID{ids[i]}
	}
	return signed[len(signed)-1], nil
}

// reach are the changes that the heads lead down to, as far as parents tells.
func reach(heads []crdt.ChangeID, parents map[crdt.ChangeID][]crdt.ChangeID) map[crdt.ChangeID]bool {
	seen := make(map[crdt.ChangeID]bool, len(heads))
	next := slices.Clone(heads)
	for len(next) > 0 {
		id := next[len(next)-1]
		next = next[:len(next)-1]
		if !seen[id] {
			seen[id] = true
			next = append(next, parents[id]...)
		}
	}
	return seen
}

// tell says in words what is proved and what is not.
func (s *Statement) tell(terms oracle.Terms) {
	p := &s.Price.Price
	if p.Status == oracle.Insufficient {
		s.Proved = fmt.Sprintf("what these keys signed gives no price: of %d oracles, %s", len(terms.Oracles), p.Lack())
	} else {
		s.Proved = fmt.Sprintf("what these keys signed gives this price by the room's own rules; while at most %d of the %d votes are lies, honest votes lie at or around %s to %s",
			p.F, p.Votes, oracle.FormatPrice(p.Low, p.Expo), oracle.FormatPrice(p.High, p.Expo))
	}
	s.NotProved = []string{
		"that it is true: oracles may err, and more of them may lie than the rules bear",
		"that nothing was left out: under these heads an oracle may have said more. Whoever holds the room compares the digest with that of its own price at the same heads: if they are equal, nothing was",
		"that somebody holds a log with these heads",
		"when it was said: times are the oracles' own claims",
		"who the people behind the keys are: compare the keys with them",
	}
	for o := range s.Price.Votes {
		v := &s.Price.Votes[o]
		if v.Hashed > 0 {
			s.NotProved = append(s.NotProved, fmt.Sprintf("what oracle %d said later: of %d changes there is the hash alone", o, v.Hashed))
		}
		if v.Shown > 0 && !v.InLog {
			s.NotProved = append(s.NotProved, fmt.Sprintf("that what oracle %d said is in the log with these heads: no change in the file leads to it", o))
		}
	}
}
