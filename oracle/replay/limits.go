package replay

// Limits of a recording, which is text from outside. A file that breaks one is refused
// with the place.
const (
	MaxRecordBytes = 4096    // of one row, quoted line ends included
	MaxColumns     = 64      // of a file
	MaxVenues      = 64      // of a file
	MaxVenueBytes  = 32      // the name of one: what an attestation's source may have
	MaxRows        = 1 << 20 // prices that a Recording holds
	MaxLagMS       = 3600_000
	maxTimeMS      = 253_402_300_799_999 // the year 9999
	maxQuotedBytes = 40                  // of a field, in an error
)
