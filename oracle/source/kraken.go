package source

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// parseKraken reads /0/public/Ticker: result.SYMBOL.{a,b,c,v}, each an array of texts. It tells no time.
func parseKraken(doc node) ([]Quote, error) {
	errs, err := doc.need("error")
	if err != nil {
		return nil, err
	}
	list, ok := errs.value.([]any)
	switch {
	case !ok:
		return nil, errs.fail(fmt.Errorf("%w: not an array", ErrMalformed))
	case len(list) > 0:
		var words []string
		for _, e := range list {
			words = append(words, said(e))
		}
		return nil, errs.fail(&RefusedError{Text: short(strings.Join(words, ", "))})
	}
	result, err := doc.need("result")
	if err != nil {
		return nil, err
	}
	symbols, err := result.names(MaxQuotes)
	if err != nil {
		return nil, err
	}
	var quotes []Quote
	for _, symbol := range symbols {
		n, err := result.need(symbol)
		if err != nil {
			return nil, err
		}
		q := Quote{Symbol: symbol}
		for _, f := range []struct {
			name string
			to   *Decimal
		}{{"c", &q.Price}, {"b", &q.Bid}, {"a", &q.Ask}} {
			if *f.to, err = n.first(f.name); err != nil {
				return nil, err
			}
		}
		if v, ok := n.has("v"); ok {
			last, err := v.item(1) // of 24 hours; the first is of today
			if err != nil {
				return nil, err
			}
			if q.Volume = said(last.value); len(q.Volume) > MaxVolumeBytes {
				return nil, last.fail(fmt.Errorf("%w: %d bytes, at most %d", ErrOverLimit, len(q.Volume), MaxVolumeBytes))
			}
		}
		quotes = append(quotes, q)
	}
	return quotes, nil
}

// names are those of an object's members, sorted.
func (n node) names(most int) ([]string, error) {
	object, ok := n.value.(map[string]any)
	switch {
	case !ok:
		return nil, n.fail(fmt.Errorf("%w: not an object", ErrMalformed))
	case len(object) == 0:
		return nil, n.fail(fmt.Errorf("%w: an empty object", ErrMissing))
	case len(object) > most:
		return nil, n.fail(fmt.Errorf("%w: %d names, at most %d", ErrOverLimit, len(object), most))
	}
	return slices.Sorted(maps.Keys(object)), nil
}

// first is the price that begins the array of that name.
func (n node) first(name string) (Decimal, error) {
	list, err := n.need(name)
	if err != nil {
		return Decimal{}, err
	}
	item, err := list.item(0)
	if err != nil {
		return Decimal{}, err
	}
	return item.price()
}

// krakenNames are those of an asset: XBT for BTC, XDG for DOGE, and with an X before older coins, a Z before older currencies.
func krakenNames(asset string) []string {
	names := []string{asset}
	switch asset {
	case "BTC":
		names = append(names, "XBT")
	case "DOGE":
		names = append(names, "XDG")
	}
	for _, n := range names {
		names = append(names, "X"+n, "Z"+n)
	}
	return names
}
