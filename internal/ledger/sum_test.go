package ledger

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// bigSum is an amount in units of 10^-MaxScale.
func bigSum(mantissa int64, scale int) *big.Int {
	n := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(MaxScale-scale)), nil)
	return n.Mul(n, big.NewInt(mantissa))
}

// bigText writes n units of 10^-MaxScale in decimal, the slow way.
func bigText(n *big.Int, minScale int) string {
	r := new(big.Rat).SetFrac(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(MaxScale), nil))
	for scale := minScale; ; scale++ {
		text := r.FloatString(scale)
		if back, _ := new(big.Rat).SetString(text); back.Cmp(r) == 0 {
			return text
		}
	}
}

// Sums equal those of math/big, whatever the amounts and scales, and whatever they
// come to.
func TestSumsAreExactProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var sum Sum
		want := new(big.Int)
		for range rapid.IntRange(0, 30).Draw(t, "amounts") {
			mantissa := rapid.Int64Range(-maxAmount, maxAmount).Draw(t, "mantissa")
			scale := rapid.IntRange(0, MaxScale).Draw(t, "scale")
			sum = sum.Add(SumOf(mantissa, scale))
			want.Add(want, bigSum(mantissa, scale))
			for range rapid.IntRange(0, 3).Draw(t, "doublings") { // as millions of entries would make it
				if want.BitLen() < 180 {
					sum, want = sum.Add(sum), want.Lsh(want, 1)
				}
			}
		}
		if sum.Big().Cmp(want) != 0 {
			t.Fatalf("%v, want %v", sum.Big(), want)
		}
		minScale := rapid.IntRange(0, MaxScale).Draw(t, "least scale")
		if got, text := string(sum.Append(nil, minScale)), bigText(want, minScale); got != text {
			t.Fatalf("%q, want %q", got, text)
		}
		if got := sum.Sign(); got != want.Sign() {
			t.Fatalf("sign %d of %v", got, want)
		}
		if len(sum.Abs().String()) <= 36 {
			if back, ok := ParseSum(sum.String()); !ok || back != sum {
				t.Fatalf("%v is read as %v, %v", sum, back, ok)
			}
		}
		other := SumOf(rapid.Int64Range(-maxAmount, maxAmount).Draw(t, "other"), rapid.IntRange(0, MaxScale).Draw(t, "scale"))
		if sum.Cmp(other) != sum.Big().Cmp(other.Big()) || sum.Sub(other).Add(other) != sum || sum.Neg().Neg() != sum {
			t.Fatalf("%v and %v", sum, other)
		}
		if mantissa, scale, ok := sum.Scaled(); ok && (SumOf(mantissa, scale) != sum || magnitude(mantissa) > maxAmount || scale > 0 && mantissa%10 == 0) {
			t.Fatalf("%v is %d, %d", sum, mantissa, scale)
		} else if !ok && want.CmpAbs(bigSum(maxAmount, sum.Scale())) <= 0 {
			t.Fatalf("%v has at most %d digits", sum, MaxDigits)
		}
	})
}

func TestSumText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s        Sum
		minScale int
		want     string
	}{
		{Sum{}, 0, "0"},
		{Sum{}, 2, "0.00"},
		{SumOf(1250, 2), 0, "12.5"},
		{SumOf(1250, 2), 2, "12.50"},
		{SumOf(-5, 3), 2, "-0.005"},
		{SumOf(-700, 0), 0, "-700"},
		{SumOf(1, 18), 0, "0.000000000000000001"},
		{SumOf(maxAmount, 0).Add(SumOf(maxAmount, 18)), 0, "999999999999999999.999999999999999999"},
		{SumOf(maxAmount, 0).Add(SumOf(1, 0)), 0, "1000000000000000000"},
	} {
		if got := string(c.s.Append(nil, c.minScale)); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	for _, text := range []string{"", "-", ".5", "5.", "1e3", "+1", " 1", "1_000", "0.0000000000000000001", "--1", "1.2.3"} {
		if s, ok := ParseSum(text); ok {
			t.Errorf("%q is read as %v", text, s)
		}
	}
}
