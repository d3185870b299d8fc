package source

import (
	"fmt"
	"slices"
	"time"

	"github.com/tallystick/tallystick/oracle"
)

// A Reading is what one source said of one pair, in that pair's unit.
type Reading struct {
	Name      string // of the source
	Price     int64
	Low, High int64 // bid and ask, or else both the price
	Rounded   bool  // the price has more decimals than the unit
	T         int64 // Unix ms: when it was, see [Quote.At]
	Volume    string
	Digest    [32]byte // of the answer; zero: there is none to be shown
	Parts     []oracle.Source
}

// Read makes a reading of an answer: what it tells of pair, no older than maxAge. Errors: [ErrNoPair], [ErrSourceAhead],
// [ErrSourceStale], or that of a price that the pair's unit does not hold ([oracle.ParsePrice]).
func Read(s Source, a Answer, pair oracle.Pair, maxAge time.Duration) (Reading, error) {
	q, err := s.Venue.Pick(a.Quotes, pair.Name)
	if err != nil {
		return Reading{}, err
	}
	r := Reading{Name: s.Name, Volume: plainVolume(q.Volume), Digest: a.Digest}
	if r.T, err = q.At(a.At, maxAge); err != nil {
		return Reading{}, &ParseError{Venue: s.Venue.Name, Err: err}
	}
	if r.Price, r.Rounded, err = oracle.ParsePrice(q.Price.String(), pair.Expo); err != nil {
		return Reading{}, &ParseError{Venue: s.Venue.Name, Err: err}
	}
	r.Low, r.High = r.Price, r.Price
	if !q.Bid.IsZero() {
		for _, x := range []struct {
			d  Decimal
			to *int64
		}{{q.Bid, &r.Low}, {q.Ask, &r.High}} {
			if *x.to, _, err = oracle.ParsePrice(x.d.String(), pair.Expo); err != nil {
				return Reading{}, &ParseError{Venue: s.Venue.Name, Err: err}
			}
		}
	}
	for _, p := range q.Parts {
		price, _, err := oracle.ParsePrice(p.Price.String(), pair.Expo)
		name := s.Name + "/" + p.Name
		if err != nil || len(name) > oracle.MaxSourceNameBytes {
			continue // it is no vote: shown where it can be
		}
		r.Parts = append(r.Parts, oracle.Source{Name: name, Price: price, T: r.T})
	}
	return r, nil
}

// plainVolume is a volume as an attestation may hold it, or nothing.
func plainVolume(s string) string {
	points := 0
	for i := range len(s) {
		switch {
		case s[i] == '.' && i > 0 && i < len(s)-1:
			points++
		case s[i] < '0' || s[i] > '9':
			return ""
		}
	}
	if points > 1 || len(s) > oracle.MaxVolumeBytes {
		return ""
	}
	return s
}

// Own is what an oracle says by itself of a pair: the median of its sources, each with one voice (the mean of the middle two, floor,
// where they are even), at the time of the newest of them. The spread claimed is half of what lies between the lowest bid and the
// highest ask, rounded up. Readings are listed as the attestation's sources, then their parts, as far as there is room.
// The error is [ErrTooFew] where there are fewer than least.
func Own(pair string, readings []Reading, least int) (oracle.Attestation, error) {
	if len(readings) < max(1, least) {
		return oracle.Attestation{}, fmt.Errorf("%w: %d, at least %d wanted", ErrTooFew, len(readings), max(1, least))
	}
	sorted := slices.Clone(readings)
	slices.SortStableFunc(sorted, func(a, b Reading) int {
		switch {
		case a.Price < b.Price:
			return -1
		case a.Price > b.Price:
			return 1
		}
		return 0
	})
	n := len(sorted)
	a, b := &sorted[(n-1)/2], &sorted[n/2]
	own := oracle.Attestation{Pair: pair, Price: a.Price + (b.Price-a.Price)/2}
	if a.Rounded || b.Rounded || (b.Price-a.Price)%2 != 0 {
		own.Flags |= oracle.FlagRounded
	}
	low, high := own.Price, own.Price
	for i := range readings {
		r := &readings[i]
		low, high = min(low, r.Low, r.Price), max(high, r.High, r.Price)
		own.T = max(own.T, r.T)
		if len(own.Src) < oracle.MaxSources {
			src := oracle.Source{Name: r.Name, Price: r.Price, T: r.T, Volume: r.Volume}
			if r.Digest != ([32]byte{}) {
				src.Digest = r.Digest[:]
			}
			own.Src = append(own.Src, src)
		}
	}
	own.Spread = (high-low)/2 + (high-low)%2
	for i := range readings {
		for _, p := range readings[i].Parts {
			if len(own.Src) < oracle.MaxSources {
				own.Src = append(own.Src, p)
			}
		}
	}
	return own, nil
}
