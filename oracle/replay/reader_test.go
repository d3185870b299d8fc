package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/oracle"
)

const longHeader = "bucket_end_ms,venue,price,trade_ms,recv_lag_ms\n"

func read(text string, o Options) (*Recording, error) {
	return Read("x.csv", strings.NewReader(text), o)
}

// TestBadFiles: what is wrong is told with file, line and column.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	long := func(row string) string { return longHeader + "1000,a,1.5,900,5\n" + row + "\n" }
	for _, c := range []struct {
		name, text string
		venues     []string
		is         error
		want       string
	}{
		{"nothing", "", nil, ErrHeader, "x.csv: the first line names no recording of a known form: the file is empty"},
		{"a mark alone", "\ufeff", nil, ErrHeader, "x.csv: the first line names no recording of a known form: the file is empty"},
		{"UTF-16", "\xff\xfed\x00", nil, ErrHeader, "x.csv:1:1: the first line names no recording of a known form: it is UTF-16: save it as UTF-8"},
		{"missing column", "bucket_end_ms,venue,price,recv_lag_ms\n", nil, ErrHeader,
			"x.csv:1: the first line names no recording of a known form: column trade_ms is missing; the long form has bucket_end_ms, venue, price, trade_ms, recv_lag_ms"},
		{"no known form", "time,price\n", nil, ErrHeader,
			`x.csv:1:1: the first line names no recording of a known form: the first column is "time"; a file has the columns bucket_end_ms, venue, price, trade_ms, recv_lag_ms, or begins with date, minute_utc or ts_ms`},
		{"twice", "date,a,b,a\n", nil, ErrHeader, `x.csv:1:10: the first line names no recording of a known form: column "a" stands there twice`},
		{"a time alone", "date\n2020-01-01\n", nil, ErrHeader, "x.csv:1: the first line names no recording of a known form: no column but date"},
		{"no such column", "date,a,b\n", []string{"c"}, ErrHeader, `x.csv:1: the first line names no recording of a known form: column "c" is missing; there are "a, b"`},
		{"no rows", longHeader, nil, ErrEmpty, "x.csv: no price at all"},
		{"silent throughout", "date,a\n2020-01-01,\n", nil, ErrEmpty, "x.csv: no price at all"},
		{"too few fields", long("1000,a,1.5,900"), nil, ErrRow, "x.csv:3: not a row of CSV: 4 fields, the first line has 5"},
		{"too many fields", long("1000,a,1.5,900,5,6"), nil, ErrRow, "x.csv:3: not a row of CSV: 6 fields, the first line has 5"},
		{"a bare quote", long(`1000,a"b,1.5,900,5`), nil, ErrRow, `x.csv:3:7: not a row of CSV: bare " in non-quoted-field`},
		{"an open quote", long(`1000,"a,1.5,900,5`), nil, ErrRow, `x.csv:3:19: not a row of CSV: extraneous or missing " in quoted-field`},
		{"price of letters", long("1000,a,abc,900,5"), nil, oracle.ErrPriceSyntax, "x.csv:3:8: column price: not a number that can be read: "},
		{"no price", long("1000,a,,900,5"), nil, oracle.ErrPriceSyntax, "x.csv:3:8: column price: not a number that can be read: "},
		{"price of zero", long("1000,a,0.00,900,5"), nil, oracle.ErrPriceNotPositive, "x.csv:3:8: column price: not a number that can be read: "},
		{"price below zero", long("1000,a,-1,900,5"), nil, oracle.ErrPriceNotPositive, "x.csv:3:8: column price: "},
		{"exponent", long("1000,a,1e3,900,5"), nil, oracle.ErrPriceExponent, "x.csv:3:8: column price: "},
		{"digits", long("1000,a,1234567890123456789,900,5"), nil, oracle.ErrPriceDigits, "x.csv:3:8: column price: "},
		{"end of letters", long("soon,a,1.5,900,5"), nil, ErrNumber, `x.csv:3:1: column bucket_end_ms: not a number that can be read: "soon" is no whole number`},
		{"time with a plus", long("1000,a,1.5,+900,5"), nil, ErrNumber, `x.csv:3:12: column trade_ms: not a number that can be read: "+900" is no whole number`},
		{"time with a fraction", long("1000,a,1.5,900.5,5"), nil, ErrNumber, `x.csv:3:12: column trade_ms: not a number that can be read: "900.5" is no whole number`},
		{"time too great", long("1000,a,1.5,99999999999999999999,5"), nil, ErrNumber, `x.csv:3:12: column trade_ms: not a number that can be read: "99999999999999999999" is not from 0 to 253402300799999`},
		{"lag too great", long("1000,a,1.5,900,3600001"), nil, ErrNumber, `x.csv:3:16: column recv_lag_ms: not a number that can be read: "3600001" is not from -3600000 to 3600000`},
		{"no venue", long("1000,,1.5,900,5"), nil, ErrVenue, "x.csv:3:6: column venue: not the name of a venue: it is empty"},
		{"long venue", long("1000," + strings.Repeat("v", 33) + ",1.5,900,5"), nil, ErrVenue, `x.csv:3:6: column venue: not the name of a venue: "` + strings.Repeat("v", 33) + `" has 33 bytes, at most 32`},
		{"venue that acts", long("1000,\x1b[2J,1.5,900,5"), nil, ErrVenue, `x.csv:3:6: column venue: not the name of a venue: "\x1b[2J" has characters that are not seen`},
		{"not a day", "date,a\n2020-02-30,1\n", nil, ErrTime, `x.csv:2:1: column date: not a time that can be read: "2020-02-30", want it as 2006-01-02`},
		{"before 1970", "date,a\n1969-12-31,1\n", nil, ErrTime, `x.csv:2:1: column date: not a time that can be read: "1969-12-31" is before 1970`},
		{"not a minute", "minute_utc,a\n2020-01-01 00:00,1\n", nil, ErrTime, `x.csv:2:1: column minute_utc: not a time that can be read: "2020-01-01 00:00", want it as 2006-01-02T15:04Z`},
		{"wide price", "ts_ms,a,b\r\n5,1,2\r\n6,1,2x\r\n", nil, ErrNumber, "x.csv:3:5: column b: not a number that can be read: "},
		{"not chosen", "ts_ms,a,b\n5,x,2\n6,1,x\n", []string{"b"}, ErrNumber, "x.csv:3:5: column b: "},
		{"columns", "date" + strings.Repeat(",a", 70) + "\n", nil, ErrLimit, "x.csv:1: over a limit: 71 columns, at most 64"},
		{"venues", longHeader + manyVenues(65), nil, ErrLimit, "x.csv:66:6: column venue: over a limit: more than 64 venues"},
		{"a long row", long("1000,a," + strings.Repeat("1", 3*MaxRecordBytes) + ",900,5"), nil, ErrLimit, "x.csv: after line 2: over a limit: a row of more than 4096 bytes"},
		{"a long quotation", long("1000,\"a" + strings.Repeat("\n", 3*MaxRecordBytes) + "\",1,900,5"), nil, ErrLimit, "x.csv: after line 2: over a limit: a row of more than 4096 bytes"},
	} {
		_, err := read(c.text, Options{Expo: -8, Venues: c.venues})
		var at *Error
		if !errors.Is(err, c.is) || !errors.As(err, &at) || !strings.HasPrefix(fmt.Sprint(err), c.want) {
			t.Errorf("%s: got %q, want %q (%v)", c.name, fmt.Sprint(err), c.want, c.is)
		}
	}
}

