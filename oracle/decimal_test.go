package oracle

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParsePrice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text    string
		expo    int
		want    int64
		rounded bool
		err     error
	}{
		{"2500", -8, 2500_00000000, false, nil},
		{"2500.25", -8, 2500_25000000, false, nil},
		{"0.00000001", -8, 1, false, nil},
		{"00012.5", -1, 125, false, nil},
		{"1", 0, 1, false, nil},
		{"999999999999999999", 0, MaxPrice, false, nil},
		{"9999999999.99999999", -8, MaxPrice, false, nil},
		{"0.999999999999999999", -18, MaxPrice, false, nil},
		{"1.000000000000000000000", -8, 0, false, ErrPriceDigits}, // 22 digits
		{"1.5", 0, 2, true, nil},                                  // half to even: up
		{"2.5", 0, 2, true, nil},                                  // half to even: down
		{"2.50000000000000001", 0, 3, true, nil},
		{"0.000000015", -8, 2, true, nil},
		{"0.000000025", -8, 2, true, nil},
		{"2500.10", -1, 25001, false, nil}, // a zero too much is nothing lost
		{"0.5", 0, 0, true, ErrPriceNotPositive},
		{"0.6", 0, 1, true, nil},
		{"0.000000000000000000000000000000000000001", -8, 0, false, ErrPriceNotPositive},
		{"0", -8, 0, false, ErrPriceNotPositive},
		{"0.00", -8, 0, false, ErrPriceNotPositive},
		{"-2500.25", -8, 0, false, ErrPriceNotPositive},
		{"-0", -8, 0, false, ErrPriceNotPositive},
		{"1234567890123456789", 0, 0, false, ErrPriceDigits},
		{"1234567890.123456789", -8, 0, false, ErrPriceDigits},
		{"10000000000", -8, 0, false, ErrPriceDigits}, // 10^18 units
		{"1e3", -8, 0, false, ErrPriceExponent},
		{"2.5E-3", -8, 0, false, ErrPriceExponent},
		{"-1e3", -8, 0, false, ErrPriceExponent},
		{"", -8, 0, false, ErrPriceSyntax},
		{"-", -8, 0, false, ErrPriceSyntax},
		{".", -8, 0, false, ErrPriceSyntax},
		{".5", -8, 0, false, ErrPriceSyntax},
		{"5.", -8, 0, false, ErrPriceSyntax},
		{"1.2.3", -8, 0, false, ErrPriceSyntax},
		{"+5", -8, 0, false, ErrPriceSyntax},
		{"$2500", -8, 0, false, ErrPriceSyntax},
		{"2,500", -8, 0, false, ErrPriceSyntax},
		{" 2500", -8, 0, false, ErrPriceSyntax},
		{"NaN", -8, 0, false, ErrPriceSyntax},
		{"0x10", -8, 0, false, ErrPriceSyntax},
		{"e5", -8, 0, false, ErrPriceSyntax},
		{"٥", -8, 0, false, ErrPriceSyntax},
		{strings.Repeat("0", 65), -8, 0, false, ErrPriceSyntax},
		{"5", 1, 0, false, ErrPriceSyntax},
		{"5", -19, 0, false, ErrPriceSyntax},
	} {
		got, rounded, err := ParsePrice(c.text, c.expo)
		if c.err != nil {
			if !errors.Is(err, c.err) || got != 0 {
				t.Errorf("%q, 10^%d: got %d, %v, want %v", c.text, c.expo, got, err, c.err)
			}
			continue
		}
		if got != c.want || rounded != c.rounded || err != nil {
			t.Errorf("%q, 10^%d: got %d %v %v, want %d %v", c.text, c.expo, got, rounded, err, c.want, c.rounded)
		}
	}
}

// What is formatted is read as the same.
func TestFormatPrice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		price int64
		expo  int
		want  string
	}{
		{1, -8, "0.00000001"}, {2500_25000000, -8, "2500.25000000"}, {7, 0, "7"}, {MaxPrice, -18, "0.999999999999999999"},
		{10, -1, "1.0"}, {0, -2, "0.00"}, {-150, -2, "-1.50"}, {105, -1, "10.5"}, {1_050_000, -6, "1.050000"},
	} {
		if got := FormatPrice(c.price, c.expo); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		price, expo := rapid.Int64Range(1, MaxPrice).Draw(t, "price"), rapid.IntRange(minExpo, 0).Draw(t, "expo")
		got, rounded, err := ParsePrice(FormatPrice(price, expo), expo)
		if got != price || rounded || err != nil {
			t.Fatalf("%d, 10^%d: got %d %v %v", price, expo, got, rounded, err)
		}
	})
}

// Rounding is that of exact rational arithmetic.
func TestParsePriceRounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9]{1,8}(\.[0-9]{1,12})?`).Draw(t, "text")
		expo := rapid.IntRange(-10, 0).Draw(t, "expo")
		exact, _ := new(big.Rat).SetString(text)
		exact.Mul(exact, new(big.Rat).SetInt64(int64(pow10[-expo])))
		floor := new(big.Int).Quo(exact.Num(), exact.Denom())
		rest := new(big.Rat).Sub(exact, new(big.Rat).SetInt(floor))
		if c := rest.Cmp(big.NewRat(1, 2)); c > 0 || c == 0 && floor.Bit(0) == 1 {
			floor.Add(floor, big.NewInt(1))
		}
		got, rounded, err := ParsePrice(text, expo)
		switch {
		case errors.Is(err, ErrPriceDigits):
			if len(strings.TrimLeft(strings.Replace(text, ".", "", 1), "0")) <= MaxDigits && floor.Cmp(big.NewInt(MaxPrice)) <= 0 {
				t.Fatalf("%s, 10^%d: %v", text, expo, err)
			}
		case errors.Is(err, ErrPriceNotPositive):
			if floor.Sign() != 0 {
				t.Fatalf("%s, 10^%d: %v, want %v", text, expo, err, floor)
			}
		case err != nil || floor.Cmp(big.NewInt(got)) != 0 || rounded != (rest.Sign() != 0):
			t.Fatalf("%s, 10^%d: got %d %v %v, want %v", text, expo, got, rounded, err, floor)
		}
	})
}
