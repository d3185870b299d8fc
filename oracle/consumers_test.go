package oracle

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// slotsOf reads a line of slots from slot 0 on: a number is a price of 100 units (bounds 1
// away), with w a Wide one, "-" a slot without a price, "." one that is not listed.
func slotsOf(text string) (all []SlotPrice) {
	for i, w := range strings.Fields(text) {
		s := SlotPrice{Slot: int64(i), Status: Insufficient, Final: true}
		if w == "." {
			continue
		}
		if w != "-" {
			s.Status = OK
			if strings.HasSuffix(w, "w") {
				s.Status = Wide
			}
			fmt.Sscanf(w, "%d", &s.Price)
			s.Price *= 100
			s.Low, s.High = s.Price-1, s.Price+1
		}
		all = append(all, s)
	}
	return all
}

// consumerPolicy has slots of 10 s and carries a price for 30 s.
func consumerPolicy() Policy {
	p := DefaultPolicy()
	p.SlotMS, p.MaxGapMS = 10_000, 30_000
	return p
}

func TestTWAP(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, slots string
		from, to    int64
		price       int64
		status      Status
		carried     int64
		gap         int64
	}{
		{"all", "10 20 30", 0, 30_000, 2000, OK, 0, 0},
		{"parts of slots", "10 20 30", 5000, 22_000, (5*1000 + 10*2000 + 2*3000) / 17, OK, 0, 0},
		{"one instant", "10 20", 9999, 10_000, 1000, OK, 0, 0},
		{"floor", "10 10 11", 0, 30_000, 1033, OK, 0, 0},
		{"carries over a gap", "10 - . 40", 0, 40_000, 1750, OK, 20_000, 20_000},
		{"carries to the end", "10 - -", 0, 40_000, 1000, OK, 30_000, 30_000},
		{"carries from before", "10 - 20", 10_000, 30_000, 1500, OK, 10_000, 10_000},
		{"a gap of max_gap", "10 - - - 20", 0, 50_000, 1200, OK, 30_000, 30_000},
		{"a longer one", "10 - - - - 20", 0, 60_000, 0, Insufficient, 0, 40_000},
		{"a longer one before", "10 . . . . 20", 45_000, 60_000, 0, Insufficient, 0, 40_000},
		{"a longer one after", "10", 0, 40_001, 0, Insufficient, 0, 30_001},
		{"nothing before", "- 20 20", 0, 30_000, 0, Insufficient, 0, 10_000},
		{"nothing", "", 0, 30_000, 0, Insufficient, 0, 30_000},
		{"no time", "10 20", 5000, 5000, 0, Insufficient, 0, 0},
		{"back in time", "10 20", 6000, 5000, 0, Insufficient, 0, 0},
		{"wide", "10 20w 30", 0, 30_000, 2000, Wide, 0, 0},
		{"wide outside", "10 20w 30", 0, 10_000, 1000, OK, 0, 0},
		{"prices after", "10 90 90", 0, 10_000, 1000, OK, 0, 0},
	} {
		r := TWAP(slotsOf(c.slots), c.from, c.to, consumerPolicy())
		if r.Price != c.price || r.Status != c.status || r.Status != Insufficient && r.CarriedMS != c.carried || r.GapMS != c.gap {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

// A TWAP is the mean of the prices of all its milliseconds, each that of the slot it is
// in or else the last, in integers without end.
func TestTWAPIsTheSlowMean(t *testing.T) {
	t.Parallel()
	p := DefaultPolicy()
	rapid.Check(t, func(t *rapid.T) {
		p.SlotMS, p.MaxGapMS = rapid.Int64Range(1, 5).Draw(t, "slot"), rapid.Int64Range(0, 20).Draw(t, "gap")
		slots := drawSlots(t)
		from := rapid.Int64Range(0, 60).Draw(t, "from")
		to := from + rapid.Int64Range(1, 60).Draw(t, "ms")
		sum, whole := new(big.Int), true
		for ms := from; ms < to; ms++ {
			var last *SlotPrice
			for i := range slots {
				if slots[i].Priced() && slots[i].Slot*p.SlotMS <= ms {
					last = &slots[i]
				}
			}
			if last == nil {
				whole = false
				break
			}
			sum.Add(sum, big.NewInt(last.Price))
			if end := (last.Slot + 1) * p.SlotMS; ms-end >= p.MaxGapMS {
				whole = false
			}
		}
		want := int64(0)
		if whole {
			want = sum.Quo(sum, big.NewInt(to-from)).Int64()
		}
		if r := TWAP(slots, from, to, p); r.Price != want || whole != (r.Status != Insufficient) {
			t.Fatalf("%+v, want %d", r, want)
		}
	})
}

func drawSlots(t *rapid.T) (all []SlotPrice) {
	slot := int64(-1)
	for range rapid.IntRange(0, 30).Draw(t, "slots") {
		slot += rapid.SampledFrom([]int64{1, 1, 1, 2, 5}).Draw(t, "next")
		s := SlotPrice{Slot: slot, Status: rapid.SampledFrom([]Status{OK, OK, Wide, Insufficient}).Draw(t, "status")}
		if s.Status != Insufficient {
			s.Price = rapid.SampledFrom([]int64{1, 1000, 1010, 1100, 2000, MaxPrice}).Draw(t, "price")
			s.Low, s.High = s.Price, s.Price
		}
		all = append(all, s)
	}
	return all
}

// The mean that a breaker keeps is the TWAP of the five minutes before, of as much as
// there is without a gap that is too long.
func TestBreakerMeanIsTheTWAP(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := DefaultPolicy()
		p.SlotMS, p.MaxGapMS = rapid.SampledFrom([]int64{7000, 10_000, 60_000, 400_000}).Draw(t, "slot"), rapid.Int64Range(0, 60_000).Draw(t, "gap")
		slots := drawSlots(t)
		b := NewBreaker(p)
		for i, s := range slots {
			got := b.Step(s)
			if !s.Priced() {
				continue
			}
			start := s.Slot * p.SlotMS
			want := int64(0)
			for from := max(0, start-breakerTWAPms); from < start; from += 1000 { // the earliest from which all is known
				if r := TWAP(slots[:i], from, start, p); r.Status != Insufficient {
					want = r.Price
					break
				}
			}
			if got.Mean != want {
				t.Fatalf("slot %d: mean %d, want %d", s.Slot, got.Mean, want)
			}
		}
	})
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, slots string
		why         string // after each slot listed: the reason's first letter, or . while open
	}{
		{"steady", "10 10 10 10", "...."},
		{"a move of exactly the limit", "10 11", ".."},
		{"a jump", "100 111 111", ".mm"},
		{"down", "100 89", ".m"},
		{"wide twice", "10 10w 10w 10", "...."},
		{"wide three times", "10 10w 10w 10w 10", "...ww"},
		{"no price for long enough", "10 - - - -", "....g"},
		{"not long enough", "10 - - - 10", "....."},
		{"slots left out", "10 . . . . 10", ".g"},
		{"nothing from the start", "- - - - -", "...gg"},
		{"reopens after ten clean", "10 - - - - 10 10 10 10 10 10 10 10 10 10 10", "....ggggggggggg" + "."},
		{"counts anew after one that is not", "10 - - - - 10 10 10 10 10 10 10 10 10 - 10 10 10 10 10 10 10 10 10 10 10", "....gggggggggggggggggggg" + ".."},
		{"wide is not clean", "10 - - - - 10 10 10 10 10 10 10 10 10 10w 10", "....gggggggggggg"},
	} {
		b := NewBreaker(consumerPolicy())
		got := ""
		for _, s := range slotsOf(c.slots) {
			r := b.Step(s)
			if r.Halted != (r.Status == Halted) || r.Halted == (r.Why == NotHalted) || r.Halted && !strings.HasPrefix(r.String(), "halted") || r.Price != s.Price {
				t.Errorf("%s: %+v", c.name, r)
			}
			if r.Halted {
				got += r.Why.String()[:1]
			} else {
				got += "."
			}
		}
		if got != c.why {
			t.Errorf("%s: %s, want %s", c.name, got, c.why)
		}
	}
	b := NewBreaker(consumerPolicy())
	b.Step(slotsOf("100")[0])
	halted := b.Step(slotsOf("100 200")[1])
	if again := b.Step(slotsOf("100")[0]); !again.Halted || again.SinceSlot != halted.SinceSlot {
		t.Errorf("a slot that was fed before: %+v", again)
	}
	if BreakerOver(nil, consumerPolicy()).Halted || !BreakerOver(slotsOf("100 200"), consumerPolicy()).Halted {
		t.Error("over a list")
	}
}

