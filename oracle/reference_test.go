package oracle

import (
	"bytes"
	"cmp"
	"math/big"
	"slices"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt"
)

// A reference is the specification (docs/oracle.md), read literally: it keeps a plain
// list of changes and recomputes everything from it, each time, with sets and big
// integers. It shares with the Log the types of terms and literals alone.
type reference struct {
	terms   Terms
	changes []*refChange // in no order that matters
	byID    map[crdt.ChangeID]*refChange
	guilty  map[int]bool // convicted oracles
	forks   map[int][2]crdt.ChangeID

	// What was computed once, so that the tests end: no more than that.
	countedOf map[[2]int][]*refOp
	timeOf    map[*refChange]int64
	lookedOf  map[*refChange]int64
	earlyOf   map[*refOp]bool
	judgedOf  map[[2]int64][]*refSlot
	found     []Finding
}

type refChange struct {
	Change
	oracle    int // −1: not of the committee
	prev      *refChange
	ancestors map[*refChange]bool // proper
	ops       []*refOp
	newest    *int64 // see newestT: asked for once all of the chain is judged
}

// refOp is one literal.
type refOp struct {
	change *refChange
	pair   int // −1: none known
	t      int64
	price  int64
	spread int64
	flags  uint64
	nonce  []byte

	commitment bool
	slot       int64
	commit     []byte

	reason Reason
	late   bool
	timed  bool   // well-formed, of a member: its t counts for log time
	spoils int64  // void: the t whose slot it spoils; −1: none
	every  bool   // of every pair
	opened *refOp // the commitment that it reveals
}

func newReference(terms Terms, changes []Change, evidence []crdt.Fork) *reference {
	r := &reference{terms: terms, byID: map[crdt.ChangeID]*refChange{}, guilty: map[int]bool{}, forks: map[int][2]crdt.ChangeID{},
		countedOf: map[[2]int][]*refOp{}, timeOf: map[*refChange]int64{}, lookedOf: map[*refChange]int64{}, earlyOf: map[*refOp]bool{}, judgedOf: map[[2]int64][]*refSlot{}}
	for _, c := range changes {
		rc := &refChange{Change: c, oracle: -1}
		if i, ok := slices.BinarySearchFunc(terms.Oracles, c.Author, compareAuthors); ok {
			rc.oracle = i
		}
		r.changes = append(r.changes, rc)
		r.byID[c.ID] = rc
	}
	// Ancestors, until nothing is added any more.
	for _, c := range r.changes {
		c.prev = r.byID[c.Prev]
		c.ancestors = map[*refChange]bool{}
		var todo []*refChange
		visit := func(id crdt.ChangeID) {
			if p := r.byID[id]; p != nil && !c.ancestors[p] {
				c.ancestors[p] = true
				todo = append(todo, p)
			}
		}
		visit(c.Prev)
		for _, l := range c.Links {
			visit(l)
		}
		for len(todo) > 0 {
			p := todo[0]
			todo = todo[1:]
			visit(p.Prev)
			for _, l := range p.Links {
				visit(l)
			}
		}
	}
	// Forks: two changes of one author after the same. Of several the one with the least ids.
	fork := func(author crdt.Author, a, b crdt.ChangeID) {
		o, ok := slices.BinarySearchFunc(terms.Oracles, author, compareAuthors)
		if !ok || a == b {
			return
		}
		if bytes.Compare(a[:], b[:]) > 0 {
			a, b = b, a
		}
		old, known := r.forks[o]
		if !known || bytes.Compare(slices.Concat(a[:], b[:]), slices.Concat(old[0][:], old[1][:])) < 0 {
			r.forks[o] = [2]crdt.ChangeID{a, b}
		}
		r.guilty[o] = true
	}
	for _, a := range r.changes {
		for _, b := range r.changes {
			if a.Author == b.Author && a.Prev == b.Prev {
				fork(a.Author, a.ID, b.ID)
			}
		}
	}
	for _, f := range evidence {
		fork(f.Author, f.A, f.B)
	}
	// Parents first, since what is late hangs on what the ancestors say.
	slices.SortFunc(r.changes, func(a, b *refChange) int {
		return cmp.Or(cmp.Compare(len(a.ancestors), len(b.ancestors)), bytes.Compare(a.ID[:], b.ID[:]))
	})
	for _, c := range r.changes {
		for _, l := range c.Body {
			op := refDecode(l, terms)
			op.change = c
			c.ops = append(c.ops, op)
		}
		if c.Broken {
			c.ops = append(c.ops, &refOp{change: c, pair: -1, reason: VoidMalformed})
		}
	}
	for _, c := range r.changes {
		r.judge(c)
	}
	return r
}

