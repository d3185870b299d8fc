package exchange

import (
	"bytes"
	"encoding/csv"
	"maps"
	"math/big"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/internal/ledger"
)

// hledgerProgram is the program of that name; without it the test is skipped. .ci/hledger gets it.
func hledgerProgram(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("many runs of another program")
	}
	name := os.Getenv("TALLYSTICK_HLEDGER")
	if name == "" {
		name = "hledger"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("SKIPPED: journals were not given to hledger: %v; .ci/hledger gets the program", err)
	}
	return path
}

// hledger runs it on a journal.
func hledger(t *testing.T, program, journal string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, append([]string{"-f", "-"}, args...)...)
	cmd.Stdin = strings.NewReader(journal)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("hledger %q: %v\n%s\n%s", args, err, errs.String(), journal)
	}
	return out.String()
}

// An accountSum is what an account has of a unit.
type accountSum struct{ account, unit string }

// hledgerBalances are those that the program finds.
func hledgerBalances(t *testing.T, program, journal string, args ...string) map[accountSum]*big.Rat {
	t.Helper()
	out := hledger(t, program, journal, append([]string{"balance", "--flat", "--no-total", "-O", "csv"}, args...)...)
	records, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(records) == 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	all := map[accountSum]*big.Rat{}
	for _, r := range records[1:] {
		for amount := range strings.SplitSeq(r[1], ", ") {
			number, unit, _ := strings.Cut(amount, " ")
			n, ok := new(big.Rat).SetString(number)
			if !ok {
				t.Fatalf("an amount %q in %q", amount, r)
			}
			if n.Sign() != 0 {
				all[accountSum{r[0], strings.Trim(unit, `"`)}] = n
			}
		}
	}
	return all
}

// hledger's own check takes what is exported, and its balances are ours: of all entries the claimed ones, of the marked ones the
// tallied ones.
func TestHledger(t *testing.T) {
	t.Parallel()
	program := hledgerProgram(t)
	for seed := range 8 {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			var rows []Row
			for i := range 10 { // rooms of many hostile entries
				rows = append(rows, rowsOf.Example(100*seed+i)...)
			}
			checkHledger(t, program, rows)
		})
	}
	t.Run("nothing", func(t *testing.T) { checkHledger(t, program, nil) })
	t.Run("rapid", func(t *testing.T) {
		rows := rapid.SliceOfN(rowsOf, 20, 20).Example(1)
		checkHledger(t, program, slices.Concat(rows...))
	})
}

func checkHledger(t *testing.T, program string, rows []Row) {
	t.Helper()
	journal := export(t, Hledger, rows)
	hledger(t, program, journal, "check")
	hledger(t, program, journal, "check", "--strict")
	var tallied, claimed []*ledger.Entry
	for i := range rows {
		switch r := &rows[i]; r.Status.Standing {
		case ledger.Tallied:
			tallied = append(tallied, &r.Entry)
			claimed = append(claimed, &r.Entry)
		case ledger.Claimed:
			claimed = append(claimed, &r.Entry)
		}
	}
	c := newChart(slices.Values(rows), ExportOptions{})
	ours := func(entries []*ledger.Entry) map[accountSum]*big.Rat {
		all := map[accountSum]*big.Rat{}
		for k, sum := range sums(entries) {
			p := ledger.Posting{Label: k.label}
			if k.label == "" {
				p.Key = &k.key
			}
			if sum.Sign() != 0 {
				key := accountSum{c.account(&p), k.unit}
				if all[key] != nil {
					t.Fatalf("two parties have the account %q", key.account)
				}
				all[key] = sum
			}
		}
		return all
	}
	equal := func(what string, got, want map[accountSum]*big.Rat) {
		if !maps.EqualFunc(got, want, func(a, b *big.Rat) bool { return a.Cmp(b) == 0 }) {
			t.Errorf("%s: hledger has %v, we have %v\n%s", what, got, want, journal)
		}
	}
	equal("claimed", hledgerBalances(t, program, journal), ours(claimed))
	equal("tallied", hledgerBalances(t, program, journal, "--cleared"), ours(tallied))
	if n := strings.Count(hledger(t, program, journal, "print"), "standing:"); n != len(claimed) {
		t.Errorf("hledger has %d transactions, there are %d", n, len(claimed))
	}
}

func ExampleExport() {
	alice, bob := someKeys[0], someKeys[5]
	dinner := ledger.Entry{
		Postings: []ledger.Posting{{Label: "alice", Key: &alice, Amount: 3000}, {Label: "bob", Key: &bob, Amount: -2000}, {Label: "carol; [x]", Amount: -1000}},
		Scale:    2, Unit: "EUR", Memo: "dinner; wine",
	}
	taxi := ledger.NewTransfer("carol; [x]", "alice", 5, 0, "", "")
	rows := []Row{
		{Author: alice, Time: 1_700_000_000, Entry: dinner, Status: ledger.Status{Standing: ledger.Claimed, By: alice}},
		{Author: bob, Time: 1_700_000_000, Entry: taxi, Status: ledger.Status{Standing: ledger.Hearsay, By: bob}},
	}
	_ = Export(os.Stdout, Hledger, slices.Values(rows), ExportOptions{Room: "flat"})
	// Output:
	// ; Entries of flat, written by tallystick. Tallied ones are marked *, claimed ones !;
	// ; what is disputed, withdrawn, invalid, or said by a third person is a comment and counts nowhere.
	//
	// decimal-mark .
	//
	// commodity 1000.00 "EUR"
	// account alice #00010210
	// account bob #00010203
	// account carol%3B %5Bx%5D
	//
	// 2023-11-14 ! (00000000) dinner； wine
	//     ; id:0000000000000000000000000000000000000000000000000000000000000000, author:0001021000000000000000000000000000000000000000000000000000000000, standing:claimed, by:0001021000000000000000000000000000000000000000000000000000000000
	//     alice #00010210  30.00 "EUR"
	//     bob #00010203  -20.00 "EUR"
	//     carol%3B %5Bx%5D  -10.00 "EUR"
	//
	// ; 2023-11-14 (00000000)
	// ;     ; id:0000000000000000000000000000000000000000000000000000000000000000, author:0001020300001500000000000000000000000000000000000000000000000005, standing:said, by:0001020300001500000000000000000000000000000000000000000000000005
	// ;     carol%3B %5Bx%5D  -5
	// ;     alice  5
}
