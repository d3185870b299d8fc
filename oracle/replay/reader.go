package replay

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tallystick/tallystick/oracle"
)

// A Form is how a file is laid out.
type Form uint8

// The forms; see the package's own words.
const (
	Long Form = iota
	Wide
)

// Options say how a file is read.
type Options struct {
	Expo int // of all prices: they are in units of 10^Expo, -18 … 0
	// Venues are those that are read, in this order; none: all. In the wide form others are
	// not looked at, so that a column may hold something else, such as a volume.
	Venues []string
}

// A Row is one recorded price.
type Row struct {
	Venue   int   // index in [Reader.Venues]
	Price   int64 // above 0, in units of 10^Expo
	T       int64 // Unix ms: when the venue says that it was
	Known   int64 // Unix ms: when it reached who recorded it
	End     int64 // Unix ms: of the bucket that it was recorded in; the wide form's is T
	Rounded bool  // the file has more digits than Expo
	Line    int   // of the file, from 1
}

// A Reader reads prices row by row. It holds one row in memory, whatever the file. It
// is used by one goroutine.
type Reader struct {
	name   string
	opt    Options
	form   Form
	in     *bounded
	csv    *csv.Reader
	header []string
	last   int // line of the record read last

	long   [longColumns]int // places of the columns of the long form
	layout string           // of the wide form's time; "": milliseconds
	places []int            // wide: by venue, the column
	venues []string
	number map[string]int // long: of each venue, -1 if it is not read

	queue []Row // wide: what is left of the last row
	next  int
}

// Columns of the long form.
const (
	colEnd = iota
	colVenue
	colPrice
	colTrade
	colLag
	longColumns
)

var longNames = [longColumns]string{"bucket_end_ms", "venue", "price", "trade_ms", "recv_lag_ms"}

// timeColumns are those that a file of the wide form may begin with, and how their
// times are written.
var timeColumns = map[string]string{"date": time.DateOnly, "minute_utc": "2006-01-02T15:04Z", "ts_ms": ""}

