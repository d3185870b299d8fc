package oracle

import (
	"cmp"
	"slices"

	"github.com/tallystick/tallystick/crdt"
)

// A Log is what the changes of a room say about prices. All that it answers follows
// from the set of changes, never from the order in which they came. One goroutine.
//
// It keeps 24 bytes for each attestation that counts, and about 100 and N for each
// change.
type Log struct {
	terms  Terms
	n      int // oracles of the committee
	pairs  *pairTable
	number map[crdt.Author]int16 // of the committee

	taken int // changes of the replica taken in by Update

	nodes  []*[nodeSlab]node
	count  int32
	index  idIndex
	recent [recentIDs]int32 // by bits of the id: 1 + a change that was added lately

	heads      []int32 // in no order
	headDigest [32]byte
	digested   bool // headDigest is that of heads, or was set

	chains []chain
	series []series // by pair and oracle: pair·n + oracle
	voidIn [][]int64
	forked int // chains that did
	convicted,
	outside int // literals of others

	clocks              clocks
	workA, workB, workC clock
	zero                clock
	clockNumbers        uint64
	told                toldClock
	merged              uint64  // the number of the clock that was taken in last, of the change that is being added
	times               []int64 // to work in

	newest []int64 // by oracle: the greatest t, or noTime
	ranked []int64 // newest, ascending

	voids  map[int32][]voidOp  // by change
	orphan map[orphanKey]int32 // 1 + the first of a part of a chain whose start is not here
	scores *scores

	votes  [MaxVoteK]int64 // to work in
	t      tally
	buffer []byte
	rec    record
	linked []int32 // parents, by number, of the change that is being added
	links  []crdt.ChangeID
	body   []crdt.Literal
}

const (
	nodeSlab   = 256
	recentIDs  = 4096
	keptClocks = 4
	wholeClock = 1<<64 - 1 // for the number of a base: there is none
	none       = int32(-1)
)

// A node is one change.
type node struct {
	id     crdt.ChangeID
	clock  uint64 // where it lies
	seen   int64  // log time of its ancestors
	prev   int32  // on the chain, or none
	seq    uint32
	place  uint32 // in its chain
	oracle int16  // number, or −1
	body   uint16 // literals
	depth  uint8  // changes since the clock that stands whole
	child  int32  // 1 + the chain child that came first
	head   int32  // 1 + where it stands in heads
}

// A chain is the changes of one oracle of the committee, in the order in which they
// came: of seq, unless it forked.
type chain struct {
	nodes  []int32
	maxT   []int64               // by place: the greatest t there or before it on the branch, or noTime
	tip    int32                 // the change that came last, or none
	clocks [keptClocks]keptClock // by place: those of the newest changes, which others link

	first     int32 // 1 + the change without prev that came first
	forked    bool  // seen here
	convicted bool  // forked, or evidence of it was given

	pairs []pairState
	// voidIn are the slots, ascending, that something void is counted in which names no
	// pair of the room.
	voidIn []int64

	changes, sent, committed, accepted, late int // sent: without what is committed
	void                                     Voids
	flags                                    uint64
}

// A keptClock is the clock of a change, whole.
type keptClock struct {
	node   int32
	number uint64 // of two with one number the clocks are equal; 0: not known
	clock  clock
}

// A toldClock is what was found of the clock of the change that was added last: those
// who speak at one time have heard the same, and it need not be found again.
type toldClock struct {
	keptClock
	at   uint64 // where it lies
	base uint64 // the number of that to which it lies as difference, 0: not known
	seen int64  // log time
}

// clockOf is the clock of the change at that place if it is kept, or nil. It is read
// only.
func (ch *chain) clockOf(n int32, place uint32) *keptClock {
	if k := &ch.clocks[place%keptClocks]; k.node == n {
		return k
	}
	return nil
}

// A pairState is what the chain of an oracle that never forked says of a pair so far.
type pairState struct {
	bar       int64 // the greatest t; −1: none
	slot      int64 // of bar
	inSlot    int   // attestations in it
	committed int64 // the greatest slot committed to; −1: none
	open      []openCommitment
}

type openCommitment struct {
	slot int64
	node int32
	hash [32]byte
}

type voidOp struct {
	at     uint16 // in the change's literals
	reason Reason
}

// An orphanKey is what a change says that it follows, where that is not in the Log.
type orphanKey struct {
	oracle int16
	prev   crdt.ChangeID
}

// A Change is one accepted change as a Log takes it in.
type Change struct {
	ID     crdt.ChangeID
	Author crdt.Author
	Prev   crdt.ChangeID // zero: the first of its chain
	Links  []crdt.ChangeID
	Seq    uint64         // of a change whose Prev is not in the Log; else it is derived
	Body   []crdt.Literal // of its appends to the feed, in order
	Broken bool           // its ops do not decode: void as a whole
}

