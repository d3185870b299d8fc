package oracle

import (
	"cmp"
	"math/big"
	"slices"
)

// A refSlot is one slot of a pair with a quorum, judged from nothing.
type refSlot struct {
	slot  int64
	votes map[int]*refOp
	ref   *big.Int
	scale *big.Int
}

// inSlot are the attestations of an oracle that count and have their t in a slot.
func (r *reference) inSlot(pair, oracle int, slot int64) (ops []*refOp) {
	for _, o := range r.counted(pair, oracle) {
		if r.slot(o.t) == slot {
			ops = append(ops, o)
		}
	}
	return ops
}

// judged are the slots of a pair that have a quorum and are final at a time, and by log
// time.
func (r *reference) judged(pair int, at int64) (all []*refSlot) {
	at = min(at, r.time())
	if all, ok := r.judgedOf[[2]int64{int64(pair), at}]; ok {
		return all
	}
	var slots []int64
	for o := range r.terms.Oracles {
		for _, op := range r.counted(pair, o) {
			slots = append(slots, r.slot(op.t))
		}
	}
	slices.Sort(slots)
	for _, slot := range slices.Compact(slots) {
		if r.end(slot)+r.terms.Policy.LateMaxMS > at {
			continue
		}
		s := &refSlot{slot: slot, votes: map[int]*refOp{}}
		var x bigs
		for o := range r.terms.Oracles {
			for _, op := range r.inSlot(pair, o, slot) {
				if !op.late {
					s.votes[o] = op
				}
			}
			if s.votes[o] != nil {
				x = append(x, big.NewInt(s.votes[o].price))
			}
		}
		if len(x) < 2*r.f()+1 {
			continue
		}
		x.sort()
		s.ref = x.median()
		s.scale = refScale(x.mad(s.ref), s.ref, r.terms.Policy)
		all = append(all, s)
	}
	r.judgedOf[[2]int64{int64(pair), at}] = all
	return all
}

// gap is |x − R| of a vote.
func (s *refSlot) gap(o int) *big.Int {
	d := new(big.Int).Sub(big.NewInt(s.votes[o].price), s.ref)
	return d.Abs(d)
}

// scores are those of the committee in a pair, after the slots final at a time.
func (r *reference) scores(pair int, at int64) []int64 {
	fence := r.terms.Policy.Fence
	all := make([]int64, len(r.terms.Oracles))
	for o := range all {
		if r.guilty[o] {
			continue
		}
		all[o] = 500_000
		for _, s := range r.judged(pair, at) {
			a := all[o] * 3 / 4
			if s.votes[o] != nil {
				a = 0
				d, reach := s.gap(o), mul(s.scale, fence)
				switch {
				case d.Sign() == 0:
					a = 1_000_000
				case d.Cmp(reach) < 0: // 10^6·(1 − d/reach)
					x := mul(new(big.Int).Sub(reach, d), 1_000_000)
					a = x.Quo(x, reach).Int64()
				}
			}
			if r.spoilt(pair, o, s.slot) {
				a = 0
			}
			all[o] += (a - all[o]) / 32 // toward zero
		}
	}
	return all
}

// spoilt reports whether a void op of an oracle is counted in a slot.
func (r *reference) spoilt(pair, oracle int, slot int64) bool {
	for _, c := range r.changes {
		for _, op := range c.ops {
			if c.oracle == oracle && op.reason != NotVoid && op.spoils != never && r.slot(op.spoils) == slot && (op.every || op.pair == pair) {
				return true
			}
		}
	}
	return false
}

// early reports whether f+1 others built on op while their own clocks were more than
// skew_max behind it.
func (r *reference) early(op *refOp) bool {
	if early, ok := r.earlyOf[op]; ok {
		return early
	}
	witnesses := 0
	for o := range r.terms.Oracles {
		if o == op.change.oracle || r.guilty[o] {
			continue
		}
		var first *refChange // of its chain that built on op
		for _, c := range r.changes {
			if c.oracle == o && c.ancestors[op.change] && (first == nil || c.Seq < first.Seq) {
				first = c
			}
		}
		if first != nil && first.newestT() != never && first.newestT() < op.t-r.terms.Policy.SkewMaxMS {
			witnesses++
		}
	}
	r.earlyOf[op] = witnesses >= r.f()+1
	return r.earlyOf[op]
}

// looked is the greatest t that the chain stood at with the last change up to c at which
// it had something new of others among its ancestors, or at its first with a t.
func (r *reference) looked(c *refChange) int64 {
	if t, ok := r.lookedOf[c]; ok {
		return t
	}
	seen := int64(never)
	for _, b := range c.chain() {
		before := make([]*refChange, len(r.terms.Oracles))
		if b.prev != nil {
			before = r.newestOf(b.prev)
		}
		after := r.newestOf(b)
		before[c.oracle], after[c.oracle] = nil, nil
		if seen == never || !slices.Equal(before, after) {
			seen = b.newestT()
		}
	}
	r.lookedOf[c] = seen
	return seen
}

