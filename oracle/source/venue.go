package source

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// A Venue knows the answers of one venue. It is immutable.
type Venue struct {
	Name  string   // lower case
	hosts []string // whose answers these are
	parse func(node) ([]Quote, error)
	names func(asset string) []string // under which it knows an asset; nil: the asset's own
}

// venues are all that are known, by name.
var venues = []*Venue{
	{Name: "binance", hosts: []string{"binance.com", "binance.us", "binance.vision"}, parse: parseBinance},
	{Name: "bitstamp", hosts: []string{"bitstamp.net"}, parse: parseBitstamp},
	{Name: "coinbase", hosts: []string{"coinbase.com"}, parse: parseCoinbase},
	{Name: "coingecko", hosts: []string{"coingecko.com"}, parse: parseCoinGecko, names: coinGeckoNames},
	{Name: "coinmarketcap", hosts: []string{"coinmarketcap.com"}, parse: parseCoinMarketCap},
	{Name: "gemini", hosts: []string{"gemini.com"}, parse: parseGemini},
	{Name: "kraken", hosts: []string{"kraken.com"}, parse: parseKraken, names: krakenNames},
	{Name: "poloniex", hosts: []string{"poloniex.com"}, parse: parsePoloniex},
}

// Venues are the names of all venues that are known, sorted.
func Venues() []string {
	var names []string
	for _, v := range venues {
		names = append(names, v.Name)
	}
	return names
}

// VenueOf returns the venue of that name, nil if it is not known.
func VenueOf(name string) *Venue {
	for _, v := range venues {
		if v.Name == name {
			return v
		}
	}
	return nil
}

// venueOfHost returns the venue that answers at a host, nil if none is known to.
func venueOfHost(host string) *Venue {
	for _, v := range venues {
		for _, h := range v.hosts {
			if host == h || strings.HasSuffix(host, "."+h) {
				return v
			}
		}
	}
	return nil
}

// Parse reads an answer of the venue: at least one quote, at most [MaxQuotes], in the order of the answer or of its names. It is
// pure, and safe for concurrent use. The error is a *[ParseError] that wraps one of the reasons of this package.
func (v *Venue) Parse(body []byte) ([]Quote, error) {
	quotes, err := v.read(body)
	if err == nil {
		return quotes, nil
	}
	var p *ParseError
	if !errors.As(err, &p) {
		p = &ParseError{Err: err}
	}
	p.Venue = v.Name
	return nil, p
}

func (v *Venue) read(body []byte) ([]Quote, error) {
	doc, err := readDocument(body)
	if err != nil {
		return nil, err
	}
	quotes, err := v.parse(doc)
	if err != nil {
		return nil, err
	}
	if len(quotes) == 0 || len(quotes) > MaxQuotes {
		return nil, fmt.Errorf("%w: %d prices, 1 to %d wanted", ErrOverLimit, len(quotes), MaxQuotes)
	}
	for i := range quotes {
		if err := quotes[i].check(doc); err != nil {
			return nil, err
		}
		if len(quotes[i].Symbol) > MaxSymbolBytes {
			return nil, fmt.Errorf("%w: a symbol of %d bytes, at most %d", ErrOverLimit, len(quotes[i].Symbol), MaxSymbolBytes)
		}
		if slices.ContainsFunc(quotes[:i], func(q Quote) bool { return q.Symbol == quotes[i].Symbol }) {
			return nil, fmt.Errorf("%w: %s", ErrDuplicates, cut(quotes[i].Symbol))
		}
	}
	return quotes, nil
}

// A Source is one address that is asked for prices.
type Source struct {
	Name  string // what it is called in attestations: the venue's name unless given
	Venue *Venue
	URL   string
	Pair  string // that it is asked for; "": every pair that its answer names
}

// ParseSource reads [PAIR=][VENUE=]URL. Without VENUE the URL's host has to be a venue's own. The error wraps [ErrConfig].
func ParseSource(text string) (Source, error) {
	bad := func(format string, args ...any) (Source, error) {
		return Source{}, fmt.Errorf("%w: %s: %w", ErrConfig, cut(text), fmt.Errorf(format, args...))
	}
	at := strings.Index(text, "http://")
	if i := strings.Index(text, "https://"); i >= 0 && (at < 0 || i < at) {
		at = i
	}
	if at < 0 {
		return bad("there is no http:// or https:// in it")
	}
	s := Source{URL: text[at:]}
	if len(s.URL) > MaxURLBytes {
		return bad("a URL of %d bytes, at most %d", len(s.URL), MaxURLBytes)
	}
	u, err := url.Parse(s.URL)
	if err != nil || u.Hostname() == "" {
		return bad("its URL is none")
	}
	if u.User != nil {
		return bad("a name or password in a URL ends up in logs: leave it out")
	}
	for word := range strings.SplitSeq(strings.TrimSuffix(text[:at], "="), "=") {
		switch {
		case word == "":
		case strings.Contains(word, "/") && s.Pair == "":
			s.Pair = word
		case s.Venue == nil:
			if s.Venue = VenueOf(word); s.Venue == nil {
				return bad("no venue is called %s; known: %s", cut(word), strings.Join(Venues(), ", "))
			}
		default:
			return bad("what is %s? Give [PAIR=][VENUE=]URL", cut(word))
		}
	}
	if s.Venue == nil {
		if s.Venue = venueOfHost(u.Hostname()); s.Venue == nil {
			return bad("%s is no venue's own host: say whose answers it gives, as in binance=%s", u.Hostname(), s.URL)
		}
	}
	s.Name = s.Venue.Name
	return s, nil
}
