package source

// parseBinance reads /api/v3/ticker/price (object or array), /ticker/bookTicker and /avgPrice. They tell no time.
func parseBinance(doc node) ([]Quote, error) {
	if _, ok := doc.has("code"); ok {
		return nil, doc.refusal("code", "msg")
	}
	items, err := doc.items(MaxQuotes)
	if err != nil {
		return nil, err
	}
	var quotes []Quote
	for _, n := range items {
		q, err := binanceQuote(n)
		if err != nil {
			return nil, err
		}
		// avgPrice names no symbol; in an array each must.
		if _, ok := n.has("symbol"); ok || len(items) > 1 {
			if q.Symbol, err = n.text("symbol", MaxSymbolBytes); err != nil {
				return nil, err
			}
		}
		quotes = append(quotes, q)
	}
	return quotes, nil
}

func binanceQuote(n node) (q Quote, err error) {
	if _, ok := n.has("bidPrice"); !ok {
		q.Price, err = n.priceOf("price")
		return q, err
	}
	if q.Bid, err = n.priceOf("bidPrice"); err != nil {
		return q, err
	}
	if q.Ask, err = n.priceOf("askPrice"); err != nil {
		return q, err
	}
	return q, q.book(n)
}
