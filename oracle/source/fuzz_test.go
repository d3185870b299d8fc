package source

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// FuzzParse feeds every venue with any bytes: it refuses with a reason of its own, or gives quotes within all bounds, the same
// each time, whose prices are what [ParseDecimal] makes of their text.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/answers/*.json*")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"status":{"error_code":0},"data":{"BTC":[{"symbol":"BTC","quote":{"USD":{"price":2.5}}}]}}`))
	f.Add([]byte(`{"data":{"amount":"1","currency":"USD","base":"BTC"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, v := range venues {
			quotes, err := v.Parse(body)
			again, errAgain := v.Parse(body)
			if !reflect.DeepEqual(quotes, again) || (err == nil) != (errAgain == nil) {
				t.Fatalf("%s: %v, %v, and then %v, %v", v.Name, quotes, err, again, errAgain)
			}
			if err != nil {
				var p *ParseError
				if !errors.As(err, &p) || p.Venue != v.Name || Code(err) == "" || quotes != nil {
					t.Fatalf("%s: %v, %#v", v.Name, quotes, err)
				}
				continue
			}
			if len(body) > MaxBodyBytes || len(quotes) == 0 || len(quotes) > MaxQuotes {
				t.Fatalf("%s: %d quotes of %d bytes", v.Name, len(quotes), len(body))
			}
			for _, q := range quotes {
				good(t, v, q)
			}
		}
	})
}

func good(t *testing.T, v *Venue, q Quote) {
	for _, d := range []Decimal{q.Price, q.Bid, q.Ask} {
		if d.IsZero() {
			continue
		}
		if d.Coef < 0 || d.Coef >= int64(pow10[MaxDigits]) || d.Scale < 0 || d.Scale > MaxDigits || d.Cmp(Decimal{1, MaxDigits}) < 0 {
			t.Fatalf("%s: %+v", v.Name, d)
		}
	}
	switch {
	case q.Price.IsZero():
		t.Fatalf("%s: no price: %+v", v.Name, q)
	case q.Bid.IsZero() != q.Ask.IsZero(), q.Bid.Cmp(q.Ask) > 0:
		t.Fatalf("%s: bid %v, ask %v", v.Name, q.Bid, q.Ask)
	case len(q.Symbol) > MaxSymbolBytes, len(q.Volume) > MaxVolumeBytes, len(q.Parts) > MaxParts, len(q.Assets) > 3, q.TimeMS < 0:
		t.Fatalf("%s: %+v", v.Name, q)
	}
}
