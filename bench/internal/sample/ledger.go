package sample

import (
	"fmt"
	"math/rand/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

// Crowd returns n people with names of their own: the usual five, then others. At most 1,005.
func Crowd(n int) []Person {
	people := People()
	syllables := [...]string{"ba", "do", "fe", "ki", "lu", "mi", "no", "ra", "su", "ta"}
	for i := len(people); i < n; i++ {
		k := i - len(People())
		people = append(people, NewPerson(syllables[k/100]+syllables[k/10%10]+syllables[k%10]+"n"))
	}
	return people[:n]
}

// NewLedger makes the ledger called name of n entries as use makes it: who takes a turn writes up to 16 entries that bind the keys
// of their parties, and says of what has waited for it what it thinks: three in four are agreed to, some are disputed. With its
// first entry each says its name. One entry in twenty names somebody without a key, one is a bill that three share, one
// corrects an older own one; one in two hundred its writer withdraws. What one says in a turn is one change, as where several
// entries are marked at once.
func NewLedger(name string, people []Person, n int, seed uint64) (*Room, error) {
	b, err := newBuilder(name, people)
	if err != nil {
		return nil, err
	}
	l := &ledgerMaker{
		builder: b, r: rand.New(rand.NewPCG(seed, 3)),
		keys: make([]crdt.Author, len(people)), number: make(map[string]int, len(people)), waits: make([][]crdt.Name, len(people)), own: make([][]crdt.Name, len(people)),
	}
	for i, p := range people {
		l.keys[i], l.number[p.Name] = p.Author(), i
	}
	step := float64(Last-First) / float64(max(n, 1))
	for i, turn := 0, 0; i < n; turn++ {
		who := turn // each comes in once, then by chance
		if turn >= len(people) {
			who = l.r.IntN(len(people))
		}
		unix := First + int64(float64(i)*step)
		if err := l.say(who, unix); err != nil {
			return nil, fmt.Errorf("marks before entry %d: %w", i, err)
		}
		for k := min(1+l.r.IntN(16), n-i); k > 0; k-- {
			if err := l.append(who, unix); err != nil {
				return nil, fmt.Errorf("entry %d: %w", i, err)
			}
			i++
		}
		b.writers[who].Sign()
	}
	return b.room(), nil
}

type ledgerMaker struct {
	*builder
	r      *rand.Rand
	keys   []crdt.Author
	number map[string]int // of a person, by name
	waits  [][]crdt.Name  // entries that wait for a person's word
	own    [][]crdt.Name  // the newest that a person wrote
}

// say writes what one thinks of what has waited for one.
func (l *ledgerMaker) say(who int, unix int64) error {
	var edits []func(*crdt.Tx) error
	for _, name := range l.waits[who] {
		switch n := l.r.IntN(40); {
		case n < 9:
		case n < 38:
			edits = append(edits, ledger.MarkEdit(name, ledger.Agree, ""))
		default:
			edits = append(edits, ledger.MarkEdit(name, ledger.Dispute, "I was not there"))
		}
	}
	l.waits[who] = l.waits[who][:0]
	if own := l.own[who]; len(own) > 0 && l.r.IntN(25) == 0 {
		edits = append(edits, ledger.MarkEdit(own[l.r.IntN(len(own))], ledger.Withdraw, "twice"))
	}
	if len(edits) == 0 {
		return nil
	}
	_, err := l.edit(who, unix, edits...)
	return err
}

// append writes an entry.
func (l *ledgerMaker) append(who int, unix int64) error {
	e := Transfer(l.r, l.people[who].Name, l.people)
	if l.r.IntN(20) == 0 {
		l.share(&e)
	}
	bound := l.r.IntN(20) > 0
	for i := range e.Postings {
		if p := &e.Postings[i]; i == 0 || bound {
			p.Key = &l.keys[l.number[p.Label]]
		}
	}
	var replaces *crdt.Name
	if own := l.own[who]; len(own) > 0 && l.r.IntN(20) == 0 {
		replaces = &own[l.r.IntN(len(own))]
	}
	edits := []func(*crdt.Tx) error{ledger.AppendEdit(e, replaces)}
	if len(l.own[who]) == 0 {
		edits = append(edits, ledger.NameEdit(l.people[who].Name))
	}
	id, err := l.edit(who, unix, edits...)
	if err != nil {
		return err
	}
	name := crdt.Name{Change: id}
	for _, p := range e.Postings[1:] {
		if other := l.number[p.Label]; p.Key != nil && other != who {
			l.waits[other] = append(l.waits[other], name)
		}
	}
	l.own[who] = append(l.own[who], name)
	if own := l.own[who]; len(own) > 16 {
		l.own[who] = own[1:]
	}
	return nil
}

// share makes a bill that a third party shares of what is between two.
func (l *ledgerMaker) share(e *ledger.Entry) {
	third := l.people[l.r.IntN(len(l.people))].Name
	if third == e.Postings[0].Label || third == e.Postings[1].Label {
		return
	}
	half := e.Postings[1].Amount / 2
	e.Postings[1].Amount -= half
	e.Postings = append(e.Postings, ledger.Posting{Label: third, Amount: half})
}

func (l *ledgerMaker) edit(who int, unix int64, edits ...func(*crdt.Tx) error) (crdt.ChangeID, error) {
	id, err := l.writers[who].Change(unix, ledger.Edits(edits...))
	if err == nil {
		l.newest[l.keys[who]] = id
	}
	return id, err
}
