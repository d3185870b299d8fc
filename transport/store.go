package transport

// Store keeps the packs of one room. A *store.Store of internal/store is one. A frame is a record as
// [crdt.Replica.RecordFrom] makes them: that of a pack, or old packs as one segment.
//
// The node calls it from one goroutine at a time. After any error of Append the state on disk is unknown: the node
// writes nothing more and Run returns the error.
type Store interface {
	// Records calls yield with every record in the order of Append. The frame is valid during the call only. It stops at
	// the first error and returns it.
	Records(yield func(n uint64, frame []byte) error) error
	// Append adds records in ONE transaction and returns the number of the first. They are durable on return.
	Append(frames [][]byte) (first uint64, err error)
}

// Adopter is a Store that can take its present place on disk for its own, once the guard of a copied store has ended. A
// *store.Store is one. An error means that the guard comes back at the next start, no more.
type Adopter interface{ Adopt() error }

// Merger is a Store whose newest records can be merged into fewer and smaller ones when it is opened: records are made as
// fast as people type, packs hold thousands of changes, and a segment of packs takes a fraction of their bytes. A *store.Store is one.
type Merger interface {
	// Replace puts frames in the place of the records from `from` to the end, in one transaction, durable on return.
	Replace(from uint64, frames [][]byte) error
}

// LastFile remembers, beside the key, the newest own change that may have left this machine. A *store.Last is one.
type LastFile interface {
	// ID returns the id that was set last, false if none ever was.
	ID() (id [32]byte, ok bool)
	// Set replaces the id; durable on return.
	Set(id [32]byte) error
}

// Doubtful is a LastFile that may have been damaged: then its ID may not be the newest, or be gone, and the store is treated
// as one that looks copied. A *store.Last is one. Set ends it.
type Doubtful interface{ Damaged() bool }
