package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/transport"
)

// bookState is what the entries of the room shown come to, and who is called what there.
type bookState struct {
	room   crdt.RoomID
	book   *ledger.Book // nil until the room is open
	ready  bool         // it has read the room once: before that nothing is said of standings
	busy   bool         // a command has it read on
	behind bool         // and is wanted to
	at     uint64       // the version of book that rows, counts and balances show

	people  *ledger.People // nil until the room was read once
	named   uint64         // the version of names that people holds
	called  map[crdt.Author]*called
	waiting int // entries that wait for my word
	owing   owing
	owingAt uint64 // the version of book that owing is of, if it is ready

	balances   map[string]unitBalances // by unit; they are read when they are asked for
	balancesAt uint64                  // the version of book that they are of
}

// called is how one author is shown, ready to be drawn.
type called struct {
	short safe.String // in a list: the name, with ? and the first digits of the key if it looks like another's
	long  safe.String // on a page: with the digits of the key besides, unless it was confirmed
	name  safe.String // that which looks like another's, and
	tail  safe.String // the digits that tell it from the other: both empty if none does
}

// Steps of the book on the screen's own goroutine are so small that no key waits for one.
const (
	maxBookChanges = 128  // more changes than these are read off it
	maxNamesHere   = 64   // of more authors the names are brought together off it
	maxCalled      = 2048 // names kept ready
)

// readOn has the book read what the newest snapshot has more, at once if it is little.
func (m *Model) readOn() {
	b := &m.book
	if b.book == nil || b.room != m.snap.Room {
		*b = bookState{room: m.snap.Room, book: ledger.NewBook(m.snap.Me)}
		m.ledger.forget()
		m.marks = marksState{}
	}
	if b.busy {
		return
	}
	switch more := m.snap.View.Changes() - b.book.Changes(); {
	case !b.ready || more > maxBookChanges:
		b.behind = true
	case more > 0:
		b.book.Update(m.snap.View)
		m.takeBook()
	}
}

// nextBook has a command read what was too much for the screen's goroutine.
func (m *Model) nextBook() tea.Cmd {
	b := &m.book
	if !b.behind || b.busy || m.snap == nil {
		return m.announce()
	}
	b.behind, b.busy = false, true
	book, view := b.book, m.snap.View
	return func() tea.Msg {
		book.Update(view)
		hidden := withdrawnRows(book, view)
		return thenMsg{func(m *Model) { m.onBook(book, hidden) }}
	}
}

// withdrawnRows are the rows that are withdrawn, in the order of the view: O(rows).
func withdrawnRows(book *ledger.Book, view *crdt.View) []crdt.Key {
	var hidden []crdt.Key
	view.Rows(func(row crdt.Row) bool {
		if book.Standing(row.Key) == ledger.Withdrawn {
			hidden = append(hidden, row.Key)
		}
		return true
	})
	return hidden
}

// onBook takes over a book that a command had read on.
func (m *Model) onBook(book *ledger.Book, hidden []crdt.Key) {
	b := &m.book
	if b.book != book { // of a room that is no longer shown
		return
	}
	b.busy, b.ready = false, true
	b.at = book.Version()
	m.ledger.withdrawn = hidden
	m.bookTaken(nil, false)
	m.readOn() // what came in meanwhile
	m.ledger.sync(m.snap, m.snap)
	m.later = m.afterSnapshot()
}

// takeBook takes over what a small step of the book has changed.
func (m *Model) takeBook() {
	b := &m.book
	keys, ok := b.book.Changed(b.at)
	b.at = b.book.Version()
	if ok {
		m.ledger.hide(b.book, m.snap.View, keys)
	} else {
		b.behind = true // all rows are to be looked at, by a command
	}
	m.bookTaken(keys, ok)
}

// bookTaken follows a new version of the book; keys are the entries whose standing changed, unless ok is false.
func (m *Model) bookTaken(keys []crdt.Key, ok bool) {
	b := &m.book
	m.dirty = true
	m.rowsChanged(keys, ok)
	b.waiting = b.book.WaitingCount()
	if m.ledger.inbox {
		m.ledger.waiting = b.book.Waiting()
	}
	if b.people == nil || b.named != b.book.NamesVersion() {
		m.later = tea.Batch(m.later, m.readPeople())
	}
}

