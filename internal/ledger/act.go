package ledger

import (
	"errors"
	"fmt"

	"github.com/tallystick/tallystick/crdt"
)

// Why something may not be said of an entry. An error is a *[MarkError], which wraps
// one of these and says what to do.
var (
	ErrNoEntry      = errors.New("no such entry")
	ErrInvalidEntry = errors.New("the entry is invalid")
	ErrOwnEntry     = errors.New("the entry is one's own")
	ErrNotParty     = errors.New("the entry does not bind one's key")
	ErrSaidAlready  = errors.New("that is said already")
	ErrNothingSaid  = errors.New("nothing is said that could be taken back")
	ErrWithdrawn    = errors.New("the entry is withdrawn")
	ErrCorrected    = errors.New("one stands by a correction of the entry")
)

// A MarkError says why a mark would be refused, and what to do. It holds no text of
// others.
type MarkError struct {
	Err error // one of those above
	Do  string
}

func (e *MarkError) Error() string { return fmt.Sprintf("%v: %s", e.Err, e.Do) }

func (e *MarkError) Unwrap() error { return e.Err }

// May returns why me may not say s of entry k, Nothing being to take back: a
// *[MarkError], or nil. What is refused here would mean nothing, or not what was
// intended; replicas accept it from others all the same.
func (b *Book) May(me crdt.Author, k crdt.Key, s Say) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	i, ok := b.find(k)
	if !ok {
		return &MarkError{ErrNoEntry, "what stands there is void, or not here yet"}
	}
	e := &b.entries[i]
	if e.sides == 0 {
		return &MarkError{ErrInvalidEntry, "it counts nowhere, whatever is said of it: " + b.invalid[i].Error()}
	}
	author, seen := b.authorOf[me]
	said, wrote := Nothing, false
	var side *bookPosting
	if seen {
		said, wrote, side = b.sayAt(b.markOf(i, author)), e.writer == author, b.sideOf(e, author)
	}
	withdrawn := b.judge(e, nil).standing == Withdrawn
	switch {
	case s == said && s == Nothing:
		return &MarkError{ErrNothingSaid, "agree, dispute or withdraw"}
	case s == said:
		return &MarkError{ErrSaidAlready, "undo takes it back"}
	case s == Nothing:
		return nil
	case s == Agree && wrote && said == Nothing:
		return &MarkError{ErrOwnEntry, "who wrote it stands by it; the other side is to agree"}
	case s == Agree && side != nil && side.below > 0:
		return &MarkError{ErrCorrected, "withdraw that one first, or agree to no more than that"}
	case s == Withdraw && (wrote || side != nil) && !withdrawn:
		return nil
	case withdrawn && said != Withdraw:
		return &MarkError{ErrWithdrawn, "write a new one"}
	case side != nil:
		return nil
	case s == Withdraw && wrote:
		return nil
	case s == Agree && seen && b.correctsSideOf(i, author):
		return nil
	case s == Withdraw:
		return &MarkError{ErrNotParty, "who wrote it or is a side of it can withdraw it"}
	default:
		return &MarkError{ErrNotParty, "write it anew with your key in it, as a correction, or ask its writer to"}
	}
}

// correctsSideOf reports whether entry i corrects, directly or through others, an
// entry of which the author is a side.
func (b *Book) correctsSideOf(i int32, author uint32) bool {
	for i = b.entries[i].parent; i != none; i = b.entries[i].parent {
		if b.sideOf(&b.entries[i], author) != nil {
			return true
		}
	}
	return false
}

// After is the status that entry k would have if me said s of it.
func (b *Book) After(me crdt.Author, k crdt.Key, s Say) Status {
	b.mu.RLock()
	defer b.mu.RUnlock()
	i, ok := b.find(k)
	if !ok {
		return Status{}
	}
	e := &b.entries[i]
	author, seen := b.authorOf[me]
	if !seen {
		return b.status(e, b.judge(e, nil)) // nobody bound
	}
	return b.status(e, b.judge(e, &whatIf{author, s}))
}

// An OwnMark is what I said of an entry, and what stood before.
type OwnMark struct {
	Key         crdt.Key
	Now, Before Statement
}

