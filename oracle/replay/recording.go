package replay

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
)

// A Recording is a whole file in memory, immutable.
type Recording struct {
	name    string
	form    Form
	expo    int
	venues  []string
	rows    []Row   // by Known, then by line
	known   [][]Row // by venue: what was news when it came, by Known; T ascends too
	traded  [][]Row // by venue: all, by T
	moments []int64 // the distinct End, ascending
	rounded int
}

// Read reads a file of at most [MaxRows] prices. The error is an *[Error], or of from.
func Read(name string, from io.Reader, o Options) (*Recording, error) {
	r, err := NewReader(name, from, o)
	if err != nil {
		return nil, err
	}
	rec := &Recording{name: name, form: r.form, expo: o.Expo}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(rec.rows) == MaxRows {
			return nil, r.fail(row.Line, 0, "", fmt.Errorf("%w: more than %d prices", ErrLimit, MaxRows))
		}
		if row.Rounded {
			rec.rounded++
		}
		rec.rows = append(rec.rows, row)
		rec.moments = append(rec.moments, row.End)
	}
	if len(rec.rows) == 0 {
		return nil, r.fail(0, 0, "", ErrEmpty)
	}
	rec.venues = slices.Clone(r.venues)
	slices.Sort(rec.moments)
	rec.moments = slices.Compact(rec.moments)
	slices.SortStableFunc(rec.rows, func(a, b Row) int { return cmp.Compare(a.Known, b.Known) })
	rec.known, rec.traded = make([][]Row, len(rec.venues)), make([][]Row, len(rec.venues))
	for _, row := range rec.rows {
		v := row.Venue
		rec.traded[v] = append(rec.traded[v], row)
		if k := rec.known[v]; len(k) == 0 || k[len(k)-1].T < row.T {
			rec.known[v] = append(k, row)
		}
	}
	for _, rows := range rec.traded {
		slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(a.T, b.T) })
	}
	return rec, nil
}

// Name is what the recording was called when it was read.
func (r *Recording) Name() string { return r.name }

// Form is how the file was laid out.
func (r *Recording) Form() Form { return r.form }

// Expo is the unit of the prices: 10^Expo.
func (r *Recording) Expo() int { return r.expo }

// Venues are those of [Options].Venues, or else in the order in which they first stand in the file. Read only.
func (r *Recording) Venues() []string { return r.venues }

// Venue is the number of the venue of that name.
func (r *Recording) Venue(name string) (v int, ok bool) {
	v = slices.Index(r.venues, name)
	return v, v >= 0
}

// Len is the number of prices.
func (r *Recording) Len() int { return len(r.rows) }

// Rounded is the number of prices with more digits than the unit allows.
func (r *Recording) Rounded() int { return r.rounded }

// Rows are all prices in the order in which they became known. Read only.
func (r *Recording) Rows() []Row { return r.rows }

// Moments are the ends of the buckets that were recorded, or the times of the rows of a
// wide file: Unix ms, ascending, each once. Read only.
func (r *Recording) Moments() []int64 { return r.moments }

// Known is the newest price of a venue that had become known at a moment (Unix ms), by
// the venue's own time; of two with one time the one known first. ok is false if there
// was none yet. O(log n).
func (r *Recording) Known(venue int, at int64) (row Row, ok bool) {
	rows := r.known[venue]
	return before(rows, sort.Search(len(rows), func(i int) bool { return rows[i].Known > at }))
}

// Traded is the newest price of a venue as of a moment, whether it had become known or
// not. O(log n).
func (r *Recording) Traded(venue int, at int64) (row Row, ok bool) {
	rows := r.traded[venue]
	return before(rows, sort.Search(len(rows), func(i int) bool { return rows[i].T > at }))
}

func before(rows []Row, i int) (Row, bool) {
	if i == 0 {
		return Row{}, false
	}
	return rows[i-1], true
}
