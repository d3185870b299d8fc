package transport

import (
	"math/rand/v2"

	"github.com/tallystick/tallystick/crdt"
)

// room is what all sessions of one node share and read: the log, its tips, and messages that are encoded once for all.
// It belongs to the node's goroutine.
//
// Invariant: whenever a session is called, every change of the replica is signed and durable, and tips holds exactly
// the replica's tips.
type room struct {
	id      crdt.RoomID
	charter []byte
	agent   string
	me      crdt.Author // zero: writes nothing
	replica *crdt.Replica
	limits  Limits
	rand    *rand.Rand
	meter   *Meter

	tips    *tipIndex
	durable int // replica.Len() as of the last commit
	frames  frameCache
	owners  ownerSource

	ever     indexSet // changes that some peer has said to hold; kept if me is set
	mine     int      // own changes in the log
	firstOwn int      // log index of the first of them
	lastOwn  int      // and of the newest
	wrote    bool     // own changes may have left this machine before
	unsent   int      // own changes that are not in ever
	// guardWaits says that nothing own is known to be lost, and writing waits for a round that shows it.
	guardWaits bool
	asked      int // frames asked of the cache, and those that were there: for tests and benchmarks
	reused     int
}

func newRoom(r *crdt.Replica, me crdt.Author, agent string, limits Limits, random *rand.Rand) *room {
	rm := &room{
		id: r.Room(), charter: r.Charter().Append(nil), agent: agent, me: me, replica: r, limits: limits, rand: random,
		tips: newTipIndex(r.Room()), meter: new(Meter),
	}
	rm.ever = newIndexSet(&rm.owners)
	rm.grown()
	return rm
}

// grown takes in what was made durable since it was last called.
func (rm *room) grown() {
	from, to := rm.durable, rm.replica.Len()
	for i := from; i < to; i++ {
		author := rm.replica.Author(i)
		if prev, ok := rm.replica.Prev(i); ok && prev < from {
			rm.tips.remove(hashTip(author, rm.replica.ID(prev)))
		}
		if !rm.replica.Continued(i) {
			rm.tips.add(hashTip(author, rm.replica.ID(i)), i)
		}
		if author == rm.me {
			if rm.mine == 0 {
				rm.firstOwn = i
			}
			rm.lastOwn = i
			rm.mine++
			rm.unsent++
		}
	}
	rm.durable = to
	if rm.unsent > 0 {
		for i := from; i < to; i++ {
			rm.noteLinks(i)
		}
	}
}

// noteLinks takes in that another author names own changes: it holds them, whatever peers say, and did when this program
// last ran.
func (rm *room) noteLinks(i int) {
	if rm.replica.Author(i) == rm.me {
		return
	}
	rm.replica.Links(i, func(j int) bool {
		rm.noteSent(j)
		return true
	})
}

// noteSent takes in that somebody else holds change i and all before it on its chain, if it is an own one.
func (rm *room) noteSent(i int) {
	if rm.replica.Author(i) != rm.me {
		return
	}
	for ok := true; ok && rm.ever.add(i); i, ok = rm.replica.Prev(i) {
		rm.unsent--
	}
}

// addChain puts i and all before it on its chain into set, which holds with each change all before it.
func (rm *room) addChain(set *indexSet, i int) {
	for set.add(i) {
		prev, ok := rm.replica.Prev(i)
		if !ok {
			return
		}
		i = prev
	}
}

// addChains puts every change of from, and all before them, into set.
func (rm *room) addChains(set, from *indexSet) {
	for i := from.nextSet(0); i >= 0; i = from.nextSet(i + 1) {
		rm.addChain(set, i)
	}
}

// noteHeld takes in that some peer holds the changes of set.
func (rm *room) noteHeld(set *indexSet) {
	if rm.unsent == 0 {
		return
	}
	for i := rm.ever.nextClear(0); i < rm.durable; i = rm.ever.nextClear(i + 1) {
		if set.has(i) {
			rm.ever.add(i)
			if rm.replica.Author(i) == rm.me {
				rm.unsent--
			}
		}
	}
}
