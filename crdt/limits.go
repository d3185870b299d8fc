package crdt

import "time"

// Limits of the format. Breaking one of the envelope's refuses the pack;
// breaking one of the ops' makes the ops of that change void as a whole
// (docs/protocol.md §3, §5). They belong to charter version 1: every
// implementation has the same.
const (
	MaxPayloadBytes  = 64 << 10 // of one change
	MaxLinks         = 1024     // of one change
	MaxOps           = 4096     // of one change
	MaxDepth         = 32       // arrays and maps within each other in ops, the array of ops being the first
	MaxReplaces      = 256      // values that one set or unset names
	MaxDeleteRange   = 64 << 10 // elements that the deletes of one change name
	MaxPackBytes     = 1 << 20
	MaxPackRuns      = 256
	MaxPackChanges   = 4096
	MaxCharterBytes  = 64 << 10
	MaxRoomNameBytes = 64
	MaxWriters       = 1024
)

// Limits of what this implementation does within the format.
const (
	// MaxOwnLinks is how many heads an author links: the newest, by arrival.
	// What the ops refer to is linked besides.
	MaxOwnLinks = 64
	// MaxMissing is how many missing parents an [Outcome] names.
	MaxMissing = 256

	// The pending buffer counts the bytes of the packs' frames and, besides,
	// pendingChangeBytes for each change, about what it takes in memory; and no pack
	// for less than MaxPendingBytes/MaxPendingPacks.
	MaxPendingBytes     = 32 << 20
	MaxPendingPeerBytes = 8 << 20
	MaxPendingPacks     = 4096
	pendingChangeBytes  = 128
	// PendingExpiry is how long a pack waits for its parents.
	PendingExpiry = 30 * time.Second

	// MaxHistory is how many changes a [History] remembers, and maxHistoryCopies how
	// many things it knows to have been put back.
	MaxHistory       = 1000
	maxHistoryCopies = 1 << 17

	// maxRefusedIDs bounds the memory of changes refused for their own bytes.
	maxRefusedIDs = 4096
)

// Limits of a room file (docs/protocol.md §9), checked before what they bound is
// allocated.
const (
	MaxFileSegmentPacks = 16       // of one segment: so at most 65,536 changes and 16 MiB of packs
	MaxFileColumnBytes  = 24 << 20 // of one segment, uncompressed
)

// Limits of a snapshot: of what it holds uncompressed, and of its nesting: literals
// within objects.
const (
	MaxSnapshotBytes = 64 << 20
	maxSnapshotDepth = 2*MaxDepth + 2
)

// Domain-separation labels: what is hashed or signed begins with one.
const (
	labelRoom     = "tallystick room v1\x00"
	labelChain    = "tallystick chain v1\x00"
	labelChange   = "tallystick change v1"
	labelSig      = "tallystick sig v1\x00"
	labelLog      = "tallystick log v1\x00"
	labelDoc      = "tallystick doc v1\x00"
	labelEvidence = "tallystick evidence v1"
)
