package ledger

import (
	"encoding/hex"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
)

// factsOf is a row made up for a test.
type factsOf struct {
	entry  Entry
	change crdt.Change
	names  map[crdt.Author]string
	me     crdt.Author
	label  string
	is     map[Is]bool
}

func (f *factsOf) Entry() *Entry             { return &f.entry }
func (f *factsOf) Change() *crdt.Change      { return &f.change }
func (f *factsOf) Time() time.Time           { return time.Unix(f.change.Time, 0).UTC() }
func (f *factsOf) Name(a crdt.Author) string { return f.names[a] }
func (f *factsOf) Me() (crdt.Author, string) { return f.me, f.label }
func (f *factsOf) Is(is Is) bool             { return f.is[is] }

// dinner is a row with a bound giver, an unbound receiver, and everything else.
func dinner() *factsOf {
	alice := crdt.Author{0x1a, 0x2b, 0x3c, 0x4d}
	carol := crdt.Author{0xca, 0x01}
	e := NewTransfer("alice", "Bob Ünal", 1250, 2, "EUR", "Dinner, two of us")
	e.Postings[0].Key = &alice
	return &factsOf{
		entry: e, me: carol, label: "carol", names: map[crdt.Author]string{alice: "Lis", carol: "carol"},
		change: crdt.Change{
			ID: crdt.ChangeID{0x9f, 0x2c, 0x4a, 0x1e}, Author: carol, Time: time.Date(2026, 2, 28, 23, 59, 59, 0, time.UTC).Unix(),
		},
		is: map[Is]bool{IsClaimed: true, IsUnsent: true},
	}
}

func TestFilterMatches(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": true, "  ": true, "dinner": true, "DINNER": true, "lunch": false, "dinner lunch": false, "12.5": true, "eur": true, "ünal": true, "ÜNAL": true,
		`"two of us"`: true, `"of two"`: false, "two us of": true, "9f2c": true, "9f2c4a1e": true, "9f2": false, "ca01": true, "2c4a": false, "lis": true,
		"from:alice": true, "from:ali": true, `from:"ali"`: false, `from:"Alice"`: true, "from:lis": true, "FROM:Alice": true, "from:bob": false, "to:bob": true,
		`to:"bob ünal"`: true, `to:"bob"`: false, "to:alice": false, "with:alice": true, "with:bob": true, "with:carol": false, "by:carol": true, "by:alice": false,
		"from:alice#1a2b": true, "from:alice#1a2c": false, "from:ali#1a2b": false, "from:lis#1a2b3c4d": true, "from:#1a2b": true, "to:bob#1a2b": false, "from:1a2b3c": true,
		"from:me": false, "by:me": true, "is:mine": true, "unit:EUR": true, "unit:eur": true, "unit:USD": false, `unit:""`: false, "memo:dinner": true, "memo:bob": false, `memo:""`: false,
		`memo:"two of"`: true, "is:claimed": true, "is:tallied": false, "is:unsent": true, "Is:Claimed": true, "-is:tallied": true, "-is:claimed": false,
		"since:2026": true, "since:2026-02": true, "since:2026-02-28": true, "since:2026-03": false, "until:2026-02": true, "until:2026-02-28": true, "until:2026-02-27": false,
		"until:2026": true, "until:2025": false, "since:2026-02 until:2026-02": true, ">12": true, ">12.5": false, ">=12.5": true, ">=12.500": true, "<12.5": false, "<=12.50": true,
		"=12.5": true, "=12.50000": true, "=12.51": false, "<13": true, "<999999999999999999": true, ">0.000000000000000001": true, "-dinner": false, "-lunch": true,
		`-"two of us"`: false, "-from:bob -to:alice": true, "--x": true, "12:30": false, "a:b": false, "from:alice unit:EUR >10 is:claimed since:2026-01": true,
	} {
		f, err := ParseFilter(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := f.Match(dinner()); got != want {
			t.Errorf("%q matches: got %v, want %v", text, got, want)
		}
	}
	f, _ := ParseFilter("with:me")
	mine := dinner()
	mine.me = *mine.entry.Postings[0].Key
	if !f.Match(mine) {
		t.Error("with:me does not match one's own key")
	}
	mine.me, mine.label = crdt.Author{1}, "Bob Ünal"
	if !f.Match(mine) {
		t.Error("with:me does not match one's own label without a key")
	}
}

func TestFilterErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text     string
		column   int // 0: at the end, incomplete
		expected string
		terms    int // before it
	}{
		{"from:", 0, "a name", 0},
		{"dinner from:", 0, "a name", 1},
		{"from: alice", 6, "a name", 0},
		{"is:", 0, "tallied claimed said", 0},
		{"is:dis", 0, "the rest of disputed", 0},
		{"is:withdraw", 0, "withdrawing or withdrawn", 0},
		{"is:dis x", 4, "a word for how rows stand", 0},
		{"is:settled", 4, "a word for how rows stand", 0},
		{"form:alice", 1, "from: to: with: by:", 0},
		{"é form:alice", 3, "from: to:", 1},
		{"since:", 0, "a date", 0},
		{"since:202", 0, "a date", 0},
		{"since:2026-", 0, "a date", 0},
		{"since:2026-1", 0, "a date", 0},
		{"since:2026-13", 12, "a month", 0},
		{"since:2026-00", 12, "a month", 0},
		{"until:2026-02-30", 15, "a day of that month", 0},
		{"until:2025-02-29", 15, "a day", 0},
		{"until:0000", 7, "a year", 0},
		{"since:2026-02-03x", 17, "a blank", 0},
		{"since:2026/02", 11, "a date", 0},
		{"since:today", 7, "a date", 0},
		{"since:2026-1 x", 13, "a date", 0},
		{">", 0, "an amount", 0},
		{">=", 0, "an amount", 0},
		{"> 100", 2, "an amount", 0},
		{">0", 0, "an amount above zero", 0},
		{">0 x", 2, "an amount above zero", 0},
		{">12.", 0, "a digit after the point", 0},
		{">12,5", 4, "without a comma", 0},
		{"=abc", 2, "an amount", 0},
		{">1234567890123456789", 2, "18 digits", 0},
		{"-", 0, "a term", 0},
		{"- x", 2, "a term", 0},
		{"alice -> bob", 7, "a term", 1},
		{`"two of`, 0, `a closing "`, 0},
		{`"a"b`, 4, "a blank", 0},
		{`""`, 3, "a text between", 0},
		{`from:""`, 6, "a name", 0},
		{"unit:E", 0, "a unit", 0},
		{"unit:E x", 6, "a unit", 0},
		{"unit:euros!", 6, "a unit", 0},
		{"from:bob#xyz", 10, "digits of a key", 0},
		{strings.Repeat("a ", MaxLineBytes), 12289, "at most 12288", 0},
	} {
		f, err := ParseFilter(c.text)
		if err == nil {
			t.Errorf("%q is a filter", c.text)
			continue
		}
		column, found := c.column, ""
		if column == 0 {
			column, found = len([]rune(c.text))+1, "the end of the line"
		}
		if err.Column != column || found != "" && err.Found != found || !strings.Contains(err.Expected, c.expected) || len(f.terms) != c.terms {
			t.Errorf("%q: got %d terms and %v, want %d and column %d, %q", c.text, len(f.terms), err, c.terms, column, c.expected)
		}
	}
}

// filterTexts draws filters, most of them right.
var filterTexts = rapid.Custom(func(t *rapid.T) string {
	word := rapid.SampledFrom([]string{
		"a", "Al", "bob", "É", "12", ".5", "EUR", "two", "9f2c", "1a2b", "x y", "me", "carol", "é\u0301", "-", "zz",
	})
	var b strings.Builder
	for range rapid.IntRange(0, 4).Draw(t, "terms") {
		if rapid.IntRange(0, 3).Draw(t, "not") == 0 {
			b.WriteByte('-')
		}
		w := word.Draw(t, "word")
		if quoted := rapid.Bool().Draw(t, "quoted"); quoted || strings.ContainsAny(w, " ") {
			w = quote(w)
		}
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 0, 1:
			b.WriteString(w)
		case 2:
			b.WriteString(rapid.SampledFrom([]string{"from:", "to:", "with:", "by:", "memo:"}).Draw(t, "keyword") + w)
		case 3:
			b.WriteString("unit:" + rapid.SampledFrom([]string{"EUR", "usd", `""`}).Draw(t, "unit"))
		case 4:
			b.WriteString("is:" + rapid.SampledFrom(isWords[:]).Draw(t, "is"))
		case 5:
			b.WriteString(rapid.SampledFrom([]string{"since:", "until:"}).Draw(t, "date") + rapid.SampledFrom([]string{"2026", "2026-02", "2026-02-03", "2025-12-31"}).Draw(t, "day"))
		case 6:
			b.WriteString(rapid.SampledFrom([]string{">", "<", ">=", "<=", "="}).Draw(t, "op") + rapid.SampledFrom([]string{"12.5", "1", "0.1", "100.000", "999999999999999999"}).Draw(t, "amount"))
		}
		b.WriteByte(' ')
	}
	return b.String()
})

