package source

import (
	"errors"
	"fmt"
)

// Reasons for which an answer is refused: all that [Venue.Parse] returns wraps one of these.
var (
	ErrTooLong    = errors.New("the answer is too long")
	ErrMalformed  = errors.New("the answer is not the document that is expected")
	ErrRefused    = errors.New("the venue refuses")      // an error document: a *[RefusedError]
	ErrMissing    = errors.New("a field is missing")     // or null
	ErrNumber     = errors.New("not a plain decimal")    // a currency's sign, an exponent, blanks, signs
	ErrDigits     = errors.New("too many digits")        // see [MaxDigits]
	ErrNotAPrice  = errors.New("a price is not above 0") //
	ErrCrossed    = errors.New("the book is crossed")    // bid above ask
	ErrOverLimit  = errors.New("more than is taken in")  // quotes, parts, depth, a long name
	ErrDuplicates = errors.New("a name stands twice")    // in one object, or one pair in one answer
)

// Reasons for which a good answer serves nothing.
var (
	ErrNoPair      = errors.New("the answer does not tell of the pair") // nor of its currency
	ErrSourceAhead = errors.New("the source's clock is ahead")          // by more than [MaxAhead]
	ErrSourceStale = errors.New("the source's price is old")            // at least the room's max_age
	ErrTooFew      = errors.New("too few sources")                      // fewer than min_sources
)

// Reasons for which there is no answer.
var (
	ErrHTTP   = errors.New("no answer")                           // connection, timeout, status
	ErrPaused = errors.New("not asked: it failed too many times") // the breaker is open
	ErrConfig = errors.New("bad source")                          // name, URL or venue
)

// codes are the short, stable words of the reasons, the one place.
var codes = []struct {
	err  error
	code string
}{
	{ErrTooLong, "too-long"}, {ErrMalformed, "malformed"}, {ErrRefused, "refused"}, {ErrMissing, "missing"}, {ErrNumber, "number"},
	{ErrDigits, "digits"}, {ErrNotAPrice, "not-a-price"}, {ErrCrossed, "crossed"}, {ErrOverLimit, "over-limit"},
	{ErrDuplicates, "duplicates"}, {ErrNoPair, "no-pair"}, {ErrSourceAhead, "ahead"}, {ErrSourceStale, "stale"}, {ErrTooFew, "too-few"},
	{ErrHTTP, "no-answer"}, {ErrPaused, "paused"}, {ErrConfig, "bad-source"},
}

// Code is the short, stable word for the reason of an error of this package, "" if it has none.
func Code(err error) string {
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	return ""
}

// ParseError says where in an answer a rule is broken.
type ParseError struct {
	Venue string
	Path  string // as in result.XXBTZUSD.a[0]; untrusted: names in it are the venue's
	Err   error
}

func (e *ParseError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%s: %v", e.Venue, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", e.Venue, e.Path, e.Err)
}

func (e *ParseError) Unwrap() error { return e.Err }

// RefusedError is what a venue's error document says. It wraps [ErrRefused].
type RefusedError struct {
	Code string // as the venue writes it; "" if it has none
	Text string // untrusted, at most MaxTextBytes
}

func (e *RefusedError) Error() string {
	switch {
	case e.Code == "":
		return fmt.Sprintf("%v: %s", ErrRefused, e.Text)
	case e.Text == "":
		return fmt.Sprintf("%v: %s", ErrRefused, e.Code)
	default:
		return fmt.Sprintf("%v: %s: %s", ErrRefused, e.Code, e.Text)
	}
}

func (e *RefusedError) Unwrap() error { return ErrRefused }
