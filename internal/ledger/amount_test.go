package ledger

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFormatAmount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mantissa      int64
		scale         int
		want          string
		before, after int
	}{
		{1250, 2, "12.50", 2, 3},
		{-1250, 2, "-12.50", 3, 3},
		{0, 0, "0", 1, 0},
		{0, 2, "0.00", 1, 3},
		{5, 2, "0.05", 1, 3},
		{-5, 1, "-0.5", 2, 2},
		{100, 2, "1.00", 1, 3},
		{7, 0, "7", 1, 0},
		{1, 18, "0.000000000000000001", 1, 19},
		{999999999999999999, 18, "0.999999999999999999", 1, 19},
		{999999999999999999, 0, "999999999999999999", 18, 0},
		{math.MinInt64, 2, "-92233720368547758.08", 18, 3},
	} {
		if got := FormatAmount(c.mantissa, c.scale); got != c.want {
			t.Errorf("FormatAmount(%d, %d): got %s, want %s", c.mantissa, c.scale, got, c.want)
		}
		if before, after := AmountCells(c.mantissa, c.scale); before != c.before || after != c.after {
			t.Errorf("AmountCells(%d, %d): got %d, %d, want %d, %d", c.mantissa, c.scale, before, after, c.before, c.after)
		}
	}
}

func TestAmountProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m, scale := rapid.Int64().Draw(t, "mantissa"), rapid.IntRange(0, MaxScale).Draw(t, "scale")
		s := FormatAmount(m, scale)
		want := new(big.Rat).SetFrac(big.NewInt(m), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
		if got, ok := new(big.Rat).SetString(s); !ok || got.Cmp(want) != 0 {
			t.Fatalf("FormatAmount(%d, %d): %s", m, scale, s)
		}
		before, after := AmountCells(m, scale)
		if before+after != len(s) {
			t.Fatalf("AmountCells(%d, %d): %d and %d of %s", m, scale, before, after, s)
		}
		aligned := string(AppendAmountAligned(nil, m, scale, 21, 20))
		if point := strings.IndexByte(aligned, '.'); len(aligned) != 41 || strings.TrimSpace(aligned) != s || scale > 0 && point != 21 {
			t.Fatalf("aligned: %q", aligned)
		}
		if m > 0 && m <= maxAmount {
			gotM, gotScale, bad := parseAmount(s)
			if bad != nil || gotM != m || gotScale != scale {
				t.Fatalf("parseAmount(%s): %d, %d, %v", s, gotM, gotScale, bad)
			}
		}
	})
}

func ExampleAppendAmountAligned() {
	amounts := []struct {
		mantissa int64
		scale    int
	}{{1250, 2}, {7, 0}, {-900005, 3}}
	before, after := 0, 0
	for _, a := range amounts {
		b, f := AmountCells(a.mantissa, a.scale)
		before, after = max(before, b), max(after, f)
	}
	for _, a := range amounts {
		fmt.Printf("[%s]\n", AppendAmountAligned(nil, a.mantissa, a.scale, before, after))
	}
	// Output:
	// [  12.50 ]
	// [   7    ]
	// [-900.005]
}
