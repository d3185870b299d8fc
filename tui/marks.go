package tui

import (
	"errors"
	"slices"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/tui/internal/editor"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// marksState is what one is about to say of entries.
type marksState struct {
	chosen  map[crdt.Key]bool // rows that the next mark is for
	correct *correction       // the line typed corrects an entry
}

// correction is an own entry that the line typed takes the place of.
type correction struct {
	key   crdt.Key
	name  crdt.Name
	entry ledger.Entry
	id    screen.Const
	draft string // what stood in the line before
}

// keepKeys leaves a party its key where its name was left as it was.
func (c *correction) keepKeys(e ledger.Entry) ledger.Entry {
	e.Postings = slices.Clone(e.Postings)
	for i := range e.Postings {
		p := &e.Postings[i]
		for _, old := range c.entry.Postings {
			if p.Key == nil && old.Key != nil && old.Label == p.Label {
				p.Key = old.Key
			}
		}
	}
	return e
}

// maxChosen bounds how many rows are marked at once.
const maxChosen = 1000

// choose selects the row under the cursor for the next mark, or no longer, and goes on to the next.
func (m *Model) chooseRow() {
	k, ok := m.selected()
	if !ok {
		return
	}
	s := &m.marks
	switch {
	case s.chosen[k]:
		delete(s.chosen, k)
	case len(s.chosen) >= maxChosen:
		m.tell(true, "%d are selected: that is all that can be at once", maxChosen)
		return
	default:
		if s.chosen == nil {
			s.chosen = map[crdt.Key]bool{}
		}
		s.chosen[k] = true
	}
	if l := &m.ledger.list; l.Index() < l.Len()-1 {
		l.Move(m.ledger.rows, 1)
		m.rememberShown()
	}
	if n := len(s.chosen); n > 0 {
		m.tell(false, "%s selected: {mark.agree} agrees, {mark.dispute} disputes, {mark.withdraw} withdraws, {ledger.back} lets go", number(n))
	}
}

// chosenRows are the entries that a mark is for: those selected, in the list's order, or the one under the cursor.
func (m *Model) chosenRows() []crdt.Key {
	if len(m.marks.chosen) == 0 {
		if k, ok := m.selected(); ok {
			return []crdt.Key{k}
		}
		return nil
	}
	v := m.snap.View
	keys := make([]crdt.Key, 0, len(m.marks.chosen))
	for k := range m.marks.chosen {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b crdt.Key) int {
		i, _ := v.IndexOf(a)
		j, _ := v.IndexOf(b)
		return i - j
	})
	return keys
}

// markEntries says something of entries: agreement at once, all else after a question that shows what it means.
func (m *Model) markEntries(say ledger.Say, keys ...crdt.Key) tea.Cmd {
	if len(keys) == 0 {
		m.tell(false, "there is no entry here")
		return nil
	}
	good, err := m.allowed(say, keys)
	if len(good) == 0 {
		if len(keys) == 1 && say == ledger.Agree && errors.Is(err, ledger.ErrNotParty) && m.offerBinding(keys[0]) {
			return nil
		}
		if err != nil {
			m.tell(true, "%s", err.Error())
		}
		return nil
	}
	if say != ledger.Agree {
		m.push(&markQuestion{say: say, keys: good, left: len(keys) - len(good), why: err})
		return nil
	}
	cmd := m.sendMarks(say, "", good)
	m.tellMarked(say, good, len(keys)-len(good), err)
	return cmd
}

// allowed are the entries of which one may say so, and why not of the first of the others. If nothing can be said at all it
// tells why, and both are nil.
func (m *Model) allowed(say ledger.Say, keys []crdt.Key) (good []crdt.Key, why error) {
	if m.snap == nil || !m.known() {
		m.tell(false, "the room is still being read: press the key again in a moment")
		return nil, nil
	}
	if !m.writable() {
		return nil, nil
	}
	for _, k := range keys {
		if err := m.book.book.May(m.snap.Me, k, say); err == nil {
			good = append(good, k)
		} else if why == nil {
			why = err
		}
	}
	return good, why
}

// saying is what is to be said of an entry.
type saying struct {
	key  crdt.Key
	say  ledger.Say
	memo string
}

