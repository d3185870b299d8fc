package tui

import (
	"bytes"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// owing is how one stands with every other person, by unit: what one has got from them, less what one has given, of tallied
// entries. It is as it was when the page was opened.
type owing struct {
	ready bool
	units []string // sorted
	with  map[crdt.Author]map[string]ledger.Sum
}

// readOwing looks through the entries that bind me: O(rows), so it is done off the screen's goroutine, and once for what the book
// says now.
func (m *Model) readOwing(then func(*Model, owing)) tea.Cmd {
	me, ok := m.me()
	if !ok || !m.known() {
		return nil
	}
	view, book, at := m.snap.View, m.book.book, m.book.at
	if m.book.owing.ready && m.book.owingAt == at {
		then(m, m.book.owing)
		return nil
	}
	return func() tea.Msg {
		w := owingOf(view, book, me)
		return thenMsg{func(m *Model) {
			if m.book.book == book {
				m.book.owing, m.book.owingAt = w, at
			}
			then(m, w)
		}}
	}
}

func owingOf(view *crdt.View, book *ledger.Book, me crdt.Author) owing {
	w := owing{ready: true, with: map[crdt.Author]map[string]ledger.Sum{}}
	units := map[string]bool{}
	var e ledger.Entry
	for row := range view.Rows {
		if !bytes.Contains(row.Literal, me[:]) { // most are of others, and need not be read
			continue
		}
		if e.Decode(row.Literal) != nil || !binds(&e, me) || book.Status(row.Key).Standing != ledger.Tallied {
			continue
		}
		e := e // pairs keeps it no longer than this
		units[e.Unit] = true
		for _, p := range pairs(&e, me) {
			of := w.with[p.who]
			if of == nil {
				of = map[string]ledger.Sum{}
				w.with[p.who] = of
			}
			of[e.Unit] = of[e.Unit].Add(ledger.SumOf(p.amount, e.Scale))
		}
	}
	for u := range units {
		w.units = append(w.units, u)
	}
	slices.Sort(w.units)
	return w
}

func binds(e *ledger.Entry, a crdt.Author) bool {
	return slices.ContainsFunc(e.Postings, func(p ledger.Posting) bool { return p.Key != nil && *p.Key == a })
}

// pairing is what me gets from one other in an entry.
type pairing struct {
	who    crdt.Author
	amount int64
}

// pairs divides an entry among those who give and those who get, in the order of its postings, and returns what concerns me. Where
// one side is one person, as in all that people type, it is exactly what the entry says. A tallied entry binds everybody.
func pairs(e *ledger.Entry, me crdt.Author) []pairing {
	var out []pairing
	left := make([]int64, len(e.Postings))
	for i := range e.Postings {
		left[i] = e.Postings[i].Amount
	}
	give, get := 0, 0
	for {
		for give < len(left) && left[give] >= 0 {
			give++
		}
		for get < len(left) && left[get] <= 0 {
			get++
		}
		if give == len(left) || get == len(left) {
			return out
		}
		n := min(-left[give], left[get])
		left[give] += n
		left[get] -= n
		from, to := e.Postings[give].Key, e.Postings[get].Key
		switch {
		case from == nil || to == nil:
		case *to == me:
			out = append(out, pairing{*from, n})
		case *from == me:
			out = append(out, pairing{*to, -n})
		}
	}
}

// parts are what a person has got from me, less what it has given, in at most so many units.
func (w *owing) parts(m *Model, a crdt.Author, most int) textLine {
	if me, _ := m.me(); !w.ready || a == me {
		return nil
	}
	var l textLine
	n := 0
	for _, u := range w.units {
		s, ok := w.with[a][u]
		if !ok || s.IsZero() {
			continue
		}
		if n == most {
			return append(l, own(m.st.Dim, " …"))
		}
		if n > 0 {
			l = append(l, own(0, "  "))
		}
		l = append(l, m.sumParts(s.Neg(), u)...)
		n++
	}
	return l
}

// sumParts is a sum with its sign and unit.
func (m *Model) sumParts(s ledger.Sum, unit string) textLine {
	text := screen.Const(s.Append(nil, 2))
	if s.Sign() > 0 {
		text = "+" + text
	}
	l := textLine{own(m.st.Text, text)}
	if unit != "" {
		l = append(l, own(0, " "), outside(m.st.Text, m.cs.Text(unit, ledger.MaxUnitBytes)))
	}
	return l
}

// balanceLines are a person's balances in the room, and how one stands with it.
func (o *personPage) balanceLines(m *Model, w int) (out []textLine) {
	if !m.known() {
		return nil
	}
	st := &m.st
	me, _ := m.me()
	for _, u := range m.book.book.Units() {
		b := m.book.book.BalanceOf(ledger.Party{Key: o.author, Bound: true}, u)
		if b.Tallied.IsZero() && b.Claimed.IsZero() && b.Disputed.IsZero() {
			continue
		}
		l := append(textLine{own(st.Dim, " in this room  ")}, m.sumParts(b.Tallied, u)...)
		add := func(words part, s ledger.Sum) {
			more := append(textLine{words}, m.sumParts(s, u)...)
			if l.width()+3+more.width() > w && len(l) > 1 {
				out = append(out, cutLine(l, w))
				l = textLine{own(0, blanks(15))}
				if 15+more.width() > w {
					l = textLine{own(0, "   ")}
				}
			} else {
				l = append(l, own(0, "   "))
			}
			l = append(l, more...)
		}
		if b.Claimed != b.Tallied {
			add(own(st.Dim, "with what is claimed "), b.Claimed)
		}
		if !b.Disputed.IsZero() {
			add(own(st.Warn, "disputed "), b.Disputed)
		}
		out = append(out, cutLine(l, w))
	}
	if o.author == me {
		return out
	}
	for _, u := range o.owing.units {
		if s := o.owing.with[o.author][u]; !s.IsZero() {
			l := append(textLine{own(st.Dim, " with you      ")}, m.sumParts(s.Neg(), u)...)
			word := screen.Const("   you owe them")
			if s.Sign() > 0 {
				word = "   they owe you"
			}
			out = append(out, cutLine(append(l, own(st.Dim, word)), w))
		}
	}
	if o.owing.ready && len(o.owing.with[o.author]) == 0 {
		out = appendWrapped(out, w, " with you      ", st.Dim, st.Dim, safe.Literal("nothing tallied between you"))
	}
	return out
}
