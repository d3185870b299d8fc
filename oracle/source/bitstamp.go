package source

import (
	"fmt"
)

// maxLevels bounds the levels of one side of an order book.
const maxLevels = 2048

// parseBitstamp reads /api/v2/ticker/PAIR (object), /ticker/ (array, each with its pair) and /order_book/PAIR. They tell the time
// in seconds.
func parseBitstamp(doc node) ([]Quote, error) {
	if s, ok := doc.has("status"); ok && s.value == "error" {
		return nil, doc.refusal("code", "reason")
	}
	if _, ok := doc.has("error"); ok {
		return nil, doc.refusal("code", "error")
	}
	if _, ok := doc.has("bids"); ok {
		q, err := bitstampBook(doc)
		return []Quote{q}, err
	}
	items, err := doc.items(MaxQuotes)
	if err != nil {
		return nil, err
	}
	var quotes []Quote
	for _, n := range items {
		q := Quote{}
		if _, array := doc.value.([]any); array {
			if q.Symbol, err = n.text("pair", MaxSymbolBytes); err != nil {
				return nil, err
			}
		}
		for _, f := range []struct {
			name string
			to   *Decimal
		}{{"last", &q.Price}, {"bid", &q.Bid}, {"ask", &q.Ask}} {
			if *f.to, err = n.priceOf(f.name); err != nil {
				return nil, err
			}
		}
		if q.Volume, err = n.volume("volume"); err != nil {
			return nil, err
		}
		if err = q.seconds(n); err != nil {
			return nil, err
		}
		quotes = append(quotes, q)
	}
	return quotes, nil
}

// seconds sets the time from a timestamp in seconds.
func (q *Quote) seconds(n node) error {
	s, err := n.whole("timestamp")
	if err != nil {
		return err
	}
	const most = 1e12 // in seconds: 15 digits of milliseconds
	if s == 0 || s >= most {
		m, _ := n.need("timestamp")
		return m.fail(fmt.Errorf("%w: no time in seconds: %d", ErrNumber, s))
	}
	q.TimeMS = s * 1000
	return nil
}

// bitstampBook is the middle of an order book: of its highest bid and its lowest ask, wherever they stand in it.
func bitstampBook(doc node) (q Quote, err error) {
	if q.Bid, err = best(doc, "bids", 1); err != nil {
		return q, err
	}
	if q.Ask, err = best(doc, "asks", -1); err != nil {
		return q, err
	}
	if err = q.check(doc); err != nil {
		return q, err
	}
	if err = q.seconds(doc); err != nil {
		return q, err
	}
	return q, q.book(doc)
}

// best is the price of a side that compares to all others as sign says.
func best(doc node, side string, sign int) (Decimal, error) {
	list, err := doc.need(side)
	if err != nil {
		return Decimal{}, err
	}
	if _, ok := list.value.([]any); !ok {
		return Decimal{}, list.fail(fmt.Errorf("%w: not an array", ErrMalformed))
	}
	levels, err := list.items(maxLevels)
	if err != nil {
		return Decimal{}, err
	}
	var best Decimal
	for _, level := range levels {
		p, err := level.item(0)
		if err != nil {
			return Decimal{}, err
		}
		d, err := p.price()
		if err != nil {
			return Decimal{}, err
		}
		if best.IsZero() || d.Cmp(best) == sign {
			best = d
		}
	}
	return best, nil
}