// findings is §5.
func (r *reference) findings() (all []Finding) {
	if r.found != nil {
		return r.found
	}
	of := func(kind FindingKind, o int, pair string) Finding {
		f := Finding{Kind: kind, Oracle: o, Pair: pair, Other: -1}
		if o >= 0 {
			f.Author = r.terms.Oracles[o]
		}
		return f
	}
	for o := range r.terms.Oracles {
		if !r.guilty[o] {
			continue
		}
		f := of(Equivocation, o, "")
		ids := r.forks[o]
		f.Count, f.Now, f.Changes = 1, true, ids[:]
		a, b := r.byID[ids[0]], r.byID[ids[1]]
		if a != nil && b != nil && min(a.newestT(), b.newestT()) != never {
			f.From = r.slot(min(a.newestT(), b.newestT()))
			f.To = f.From
		}
		all = append(all, f)
	}
	all = append(all, r.voidFindings(of)...)
	for p := range r.terms.Pairs {
		for o := range r.terms.Oracles {
			if !r.guilty[o] {
				all = append(all, r.slotFindings(p, o, of)...)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Oracle, b.Oracle), cmp.Compare(a.Pair, b.Pair), cmp.Compare(a.Reason, b.Reason))
	})
	r.found = all
	return all
}

func (r *reference) voidFindings(of func(FindingKind, int, string) Finding) (all []Finding) {
	type key struct {
		oracle, pair int
		reason       Reason
	}
	void := map[key][]*refOp{}
	sorted := slices.SortedFunc(slices.Values(r.changes), func(a, b *refChange) int {
		return cmp.Or(cmp.Compare(a.oracle, b.oracle), cmp.Compare(a.Seq, b.Seq))
	})
	for _, c := range sorted {
		for _, op := range c.ops {
			if op.reason == NotVoid || r.guilty[c.oracle] {
				continue
			}
			k := key{c.oracle, -1, op.reason}
			if op.reason == VoidFlood {
				k.pair = op.pair
			}
			void[k] = append(void[k], op)
		}
	}
	for k, ops := range void {
		f := of(Void, k.oracle, "")
		f.Reason = k.reason
		if k.reason == VoidFlood {
			f = of(Flood, k.oracle, r.terms.Pairs[k.pair].Name)
		}
		f.Count = len(ops)
		known := false
		for _, op := range ops {
			if op.spoils != never {
				slot := r.slot(op.spoils)
				if !known || slot < f.From {
					known, f.From = true, slot
				}
				f.To = max(f.To, slot)
			}
			if !slices.Contains(f.Changes, op.change.ID) {
				f.Changes = append(f.Changes, op.change.ID)
			}
		}
		if k.oracle >= 0 {
			f.Changes = f.Changes[max(0, len(f.Changes)-8):]
		} else {
			slices.SortFunc(f.Changes, compareIDs)
			f.Changes = f.Changes[:min(8, len(f.Changes))]
		}
		all = append(all, f)
	}
	return all
}

// slotFindings are those of one oracle that hang on the slots of a pair.
func (r *reference) slotFindings(pair, o int, of func(FindingKind, int, string) Finding) (all []Finding) {
	judged := r.judged(pair, r.time())
	for _, kind := range []FindingKind{Outlier, Bias, Quiet, Stuck, Copycat, Clock, Blind} {
		var found []int // judged slots in which it holds, of the newest 600
		var last Finding
		for k := max(0, len(judged)-600); k < len(judged); k++ {
			f := of(kind, o, r.terms.Pairs[pair].Name)
			if r.holds(&f, judged[:k+1], pair) {
				f.To = judged[k].slot
				f.Now = k == len(judged)-1
				if len(found) > 0 && k-found[len(found)-1] > 20 {
					found = nil
				}
				found = append(found, k)
				last = f
			}
		}
		if len(found) == 0 {
			continue
		}
		last.From = judged[found[0]].slot
		if kind == Quiet || kind == Stuck || kind == Blind {
			last.Count, last.Of = len(found), found[len(found)-1]-found[0]+1
		}
		all = append(all, last)
	}
	return all
}

