package source

// parseGemini reads /v1/pubticker/SYMBOL, which tells the time in ms and the two assets by their volumes, and /v2/ticker/SYMBOL,
// which tells neither, but the symbol.
func parseGemini(doc node) ([]Quote, error) {
	if r, ok := doc.has("result"); ok && r.value == "error" {
		return nil, doc.refusal("reason", "message")
	}
	var q Quote
	var err error
	price := "close"
	if _, v1 := doc.has("last"); v1 {
		price = "last"
		volume, err := doc.need("volume")
		if err != nil {
			return nil, err
		}
		if q.TimeMS, err = volume.whole("timestamp"); err != nil {
			return nil, err
		}
		names, err := volume.names(3)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if name != "timestamp" {
				q.Assets = append(q.Assets, name)
			}
		}
	} else if q.Symbol, err = doc.text("symbol", MaxSymbolBytes); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name string
		to   *Decimal
	}{{price, &q.Price}, {"bid", &q.Bid}, {"ask", &q.Ask}} {
		if *f.to, err = doc.priceOf(f.name); err != nil {
			return nil, err
		}
	}
	return []Quote{q}, nil
}
