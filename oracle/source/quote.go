package source

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Quote is one price that an answer tells. Its texts are the venue's: untrusted.
type Quote struct {
	// Symbol is the pair as the venue writes it, "" where the answer does not say.
	Symbol string
	// Assets are those that the answer names besides, sorted, without saying which is priced in which.
	Assets []string
	// Currency is what the price is in, where the answer says it by itself.
	Currency string

	Price    Decimal
	Bid, Ask Decimal // of the best; zero: not told. Bid ≤ Ask
	TimeMS   int64   // Unix ms, the venue's claim; 0: the answer tells none, its receipt counts
	Volume   string  // in whatever unit the venue counts; "" if it tells none

	// Parts are what the venue made its price of. They are shown, and are no votes.
	Parts []Part
}

// A Part is a component of a venue's own price.
type Part struct {
	Name  string
	Price Decimal
}

// book sets the price to the middle of the book.
func (q *Quote) book(n node) error {
	var err error
	if q.Price, err = Mid(q.Bid, q.Ask); err != nil {
		return n.fail(err)
	}
	return nil
}

// check refuses a crossed book.
func (q *Quote) check(n node) error {
	if !q.Bid.IsZero() && !q.Ask.IsZero() && q.Bid.Cmp(q.Ask) > 0 {
		return n.fail(fmt.Errorf("%w: bid %v, ask %v", ErrCrossed, q.Bid, q.Ask))
	}
	return nil
}

// At is when the price was, Unix ms, of an answer that came at now: what the venue claims, but never later than now. An error
// if its clock is more than [MaxAhead] ahead ([ErrSourceAhead]), or the price at least maxAge old ([ErrSourceStale]).
func (q *Quote) At(now time.Time, maxAge time.Duration) (int64, error) {
	ms := now.UnixMilli()
	if q.TimeMS == 0 {
		return ms, nil
	}
	switch d := time.Duration(ms-q.TimeMS) * time.Millisecond; { // TimeMS has 15 digits at most
	case d < -MaxAhead:
		return 0, fmt.Errorf("%w: by %v, at most %v", ErrSourceAhead, -d, MaxAhead)
	case d >= maxAge:
		return 0, fmt.Errorf("%w: %v, less than %v wanted", ErrSourceStale, d, maxAge)
	}
	return min(q.TimeMS, ms), nil
}

// Pick returns the quote of pair, as BTC/USD, among those of an answer of v. One that does not name its pair is taken at
// the word of whoever configured its URL, as far as it names an asset or a currency. [ErrNoPair] if there is none.
func (v *Venue) Pick(quotes []Quote, pair string) (Quote, error) {
	base, currency, ok := strings.Cut(pair, "/")
	if !ok {
		return Quote{}, &ParseError{Venue: v.Name, Err: fmt.Errorf("%w: %s is no pair", ErrNoPair, cut(pair))}
	}
	for _, q := range quotes {
		if q.Symbol != "" && v.means(q.Symbol, base, currency) {
			return q, nil
		}
	}
	if len(quotes) == 1 && quotes[0].Symbol == "" {
		q := quotes[0]
		for _, a := range q.Assets {
			if a != base && a != currency {
				return Quote{}, v.other(pair, a)
			}
		}
		if q.Currency != "" && q.Currency != currency {
			return Quote{}, v.other(pair, q.Currency)
		}
		return q, nil
	}
	return Quote{}, v.other(pair, quotes[0].Symbol)
}

func (v *Venue) other(pair, got string) error {
	return &ParseError{Venue: v.Name, Err: fmt.Errorf("%w: it tells of %s, not of %s", ErrNoPair, cut(got), pair)}
}

// means says whether a symbol of v is the pair: its two assets under any of the names that v has for them, either parted by one
// of "/-_" or written together.
func (v *Venue) means(symbol, base, currency string) bool {
	bases, currencies := v.assets(base), v.assets(currency)
	if i := strings.IndexAny(symbol, "/-_"); i >= 0 {
		return slices.Contains(bases, symbol[:i]) && slices.Contains(currencies, symbol[i+1:])
	}
	for _, b := range bases {
		if rest, ok := strings.CutPrefix(symbol, b); ok && slices.Contains(currencies, rest) {
			return true
		}
	}
	return false
}

// assets are the names under which v knows an asset.
func (v *Venue) assets(asset string) []string {
	if v.names == nil {
		return []string{asset}
	}
	return v.names(asset)
}