// filterRows draws rows that such filters find now and then.
var filterRows = rapid.Custom(func(t *rapid.T) *factsOf {
	keys := []crdt.Author{{0x1a, 0x2b}, {0x9f, 0x2c}, {0xca}}
	labels := rapid.SampledFrom([]string{"alice", "Bob", "É", "carol", "x y"})
	f := &factsOf{me: keys[2], label: "carol", is: map[Is]bool{}, names: map[crdt.Author]string{keys[0]: "Al", keys[2]: "carol"}}
	for range rapid.IntRange(0, 3).Draw(t, "postings") {
		p := Posting{Label: labels.Draw(t, "label"), Amount: rapid.SampledFrom([]int64{-1250, 1250, 100, -100, 1, 0, maxAmount, 1 << 62}).Draw(t, "amount")}
		if rapid.Bool().Draw(t, "bound") {
			p.Key = &keys[rapid.IntRange(0, 2).Draw(t, "key")]
		}
		f.entry.Postings = append(f.entry.Postings, p)
	}
	f.entry.Scale = rapid.SampledFrom([]int{0, 1, 2, 18, -1, 40}).Draw(t, "scale")
	f.entry.Unit = rapid.SampledFrom([]string{"", "EUR", "USD"}).Draw(t, "unit")
	f.entry.Memo = rapid.SampledFrom([]string{"", "Two of us", "ALICE 9f2c", "é\u0301 12.5"}).Draw(t, "memo")
	f.change = crdt.Change{
		ID: crdt.ChangeID{0x9f, 0x2c, 1}, Author: keys[rapid.IntRange(0, 2).Draw(t, "author")],
		Time: rapid.Int64Range(time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC).Unix()).Draw(t, "time"),
	}
	for is := range Is(len(isWords)) {
		f.is[is] = rapid.Bool().Draw(t, "is")
	}
	return f
})

// TestFilterProperty compares with what the page of the filter says, word for word.
func TestFilterProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := filterTexts.Draw(t, "filter")
		row := filterRows.Draw(t, "row")
		f, err := ParseFilter(text)
		if err != nil {
			return
		}
		if got, want := f.Match(row), slowMatch(text, row); got != want {
			t.Fatalf("%q and %+v: got %v, want %v", text, row, got, want)
		}
	})
}

func slowMatch(text string, row *factsOf) bool {
	for _, word := range slowWords(text) {
		positive := strings.TrimPrefix(word, "-")
		if slowTerm(positive, row) == (positive != word) {
			return false
		}
	}
	return true
}

// slowWords splits at blanks that are in no quotes.
func slowWords(text string) []string {
	var words []string
	word, in := "", false
	for _, r := range text {
		if r == '"' {
			in = !in
		}
		if r == ' ' && !in {
			if word != "" {
				words = append(words, word)
			}
			word = ""
			continue
		}
		word += string(r)
	}
	return words
}

