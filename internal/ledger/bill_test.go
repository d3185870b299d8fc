package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/internal/race"
)

func TestParseBill(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line, postings string
		formatted      string // "" for the line itself
	}{
		{"alice paid 60 EUR for bob, carol: dinner", "alice 60, bob -30, carol -30", ""},
		{"alice paid 60 EUR for alice, bob, carol: dinner", "alice 40, bob -20, carol -20", "alice paid 40 EUR for bob, carol: dinner"},
		{
			"alice paid 60 EUR for alice 30, bob 20, carol 10: dinner", "alice 30, bob -20, carol -10",
			"alice paid 30 EUR for bob 20, carol 10: dinner",
		},
		{"paid 60 for bob", "me 60, bob -60", "me paid 60 for bob"},
		{"paid 60 for me, bob", "me 30, bob -30", "me paid 30 for bob"},
		{"paid paid 60 for bob", "paid 60, bob -60", ""},
		{`"paid" paid 60 for bob`, "paid 60, bob -60", "paid paid 60 for bob"},
		{"for paid 60 for for, paid", "for 30, paid -30", "for paid 30 for paid"},
		{"a paid 10 EUR for a, b, c", "a 6.66, b -3.33, c -3.33", "a paid 6.66 EUR for b, c"},
		{"a paid 10 EUR for b, c, d", "a 10.00, b -3.34, c -3.33, d -3.33", "a paid 10.00 EUR for b, c, d"},
		{"a paid 20 EUR for b, a, c", "a 13.33, b -6.67, c -6.66", "a paid 13.33 EUR for b, c"},
		{"a paid 10 JPY for b, c, d", "a 10, b -4, c -3, d -3", ""},
		{"a paid 10 KWD for b, c, d", "a 10.000, b -3.334, c -3.333, d -3.333", "a paid 10.000 KWD for b, c, d"},
		{"a paid 1.0001 EUR for b, c", "a 1.0001, b -0.5001, c -0.5000", ""},
		{"a paid 999999999999999999 for b, c", "a 999999999999999999, b -500000000000000000, c -499999999999999999", ""},
		{"a paid 6 for b 2.5, c 3.50", "a 6.00, b -2.50, c -3.50", "a paid 6.00 for b 2.50, c 3.50"},
		{"a paid 1_000 for b 500,c 500", "a 1000, b -500, c -500", "a paid 1000 for b, c"},
		{`a paid 5 for "b, c", "7": "x`, "", ""},
		{`a paid 6 for "b, c", "7": "\"x\" y"`, "a 6, b, c -3, 7 -3", ""},
		{`  a   paid  6 X for b , c  :  x  `, "", ""},
		{`  a   paid  6 XX for b , c  :  x  `, "a 6, b -3, c -3", "a paid 6 XX for b, c: x"},
		{"a paid 6 for b: EUR 1 000", "a 6, b -6", ""},
		{"a paid 6 for b:", "a 6, b -6", "a paid 6 for b"},
		{"a paid 6 for b: : ", "a 6, b -6", "a paid 6 for b: :"},
	} {
		t.Run(c.line, func(t *testing.T) {
			t.Parallel()
			e, err := ParseLine(c.line, "me")
			if c.postings == "" {
				if err == nil {
					t.Fatalf("got %+v", e)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range e.Postings {
				got = append(got, p.Label+" "+FormatAmount(p.Amount, e.Scale))
			}
			if s := strings.Join(got, ", "); s != c.postings {
				t.Errorf("got %s, want %s", s, c.postings)
			}
			if err := e.Validate(); err != nil {
				t.Error(err)
			}
			checkFormat(t, e, cmp.Or(c.formatted, c.line))
		})
	}
}

func TestParseBillErrors(t *testing.T) {
	t.Parallel()
	many := make([]string, MaxPostings+1)
	for i := range many {
		many[i] = "p" + strconv.Itoa(i)
	}
	for _, c := range []struct {
		line   string
		reason Reason
		column int
		says   string
	}{
		{"alice paid", ReasonAmount, 11, "an amount"},
		{"alice paid sixty for bob", ReasonAmount, 12, `found "sixty"`},
		{"alice paid 60", ReasonBill, 14, "for, and the names"},
		{"alice paid 60 EUR", ReasonBill, 18, "for, and the names"},
		{"alice paid 60 EUR dinner", ReasonBill, 19, "as in alice paid"},
		{"alice paid 1 000 for bob", ReasonBill, 14, "1_000"},
		{"alice paid 60,00 EUR for bob", ReasonComma, 14, "12.50"},
		{"alice paid 0 for bob", ReasonZero, 12, "above zero"},
		{"alice paid 60 for", ReasonLabel, 18, "a name"},
		{"alice paid 60 for bob,", ReasonLabel, 23, "a name"},
		{"alice paid 60 for , bob", ReasonLabel, 19, "a name"},
		{"alice paid 60 for : x", ReasonLabel, 19, "a name"},
		{"alice paid 60 for bob and carol", ReasonLabel, 23, "names are parted by commas"},
		{"alice paid 60 for bob, carol, bob", ReasonPartyTwice, 31, "named once"},
		{"alice paid 60 for alice", ReasonSelf, 19, "somebody else"},
		{"alice paid 60 for alice 60", ReasonSelf, 19, "somebody else"},
		{"paid 60 for me", ReasonSelf, 13, "somebody else"},
		{"alice paid 60 for alice 30, bob 20: x", ReasonBill, 35, "60: 10 is left"},
		{"alice paid 60 for alice 30, bob 20", ReasonBill, 35, "10 is left"},
		{"alice paid 60 for alice 30, bob 40: x", ReasonBill, 33, "at most 30"},
		{"alice paid 60 for alice 30, bob", ReasonBill, 32, `"alice" has one`},
		{"alice paid 60 for alice, bob 30", ReasonBill, 30, `"alice" has none`},
		{"alice paid 60 for alice 30 EUR, bob 30 EUR", ReasonUnit, 28, "the unit stands once"},
		{"alice paid 60 for alice 30 bob", ReasonLabel, 28, "a comma or a colon"},
		{"alice paid 60 for alice 12,50, bob", ReasonComma, 27, "12.50"},
		{"alice paid 60 for bob -5", ReasonNegative, 23, "above zero"},
		{"alice paid 0.01 EUR for b, c", ReasonBill, 29, "too little"},
		{"alice paid 100000000000000000 for b 99999999999999999.5, c 1", ReasonDigits, 61, "18 digits"},
		{"alice paid 640 for " + strings.Join(many, ", "), ReasonPostings, 325, "at most 64"},
		{`alice paid 6 for "bob`, ReasonQuote, 18, "closing"},
		{"alice paid 6 for b\u202e", ReasonControl, 19, `\u202e`},
		{"alice paid 6 for bob: x\u202e", ReasonControl, 24, `\u202e`},
		{"alice paid 6 for bob: " + strings.Repeat("x", 513), ReasonMemo, 535, "512"},
	} {
		t.Run(fmt.Sprintf("%.60q", c.line), func(t *testing.T) {
			t.Parallel()
			e, err := ParseLine(c.line, "me")
			if err == nil {
				t.Fatalf("got %+v", e)
			}
			if !errors.Is(err, c.reason) || err.Column != c.column || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %s in column %d, %q; want %s in column %d, saying %q", err.Reason, err.Column, err, c.reason, c.column, c.says)
			}
			if got := 1 + utf8.RuneCountInString(c.line[:err.Offset]); got != err.Column {
				t.Errorf("offset %d is column %d, not %d", err.Offset, got, err.Column)
			}
		})
	}
	if _, err := ParseLine("paid 60 for bob", ""); err == nil || err.Reason != ReasonNoFrom || err.Column != 1 {
		t.Errorf("without me: got %v", err)
	}
}