func manyVenues(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "1000,v%d,1.5,900,5\n", i)
	}
	return b.String()
}

func TestForms(t *testing.T) {
	t.Parallel()
	want := []Row{
		{Venue: 0, Price: 150, T: 900, Known: 905, End: 1000, Line: 2},
		{Venue: 1, Price: 151, T: 800, Known: 910, End: 1000, Line: 3, Rounded: true},
		{Venue: 0, Price: 160, T: 1900, Known: 1890, End: 2000, Line: 5},
	}
	for name, text := range map[string]string{
		"plain":         longHeader + "1000,a,1.5,900,5\n1000,b,1.514,800,110\n\n2000,a,1.60,1900,-10\n",
		"no last line":  longHeader + "1000,a,1.5,900,5\n1000,b,1.514,800,110\n\n2000,a,1.60,1900,-10",
		"Windows":       "\ufeff" + strings.ReplaceAll(longHeader+"1000,a,1.5,900,5\n1000,b,1.514,800,110\n\n2000,a,1.60,1900,-10\n", "\n", "\r\n"),
		"other columns": "x,recv_lag_ms,trade_ms,price,venue,bucket_end_ms\n,5,900,1.5,a,1000\n?,110,800,1.514,\"b\",1000\n\n,-10,1900,1.60,a,2000\n",
	} {
		rec, err := read(text, Options{Expo: -2})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(rec.Rows(), want) || !slices.Equal(rec.Venues(), []string{"a", "b"}) || rec.Rounded() != 1 || !slices.Equal(rec.Moments(), []int64{1000, 2000}) {
			t.Errorf("%s: got %+v of %v", name, rec.Rows(), rec.Venues())
		}
	}
	rec, err := read(longHeader+"1000,a,x,y,z\n1000,b,1,800,0\n", Options{Venues: []string{"b"}})
	if err != nil || rec.Len() != 1 || rec.Venues()[0] != "b" {
		t.Errorf("one venue of two: %v, %v", rec, err)
	}
	for text, at := range map[string]int64{
		"date,a,b\n2015-02-09,,220.5\n":              1423440000000,
		"minute_utc,a,b\n2023-03-10T00:01Z,,220.5\n": 1678406460000,
		"ts_ms,a,b\n77,,220.5\n":                     77,
	} {
		rec, err := read(text, Options{Expo: -1})
		if want := []Row{{Venue: 1, Price: 2205, T: at, Known: at, End: at, Line: 2}}; err != nil || !slices.Equal(rec.Rows(), want) || rec.Form() != Wide {
			t.Errorf("%q: got %+v, %v, want %+v", text, rec.Rows(), err, want)
		}
	}
}

