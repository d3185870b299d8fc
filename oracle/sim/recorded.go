package sim

import (
	"fmt"
	"slices"

	"github.com/tallystick/tallystick/oracle/replay"
)

// A recording is what venues said of one pair, in the time of the run.
type recording struct {
	truth  Truth
	venues []string
	known  func(venue int, at int64) (price, t int64, ok bool) // the newest that was known at that moment of the recording
	column int                                                 // of the truth; −1: each oracle its venue
	reads  []int                                               // venues that somebody honest reads
	maxAge int64
}

// at is the moment of the recording that is ms of the run.
func (r *recording) at(ms int64) int64 { return r.truth.StartMS + ms*r.truth.Speed }

// back is that of the run: t may be before its beginning.
func (r *recording) back(t int64) int64 {
	ms := t - r.truth.StartMS
	if ms < 0 {
		return -((-ms + r.truth.Speed - 1) / r.truth.Speed)
	}
	return ms / r.truth.Speed
}

// venue is the number of the venue that an oracle reads.
func (r *recording) venue(name string) int {
	if r.column >= 0 {
		return r.column
	}
	return slices.Index(r.venues, name)
}

// quote is the newest price of a venue that is known at ms of the run, and when it was made.
func (r *recording) quote(venue string, ms int64) (price, t int64, ok bool) {
	v := r.venue(venue)
	if v < 0 {
		return 0, 0, false
	}
	price, t, ok = r.known(v, r.at(ms))
	return price, r.back(t), ok
}

// prices are the newest of all venues that somebody honest reads and that are not too old, ascending.
func (r *recording) prices(ms int64) (prices []int64) {
	for _, v := range r.reads {
		if price, t, ok := r.known(v, r.at(ms)); ok && r.back(t) > ms-r.maxAge {
			prices = append(prices, price)
		}
	}
	slices.Sort(prices)
	return prices
}

// middle is their lower median; 0: there are none.
func (r *recording) middle(ms int64) int64 {
	if p := r.prices(ms); len(p) > 0 {
		return p[(len(p)-1)/2]
	}
	return 0
}

// outside is how far a price is outside of them, in ppm of the nearest.
func (r *recording) outside(price, ms int64) int64 {
	p := r.prices(ms)
	switch {
	case len(p) == 0:
		return 0
	case price < p[0]:
		return gap(price, p[0])
	case price > p[len(p)-1]:
		return gap(price, p[len(p)-1])
	}
	return 0
}

// newRecordings opens the recordings of the pairs; nil for those that have a truth.
func (sc *Scenario) newRecordings() ([]*recording, error) {
	all := make([]*recording, len(sc.Pairs))
	for i, p := range sc.Pairs {
		if p.Truth.Kind != Replay {
			continue
		}
		r, err := openRecording(p)
		if err != nil {
			return nil, err
		}
		r.maxAge = sc.Policy.MaxAgeMS
		for _, g := range sc.Oracles {
			if v := r.venue(g.Venue); g.Byzantine == nil && v >= 0 && !slices.Contains(r.reads, v) {
				r.reads = append(r.reads, v)
			}
		}
		all[i] = r
	}
	return all, nil
}

// wrongReplay says what is wrong with a pair that is replayed.
func (sc *Scenario) wrongReplay(p Pair) string {
	r, err := openRecording(p)
	if err != nil {
		return err.Error()
	}
	for _, g := range sc.Oracles {
		if r.venue(g.Venue) < 0 && (g.Byzantine == nil || g.Byzantine.Kind != Silent) {
			return fmt.Sprintf("recording %s has no venue %q, which an oracle reads", p.Truth.Recording, g.Venue)
		}
	}
	return ""
}

// wrongVenue says what is wrong with the venue of an oracle besides.
func (sc *Scenario) wrongVenue(venue string) string {
	if venue != "" && !slices.ContainsFunc(sc.Pairs, func(p Pair) bool { return p.Truth.Kind == Replay }) {
		return "no pair is replayed"
	}
	return ""
}

// openRecording opens that of a pair.
func openRecording(p Pair) (*recording, error) {
	o := replay.Options{Expo: int(p.Expo)}
	if p.Truth.Column != "" {
		o.Venues = []string{p.Truth.Column}
	}
	rec, err := replay.Open(p.Truth.Recording, o)
	if err != nil {
		return nil, err
	}
	r := &recording{truth: p.Truth, venues: rec.Venues(), column: -1}
	if p.Truth.Column != "" {
		r.column = 0
	}
	r.known = func(venue int, at int64) (price, t int64, ok bool) {
		row, ok := rec.Known(venue, at)
		return row.Price, row.T, ok
	}
	return r, nil
}