func slowTerm(term string, row *factsOf) bool {
	lower := func(s string) string { return strings.Map(unicode.ToLower, s) }
	part := func(s, of string) bool { return of != "" && strings.Contains(lower(of), s) }
	e := &row.entry
	if i := strings.IndexAny(term, "<>="); i == 0 {
		n := strings.TrimLeft(term, "<>=")
		limit, _ := new(big.Rat).SetString(n)
		sum := new(big.Rat)
		for _, p := range e.Postings {
			if p.Amount > maxAmount {
				return false
			}
			if p.Amount > 0 {
				sum.Add(sum, new(big.Rat).SetInt64(p.Amount))
			}
		}
		if e.Scale < 0 || e.Scale > MaxScale {
			return false
		}
		ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(e.Scale)), nil)
		sum.Quo(sum, new(big.Rat).SetInt(ten))
		c := sum.Cmp(limit)
		op := term[:len(term)-len(n)]
		return strings.Contains(op, ">") && c > 0 || strings.Contains(op, "<") && c < 0 || strings.Contains(op, "=") && c == 0
	}
	keyword, value, isKeyword := strings.Cut(term, ":")
	if !isKeyword || strings.Contains(keyword, `"`) {
		keyword, value = "", term
	}
	quoted := strings.HasPrefix(value, `"`)
	value = lower(norm.NFC.String(strings.Trim(value, `"`)))
	who := func(label string, key *crdt.Author) bool {
		names := []string{label}
		digits := ""
		if key != nil {
			names = append(names, row.names[*key])
			digits = hex.EncodeToString(key[:])
		}
		for _, n := range names {
			if quoted && n != "" && lower(n) == value || !quoted && part(value, n) {
				return true
			}
		}
		return !quoted && (len(value) >= 4 && strings.HasPrefix(digits, value) || value == "me" && (key != nil && *key == row.me || key == nil && label == row.label))
	}
	switch keyword {
	case "from", "to", "with":
		for i := range e.Postings {
			p := &e.Postings[i]
			if (keyword != "from" || p.Amount <= 0) && (keyword != "to" || p.Amount >= 0) && who(p.Label, p.Key) {
				return true
			}
		}
		return false
	case "by":
		return who("", &row.change.Author)
	case "unit":
		return lower(e.Unit) == value
	case "memo":
		return part(value, e.Memo)
	case "since":
		return row.Time().Format(time.DateOnly) >= value
	case "until":
		return row.Time().Format(time.DateOnly)[:len(value)] <= value
	case "is":
		if value != "mine" {
			for i, w := range isWords {
				if w == value {
					return row.is[Is(i)]
				}
			}
		}
		quoted, value = false, "me"
		yes := row.change.Author == row.me
		for i := range e.Postings {
			p := &e.Postings[i]
			yes = yes || p.Key != nil && *p.Key == row.me || p.Key == nil && p.Label == row.label
		}
		return yes
	}
	id, author := hex.EncodeToString(row.change.ID[:]), hex.EncodeToString(row.change.Author[:])
	if len(value) >= 4 && (strings.HasPrefix(id, value) || strings.HasPrefix(author, value)) {
		return true
	}
	if len(e.Postings) == 0 {
		return strings.Contains("invalid", value)
	}
	scale := min(max(e.Scale, 0), MaxScale)
	for i := range e.Postings {
		p := &e.Postings[i]
		if part(value, p.Label) || p.Key != nil && part(value, row.names[*p.Key]) || p.Amount > 0 && strings.Contains(FormatAmount(p.Amount, scale), value) {
			return true
		}
	}
	return part(value, e.Unit) || part(value, e.Memo)
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		"dinner", `from:"Anna Maria" -to:bob#1a2b`, "unit:EUR >100 is:disputed since:2026-01", ">=", "is:x", "since:2026-02-30", "-", "-> bob", "\xff\"", "from:#",
	} {
		f.Add(s)
	}
	row := dinner()
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := ParseFilter(text)
		filter.Match(row)
		if err == nil {
			return
		}
		if err.Offset < 0 || err.Offset > len(text) || err.Column < 1 || err.Column > 1+err.Offset || err.Expected == "" || strings.ContainsFunc(err.Error(), unicode.IsControl) {
			t.Fatalf("%q: %+v", text, err)
		}
		// What stands before the error is a filter by itself.
		if err.Reason == ReasonTooLong {
			return
		}
		again, _ := ParseFilter(text[:err.Offset])
		if len(again.terms) < len(filter.terms) {
			t.Fatalf("%q: %d terms before the error, %d without what follows", text, len(filter.terms), len(again.terms))
		}
	})
}
