package oracle

// Bounds of what others say. docs/limits.md lists them.
const (
	// MaxOracles bounds a committee.
	MaxOracles = 128
	// MaxPairs bounds the pairs of one room.
	MaxPairs = 64
	// MaxPairBytes bounds the name of a pair.
	MaxPairBytes = 32
	// MaxPrice bounds a price and a spread: 18 digits. So a price and a spread add up
	// within int64.
	MaxPrice = 999_999_999_999_999_999
	// MaxDigits bounds the digits of a price as text, leading zeros left out.
	MaxDigits = 18
	// MaxPriceTextBytes bounds a price as text.
	MaxPriceTextBytes = 64
	// MaxTimeMS bounds a claimed time, Unix ms: the year 10889.
	MaxTimeMS = 1<<48 - 1
	// MaxSources bounds the sources of one attestation.
	MaxSources = 16
	// MaxSourceNameBytes bounds the name of one source.
	MaxSourceNameBytes = 32
	// MaxVolumeBytes bounds a volume as text.
	MaxVolumeBytes = 64
	// MaxVoteK bounds the attestations that one vote is made of.
	MaxVoteK = 64

	// maxCommitments bounds the open commitments of one oracle and pair; the oldest gives way.
	maxCommitments = 4
	// maxFindingChanges bounds the changes that a finding names.
	maxFindingChanges = 8
	// maxFindingSlots bounds the judged slots of a pair, the newest, that findings are told of.
	maxFindingSlots = 600
	// maxDirtySlots bounds the old slots to judge again that are remembered; when there are as
	// many, they are judged at once.
	maxDirtySlots = 4096
)