// refDecode reads a literal by what it is, not by its bytes.
func refDecode(l crdt.Literal, terms Terms) *refOp {
	op := &refOp{pair: -1, reason: VoidMalformed}
	if _, err := crdt.ParseLiteral(l); err != nil {
		return op
	}
	m, ok := l.Value().(map[string]any)
	if !ok {
		return op
	}
	form := func(required, optional []string) bool {
		for _, k := range required {
			if _, ok := m[k]; !ok {
				return false
			}
		}
		for k := range m {
			if !slices.Contains(required, k) && !slices.Contains(optional, k) {
				return false
			}
		}
		return true
	}
	name, okName := m["pair"].(string)
	if !okName {
		return op
	}
	if i := slices.IndexFunc(terms.Pairs, func(p Pair) bool { return p.Name == name }); i >= 0 {
		op.pair = i
	}
	first := func(rules ...any) *refOp {
		op.reason = NotVoid
		for i := 0; i < len(rules); i += 2 {
			if !rules[i].(bool) {
				op.reason = rules[i+1].(Reason)
				break
			}
		}
		if op.reason == VoidPair {
			op.pair = -1
		}
		return op
	}
	if form([]string{"pair", "slot", "commit"}, nil) {
		slot, ok1 := m["slot"].(int64)
		commit, ok2 := m["commit"].([]byte)
		if !ok1 || !ok2 || len(commit) != 32 {
			return op
		}
		op.commitment, op.slot, op.commit = true, slot, commit
		return first(op.pair >= 0, VoidPair, slot >= 0 && slot <= MaxTimeMS, VoidTime)
	}
	if !form([]string{"t", "pair", "price"}, []string{"src", "flags", "nonce", "spread"}) {
		return op
	}
	whole := true
	number := func(key string, zero bool) int64 {
		v, ok := m[key]
		if !ok {
			return 0
		}
		n, isInt := v.(int64)
		whole = whole && isInt && (zero || n != 0) // what may be left out is left out where it is zero
		return n
	}
	t, price := number("t", true), number("price", true)
	flags, spread := number("flags", false), number("spread", false)
	nonce, hasNonce := m["nonce"].([]byte)
	if _, ok := m["nonce"]; ok && len(nonce) == 0 {
		whole = false
	}
	sources := true
	if v, ok := m["src"]; ok {
		list, isList := v.([]any)
		whole = whole && isList && len(list) > 0
		sources = len(list) <= MaxSources
		for _, s := range list {
			formed, valid := refSource(s)
			whole, sources = whole && formed, sources && valid
		}
	}
	if !whole || flags < 0 { // they are no integer but a set
		return op
	}
	op.t, op.price, op.spread, op.flags, op.nonce = t, price, spread, uint64(flags), nonce
	return first(
		t >= 0 && t <= MaxTimeMS, VoidTime,
		sources, VoidSources,
		op.pair >= 0, VoidPair,
		flags <= 15, VoidFlags,
		!hasNonce || len(nonce) == 16, VoidFlags,
		(flags&8 != 0) == hasNonce, VoidFlags,
		price > 0 && price <= MaxPrice, VoidPrice,
		spread >= 0 && spread <= MaxPrice, VoidSpread)
}

