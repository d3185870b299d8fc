package sim

// Bounds of a scenario. A file that breaks one is refused, with the place; what one field may be its tags say (see [Scenario]).
const (
	MaxFileBytes = 4 << 20   // a file
	maxDepth     = 8         // values within each other in a file
	maxOracles   = 64        // the committee
	maxEvents    = 1024      // those included that Do adds
	maxSlots     = 86_400    // of one run
	maxCopies    = 2_000_000 // attestations that all machines together hold at the end: about 500 bytes each
)

// Bounds of what a run keeps and does besides.
const (
	maxSeries    = 600     // slots of a chart
	maxFindings  = 256     // that a frame shows
	maxTold      = 1 << 16 // findings of one run that are told
	maxVerdicts  = 1 << 14 // heads of which it is remembered what was said there; then it is begun anew
	maxSights    = 128     // attestations of one other oracle that a liar remembers
	maxPerChange = 16      // attestations that an oracle puts into one change
	maxSettleMS  = 60_000  // how long the network may go on after the last slot, until all replicas are equal
)
