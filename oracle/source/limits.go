package source

import "time"

// Bounds of what a venue can make us take in.
const (
	MaxBodyBytes   = 64 << 10 // one answer
	MaxDepth       = 8        // arrays and objects within each other
	MaxDigits      = 18       // of a price, zeros behind the point included
	MaxQuotes      = 256      // of one answer
	MaxParts       = 64       // components of one quote
	MaxSymbolBytes = 32       // the name of a pair, as the venue writes it
	MaxVolumeBytes = 64       // a volume stays text
	MaxTextBytes   = 256      // of an error document; more is cut
	MaxSources     = 64       // of one fetcher
	MaxNameBytes   = 32       // of a source
	MaxURLBytes    = 2048
)

// Patience of a [Fetcher].
const (
	MaxFetchTime    = 3 * time.Second        // one try, from the first byte sent to the last received
	RetryPause      = 250 * time.Millisecond // before the one retry, and up to as much again
	HostRate        = 10                     // requests a second to one host
	HostBurst       = 10                     // at once
	BreakerFailures = 5                      // in a row open the breaker
	BreakerPause    = 10 * time.Second       // the first time; doubled each time, up to
	MaxBreakerPause = 5 * time.Minute
	// MaxAhead is how far a venue's clock may be ahead of ours.
	MaxAhead = 2 * time.Second
)