// refSource reports of one source whether it has the form of one, and whether it is
// within bounds.
func refSource(v any) (formed, valid bool) {
	m, ok := v.(map[string]any)
	if !ok {
		return false, false
	}
	name, ok1 := m["name"].(string)
	price, ok2 := m["price"].(int64)
	t, ok3 := m["t"].(int64)
	known := 3
	digest, volume := []byte(nil), ""
	if d, ok := m["digest"]; ok {
		known++
		digest, _ = d.([]byte)
		if len(digest) == 0 {
			return false, false
		}
	}
	if d, ok := m["volume"]; ok {
		known++
		volume, _ = d.(string)
		if volume == "" {
			return false, false
		}
	}
	if !ok1 || !ok2 || !ok3 || len(m) != known {
		return false, false
	}
	return true, name != "" && len(name) <= MaxSourceNameBytes && utf8.ValidString(name) && price > 0 && price <= MaxPrice && t >= 0 && t <= MaxTimeMS &&
		(digest == nil || len(digest) == 32) && (volume == "" || len(volume) <= MaxVolumeBytes && validVolume([]byte(volume)))
}

// chain is c and what precedes it in its chain, first to last.
func (c *refChange) chain() []*refChange {
	var all []*refChange
	for ; c != nil; c = c.prev {
		all = append([]*refChange{c}, all...)
	}
	return all
}

// before are the literals before op in its chain, first to last.
func (op *refOp) before() []*refOp {
	var all []*refOp
	for _, c := range op.change.chain() {
		for _, o := range c.ops {
			if o == op {
				return all
			}
			all = append(all, o)
		}
	}
	return all
}

const never = -1 // before every t

// newestT is the greatest t that counts for log time in the chain up to c: −1 if there
// is none.
func (c *refChange) newestT() int64 {
	if c.newest != nil {
		return *c.newest
	}
	t := int64(never)
	c.newest = &t
	for _, b := range c.chain() {
		for _, o := range b.ops {
			if o.timed {
				t = max(t, o.t)
			}
		}
	}
	return t
}

// lowerMedianOf is element ⌊(n−1)/2⌋.
func lowerMedianOf(x []int64) int64 {
	x = slices.Sorted(slices.Values(x))
	return x[(len(x)-1)/2]
}

// time is log time: −1 if there is none.
func (r *reference) time() int64 {
	newest := make([]int64, len(r.terms.Oracles))
	for i := range newest {
		newest[i] = never
	}
	for _, c := range r.changes {
		if c.oracle >= 0 {
			newest[c.oracle] = max(newest[c.oracle], c.newestT())
		}
	}
	return lowerMedianOf(newest)
}

// newestOf is the newest ancestor of c of each oracle: that of the greatest seq, of
// several (a fork) that of the greatest id.
func (r *reference) newestOf(c *refChange) []*refChange {
	newest := make([]*refChange, len(r.terms.Oracles))
	for a := range c.ancestors {
		if a.oracle < 0 {
			continue
		}
		n := newest[a.oracle]
		if n == nil || a.Seq > n.Seq || a.Seq == n.Seq && bytes.Compare(a.ID[:], n.ID[:]) > 0 {
			newest[a.oracle] = a
		}
	}
	return newest
}

// ancestorsTime is the log time of c's ancestors: −1 if there is none.
func (r *reference) ancestorsTime(c *refChange) int64 {
	if t, ok := r.timeOf[c]; ok {
		return t
	}
	times := make([]int64, len(r.terms.Oracles))
	for i, n := range r.newestOf(c) {
		times[i] = never
		if n != nil {
			times[i] = n.newestT()
		}
	}
	r.timeOf[c] = lowerMedianOf(times)
	return r.timeOf[c]
}

