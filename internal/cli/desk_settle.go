package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/exchange"
	"github.com/tallystick/tallystick/internal/ledger"
)

// verbSettle writes the payments that settle up, as lines that can be sent as they are, or sends those that this person is a side of.
func verbSettle(ctx context.Context, d *desk, c *deskCall, out *deskOut) error {
	units, err := d.units(c)
	if err != nil {
		return err
	}
	t, err := d.teller()
	if err != nil {
		return err
	}
	var edits []func(*crdt.Tx) error
	others := 0
	for _, u := range units {
		for _, pay := range ledger.Settle(d.book.Balances(u)) {
			e, line, ok := t.payment(pay)
			switch {
			case !c.Send:
				j := paymentJSON{Kind: kindPayment, Unit: exchange.Present(u), From: t.partyJSON(pay.From), To: t.partyJSON(pay.To), Amount: moneyText(pay.Amount, pay.Amount.Scale())}
				if ok {
					j.Line = &line
				}
				switch {
				case c.JSON:
					out.object(j)
				case ok:
					out.columns(line)
				default:
					out.note("%s gives %s %s %s: more digits than one line takes", t.partyText(pay.From), t.partyText(pay.To), j.Amount, u)
				}
			case !pay.From.Bound || !pay.To.Bound || pay.From.Key != d.me && pay.To.Key != d.me:
				others++
			case !ok:
				return fmt.Errorf("%s %s: more digits than one entry takes: write several", pay.Amount, u)
			default:
				edits = append(edits, ledger.AppendEdit(e, nil))
			}
		}
	}
	if !c.Send {
		return out.err
	}
	if others > 0 {
		out.note("not sent, since they are between others, or name somebody without a key: %d", others)
	}
	if len(edits) == 0 {
		out.note("nothing to settle by %s", d.name)
		return out.err
	}
	return d.enter(ctx, c, out, edits...)
}

// payment is the entry of a payment, and the line that says it here; false if it has more digits than an entry takes.
func (t *teller) payment(p ledger.Payment) (e ledger.Entry, line string, ok bool) {
	amount, scale, ok := p.Amount.Scaled()
	if !ok {
		return e, "", false
	}
	if scale == 1 && amount < shiftBelow { // cents have two digits
		amount, scale = amount*10, 2
	}
	// Who is above zero is owed: what is paid to it takes that away.
	typed := ledger.NewTransfer(t.label(p.From), t.label(p.To), amount, scale, p.Unit, t.called(p.To)+" pays "+t.called(p.From))
	line, ok = ledger.Format(typed)
	e = typed
	e.Postings = slices.Clone(typed.Postings)
	for i, side := range []ledger.Party{p.From, p.To} {
		if side.Bound {
			key := side.Key
			e.Postings[i].Key = &key
			if name := t.people.Name(key); name != "" {
				e.Postings[i].Label = name
			}
		}
	}
	return e, line, ok
}

// called is a party's name alone, for a memo.
func (t *teller) called(p ledger.Party) string {
	if !p.Bound {
		return p.Label
	}
	if s := t.people.Shown(p.Key); s.Name != "" {
		return s.Name
	}
	return t.author(p.Key)
}

// shiftBelow is what an amount may be to take another digit.
const shiftBelow = 1e17

// label is what to type for a party.
func (t *teller) label(p ledger.Party) string {
	if !p.Bound {
		return p.Label
	}
	s := t.people.Shown(p.Key)
	if a, ok, err := t.people.Lookup(s.Name); ok && err == nil && a == p.Key {
		return s.Name
	}
	if label := s.Name + "#" + s.Digits; len(label) <= ledger.MaxLabelBytes {
		return label
	}
	return "#" + s.Digits
}