// While a bill is typed, what everybody gets grows with it, and sums to zero.
func TestParseBillDraft(t *testing.T) {
	t.Parallel()
	const paid = FieldFrom | FieldAmount
	for _, c := range []struct {
		line     string
		read     Fields
		postings string
		left     string
		open     string
	}{
		{"alice paid 60", paid, "", "0", ""},
		{"alice paid 60 EUR for", paid | FieldUnit, "", "0", "@21"},
		{"alice paid 60 EUR for al", paid | FieldUnit | FieldParties | FieldMemo, "alice 60, al -60", "0", "al@22"},
		{"alice paid 60 EUR for alice, ", paid | FieldUnit, "alice 0", "0", "@29"},
		{"alice paid 60 EUR for alice, bob, ca", paid | FieldUnit | FieldParties | FieldMemo, "alice 40, bob -20, ca -20", "0", "ca@34"},
		{`alice paid 60 for alice 30, bob 20, "car`, paid, "alice 20, bob -20", "10", "car@36"},
		{`alice paid 60 for alice 30, bob 20.5, carol`, paid, "alice 20.5, bob -20.5", "9.5", "carol@38"},
		{`alice paid 60 for alice 30, bob 20`, paid, "alice 20, bob -20", "10", ""},
	} {
		t.Run(c.line, func(t *testing.T) {
			t.Parallel()
			d, _ := Parse(c.line, "me")
			open := ""
			if d.Open.Active {
				open = fmt.Sprintf("%s@%d", d.Open.Prefix, d.Open.Start)
			}
			var postings []string
			for _, p := range d.Postings {
				postings = append(postings, p.Label+" "+FormatAmount(p.Amount, d.Scale))
			}
			got, left := strings.Join(postings, ", "), FormatAmount(d.Left, d.Scale)
			if !d.Bill || d.Read != c.read || got != c.postings || left != c.left || open != c.open {
				t.Errorf("got %06b, %q, %s left, open %q; want %06b, %q, %s left, open %q", d.Read, got, left, open, c.read, c.postings, c.left, c.open)
			}
		})
	}
}