func TestEMA(t *testing.T) {
	t.Parallel()
	p := consumerPolicy()
	for _, c := range []struct {
		name, slots string
		half        int
		price       int64
		status      Status
		n           int
	}{
		{"one", "10", 5, 1000, OK, 1},
		{"half after the half-life of one slot", "10 20", 1, 1500, OK, 2},
		{"a quarter is left after two", "10 20 20", 1, 1750, OK, 3},
		{"a gap counts as slots that passed", "10 . 20", 1, 1750, OK, 2},
		{"a gap without listing is the same", "10 - 20", 1, 1750, OK, 2},
		{"anew after a long gap", "10 - - - - 20", 1, 2000, OK, 1},
		{"carried in a short gap", "10 - - -", 1, 1000, OK, 1},
		{"none after a long one", "10 - - - -", 1, 0, Insufficient, 0},
		{"wide", "10 20w", 1, 1500, Wide, 2},
		{"nothing", "", 1, 0, Insufficient, 0},
		{"nothing priced", "- -", 1, 0, Insufficient, 0},
	} {
		r, err := EMA(slotsOf(c.slots), c.half, p)
		if err != nil || max(r.Price-c.price, c.price-r.Price) > 1 || r.Status != c.status || r.Slots != c.n {
			t.Errorf("%s: %+v %v", c.name, r, err)
		}
		if r.Status != Insufficient && r.Width != 2 && r.Width != 1 {
			t.Errorf("%s: width %d", c.name, r.Width)
		}
	}
	for _, half := range []int{0, -1, maxHalfLifeSlots + 1} {
		if _, err := EMA(nil, half, p); !errors.Is(err, ErrHalfLife) {
			t.Errorf("half-life %d: %v", half, err)
		}
	}
	if k := halfRoot(1); k != 1<<31 {
		t.Errorf("halfRoot(1) is %d", k)
	}
	for _, n := range []int{2, 3, 60, 3600, 1 << 20} { // against the library's, which is not the same everywhere
		if want := math.Exp2(32 - 1/float64(n)); math.Abs(float64(halfRoot(n))-want) > 1.01 {
			t.Errorf("halfRoot(%d) is %d, want about %f", n, halfRoot(n), want)
		}
	}
	slots := slotsOf("10")
	slots[0].Price = MaxPrice
	if r, _ := EMA(append(slots, SlotPrice{Slot: 1, Price: MaxPrice, Low: 1, High: MaxPrice}), 3, p); r.Price < MaxPrice-1 {
		t.Errorf("the greatest price: %+v", r)
	}
}

