package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

func TestParseLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line       string
		from, to   string
		mantissa   int64
		scale      int
		unit, memo string
		formatted  string // "" for the line itself
	}{
		{line: "alice -> bob 12.50", from: "alice", to: "bob", mantissa: 1250, scale: 2},
		{line: "alice -> bob 12.50 EUR dinner, two of us", from: "alice", to: "bob", mantissa: 1250, scale: 2, unit: "EUR", memo: "dinner, two of us"},
		{line: "bob 12.50 lunch", from: "me", to: "bob", mantissa: 1250, scale: 2, memo: "lunch", formatted: "me -> bob 12.50 lunch"},
		{line: "alice > bob 5", from: "alice", to: "bob", mantissa: 5, formatted: "alice -> bob 5"},
		{line: "alice → bob 5", from: "alice", to: "bob", mantissa: 5, formatted: "alice -> bob 5"},
		{line: "alice->bob 5", from: "alice", to: "bob", mantissa: 5, formatted: "alice -> bob 5"},
		{line: "  alice\t->  bob   5   EUR   x  y  \r\n", from: "alice", to: "bob", mantissa: 5, unit: "EUR", memo: "x  y", formatted: "alice -> bob 5 EUR x  y"},
		{line: `"mary jane" -> bob 1_000.25`, from: "mary jane", to: "bob", mantissa: 100025, scale: 2, formatted: `"mary jane" -> bob 1000.25`},
		{line: `mary-jane -> o'neil 5`, from: "mary-jane", to: "o'neil", mantissa: 5},
		{line: `"a \"b\" \\ \c" -> bob 5`, from: `a "b" \ \c`, to: "bob", mantissa: 5, formatted: `"a \"b\" \\ \\c" -> bob 5`},
		{line: `"a->b" -> "x>y" 5`, from: "a->b", to: "x>y", mantissa: 5},
		{line: `"12" -> "7.50" 5`, from: "12", to: "7.50", mantissa: 5},
		{line: `7up -> bob 5`, from: "7up", to: "bob", mantissa: 5},
		{line: `"a, b" -> c 5`, from: "a, b", to: "c", mantissa: 5},
		{line: "Zoe\u0308 -> bob 5", from: "Zoë", to: "bob", mantissa: 5, formatted: "Zoë -> bob 5"},
		{line: "paid -> bob 5", from: "paid", to: "bob", mantissa: 5},
		{line: "alice -> paid 5 for lunch", from: "alice", to: "paid", mantissa: 5, memo: "for lunch"},
		{line: `"paid" 5`, from: "me", to: "paid", mantissa: 5, formatted: "me -> paid 5"},
		{line: "a -> b 0.05", from: "a", to: "b", mantissa: 5, scale: 2},
		{line: "a -> b 007", from: "a", to: "b", mantissa: 7, formatted: "a -> b 7"},
		{line: "a -> b 5.00", from: "a", to: "b", mantissa: 500, scale: 2},
		{line: "a -> b 999_999_999_999_999_999", from: "a", to: "b", mantissa: 999999999999999999, formatted: "a -> b 999999999999999999"},
		{line: "a -> b 0.000000000000000001", from: "a", to: "b", mantissa: 1, scale: 18},
		{line: "a -> b 5 EUR USD cash", from: "a", to: "b", mantissa: 5, unit: "EUR", memo: "USD cash"},
		{line: `a -> b 5 "TV licence"`, from: "a", to: "b", mantissa: 5, memo: "TV licence"},
		{line: `a -> b 5 "EUR" or so`, from: "a", to: "b", mantissa: 5, memo: `"EUR" or so`, formatted: `a -> b 5 "\"EUR\" or so"`},
		{line: `a -> b 5 ""`, from: "a", to: "b", mantissa: 5, formatted: "a -> b 5"},
		{line: `a -> b 5 " x "`, from: "a", to: "b", mantissa: 5, memo: " x "},
		{line: `a -> b 5 "C:\new \"x\""`, from: "a", to: "b", mantissa: 5, memo: `C:\new "x"`, formatted: `a -> b 5 C:\new "x"`},
		{line: "a -> b 5 EURO dinner", from: "a", to: "b", mantissa: 5, unit: "EURO", memo: "dinner"},
		{line: "a -> b 5 eur", from: "a", to: "b", mantissa: 5, memo: "eur"},
		{line: "a -> b 5 I owe you", from: "a", to: "b", mantissa: 5, memo: "I owe you"},
		{line: "a -> b 5 2 tickets", from: "a", to: "b", mantissa: 5, memo: "2 tickets"},
		{line: `a -> b 5 "747 model"`, from: "a", to: "b", mantissa: 5, memo: "747 model"},
		{line: "a -> b 5.00 747 model", from: "a", to: "b", mantissa: 500, scale: 2, memo: "747 model"},
		{line: "a -> b 5 x\ty", from: "a", to: "b", mantissa: 5, memo: "x y", formatted: "a -> b 5 x y"},
		{line: "a -> b 5 👩\u200d👧 夕食", from: "a", to: "b", mantissa: 5, memo: "👩\u200d👧 夕食"},
		{line: "a -> b\u00a05", from: "a", to: "b", mantissa: 5, formatted: "a -> b 5"},
	} {
		t.Run(c.line, func(t *testing.T) {
			t.Parallel()
			got, err := ParseLine(c.line, "me")
			if err != nil {
				t.Fatal(err)
			}
			if want := NewTransfer(c.from, c.to, c.mantissa, c.scale, c.unit, c.memo); !got.Equal(&want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			checkFormat(t, got, cmp.Or(c.formatted, c.line))
		})
	}
}