// NewLog is the Log of an empty room. Do not change t after.
func NewLog(t Terms) *Log {
	n := len(t.Oracles)
	l := &Log{
		terms: t, n: n, pairs: newPairTable(&t), number: make(map[crdt.Author]int16, n),
		index:  newIDIndex(),
		chains: make([]chain, n), series: make([]series, n*len(t.Pairs)), voidIn: make([][]int64, n*len(t.Pairs)),
		workA: make(clock, n), workB: make(clock, n), workC: make(clock, n), zero: make(clock, n), newest: make([]int64, n), ranked: make([]int64, n),
		voids: make(map[int32][]voidOp),
	}
	for i, a := range t.Oracles {
		l.number[a] = int16(i)
		l.newest[i], l.ranked[i] = noTime, noTime
		ch := &l.chains[i]
		ch.tip, ch.pairs = none, make([]pairState, len(t.Pairs))
		for k := range ch.clocks {
			ch.clocks[k] = keptClock{none, 0, make(clock, n)}
		}
		for p := range ch.pairs {
			ch.pairs[p] = pairState{bar: -1, slot: -1, committed: -1}
		}
	}
	l.told.clock = make(clock, n)
	l.scores = newScores(l)
	return l
}

// Terms are those of the room.
func (l *Log) Terms() Terms { return l.terms }

// Changes is how many were taken in.
func (l *Log) Changes() int { return int(l.count) }

func (l *Log) node(n int32) *node { return &l.nodes[uint32(n)/nodeSlab][uint32(n)%nodeSlab] }

// Update takes in what v holds beyond what was taken in before, and reports whether
// that was anything. v is always a View of the same replica. O(what is new).
func (l *Log) Update(v *crdt.View) (changed bool) {
	n := v.Changes()
	for ; l.taken < n; l.taken++ {
		c := v.ChangeAt(l.taken)
		l.links, l.body = l.links[:0], l.body[:0]
		for k := range c.Links.Len() {
			l.links = append(l.links, c.Links.At(k))
		}
		for _, row := range v.RowsOf(l.taken) {
			l.body = append(l.body, row.Literal)
		}
		broken := false
		if len(l.body) == 0 {
			if p, err := crdt.ReadPayload(c.Payload, l.terms.Room, c.Prev); err == nil {
				broken = p.Void
			}
		}
		l.Add(Change{ID: c.ID, Author: c.Author, Prev: c.Prev, Links: l.links, Seq: c.Seq, Body: l.body, Broken: broken})
		changed = true
	}
	return changed
}

// Add takes in one change, parents first; one that is there already it leaves. It keeps
// nothing of c. O(N + parents not told by other parents · N) for a committee of N, and
// O(log n) for each attestation.
//
// A parent that is not in the Log counts for nothing: of part of a room, as a proof
// holds it, the Log says what that part says.
func (l *Log) Add(c Change) {
	if !l.grow(&c.ID) {
		return
	}
	o := int16(-1)
	if k, ok := l.number[c.Author]; ok {
		o = k
	}
	prev := none
	if c.Prev != (crdt.ChangeID{}) {
		if p, ok := l.find(&c.Prev); ok && p < l.count {
			prev = p
		}
	}
	n := l.count
	nd := l.node(n)
	*nd = node{id: c.ID, prev: prev, seq: uint32(max(1, c.Seq)), oracle: o, body: uint16(min(len(c.Body), 1<<16-1))}

	// What its ancestors say.
	base, next := l.workC, l.workA // of prev, of this
	baseNumber := uint64(0)
	if prev == none {
		clear(base)
		clear(next)
	} else {
		p := l.node(prev)
		nd.seq = p.seq + 1
		nd.depth = (p.depth + 1) % keyEvery
		base = nil
		if p.oracle >= 0 {
			if kept := l.chains[p.oracle].clockOf(prev, p.place); kept != nil {
				base, baseNumber = kept.clock, kept.number
			}
		}
		if base == nil {
			base = l.workC
			l.clockOf(prev, base)
		}
		copy(next, base)
		if p.oracle >= 0 {
			next[p.oracle] = l.newer(int(p.oracle), next[p.oracle], p.place+1)
		}
		l.unhead(p)
	}
	l.merged = baseNumber
	l.linked = l.linked[:0]
	for i := range c.Links {
		if p, ok := l.find(&c.Links[i]); ok && p < n {
			l.linked = append(l.linked, p)
			l.unhead(l.node(p))
		}
	}
	if len(l.linked) > l.n { // more than there are chains: the newest of each has the rest among its ancestors
		slices.SortFunc(l.linked, func(a, b int32) int { return cmp.Compare(b, a) })
	}
	for _, p := range l.linked {
		l.mergeNode(next, p)
	}
	if o < 0 || l.chains[o].forked {
		// A thousand of them can be linked at once, and none covers another: each is read in one step.
		nd.depth = 0
	}
	l.tell(nd, next, base, baseNumber)
	l.enter(n, nd)

	if o < 0 {
		k := len(c.Body)
		if c.Broken {
			k++
		}
		if l.outside += k; k > 0 {
			l.scores.void(-1, -1, -1, VoidNonMember, &nd.id, k)
		}
		return
	}
	ch := &l.chains[o]
	l.chain(int(o), n, nd, &c)
	l.read(int(o), n, nd, &c)
	l.scores.added(int(o), n, base, next)
	ch.tip = n
	k := &ch.clocks[nd.place%keptClocks]
	k.node, k.number, k.clock, l.workA = n, l.told.number, next, k.clock
}

