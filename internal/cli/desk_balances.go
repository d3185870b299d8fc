package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tallystick/tallystick/internal/exchange"
	"github.com/tallystick/tallystick/internal/ledger"
)

// noUnit is how a command names the unit of entries that have none.
const noUnit = "-"

// units are those that a command asks for: all, or the one that is its argument.
func (d *desk) units(c *deskCall) ([]string, error) {
	d.look()
	all := d.book.Units()
	if len(c.Args) == 0 {
		return all, nil
	}
	want := c.Args[0]
	if want == noUnit {
		want = ""
	}
	if !slices.Contains(all, want) {
		shown := make([]string, 0, len(all))
		for _, u := range all {
			if u == "" {
				u = noUnit
			}
			shown = append(shown, u)
		}
		if len(shown) == 0 {
			return nil, fmt.Errorf("there is no entry with the unit %s, nor any other", c.Args[0])
		}
		return nil, fmt.Errorf("there is no entry with the unit %s; there are: %s", c.Args[0], strings.Join(shown[:min(len(shown), maxUnitsTold)], ", "))
	}
	return []string{want}, nil
}

// maxUnitsTold bounds how many units an error names.
const maxUnitsTold = 16

// moneyText is a sum with so many digits after the point, and two in place of one, as cents have.
func moneyText(s ledger.Sum, scale int) string {
	if scale == 1 {
		scale = 2
	}
	return string(s.Append(nil, scale))
}

// verbBalances writes what every party has in every unit.
func verbBalances(_ context.Context, d *desk, c *deskCall, out *deskOut) error {
	units, err := d.units(c)
	if err != nil {
		return err
	}
	t, err := d.teller()
	if err != nil {
		return err
	}
	for _, u := range units {
		balances := d.book.Balances(u)
		scale := 0 // of all: points stand alike
		for i := range balances {
			b := &balances[i]
			scale = max(scale, b.Tallied.Scale(), b.Claimed.Scale(), b.Disputed.Scale())
		}
		decimal := func(s ledger.Sum) string { return moneyText(s, scale) }
		for i := range balances {
			b := &balances[i]
			j := balanceJSON{
				Kind: kindBalance, Unit: exchange.Present(u), Party: t.partyJSON(b.Party),
				Tallied: decimal(b.Tallied), Claimed: decimal(b.Claimed), Disputed: decimal(b.Disputed),
			}
			if c.JSON {
				out.object(j)
			} else {
				out.columns(u, t.partyText(b.Party), j.Tallied, j.Claimed, j.Disputed)
			}
		}
	}
	return out.err
}