// endless is a row that never ends.
type endless struct{ given int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	e.given += len(p)
	return len(p), nil
}

// However long a row is, not much more than the limit is read of it.
func TestEndlessRow(t *testing.T) {
	t.Parallel()
	for _, head := range []string{"", longHeader, longHeader + "1000,\""} {
		e := &endless{}
		if _, err := Read("x.csv", io.MultiReader(strings.NewReader(head), e), Options{}); !errors.Is(err, ErrLimit) {
			t.Errorf("after %q: %v", head, err)
		}
		if e.given > 4*readAhead+MaxRecordBytes {
			t.Errorf("after %q: %d bytes were read", head, e.given)
		}
	}
}

// TestWritten: what is written as a file is read as it was meant, however it is written.
func TestWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		names := []string{"a", "binance-perp", "Börse, \"Stuttgart\""}
		n := rapid.IntRange(1, 30).Draw(rt, "rows")
		expo := -rapid.IntRange(0, 8).Draw(rt, "expo")
		order := rapid.Permutation([]int{0, 1, 2, 3, 4}).Draw(rt, "columns")
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(rt, "end")
		var b strings.Builder
		if rapid.Bool().Draw(rt, "mark") {
			b.WriteString("\ufeff")
		}
		line := func(fields [5]string) {
			for i, c := range order {
				if i > 0 {
					b.WriteString(",")
				}
				f := fields[c]
				if strings.ContainsAny(f, `",`) || rapid.IntRange(0, 9).Draw(rt, "quoted") == 0 {
					f = `"` + strings.ReplaceAll(f, `"`, `""`) + `"`
				}
				b.WriteString(f)
			}
			b.WriteString(end)
		}
		line(longNames)
		type said struct {
			venue string
			row   Row
		}
		var want []said
		for i := range n {
			s := said{venue: rapid.SampledFrom(names).Draw(rt, "venue")}
			s.row.Price = rapid.Int64Range(1, 1_000_000_000_000).Draw(rt, "price")
			s.row.T = rapid.Int64Range(0, 100).Draw(rt, "t")
			lag := rapid.Int64Range(-20, 50).Draw(rt, "lag")
			s.row.Known, s.row.End, s.row.Line = s.row.T+lag, rapid.Int64Range(0, 5).Draw(rt, "end"), i+2
			line([5]string{fmt.Sprint(s.row.End), s.venue, oracle.FormatPrice(s.row.Price, expo), fmt.Sprint(s.row.T), fmt.Sprint(lag)})
			want = append(want, s)
		}
		rec, err := read(b.String(), Options{Expo: expo})
		if err != nil {
			rt.Fatal(err)
		}
		if rec.Len() != n || rec.Rounded() != 0 {
			rt.Fatalf("%d prices, %d rounded, want %d", rec.Len(), rec.Rounded(), n)
		}
		for _, row := range rec.Rows() {
			s := want[row.Line-2]
			if s.venue != rec.Venues()[row.Venue] {
				rt.Fatalf("line %d: of %s", row.Line, rec.Venues()[row.Venue])
			}
			if row.Venue = 0; row != s.row {
				rt.Fatalf("got %+v, want %+v", row, s.row)
			}
		}
		// What is known when, the plain way: of all that came by then, the newest; of those the first to come.
		at := rapid.Int64Range(-30, 160).Draw(rt, "at")
		for v, name := range rec.Venues() {
			var known, traded *Row
			for i := range rec.Rows() {
				row := &rec.Rows()[i]
				if row.Venue != v {
					continue
				}
				if row.Known <= at && (known == nil || row.T > known.T) {
					known = row
				}
				if row.T <= at && (traded == nil || row.T >= traded.T) {
					traded = row
				}
			}
			for what, c := range map[string]struct {
				want *Row
				ask  func(int, int64) (Row, bool)
			}{"known": {known, rec.Known}, "traded": {traded, rec.Traded}} {
				if got, ok := c.ask(v, at); ok != (c.want != nil) || ok && got != *c.want {
					rt.Fatalf("%s, %s at %d: got %+v, %v, want %+v", name, what, at, got, ok, c.want)
				}
			}
		}
	})
}

