package exchange

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

func export(t interface{ Fatal(...any) }, f Format, rows []Row) string {
	var b bytes.Buffer
	if err := Export(&b, f, slices.Values(rows), ExportOptions{Room: "a\nb"}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What was exported and is read again are the same entries, and come to the same balances.
func TestExportReadProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := rowsOf.Draw(t, "rows")
		contested := rapid.Bool().Draw(t, "contested")
		f := rapid.SampledFrom([]Format{CSV, JSONL}).Draw(t, "format")
		text := export(t, f, rows)
		given := f
		if len(rows) > 0 && rapid.Bool().Draw(t, "found out") {
			given = ""
		}
		p, err := Read(strings.NewReader(text), Options{Format: given, Contested: contested})
		if err != nil || len(p.Bad) > 0 || len(p.Ignored) > 0 || p.Format != f {
			t.Fatalf("%v, %+v\n%s", err, p, text)
		}
		var want, got []*ledger.Entry
		ids := map[string]bool{}
		for i := range rows {
			switch r := &rows[i]; r.Status.Standing {
			case ledger.Disputed, ledger.Withdrawing:
				if !contested {
					continue
				}
				fallthrough
			case ledger.Tallied, ledger.Claimed, ledger.Hearsay:
				want = append(want, &r.Entry)
				ids[r.ID()] = true
			}
		}
		for i := range p.Entries {
			got = append(got, &p.Entries[i].Entry)
			if !ids[p.Entries[i].ID] {
				t.Fatalf("an entry called %q", p.Entries[i].ID)
			}
		}
		if len(got) != len(want) || len(p.Entries)+len(p.Skipped) != len(rows) {
			t.Fatalf("got %d and %d left out, want %d of %d\n%s", len(got), len(p.Skipped), len(want), len(rows), text)
		}
		for i := range want {
			w := *want[i]
			if w.Replaces = (ledger.Ref{}); f == CSV {
				w.Memo = plainMemo(w.Memo)
			}
			if !got[i].Equal(&w) {
				t.Fatalf("got %+v, want %+v\n%s", got[i], w, text)
			}
			if Fingerprint(got[i]) != Fingerprint(want[i]) {
				t.Fatalf("%q is not %q", Fingerprint(got[i]), Fingerprint(want[i]))
			}
		}
		if a, b := sums(want), sums(got); !maps.EqualFunc(a, b, func(x, y *big.Rat) bool { return x.Cmp(y) == 0 }) {
			t.Fatalf("the balances are %v, were %v", b, a)
		}
		again, err := Read(strings.NewReader(text), Options{Known: func(id string) bool { return ids[id] }, Contested: contested, Format: f})
		if err != nil || len(again.Entries) != 0 || again.SkippedFor()[WhyKnown] != len(want) {
			t.Fatalf("read into the room that it comes from: %v, %+v", err, again)
		}
	})
}

// Other programs read the CSV as this one does, and no cell is a formula or holds what a terminal obeys.
func TestCSVIsCommon(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := rowsOf.Draw(t, "rows")
		text := export(t, CSV, rows)
		r := csv.NewReader(strings.NewReader(text))
		records, err := r.ReadAll() // which wants as many cells everywhere
		if err != nil || len(records) != len(rows)+1 || len(records[0]) != len(columns) {
			t.Fatalf("%d records, %v\n%s", len(records), err, text)
		}
		for i, rec := range records[1:] {
			cells := rows[i].cells()
			if !slices.Equal(rec, cells[:]) {
				t.Fatalf("got %q, want %q", rec, cells)
			}
			for _, cell := range rec {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Fatalf("a formula: %q", cell)
				}
			}
		}
		if i := strings.IndexFunc(text, func(r rune) bool {
			return unicode.IsControl(r) && r != '\r' && r != '\n' || unicode.Is(unicode.Bidi_Control, r)
		}); i >= 0 {
			t.Fatalf("a control character at %d: %q", i, text)
		}
		for l := range strings.Lines(text) {
			if !strings.HasSuffix(l, "\r\n") {
				t.Fatalf("a line that ends otherwise: %q", l)
			}
		}
	})
}

func TestGuardProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.RuneFrom([]rune("'=+-@\ta"))).Draw(t, "cell")
		if got := unguard(guard(s)); got != s {
			t.Fatalf("%q became %q", s, got)
		}
	})
}

func TestAccountsProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := labels.Draw(t, "a"), labels.Draw(t, "b")
		x, y := escapeAccount(a), escapeAccount(b)
		if (a == b) != (x == y) {
			t.Fatalf("%q and %q are %q and %q", a, b, x, y)
		}
		if strings.TrimSpace(x) != x || strings.Contains(x, "  ") || strings.ContainsAny(x, ":;#|()[]{}<>*!=@\"\\\t\n") || x == "" {
			t.Fatalf("%q is %q", a, x)
		}
	})
}

const header = "from,to,amount,unit,memo\n"

func TestRead(t *testing.T) {
	t.Parallel()
	id := strings.Repeat("ab", 32)
	key := strings.Repeat("cd", 32)
	for name, c := range map[string]struct {
		text string
		o    Options
		want string // entries, then what is bad, then what is left out, then columns not read
	}{
		"plain":           {text: header + "alice,bob,12.50,EUR,dinner\n", want: "2 alice -> bob 12.50 EUR dinner"},
		"no end":          {text: header + "alice,bob,12.50,EUR,dinner", want: "2 alice -> bob 12.50 EUR dinner"},
		"bom, crlf":       {text: "\ufeff" + "from,to,amount\r\nalice,bob,1\r\n\r\ncarol,bob,2\r\n", want: "2 alice -> bob 1|4 carol -> bob 2"},
		"cr":              {text: "from,to,amount\ralice,bob,1\rcarol,bob,2", want: "2 alice -> bob 1|3 carol -> bob 2"},
		"semicolons":      {text: "From;To;Amount;Memo\nalice;bob;1;a, b\n", want: "2 alice -> bob 1 a, b"},
		"tabs":            {text: "from\tto\tamount\nalice\tbob\t1\n", want: "2 alice -> bob 1"},
		"blanks":          {text: " From , TO,Amount \n alice , bob , 1 \n", want: "2 alice -> bob 1"},
		"order, case":     {text: "memo,AMOUNT,to,From\nx,1,bob,alice\n", want: "2 alice -> bob 1 x"},
		"synonyms":        {text: "to,amount,currency,description\nbob,1,EUR,x\n", o: Options{Me: "me"}, want: "2 me -> bob 1 EUR x"},
		"map":             {text: "Wer,An,Betrag\nalice,bob,1\n", o: Options{Map: map[string]string{"from": "wer", "to": "An", "amount": "Betrag"}}, want: "2 alice -> bob 1"},
		"map over a name": {text: "from,to,amount,memo,Text\nalice,bob,1,x,y\n", o: Options{Map: map[string]string{"memo": "Text"}}, want: "2 alice -> bob 1 y|- memo"},
		"from me":         {text: "from,to,amount\n,bob,1\n", o: Options{Me: "me"}, want: "2 me -> bob 1"},
		"from nobody":     {text: "from,to,amount\n,bob,1\n", want: "! line 2: from: is empty: write who gives"},
		"unknown columns": {text: "date,from,to,amount,category\nx,alice,bob,1,y\n", want: "2 alice -> bob 1|- date|- category"},
		"quotes":          {text: header + `alice,"b ""x"", y","12.50",,"a` + `,b"`, want: `2 alice -> "b \"x\", y" 12.50 a,b`},
		"lines within quotes": {
			text: "from,to,amount,address\nalice,bob,1,\"x\ny\"\ncarol,bob,2,\n",
			want: "2 alice -> bob 1|4 carol -> bob 2|- address",
		},
		"memo of two lines": {text: header + "alice,bob,1,,\"x\ny\"\n", want: "! line 2: memo: is to be one line of at most 512 bytes"},
		"quote open":        {text: header + "alice,bob,1,,\"x\ncarol,bob,2,,\n", want: "3 carol -> bob 2|! line 2: a quote that does not close"},
		"quote within":      {text: header + "alice,bob,1,,5\" pipe\ncarol,bob,2,,\n", want: "3 carol -> bob 2|! line 2: a quote within a cell that does not begin with one; write the cell in quotes, and \"\" for a quote"},
		"after a quote":     {text: header + "alice,bob,1,,\"x\"y\n", want: `! line 2: something after the quote that ends a cell; write "" for a quote within`},
		"too few, too many": {text: header + "alice,bob,1\nalice,bob,1,,,,\n", want: "! line 2: has 3 cells, the header has 5|! line 3: has 7 cells, the header has 5"},
		"comma":             {text: header + "alice,bob,\"12,50\",EUR,\n", want: `! line 2: amount: expected an amount without a comma, found "12,50"; a comma means different things to different people: write 12.50, and 1_000 for a thousand`},
		"no amount":         {text: header + "alice,bob,,EUR,\n", want: "! line 2: amount: expected an amount, as in 12.50, found the end of the line"},
		"negative":          {text: header + "alice,bob,-3,EUR,\n", want: `! line 2: amount: expected an amount above zero, found "-3"; to turn it around, swap the names`},
		"unit":              {text: header + "alice,bob,3,eur,\n", want: `! line 2: unit: "eur": 2 to 8 capital letters and digits are a unit, as in EUR`},
		"self":              {text: header + "alice,alice,3,,\n", want: "! line 2: to: is who gives as well: write somebody else"},
		"label":             {text: header + "al\x1bice,bob,3,,\n", want: `! line 2: from: "al\x1bice": a name has 1 to 64 bytes, on one line, without control characters`},
		"no to":             {text: header + "alice,,3,,\n", want: "! line 2: to: is empty: write a name"},
		"latin 1":           {text: header + "alice,b\xf6b,3,,\n", want: "! line 2: is not UTF-8: save the file as UTF-8"},
		"long":              {text: header + "alice,bob,1,," + strings.Repeat("x", MaxRecordBytes) + "\ncarol,bob,2,,\n", want: "3 carol -> bob 2|! line 2: longer than 32 KiB"},
		"formula":           {text: header + "'=alice,bob,1,,'-x\n", want: "2 =alice -> bob 1 -x"},
		"parties":           {text: "parties,unit,memo\n\"alice 30.00, bob -20, carol -10.00\",EUR,x\n", want: "2 alice paid 30.00 EUR for bob 20.00, carol 10.00: x"},
		"parties and from":  {text: "parties,from\n\"alice 3, bob -3\",alice\n", want: "! line 2: parties: there is a list of parties, and from, to or amount as well: leave one empty"},
		"parties wrong":     {text: "parties\nalice 3 bob -3\n", want: `! line 2: parties: column 9: expected a comma, found "bob"; names are parted by commas; a name with blanks goes in double quotes`},
		"parties sum":       {text: "parties\n\"alice 3, bob -2\"\n", want: "! line 2: amounts do not add up to zero"},
		"party twice":       {text: "parties\n\"alice 3, bob -2, bob -1\"\n", want: "! line 2: posting 3: the same party stands twice"},
		"keys":              {text: "from,to,amount,keys\nalice,bob,1," + key + " none\n", want: "2 alice -> bob 1 key"},
		"keys wrong":        {text: "from,to,amount,keys\nalice,bob,1,abc none\nalice,bob,1,none\n", want: `! line 2: keys: "abc": 64 hex digits are a key, none stands for none|! line 3: keys: there are 1, and 2 parties`},
		"key twice":         {text: "from,to,amount,keys\nalice,bob,1," + key + " " + key + "\n", want: "! line 2: posting 2: the same party stands twice"},
		"twice":             {text: "id,from,to,amount\n" + id + ",a,b,1\n" + id + ",a,b,1\nX1,a,b,1\nX1,a,b,1\n", want: "2 a -> b 1|4 a -> b 1|5 a -> b 1|~ 3 twice in the file"},
		"known":             {text: "id,from,to,amount\n" + id + ",a,b,1\n", o: Options{Known: func(s string) bool { return s == id }}, want: "~ 2 already in this room"},
		"alike":             {text: "to,amount\nb,1.50\nb,2\n", o: Options{Me: "a", Alike: likeOne}, want: "2 a -> b 1.50 alike|3 a -> b 2"},
		"alike left out":    {text: "to,amount\nb,1.5\nb,2\n", o: Options{Me: "a", Alike: likeOne, SkipAlike: true}, want: "3 a -> b 2|~ 2 one in this room says the same"},
		"standings":         {text: "from,to,amount,standing\na,b,1,disputed\na,b,2,withdrawn\na,b,3,tallied\na,b,4,\n", want: "4 a -> b 3|5 a -> b 4|~ 2 does not stand where it comes from: invalid, withdrawn or disputed|~ 3 does not stand where it comes from: invalid, withdrawn or disputed"},
		"json":              {text: `{"from":"a","to":"b","amount":"1.50","unit":"EUR","memo":"x"}` + "\r\n\n" + `{"to":"b","amount":2,"x":1}`, o: Options{Me: "me"}, want: "1 a -> b 1.50 EUR x|3 me -> b 2|- x"},
		"json of ours":      {text: `{"kind":"entry","postings":[["a",null,-150],["b","` + key + `",150]],"scale":2,"unit":null,"memo":null}`, want: "1 a -> b 1.50 key"},
		"json, other kinds": {text: `{"kind":"end","rows":3}`, want: "~ 1 no entry"},
		"json wrong": {
			text: "{\n[]\nnull\n" + `{"from":1}` + "\n" + `{"to":"b","amount":1e3}` + "\n" + `{"postings":[["a",null]]}` + "\n" + `{"postings":[["a","x y",1],["b",null,-1]],"scale":0}` + "\n" + "{\"to\":\"\xff\"}\n" + `{"postings":[["a",null,1.5],["b",null,-1]],"scale":0}` + "\n" + `{"postings":1}` + "\n" + `{"postings":[],"scale":1.5}`,
			o:    Options{Me: "me"},
			want: "! line 1: is no JSON object|! line 2: is no JSON object|! line 3: is no JSON object|! line 4: from: is no text|" +
				"! line 5: amount: expected an amount written out, found \"1e3\"; as in 1_000 for 1e3|! line 6: postings: number 1 is no [name, key or null, amount]|" +
				"! line 7: postings: \"x y\" is no key|! line 8: is not UTF-8|! line 9: postings: number 1 is no [name, key or null, amount]|! line 10: postings: is no list|! line 11: scale: is no number of digits",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Read(strings.NewReader(c.text), c.o)
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(p); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func likeOne(e *ledger.Entry) bool {
	one := ledger.NewTransfer("a", "b", 15, 1, "", "")
	return Fingerprint(e) == Fingerprint(&one)
}

// describe is a preview on one line.
func describe(p *Preview) string {
	var all []string
	for _, it := range p.Entries {
		line, _ := ledger.Format(it.Entry)
		s := fmt.Sprintf("%d %s", it.Line, line)
		if it.Alike {
			s += " alike"
		}
		if slices.ContainsFunc(it.Entry.Postings, func(p ledger.Posting) bool { return p.Key != nil }) {
			s += " key"
		}
		all = append(all, s)
	}
	for _, b := range p.Bad {
		all = append(all, "! "+b.String())
	}
	for _, s := range p.Skipped {
		all = append(all, fmt.Sprintf("~ %d %s", s.Line, s.Why))
	}
	for _, c := range p.Ignored {
		all = append(all, "- "+c)
	}
	return strings.Join(all, "|")
}

// endless gives a text again and again.
type endless struct {
	text string
	at   int
	gave int
}

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = e.text[e.at%len(e.text)]
		e.at++
	}
	e.gave += len(b)
	return len(b), nil
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	many := make([]string, MaxColumns+1)
	for name, c := range map[string]struct {
		in   io.Reader
		o    Options
		want error
		says string
	}{
		"empty":            {strings.NewReader(""), Options{}, ErrNoHeader, "write a header like"},
		"blank":            {strings.NewReader("\r\n \n"), Options{}, ErrNoHeader, "write a header like"},
		"no header":        {strings.NewReader("alice,bob,12\n"), Options{}, ErrNoHeader, `the columns are "alice", "bob", "12"; --map`},
		"wrong columns":    {strings.NewReader("Datum,Betrag\n1,2\n"), Options{}, ErrNoHeader, "to and amount must be there"},
		"half":             {strings.NewReader("from,to\n"), Options{}, ErrNoHeader, "amount"},
		"twice":            {strings.NewReader("from,to,amount,to\n"), Options{}, ErrNoHeader, "the column to is there twice"},
		"two names":        {strings.NewReader("to,amount,memo,note\n"), Options{}, ErrNoHeader, "the column memo is there twice"},
		"map of nothing":   {strings.NewReader("to,amount\n"), Options{Map: map[string]string{"memo": "Text"}}, ErrNoHeader, `there is no column "Text" for memo; there are "to", "amount"`},
		"map of no field":  {strings.NewReader("to,amount\n"), Options{Map: map[string]string{"x": "to"}}, nil, `no field is called "x": there are from`},
		"map to one":       {strings.NewReader("a,b\n"), Options{Map: map[string]string{"to": "a", "from": "A"}}, nil, `is named for from and for to`},
		"many columns":     {strings.NewReader(strings.Join(many, ",")), Options{}, ErrNoHeader, "more than 256 cells"},
		"header open":      {strings.NewReader("from,\"to\n"), Options{}, ErrNoHeader, "a quote that does not close"},
		"header latin 1":   {strings.NewReader("fr\xf6m,to,amount\n"), Options{}, ErrEncoding, "header"},
		"utf-16":           {strings.NewReader("\xff\xfef\x00r\x00"), Options{}, ErrEncoding, "UTF-16: save it as UTF-8"},
		"binary":           {strings.NewReader("PK\x03\x04\x00\x00"), Options{}, ErrFormat, "no text"},
		"zeros":            {&endless{text: "\x00"}, Options{}, ErrFormat, "no text"},
		"json array":       {strings.NewReader("[{}]"), Options{}, ErrFormat, "an object a line"},
		"hledger":          {strings.NewReader("x"), Options{Format: Hledger}, ErrFormat, "hledger files are written, not read"},
		"huge line":        {&endless{text: "x"}, Options{}, ErrTooLarge, "32 MiB"},
		"huge":             {io.MultiReader(strings.NewReader("to,amount\n"), &endless{text: strings.Repeat("b", 1000) + ",1\n"}), Options{Me: "a"}, ErrTooLarge, "32 MiB; part it"},
		"many rows":        {io.MultiReader(strings.NewReader("to,amount\n"), &endless{text: "b,1\n"}), Options{Me: "a"}, ErrTooLarge, "100000 rows, from line 100002 on"},
		"many json":        {&endless{text: "{}\n"}, Options{}, ErrTooLarge, "100000 rows"},
		"blank lines":      {&endless{text: "\n"}, Options{}, ErrTooLarge, "32 MiB"},
		"blank after":      {io.MultiReader(strings.NewReader("to,amount\n"), &endless{text: "\n"}), Options{Me: "a"}, ErrTooLarge, "32 MiB"},
		"quotes":           {io.MultiReader(strings.NewReader("to,amount\n"), &endless{text: "\"\n" + strings.Repeat("\"\"\n", 11000)}), Options{Me: "a"}, ErrTooLarge, "rows"},
		"empty cells":      {io.MultiReader(strings.NewReader("to,amount\n"), &endless{text: strings.Repeat(",", 20000) + "\n"}), Options{Me: "a"}, ErrTooLarge, "32 MiB"},
		"a reader's error": {io.MultiReader(strings.NewReader("to,amount\n"), failing{}), Options{Me: "a"}, io.ErrUnexpectedEOF, "after line 0"},
		"at once":          {failing{}, Options{}, io.ErrUnexpectedEOF, "after line 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Read(c.in, c.o)
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || p != nil {
				t.Errorf("got %v, want %v with %q", err, c.want, c.says)
			}
			if e, ok := c.in.(*endless); ok && e.gave > MaxBytes+1<<17 {
				t.Errorf("%d bytes were read", e.gave)
			}
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A file of 1 GB is refused after MaxBytes, and takes no memory that grows with it.
func TestReadHugeMemory(t *testing.T) { // not parallel: it looks at what all allocate
	in := &endless{text: `{"from":"alice","to":"bob","amount":"12.50","memo":"` + strings.Repeat("x", 900) + `"}` + "\n"}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read(io.LimitReader(in, 1<<30), Options{})
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; in.gave > MaxBytes+1<<17 || grown > 16*MaxBytes {
		t.Errorf("%d bytes were read, %d allocated in all", in.gave, grown)
	}
}

func TestParseMapAndFormat(t *testing.T) {
	t.Parallel()
	if m, err := ParseMap(" amount = Betrag ,memo=Text"); err != nil || len(m) != 2 || m["amount"] != "Betrag" || m["memo"] != "Text" {
		t.Errorf("got %v, %v", m, err)
	}
	for text, says := range map[string]string{"x": "FIELD=COLUMN", "x=y": "no field is called", "to=a,to=b": "twice", "to=": "FIELD=COLUMN"} {
		if m, err := ParseMap(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v, %v", text, m, err)
		}
	}
	if _, err := ParseFormat("xls"); err == nil || Export(io.Discard, "xls", nil, ExportOptions{}) == nil {
		t.Error("xls is taken")
	}
}

func TestExportFails(t *testing.T) {
	t.Parallel()
	rows := slices.Repeat([]Row{{Entry: ledger.NewTransfer("a", "b", 1, 0, "", ""), Status: ledger.Status{Standing: ledger.Tallied}}}, 1000)
	for _, f := range Formats {
		r, w := io.Pipe()
		_ = r.Close()
		if err := Export(w, f, slices.Values(rows), ExportOptions{}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{
		header + "alice,bob,12.50,EUR,\"a \"\"b\"\"\"\r\n\"x\ny\",b,1,,\n", "to;amount\nb;1\n", "\ufeffparties,keys\n\"a 1.5, b -1.50\",none none\n",
		`{"from":"a","to":"b","amount":1.50}` + "\n" + `{"postings":[["a",null,-150],["b",null,150]],"scale":2}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Read(strings.NewReader(text), Options{Me: "me"})
		if err != nil {
			return
		}
		last := 0
		rows := make([]Row, len(p.Entries))
		for i := range p.Entries {
			it := &p.Entries[i]
			if err := it.Entry.Validate(); err != nil || it.Line <= last || it.Line > p.Lines {
				t.Fatalf("line %d of %d: %v", it.Line, p.Lines, err)
			}
			last = it.Line
			rows[i] = Row{Change: crdt.ChangeID{byte(i), byte(i >> 8)}, Entry: it.Entry, Status: ledger.Status{Standing: ledger.Claimed}}
		}
		for _, b := range p.Bad {
			if b.Text == "" || b.Line < 1 || b.Line > p.Lines || len(b.String()) > 400 {
				t.Fatalf("an error that says too little or too much: %+v", b)
			}
		}
		for _, f := range []Format{CSV, JSONL} {
			again, err := Read(strings.NewReader(export(t, f, rows)), Options{Format: f})
			if err != nil || len(again.Entries) != len(rows) {
				t.Fatalf("%s: %v, %+v", f, err, again)
			}
			for i := range rows {
				if !slices.EqualFunc(again.Entries[i].Entry.Postings, rows[i].Entry.Postings, func(a, b ledger.Posting) bool { return a.Label == b.Label && a.Amount == b.Amount }) {
					t.Fatalf("%s: got %+v, want %+v", f, again.Entries[i].Entry, rows[i].Entry)
				}
			}
		}
		if !bytes.Contains([]byte(export(t, Hledger, rows)), []byte("decimal-mark .")) {
			t.Fatal("no journal")
		}
	})
}
