package oracle_test

import (
	"fmt"

	"github.com/tallystick/tallystick/oracle"
)

// minute is some slots of a second with a price each, in units of 10^-2.
func minute(prices ...int64) (slots []oracle.SlotPrice) {
	for i, p := range prices {
		slots = append(slots, oracle.SlotPrice{Slot: int64(i), Price: p, Low: p - 100, High: p + 100, Final: true})
	}
	return slots
}

func ExampleTWAP() {
	slots := minute(250_000, 250_200, 250_400)
	r := oracle.TWAP(slots, 0, 4000, oracle.DefaultPolicy()) // the fourth second has no price: the last is carried
	fmt.Println(oracle.FormatPrice(r.Price, -2), r.Status, r.CarriedMS)
	// Output: 2502.50 ok 1000
}

func ExampleEMA() {
	r, err := oracle.EMA(minute(250_000, 251_000), 1, oracle.DefaultPolicy())
	fmt.Println(oracle.FormatPrice(r.Price, -2), r.Status, err)
	// Output: 2505.00 ok <nil>
}

func ExampleVolatility() {
	v := oracle.Volatility(minute(250_000, 252_500, 250_000), 60, oracle.DefaultPolicy())
	fmt.Printf("%d ppm, %.4f a slot\n", v.RangePPM, v.PerSlot)
	// Output: 10000 ppm, 0.0141 a slot
}

func ExampleBreaker() {
	b := oracle.NewBreaker(oracle.DefaultPolicy())
	for _, s := range minute(250_000, 250_100, 200_000) {
		fmt.Println(b.Step(s))
	}
	// Output:
	// open
	// open
	// halted since slot 2, 0 of 10 clean slots: left its five-minute mean, now by -200159 ppm
}

func ExampleDueAt() {
	d := oracle.DueAt(251_500, 250_000, 1000, 3000, oracle.DefaultPolicy())
	fmt.Println(d.Due(), d.Deviation, d.GapPPM)
	// Output: true true 6000
}

func ExampleLending_Conservative() {
	eth := oracle.Price{Pair: "ETH/USD", Expo: -2, Price: 250_000, Low: 249_000, High: 251_000}
	usd := oracle.Price{Pair: "USDC/USD", Expo: -2, Price: 100, Low: 100, High: 100}
	h, err := oracle.DefaultLending().Conservative(oracle.Position{Collateral: 10, Debt: 20_000}, eth, usd, 0)
	fmt.Println(h.LTVPPM, h.MayBorrow, h.Liquidate, err)
	// Output: 803213 false false <nil>
}

func ExampleSettle() {
	_, err := oracle.Settle(nil, 7_200_000, 7_200_000, oracle.DefaultPolicy())
	fmt.Println(err)
	// Output: too early to settle: log time is 1805000 ms short of half an hour and late_max after expiry
}

func ExampleBasket() {
	price := func(pair string, price int64) oracle.Price {
		return oracle.Price{Pair: pair, Expo: -4, Price: price, Low: price, High: price}
	}
	r, err := oracle.Basket([]oracle.Share{{Pair: "USDC/USD", Weight: 600_000}, {Pair: "USDT/USD", Weight: 300_000}, {Pair: "DAI/USD", Weight: 100_000}},
		[]oracle.Price{price("DAI/USD", 9_900), price("USDC/USD", 10_000), price("USDT/USD", 10_100)}, -4)
	fmt.Println(oracle.FormatPrice(r.Price, r.Expo), r.Status, err)
	// Output: 1.0020 ok <nil>
}
