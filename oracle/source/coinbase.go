package source

// parseCoinbase reads /v2/prices/BTC-USD/spot: {"data":{"amount","currency"}}, and "base" where it is told. It tells no time.
func parseCoinbase(doc node) ([]Quote, error) {
	if errs, ok := doc.has("errors"); ok {
		first, err := errs.item(0)
		if err != nil {
			return nil, err
		}
		return nil, first.refusal("id", "message")
	}
	data, err := doc.need("data")
	if err != nil {
		return nil, err
	}
	var q Quote
	if q.Price, err = data.priceOf("amount"); err != nil {
		return nil, err
	}
	if q.Currency, err = data.text("currency", MaxSymbolBytes); err != nil {
		return nil, err
	}
	if _, ok := data.has("base"); ok {
		base, err := data.text("base", MaxSymbolBytes/2-1)
		if err != nil {
			return nil, err
		}
		q.Symbol = base + "-" + q.Currency
	}
	return []Quote{q}, nil
}
