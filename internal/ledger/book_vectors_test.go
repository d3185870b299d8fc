package ledger

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

const bookHead = `# The book of a ledger room (docs/protocol.md §8): packs in hex, in an order in which they can be received, and what is said then of each
# entry, by the id of its change and its index: standing, by whom, bound sides that stand by it / sides; then balances: unit or -, party,
# tallied, claimed, disputed. The room is the open ledger called main. Made by: go test ./internal/ledger -update
`

// story is a room in which everything happens that the rules tell apart.
func story(t *testing.T) *world {
	w := newWorld(t, 0, 1, 2, 3)
	w.write(0, NameEdit("alice"))
	w.write(1, NameEdit("bob"))
	tallied := w.write(0, AppendEdit(give(0, 1, 1250), nil))
	disputed := w.write(0, AppendEdit(give(0, 1, 9999), nil))
	third := w.write(0, AppendEdit(give(1, 2, 500), nil)) // alice is no side
	labels := w.write(0, AppendEdit(NewTransfer("x", "y", 7, 0, "", "only labels"), nil))
	half := give(0, 1, 300)
	half.Postings[1].Key = nil
	w.write(0, AppendEdit(half, nil))
	w.share()
	w.say(1, tallied, Agree)
	w.write(1, MarkEdit(disputed, Dispute, "it was 99.99 together"))
	w.say(2, third, Agree)
	w.share()
	// Corrected twice; bob agrees to the first correction alone.
	old := w.write(2, AppendEdit(give(2, 1, 100), nil))
	w.share()
	w.say(1, old, Agree)
	first := w.write(2, AppendEdit(give(2, 1, 110), &old))
	w.write(2, AppendEdit(give(2, 1, 120), &first))
	w.share()
	w.say(1, first, Agree)
	// A correction that its own writer took back, and a third person's.
	kept := w.write(1, AppendEdit(give(1, 0, 40), nil))
	w.share()
	w.say(0, kept, Agree)
	back := w.write(1, AppendEdit(give(1, 0, 41), &kept))
	w.say(1, back, Withdraw)
	w.write(3, AppendEdit(give(3, 0, 5), &kept))
	w.say(0, labels, Withdraw)
	w.write(3, AppendEdit(give(1, 2, 9), nil))
	w.say(0, third, Withdraw) // its writer, who is no side
	w.share()
	asked := w.write(0, AppendEdit(give(0, 2, 77), nil))
	w.share()
	w.say(2, asked, Agree)
	w.say(2, asked, Withdraw)
	bad := give(0, 1, 1)
	bad.Replaces = Ref{K: 100}
	w.write(0, AppendEdit(bad, nil))
	w.write(3, func(tx *crdt.Tx) error { _, err := tx.Append(crdt.Literal{0x01}); return err })
	w.write(3, AppendEdit(give(3, 2, 1), nil), AppendEdit(give(2, 3, 2), nil))
	w.share()
	return w
}

// tell is what the file says of a room.
func tell(r *crdt.Replica) string {
	var text strings.Builder
	v, b := r.View(), NewBook(crdt.Author{})
	b.Update(v)
	for row := range v.Rows {
		s, name := b.Status(row.Key), v.NameOf(row.Key)
		fmt.Fprintf(&text, "entry %x %d %s %x %d/%d\n", name.Change[:], name.Index, strings.ReplaceAll(s.Standing.String(), " ", "-"), s.By[:], s.StandBy, s.Sides)
	}
	for _, unit := range b.Units() {
		for _, x := range b.Balances(unit) {
			party := x.Party.Label
			if x.Party.Bound {
				party = hex.EncodeToString(x.Party.Key[:])
			}
			if unit == "" {
				unit = "-"
			}
			fmt.Fprintf(&text, "balance %s %s %v %v %v\n", unit, party, x.Tallied, x.Claimed, x.Disputed)
		}
	}
	return text.String()
}

func TestBookVectors(t *testing.T) {
	const path = "testdata/book.txt"
	if *update {
		w := story(t)
		var b strings.Builder
		b.WriteString(bookHead)
		for _, f := range w.frames {
			fmt.Fprintf(&b, "pack %x\n", f)
		}
		b.WriteString(tell(w.scribes[0].Replica))
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	r := w.replica()
	var want strings.Builder
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "pack":
			frame, err := hex.DecodeString(strings.TrimSpace(rest))
			if err != nil {
				t.Fatal(err)
			}
			w.deliver(r, frame)
		case "entry":
			seen[strings.Fields(line)[3]] = true
			fallthrough
		case "balance":
			want.WriteString(line)
		}
	}
	if got := tell(r); got != want.String() {
		t.Errorf("got\n%swant\n%s", got, want.String())
	}
	for s := Invalid; s <= Hearsay; s++ {
		if word := strings.ReplaceAll(s.String(), " ", "-"); !seen[word] {
			t.Errorf("no entry is %s", word)
		}
	}
	if err := newSlowBook(r).compare(bookOf(r), crdt.Author{}); err != nil {
		t.Error(err)
	}
}

func bookOf(r *crdt.Replica) *Book {
	b := NewBook(crdt.Author{})
	b.Update(r.View())
	return b
}
