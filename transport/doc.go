// Package transport brings the changes of a room from one replica to others: the messages, a session as a pure state
// machine, connections over websockets, and the node, which owns replica, store and sessions.
//
// # Who owns what
//
// A [Core] is a room's node without goroutine and clock: intents and messages go in, messages and a [Snapshot] come out;
// a simulation runs many in one goroutine. A [Node] runs a Core on its one goroutine. A [Hub] has the connections of a
// program, each with a reader and a writer, and any number of rooms on each. The way of a change is one line:
//
//	Node.Submit → Core.Edit → sign → Store.Append → LastFile.Set → sessions → connection → the other's Inspector → Core.Receive → …
//
// Invariant: nothing leaves a node, in a message or in a Snapshot, before it is durable. All that is ready is taken in one
// turn, signed as one run, written in one transaction; then sessions see it. Under load turns grow by themselves.
//
// # A session
//
// Both sides are alike. A session goes through hello, comparison, streaming:
//
//   - Each says hello: the room, its charter (whose hash must be the room), and the fingerprint of its tips. The two
//     fingerprints open round 1 of the comparison. Before hello, nothing else is said or taken.
//   - A round finds out what the other side holds (see below). Nothing is sent before the first has ended.
//   - Then packs are sent in the order of the log, without what the other side holds; then what is accepted meanwhile.
//     At most [WindowMessages] messages or [WindowBytes] bytes are under way; stored gives credit, and names what is durable.
//   - Rounds are repeated: when all that was missing has been sent and credited, when it has been quiet for a second after
//     a change, and when pending packs were given up. A round that brings nothing new doubles the pause before the next,
//     up to five minutes. An idle connection whose last round was equal says nothing but websocket pings.
//
// # A round
//
// Both sides freeze the set of their tips when they open the round, and say its fingerprint. If the two are equal, the logs
// are. If one side has nothing, the round is over. Otherwise each says what it has in the root bucket:
//
//   - with at most [LeafTips] tips there, their names (tips, form 2), each with the ids 1, 2, 4, … before it on its chain;
//   - with more, the fingerprints of the 256 buckets below it (form 1).
//
// When both have said fingerprints of a bucket, each of the 256 below is equal (then its tips are held by both), or differs,
// and both go on with it. Where one of the two is empty there, only the other says its tips. Whoever is told tips of a bucket
// by name answers with its own there, if it has not said them; of the root only those of authors that were named, since
// these are all that the other has; and it says which of the named tips it holds though they are not its own tips (form
// 3). A round ends when every bucket that differs is complete. What the other side has named, what lies in equal buckets,
// and all before these on their chains, it holds.
//
// So where nobody has forked, both know exactly what the other lacks, and no change is sent twice. Where an author has
// forked, the ids before a tip find a place at most twice as far back as the fork.
//
// # Whose fault
//
// An error that is the peer's fault ends the connection with an error message and its short code ([Code]); a dialled
// connection is tried again with back-off. A pack that is refused for its bytes is such a fault; one that waits for an
// ancestor is not: the ancestor is asked of the peer that sent it. A [RefuseError] ends one room's session alone.
package transport
