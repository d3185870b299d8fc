package source

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/oracle"
)

// An answer becomes the attestation that is written, price, spread, sources and all.
func TestOwnOfAnswers(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1720116659000)
	pair := oracle.Pair{Name: "BTC/USDT", Expo: -2}
	var readings []Reading
	for _, x := range []struct {
		file string
		at   int64 // 0: now
	}{{"binance_bookticker_btcusdt.json", 0}, {"poloniex_ticker24h_btc_usdt.json", 0}, {"poloniex_markprice_components_btc_usdt.json", 1720110330525}} {
		s := Source{Name: x.file[:4], Venue: venueOfFile(t, x.file)}
		quotes, err := s.Venue.Parse(answer(t, x.file))
		if err != nil {
			t.Fatal(err)
		}
		a := Answer{Quotes: quotes, At: now, Digest: [32]byte{1}}
		if x.at != 0 {
			if _, err := Read(s, a, pair, 10*time.Second); !errors.Is(err, ErrSourceStale) {
				t.Errorf("%s, hours later: got %v", x.file, err)
			}
			a.At = time.UnixMilli(x.at)
		}
		r, err := Read(s, a, pair, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		readings = append(readings, r)
	}
	own, err := Own(pair.Name, readings, 3)
	if err != nil {
		t.Fatal(err)
	}
	if own.Price != 5801758 || own.T != 1720116659000 || own.Flags != 0 {
		t.Errorf("got %+v", own)
	}
	if want := int64(5805037-662155+1) / 2; own.Spread != want { // 6621.55 … 58050.37
		t.Errorf("spread %d, want %d", own.Spread, want)
	}
	var names []string
	for _, s := range own.Src {
		names = append(names, s.Name)
	}
	if want := []string{"bina", "polo", "polo", "polo/BINANCE", "polo/OKX", "polo/HUOBI", "polo/POLONIEX", "polo/GATEIO"}; !slices.Equal(names, want) {
		t.Errorf("sources %v, want %v", names, want)
	}
	if own.Src[1].Volume != "1236.582993" || len(own.Src[0].Digest) != 32 || len(own.Src[3].Digest) != 0 {
		t.Errorf("sources %+v", own.Src)
	}
	if _, err := own.Encode(); err != nil {
		t.Errorf("it would be void: %v", err)
	}
	if _, err := Own(pair.Name, readings, 4); !errors.Is(err, ErrTooFew) {
		t.Errorf("3 of 4: got %v", err)
	}
	if _, err := Own(pair.Name, nil, 0); !errors.Is(err, ErrTooFew) {
		t.Errorf("none: got %v", err)
	}
}

// Whatever sources say, an oracle's own price lies between theirs, fewer than half of them cannot move it beyond the others, and what
// it writes is never void.
func TestOwnIsTheMedian(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		prices := rapid.SliceOfN(rapid.Int64Range(1, oracle.MaxPrice), 1, 40).Draw(t, "prices")
		var readings []Reading
		for i, p := range prices {
			r := Reading{Name: "x", Price: p, Low: p, High: p, T: int64(i)}
			for range rapid.IntRange(0, 3).Draw(t, "parts") {
				r.Parts = append(r.Parts, oracle.Source{Name: "x/y", Price: p})
			}
			readings = append(readings, r)
		}
		own, err := Own("A/B", readings, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := own.Encode(); err != nil {
			t.Fatalf("void: %v", err)
		}
		slices.Sort(prices)
		n := len(prices)
		lies := (n - 1) / 2
		if own.Price < prices[lies] || own.Price > prices[n-1-lies] {
			t.Fatalf("%d of %v: %d of them could have moved it", own.Price, prices, lies)
		}
		if n%2 == 1 && own.Price != prices[n/2] {
			t.Fatalf("%d of %v is not the one in the middle", own.Price, prices)
		}
		if own.T != int64(n-1) {
			t.Fatalf("t %d, want that of the newest", own.T)
		}
	})
}
