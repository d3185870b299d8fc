package ledger

import (
	"errors"
	"fmt"
)

// A Reason is the short, stable code of why an entry is invalid or a line cannot
// be read: what a program compares. It is an error, so [errors.Is] finds it.
type Reason string

// Why an entry is invalid.
const (
	ReasonMalformed    Reason = "malformed"     // no map of deterministic CBOR in the order of the format
	ReasonUnknownField Reason = "unknown-field" // a field that this version of the rules does not know
	ReasonMissingField Reason = "missing-field" // no postings or no scale
	ReasonType         Reason = "wrong-type"    // a field of another type
	ReasonPostings     Reason = "postings"      // fewer than MinPostings or more than MaxPostings
	ReasonLabel        Reason = "label"         // see the rule for labels
	ReasonKey          Reason = "key"           // neither null nor 32 bytes
	ReasonAmount       Reason = "amount"        // zero, or of more than MaxDigits
	ReasonPartyTwice   Reason = "party-twice"   // a party that an earlier posting has
	ReasonSum          Reason = "sum"           // not zero
	ReasonScale        Reason = "scale"         // not in 0 … MaxScale
	ReasonUnit         Reason = "unit"          // not [A-Z][A-Z0-9]{1,7}
	ReasonMemo         Reason = "memo"          // too long, of several lines, or empty instead of absent
	ReasonReplaces     Reason = "replaces"      // not in the form of a name, or of nothing older
)

// Why a line cannot be read, besides those of an entry ([ReasonLabel],
// [ReasonAmount], [ReasonMemo]).
const (
	ReasonEmpty    Reason = "empty"       // nothing is typed
	ReasonTooLong  Reason = "too-long"    // more than MaxLineBytes
	ReasonNoFrom   Reason = "no-from"     // an arrow without a name before it
	ReasonSelf     Reason = "self"        // giver and receiver are one
	ReasonBill     Reason = "shared-bill" // whose shares do not come to what was paid
	ReasonComma    Reason = "comma"       // in an amount
	ReasonZero     Reason = "zero"        // as an amount
	ReasonNegative Reason = "negative"    // amount
	ReasonExponent Reason = "exponent"    // in an amount
	ReasonDigits   Reason = "digits"      // too many in an amount
	ReasonQuote    Reason = "quote"       // one that does not close
	ReasonControl  Reason = "control"     // a control, bidi or broken character
	ReasonCommand  Reason = "command"     // not known, or without what it needs
	ReasonTooMany  Reason = "too-many"    // lines in one paste
	ReasonFilter   Reason = "filter"      // no term of a filter
)

var meanings = map[Reason]string{
	ReasonMalformed:    "not encoded as the format asks for",
	ReasonUnknownField: "a field that these rules do not know",
	ReasonMissingField: "postings or scale are missing",
	ReasonType:         "a field is of the wrong type",
	ReasonPostings:     fmt.Sprintf("has not %d to %d postings", MinPostings, MaxPostings),
	ReasonLabel:        fmt.Sprintf("label is not 1 to %d bytes of plain, normalised text", MaxLabelBytes),
	ReasonKey:          "key is not 32 bytes",
	ReasonAmount:       fmt.Sprintf("amount is zero or has more than %d digits", MaxDigits),
	ReasonPartyTwice:   "the same party stands twice",
	ReasonSum:          "amounts do not add up to zero",
	ReasonScale:        fmt.Sprintf("digits after the point are not 0 to %d", MaxScale),
	ReasonUnit:         "unit is not 2 to 8 capital letters and digits",
	ReasonMemo:         fmt.Sprintf("memo is not one line of at most %d bytes", MaxMemoBytes),
	ReasonReplaces:     "what it replaces is no older entry",
}

// Error is what the reason means, in words.
func (r Reason) Error() string {
	if m, ok := meanings[r]; ok {
		return m
	}
	return string(r)
}

// Code is the short code of an error of this package, "" of any other.
func Code(err error) string {
	if r, ok := errors.AsType[Reason](err); ok {
		return string(r)
	}
	return ""
}

// An InvalidError says which rule an entry breaks, and where.
type InvalidError struct {
	Reason  Reason
	Posting int // counted from 1; 0 if the rule is about the entry as a whole
}

func (e *InvalidError) Error() string {
	if e.Posting > 0 {
		return fmt.Sprintf("invalid entry: posting %d: %v", e.Posting, e.Reason)
	}
	return fmt.Sprintf("invalid entry: %v", e.Reason)
}

func (e *InvalidError) Unwrap() error { return e.Reason }

func invalid(r Reason) error { return &InvalidError{Reason: r} }

func invalidPosting(r Reason, i int) error { return &InvalidError{Reason: r, Posting: i + 1} }