// maxTogether is how many entries one change marks: as many as its links bear, whatever else it links.
const maxTogether = 256

// sendMarks marks entries with one word: in one change, so that U takes all of it back.
func (m *Model) sendMarks(say ledger.Say, memo string, keys []crdt.Key) tea.Cmd {
	all := make([]saying, 0, len(keys))
	for _, k := range keys {
		all = append(all, saying{k, say, memo})
	}
	return m.sendSayings(all)
}

func (m *Model) sendSayings(all []saying) tea.Cmd {
	var batch []submission
	for some := range slices.Chunk(all, maxTogether) {
		edits := make([]func(*crdt.Tx) error, 0, len(some))
		for _, s := range some {
			edits = append(edits, ledger.MarkEdit(m.snap.View.NameOf(s.key), s.say, s.memo))
		}
		batch = append(batch, submission{ledger.Edits(edits...), ""})
	}
	clear(m.marks.chosen)
	return m.submit(batch...)
}

// tellMarked says what marks have made of entries.
func (m *Model) tellMarked(say ledger.Say, keys []crdt.Key, left int, why error) {
	m.dirty = true
	verb := map[ledger.Say]screen.Const{ledger.Agree: "agreed", ledger.Dispute: "disputed", ledger.Withdraw: "withdrawn"}[say]
	var l textLine
	if len(keys) == 1 {
		after := m.book.book.After(m.snap.Me, keys[0], say)
		l = append(textLine{own(0, verb+": "+m.entryID(keys[0])+" is now ")}, m.meaningParts(after)...)
	} else {
		l = textLine{own(0, verb+": "+plural(len(keys), "entry", "entries"))}
	}
	back := m.keyed(" · {mark.undo} takes it back")
	if len(keys) > 1 {
		back = m.keyed(" · {mark.undo} takes them back")
	}
	l = append(l, own(0, back))
	if left > 0 && why != nil {
		l = append(l, own(0, " · "+number(left)+" left out: "), outside(0, m.cs.Text(why.Error(), noteCells)))
	}
	m.note = note{text: l.text()}
}

// entryID is what an entry is called by in a sentence: its change's first digits.
func (m *Model) entryID(k crdt.Key) screen.Const {
	return shortHex(m.snap.View.ChangeAt(k.Change).ID, 8)
}

// text is a line as one text.
func (l textLine) text() safe.String {
	parts := make([]safe.String, 0, len(l))
	for _, p := range l {
		if p.own != "" {
			parts = append(parts, safe.Text(string(p.own), noteCells))
		} else {
			parts = append(parts, p.text)
		}
	}
	return safe.Concat(parts...)
}

// entryParts are an entry in one line: who gives whom how much.
func (m *Model) entryParts(k crdt.Key) textLine {
	i, ok := m.snap.View.IndexOf(k)
	if !ok {
		return nil
	}
	e := m.entryText(m.snap.View.Row(i))
	l := textLine{outside(0, e.from), own(0, " -> "), outside(0, e.to), own(0, " "+screen.Const(ledger.FormatAmount(e.amount, e.scale)))}
	if e.unit.Width() > 0 {
		l = append(l, own(0, " "), outside(0, e.unit))
	}
	return l
}

// undoMark takes back what one said last of any entry, or says again what that had replaced.
func (m *Model) undoMark() tea.Cmd {
	if !m.known() {
		m.tell(false, "the room is still being read: press the key again in a moment")
		return nil
	}
	last := m.book.book.LastOwnMarks()
	if len(last) == 0 {
		m.tell(false, "you have said nothing of any entry yet: there is nothing to take back")
		return nil
	}
	if !m.writable() {
		return nil
	}
	all := make([]saying, 0, len(last))
	for _, o := range last {
		all = append(all, saying{o.Key, o.Before.Say, o.Before.Memo})
	}
	cmd := m.sendSayings(all)
	if len(last) > 1 {
		m.tell(false, "taken back: what you said last, of %s · {mark.undo} again brings it back", plural(len(last), "entry", "entries"))
		return cmd
	}
	k, now, before := last[0].Key, last[0].Now, last[0].Before
	words := own(0, "you say nothing of ")
	if before.Say != ledger.Nothing {
		words = own(0, "you "+screen.Const(before.Say.String())+" again: ")
	}
	taken := own(0, "undone: ")
	if now.Say != ledger.Nothing {
		taken = own(0, "taken back (you said "+screen.Const(now.Say.String())+"): ")
	}
	l := append(textLine{taken, words, own(0, m.entryID(k)+" ")}, m.entryParts(k)...)
	m.dirty, m.note = true, note{text: append(l, own(0, m.keyed(" · {mark.undo} again brings it back"))).text()}
	return cmd
}