// checkFormat fails if the line of an entry is another one.
func checkFormat(t *testing.T, e Entry, want string) {
	t.Helper()
	if line, ok := Format(e); !ok || line != want {
		t.Errorf("formatted: got %q, %v, want %q", line, ok, want)
	}
}

func TestParseLineErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line   string
		reason Reason
		column int
		says   string // part of the message
	}{
		{"", ReasonEmpty, 1, "alice -> bob 12.50"},
		{" \t ", ReasonEmpty, 4, "end of the line"},
		{"-> bob 5", ReasonNoFrom, 1, "leave the arrow out"},
		{" > bob 5", ReasonNoFrom, 2, "who gives"},
		{"alice", ReasonAmount, 6, "-> and a name, or an amount"},
		{"alice bob 12.50", ReasonAmount, 7, `found "bob"`},
		{"alice ->", ReasonLabel, 9, "a name"},
		{"alice -> -> bob 5", ReasonLabel, 10, "one arrow is enough"},
		{"alice -> bob", ReasonAmount, 13, "found the end of the line"},
		{"alice -> bob twelve", ReasonAmount, 14, `an amount, as in 12.50, found "twelve"`},
		{"alice -> bob carol 5", ReasonAmount, 14, `found "carol"`},
		{"alice -> alice 5", ReasonSelf, 10, "somebody else"},
		{"me 5", ReasonSelf, 1, "somebody else"},
		{"Zo\u00eb -> Zoe\u0308 5", ReasonSelf, 8, "somebody else"},
		{"alice -> bob 12,50", ReasonComma, 16, "write 12.50"},
		{"alice -> bob 1,000.50", ReasonComma, 15, "1_000"},
		{"alice -> bob 0", ReasonZero, 14, "above zero"},
		{"alice -> bob 0.00", ReasonZero, 14, "above zero"},
		{"alice -> bob -3", ReasonNegative, 14, "swap the names"},
		{"bob −3", ReasonNegative, 5, "swap the names"},
		{"alice -> bob 1e3", ReasonExponent, 15, "written out"},
		{"alice -> bob 1E+3", ReasonExponent, 15, "written out"},
		{"alice -> bob 12345678901234567890", ReasonDigits, 14, "at most 18 digits"},
		{"alice -> bob 1234567890123456789", ReasonDigits, 14, "at most 18 digits"},
		{"alice -> bob 0.0000000000000000001", ReasonDigits, 14, "at most 18 digits"},
		{"alice -> bob " + strings.Repeat("9", 3000), ReasonDigits, 14, "…"},
		{"alice -> bob .5", ReasonAmount, 14, "0.50"},
		{"alice -> bob 5.", ReasonAmount, 16, "a digit after the point"},
		{"alice -> bob 1.2.3", ReasonAmount, 17, "one point only"},
		{"alice -> bob 1__0", ReasonAmount, 15, "between digits"},
		{"alice -> bob 1_", ReasonAmount, 15, "between digits"},
		{"alice -> bob 1.0_0", ReasonAmount, 17, "before the point"},
		{"alice -> bob +5", ReasonAmount, 14, "without a sign"},
		{"alice -> bob 12.50EUR", ReasonAmount, 19, "a blank after the amount"},
		{"alice -> bob €12.50", ReasonAmount, 14, "12.50 EUR"},
		{"alice -> bob 12€", ReasonAmount, 16, "12.50 EUR"},
		{"alice -> bob ٣", ReasonAmount, 14, "as in 12.50"},
		{"alice -> bob 1 000.25", ReasonAmount, 16, "1_000"},
		{"alice -> bob 12 500", ReasonAmount, 17, "1_000"},
		{"12.50 bob lunch", ReasonLabel, 1, "the name comes before the amount"},
		{"alice -> 12.50 bob", ReasonLabel, 10, "the name comes before the amount"},
		{"bob: 5", ReasonLabel, 4, "double quotes"},
		{"bob, carol 5", ReasonLabel, 4, "double quotes"},
		{`bo"b 5`, ReasonLabel, 3, "double quotes"},
		{`"bob 5`, ReasonQuote, 1, "closing"},
		{`"" 5`, ReasonLabel, 1, "1 to 64 bytes"},
		{strings.Repeat("x", 65) + " 5", ReasonLabel, 1, "1 to 64 bytes"},
		{`a -> b 5 "EUR`, ReasonQuote, 10, "closing"},
		{`a -> b 5 "x\"`, ReasonQuote, 10, "closing"},
		{"a -> b 5 x\x1b[2J", ReasonControl, 11, `found "\x1b"`},
		{"a -> b 5 é\u202ey", ReasonControl, 11, `found "\u202e"`},
		{"a -> b 5 x\u2066", ReasonControl, 11, `found "\u2066"`},
		{"a -> b 5 x\u2028y", ReasonControl, 11, `found "\u2028"`},
		{"a -> b 5 x\xffy", ReasonControl, 11, "UTF-8"},
		{"a\x1b[31m -> b 5", ReasonControl, 2, `found "\x1b"`},
		{"a\u202e -> b 5", ReasonControl, 2, `found "\u202e"`},
		{"a\u200d -> b 5", ReasonControl, 2, "no control or format"},
		{"a\xff -> b 5", ReasonControl, 2, "UTF-8"},
		{"\"a\tb\" -> c 5", ReasonControl, 3, `found "\t"`},
		{"a -> b 5 " + strings.Repeat("x", 513), ReasonMemo, 522, "512 bytes"},
		{"a -> b 5 " + strings.Repeat("é", 257), ReasonMemo, 266, "512 bytes"},
		{strings.Repeat("x", 1<<20), ReasonTooLong, 12289, "12288 bytes"},
		{strings.Repeat("日", 1<<20), ReasonTooLong, 4097, "12288 bytes"},
		{strings.Repeat("\x80", 1<<20), ReasonTooLong, 0, "12288 bytes"},
	} {
		t.Run(fmt.Sprintf("%.40q", c.line), func(t *testing.T) {
			t.Parallel()
			e, err := ParseLine(c.line, "me")
			if err == nil {
				t.Fatalf("got %+v", e)
			}
			if !errors.Is(err, c.reason) || c.column > 0 && err.Column != c.column || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %s in column %d, %q; want %s in column %d, saying %q", err.Reason, err.Column, err, c.reason, c.column, c.says)
			}
			if got := 1 + utf8.RuneCountInString(c.line[:err.Offset]); got != err.Column {
				t.Errorf("offset %d is column %d, not %d", err.Offset, got, err.Column)
			}
			if Code(err) != string(c.reason) || Code(errors.New("x")) != "" {
				t.Errorf("code: got %q, want %q", Code(err), string(c.reason))
			}
			if len(err.Error()) > 400 {
				t.Errorf("a message of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestParseLineWithoutMe(t *testing.T) {
	t.Parallel()
	if _, err := ParseLine("bob 5", ""); err == nil || err.Reason != ReasonNoFrom || err.Column != 5 {
		t.Errorf("got %v", err)
	}
	if _, err := ParseLine("-> bob 5", ""); err == nil || err.Reason != ReasonNoFrom || strings.Contains(err.Hint, "leave") {
		t.Errorf("got %v", err)
	}
	if _, err := ParseLine("alice -> bob 5", ""); err != nil {
		t.Error(err)
	}
}

// While a line is typed, the draft grows with it.
func TestParseDraft(t *testing.T) {
	t.Parallel()
	const names = FieldFrom | FieldTo
	for _, c := range []struct {
		line string
		read Fields
		open string // prefix, and start; "" for none
	}{
		{"", 0, "@0"},
		{"al", 0, "al@0"},
		{"alice ", 0, ""},
		{"alice -", 0, ""},
		{"alice ->", FieldFrom, "@8"},
		{"alice -> ", FieldFrom, "@9"},
		{"alice -> b", names, "b@9"},
		{`alice -> "mary j`, FieldFrom, "mary j@9"},
		{`alice -> "mary jane"`, names, ""},
		{"alice -> bob ", names, ""},
		{"alice -> bob 12.", names, ""},
		{"alice -> bob 12.5", names | FieldAmount | FieldMemo, ""},
		{"alice -> bob 12.5 E", names | FieldAmount | FieldMemo, ""},
		{"alice -> bob 12.5 EUR", names | FieldAmount | FieldUnit | FieldMemo, ""},
		{`alice -> bob 12.5 EUR "l`, names | FieldAmount | FieldUnit, ""},
		{"bob 12", names | FieldAmount | FieldMemo, ""},
		{"-> ", 0, ""},
	} {
		t.Run(c.line, func(t *testing.T) {
			t.Parallel()
			d, _ := Parse(c.line, "me")
			open := ""
			if d.Open.Active {
				open = fmt.Sprintf("%s@%d", d.Open.Prefix, d.Open.Start)
			}
			if d.Read != c.read || open != c.open {
				t.Errorf("got %05b, open %q; want %05b, open %q", d.Read, open, c.read, c.open)
			}
			if d.FromMe != strings.HasPrefix(c.line, "bob") {
				t.Errorf("FromMe is %v", d.FromMe)
			}
		})
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	labels := []string{"bob", "Bonnie", "alice", "mary jane", "Zoë", "ζωή"}
	for prefix, want := range map[string]string{
		"bo": "bob Bonnie", "BO": "bob Bonnie", "": "bob Bonnie alice", "x": "", "zoe\u0308": "Zoë", "Ζ": "ζωή", "bobby": "",
	} {
		if got := strings.Join(Complete(prefix, labels, 3), " "); got != want {
			t.Errorf("Complete(%q): got %q, want %q", prefix, got, want)
		}
	}
	line := `alice -> "mary j`
	d, _ := Parse(line, "me")
	line = line[:d.Open.Start] + QuoteLabel(Complete(d.Open.Prefix, labels, 1)[0])
	if want := `alice -> "mary jane"`; line != want {
		t.Errorf("completed: got %s, want %s", line, want)
	}
}

func TestFormatRefuses(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]Entry{
		"zero value":          {},
		"three postings":      shares(3, -2, 1, 1),
		"two called the same": {Postings: []Posting{{"a", &crdt.Author{1}, 2}, {"b", nil, -1}, {"b", &crdt.Author{2}, -1}}},
		"invalid":             transfer(func(e *Entry) { e.Unit = "eur" }),
		"hostile memo":        transfer(func(e *Entry) { e.Memo = "x\u202e" }),
		"tab in memo":         transfer(func(e *Entry) { e.Memo = "x\ty" }),
	} {
		if line, ok := Format(e); ok {
			t.Errorf("%s: got %q", name, line)
		}
	}
}

func TestParseLines(t *testing.T) {
	t.Parallel()
	text := "\ufeffalice -> bob 1\r\n\r\nbob 2\rcarol 3,5\n \n-> x 1\ndave 4"
	got := ParseLines(text, "me")
	var lines []string
	for _, e := range got.Entries {
		line, _ := Format(e.Entry)
		lines = append(lines, fmt.Sprintf("%d: %s", e.Number, line))
	}
	for _, e := range got.Errors {
		lines = append(lines, fmt.Sprintf("%d: %s", e.Number, e.Err.Reason))
	}
	want := "1: alice -> bob 1|3: me -> bob 2|7: me -> dave 4|4: comma|6: no-from"
	if got := strings.Join(lines, "|"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParseLinesBounded(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	for name, text := range map[string]string{
		"entries": strings.Repeat("bob 1\n", MaxLines+100),
		"errors":  strings.Repeat("x\n", MaxLines+100),
		"blank":   strings.Repeat("\n", 1<<20),
	} {
		got := ParseLines(text, "me")
		last := got.Errors[len(got.Errors)-1]
		if n := len(got.Entries) + len(got.Errors); n > MaxLines+1 || last.Number != MaxLines+1 || last.Err.Reason != ReasonTooMany {
			t.Errorf("%s: %d results, the last error %d: %v", name, n, last.Number, last.Err)
		}
	}
	if got := ParseLines(strings.Repeat("bob 1\n", MaxLines), "me"); len(got.Entries) != MaxLines || len(got.Errors) != 0 {
		t.Errorf("a full paste: %d entries, %d errors", len(got.Entries), len(got.Errors))
	}
	if got := ParseLines(strings.Repeat("x", 1<<20), "me"); len(got.Errors) != 1 || got.Errors[0].Err.Reason != ReasonTooLong {
		t.Errorf("one long line: %v", got.Errors)
	}
}

func ExampleParse() {
	d, err := Parse("alice -> bob 12,50", "alice")
	fmt.Println("from", d.From, "to", d.To, "amount read:", d.Has(FieldAmount))
	fmt.Println(err)
	// Output:
	// from alice to bob amount read: false
	// column 16: expected an amount without a comma, found "12,50"; a comma means different things to different people: write 12.50, and 1_000 for a thousand
}
