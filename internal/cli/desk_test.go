package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/exchange"
	"github.com/tallystick/tallystick/internal/ledger"
)

// A line whose words a shell has parted is the line that was meant.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"alice -> bob 5 EUR x  y"}, "alice -> bob 5 EUR x  y"},
		{[]string{"bob", "12.50", "EUR", "dinner"}, "bob 12.50 EUR dinner"},
		{[]string{"uncle bob", "5", "two of us"}, `"uncle bob" 5 "two of us"`},
		{[]string{`"uncle bob"`, "5"}, `"uncle bob" 5`},
	} {
		if got := commandLine(c.args); got != c.want {
			t.Errorf("%q: got %s, want %s", c.args, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		label := rapid.StringMatching(`[a-z]{1,5}( [a-z]{1,5}){0,2}`).Filter(func(s string) bool { return s != "me" }).Draw(t, "label")
		memo := rapid.StringMatching(`[a-z]{1,5}( [a-z]{1,5}){0,2}`).Draw(t, "memo")
		e, err := ledger.ParseLine(commandLine([]string{label, "5", "EUR", memo}), "me")
		if err != nil {
			t.Fatal(err)
		}
		if e.Postings[1].Label != label || e.Memo != memo {
			t.Fatalf("%q %q became %+v", label, memo, e)
		}
	})
}

// Plain mode carries out every command that a line can say.
func TestEveryCommandIsAVerb(t *testing.T) {
	t.Parallel()
	for _, c := range ledger.Commands {
		if _, ok := deskVerbs[c.Verb]; !ok && c.Verb != joinVerb {
			t.Errorf(":%s is a command, and nothing carries it out", c.Verb)
		}
	}
}

// No file is read that is too large, whatever it says of its size.
func TestReadInputIsBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "big.csv")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(1<<30), f.Close()); err != nil {
		t.Fatal(err)
	}
	p := &program{}
	if _, err := p.readInput(path); !errors.Is(err, exchange.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	p.In = io.MultiReader(strings.NewReader("from,to\n"), endless{})
	if _, err := p.readInput(stdinWord); !errors.Is(err, exchange.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// What others are called is told by columns and JSON, and no text of theirs does anything: not as a name, nor as a memo of a mark.
func TestMarksAreSafe(t *testing.T) {
	t.Parallel()
	r, err := crdt.NewReplica(crdt.OpenLedger("main"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.Writer(fixedKey)
	if err != nil {
		t.Fatal(err)
	}
	me := crdt.Author(fixedKey[32:])
	var target crdt.Name
	memo := strings.NewReplacer("\r", "", "\n", "").Replace(hostile)
	edits := []func(*crdt.Tx) error{
		ledger.Edits(ledger.NameEdit("eve -- \u0440"), func(tx *crdt.Tx) (err error) {
			target, err = tx.Append(encoded(t, ledger.Entry{
				Postings: []ledger.Posting{{Label: "bob#12345678", Amount: -5}, {Label: "eve", Key: &me, Amount: 5}}, Memo: memo,
			}))
			return err
		}),
	}
	for _, edit := range edits {
		if _, err := w.Change(1795242120, edit); err != nil {
			t.Fatal(err)
		}
	}
	target = r.View().NameOf(r.View().Row(0).Key)
	for _, s := range []ledger.Say{ledger.Dispute, ledger.Withdraw, ledger.Agree, ledger.Nothing} {
		if _, err := w.Change(1795242121, ledger.MarkEdit(target, s, memo)); err != nil {
			t.Fatal(err)
		}
	}
	w.Sign()
	v := r.View()
	for _, asJSON := range []bool{false, true} {
		var b bytes.Buffer
		out := newEventWriter(bufio.NewWriter(&b), asJSON)
		tell := tellerOfView(v)
		v.Rows(func(row crdt.Row) bool {
			out.entry(v, row, "", tell)
			return true
		})
		for i := range v.Changes() {
			for _, m := range v.MarksOf(i) {
				out.mark(v, v.ChangeAt(i), m, tell)
			}
		}
		if err := out.flush(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != 6 {
			t.Fatalf("got %d lines, want an entry, a name and four marks:\n%s", len(lines), b.String())
		}
		for _, line := range lines {
			if strings.ContainsAny(line, "\x1b\x07\u202e\u200b\u009b\u2066\r") {
				t.Errorf("%q", line)
			}
			if asJSON && !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %s", line)
			}
		}
		if !asJSON && !strings.Contains(lines[0], "\t\"bob#12345678\"\t") {
			t.Errorf("a label looks like a key: %s", lines[0])
		}
	}
}