// readPeople brings together who is called what, at once if they are few. It is to be called when the user's own contacts
// have changed.
func (m *Model) readPeople() tea.Cmd {
	b := &m.book
	if b.book == nil || !b.ready {
		return nil
	}
	book, me, name, contacts := b.book, m.snap.Me, m.options.Name, m.contacts()
	named := book.NamesVersion()
	b.named = named
	authors := book.Authors()
	if len(authors) <= maxNamesHere {
		m.takePeople(ledger.NewPeople(authors, book.Name, contacts, me, name))
		return nil
	}
	return func() tea.Msg {
		people := ledger.NewPeople(authors, book.Name, contacts, me, name)
		people.Of() // in order, as the people page will want them
		return thenMsg{func(m *Model) {
			if m.book.book == book && m.book.named == named {
				m.takePeople(people)
			}
		}}
	}
}

// contacts are the people whom the user has named.
func (m *Model) contacts() ledger.Contacts {
	if m.options.People == nil {
		return ledger.Contacts{}
	}
	return m.options.People.Contacts()
}

func (m *Model) takePeople(p *ledger.People) {
	m.dirty = true
	m.book.people, m.book.called = p, nil
	m.ledger.cache = nil
	m.rowsChanged(nil, false)
	for _, label := range p.Labels() {
		m.names.note(label, use{})
	}
}

// known reports whether standings and names are known: they are once the room was read.
func (m *Model) known() bool { return m.book.ready && m.book.people != nil }

// calledOf is how an author is shown.
func (m *Model) calledOf(a crdt.Author) *called {
	b := &m.book
	if c, ok := b.called[a]; ok {
		return c
	}
	if b.called == nil || len(b.called) >= maxCalled {
		b.called = make(map[crdt.Author]*called)
	}
	c := &called{}
	if b.people == nil {
		c.short = m.cs.Text(a.String()[:8], nameCells)
		c.long = c.short
	} else {
		s := b.people.Shown(a)
		name := m.cs.Text(s.Name, nameCells)
		c.short, c.long = name, name
		if s.Name == "" {
			c.short = m.cs.Text(s.Digits, nameCells)
			c.long = c.short
		} else {
			if s.LookAlike { // the key tells it from the others, also where there is little room
				c.name, c.tail = name, m.cs.Text(b.people.Brief(a), nameCells)
				c.short = m.withTail(c.name, c.tail, max(leastName, leastCut+1+c.tail.Width()))
				c.long = safe.Concat(name, safe.Literal("?"))
			}
			if !s.Confirmed {
				c.long = safe.Concat(c.long, safe.Literal(" "), m.cs.Text(s.Digits, nameCells))
			}
		}
	}
	b.called[a] = c
	return c
}

// withTail is a name that looks like another's in at most w cells: the digits stay, whatever has to go.
func (m *Model) withTail(name, tail safe.String, w int) safe.String {
	const leastMarked = 4 // of fewer cells, none is for the mark of a cut
	switch room := w - tail.Width() - 1; {
	case room < 0:
		return tail
	case room < leastMarked:
		name, _ = name.Split(room)
	default:
		name = m.cs.Cut(name, room)
	}
	return safe.Concat(name, safe.Literal("?"), tail)
}

// partyName is how a party of an entry is shown in a list: by its key, if it has one, whatever the writer called it.
func (m *Model) partyName(p *ledger.Posting) safe.String {
	switch {
	case p.Key == nil || m.book.people == nil:
		return m.cs.Text(p.Label, nameCells)
	case m.book.people.Name(*p.Key) == "":
		return safe.Concat(m.cs.Text(p.Label, nameCells), safe.Literal("#"), m.calledOf(*p.Key).short)
	}
	return m.calledOf(*p.Key).short
}

// me is the own key; false if this node only reads.
func (m *Model) me() (crdt.Author, bool) {
	if m.snap == nil {
		return crdt.Author{}, false
	}
	return m.snap.Me, m.snap.Me != crdt.Author{}
}