// bills draws shared bills as they stand in an entry: the one who paid first.
var bills = rapid.Custom(func(t *rapid.T) Entry {
	names := rapid.SliceOfNDistinct(labels, MinPostings, MaxPostings, rapid.ID[string]).Draw(t, "names")
	e := Entry{Scale: scales.Draw(t, "scale"), Unit: units.Draw(t, "unit"), Memo: memos.Draw(t, "memo")}
	e.Postings = append(e.Postings, Posting{Label: names[0]})
	most := maxAmount / int64(len(names))
	equal := rapid.Bool().Draw(t, "equal")
	each := rapid.Int64Range(1, most).Draw(t, "each")
	for _, l := range names[1:] {
		if !equal {
			each = rapid.OneOf(rapid.Int64Range(1, 2000), rapid.Int64Range(1, most)).Draw(t, "amount")
		}
		e.Postings[0].Amount += each
		e.Postings = append(e.Postings, Posting{Label: l, Amount: -each})
	}
	return e
})

// Whatever an entry is, the line that Format gives is read as that entry, but for what no line says.
func TestFormatIsParsedProperty(t *testing.T) {
	race.OneGoroutine(t) // what is drawn from is shared with other tests, and not made for that
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.OneOf(entries, bills, transfers).Draw(t, "entry")
		e.Postings = slices.Clone(e.Postings)
		for i := range e.Postings {
			e.Postings[i].Key = nil
		}
		e.Replaces = Ref{}
		line, ok := Format(e)
		if !ok {
			return
		}
		if got, err := ParseLine(line, ""); err != nil || !got.Equal(&e) {
			t.Fatalf("%q: got %+v, %v, want %+v", line, got, err, e)
		}
	})
}

// The longest line that Format gives is one that ParseLine reads.
func TestLongestLine(t *testing.T) {
	t.Parallel()
	e := Entry{Scale: MaxScale, Unit: "ABCDEFGH", Memo: strings.Repeat(`"`, MaxMemoBytes)}
	var sum int64
	for i := range MaxPostings {
		label := fmt.Sprintf("%c%c%s", 'a'+i/8, 'a'+i%8, strings.Repeat(`"`, MaxLabelBytes-2))
		e.Postings = append(e.Postings, Posting{Label: label, Amount: -int64(i) - 1})
		if i > 0 {
			sum += int64(i) + 1
		}
	}
	e.Postings[0].Amount = sum
	line, ok := Format(e)
	if got, err := ParseLine(line, ""); !ok || err != nil || !got.Equal(&e) {
		t.Errorf("a line of %d bytes: %v, %v", len(line), ok, err)
	}
}

// Equal shares are a slow division by hand: hand out the smallest units one after the other.
func TestSplitProperty(t *testing.T) {
	race.OneGoroutine(t) // what is drawn from is shared with other tests, and not made for that
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total, scale := amounts.Draw(t, "total"), scales.Draw(t, "scale")
		unit := rapid.SampledFrom([]string{"", "EUR", "JPY", "KWD"}).Draw(t, "unit")
		n := rapid.IntRange(1, MaxPostings).Draw(t, "n")
		shares, newTotal, newScale, ok := Split(total, scale, unit, n)
		if newScale < scale || newScale > MaxScale || newTotal > maxAmount || newScale > scale && newScale > 3 {
			t.Fatalf("scale %d of %d, total %d", newScale, scale, newTotal)
		}
		was := new(big.Int).Mul(big.NewInt(total), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(newScale-scale)), nil))
		if was.Cmp(big.NewInt(newTotal)) != 0 {
			t.Fatalf("%s became %s", FormatAmount(total, scale), FormatAmount(newTotal, newScale))
		}
		if !ok {
			if newTotal >= int64(n) {
				t.Fatalf("%d is enough for %d", newTotal, n)
			}
			return
		}
		want := make([]int64, n)
		for i := range want {
			want[i] = newTotal / int64(n)
		}
		for i := range newTotal % int64(n) {
			want[i]++
		}
		if !slices.Equal(shares, want) || want[n-1] < 1 {
			t.Fatalf("got %d, want %d", shares, want)
		}
	})
}

func TestParseCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line string
		want Command
		says string // "" for none
	}{
		{":agree 1a2b3c4d", Command{"agree", "1a2b3c4d", ""}, ""},
		{" :agree  1A2B.12 \r\n", Command{"agree", "1A2B.12", ""}, ""},
		{":dispute 1a2b I never ate that", Command{"dispute", "1a2b", "I never ate that"}, ""},
		{`:dispute 1a2b " x "`, Command{"dispute", "1a2b", " x "}, ""},
		{":withdraw 1a2b", Command{"withdraw", "1a2b", ""}, ""},
		{":undo", Command{Verb: "undo"}, ""},
		{":list from:alice >100", Command{Verb: "list", Rest: "from:alice >100"}, ""},
		{":inbox", Command{Verb: "inbox"}, ""},
		{":balances EUR", Command{Verb: "balances", Rest: "EUR"}, ""},
		{":settle", Command{Verb: "settle"}, ""},
		{":people", Command{Verb: "people"}, ""},
		{":rooms", Command{Verb: "rooms"}, ""},
		{":join flat 12", Command{Verb: "join", Rest: "flat 12"}, ""},
		{"/join flat", Command{Verb: "join", Rest: "flat"}, ""},

		{":", Command{}, "column 2: expected a command, found the end of the line; there are agree"},
		{":agre 1a2b", Command{}, "did you mean :agree?"},
		{":bogus", Command{}, `found "bogus"`},
		{":agree", Command{}, "column 7: expected an entry: 4 to 64 digits"},
		{":agree 1a2", Command{}, "column 8"},
		{":agree 1a2x", Command{}, `found "1a2x"`},
		{":agree 1a2b.", Command{}, "4 to 64"},
		{":agree 1a2b.x", Command{}, "4 to 64"},
		{":agree " + strings.Repeat("a", 65), Command{}, "4 to 64"},
		{":agree 1a2b memo", Command{}, "column 13: expected the end of the line"},
		{":undo 1a2b", Command{}, "column 7: expected the end"},
		{":balances eur", Command{}, "a unit, as in EUR"},
		{":join", Command{}, "a room's name"},
		{"/join ", Command{}, "a room's name"},
		{":dispute 1a2b " + strings.Repeat("x", 513), Command{}, "512 bytes"},
		{":dispute 1a2b x\x1b[2J", Command{}, `found "\x1b"`},
		{":list \u202e", Command{}, `found "\u202e"`},
		{":list \xff", Command{}, "UTF-8"},
		{":list " + strings.Repeat("x", MaxLineBytes), Command{}, "12288 bytes"},
	} {
		t.Run(fmt.Sprintf("%.40q", c.line), func(t *testing.T) {
			t.Parallel()
			got, is, err := ParseCommand(c.line)
			switch {
			case !is:
				t.Error("no command")
			case err == nil && c.says != "":
				t.Errorf("got %+v, want an error with %q", got, c.says)
			case err != nil && (c.says == "" || !strings.Contains(err.Error(), c.says)):
				t.Errorf("got %v, want %q", err, c.says)
			case err == nil && got != c.want:
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	for _, line := range []string{"", "alice -> bob 5", "/joint 5", "/ 5", "join x", `":x" 5`} {
		if c, is, err := ParseCommand(line); is || err != nil {
			t.Errorf("%q: got %+v, %v", line, c, err)
		}
	}
}

func TestPartiesProperty(t *testing.T) {
	race.OneGoroutine(t) // what is drawn from is shared with other tests, and not made for that
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.OneOf(entries, bills, transfers).Draw(t, "entry")
		text := string(AppendParties(nil, &e))
		postings, scale, err := ParseParties(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for i := range e.Postings {
			if p := &e.Postings[i]; len(postings) != len(e.Postings) || scale != e.Scale || postings[i].Label != p.Label || postings[i].Amount != p.Amount {
				t.Fatalf("%q: got %+v, %d, want %+v", text, postings, scale, e)
			}
		}
	})
	for text, says := range map[string]string{
		"":                                  "a name",
		"a":                                 "an amount",
		"a 1":                               "",
		"a 1, b -1.50":                      "",
		"a 1,b 1,5":                         "without a comma",
		"a 1 b 2":                           "a comma",
		"a --1":                             "above zero",
		"a -":                               "an amount",
		"a 0":                               "above zero",
		"a 1,":                              "a name",
		"a 99999999999999999, b .5":         "0.50",
		"a 999999999999999999, b -0.5":      "18 digits",
		strings.Repeat("a 1, ", 65) + "a 1": "at most 64",
		strings.Repeat("x", MaxLineBytes+1): "12288 bytes",
	} {
		if _, _, err := ParseParties(text); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: got %v, want %q", text, err, says)
		}
	}
}