// FuzzRead: whatever the bytes are, an error has a place and a reason, and what is read keeps every rule.
func FuzzRead(f *testing.F) {
	f.Add([]byte(longHeader+"1000,a,1.5,900,5\n"), 8)
	f.Add([]byte("\ufeffminute_utc,a,b\r\n2023-03-10T00:01Z,,220.5\r\n"), 2)
	f.Add([]byte("date,a\n2015-02-09,1\n"), 0)
	f.Add([]byte("ts_ms,\"a\"\"b\"\n1,\"1\"\n"), 18)
	f.Add([]byte(longHeader+"1000,\"a\nb\",1.5,900,5\n"), 8)
	f.Fuzz(func(t *testing.T, b []byte, decimals int) {
		expo := -(decimals & 15)
		rec, err := Read("x.csv", bytes.NewReader(b), Options{Expo: expo})
		if err != nil {
			var at *Error
			known := slices.ContainsFunc([]error{ErrHeader, ErrRow, ErrNumber, ErrTime, ErrVenue, ErrLimit, ErrEmpty}, func(e error) bool { return errors.Is(err, e) })
			if !errors.As(err, &at) || !known {
				t.Fatalf("an error of no kind: %v", err)
			}
			for _, c := range err.Error() {
				if c < ' ' || c == 0x7f {
					t.Fatalf("the error acts: %q", err)
				}
			}
			return
		}
		if len(rec.Venues()) > MaxVenues || rec.Len() == 0 || !slices.IsSorted(rec.Moments()) {
			t.Fatalf("%d venues, %d prices", len(rec.Venues()), rec.Len())
		}
		last := int64(-MaxLagMS)
		for _, row := range rec.Rows() {
			if row.Price <= 0 || row.T < 0 || row.T > maxTimeMS || row.Known < last || row.Venue >= len(rec.Venues()) || row.Line < 2 {
				t.Fatalf("read %+v", row)
			}
			last = row.Known
			if k, ok := rec.Known(row.Venue, row.Known); !ok || k.T < row.T {
				t.Fatalf("%+v is not known when it came: %+v", row, k)
			}
		}
	})
}

// The shipped cuts hold what their README says.
func TestShipped(t *testing.T) {
	t.Parallel()
	if got := Shipped(); !slices.Equal(got, []string{"aave-crash", "usdc-depeg"}) {
		t.Errorf("shipped: %v", got)
	}
	price := func(s string) int64 {
		p, _, err := oracle.ParsePrice(s, -8)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	rec, err := Open("aave-crash", Options{Expo: -8})
	if err != nil {
		t.Fatal(err)
	}
	if rec.Len() != 414 || rec.Rounded() > 0 || rec.Form() != Long {
		t.Errorf("aave-crash: %d prices", rec.Len())
	}
	for name, want := range map[string]struct {
		low string
		end int64
	}{"binance-perp": {"65.63", 1760131275000}, "coinbase": {"128", 1760131227000}} {
		v, ok := rec.Venue(name)
		if !ok {
			t.Fatalf("no %s in %v", name, rec.Venues())
		}
		low := Row{Price: 1 << 62}
		for _, row := range rec.Rows() {
			if row.Venue == v && row.Price < low.Price {
				low = row
			}
		}
		if low.Price != price(want.low) || low.End != want.end {
			t.Errorf("%s was lowest at %d: %d", name, low.End, low.Price)
		}
	}
	if rec, err = Open("usdc-depeg", Options{Expo: -8}); err != nil || rec.Len() != 3*151 || rec.Form() != Wide {
		t.Fatalf("usdc-depeg: %v", err)
	}
	usd, _ := rec.Venue("btc_usd")
	usdc, _ := rec.Venue("btc_usdc")
	most := int64(0)
	for _, at := range rec.Moments() {
		a, _ := rec.Known(usd, at)
		b, _ := rec.Known(usdc, at)
		most = max(most, (b.Price-a.Price)*1_000_000/a.Price)
	}
	if most != 143_075 {
		t.Errorf("btc_usdc was %d ppm above btc_usd at most", most)
	}
	if _, err := Open("nothing", Options{}); err == nil || !strings.Contains(err.Error(), "aave-crash, usdc-depeg") {
		t.Errorf("got %v", err)
	}
}
