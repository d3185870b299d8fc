// Package store keeps the records of one room in one bbolt file. It knows
// nothing of what a record means: to it a frame is bytes with a number.
//
// # What holds
//
//   - Append, Replace and Adopt are one transaction each: all of it or nothing, durable on return.
//   - After any error of theirs the state on disk is unknown, and nothing more is written through that Store ([ErrFatal]).
//   - Open reads every byte that matters before bbolt sees the file, and says what is wrong by place ([*DamageError]).
//     It never repairs and never writes to a damaged file.
//   - One process at a time: the lock of the file is held from Create or Open to Close ([ErrLocked]).
//
// # The file
//
// A bbolt file (version 2, pages of 4096 bytes, no freelist on disk) with three buckets:
//
//	meta     format: 1 · room: 32 bytes · charter · file: device, inode (8 bytes each) when it was made
//	records  number (8 bytes, big endian, from 0 without a gap) → record
//	state    count: how many records there are (8 bytes, big endian)
//
//	record = CRC-32C(number ‖ length ‖ frame) ‖ length ‖ frame       4 + 4 + length bytes, big endian
//	others = CRC-32C(name ‖ 0x00 ‖ value) ‖ value
//
// bbolt has a checksum on its two meta pages and on nothing else; it follows
// what its pages say into other pages, out of the map, and into panics on
// goroutines of its own that nobody can recover. So check.go reads the tree by
// itself, with bounds, and only a file that passed is handed to bbolt. The
// number is in a record's CRC so that records cannot change places unseen; the
// count is there because a leaf that lost its last entries looks sound.
//
// # A crash
//
// bbolt writes the pages of a transaction to places that the last state does not
// use, syncs, then writes ONE of the two meta pages, and syncs again. A process
// killed at any moment leaves the state before or the state after. A power cut
// leaves the same as long as the disk writes the 80 bytes of a meta page's head,
// which lie in one sector, wholly or not at all (LMDB rests on the same).
//
// bbolt would step back to the older meta page if the newer one is broken, and
// the last transaction would be gone without a word, though it was acknowledged.
// So here a broken meta page is damage, also where a torn write was the cause:
// to step back is for a salvage, which marks its result as one.
//
// # A journal
//
// Two syncs are what one change alone waits for. Who appends often, a relay, does it through a [Journal]: a file of fixed length
// beside the store, written in order, one sync a batch. A batch has a CRC, so what a crash has left of the one that was being
// written is known for what it is; whoever opens the store next puts the others into it ([OpenJournal]). Who opens the store alone can ask what it lacks ([JournalWaits]). It rests on the
// same as bbolt does: that a sector is written wholly or not at all, since a batch may begin in the one in which the last ends.
// A journal that is damaged elsewhere costs the batches that are damaged, and stays beside it under another name; its newest
// batch, if that rots, cannot be told from one that was never acknowledged.
//
// # A salvage
//
// [OpenWreck] reads a damaged file byte by byte and finds every record whose bytes
// are intact, whatever has become of the pages that led to it ([Wreck.Each]).
// [Wreck.Rebuild] makes a new store of those that the caller wants and puts it in
// the place of the damaged file, which is never written to and stays beside it as
// NAME.damaged-1 to -9. The new store is [Store.Moved] until it is adopted.
//
// BUG: bits that go bad while the file is open are found when Records reads
// them, but a transaction that runs over them first may stop the process.
//
// BUG: the file of a store on a network file system whose locks are not honoured
// between machines can be opened twice.
package store
