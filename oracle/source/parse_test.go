package source

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// dec is a decimal that is known to be good.
func dec(t testing.TB, s string) Decimal {
	t.Helper()
	if s == "" {
		return Decimal{}
	}
	d, err := ParseDecimal(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// line is a quote in one line.
func line(q Quote) string {
	words := []string{q.Symbol + strings.Join(q.Assets, "+") + "=" + q.Currency, q.Price.String()}
	if !q.Bid.IsZero() {
		words = append(words, q.Bid.String()+"…"+q.Ask.String())
	}
	if q.TimeMS != 0 {
		words = append(words, fmt.Sprint(q.TimeMS))
	}
	if q.Volume != "" {
		words = append(words, "vol", q.Volume)
	}
	for _, p := range q.Parts {
		words = append(words, p.Name+" "+p.Price.String())
	}
	return strings.Join(words, " ")
}

// answers are what every file of testdata/answers means: quotes, or the reason of a refusal and what its text must hold.
var answers = map[string]struct {
	quotes []string
	err    error
	text   string
}{
	"binance_avgprice_btcusdt.json":               {quotes: []string{"= 6622.02734157"}},
	"binance_bookticker_btcusdt.json":             {quotes: []string{"BTCUSDT= 6621.825 6621.55000000…6622.10000000"}},
	"binance_ticker_price_btcusdt.json":           {quotes: []string{"BTCUSDT= 6622.57000000"}},
	"binance_ticker_price_btc_eth.json":           {quotes: []string{"BTCUSDT= 46707.03000000", "ETHUSDT= 707.03000000"}},
	"binance_invalid_symbol.json":                 {err: ErrRefused, text: "binance: the venue refuses: -1121: Invalid symbol."},
	"binance_ticker_bad_price.json":               {err: ErrNumber, text: `binance: [0].price: not a plain decimal: "$46707.03000000"`},
	"bitstamp_ticker_btcusd.json":                 {quotes: []string{"= 2211.00 2188.97…2211.00 1643640186000 vol 213.26801100"}},
	"bitstamp_tickers_btc_eth.json":               {quotes: []string{"BTC/USD= 2211.00 2188.97…2211.00 1643640186000 vol 213.26801100", "ETH/USD= 420.69 2188.97…2211.00 1643640186000 vol 213.26801100"}},
	"bitstamp_order_book_btcusd_top25.json":       {quotes: []string{"= 8201.62 8200.59…8202.65 1560482001000"}},
	"coinbase_spot_price.json":                    {quotes: []string{"=USD 1020.25"}},
	"coinbase_malformed.json.txt":                 {err: ErrMalformed, text: "coinbase: the answer is not the document that is expected: invalid character"},
	"coingecko_simple_price.json":                 {quotes: []string{"bitcoin/usd= 1020.25", "ethereum/usd= 1020"}},
	"coinmarketcap_error.json":                    {err: ErrRefused, text: "coinmarketcap: status: the venue refuses: 1: this does not mog"},
	"gemini_pubticker_btcusd.json":                {quotes: []string{"BTC+USD= 11381.47 11381.50…11388.08 1565587800000"}},
	"gemini_ticker_v2_btcusd.json":                {quotes: []string{"BTCUSD= 9662.94 9662.94…9663.28"}},
	"gemini_invalid_symbol.json":                  {err: ErrRefused, text: "gemini: the venue refuses: Bad Request: Supplied value 'bla' is not"},
	"kraken_ticker_btc_eth.json":                  {quotes: []string{"XETHZUSD= 3338.08000 3338.94000…3338.95000 vol 35692.20596751", "XXBTZUSD= 64547.20000 64547.10000…64547.20000 vol 6253.84063618"}},
	"kraken_ticker_bad_price.json":                {err: ErrNumber, text: `kraken: result.XXBTZUSD.c[0]: not a plain decimal: "$64587.40000"`},
	"poloniex_ticker24h_btc_usdt.json":            {quotes: []string{"BTC_USDT= 58017.58 58018.4…58050.37 1720116658703 vol 1236.582993"}},
	"poloniex_markprice_components_btc_usdt.json": {quotes: []string{"BTC_USDT= 58031.85 1720110330525 BINANCE 58035.99 OKX 58034.8 HUOBI 58034.21 POLONIEX 58023.29 GATEIO 58036.8"}},
}

// venueOfFile is the venue whose name begins that of a file.
func venueOfFile(t testing.TB, name string) *Venue {
	word, _, _ := strings.Cut(name, "_")
	v := VenueOf(word)
	if v == nil {
		t.Fatalf("%s: no venue is called %s", name, word)
	}
	return v
}

func answer(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "answers", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/answers/*.json*")
	if err != nil || len(files) != len(answers) {
		t.Fatalf("%d files, %d in the table, %v", len(files), len(answers), err)
	}
	for name, want := range answers {
		quotes, err := venueOfFile(t, name).Parse(answer(t, name))
		if want.err != nil {
			if !errors.Is(err, want.err) || !strings.Contains(err.Error(), want.text) {
				t.Errorf("%s: got error %v, want %v with %q", name, err, want.err, want.text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, q := range quotes {
			got = append(got, line(q))
		}
		if !slices.Equal(got, want.quotes) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want.quotes, "\n"))
		}
	}
}

// Each differs from a good answer in one thing.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const (
		bitstamp = `{"last":"2","bid":"1","ask":"3","timestamp":"1643640186"}`
		kraken   = `{"error":[],"result":{"XXBTZUSD":{"a":["3"],"b":["1"],"c":["2"]}}}`
		gemini1  = `{"last":"2","bid":"1","ask":"3","volume":{"BTC":"1","USD":"2","timestamp":1565587800000}}`
		gemini2  = `{"close":"2","bid":"1","ask":"3","symbol":"BTCUSD"}`
		poloniex = `{"symbol":"BTC_USDT","close":"2","bid":"1","ask":"3","markPrice":"2","ts":1720116658703}`
		cmc      = `{"status":{"error_code":0},"data":{"BTC":{"symbol":"BTC","quote":{"USD":{"price":2}}}}}`
	)
	for _, x := range []struct {
		venue, good, from, to string
		want                  error
		text                  string
	}{
		{"binance", `{"price":"1"}`, `"1"`, `"0"`, ErrNotAPrice, "price"},
		{"binance", `{"price":"1"}`, `"1"`, `"-1"`, ErrNotAPrice, "price"},
		{"binance", `{"price":"1"}`, `"1"`, `"1e3"`, ErrNumber, "price"},
		{"binance", `{"price":"1"}`, `"1"`, `1e3`, ErrNumber, "price"},
		{"binance", `{"price":"1"}`, `"1"`, `" 1"`, ErrNumber, "price"},
		{"binance", `{"price":"1"}`, `"1"`, `"0x1"`, ErrNumber, "price"},
		{"binance", `{"price":"1"}`, `"1"`, `"1,000"`, ErrNumber, "price"},
		{"binance", `{"price":"1"}`, `"1"`, `"NaN"`, ErrNumber, "price"},
		{"binance", `{"price":"1"}`, `"1"`, `"1234567890123456789"`, ErrDigits, "19, at most 18"},
		{"binance", `{"price":"1"}`, `"1"`, `"0.1234567890123456789"`, ErrDigits, "19, at most 18"},
		{"binance", `{"price":"1"}`, `"1"`, `null`, ErrMissing, "price"},
		{"binance", `{"price":"1"}`, `"1"`, `true`, ErrNumber, "price"},
		{"binance", `{"price":"1"}`, `"price"`, `"Price"`, ErrMissing, "price"},
		{"binance", `{"price":"1"}`, `"price"`, `"price":"1","price"`, ErrDuplicates, `"price"`},
		{"binance", `{"price":"1"}`, `}`, `}{}`, ErrMalformed, "after top-level value"},
		{"binance", `{"price":"1"}`, `{"price":"1"}`, ``, ErrMalformed, "end of JSON"},
		{"binance", `{"price":"1"}`, `{"price":"1"}`, `[]`, ErrMissing, "an empty array"},
		{"binance", `{"price":"1"}`, `{"price":"1"}`, `"1"`, ErrMalformed, "neither an object nor an array"},
		{"binance", `{"price":"1"}`, `"1"`, `[[[[[[[[[1]]]]]]]]]`, ErrOverLimit, "8 levels"},
		{"binance", `{"price":"1"}`, `{"price":"1"}`, `{"price":"` + strings.Repeat("1", MaxBodyBytes) + `"}`, ErrTooLong, "65536"},
		{"binance", `[{"symbol":"A","price":"1"},{"symbol":"B","price":"1"}]`, `"B"`, `"A"`, ErrDuplicates, `"A"`},
		{"binance", `[{"symbol":"A","price":"1"},{"symbol":"B","price":"1"}]`, `"symbol":"B",`, ``, ErrMissing, "[1].symbol"},
		{"binance", `{"symbol":"A","bidPrice":"1","askPrice":"2"}`, `"2"`, `"0.5"`, ErrCrossed, "bid 1, ask 0.5"},
		{"binance", `{"symbol":"A","bidPrice":"1","askPrice":"2"}`, `askPrice`, `ask`, ErrMissing, "askPrice"},
		{"coinbase", `{"data":{"amount":"1","currency":"USD"}}`, `"currency"`, `"c"`, ErrMissing, "data.currency"},
		{"coinbase", `{"data":{"amount":"1","currency":"USD"}}`, `{"data":{"amount":"1","currency":"USD"}}`, `{"errors":[{"id":"not_found","message":"Invalid base currency"}]}`, ErrRefused, "not_found: Invalid base"},
		{"kraken", kraken, `[]`, `["EQuery:Unknown asset pair"]`, ErrRefused, "EQuery:Unknown asset pair"},
		{"kraken", kraken, `"error":[],`, ``, ErrMissing, "error"},
		{"kraken", kraken, `["2"]`, `[]`, ErrMissing, "c[0]"},
		{"kraken", kraken, `["1"]`, `["4"]`, ErrCrossed, "bid 4, ask 3"},
		{"kraken", kraken, `["1"]`, `"1"`, ErrMalformed, "result.XXBTZUSD.b"},
		{"bitstamp", bitstamp, `"1"`, `"4"`, ErrCrossed, "bid 4, ask 3"},
		{"bitstamp", bitstamp, `"1643640186"`, `"1643640186000"`, ErrNumber, "timestamp"},
		{"bitstamp", bitstamp, `"1643640186"`, `"2022-01-31"`, ErrNumber, "timestamp"},
		{"bitstamp", bitstamp, `"1643640186"`, `"-1"`, ErrNumber, "timestamp"},
		{"bitstamp", bitstamp, `,"timestamp":"1643640186"`, ``, ErrMissing, "timestamp"},
		{"bitstamp", bitstamp, bitstamp, `{"timestamp":"1","bids":[["3","1"]],"asks":[["2","1"]]}`, ErrCrossed, "bid 3, ask 2"},
		{"bitstamp", bitstamp, bitstamp, `{"timestamp":"1","bids":[["1","1"]],"asks":[]}`, ErrMissing, "asks"},
		{"bitstamp", bitstamp, bitstamp, `{"status":"error","reason":"Invalid pair","code":"404"}`, ErrRefused, "404: Invalid pair"},
		{"gemini", gemini1, `"1","ask"`, `"4","ask"`, ErrCrossed, "bid 4, ask 3"},
		{"gemini", gemini1, `1565587800000`, `"soon"`, ErrNumber, "volume.timestamp"},
		{"gemini", gemini2, `"symbol":"BTCUSD"`, `"s":1`, ErrMissing, "symbol"},
		{"coingecko", `{"bitcoin":{"usd":2}}`, `{"usd":2}`, `{}`, ErrMissing, "bitcoin"},
		{"coingecko", `{"bitcoin":{"usd":2}}`, `2`, `"2"`, ErrNumber, "not a number"},
		{"coingecko", `{"bitcoin":{"usd":2}}`, `2`, `8.45e-06`, ErrNumber, "8.45e-06"},
		{"coingecko", `{"bitcoin":{"usd":2}}`, `{"bitcoin":{"usd":2}}`, `{}`, ErrMissing, "empty"},
		{"coingecko", `{"bitcoin":{"usd":2}}`, `{"bitcoin":{"usd":2}}`, `{"status":{"error_code":429,"error_message":"slow down"}}`, ErrRefused, "429: slow down"},
		{"coinmarketcap", cmc, `"price":2`, `"p":2`, ErrMissing, "data.BTC.quote.USD.price"},
		{"coinmarketcap", cmc, `"error_code":0`, `"e":0`, ErrMissing, "status.error_code"},
		{"coinmarketcap", cmc, `"error_code":0`, `"error_code":1001`, ErrRefused, "1001"},
		{"poloniex", poloniex, `"markPrice":"2",`, ``, ErrMissing, "markPrice"},
		{"poloniex", poloniex, `"bid":"1"`, `"bid":"4"`, ErrCrossed, "bid 4, ask 3"},
		{"poloniex", poloniex, `,"ts":1720116658703`, ``, ErrMissing, "ts"},
		{"poloniex", poloniex, poloniex, `{"code":400,"message":"symbol not supported"}`, ErrRefused, "400: symbol not"},
	} {
		v := VenueOf(x.venue)
		if _, err := v.Parse([]byte(x.good)); err != nil {
			t.Errorf("%s: %s: %v", x.venue, x.good, err)
		}
		bad := strings.Replace(x.good, x.from, x.to, 1)
		if bad == x.good {
			t.Errorf("%s: nothing to replace by %s", x.venue, x.to)
		}
		_, err := v.Parse([]byte(bad))
		var p *ParseError
		if !errors.Is(err, x.want) || !errors.As(err, &p) || p.Venue != x.venue || !strings.Contains(err.Error(), x.text) {
			t.Errorf("%s: %.200s: got error %v, want %v with %q", x.venue, bad, err, x.want, x.text)
		}
	}
}

// An asset goes by several names, and one symbol is one pair.
func TestPick(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		file, pair, price string
	}{
		{"kraken_ticker_btc_eth.json", "BTC/USD", "64547.20000"},
		{"kraken_ticker_btc_eth.json", "ETH/USD", "3338.08000"},
		{"kraken_ticker_btc_eth.json", "BTC/USDT", ""},
		{"kraken_ticker_btc_eth.json", "USD/BTC", ""},
		{"binance_ticker_price_btc_eth.json", "ETH/USDT", "707.03000000"},
		{"binance_ticker_price_btc_eth.json", "BTC/USD", ""},
		{"binance_ticker_price_btcusdt.json", "ETH/USDT", ""},
		{"binance_avgprice_btcusdt.json", "BTC/USDT", "6622.02734157"},
		{"coinbase_spot_price.json", "BTC/USD", "1020.25"},
		{"coinbase_spot_price.json", "BTC/EUR", ""},
		{"bitstamp_ticker_btcusd.json", "BTC/USD", "2211.00"},
		{"bitstamp_tickers_btc_eth.json", "ETH/USD", "420.69"},
		{"coingecko_simple_price.json", "BTC/USD", "1020.25"},
		{"coingecko_simple_price.json", "BTC/EUR", ""},
		{"gemini_pubticker_btcusd.json", "BTC/USD", "11381.47"},
		{"gemini_pubticker_btcusd.json", "ETH/USD", ""},
		{"gemini_ticker_v2_btcusd.json", "BTC/USD", "9662.94"},
		{"poloniex_ticker24h_btc_usdt.json", "BTC/USDT", "58017.58"},
		{"poloniex_ticker24h_btc_usdt.json", "BTC/USD", ""},
		{"poloniex_ticker24h_btc_usdt.json", "BTC", ""},
	} {
		v := venueOfFile(t, x.file)
		quotes, err := v.Parse(answer(t, x.file))
		if err != nil {
			t.Fatal(err)
		}
		q, err := v.Pick(quotes, x.pair)
		switch {
		case x.price == "" && !errors.Is(err, ErrNoPair):
			t.Errorf("%s, %s: got %v, %v, want %v", x.file, x.pair, q.Price, err, ErrNoPair)
		case x.price != "" && (err != nil || q.Price != dec(t, x.price)):
			t.Errorf("%s, %s: got %v, %v, want %s", x.file, x.pair, q.Price, err, x.price)
		}
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	const now, maxAge = 1_700_000_000_000, 10 * time.Second
	for _, x := range []struct {
		said, want int64
		err        error
	}{
		{0, now, nil},
		{now, now, nil},
		{now - 1, now - 1, nil},
		{now + 1, now, nil}, // never later than our own clock
		{now + 2000, now, nil},
		{now + 2001, 0, ErrSourceAhead},
		{now - 9999, now - 9999, nil},
		{now - 10000, 0, ErrSourceStale},
		{1, 0, ErrSourceStale},
		{999_999_999_999_999, 0, ErrSourceAhead},
	} {
		got, err := (&Quote{TimeMS: x.said}).At(time.UnixMilli(now), maxAge)
		if got != x.want || !errors.Is(err, x.err) {
			t.Errorf("%d: got %d, %v, want %d, %v", x.said, got, err, x.want, x.err)
		}
	}
}

func TestParseSource(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ text, venue, pair, url string }{
		{"https://api.binance.com/api/v3/ticker/price?symbol=BTCUSDT", "binance", "", "https://api.binance.com/api/v3/ticker/price?symbol=BTCUSDT"},
		{"BTC/USD=https://www.bitstamp.net/api/v2/ticker/btcusd/", "bitstamp", "BTC/USD", "https://www.bitstamp.net/api/v2/ticker/btcusd/"},
		{"kraken=http://127.0.0.1:9/x=y", "kraken", "", "http://127.0.0.1:9/x=y"},
		{"BTC/USD=kraken=http://127.0.0.1:9", "kraken", "BTC/USD", "http://127.0.0.1:9"},
		{"coinbase=BTC/USD=http://127.0.0.1:9", "coinbase", "BTC/USD", "http://127.0.0.1:9"},
	} {
		s, err := ParseSource(x.text)
		if err != nil || s.Venue.Name != x.venue || s.Pair != x.pair || s.URL != x.url {
			t.Errorf("%s: got %+v, %v", x.text, s, err)
		}
	}
	for text, want := range map[string]string{
		"":                         "there is no http",
		"binance":                  "there is no http",
		"http://":                  "its URL is none",
		"http://127.0.0.1:9":       "is no venue's own host",
		"http://evilbinance.com/":  "is no venue's own host",
		"mtgox=http://127.0.0.1:9": `no venue is called "mtgox"; known: binance, bitstamp`,
		"binance=http://a:b@host/": "ends up in logs",
		"kraken=gemini=http://h/":  `what is "gemini"`,
		"https://api.kraken.com/" + strings.Repeat("x", MaxURLBytes): "at most 2048",
	} {
		if _, err := ParseSource(text); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