func (r *reference) slot(t int64) int64 { return t / r.terms.Policy.SlotMS } // t ≥ 0
func (r *reference) end(slot int64) int64 {
	return (slot + 1) * r.terms.Policy.SlotMS
}

// judge decides of each literal of c whether it counts, once that is decided of all
// its ancestors.
func (r *reference) judge(c *refChange) {
	p := r.terms.Policy
	seen := r.ancestorsTime(c)
	for _, op := range c.ops {
		if op.commitment && op.reason == NotVoid && !p.CommitReveal {
			op.reason = VoidCommit
		}
		byBytes := op.reason != NotVoid
		op.timed = c.oracle >= 0 && !byBytes && !op.commitment
		switch {
		case c.oracle < 0:
			op.reason = VoidNonMember
		case byBytes:
		case op.commitment:
			op.reason = r.judgeCommitment(op, seen)
		default:
			op.reason = r.judgeTimed(op)
		}
		op.late = op.timed && op.reason == NotVoid && seen != never && op.t+p.LateMaxMS < seen
		op.spoils = never
		if op.reason == NotVoid || c.oracle < 0 {
			continue
		}
		// The slot in which its author is: by the whole chain if its bytes are broken, else by
		// the pair alone. What it claims itself counts if it does not go back.
		op.every = byBytes
		for _, o := range append(op.before(), op) {
			if o.timed && (op.every || o.pair == op.pair) {
				op.spoils = max(op.spoils, o.t)
			}
		}
	}
}

func (r *reference) judgeCommitment(op *refOp, seen int64) Reason {
	for _, o := range op.before() {
		if o.commitment && o.reason == NotVoid && o.pair == op.pair && o.slot >= op.slot {
			return VoidRecommit
		}
	}
	if seen != never && r.slot(seen) >= op.slot {
		return VoidLateCommit
	}
	return NotVoid
}

// judgeTimed judges an attestation that is well-formed.
func (r *reference) judgeTimed(op *refOp) Reason {
	p := r.terms.Policy
	inSlot := 0
	for _, o := range op.before() {
		if !o.timed || o.pair != op.pair {
			continue
		}
		if o.t > op.t {
			return VoidTimeBack
		}
		if r.slot(o.t) == r.slot(op.t) && o.reason != VoidTimeBack {
			inSlot++
		}
	}
	if inSlot >= p.FloodMax {
		return VoidFlood
	}
	if p.CommitReveal {
		op.opened = r.opens(op)
	}
	if p.CommitReveal != (op.flags&8 != 0) || p.CommitReveal && op.opened == nil {
		return VoidReveal
	}
	return NotVoid
}

// opens is the commitment before op that it reveals.
func (r *reference) opens(op *refOp) *refOp {
	if op.flags&8 == 0 {
		return nil
	}
	var open []*refOp // the newest four that are not revealed yet
	for _, o := range op.before() {
		switch {
		case o.reason != NotVoid || o.pair != op.pair:
		case o.commitment:
			open = append(open, o)
			open = open[max(0, len(open)-4):]
		default:
			open = slices.DeleteFunc(open, func(x *refOp) bool { return x == o.opened })
		}
	}
	slot := r.slot(op.t)
	hash := commitHash(r.terms.Room, op.change.Author, []byte(r.terms.Pairs[op.pair].Name), slot, op.price, op.nonce)
	for _, o := range open {
		if o.slot == slot && o.change != op.change && bytes.Equal(o.commit, hash[:]) {
			return o
		}
	}
	return nil
}

