package source

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// rat is the value of a decimal.
func rat(t interface{ Fatalf(string, ...any) }, s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is no number", s)
	}
	return r
}

var anyDecimal = rapid.Custom(func(t *rapid.T) Decimal {
	digits := rapid.IntRange(1, MaxDigits).Draw(t, "digits")
	return Decimal{
		rapid.Int64Range(1, int64(pow10[digits]-1)).Draw(t, "coef"),
		rapid.IntRange(0, MaxDigits).Draw(t, "scale"),
	}
})

// What is read is what is written, comparisons and middles are those of exact fractions.
func TestDecimalIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyDecimal.Draw(t, "a"), anyDecimal.Draw(t, "b")
		back, err := ParseDecimal(a.String())
		if len(a.String()) <= MaxDigits && (err != nil || back != a) {
			t.Fatalf("%v is read as %v, %v", a, back, err)
		}
		ra, rb := rat(t, a.String()), rat(t, b.String())
		if a.Cmp(b) != ra.Cmp(rb) {
			t.Fatalf("%v and %v compare %d, want %d", a, b, a.Cmp(b), ra.Cmp(rb))
		}
		mid, err := Mid(a, b)
		want := new(big.Rat).Add(ra, rb)
		want.Quo(want, big.NewRat(2, 1))
		if err == nil && rat(t, mid.String()).Cmp(want) != 0 {
			t.Fatalf("the middle of %v and %v is %v, want %s", a, b, mid, want.FloatString(40))
		}
		if err != nil { // only where no decimal of MaxDigits digits is the middle
			for scale := 0; scale <= MaxDigits; scale++ {
				n := new(big.Rat).Mul(want, new(big.Rat).SetInt(new(big.Int).SetUint64(pow10[scale])))
				if n.IsInt() && n.Num().Cmp(new(big.Int).SetUint64(pow10[MaxDigits])) < 0 {
					t.Fatalf("the middle of %v and %v is %s·10^-%d: %v", a, b, n.Num(), scale, err)
				}
			}
		}
	})
}