// announce says one's own name to the room as soon as a peer is there to hear it, so that others can name one.
func (m *Model) announce() tea.Cmd {
	if m.snap == nil || m.snap.Live == 0 || m.snap.Writing != transport.WriteOpen || !m.unnamed() {
		return nil
	}
	return m.submit(submission{ledger.Edits(), ""}) // which says the name with it
}

// unnamed reports whether the room has still to be told what one is called.
func (m *Model) unnamed() bool {
	me, ok := m.me()
	label, valid := ledger.ParseLabel(m.options.Name)
	return ok && valid && label == m.options.Name && m.known() && !m.announced[m.snap.Room] && m.book.book.Name(me) != m.options.Name
}

// bind gives their keys to the parties that are known here, and has then go on with the entry. If a name can be several
// people's, it asks which.
func (m *Model) bind(e ledger.Entry, then func(*Model, ledger.Entry) tea.Cmd) tea.Cmd {
	if !m.known() {
		return then(m, e)
	}
	err := m.book.people.Bind(&e)
	ambiguous, ok := asAmbiguous(err)
	switch {
	case !ok && err != nil:
		m.tell(true, "%s", err.Error())
		return nil
	case !ok:
		return then(m, e)
	case len(ambiguous.Candidates) == 0:
		m.tell(true, "%s", err.Error())
		return nil
	}
	var choices []choice
	for _, a := range ambiguous.Candidates[:min(len(ambiguous.Candidates), maxChoices)] {
		choices = append(choices, choice{
			name: m.calledOf(a).long, words: m.standingWith(a),
			take: func(m *Model) tea.Cmd {
				bound := e
				bound.Postings = slices.Clone(e.Postings)
				for i := range bound.Postings {
					if p := &bound.Postings[i]; p.Key == nil && p.Label == ambiguous.Label {
						p.Key = &a
					}
				}
				return m.bind(bound, then)
			},
		})
	}
	m.choose(safe.Concat(safe.Literal("Which "), m.cs.Text(ambiguous.Label, nameCells), safe.Literal(" is meant?")), choices, 0)
	return nil
}

// maxChoices bounds how many people of one name are offered.
const maxChoices = 100

// standingWith says in a few words what tells an author from another of the same name.
func (m *Model) standingWith(a crdt.Author) safe.String {
	c, _ := m.contacts().Of(a)
	switch {
	case a == m.snap.Me:
		return safe.Literal("you")
	case m.snap.View.Forked(a):
		return safe.Literal("FORK: signed two changes after the same one")
	case c.Confirmed:
		return safe.Literal("you compared this key")
	}
	return m.cs.Text(string(m.keyed("not confirmed: compare the key with them ({ledger.people})")), noteCells)
}

// boundOf is an entry with the keys of the parties that are known here.
func (m *Model) boundOf(e ledger.Entry) (ledger.Entry, error) {
	if m.known() {
		if err := m.book.people.Bind(&e); err != nil {
			return e, err
		}
	}
	_, err := ledger.Encode(e)
	return e, err
}

// sendEntry signs and sends a transaction, the keys of known parties put in. The line that it was typed as comes back if
// it cannot be saved; field is emptied as soon as it is on its way.
func (m *Model) sendEntry(e ledger.Entry, text string, sent func(*Model) tea.Cmd) tea.Cmd {
	correct := m.marks.correct
	if correct != nil {
		e = correct.keepKeys(e)
	}
	return m.bind(e, func(m *Model, e ledger.Entry) tea.Cmd {
		if _, err := ledger.Encode(e); err != nil {
			m.tell(true, "%s", err.Error())
			return nil
		}
		s := submission{ledger.AppendEdit(e, nil), text}
		if correct != nil {
			s.edit = m.book.book.CorrectEdit(m.snap.Me, correct.key, correct.name, e)
			m.marks.correct = nil
			m.tell(false, "corrected: it takes the old one's place as the others agree to it")
		}
		m.toOwn()
		return tea.Batch(sent(m), m.submit(s))
	})
}