// counted are the attestations of an oracle on a pair that are not void, in the order
// of its chain: none of one that is convicted.
func (r *reference) counted(pair, oracle int) []*refOp {
	if r.guilty[oracle] {
		return nil
	}
	if ops, ok := r.countedOf[[2]int{pair, oracle}]; ok {
		return ops
	}
	var chain []*refChange
	for _, c := range r.changes {
		if c.oracle == oracle {
			chain = append(chain, c)
		}
	}
	slices.SortFunc(chain, func(a, b *refChange) int { return cmp.Compare(a.Seq, b.Seq) })
	var ops []*refOp
	for _, c := range chain {
		for _, o := range c.ops {
			if o.reason == NotVoid && !o.commitment && o.pair == pair {
				ops = append(ops, o)
			}
		}
	}
	r.countedOf[[2]int{pair, oracle}] = ops
	return ops
}

func (r *reference) f() int { return max(0, (len(r.terms.Oracles)-1)/3-len(r.guilty)) }

// vote is an oracle's vote at a time, as §3 says.
func (r *reference) vote(pair, oracle int, at int64) (v Vote) {
	p := r.terms.Policy
	v.Oracle, v.Author = oracle, r.terms.Oracles[oracle]
	if r.guilty[oracle] {
		v.State = Convicted
		return v
	}
	all := r.counted(pair, oracle)
	var known []*refOp
	for _, o := range all {
		if o.t <= at+p.SkewMaxMS {
			known = append(known, o)
		}
	}
	switch {
	case len(all) == 0:
		v.State = Silent
		return v
	case len(known) == 0:
		v.State, v.T, v.From = Early, all[0].t, []crdt.ChangeID{all[0].change.ID}
		return v
	}
	newest := known[len(known)-1]
	v.T = newest.t
	if newest.t <= at-p.MaxAgeMS {
		v.State, v.From = Stale, []crdt.ChangeID{newest.change.ID}
		return v
	}
	v.State, v.Spread = Voted, newest.spread
	var prices []int64
	for i := len(known) - 1; i >= 0 && len(prices) < p.VoteK; i-- {
		if known[i].t > newest.t-p.VoteSpanMS {
			prices = append(prices, known[i].price)
			v.From = append(v.From, known[i].change.ID)
		}
	}
	v.Value = lowerMedianOf(prices)
	return v
}

// price is §3, with integers that have no end.
func (r *reference) price(s Strategy, pair int, at int64) Price {
	pol := r.terms.Policy
	p := Price{Pair: r.terms.Pairs[pair].Name, Expo: r.terms.Pairs[pair].Expo, At: at, F: r.f(), Strategy: s}
	var votes []Vote
	scores := r.scores(pair, at)
	for i := range r.terms.Oracles {
		v := r.vote(pair, i, at)
		v.Weight = 500_000 + scores[i]/2
		switch v.State {
		case Voted:
			votes = append(votes, v)
			p.Votes++
		case Stale:
			p.Stale++
		case Early:
			p.Early++
		case Convicted:
			p.Convicted++
		}
	}
	p.Present = p.Votes + p.Stale + p.Early
	f := p.F
	if p.Votes < 2*f+1 || p.Convicted > (len(r.terms.Oracles)-1)/3 {
		p.Status = Insufficient
		return p
	}
	var x bigs
	for _, v := range votes {
		x = append(x, big.NewInt(v.Value))
	}
	x.sort()
	low, high := x[f], x[len(x)-f-1]
	m := x.median()
	mad := x.mad(m)
	var v *big.Int
	switch s {
	case Median:
		v = m
	case Fenced:
		reach := mul(refScale(mad, m, pol), pol.Fence)
		var rest bigs
		for _, y := range x {
			if new(big.Int).Abs(new(big.Int).Sub(y, m)).Cmp(reach) <= 0 {
				rest = append(rest, y)
			}
		}
		if v = m; len(rest) > 0 {
			v = rest.mean()
		}
	case Trimmed:
		v = x[f : len(x)-f].mean()
	case Weighted:
		// Each vote as often as its weight says; one by one it would be the middle vote of
		// those.
		slices.SortStableFunc(votes, func(a, b Vote) int { return cmp.Compare(a.Value, b.Value) })
		all, sum := int64(0), int64(0)
		for _, w := range votes {
			all += w.Weight
		}
		for _, w := range votes {
			if sum += w.Weight; 2*sum >= all {
				v = big.NewInt(w.Value)
				break
			}
		}
	case ThreeVote:
		var three bigs
		for _, w := range votes {
			three = append(three, big.NewInt(w.Value-w.Spread), big.NewInt(w.Value), big.NewInt(w.Value+w.Spread))
		}
		v = three.sort().median()
	case Hodges:
		var means bigs
		for i := range x {
			for j := i; j < len(x); j++ {
				means = append(means, bigs{x[i], x[j]}.mean())
			}
		}
		v = means.sort().median()
	case MeanIQR:
		v = r.meanIQR(pair, at)
	}
	if s != MeanIQR {
		if v.Cmp(low) < 0 {
			v = low
		}
		if v.Cmp(high) > 0 {
			v = high
		}
	}
	p.Price, p.Low, p.High, p.MAD = v.Int64(), low.Int64(), high.Int64(), mad.Int64()
	// high−low > wide_ppm of the price
	if mul(new(big.Int).Sub(high, low), 1_000_000).Cmp(mul(v, pol.WidePPM)) > 0 {
		p.Status = Wide
	}
	return p
}