func TestVolatility(t *testing.T) {
	t.Parallel()
	p := consumerPolicy()
	v := Volatility(slotsOf("100 110 100 110 100"), 100, p)
	r := math.Log(1.1) // returns r, −r, r, −r: mean 0, variance 4r²/3
	if want := r * math.Sqrt(4.0/3); math.Abs(v.PerSlot-want) > 1e-12 || math.Abs(v.Annual-want*math.Sqrt(365*8640)) > 1e-9 {
		t.Errorf("%+v, want %f", v, want)
	}
	if v.RangePPM != 100_000 || v.Median != 10_000 || v.Min != 10_000 || v.Max != 11_000 || v.Slots != 5 || v.Returns != 4 || v.Status != OK {
		t.Errorf("%+v", v)
	}
	if v := Volatility(slotsOf("100 - 110 . 120 130w"), 100, p); v.Returns != 1 || !math.IsNaN(v.PerSlot) || v.Slots != 4 || v.Status != Wide {
		t.Errorf("gaps: %+v", v)
	}
	if v := Volatility(slotsOf("900 100 110 120"), 3, p); v.Slots != 3 || v.Max != 12_000 || v.RangePPM != 181_818 {
		t.Errorf("window: %+v", v)
	}
	for _, text := range []string{"", "- -"} {
		if v := Volatility(slotsOf(text), 3, p); v.Status != Insufficient || v.Slots != 0 {
			t.Errorf("%q: %+v", text, v)
		}
	}
	if v := Volatility(slotsOf("1 2"), math.MaxInt64, p); v.Slots != 2 {
		t.Errorf("any window: %+v", v)
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	p := DefaultPolicy() // 5,000 ppm, 60 s
	for _, c := range []struct {
		price, last, lastT, now int64
		deviation, heartbeat    bool
	}{
		{1_005_000, 1_000_000, 0, 0, false, false},
		{1_005_001, 1_000_000, 0, 0, true, false},
		{994_999, 1_000_000, 0, 0, true, false},
		{995_000, 1_000_000, 0, 59_999, false, false},
		{1_000_000, 1_000_000, 0, 60_000, false, true},
		{2_000_000, 1_000_000, 0, 60_000, true, true},
		{0, 1_000_000, 0, 10, false, false}, // no price
		{5, 0, 0, 0, false, true},           // never published
		{MaxPrice, 1, 0, 0, true, false},
		{1, MaxPrice, math.MaxInt64, math.MinInt64, true, false},
	} {
		if d := DueAt(c.price, c.last, c.lastT, c.now, p); d.Deviation != c.deviation || d.Heartbeat != c.heartbeat || d.Due() != (c.deviation || c.heartbeat) {
			t.Errorf("%+v: %+v", c, d)
		}
	}
}

func TestBasket(t *testing.T) {
	t.Parallel()
	shares := []Share{{"USDC/USD", 600_000}, {"USDT/USD", 300_000}, {"DAI/USD", 100_000}}
	price := func(pair string, price int64, expo int, s Status) Price {
		return Price{Pair: pair, Price: price, Low: price - 1, High: price + 1, Expo: expo, Status: s}
	}
	all := func(s Status) []Price {
		return []Price{price("DAI/USD", 99_000, -5, s), price("USDC/USD", 100_000_000, -8, OK), price("USDT/USD", 1_010, -3, OK)}
	}
	r, err := Basket(shares, all(OK), -8)
	if err != nil || r.Price != 100_200_000 || r.Status != OK || r.Low != 60_000_000+30_270_000+9_899_900-1 || r.High != 60_000_001+30_330_000+9_900_100 || r.Limiting != "" {
		t.Errorf("%+v %v", r, err)
	}
	for _, s := range []Status{Wide, Halted, Insufficient} {
		r, err := Basket(shares, all(s), -8)
		if err != nil || r.Status != s || r.Limiting != "DAI/USD" || (r.Price == 0) != (s == Insufficient) {
			t.Errorf("%v: %+v %v", s, r, err)
		}
	}
	other := all(OK)
	other[0].At = 5
	for name, c := range map[string]struct {
		shares []Share
		prices []Price
		expo   int
	}{
		"nothing":       {nil, all(OK), -8},
		"adds up short": {shares[:2], all(OK), -8},
		"weight 0":      {[]Share{{"USDC/USD", 0}, {"DAI/USD", 1_000_000}}, all(OK), -8},
		"twice":         {[]Share{{"USDC/USD", 500_000}, {"USDC/USD", 500_000}}, all(OK), -8},
		"no price":      {[]Share{{"BTC/USD", 1_000_000}}, all(OK), -8},
		"other time":    {shares, other, -8},
		"unit":          {shares, all(OK), 1},
		"too large":     {[]Share{{"A/B", 1_000_000}}, []Price{price("A/B", MaxPrice, 0, OK)}, -18},
	} {
		if _, err := Basket(c.shares, c.prices, c.expo); !errors.Is(err, ErrBasket) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSettle(t *testing.T) {
	t.Parallel()
	p := DefaultPolicy()
	const expiry = int64(100 * 3_600_000)
	var slots []SlotPrice
	for s := (expiry - settleHalfMS) / p.SlotMS; s < (expiry+settleHalfMS)/p.SlotMS; s++ {
		price := int64(2000)
		if s >= expiry/p.SlotMS { // after expiry
			price = 3000
		}
		slots = append(slots, SlotPrice{Slot: s, Price: price, Final: true})
	}
	due := SettleAt(expiry, p)
	if due != expiry+30*60*1000+5000 {
		t.Fatal(due)
	}
	if _, err := Settle(slots, expiry, due-1, p); !errors.Is(err, ErrTooEarly) {
		t.Errorf("a millisecond early: %v", err)
	}
	if r, err := Settle(slots, expiry, due, p); err != nil || r.Price != 2500 || r.Status != OK {
		t.Errorf("%+v %v", r, err)
	}
	slots[7].Final = false
	if r, err := Settle(slots, expiry, due, p); !errors.Is(err, ErrTooEarly) || r.Status != Insufficient {
		t.Errorf("a slot that can change: %+v %v", r, err)
	}
	slots[7].Final = true
	if r, err := Settle(append(slots[:100:100], slots[131:]...), expiry, due, p); err != nil || r.Status != Insufficient {
		t.Errorf("a gap of 31 s: %+v %v", r, err)
	}
	if OptionPayoff(2500, 2400, false) != 100 || OptionPayoff(2500, 2600, false) != 0 || OptionPayoff(2500, 2600, true) != 100 {
		t.Error("payoff")
	}
}

func TestLending(t *testing.T) {
	t.Parallel()
	m := DefaultLending()
	eth := Price{Pair: "ETH/USD", Expo: -8, At: 1000, Price: 100, Low: 98, High: 102}
	usd := Price{Pair: "USDC/USD", Expo: -2, At: 1000, Price: 1, Low: 1, High: 1}
	unit := int64(1_000_000) // 10^-2 of 10^-8
	for _, c := range []struct {
		collateral, debt            int64
		ltv                         int64
		borrow, liquidate, doubtful bool
	}{
		{1000 * unit, 0, 0, true, false, false},
		{1000 * unit, 78_400, 800_000, true, false, false}, // 78,400 of 98,000
		{1000 * unit, 78_401, 800_011, false, false, false},
		{1000 * unit, 83_300, 850_000, false, false, false},
		{1000 * unit, 83_301, 850_011, false, true, true},  // at high it is 81.7 %
		{1000 * unit, 86_701, 884_705, false, true, false}, // at high 85.001 %
		{0, 1, 1_000_000_000_000, false, true, false},
		{0, 0, 0, true, false, false},
		{1, maxAmount, 1_000_000_000_000, false, true, false},
	} {
		h, err := m.Conservative(Position{c.collateral, c.debt}, eth, usd, 2000)
		if err != nil || h != (Health{c.ltv, c.borrow, c.liquidate, c.doubtful}) {
			t.Errorf("%+v: %+v %v", c, h, err)
		}
	}
	for name, change := range map[string]func(p *Price){
		"halted":       func(p *Price) { p.Status = Halted },
		"insufficient": func(p *Price) { p.Status = Insufficient },
		"old":          func(p *Price) { p.At = -299_000 },
		"of later":     func(p *Price) { p.At = 400_000 },
		"no bounds":    func(p *Price) { p.Low = 0 },
		"unit":         func(p *Price) { p.Expo = 3 },
	} {
		p := eth
		change(&p)
		if h, err := m.Conservative(Position{1, 1}, p, usd, 301_001); !errors.Is(err, ErrNoPrice) || h != (Health{}) {
			t.Errorf("%s: %+v %v", name, h, err)
		}
	}
	if _, err := m.Conservative(Position{-1, 1}, eth, usd, 1000); !errors.Is(err, ErrAmount) {
		t.Errorf("an amount below zero: %v", err)
	}
	eth.Status = Wide
	if _, err := m.Conservative(Position{1, 1}, eth, usd, 1000); err != nil {
		t.Errorf("wide: %v", err)
	}
}
