package oracle

// added takes in that change n of an oracle is in the Log: before is the clock of the
// change before it on the chain, after its own.
//
// An attestation is early if f+1 others have built on it while their own clocks were
// still more than skew_max behind it: at the first change of each that has it among its
// ancestors. One of them at least is honest. That needs no clock of anybody here.
func (s *scores) added(oracle int, n int32, before, after clock) {
	s.version++
	if s.guilty.has(oracle) {
		return
	}
	l := s.l
	place := l.node(n).place
	now := l.chains[oracle].maxT[place]
	fresh := false
	ahead := now != noTime && l.ranked[l.n-1] > now+l.terms.Policy.SkewMaxMS // somebody may be
	for x := range after {
		if x == oracle || after[x] == before[x] {
			continue
		}
		if fresh = true; !ahead {
			break
		}
		ch := &l.chains[x]
		if ch.convicted || ch.maxT[after[x]-1] <= now+l.terms.Policy.SkewMaxMS {
			continue
		}
		for k := int(after[x]) - 1; k >= int(before[x]) && ch.maxT[k] > now+l.terms.Policy.SkewMaxMS; k-- {
			s.ahead1(oracle, x, ch.nodes[k], now+l.terms.Policy.SkewMaxMS)
		}
	}
	seen := now
	if k := len(s.looked[oracle]); k > 0 && !fresh && s.looked[oracle][k-1] != noTime {
		seen = s.looked[oracle][k-1]
	}
	s.looked[oracle] = append(s.looked[oracle], seen)
}

// ahead1 notes that witness saw those attestations of change n of oracle x that are
// later than limit.
func (s *scores) ahead1(witness, x int, n int32, limit int64) {
	l := s.l
	for pair := range l.terms.Pairs {
		k := pair*l.n + x
		ser := &l.series[k]
		lo, hi := ser.upTo(limit), ser.n
		for end := hi; lo < end; { // the changes of a series ascend
			if mid := int(uint(lo+end) / 2); ser.node(mid) < n {
				lo = mid + 1
			} else {
				end = mid
			}
		}
		for i := lo; i < hi && ser.node(i) == n; i++ {
			key := attestationKey{k, i}
			by := s.ahead[key]
			if by == nil {
				by = new(oracleSet)
				s.ahead[key] = by
			}
			was := s.isEarly(by)
			by.add(witness)
			if !was && s.isEarly(by) {
				s.earlyN[x]++
				if p, slot := &s.pairs[pair], ser.t(i)/l.terms.Policy.SlotMS; slot <= p.through {
					p.drop(slot, l.terms.Policy.SlotMS)
				}
			}
		}
	}
}

func (s *scores) isEarly(by *oracleSet) bool {
	return by.without(&s.guilty) >= s.l.f()+1
}

// early is how many attestations of an oracle were early.
func (s *scores) early(oracle int) int { return s.earlyN[oracle] }

// recount counts early ones again, where who is convicted has changed.
func (s *scores) recount() {
	clear(s.earlyN)
	for key, by := range s.ahead {
		o := key.series % s.l.n
		switch {
		case s.guilty.has(o):
			delete(s.ahead, key)
		case s.isEarly(by):
			s.earlyN[o]++
		}
	}
}
