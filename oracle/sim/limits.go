package sim

// MaxFileBytes bounds a scenario file.
const MaxFileBytes = 4 << 20

// Bounds of a scenario. A file that breaks one is refused, with the place.
const (
	maxDepth      = 8  // of values within each other in a file
	maxOracles    = 64 // of the committee
	maxRelays     = 8  // that forward, and as many that withhold
	maxPairs      = 16
	maxEvents     = 1024   // those included that Do adds
	maxSlots      = 86_400 // of one run
	maxDurationMS = 24 * 60 * 60 * 1000
	maxIntervalMS = 10 * 60 * 1000
	maxTimes      = 500 // attestations of a flood a slot and pair
	maxPPM        = 1_000_000_000
)

// Bounds of what is kept to be shown.
const (
	maxSeries   = 600 // slots of a chart
	maxFindings = 256
	maxTold     = 1 << 16 // findings of one run that are told
)

// maxSettleMS is how long the network may go on after the last slot, until all replicas are equal.
const maxSettleMS = 60_000