// meanIQR is the ancestor's, over all attestations that a vote could be made of.
func (r *reference) meanIQR(pair int, at int64) *big.Int {
	var all bigs
	for i := range r.terms.Oracles {
		for _, o := range r.counted(pair, i) {
			if o.t > at-60_000 && r.ancestorsTime(o.change) <= at {
				all = append(all, big.NewInt(o.price))
			}
		}
	}
	if len(all) == 0 { // none of them was there yet: of the votes
		for i := range r.terms.Oracles {
			if v := r.vote(pair, i, at); v.State == Voted {
				all = append(all, big.NewInt(v.Value))
			}
		}
	}
	all.sort()
	n := len(all)
	if n <= 4 {
		return all.mean()
	}
	q1, q3 := all[n/4], all[3*n/4]
	reach := mul(new(big.Int).Sub(q3, q1), 3) // twice 1.5 of it
	var rest bigs
	for _, x := range all {
		if mul(new(big.Int).Sub(q1, x), 2).Cmp(reach) <= 0 && mul(new(big.Int).Sub(x, q3), 2).Cmp(reach) <= 0 {
			rest = append(rest, x)
		}
	}
	return rest.mean()
}

type bigs []*big.Int

func (x bigs) sort() bigs {
	slices.SortFunc(x, func(a, b *big.Int) int { return a.Cmp(b) })
	return x
}

// mean is the floor of the mean.
func (x bigs) mean() *big.Int {
	s := new(big.Int)
	for _, v := range x {
		s.Add(s, v)
	}
	return s.Div(s, big.NewInt(int64(len(x)))) // Euclid's: the floor, for a positive divisor
}

func (x bigs) median() *big.Int {
	m := len(x)
	if m%2 == 1 {
		return x[m/2]
	}
	return x[m/2-1 : m/2+1].mean()
}

func (x bigs) mad(center *big.Int) *big.Int {
	var d bigs
	for _, v := range x {
		d = append(d, new(big.Int).Abs(new(big.Int).Sub(v, center)))
	}
	return d.sort().median()
}

func mul(x *big.Int, n int64) *big.Int { return new(big.Int).Mul(x, big.NewInt(n)) }

// refScale is s: 1.4826·MAD, at least fence_floor of the median.
func refScale(mad, median *big.Int, p Policy) *big.Int {
	s := mul(mad, 14826)
	s.Quo(s, big.NewInt(10_000))
	floor := mul(median, p.FenceFloor)
	floor.Quo(floor, big.NewInt(1_000_000))
	if s.Cmp(floor) < 0 {
		return floor
	}
	return s
}
