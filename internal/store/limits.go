package store

import "math"

const (
	// MaxFrameBytes bounds a frame: 1 MiB and room for a header.
	MaxFrameBytes = 1<<20 + 1<<10
	// MaxCharterBytes bounds a charter.
	MaxCharterBytes = 64 << 10

	// Version is the format that this package writes and the only one it reads.
	Version = 1

	// MaxDamaged bounds how many damaged files a salvage leaves beside a store. Each is as large as the store was.
	MaxDamaged = 9

	// NoRecord as DamageError.Record: the place is outside the records.
	NoRecord = math.MaxUint64
)

const (
	pageSize = 4096 // fixed, not the machine's: the file may move to another
	minPages = 4    // bbolt's smallest file: two metas, a freelist, a leaf

	// maxSpanBytes bounds one page with its overflow. bbolt leaves up to four entries in one, whatever their size
	// (node.splitTwo), and a split may leave two more behind.
	maxSpanBytes = 6*(MaxFrameBytes+64) + pageSize
	maxDepth     = 24      // of the tree; a branch page holds over 100 children
	keepBuffer   = 1 << 20 // a larger buffer is not kept between transactions

	// A salvage writes so many records, or so many bytes of them, in a transaction; and names so many stretches of lost ones.
	salvageBatch      = 1024
	salvageBatchBytes = 16 << 20
	maxLostRanges     = 16

	maxJournalBytes = 2 << 20 // the file of a journal, whatever is in it; and what waits in memory at most
	journalAfter    = 8       // appends to a store before its journal is made: who writes seldom has none
)
