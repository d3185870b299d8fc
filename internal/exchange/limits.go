package exchange

// Limits of a file that is read. Nothing of a file that is larger is used.
const (
	MaxBytes       = 32 << 20
	MaxRows        = 100_000
	MaxRecordBytes = 32 << 10 // one line of JSON; one record of CSV, with the lines within its quotes
	MaxColumns     = 256
)
