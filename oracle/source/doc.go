// Package source reads what venues answer about prices: exactly, strictly, and
// with bounds.
//
// A [Venue] knows the documents of one venue: [Venue.Parse] is a pure function from
// the bytes of an answer to [Quote]s. Nothing in it is a float: a price is an exact
// [Decimal]. An answer that breaks a rule (an error document, a number with a sign of
// a currency, a crossed book, a price in exponent form) is refused as a whole with
// one typed error: a source that says such a thing once is not to be believed in part.
//
// A [Fetcher] asks over HTTP: it bounds time, bytes, rate and patience, and reads no
// clock but the one that it is given. [Own] makes an oracle's own price of what its
// sources said: their median. Volumes are what a venue claims of itself, so they
// weigh nothing.
package source