// holds reports whether a rule holds in the last of those slots, and gives its figures.
func (r *reference) holds(f *Finding, judged []*refSlot, pair int) bool {
	p := r.terms.Policy
	o := f.Oracle
	now := judged[len(judged)-1]
	last := func(n int) []*refSlot { return judged[max(0, len(judged)-n):] }
	var changes []*refChange
	name := func() {
		changes = changes[max(0, len(changes)-8):]
		for _, c := range changes {
			f.Changes = append(f.Changes, c.ID)
		}
	}
	once := func(c *refChange) {
		if len(changes) == 0 || changes[len(changes)-1] != c {
			changes = append(changes, c)
		}
	}
	ppm := func(s *refSlot) int64 { // (x−R)/R
		g := mul(s.gap(o), 1_000_000)
		g.Quo(g, s.ref)
		if big.NewInt(s.votes[o].price).Cmp(s.ref) < 0 {
			g.Neg(g)
		}
		limit := int64(1_000_000_000_000)
		if !g.IsInt64() || g.Int64() > limit {
			return limit
		}
		return max(g.Int64(), -limit)
	}
	outside := func(d *big.Int, s *refSlot) bool { return d.Cmp(mul(s.scale, p.Fence)) > 0 }
	all := r.counted(pair, o)
	switch f.Kind {
	case Outlier:
		for _, s := range last(20) {
			f.Of++
			if s.votes[o] != nil && outside(s.gap(o), s) {
				f.Count++
				if g := ppm(s); max(g, -g) >= max(f.PPM, -f.PPM) {
					f.PPM = g
				}
				once(s.votes[o].change)
			}
		}
		name()
		return f.Count >= 5
	case Bias:
		for _, side := range []int{1, -1} {
			f.Count, f.Of, f.PPM, changes = 0, 0, 0, nil
			ratio := new(big.Int)
			for _, s := range last(32) {
				f.Of++
				if s.votes[o] == nil || big.NewInt(s.votes[o].price).Cmp(s.ref) != side {
					continue
				}
				f.Count++
				f.PPM += ppm(s)
				once(s.votes[o].change)
				x := mul(s.gap(o), 1_000_000)
				scale := s.scale
				if scale.Sign() == 0 {
					scale = big.NewInt(1)
				}
				if x.Quo(x, scale); x.Cmp(big.NewInt(1_000_000_000)) > 0 {
					x = big.NewInt(1_000_000_000)
				}
				ratio.Add(ratio, x)
			}
			if f.Count >= 28 && ratio.Cmp(big.NewInt(int64(f.Count)*500_000)) > 0 {
				f.PPM /= int64(f.Count)
				name()
				return true
			}
		}
	case Quiet:
		since := judged[0].slot * p.SlotMS
		for _, op := range all {
			if op.t < r.end(now.slot) {
				since = max(since, op.t)
				changes = []*refChange{op.change}
			}
		}
		f.MS = r.end(now.slot) - since
		name()
		return f.MS >= p.MaxAgeMS
	case Stuck:
		v := now.votes[o]
		if v == nil {
			return false
		}
		i := slices.Index(all, v)
		start := i
		for start > 0 && all[start-1].price == v.price && all[start].t > v.t-60_000 {
			start--
		}
		f.MS = v.t - all[start].t
		var old *refSlot
		for _, s := range judged {
			if r.end(s.slot) <= r.end(now.slot)-60_000 {
				old = s
			}
		}
		if f.MS < 60_000 || old == nil {
			return false
		}
		once(all[start].change)
		once(v.change)
		name()
		d := new(big.Int).Sub(old.ref, now.ref)
		return outside(d.Abs(d), now)
	case Copycat:
		matches := map[int]int{}
		for _, s := range last(32) {
			if s.votes[o] == nil {
				continue
			}
			f.Of++
			for y := range r.terms.Oracles {
				if r.copied(pair, o, y, s) != nil {
					matches[y]++
				}
			}
		}
		for y := range r.terms.Oracles {
			if matches[y] > f.Count {
				f.Count, f.Other = matches[y], y
			}
		}
		if f.Of < 20 || f.Count*10 < f.Of*9 {
			return false
		}
		for _, s := range last(32) {
			if s.votes[o] != nil && r.copied(pair, o, f.Other, s) != nil {
				changes = append(changes, r.copied(pair, o, f.Other, s).change, s.votes[o].change)
			}
		}
		name()
		return true
	case Clock:
		var skews []int64
		for _, s := range last(20) {
			f.Of++
			var off *refOp
			for _, op := range r.inSlot(pair, o, s.slot) {
				if op.late || r.early(op) {
					off = op
				}
			}
			if off == nil {
				continue
			}
			f.Count++
			if seen := r.ancestorsTime(off.change); seen != never {
				skews = append(skews, off.t-seen)
			}
			once(off.change)
		}
		if len(skews) > 0 {
			f.MS = lowerMedianOf(skews)
		}
		name()
		return f.Count >= 5
	case Blind:
		if now.votes[o] == nil {
			return false
		}
		f.MS = now.votes[o].t - r.looked(now.votes[o].change)
		once(now.votes[o].change)
		name()
		return f.MS > 10*p.SlotMS && len(now.votes)-1 >= r.f()+1
	}
	return false
}

// copied is the newest attestation of y in the slot that o's vote repeats and had among
// its ancestors.
func (r *reference) copied(pair, o, y int, s *refSlot) (from *refOp) {
	v := s.votes[o]
	if v == nil || o == y {
		return nil
	}
	for _, op := range r.inSlot(pair, y, s.slot) {
		if op.price == v.price && v.change.ancestors[op.change] {
			from = op
		}
	}
	return from
}
