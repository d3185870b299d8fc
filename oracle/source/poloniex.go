package source

import "fmt"

// parsePoloniex reads /markets/SYMBOL/ticker24h, whose price is close, and /markets/SYMBOL/markPriceComponents, whose price is
// markPrice and whose components are parts. Both have to tell markPrice, and the time in ms.
func parsePoloniex(doc node) ([]Quote, error) {
	if _, ok := doc.has("code"); ok {
		return nil, doc.refusal("code", "message")
	}
	var q Quote
	var err error
	if q.Price, err = doc.priceOf("markPrice"); err != nil {
		return nil, err
	}
	if q.Symbol, err = doc.text("symbol", MaxSymbolBytes); err != nil {
		return nil, err
	}
	if q.TimeMS, err = doc.whole("ts"); err != nil {
		return nil, err
	}
	if _, ok := doc.has("close"); ok {
		if q.Price, err = doc.priceOf("close"); err != nil {
			return nil, err
		}
		if q.Bid, err = doc.priceOf("bid"); err != nil {
			return nil, err
		}
		if q.Ask, err = doc.priceOf("ask"); err != nil {
			return nil, err
		}
		if q.Volume, err = doc.volume("quantity"); err != nil {
			return nil, err
		}
	}
	if list, ok := doc.has("components"); ok {
		if _, array := list.value.([]any); !array {
			return nil, list.fail(fmt.Errorf("%w: not an array", ErrMalformed))
		}
		parts, err := list.items(MaxParts)
		if err != nil {
			return nil, err
		}
		for _, n := range parts {
			var p Part
			if p.Name, err = n.text("exchange", MaxNameBytes); err != nil {
				return nil, err
			}
			if p.Price, err = n.priceOf("convertPrice"); err != nil {
				return nil, err
			}
			q.Parts = append(q.Parts, p)
		}
	}
	return []Quote{q}, nil
}