// NewReader reads the first line of a file. name is what errors call it. The error is
// an *[Error]: [ErrHeader] says which column is missing, [ErrLimit] which limit.
func NewReader(name string, from io.Reader, o Options) (*Reader, error) {
	buf := bufio.NewReader(from)
	r := &Reader{name: name, opt: o, number: map[string]int{}}
	switch mark, _ := buf.Peek(3); {
	case bytes.HasPrefix(mark, []byte{0xef, 0xbb, 0xbf}):
		_, _ = buf.Discard(3) // they were peeked at
	case bytes.HasPrefix(mark, []byte{0xff, 0xfe}), bytes.HasPrefix(mark, []byte{0xfe, 0xff}):
		return nil, r.fail(1, 1, "", fmt.Errorf("%w: it is UTF-16: save it as UTF-8", ErrHeader))
	}
	r.in = &bounded{from: buf}
	r.in.renew()
	r.csv = csv.NewReader(r.in)
	r.csv.ReuseRecord = true
	fields, err := r.record()
	if errors.Is(err, io.EOF) {
		return nil, r.fail(0, 0, "", fmt.Errorf("%w: the file is empty", ErrHeader))
	}
	if err != nil {
		return nil, err
	}
	if len(fields) > MaxColumns {
		return nil, r.fail(1, 0, "", fmt.Errorf("%w: %d columns, at most %d", ErrLimit, len(fields), MaxColumns))
	}
	r.header = make([]string, len(fields))
	for i, f := range fields {
		r.header[i] = strings.Clone(f)
		if j := slices.Index(r.header[:i], f); j >= 0 {
			line, col := r.csv.FieldPos(i)
			return nil, r.fail(line, col, "", fmt.Errorf("%w: column %s stands there twice", ErrHeader, quoted(f)))
		}
	}
	if slices.Contains(r.header, longNames[colVenue]) {
		err = r.openLong()
	} else {
		err = r.openWide()
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Reader) openLong() error {
	r.form = Long
	for c, name := range longNames {
		if r.long[c] = slices.Index(r.header, name); r.long[c] < 0 {
			return r.fail(1, 0, "", fmt.Errorf("%w: column %s is missing; the long form has %s", ErrHeader, name, strings.Join(longNames[:], ", ")))
		}
	}
	for _, v := range r.opt.Venues {
		if err := checkVenue(v); err != nil {
			return r.fail(0, 0, "", err)
		}
		r.number[v] = len(r.venues)
		r.venues = append(r.venues, v)
	}
	return nil
}

func (r *Reader) openWide() error {
	r.form = Wide
	layout, ok := timeColumns[r.header[0]]
	if !ok {
		return r.fail(1, 1, "", fmt.Errorf("%w: the first column is %s; a file has the columns %s, or begins with date, minute_utc or ts_ms",
			ErrHeader, quoted(r.header[0]), strings.Join(longNames[:], ", ")))
	}
	r.layout = layout
	r.venues = r.opt.Venues
	if len(r.venues) == 0 {
		r.venues = r.header[1:]
	}
	if len(r.venues) == 0 {
		return r.fail(1, 0, "", fmt.Errorf("%w: no column but %s", ErrHeader, r.header[0]))
	}
	for _, v := range r.venues {
		i := slices.Index(r.header, v)
		if i < 1 {
			return r.fail(1, 0, "", fmt.Errorf("%w: column %s is missing; there are %s", ErrHeader, quoted(v), quoted(strings.Join(r.header[1:], ", "))))
		}
		if err := checkVenue(v); err != nil {
			return r.fail(1, 0, "", err)
		}
		r.places = append(r.places, i)
	}
	return nil
}

// Form is how the file is laid out.
func (r *Reader) Form() Form { return r.form }

// Venues are the venues read: those asked for, or all columns, or, in the long form,
// those that came so far, in the order in which they came. Read only.
func (r *Reader) Venues() []string { return r.venues }

// Next is the next price of the file, in its order; [io.EOF] at the end. Any other
// error is an *[Error], and ends the reading.
func (r *Reader) Next() (Row, error) {
	for {
		if r.next < len(r.queue) {
			r.next++
			return r.queue[r.next-1], nil
		}
		fields, err := r.record()
		if err != nil {
			return Row{}, err
		}
		if r.form == Long {
			row, ok, err := r.longRow(fields)
			if ok || err != nil {
				return row, err
			}
			continue
		}
		if err := r.wideRow(fields); err != nil {
			return Row{}, err
		}
	}
}

// record is the next record of CSV; its fields are valid until it is called again.
func (r *Reader) record() ([]string, error) {
	fields, err := r.csv.Read()
	r.in.renew()
	var syntax *csv.ParseError
	switch {
	case err == nil:
		r.last, _ = r.csv.FieldPos(0)
		return fields, nil
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case errors.As(err, &syntax) && errors.Is(err, csv.ErrFieldCount):
		return nil, r.fail(syntax.Line, 0, "", fmt.Errorf("%w: %d fields, the first line has %d", ErrRow, len(fields), len(r.header)))
	case errors.As(err, &syntax) && !errors.Is(err, ErrLimit):
		return nil, r.fail(syntax.Line, syntax.Column, "", fmt.Errorf("%w: %w", ErrRow, syntax.Err))
	}
	return nil, r.fail(0, 0, "", fmt.Errorf("after line %d: %w", r.last, err))
}

// longRow reads a row of the long form; ok is false for a venue that is not wanted.
func (r *Reader) longRow(fields []string) (row Row, ok bool, err error) {
	name := fields[r.long[colVenue]]
	v, known := r.number[name]
	if !known && len(r.opt.Venues) > 0 {
		return row, false, nil
	}
	if !known {
		if err := checkVenue(name); err != nil {
			return row, false, r.at(r.long[colVenue], err)
		}
		if len(r.venues) == MaxVenues {
			return row, false, r.at(r.long[colVenue], fmt.Errorf("%w: more than %d venues", ErrLimit, MaxVenues))
		}
		v = len(r.venues)
		name = strings.Clone(name)
		r.venues = append(r.venues, name)
		r.number[name] = v
	}
	row.Venue, row.Line = v, r.last
	if row.End, err = r.millis(fields, r.long[colEnd]); err != nil {
		return row, false, err
	}
	if row.T, err = r.millis(fields, r.long[colTrade]); err != nil {
		return row, false, err
	}
	lag, err := r.integer(fields, r.long[colLag], -MaxLagMS, MaxLagMS)
	if err != nil {
		return row, false, err
	}
	row.Known = row.T + lag
	row.Price, row.Rounded, err = r.price(fields, r.long[colPrice])
	return row, err == nil, err
}

// wideRow queues the prices of a row of the wide form.
func (r *Reader) wideRow(fields []string) error {
	r.queue, r.next = r.queue[:0], 0
	var t int64
	var err error
	if r.layout == "" {
		t, err = r.millis(fields, 0)
	} else {
		var at time.Time
		if at, err = time.Parse(r.layout, fields[0]); err != nil {
			err = r.at(0, fmt.Errorf("%w: %s, want it as %s", ErrTime, quoted(fields[0]), r.layout))
		} else if t = at.UnixMilli(); t < 0 || t > maxTimeMS {
			err = r.at(0, fmt.Errorf("%w: %s is before 1970", ErrTime, quoted(fields[0])))
		}
	}
	if err != nil {
		return err
	}
	for v, place := range r.places {
		if fields[place] == "" {
			continue // silent
		}
		price, rounded, err := r.price(fields, place)
		if err != nil {
			return err
		}
		r.queue = append(r.queue, Row{Venue: v, Price: price, T: t, Known: t, End: t, Rounded: rounded, Line: r.last})
	}
	return nil
}

func (r *Reader) price(fields []string, place int) (price int64, rounded bool, err error) {
	price, rounded, err = oracle.ParsePrice(fields[place], r.opt.Expo)
	if err != nil {
		return 0, false, r.at(place, fmt.Errorf("%w: %w", ErrNumber, err))
	}
	return price, rounded, nil
}

func (r *Reader) millis(fields []string, place int) (int64, error) {
	return r.integer(fields, place, 0, maxTimeMS)
}

// integer reads a whole number of decimal digits within bounds.
func (r *Reader) integer(fields []string, place int, least, most int64) (int64, error) {
	s := fields[place]
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange) || strings.HasPrefix(s, "+"):
		return 0, r.at(place, fmt.Errorf("%w: %s is no whole number", ErrNumber, quoted(s)))
	case err != nil || n < least || n > most:
		return 0, r.at(place, fmt.Errorf("%w: %s is not from %d to %d", ErrNumber, quoted(s), least, most))
	}
	return n, nil
}

