package source

import (
	"encoding/json"
	"fmt"
	"strings"
)

// parseCoinGecko reads /api/v3/simple/price: {id: {quote: number}}. What else it was asked for (usd_24h_vol, last_updated_at) has an
// underscore in its name and is passed over. No time is told.
func parseCoinGecko(doc node) ([]Quote, error) {
	if status, ok := doc.has("status"); ok {
		return nil, status.refusal("error_code", "error_message")
	}
	if _, ok := doc.has("error"); ok {
		return nil, doc.refusal("code", "error")
	}
	ids, err := doc.names(MaxQuotes)
	if err != nil {
		return nil, err
	}
	var quotes []Quote
	for _, id := range ids {
		coin, err := doc.need(id)
		if err != nil {
			return nil, err
		}
		currencies, err := coin.names(MaxQuotes)
		if err != nil {
			return nil, err
		}
		for _, c := range currencies {
			if strings.Contains(c, "_") {
				continue
			}
			n, err := coin.need(c)
			if err != nil {
				return nil, err
			}
			if _, ok := n.value.(json.Number); !ok {
				return nil, n.fail(fmt.Errorf("%w: not a number", ErrNumber))
			}
			q := Quote{Symbol: id + "/" + c}
			if q.Price, err = n.price(); err != nil {
				return nil, err
			}
			quotes = append(quotes, q)
		}
	}
	if len(quotes) == 0 {
		return nil, doc.fail(fmt.Errorf("%w: no price of any coin", ErrMissing))
	}
	return quotes, nil
}

// coinIDs are CoinGecko's names of some assets; others are called by their own, in small letters.
var coinIDs = map[string]string{
	"AAVE": "aave", "ADA": "cardano", "AVAX": "avalanche-2", "BNB": "binancecoin", "BTC": "bitcoin", "DAI": "dai", "DOGE": "dogecoin",
	"DOT": "polkadot", "ETH": "ethereum", "LINK": "chainlink", "LTC": "litecoin", "SKY": "sky", "SOL": "solana", "USDC": "usd-coin",
	"USDT": "tether", "XRP": "ripple",
}

func coinGeckoNames(asset string) []string {
	names := []string{strings.ToLower(asset)}
	if id, ok := coinIDs[asset]; ok && id != names[0] {
		names = append(names, id)
	}
	return names
}
