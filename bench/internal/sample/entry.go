package sample

import (
	"math/rand/v2"
	"strings"

	"github.com/tallystick/tallystick/internal/ledger"
)

var (
	what = []string{
		"dinner", "lunch", "coffee", "groceries", "rent share", "tickets", "taxi", "petrol", "train to the coast", "hostel",
		"electricity", "internet", "birthday present", "cinema", "bread and cheese", "bike repair", "climbing gym", "museum",
		"pharmacy", "cat food", "paint and brushes", "moving van", "concert", "breakfast", "parking", "boat hire",
	}
	detail = []string{
		"", "", "", "", "for two", "at the market", "last Friday", "my half", "Zürich", "see the receipt", "week 12", "2 nights",
		"café Lindenhof", "without drinks", "as agreed", "deposit back", "split by three",
	}
	units = []string{"", "", "", "", "EUR", "CHF"}
)

// Transfer returns a transaction that from might write.
func Transfer(r *rand.Rand, from string, people []Person) ledger.Entry {
	to := from
	for to == from {
		to = people[r.IntN(len(people))].Name
	}
	cents := int64(r.IntN(6000) + 50)
	if r.IntN(4) > 0 {
		cents = cents / 50 * 50 // most sums are round
	}
	memo := ""
	if r.IntN(8) > 0 {
		memo = strings.TrimSpace(what[r.IntN(len(what))] + " " + detail[r.IntN(len(detail))])
	}
	return ledger.NewTransfer(from, to, cents, 2, units[r.IntN(len(units))], memo)
}
