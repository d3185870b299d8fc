package tui

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/internal/ledger"
)

// TestFormSays: the line that a form says is read as what is in its fields, whatever they hold.
func TestFormSays(t *testing.T) {
	t.Parallel()
	label := rapid.StringMatching(`[ "a-z0-9:,>#\\→-]{1,12}|paid|for|->`)
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		d := newDriver(t, w, 120, 36)
		d.press("esc", "f")
		f := &d.m.form
		f.paid = rapid.Bool().Draw(rt, "paid")
		f.lines[formFrom].Set(label.Draw(rt, "from"))
		to := label.Draw(rt, "to")
		if f.paid {
			to += ", " + label.Draw(rt, "other")
		}
		f.lines[formTo].Set(to)
		f.lines[formAmount].Set(rapid.StringMatching(`[0-9]{1,5}(\.[0-9]{1,3})?|1 2|x|-4|1,5|5 EUR`).Draw(rt, "amount"))
		f.lines[formUnit].Set(rapid.SampledFrom([]string{"", "EUR", "eur", "E", "EUR x", "XX1"}).Draw(rt, "unit"))
		f.lines[formMemo].Set(rapid.SampledFrom([]string{"", "dinner", "EUR 5", `"quoted" a`, "000.25", `back\slash"`, ": colon", "for two, three", `"whole"`}).Draw(rt, "memo"))
		l := f.compose()
		_, _, _, ok := d.m.formErrors(l)
		if !ok {
			return
		}
		draft, err := ledger.Parse(l.text, "alice")
		if err != nil {
			rt.Fatalf("a form without mistakes says %q: %v", l.text, err)
		}
		amount, _ := ledger.ParseSum(f.text(formAmount))
		if draft.Bill != f.paid || draft.Memo != f.text(formMemo) || draft.Unit != f.text(formUnit) || ledger.SumOf(draft.Amount, draft.Scale) != amount {
			rt.Fatalf("%q is read as %+v", l.text, draft)
		}
		if from := f.text(formFrom); from != "" && !strings.HasPrefix(from, `"`) && draft.From != from {
			rt.Fatalf("%q is read as from %q, not %q", l.text, draft.From, from)
		}
		if to := f.text(formTo); !f.paid && !strings.HasPrefix(to, `"`) && draft.To != to {
			rt.Fatalf("%q is read as to %q, not %q", l.text, draft.To, to)
		}
	})
}

// TestForm fills in the form, leaves it, comes back and sends.
func TestForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t).demo(16)
	d := newDriver(t, w, 120, 36)
	d.press("esc", "f", "tab")
	d.write("bo")
	d.sees("names:  bob", "[TYPE]")
	d.press("down", "tab")
	d.write("12,5")
	d.sees("wrong: ", "amount")
	d.press("enter")
	d.sees("amount: expected")
	d.press("ctrl+u")
	d.write("12.5")
	d.press("tab")
	d.write("eur")
	d.sees("wrong: 2 to 8 capital letters")
	d.press("ctrl+c")
	d.write("EUR")
	d.press("tab")
	d.write("USD for a friend")
	d.sees(`line  bob 12.5 EUR USD for a friend`, "alice -12.5 EUR", "bob +12.5 EUR", "Enter signs and sends it")
	d.press("esc")
	d.sees("what is filled in stays")
	d.press("f", "enter")
	d.sees("sent: bob 12.5 EUR")
	d.press("esc")
	d.sees("17 rows", "USD for a friend")
}

// TestFormBill shares a bill by the form, and shows what everybody gets.
func TestFormBill(t *testing.T) {
	t.Parallel()
	w := newWorld(t).demo(16)
	d := newDriver(t, w, 120, 36)
	d.write("alice paid 60 EUR for alice, bob, carol: dinner")
	d.sees("gets:  alice +40 EUR  bob -20 EUR  carol -20 EUR  memo dinner")
	d.press("esc", "f")
	d.sees("shared bill", "paid by", "alice 20, bob 20, carol 20", "alice +40 EUR", "carol -20 EUR", "dinner")
	d.press("enter", "esc")
	d.sees("17 rows")
	d.press("f", "shift+tab", "space")
	d.sees("gives: FROM -> TO")
}
