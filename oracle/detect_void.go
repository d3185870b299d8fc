package oracle

import (
	"bytes"
	"slices"

	"github.com/tallystick/tallystick/crdt"
)

// A voidKey is what void literals are counted by: of others than the committee by
// reason alone, as anybody can make any number of authors.
type voidKey struct {
	oracle int16
	pair   int16 // −1, but for VoidFlood
	reason Reason
}

type voidTally struct {
	count    int
	from, to int64 // slots; −1: none known
	changes  []crdt.ChangeID
}

// void counts literals without effect, each once. slot −1: none is known.
func (s *scores) void(oracle, pair int, slot int64, reason Reason, id *crdt.ChangeID, count int) {
	s.version++
	if reason != VoidFlood {
		pair = -1
	}
	key := voidKey{int16(oracle), int16(pair), reason}
	v := s.voids[key]
	if v == nil {
		v = &voidTally{from: slot, to: slot}
		s.voids[key] = v
	}
	v.count += count
	if slot >= 0 && (v.from < 0 || slot < v.from) {
		v.from = slot
	}
	v.to = max(v.to, slot)
	if n := len(v.changes); n > 0 && v.changes[n-1] == *id {
		return
	}
	if oracle >= 0 { // in the order of the chain
		if len(v.changes) == maxFindingChanges {
			v.changes = slices.Delete(v.changes, 0, 1)
		}
		v.changes = append(v.changes, *id)
		return
	}
	i, found := slices.BinarySearchFunc(v.changes, *id, compareIDs)
	if !found && i < maxFindingChanges {
		v.changes = slices.Insert(v.changes, i, *id)
		v.changes = v.changes[:min(len(v.changes), maxFindingChanges)]
	}
}

func (s *scores) voidFindings(list []Finding) []Finding {
	for key, v := range s.voids { // sorted after
		f := Finding{Kind: Void, Oracle: int(key.oracle), Other: -1, Reason: key.reason, From: max(v.from, 0), To: max(v.to, 0), Count: v.count, Changes: slices.Clone(v.changes)}
		if key.oracle >= 0 {
			f.Author = s.l.terms.Oracles[key.oracle]
		}
		if key.reason == VoidFlood {
			f.Kind, f.Reason, f.Pair = Flood, NotVoid, s.l.terms.Pairs[key.pair].Name
		}
		list = append(list, f)
	}
	return list
}

// A forkKey is where an oracle forked.
type forkKey struct {
	oracle int
	prev   crdt.ChangeID
}

// forked notes two changes of an oracle after prev. Of all that follow one change the two
// least ids are kept, and of all forks of an oracle the one with the least is told: so
// it does not matter which came first.
func (s *scores) forked(oracle int, prev, a, b crdt.ChangeID) {
	s.version++
	if s.branches == nil {
		s.branches, s.forks = make(map[forkKey][2]crdt.ChangeID), make(map[int][2]crdt.ChangeID)
	}
	key := forkKey{oracle, prev}
	ids := []crdt.ChangeID{a, b}
	if known, ok := s.branches[key]; ok {
		ids = append(ids, known[:]...)
	}
	slices.SortFunc(ids, compareIDs)
	if ids = slices.Compact(ids); len(ids) < 2 {
		return
	}
	s.branches[key] = [2]crdt.ChangeID(ids[:2])
	least, ok := s.forks[oracle]
	if c := compareIDs(ids[0], least[0]); !ok || c < 0 || c == 0 && compareIDs(ids[1], least[1]) < 0 {
		s.forks[oracle] = [2]crdt.ChangeID(ids[:2])
	}
}

func compareIDs(a, b crdt.ChangeID) int { return bytes.Compare(a[:], b[:]) }

func (s *scores) equivocations(list []Finding) []Finding {
	for o := range s.l.n {
		if !s.guilty.has(o) {
			continue
		}
		f := Finding{Kind: Equivocation, Oracle: o, Author: s.l.terms.Oracles[o], Other: -1, Count: 1, Now: true}
		if ids, ok := s.forks[o]; ok {
			f.Changes = ids[:]
			if t := s.ownTime(&ids); t >= 0 {
				f.From = t / s.l.terms.Policy.SlotMS
				f.To = f.From
			}
		}
		list = append(list, f)
	}
	return list
}

// ownTime is the lesser of the times that two changes of one chain stand at: −1 if one
// of them is not known, or stands at none.
func (s *scores) ownTime(ids *[2]crdt.ChangeID) int64 {
	least := int64(MaxTimeMS)
	for i := range ids {
		n, ok := s.l.find(&ids[i])
		if !ok {
			return -1
		}
		nd := s.l.node(n)
		t := s.l.chains[nd.oracle].maxT[nd.place]
		if t == noTime {
			return -1
		}
		least = min(least, t)
	}
	return least
}

// convict drops what hung on the one chain that there was.
func (d *detection) convict(oracle int) {
	for key := range d.voids {
		if int(key.oracle) == oracle {
			delete(d.voids, key)
		}
	}
	d.looked[oracle] = nil
}
