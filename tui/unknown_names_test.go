package tui

import (
	"fmt"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

// TestNamesThatTellNobody: before a line or a form is sent the screen says whose names are nobody's, or could be taken for another's.
func TestNamesThatTellNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.named("alice", "bob")
	for _, size := range [][2]int{{120, 36}, {80, 24}} {
		d := newDriver(t, w, size[0], size[1])
		d.write("alice -> bob 12.50 dinner")
		d.seesNot("nobody")
		for typed, want := range map[string]string{
			"alice -> zoe 12.50 dinner":          `nobody here is called "zoe": without a key nobody can agree to it`,
			"alice -> b\u043eb 12.50":            "but somebody alike (P)", // a Cyrillic o
			"alice paid 9 for alice, bob, x, y:": `nobody here is called "x" (and 1 more)`,
			"alice -> bob#00000000 1":            "nobody here has a key that begins as in",
		} {
			d.press("ctrl+u")
			d.write(typed)
			d.sees(want)
		}
		d.press("ctrl+u")
		d.press("esc", "f")
		d.press("tab")
		d.write("zoe")
		d.press("tab")
		d.write("3")
		d.sees("line", `nobody here is called "zoe"`, "Enter signs and sends it")
	}
	d := newDriver(t, w, 40, 12)
	d.write("alice -> zoe 12.50 dinner")
	d.sees(`nobody here is called "zoe"`)
}

// TestLookAlikesDiffer: two of one name are told apart wherever a list has room for a name.
func TestLookAlikesDiffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.named("alice", "bob")
	one := w.bound("bob", "bob -> alice 3 EUR dinner")
	two := w.bound("mallory", "mallory -> alice 4 EUR")
	w.bound("bob", "bob -> mallory 1234.50 EUR")
	w.does("mallory", ledger.NameEdit("bob"))
	v := w.Snapshot().View
	digits := func(k crdt.Key) string { return v.ChangeAt(k.Change).Author.String()[:4] }
	for _, size := range [][2]int{{120, 36}, {80, 24}, {60, 20}, {40, 12}} {
		d := newDriver(t, w, size[0], size[1])
		for _, k := range []crdt.Key{one, two} {
			d.sees("?" + digits(k))
		}
		if size[0] >= 80 {
			d.sees("memo", "dinner")
		}
		if size[0] == 40 {
			d.sees(digits(one) + ">?" + digits(two))
		}
	}
}

// TestBalancesOfTheRow: in a room of very many, the line of balances is that of the row under the cursor, also of one unit.
func TestBalancesOfTheRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range maxLineParties {
		e, _ := ledger.ParseLine(fmt.Sprintf("alice -> p%d 1 EUR", i), "alice")
		me := w.key("alice")
		e.Postings[0].Key = &me
		w.adds("alice", ledger.AppendEdit(e, nil))
	}
	d := newDriver(t, w, 120, 36)
	d.press("esc")
	for range 3 {
		d.press("k")
		d.draw()
		k, _ := d.m.selected()
		i, _ := w.Snapshot().View.IndexOf(k)
		d.sees(fmt.Sprintf("p%d 0 (1)", i))
	}
}
