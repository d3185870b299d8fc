// Package crdt is the core of tallystick: a room's log of signed, hash-linked
// changes, and the document that they make.
//
// The words, in the order in which a caller meets them:
//
//   - A [Charter] says what a room is; its hash is the [RoomID].
//   - A change holds one or more ops that an [Author] made at once. It names the
//     author's previous change and the heads that the author had seen, so the
//     changes form a hash DAG, and one author's changes form a chain. Its id is
//     SHA-256(T ‖ prev ‖ SHA-256(payload)), where T holds room and author.
//   - A run is consecutive changes of one chain under one signature, that of the
//     last: every id commits to the one before it. A [Pack] is runs that travel
//     together. A [Checker] judges a pack by its bytes alone.
//   - A [Replica] takes checked packs. Each is accepted, pending (a parent is
//     missing) or refused, as a whole. An op of an accepted change takes effect
//     or is void; which of the two is a pure function of the change and its
//     ancestors. So replicas that accepted the same changes, in whatever order,
//     hold the same document and report the same digests.
//   - A [View] is an immutable picture of a replica for readers elsewhere.
//   - A [Fork] is evidence: two authentic changes of one author after the same
//     change. Both are kept; nobody is stopped by it.
//
// Nothing here does I/O or reads a clock. No call leaves a goroutine behind: a
// [Checker] shares its work out to all cores, and waits for it. A Replica is not
// safe for concurrent use; a Checker, a Pack once checked, and a View are.
// The wire format is in docs/protocol.md, its golden vectors in testdata.
package crdt
