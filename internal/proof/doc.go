// Package proof reads and writes proof files: what convinces somebody who has no
// log and does not trust who gives it.
//
// A file is one container for every kind of proof (docs/protocol.md §10):
//
//	file = ["tallystick proof v1", kind, version, body]
//
// and each kind has a name, a version and a body of its own. [Check] checks a file
// of any kind and returns a [Statement]: what is proved, by which keys, in which
// room, and what is not proved. It needs no store, no key and no network.
//
// Kinds: [KindFork], two signed changes of one author after the same change;
// [KindPrice], the attestations that make a price of a room of oracles; [KindEntry],
// the signatures of the sides of an entry. Later ones add a row to the table kinds and
// a file to this package.
package proof
