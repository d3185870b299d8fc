package exchange

import (
	"math/big"
	"slices"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

// What a name or a memo may hold to be read as something else: by hledger, by a spreadsheet, by CSV, by a terminal.
var (
	labels = rapid.Custom(func(t *rapid.T) string {
		s := rapid.OneOf(
			rapid.StringOfN(rapid.RuneFrom([]rune("ab #%:;|()[]{}<>*!=@\"'\\,.-+$~`^&/?_0123é日👍\u00a0\u2003\u0301")), 1, 12, 60),
			rapid.SampledFrom([]string{
				"alice", "alice ", " alice", "a  b", "alice #00010203", "alice%20", "12.50", "-5 EUR", "=1+1", "@SUM(A1)", "'x", "''x", "; x",
				"* x", "! x", "(x)", "[x]", "assets:x", "account", "end", "x ; date:1", "~ monthly", "= x", "P 2026", "include x", "0x", "1,000",
			}),
		).Draw(t, "label")
		if l, ok := ledger.ParseLabel(s); ok {
			return l
		}
		return "x"
	})
	memos = rapid.OneOf(
		rapid.Just(""),
		rapid.StringOfN(rapid.RuneFrom([]rune("ab ;|()[]\"',.-+=@:#%\t\x1b\x00\u202e\u00a0日👍é\u0301\u200d")), 0, 40, ledger.MaxMemoBytes),
		rapid.SampledFrom([]string{
			"date:9999-99-99", "; date:x", "x  ; date2:1", "a | b", "=HYPERLINK(\"x\")", "'", "(1)", "* x", "\x1b[2J", string(slices.Repeat([]byte{0x1b}, 512)),
		}),
	)
	units     = rapid.SampledFrom([]string{"", "", "EUR", "EUR", "E1", "A0B1C2D3"})
	standings = rapid.SampledFrom([]ledger.Standing{
		ledger.Tallied, ledger.Tallied, ledger.Claimed, ledger.Claimed, ledger.Disputed, ledger.Withdrawing, ledger.Withdrawn, ledger.Hearsay, ledger.Invalid,
	})
)

// someKeys are few, and begin alike.
var someKeys = func() (all [6]crdt.Author) {
	for i := range all {
		all[i] = crdt.Author{0, 1, 2, 3}
		all[i][min(i+3, 6)] = byte(16 + i)
		all[i][31] = byte(i)
	}
	return all
}()

var entries = rapid.Custom(func(t *rapid.T) ledger.Entry {
	for {
		e := ledger.Entry{
			Scale: rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(0, ledger.MaxScale)).Draw(t, "scale"),
			Unit:  units.Draw(t, "unit"), Memo: memos.Draw(t, "memo"),
		}
		n := rapid.OneOf(rapid.Just(2), rapid.IntRange(2, 6)).Draw(t, "postings")
		var sum int64
		for i := range n {
			p := ledger.Posting{Label: labels.Draw(t, "label")}
			if rapid.Bool().Draw(t, "bound") {
				p.Key = &someKeys[rapid.IntRange(0, len(someKeys)-1).Draw(t, "key")]
			}
			p.Amount = rapid.OneOf(rapid.Int64Range(-2000, 2000), rapid.Int64Range(-1e17, 1e17)).Draw(t, "amount")
			if i == n-1 {
				p.Amount = -sum
			}
			sum += p.Amount
			e.Postings = append(e.Postings, p)
		}
		e.Memo = norm.NFC.String(e.Memo)
		if e.Validate() == nil {
			return e
		}
	}
})

var rowsOf = rapid.Custom(func(t *rapid.T) []Row {
	var rows []Row
	for i := range rapid.IntRange(0, 12).Draw(t, "rows") {
		r := Row{
			Change: crdt.ChangeID{byte(i), 0xab}, Author: someKeys[rapid.IntRange(0, len(someKeys)-1).Draw(t, "author")],
			Number: rapid.IntRange(0, 3).Draw(t, "number"),
			Time:   rapid.OneOf(rapid.Int64Range(0, 4e9), rapid.Int64()).Draw(t, "time"),
			Status: ledger.Status{Standing: standings.Draw(t, "standing")},
		}
		switch r.Status.Standing {
		case ledger.Invalid:
			r.Status.Reason = ledger.ReasonSum
		default:
			r.Entry = entries.Draw(t, "entry")
			r.Status.By = r.Author
		}
		rows = append(rows, r)
	}
	return rows
})

// A sumKey is a party and a unit.
type sumKey struct {
	key   crdt.Author // zero if not bound
	label string
	unit  string
}

// sums are what parties have, slowly and exactly.
func sums(entries []*ledger.Entry) map[sumKey]*big.Rat {
	all := map[sumKey]*big.Rat{}
	for _, e := range entries {
		one := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(e.Scale)), nil))
		for _, p := range e.Postings {
			k := sumKey{label: p.Label, unit: e.Unit}
			if p.Key != nil {
				k.key, k.label = *p.Key, ""
			}
			if all[k] == nil {
				all[k] = new(big.Rat)
			}
			all[k].Add(all[k], new(big.Rat).Mul(one, new(big.Rat).SetInt64(p.Amount)))
		}
	}
	return all
}
