package ledger

import (
	"bytes"
	"errors"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"

	"github.com/tallystick/tallystick/internal/race"
)

var (
	labels = rapid.Custom(func(t *rapid.T) string {
		s := rapid.StringOfN(rapid.RuneFrom([]rune("abc \"\\->→,:_.0123é\u0301\u00a0日👍$+-")), 1, 12, 60).Draw(t, "label")
		if l, ok := ParseLabel(s); ok {
			return l
		}
		return "x"
	})
	memos = rapid.Custom(func(t *rapid.T) string {
		s := rapid.StringOfN(rapid.RuneFrom([]rune("ab EURUSD \"\\0129.,é\u00a0日👍")), 0, 40, MaxMemoBytes).Draw(t, "memo")
		return s
	})
	units   = rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[A-Z][A-Z0-9]{1,7}`))
	amounts = rapid.OneOf(rapid.Int64Range(1, 2000), rapid.Int64Range(1, maxAmount))
	scales  = rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(0, MaxScale))
)

// transfers draws entries that a line can say.
var transfers = rapid.Custom(func(t *rapid.T) Entry {
	from := labels.Draw(t, "from")
	to := labels.Filter(func(s string) bool { return s != from }).Draw(t, "to")
	return NewTransfer(from, to, amounts.Draw(t, "amount"), scales.Draw(t, "scale"), units.Draw(t, "unit"), memos.Draw(t, "memo"))
})

// entries draws any valid entry.
var entries = rapid.Custom(func(t *rapid.T) Entry {
	n := rapid.IntRange(MinPostings, MaxPostings).Draw(t, "postings")
	e := Entry{
		Scale: scales.Draw(t, "scale"), Unit: units.Draw(t, "unit"),
		Memo: rapid.OneOf(memos, rapid.Just("\x1b[2J\u202e")).Draw(t, "memo"),
	}
	var sum int64
	for i := range n {
		p := Posting{Label: labels.Draw(t, "label")}
		if len(p.Label) < 60 {
			p.Label = norm.NFC.String(p.Label + string(rune('A'+i/16)) + string(rune('a'+i%16)))
		}
		if rapid.Bool().Draw(t, "bound") {
			p.Key = &crdt.Author{byte(i), 1}
		}
		p.Amount = rapid.Int64Range(1, 1_000_000).Draw(t, "amount")
		sum += p.Amount
		if i == n-1 {
			sum -= p.Amount
			p.Amount = -sum
		}
		e.Postings = append(e.Postings, p)
	}
	switch rapid.IntRange(0, 2).Draw(t, "replaces") {
	case 1:
		e.Replaces = Ref{K: rapid.Int64Min(1).Draw(t, "k"), I: rapid.Uint32().Draw(t, "i")}
	case 2:
		e.Replaces = Ref{K: rapid.Int64Max(-1).Draw(t, "k"), I: rapid.Uint32().Draw(t, "i"), D: rapid.Int64Min(0).Draw(t, "d")}
	}
	return e
})

func TestFormatParseProperty(t *testing.T) {
	race.OneGoroutine(t) // what is drawn from is shared with other tests, and not made for that
	t.Parallel()
	for name, kind := range map[string]*rapid.Generator[Entry]{"transfers": transfers, "bills": bills} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			e := kind.Draw(t, "entry")
			line, ok := Format(e)
			if !ok {
				t.Fatalf("%+v has no line: %v", e, e.Validate())
			}
			got, err := ParseLine(line, "me")
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if !got.Equal(&e) {
				t.Fatalf("%q: got %+v, want %+v", line, got, e)
			}
			if len(line) > MaxLineBytes {
				t.Fatalf("a line of %d bytes", len(line))
			}
		}))
	}
}

func TestEncodeDecodeProperty(t *testing.T) {
	race.OneGoroutine(t) // what is drawn from is shared with other tests, and not made for that
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := entries.Draw(t, "entry")
		l, err := Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := crdt.ParseLiteral(l); err != nil {
			t.Fatalf("no literal: %v", err)
		}
		got, err := Decode(l)
		if err != nil || !got.Equal(&e) {
			t.Fatalf("got %+v, %v, want %+v", got, err, e)
		}
		generic, err := crdt.EncodeLiteral(l.Value())
		if err != nil || !bytes.Equal(generic, l) {
			t.Fatalf("the general encoder says %x, %v, want %x", generic, err, l)
		}
	})
}

func TestSumProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var postings []Posting
		sum := new(big.Int)
		for range rapid.IntRange(0, MaxPostings).Draw(t, "postings") {
			a := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3, 3)).Draw(t, "amount")
			postings = append(postings, Posting{Amount: a})
			sum.Add(sum, big.NewInt(a))
			if rapid.Bool().Draw(t, "balance") && sum.IsInt64() && sum.Int64() != -sum.Int64() {
				postings = append(postings, Posting{Amount: -sum.Int64()})
				sum.SetInt64(0)
			}
		}
		if got := sumsToZero(postings); got != (sum.Sign() == 0) {
			t.Fatalf("got %v, the sum is %v", got, sum)
		}
	})
}

// checkParse holds what is true of every line.
func checkParse(t *testing.T, line, me string) {
	t.Helper()
	d, err := Parse(line, me)
	if err != nil {
		if err.Column < 1 || err.Offset < 0 || err.Offset > len(line) || err.Column != 1+utf8.RuneCountInString(line[:err.Offset]) {
			t.Fatalf("%q: column %d, offset %d", line, err.Column, err.Offset)
		}
		if err.Reason == "" || err.Expected == "" || err.Found == "" {
			t.Fatalf("%q: an error that says too little: %+v", line, err)
		}
		return
	}
	e := d.Entry()
	if err := e.Validate(); err != nil {
		t.Fatalf("%q: read as an invalid entry: %v", line, err)
	}
	formatted, ok := Format(e)
	if !ok {
		t.Fatalf("%q: read as %+v, which has no line", line, e)
	}
	again, err := ParseLine(formatted, "")
	if err != nil || !again.Equal(&e) {
		t.Fatalf("%q: read as %+v; its line %q as %+v, %v", line, e, formatted, again, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range []string{"alice -> bob 12.50 EUR dinner", "bob 1_000.25", `"a b">"c\"" 5 "EUR"`, "a→b 1 000", "alice paid 60 EUR for bob", "-> x 1e3", `a paid 6 for b 1.5, "c d" 4.50: "x"`, ":dispute 1a2b.3 x"} {
		f.Add(line, "me")
	}
	f.Fuzz(func(t *testing.T, line, me string) {
		if me, ok := ParseLabel(me); ok {
			checkParse(t, line, me)
		}
		checkParse(t, line, "")
		if c, is, err := ParseCommand(line); err != nil && (!is || err.Column != 1+utf8.RuneCountInString(line[:err.Offset])) || is && err == nil && c.Verb == "" {
			t.Fatalf("%q: command %+v, %v, %v", line, c, is, err)
		}
		all := ParseLines(line, "me")
		if n := len(all.Entries) + len(all.Errors); n > 1+strings.Count(line, "\n")+strings.Count(line, "\r") {
			t.Fatalf("%q: %d results", line, n)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.l))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Decode(b)
		if err != nil {
			var inv *InvalidError
			if !errors.As(err, &inv) || meanings[inv.Reason] == "" {
				t.Fatalf("%x: untyped error %v", b, err)
			}
			return
		}
		if _, err := crdt.ParseLiteral(b); err != nil {
			t.Fatalf("%x: valid, but no literal: %v", b, err)
		}
		if l, err := Encode(e); err != nil || !bytes.Equal(l, b) {
			t.Fatalf("%x: encoded again as %x, %v", b, l, err)
		}
		if line, ok := Format(e); ok {
			checkParse(t, line, "")
		}
	})
}