// tell notes the clock of a change, as the difference to base, and its log time.
func (l *Log) tell(nd *node, c, base clock, baseNumber uint64) {
	if nd.depth == 0 {
		base, baseNumber = l.zero, wholeClock
	}
	told := &l.told
	if told.number == 0 || !same(told.clock, c) {
		l.clockNumbers++
		told.number, told.base, told.seen = l.clockNumbers, 0, l.timeOf(c)
		copy(told.clock, c)
	}
	if baseNumber == 0 || told.base != baseNumber {
		told.at, told.base = l.clocks.add(c, base), baseNumber
	}
	nd.clock, nd.seen = told.at, told.seen
}

// grow makes room for the change of that id, as number count, unless it is there.
func (l *Log) grow(id *crdt.ChangeID) bool {
	if l.count%nodeSlab == 0 && int(l.count/nodeSlab) == len(l.nodes) {
		l.nodes = append(l.nodes, new([nodeSlab]node))
	}
	l.node(l.count).id = *id
	return l.index.add(id, l.count, func(n int32) *crdt.ChangeID { return &l.node(n).id })
}

// enter makes the change known to those that come after.
func (l *Log) enter(n int32, nd *node) {
	l.count++
	l.recent[recentOf(&nd.id)] = n + 1
	l.heads = append(l.heads, n)
	l.node(n).head = int32(len(l.heads))
	l.digested = false
}

func (l *Log) unhead(nd *node) {
	if nd.head == 0 {
		return
	}
	last := len(l.heads) - 1
	l.heads[nd.head-1] = l.heads[last]
	l.node(l.heads[last]).head = nd.head
	l.heads = l.heads[:last]
	nd.head = 0
}

func recentOf(id *crdt.ChangeID) int { return (int(id[0]) | int(id[1])<<8) % recentIDs }

// find is the number of a change.
func (l *Log) find(id *crdt.ChangeID) (int32, bool) {
	if n := l.recent[recentOf(id)] - 1; n >= 0 && l.node(n).id == *id {
		return n, true
	}
	return l.index.find(id, func(n int32) *crdt.ChangeID { return &l.node(n).id })
}

// chain puts the change into its author's chain, and finds out if that forks there.
func (l *Log) chain(o int, n int32, nd *node, c *Change) {
	ch := &l.chains[o]
	ch.changes++
	first := int32(0) // of those that follow the same, 1 + its number
	switch {
	case nd.prev != none:
		if p := l.node(nd.prev); p.child == 0 {
			p.child = n + 1
		} else {
			first = p.child
		}
	case c.Prev == (crdt.ChangeID{}):
		if ch.first == 0 {
			ch.first = n + 1
		} else {
			first = ch.first
		}
	default:
		key := orphanKey{int16(o), c.Prev}
		if l.orphan == nil {
			l.orphan = make(map[orphanKey]int32)
		}
		if first = l.orphan[key]; first == 0 {
			l.orphan[key] = n + 1
		}
	}
	nd.place = uint32(len(ch.nodes))
	ch.nodes = append(ch.nodes, n)
	if first == 0 {
		return
	}
	if !ch.forked {
		ch.forked = true
		l.forked++
		l.convict(o)
	}
	l.scores.forked(o, c.Prev, l.node(first-1).id, nd.id)
}

// Convict takes the word of evidence that its author is two-faced. Update and Add find
// every fork of the changes that they take in by themselves. Others than oracles of the
// committee it leaves alone. Before or after Add, it comes to the same.
func (l *Log) Convict(f crdt.Fork) {
	if o, ok := l.number[f.Author]; ok {
		l.convict(int(o))
		l.scores.forked(int(o), f.Prev, f.A, f.B)
	}
}

// convict drops all that an oracle said but for log time, which must not go back. What
// stays must be the same whichever branch came first: counts of what bytes tell.
func (l *Log) convict(o int) {
	ch := &l.chains[o]
	if ch.convicted {
		return
	}
	ch.convicted = true
	l.convicted++
	ch.accepted, ch.late, ch.pairs, ch.voidIn = 0, 0, nil, nil
	for r := range ch.void {
		if !Reason(r).ofBytes() {
			ch.void[r] = 0
		}
	}
	for _, n := range ch.nodes {
		if ops, ok := l.voids[n]; ok {
			l.voids[n] = slices.DeleteFunc(ops, func(v voidOp) bool { return !v.reason.ofBytes() })
		}
	}
	for p := range l.terms.Pairs {
		l.series[p*l.n+o] = series{}
		l.voidIn[p*l.n+o] = nil
	}
	l.scores.convict(o)
}