// correctEntry puts an own entry into the line: Enter writes what takes its place.
func (m *Model) correctEntry(k crdt.Key) tea.Cmd {
	v := m.snap.View
	i, ok := v.IndexOf(k)
	if !ok || !m.known() {
		return nil
	}
	if v.ChangeAt(k.Change).Author != m.snap.Me {
		m.tell(true, "%s is not yours: only who wrote an entry corrects it. {mark.dispute} disputes it, with a memo that says what is wrong", m.entryID(k))
		return nil
	}
	if m.book.book.Standing(k) == ledger.Withdrawn {
		m.tell(true, "%s is withdrawn: {global.new} types a new one", m.entryID(k))
		return nil
	}
	e, err := ledger.Decode(v.Row(i).Literal)
	line, said := ledger.Format(e)
	if err != nil || !said {
		m.tell(true, "%s cannot be said in one line: {mark.withdraw} withdraws it, and {global.new} or {ledger.form} writes it anew", m.entryID(k))
		return nil
	}
	m.show(ledgerScreen)
	m.marks.correct = &correction{key: k, name: v.NameOf(k), entry: e, id: m.entryID(k), draft: m.entry.line.String()}
	m.field = entryField
	m.entry.line.Set(line)
	m.tell(false, "correcting %s: change the line, {type.enter} writes what takes its place, {type.leave} leaves it as it is", m.entryID(k))
	return nil
}

// leaveCorrection puts the line back to what it was before a correction was begun.
func (m *Model) leaveCorrection() {
	if c := m.marks.correct; c != nil {
		m.marks.correct = nil
		m.entry.line.Set(c.draft)
		m.tell(false, "%s stays as it is", c.id)
	}
}

// offerBinding offers to write an entry anew, bound to keys, where one is meant by name alone. It reports false if one is
// not.
func (m *Model) offerBinding(k crdt.Key) bool {
	i, ok := m.snap.View.IndexOf(k)
	if !ok {
		return false
	}
	e, err := ledger.Decode(m.snap.View.Row(i).Literal)
	if err != nil || !slices.ContainsFunc(e.Postings, func(p ledger.Posting) bool { return p.Key == nil && p.Label == m.options.Name }) {
		return false
	}
	name := m.snap.View.NameOf(k)
	m.push(&question{
		text: m.entryID(k) + " names you without your key, so your word would bind nobody. Write it anew, with your key, for the others to agree to?",
		yes: func(m *Model) tea.Cmd {
			return m.bind(e, func(m *Model, e ledger.Entry) tea.Cmd {
				if _, err := ledger.Encode(e); err != nil {
					m.tell(true, "%s", err.Error())
					return nil
				}
				m.tell(false, "written anew, bound to you: it takes the old one's place as the others agree")
				m.toOwn()
				return m.submit(submission{ledger.AppendEdit(e, &name), ""})
			})
		},
	})
	return true
}

// markQuestion asks whether entries are to be disputed or withdrawn, and shows what it would mean. A memo can say why.
type markQuestion struct {
	say    ledger.Say
	keys   []crdt.Key
	left   int   // of which it cannot be said
	why    error // and why not of the first
	memo   editor.Line
	typing bool
}

func (q *markQuestion) focus() focus {
	if q.typing {
		return onType
	}
	return onMark
}

// asked is the question about a mark, if it is what gets the keys.
func (m *Model) asked() *markQuestion {
	if n := len(m.overlay); n > 0 {
		q, _ := m.overlay[n-1].(*markQuestion)
		return q
	}
	return nil
}

