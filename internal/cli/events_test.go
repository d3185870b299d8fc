package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/exchange"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/transport"
)

var update = flag.Bool("update", false, "write the golden files")

// viewOf is a room with these entries, or literals, by one author with a fixed key.
func viewOf(t testing.TB, literals ...crdt.Literal) *crdt.View {
	t.Helper()
	r, err := crdt.NewReplica(crdt.OpenLedger("main"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.Writer(fixedKey)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range literals {
		if _, err := w.Change(1795242120+int64(i), func(tx *crdt.Tx) error {
			_, err := tx.Append(l)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.Sign()
	return r.View()
}

func encoded(t testing.TB, e ledger.Entry) crdt.Literal {
	t.Helper()
	l, err := ledger.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// hostile is a text that must reach no terminal as it is.
const hostile = "\x1b]52;c;QQ==\x07\x1b[2J\u202e\u200b\u009b\u2066\r\t|"

// everyKind writes one event of each kind.
func everyKind(t testing.TB, asJSON bool) string {
	t.Helper()
	key := crdt.Author(fixedKey[32:])
	view := viewOf(t,
		encoded(t, ledger.NewTransfer("alice", "bob", 1250, 2, "EUR", "dinner, two of us")),
		encoded(t, ledger.Entry{
			Postings: []ledger.Posting{{Label: "alice", Amount: -3}, {Label: "bob", Key: &key, Amount: 1}, {Label: "carol", Amount: 2}},
		}),
		encoded(t, ledger.NewTransfer("alice", "bob", 1, 0, "", strings.ReplaceAll(hostile, "\r", ""))),
		mustLiteral(t, "no entry"+hostile),
	)
	var b bytes.Buffer
	w := newEventWriter(bufio.NewWriter(&b), asJSON)
	tell := tellerOfView(view)
	view.Rows(func(row crdt.Row) bool {
		w.entry(view, row, "unsent", tell)
		return true
	})
	now := time.Unix(1795242200, 0)
	c := view.ChangeAt(0)
	w.state(now, c, transport.ChangeState{Standing: transport.Sent, By: 1, Of: 3})
	w.state(now, c, transport.ChangeState{Standing: transport.Refused, Reason: transport.Reason{Code: "room-full", Text: hostile, Remote: true}})
	for kind := transport.EventPeerLive; kind <= transport.EventNoteRefused; kind++ {
		w.event(transport.Event{
			Time: now, Kind: kind, Address: "ws://x/" + hostile, Author: c.Author, Change: c.ID, Other: view.ChangeAt(1).ID,
			Code: "bad-signature", Text: hostile, N: 3,
		})
	}
	end := endEvent(view)
	end.Time = stamp(now)
	unsent, bad := 2, int64(1)
	end.Unsent, end.Bad = &unsent, &bad
	w.end(end)
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// tellerOfView tells of a view to nobody in particular.
func tellerOfView(v *crdt.View) *teller {
	book := ledger.NewBook(crdt.Author{})
	book.Update(v)
	return &teller{book, ledger.NewPeople(book.Authors(), book.Name, ledger.Contacts{}, crdt.Author{}, "")}
}

func mustLiteral(t testing.TB, v any) crdt.Literal {
	t.Helper()
	l, err := crdt.EncodeLiteral(v)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestEventsGolden(t *testing.T) {
	t.Parallel()
	for name, asJSON := range map[string]bool{"testdata/events.txt": false, "testdata/events.jsonl": true} {
		got := everyKind(t, asJSON)
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

// No byte of the output is one that a terminal obeys, whatever the texts hold.
func TestEventsAreSafe(t *testing.T) {
	t.Parallel()
	for _, asJSON := range []bool{false, true} {
		for n, line := range strings.Split(everyKind(t, asJSON), "\n") {
			if asJSON && line != "" && !json.Valid([]byte(line)) {
				t.Errorf("line %d is no JSON: %s", n+1, line)
			}
			for _, r := range line {
				if r == '\t' && !asJSON {
					continue
				}
				if !unicode.IsGraphic(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u200b' {
					t.Errorf("line %d holds %U: %q", n+1, r, line)
				}
			}
		}
	}
}

// A JSON reader gets every text as it was, and columns stay columns.
func TestEventsKeepTexts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		memo := rapid.StringN(-1, -1, ledger.MaxMemoBytes).Draw(rt, "memo")
		entry := ledger.NewTransfer("alice", "bob", rapid.Int64Range(1, 1e18-1).Draw(rt, "amount"), rapid.IntRange(0, 18).Draw(rt, "scale"), "", memo)
		if entry.Validate() != nil {
			rt.Skip("no entry")
		}
		view := viewOf(t, encoded(t, entry))
		var plain, asJSON bytes.Buffer
		for _, f := range []struct {
			to   *bytes.Buffer
			json bool
		}{{&plain, false}, {&asJSON, true}} {
			w := newEventWriter(bufio.NewWriter(f.to), f.json)
			w.entry(view, view.Row(0), "", tellerOfView(view))
			if err := w.flush(); err != nil {
				rt.Fatal(err)
			}
		}
		var got struct {
			Memo     *string
			Scale    int
			Postings [][]any
		}
		d := json.NewDecoder(&asJSON)
		d.UseNumber()
		if err := d.Decode(&got); err != nil {
			rt.Fatal(err)
		}
		if (got.Memo == nil) != (memo == "") || got.Memo != nil && *got.Memo != memo {
			rt.Errorf("got memo %v, want %q", got.Memo, memo)
		}
		if amount, err := got.Postings[1][2].(json.Number).Int64(); err != nil || amount != entry.Postings[1].Amount || got.Scale != entry.Scale {
			rt.Errorf("got %v scale %d, want %d scale %d", got.Postings[1][2], got.Scale, entry.Postings[1].Amount, entry.Scale)
		}
		if n := strings.Count(plain.String(), "\t"); n != 10 || strings.Count(plain.String(), "\n") != 1 {
			rt.Errorf("got %d tabs, want 11 columns in one line: %q", n, plain.String())
		}
	})
}

// Any int64 is a time that an author may claim.
func TestClaimedTime(t *testing.T) {
	t.Parallel()
	for unix, want := range map[int64]string{
		0: "1970-01-01T00:00:00Z", 1795242120: "2026-11-21T06:22:00Z", -1: "@-1",
		253402300799: "9999-12-31T23:59:59Z", 253402300800: "@253402300800",
		math.MaxInt64: "@9223372036854775807", math.MinInt64: "@-9223372036854775808",
	} {
		if got := exchange.TimeText(unix); got != want {
			t.Errorf("%d: got %s, want %s", unix, got, want)
		}
	}
}

// A reader who is gone ends the output, once, with its reason.
func TestEventsWriteError(t *testing.T) {
	t.Parallel()
	view := viewOf(t, encoded(t, ledger.NewTransfer("alice", "bob", 1, 0, "", "")))
	w := newEventWriter(bufio.NewWriterSize(failing{}, 16), false)
	for range 3 {
		w.entry(view, view.Row(0), "", tellerOfView(view))
	}
	if err := w.flush(); !errors.Is(err, errGone) {
		t.Errorf("got %v, want the writer's error", err)
	}
}

var errGone = errors.New("gone")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errGone }
