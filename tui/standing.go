package tui

import (
	"errors"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

func asAmbiguous(err error) (*ledger.AmbiguousError, bool) {
	var a *ledger.AmbiguousError
	return a, errors.As(err, &a)
}

// meaning is the standing of an entry as a row shows it: "claimed by alice", "2 of 3".
type meaning struct {
	standing     ledger.Standing
	who          safe.String // empty: nobody is named
	standBy, all int         // "2 of 3"; all of 0: not so
}

// meaningOf says how an entry stands.
func (m *Model) meaningOf(s ledger.Status) meaning {
	out := meaning{standing: s.Standing}
	switch s.Standing {
	case ledger.Claimed:
		if s.Sides > 2 {
			out.standBy, out.all = s.StandBy, s.Sides
		} else {
			out.who = m.calledOf(s.By).short
		}
	case ledger.Disputed, ledger.Hearsay:
		out.who = m.calledOf(s.By).short
	}
	return out
}

// widths of the forms of the standing's column.
const (
	standingGlyph = 1
	standingWord  = 9 // "withdraw?"
	mostStanding  = 20
	leastWho      = 6 // of a name after "by"
	byCells       = len(" by ")
)

// width is how many cells the whole form takes.
func (s *meaning) width() int {
	switch {
	case s.all > 0:
		return digits(s.standBy) + len(" of ") + digits(s.all)
	case s.who.Width() > 0:
		return len(s.standing.String()) + byCells + s.who.Width()
	}
	return len(s.standing.String())
}

func digits(n int) int {
	d := 1
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}

// shortStanding is a standing in one word of at most standingWord cells.
func shortStanding(s ledger.Standing) screen.Const {
	if s == ledger.Withdrawing {
		return "withdraw?"
	}
	return screen.Const(s.String())
}

// glyphs stand for standings where there is no room for a word; the line below the list has the word.
var glyphs = [...]screen.Const{
	ledger.None: "", ledger.Invalid: "0", ledger.Withdrawn: "-", ledger.Disputed: "#", ledger.Withdrawing: "<", ledger.Tallied: "=",
	ledger.Claimed: "/", ledger.Hearsay: "'",
}

// drawMeaning draws a standing in at most w cells, in the longest form that they hold.
func (m *Model) drawMeaning(a screen.Area, x, y, w int, s *meaning) int {
	st := m.standingStyle(s.standing)
	var stack [16]byte
	switch {
	case s.standing == ledger.None || w <= 0:
		return x
	case w < standingWord:
		return a.Const(x, y, st, glyphs[s.standing])
	case s.all > 0:
		b := append(appendInt(stack[:0], s.standBy), " of "...)
		return a.ASCII(x, y, st, appendInt(b, s.all))
	case s.who.Width() > 0 && w >= len(s.standing.String())+byCells+min(s.who.Width(), leastWho):
		end := x + w
		x = a.Const(x, y, st, screen.Const(s.standing.String()))
		x = a.Const(x, y, st, " by ")
		return a.Text(x, y, end-x, st, s.who)
	}
	if full := screen.Const(s.standing.String()); len(full) <= w {
		return a.Const(x, y, st, full)
	}
	return a.Const(x, y, st, shortStanding(s.standing))
}

func (m *Model) standingStyle(s ledger.Standing) screen.Style {
	switch s {
	case ledger.Tallied:
		return m.st.OK
	case ledger.Claimed:
		return m.st.Info
	case ledger.Disputed, ledger.Invalid:
		return m.st.Error
	case ledger.Withdrawing:
		return m.st.Warn
	}
	return m.st.Dim
}

// meaningParts are a standing in words.
func (m *Model) meaningParts(s ledger.Status) textLine {
	w := m.meaningOf(s)
	st := m.standingStyle(s.Standing)
	switch {
	case s.Standing == ledger.None:
		return textLine{own(m.st.Dim, "…")}
	case s.Standing == ledger.Claimed && w.all > 0:
		return textLine{own(st, "claimed: "+number(w.standBy)+" of "+number(w.all)+" stand by it")}
	case w.who.Width() > 0:
		return textLine{own(st, screen.Const(s.Standing.String())+" by "), outside(st, w.who)}
	}
	return textLine{own(st, screen.Const(s.Standing.String()))}
}

// hide brings the rows that are not shown up to date: those of keys.
func (s *ledgerState) hide(book *ledger.Book, v *crdt.View, keys []crdt.Key) {
	cloned := false
	for _, k := range keys {
		row, ok := v.IndexOf(k)
		if !ok {
			continue
		}
		i := hitRows{v, s.withdrawn}.place(row)
		is := i < len(s.withdrawn) && s.withdrawn[i] == k
		want := book.Standing(k) == ledger.Withdrawn
		if is == want {
			continue
		}
		if !cloned { // rows hold the old ones
			s.withdrawn, cloned = append([]crdt.Key(nil), s.withdrawn...), true
		}
		if want {
			s.withdrawn = append(s.withdrawn[:i], append([]crdt.Key{k}, s.withdrawn[i:]...)...)
		} else {
			s.withdrawn = append(s.withdrawn[:i], s.withdrawn[i+1:]...)
		}
	}
}

// forget drops what belongs to another room.
func (s *ledgerState) forget() {
	s.cache, s.withdrawn, s.waiting = nil, nil, nil
}

// base are the rows of the list without a filter: all, all but those withdrawn, or those that wait.
func (s *ledgerState) base(v *crdt.View) viewRows {
	switch {
	case s.inbox:
		return hitRows{v, s.waiting}
	case s.showAll || len(s.withdrawn) == 0:
		return allRows{v}
	}
	return seenRows{v, s.withdrawn}
}

// seenRows are the rows of a view but for some, which are in the view's order.
type seenRows struct {
	view   *crdt.View
	hidden []crdt.Key
}

var _ viewRows = seenRows{}

func (r seenRows) Len() int           { return max(r.view.Len()-len(r.hidden), 0) }
func (r seenRows) Key(i int) crdt.Key { return r.view.Row(r.at(i)).Key }

// at is where the i-th row stands in the view, and how many hidden ones are before it: O(log hidden · log² rows).
func (r seenRows) at(i int) int {
	at, _ := r.find(i)
	return at
}

func (r seenRows) find(i int) (at, before int) {
	lo, hi := 0, len(r.hidden)
	for lo < hi { // the first hidden one with more than i rows seen before it
		mid := (lo + hi) / 2
		if r.pos(mid)-mid <= i {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return i + lo, lo
}

func (r seenRows) pos(i int) int {
	at, _ := r.view.IndexOf(r.hidden[i])
	return at
}

func (r seenRows) IndexOf(k crdt.Key) (int, bool) {
	row, ok := r.view.IndexOf(k)
	if !ok {
		return 0, false
	}
	i := hitRows{r.view, r.hidden}.place(row)
	return row - i, i == len(r.hidden) || r.hidden[i] != k
}

func (r seenRows) window(dst []int, top, n int) []int {
	if n <= 0 {
		return dst
	}
	at, next := r.find(top)
	for range n {
		for next < len(r.hidden) && r.pos(next) == at {
			at, next = at+1, next+1
		}
		dst = append(dst, at)
		at++
	}
	return dst
}

// partyParts are a party of an entry as a page shows it: by its key, and what the writer called it if that is another name.
func (m *Model) partyParts(p *ledger.Posting, full bool) textLine {
	label := m.cs.Text(p.Label, nameCells)
	if p.Key == nil {
		l := textLine{outside(m.st.Text, label)}
		if full {
			l = append(l, own(m.st.Dim, " (a name, bound to no key)"))
		}
		return l
	}
	name := m.calledOf(*p.Key)
	l := textLine{outside(m.st.Text, name.long)}
	if !full { // beside a list, where Enter shows all of it
		l[0] = outside(m.st.Text, name.short)
	}
	if m.snap.View.Forked(*p.Key) {
		l = append(l, own(m.st.Error, " FORK"))
	}
	if *p.Key == m.snap.Me {
		l = append(l, own(m.st.Dim, " (you)"))
	}
	if m.known() && m.book.people.Name(*p.Key) != p.Label && full {
		l = append(l, own(m.st.Dim, " (written as "), outside(m.st.Text, label), own(m.st.Dim, ")"))
	}
	return l
}

// maxSaidShown bounds the statements and corrections that a page lists; the rest is counted.
const maxSaidShown = 100

// standingLines say how an entry stands, what was said of it by whom, and what it corrects or was corrected by.
func (m *Model) standingLines(out []textLine, label func(screen.Const) screen.Const, k crdt.Key, w int, full bool) []textLine {
	st := &m.st
	s := m.book.book.Status(k)
	line := func(name screen.Const, parts ...part) {
		out = append(out, append(textLine{own(st.Dim, label(name))}, parts...))
	}
	stands := m.meaningParts(s)
	if word := m.meaningOf(s); word.all > 0 && !full {
		stands = textLine{own(m.standingStyle(s.Standing), "claimed: "+number(word.standBy)+" of "+number(word.all))}
	}
	line("stands", stands...)
	if full && s.Sides > 0 && s.Standing != ledger.Invalid && s.Standing != ledger.Claimed {
		line("", own(st.Dim, number(s.StandBy)+" of "+plural(s.Sides, "side stands", "sides stand")+" by it"))
	}
	writer := m.snap.View.ChangeAt(k.Change)
	said := m.book.book.Said(k)
	name := screen.Const("said")
	if full {
		line(name, outside(st.Text, m.calledOf(writer.Author).long), own(st.Text, " wrote it"), own(st.Dim, ", claims "+m.claimed(writer.Time, timeLayout)))
		name = ""
	}
	shown := maxSaidShown
	if !full {
		shown = 4
	}
	for i, one := range said {
		if i == shown {
			line(name, own(st.Dim, "and "+number(len(said)-shown)+" more"))
			break
		}
		who := m.calledOf(one.Author).short
		if full {
			who = m.calledOf(one.Author).long
		}
		words := textLine{outside(st.Text, who), own(m.sayStyle(one.Say), sayWord(one.Say))}
		if full {
			words = append(words, own(st.Dim, ", claims "+m.claimed(m.snap.View.ChangeAt(one.Change).Time, timeLayout)))
		}
		line(name, words...)
		name = ""
		if one.Memo != "" {
			out = appendWrapped(out, w, label("")+"  ", st.Dim, st.Text, m.cs.Text(one.Memo, memoCells))
		}
	}
	return m.correctionLines(out, label, k, &s, full)
}

func (m *Model) sayStyle(s ledger.Say) screen.Style {
	switch s {
	case ledger.Agree:
		return m.st.OK
	case ledger.Dispute:
		return m.st.Error
	}
	return m.st.Warn
}

func sayWord(s ledger.Say) screen.Const {
	switch s {
	case ledger.Agree:
		return " agrees"
	case ledger.Dispute:
		return " disputes"
	case ledger.Withdraw:
		return " withdraws"
	}
	return ""
}

// correctionLines show an entry beside the one that it corrects, and those that correct it.
func (m *Model) correctionLines(out []textLine, label func(screen.Const) screen.Const, k crdt.Key, s *ledger.Status, full bool) []textLine {
	other := func(name screen.Const, k crdt.Key) {
		out = append(out, append(textLine{own(m.st.Dim, label(name)), own(m.st.Text, m.entryID(k)+" ")}, m.entryParts(k)...))
		if full {
			out = append(out, append(textLine{own(m.st.Dim, label("")), own(m.st.Dim, "it stands: ")}, m.meaningParts(m.book.book.Status(k))...))
		}
	}
	if s.IsCorrection {
		other("old", s.Replaces)
		if full {
			out = append(out, append(textLine{own(m.st.Dim, label("new")), own(m.st.Text, m.entryID(k)+" ")}, append(m.entryParts(k), own(m.st.Dim, " (this one)"))...))
		}
	}
	for i, by := range s.ReplacedBy {
		if i == maxSaidShown {
			out = append(out, textLine{own(m.st.Dim, label("")), own(m.st.Dim, "and "+number(len(s.ReplacedBy)-i)+" more")})
			break
		}
		other("new", by)
	}
	return out
}