func (q *markQuestion) paste(s string) {
	if q.typing {
		q.memo.Insert(s)
	}
}

func (q *markQuestion) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	if q.typing {
		t := &m.keys.Type
		switch {
		case key.Matches(msg, t.Enter):
			return q.send(m)
		case key.Matches(msg, t.Leave, t.Clear):
			q.typing = false
			q.memo.Set("")
		default:
			m.edit(&q.memo, msg)
		}
		return nil
	}
	switch {
	case key.Matches(msg, m.keys.Dialog.Yes):
		return q.send(m)
	case key.Matches(msg, m.keys.Mark.Memo):
		q.typing = true
	case key.Matches(msg, m.keys.Dialog.No):
		m.pop()
		m.tell(false, "nothing was said")
	}
	return nil
}

func (q *markQuestion) send(m *Model) tea.Cmd {
	memo := q.memo.String()
	dummy := ledger.NewTransfer("a", "b", 1, 0, "", memo)
	if err := dummy.Validate(); err != nil {
		m.tell(true, "%s", err.Error())
		return nil
	}
	m.pop()
	good, why := m.allowed(q.say, q.keys) // others may have said something meanwhile
	if len(good) == 0 {
		if why != nil {
			m.tell(true, "%s", why.Error())
		}
		return nil
	}
	cmd := m.sendMarks(q.say, memo, good)
	m.tellMarked(q.say, good, q.left, q.why)
	return cmd
}

// lines are the question.
func (q *markQuestion) lines(m *Model, short bool) textLine {
	verb := screen.Const("Dispute ")
	if q.say == ledger.Withdraw {
		verb = "Withdraw "
	}
	if len(q.keys) > 1 {
		l := textLine{own(m.st.Warn, verb+number(len(q.keys))+" entries?")}
		if q.left > 0 {
			l = append(l, own(m.st.Dim, " ("+number(q.left)+" left out)"))
		}
		return l
	}
	k := q.keys[0]
	if short {
		l := append(textLine{own(m.st.Warn, verb+m.entryID(k)+": ")}, m.meaningParts(m.book.book.After(m.snap.Me, k, q.say))...)
		return append(l, own(m.st.Warn, "?"))
	}
	l := append(textLine{own(m.st.Warn, verb+m.entryID(k)+" ")}, m.entryParts(k)...)
	l = append(l, own(m.st.Warn, "? Then: "))
	return append(l, m.meaningParts(m.book.book.After(m.snap.Me, k, q.say))...)
}

// draw asks in the place of the input line, as every question.
func (q *markQuestion) draw(m *Model, all screen.Area) {
	a := sub(all, m.lay.input)
	a.Clear()
	const memo = " why: "
	answer := " " + m.yesNo() + m.keyed(", {mark.memo} memo ")
	prompt := func(a screen.Area, x, y int) {
		if q.typing {
			x = a.Const(x, y, m.st.Key, memo)
			q.memo.Draw(a, x, y, m.st.Text, true, -1, 0)
			return
		}
		x = a.ConstCut(x, y, a.W-x, m.st.Warn, answer)
		a.PlaceCursor(min(x, a.W-1), y, true)
	}
	if m.lay.boxed {
		note := m.keyed("{dialog.yes} yes · {mark.memo} with a memo · {dialog.no} no")
		if q.typing {
			note = m.keyed("typing: {type.enter} sends, {type.leave} leaves the memo out")
		}
		a = a.Frame(m.st.Warn, m.st.Focus, "Question", note)
		say(a, 1, 0, q.lines(m, false)...)
		prompt(a, 0, 1)
		return
	}
	line := q.lines(m, m.lay.below.h < 2)
	if !m.lay.below.empty() {
		above := sub(all, m.lay.below)
		above.Clear()
		for i, l := range appendWrapped(nil, above.W-1, " ", 0, m.st.Warn, line.text()) {
			say(above, 0, i, l...)
		}
		prompt(a, 0, a.H-1)
		return
	}
	if q.typing {
		prompt(a, 0, a.H-1)
		return
	}
	x := say(a.Sub(0, 0, max(a.W-screen.Width(answer), 0), a.H), 0, a.H-1, line...)
	prompt(a, x, a.H-1)
}
