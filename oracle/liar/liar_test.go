package liar

import (
	"math"
	"testing"
)

func TestPrices(t *testing.T) {
	t.Parallel()
	const own = 2_500_00000000
	for _, c := range []struct {
		kind  Kind
		sight Sight
		want  int64
	}{
		{Honest, Sight{Own: own}, own},
		{Plus, Sight{Own: own}, 3_000_00000000},
		{Minus, Sight{Own: own}, 2_000_00000000},
		{Drift, Sight{Own: own}, 2_550_00000000},
		{Ramp, Sight{Own: own}, own},
		{Ramp, Sight{Own: own, Step: 10}, 2_525_00000000},
		{Ramp, Sight{Own: own, Step: 5000}, 3_000_00000000},
		{Edge, Sight{Own: own, High: own + 7}, own + 7},
		{Alternate, Sight{Own: own, Step: 4}, 3_000_00000000},
		{Alternate, Sight{Own: own, Step: 5}, 2_000_00000000},
		{Mix, Sight{Own: own, Draw: 1029}, 2_625_00000000},
		{Mix, Sight{Own: own, Draw: 59}, 3_000_00000000},
		{Mix, Sight{Own: own, Draw: 60}, own},
		{Stale, Sight{Own: own, First: 5}, 5},
		{Minus, Sight{Own: 1}, 1},
		{Plus, Sight{Own: math.MaxInt64 - 1}, math.MaxInt64},
		{Minus, Sight{Own: math.MaxInt64}, 7378697629483820646},
	} {
		if got, ok := c.kind.Price(c.sight); !ok || got != c.want {
			t.Errorf("%s of %+v: got %d, %v, want %d", c.kind, c.sight, got, ok, c.want)
		}
	}
	if _, ok := Silent.Price(Sight{Own: own}); ok {
		t.Error("who is silent reports")
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, k := range Kinds() {
		if got, err := Parse(string(k)); err != nil || got != k {
			t.Errorf("%s: got %q, %v", k, got, err)
		}
	}
	for _, name := range []string{"", "Plus", "\x1b[2J"} {
		if _, err := Parse(name); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

// What is drawn depends on seed, oracle and number, and is even: each of ten classes within a tenth of its share.
func TestDraw(t *testing.T) {
	t.Parallel()
	var classes [10]int
	const draws = 100_000
	for n := range draws {
		classes[Draw(7, 3, n)%10]++
	}
	for c, n := range classes {
		if n < draws/10*9/10 || n > draws/10*11/10 {
			t.Errorf("class %d: %d of %d", c, n, draws)
		}
	}
	if Draw(1, 2, 3) == Draw(2, 2, 3) || Draw(1, 2, 3) == Draw(1, 3, 3) || Draw(1, 2, 3) == Draw(1, 2, 4) {
		t.Error("draws are alike")
	}
}
