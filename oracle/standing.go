package oracle

import (
	"slices"

	"github.com/tallystick/tallystick/crdt"
)

// A Standing is what a Log says of one oracle.
type Standing struct {
	Oracle   int
	Author   crdt.Author
	Changes  int
	Sent     int   // literals appended, well-formed commitments left out
	Commits  int   // these, in a room with commit_reveal
	Accepted int   // attestations that count; 0 for who is convicted
	Void     Voids // by reason; of who is convicted only what bytes tell
	Early    int   // ahead of what others knew, see Findings
	Late     int   // behind what its own ancestors knew

	Newest int64  // the greatest t it has said, Unix ms
	Spoke  bool   // Newest is one
	Flags  uint64 // of all its attestations together

	Score     []int64 // ppm by pair
	Least     int64   // of them
	Convicted bool
}

// Oracles are the standings of the committee, in its order. O(N·pairs), and what is not
// yet scored.
func (l *Log) Oracles() []Standing {
	all := make([]Standing, l.n)
	for o := range all {
		ch := &l.chains[o]
		s := &all[o]
		*s = Standing{
			Oracle: o, Author: l.terms.Oracles[o], Changes: ch.changes, Sent: ch.sent, Commits: ch.committed, Accepted: ch.accepted, Void: ch.void,
			Early: l.scores.early(o), Late: ch.late, Flags: ch.flags, Convicted: ch.convicted,
		}
		if l.newest[o] != noTime {
			s.Newest, s.Spoke = l.newest[o], true
		}
		at, _ := l.Time()
		for p := range l.terms.Pairs {
			s.Score = append(s.Score, l.scores.at(p, o, at))
		}
		s.Least = slices.Min(s.Score)
	}
	return all
}

// Outside is how many literals others than the committee have appended: all void, for
// the reason VoidNonMember.
func (l *Log) Outside() int { return l.outside }

// An Inspection is what a Log knows of one change.
type Inspection struct {
	Oracle  int      // number in the committee, or −1
	Seq     uint64   // in its chain
	Seen    int64    // log time of its ancestors, Unix ms
	Spoken  bool     // Seen is one
	Reasons []Reason // of each literal that it appends, NotVoid or why; of who is convicted only what bytes tell
}

// Inspect tells what is known of a change. It is false if the Log has none of that id.
func (l *Log) Inspect(id crdt.ChangeID) (Inspection, bool) {
	n, ok := l.find(&id)
	if !ok {
		return Inspection{}, false
	}
	nd := l.node(n)
	in := Inspection{Oracle: int(nd.oracle), Seq: uint64(nd.seq), Reasons: make([]Reason, nd.body)}
	if nd.seen != noTime {
		in.Seen, in.Spoken = nd.seen, true
	}
	for _, v := range l.voids[n] {
		if int(v.at) < len(in.Reasons) {
			in.Reasons[v.at] = v.reason
		}
	}
	if nd.oracle < 0 {
		for i := range in.Reasons {
			in.Reasons[i] = VoidNonMember
		}
	}
	return in, true
}
