package source

import (
	"fmt"
)

// parseCoinMarketCap reads /v1 and /v2/cryptocurrency/quotes/latest: data.SYMBOL, an object or an array of such, with
// quote.CURRENCY.price. The time of a price there is that of an average over venues, so its receipt counts.
func parseCoinMarketCap(doc node) ([]Quote, error) {
	status, err := doc.need("status")
	if err != nil {
		return nil, err
	}
	code, err := status.need("error_code")
	if err != nil {
		return nil, err
	}
	if said(code.value) != "0" {
		return nil, status.refusal("error_code", "error_message")
	}
	data, err := doc.need("data")
	if err != nil {
		return nil, err
	}
	symbols, err := data.names(MaxQuotes)
	if err != nil {
		return nil, err
	}
	var quotes []Quote
	for _, symbol := range symbols {
		n, err := data.need(symbol)
		if err != nil {
			return nil, err
		}
		coins, err := n.items(MaxQuotes)
		if err != nil {
			return nil, err
		}
		// Of several coins of one symbol the first is the greatest; asked by id, the name in data is that.
		base, err := coins[0].text("symbol", MaxSymbolBytes/2-1)
		if err != nil {
			return nil, err
		}
		quote, err := coins[0].need("quote")
		if err != nil {
			return nil, err
		}
		currencies, err := quote.names(MaxQuotes)
		if err != nil {
			return nil, err
		}
		for _, c := range currencies {
			of, err := quote.need(c)
			if err != nil {
				return nil, err
			}
			q := Quote{Symbol: base + "/" + c}
			if q.Price, err = of.priceOf("price"); err != nil {
				return nil, err
			}
			quotes = append(quotes, q)
		}
	}
	if len(quotes) == 0 {
		return nil, data.fail(fmt.Errorf("%w: no price of any coin", ErrMissing))
	}
	return quotes, nil
}