// LastOwnMarks are the marks on entries that my newest change with such made, in
// order: what undoing takes back. Before is of my mark on the same entry that comes
// next by age; its Say is Nothing if there is none.
func (b *Book) LastOwnMarks() []OwnMark {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if len(b.own) == 0 {
		return nil
	}
	last := b.own[0].stamp
	for _, m := range b.own {
		if b.newer(m.stamp, last) {
			last = m.stamp
		}
	}
	var marks []OwnMark
	for k, m := range b.own {
		if m.change == last.change && m.stamp == b.standing(m.entry) {
			marks = append(marks, OwnMark{b.entries[m.entry].key(), b.statementOf(m.stamp, b.me, m.say), b.before(k)})
		}
	}
	return marks
}

// standing is the stamp of my mark that stands on entry i.
func (b *Book) standing(i int32) stamp {
	if m := b.markOf(i, b.me); m != none {
		return b.marks[m].stamp
	}
	return stamp{}
}

// before is what I said of the same entry in a change before that of own mark k.
func (b *Book) before(k int) Statement {
	mark, found := b.own[k], none
	for i := range b.own {
		m := &b.own[i]
		if m.entry == mark.entry && m.change != mark.change && b.newer(mark.stamp, m.stamp) &&
			(found == none || b.newer(m.stamp, b.own[found].stamp)) {
			found = int32(i)
		}
	}
	if found == none {
		return Statement{Author: b.self}
	}
	m := &b.own[found]
	return b.statementOf(m.stamp, b.me, m.say)
}

// LastOwnMark is the last of LastOwnMarks: what I said last, and what stood before.
func (b *Book) LastOwnMark() (k crdt.Key, now, before Statement, ok bool) {
	marks := b.LastOwnMarks()
	if len(marks) == 0 {
		return k, now, before, false
	}
	last := marks[len(marks)-1]
	return last.Key, last.Now, last.Before, true
}

// MarkEdit makes the edit that says s of an entry, with a memo or "". Nothing takes
// back what was said.
func MarkEdit(target crdt.Name, s Say, memo string) func(*crdt.Tx) error {
	return func(tx *crdt.Tx) error {
		l, err := encodeSay(s, memo)
		if err != nil {
			return err
		}
		return tx.Mark(target, l)
	}
}

// NameEdit makes the edit by which an author says how it calls itself.
func NameEdit(name string) func(*crdt.Tx) error {
	return func(tx *crdt.Tx) error {
		l, err := encodeName(name)
		if err != nil {
			return err
		}
		return tx.Mark(crdt.Root, l)
	}
}

// AppendEdit makes the edit that writes e; as a correction of replaces, if that is
// not nil, whatever e says.
func AppendEdit(e Entry, replaces *crdt.Name) func(*crdt.Tx) error {
	return func(tx *crdt.Tx) error {
		if replaces == nil {
			l, err := Encode(e)
			if err == nil {
				_, err = tx.Append(l)
			}
			return err
		}
		first := true
		_, err := tx.AppendReferring(*replaces, func(k int64, index uint32, d int64) (crdt.Literal, error) {
			corrects := e
			corrects.Replaces = Ref{K: k, I: index, D: d}
			if first {
				corrects.Replaces = Ref{K: 1, I: index} // how it is written is not known yet
				first = false
			}
			return Encode(corrects)
		})
		return err
	}
}

// CorrectEdit makes the edit by which me writes e as a correction of entry k. If me
// wrote k and is no side of it, a correction alone would leave k as it stands, so me
// says withdraw of it as well, if that means something.
func (b *Book) CorrectEdit(me crdt.Author, k crdt.Key, name crdt.Name, e Entry) func(*crdt.Tx) error {
	correct := AppendEdit(e, &name)
	b.mu.RLock()
	i, ok := b.find(k)
	alone := ok && b.authors[b.entries[i].writer].key == me && b.sideOf(&b.entries[i], b.entries[i].writer) == nil
	b.mu.RUnlock()
	if alone && b.May(me, k, Withdraw) == nil {
		return Edits(correct, MarkEdit(name, Withdraw, ""))
	}
	return correct
}

// Edits makes one edit of several, in order.
func Edits(edits ...func(*crdt.Tx) error) func(*crdt.Tx) error {
	return func(tx *crdt.Tx) error {
		for _, edit := range edits {
			if err := edit(tx); err != nil {
				return err
			}
		}
		return nil
	}
}