// at is err at a field of the record read last.
func (r *Reader) at(place int, err error) error {
	line, col := r.csv.FieldPos(place)
	return r.fail(line, col, r.header[place], err)
}

func (r *Reader) fail(line, column int, name string, err error) error {
	if name != "" {
		name = strings.Trim(quoted(name), `"`)
	}
	return &Error{File: r.name, Line: line, Column: column, Name: name, Err: err}
}

func checkVenue(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty", ErrVenue)
	case len(name) > MaxVenueBytes:
		return fmt.Errorf("%w: %s has %d bytes, at most %d", ErrVenue, quoted(name), len(name), MaxVenueBytes)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsGraphic(c) }):
		return fmt.Errorf("%w: %s has characters that are not seen", ErrVenue, quoted(name))
	}
	return nil
}

// quoted is text from the file for an error: at most so long, nothing in it that acts.
func quoted(s string) string {
	if len(s) > maxQuotedBytes {
		return strconv.QuoteToASCII(s[:maxQuotedBytes]) + " …"
	}
	return strconv.QuoteToASCII(s)
}

// bounded ends the reading of one record that is too long. The CSV reader buffers what
// it takes from here, so that a record is let have a buffer more than the limit.
type bounded struct {
	from io.Reader
	left int
}

const readAhead = 4096 // what bufio takes at once

func (b *bounded) renew() { b.left = MaxRecordBytes + readAhead }

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w: a row of more than %d bytes", ErrLimit, MaxRecordBytes)
	}
	n, err := b.from.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
