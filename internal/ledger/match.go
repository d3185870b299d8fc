package ledger

import (
	"bytes"
	"encoding/hex"
	"math/bits"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt"
)

// RowFacts is what a [Filter] may ask of a row. It asks only what its terms need.
type RowFacts interface {
	// Entry is what could be read of it, whether valid or not.
	Entry() *Entry
	// Change is the one that made it.
	Change() *crdt.Change
	// Time is what its author claims, where the user is.
	Time() time.Time
	// Name is what an author is called here, "" if nothing.
	Name(crdt.Author) string
	// Me is this user's key, and the name under which unbound postings have it.
	Me() (crdt.Author, string)
	// Is reports whether the word holds. IsMine is not asked.
	Is(Is) bool
}

// Match reports whether f chooses a row. It costs at most the terms times the
// bytes of the entry.
func (f Filter) Match(row RowFacts) bool {
	var stack [256]byte
	var text []byte // of the row; nil: not yet asked for
	for i := range f.terms {
		t := &f.terms[i]
		if t.kind == termText && text == nil {
			text = appendRowText(stack[:0], row)
		}
		if t.match(row, text) == t.not {
			return false
		}
	}
	return true
}

func (t *term) match(row RowFacts, text []byte) bool {
	switch t.kind {
	case termFrom, termTo, termWith:
		return t.matchParty(row)
	case termBy:
		me, _ := row.Me()
		author := &row.Change().Author
		return !t.exact && t.key == "" && t.text == "me" && *author == me || t.matchName(row, "", author)
	case termUnit:
		var stack [16]byte
		return string(AppendFolded(stack[:0], row.Entry().Unit)) == t.text
	case termMemo:
		var stack [256]byte
		memo := AppendFolded(stack[:0], row.Entry().Memo)
		return t.exact && len(memo) == 0 || !t.exact && bytes.Contains(memo, []byte(t.text))
	case termIs:
		if t.is == IsMine {
			return mine(row)
		}
		return row.Is(t.is)
	case termSince:
		return dayOf(row.Time()) >= t.day
	case termUntil:
		return dayOf(row.Time()) <= t.day
	case termAmount:
		q, ok := row.Entry().Given()
		return ok && t.op.holds(q.Cmp(t.than))
	}
	return bytes.Contains(text, []byte(t.text)) || t.matchID(row.Change())
}

func (op comparison) holds(c int) bool {
	switch op {
	case less:
		return c < 0
	case lessOrEqual:
		return c <= 0
	case greater:
		return c > 0
	case greaterOrEqual:
		return c >= 0
	}
	return c == 0
}

func dayOf(t time.Time) int {
	year, month, day := t.Date()
	return dayNumber(year, int(month), day)
}

// matchParty looks at those postings that the term is about.
func (t *term) matchParty(row RowFacts) bool {
	e := row.Entry()
	for i := range e.Postings {
		p := &e.Postings[i]
		if t.kind == termFrom && p.Amount > 0 || t.kind == termTo && p.Amount < 0 {
			continue
		}
		if !t.exact && t.key == "" && t.text == "me" && isMe(row, p) || t.matchName(row, p.Label, p.Key) {
			return true
		}
	}
	return false
}

// matchName reports whether the term means who is called label and has key, of
// which either may be absent.
func (t *term) matchName(row RowFacts, label string, key *crdt.Author) bool {
	if t.key != "" && (key == nil || !hasDigits(key[:], t.key)) {
		return false
	}
	if t.text == "" || t.matchText(label) {
		return true
	}
	if key == nil {
		return false
	}
	return t.matchText(row.Name(*key)) || !t.exact && len(t.text) >= MinIDDigits && hasDigits(key[:], t.text)
}

func (t *term) matchText(s string) bool {
	if s == "" {
		return false
	}
	var stack [128]byte
	folded := AppendFolded(stack[:0], s)
	if t.exact {
		return string(folded) == t.text
	}
	return bytes.Contains(folded, []byte(t.text))
}

// matchID reports whether the term is the beginning of the change's id or its
// author's key.
func (t *term) matchID(c *crdt.Change) bool {
	return len(t.text) >= MinIDDigits && (hasDigits(c.ID[:], t.text) || hasDigits(c.Author[:], t.text))
}

// hasDigits reports whether id in hex begins with s.
func hasDigits(id []byte, s string) bool {
	var digits [64]byte
	if len(s) > 2*len(id) || !isHex(s) {
		return false
	}
	hex.Encode(digits[:], id[:(len(s)+1)/2])
	return string(digits[:len(s)]) == s
}

func mine(row RowFacts) bool {
	if me, _ := row.Me(); row.Change().Author == me {
		return true
	}
	e := row.Entry()
	for i := range e.Postings {
		if isMe(row, &e.Postings[i]) {
			return true
		}
	}
	return false
}

// isMe reports whether a posting is the user's: by its key, and if it has none by
// its label.
func isMe(row RowFacts, p *Posting) bool {
	me, label := row.Me()
	if p.Key != nil {
		return *p.Key == me
	}
	return label != "" && p.Label == label
}

// appendRowText appends what texts are looked for in, a line each.
func appendRowText(dst []byte, row RowFacts) []byte {
	e := row.Entry()
	if len(e.Postings) == 0 {
		return append(dst, "invalid"...)
	}
	scale := min(max(e.Scale, 0), MaxScale)
	for i := range e.Postings {
		p := &e.Postings[i]
		dst = append(AppendFolded(dst, p.Label), '\n')
		if p.Key != nil {
			if name := row.Name(*p.Key); name != p.Label {
				dst = append(AppendFolded(dst, name), '\n')
			}
		}
		if p.Amount > 0 {
			dst = append(AppendAmount(dst, p.Amount, scale), '\n')
		}
	}
	dst = append(AppendFolded(dst, e.Unit), '\n')
	return AppendFolded(dst, e.Memo)
}

// AppendFolded appends s with its letters in lower case: texts that differ in case
// alone are equal then.
func AppendFolded(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			for _, r := range s[i:] {
				dst = utf8.AppendRune(dst, unicode.ToLower(r))
			}
			return dst
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// A Quantity is an exact amount, not below zero, that compares with others of any
// scale.
type Quantity struct{ hi, lo uint64 } // in units of 10^-MaxScale

// Cmp is below, at or above zero as q is below, at or above r.
func (q Quantity) Cmp(r Quantity) int {
	switch {
	case q == r:
		return 0
	case q.hi < r.hi || q.hi == r.hi && q.lo < r.lo:
		return -1
	}
	return 1
}

func quantity(mantissa uint64, scale int) Quantity {
	hi, lo := bits.Mul64(mantissa, pow10(MaxScale-scale))
	return Quantity{hi, lo}
}

func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// Given is what changes hands: the sum of what the parties get. It is false for an
// entry that has amounts out of bounds.
func (e *Entry) Given() (Quantity, bool) {
	if e.Scale < 0 || e.Scale > MaxScale || len(e.Postings) > MaxPostings {
		return Quantity{}, false
	}
	var sum Quantity // 64·10^18 in units of 10^-18 are below 2^126
	for i := range e.Postings {
		a := e.Postings[i].Amount
		if a > maxAmount || a < -maxAmount {
			return Quantity{}, false
		}
		if a > 0 {
			q := quantity(uint64(a), e.Scale)
			var carry uint64
			sum.lo, carry = bits.Add64(sum.lo, q.lo, 0)
			sum.hi, _ = bits.Add64(sum.hi, q.hi, carry)
		}
	}
	return sum, true
}

// ViewFacts are the facts of rows of a view, one after the other. One goroutine
// uses it.
type ViewFacts struct {
	View     *crdt.View
	Book     *Book // of the view or a newer one; nil: nothing is known of standings and names
	Self     crdt.Author
	Label    string                   // the user's own; see [RowFacts]
	Names    func(crdt.Author) string // nil: what they call themselves
	Has      func(crdt.Key, Is) bool  // what view and book do not say, as [IsUnsent]; nil: nothing
	Location *time.Location           // nil: time.Local

	row     crdt.Row
	entry   Entry
	change  crdt.Change
	read    bool
	changed bool
	invalid bool
}

var _ RowFacts = (*ViewFacts)(nil)

// At goes to a row.
func (f *ViewFacts) At(row crdt.Row) { f.row, f.read, f.changed = row, false, false }

// Entry is as [RowFacts] says.
func (f *ViewFacts) Entry() *Entry {
	if !f.read {
		f.invalid = f.entry.Decode(f.row.Literal) != nil
		f.read = true
	}
	return &f.entry
}

// Change is as [RowFacts] says.
func (f *ViewFacts) Change() *crdt.Change {
	if !f.changed {
		f.change, f.changed = f.View.ChangeAt(f.row.Key.Change), true
	}
	return &f.change
}

// Time is as [RowFacts] says.
func (f *ViewFacts) Time() time.Time {
	t := time.Unix(f.Change().Time, 0)
	if f.Location != nil {
		t = t.In(f.Location)
	}
	return t
}

// Name is as [RowFacts] says.
func (f *ViewFacts) Name(a crdt.Author) string {
	switch {
	case f.Names != nil:
		return f.Names(a)
	case f.Book != nil:
		return f.Book.Name(a)
	}
	return ""
}

// Me is as [RowFacts] says.
func (f *ViewFacts) Me() (crdt.Author, string) { return f.Self, f.Label }

// standingOf is the standing that a question is about.
var standingOf = [...]Standing{
	IsTallied: Tallied, IsClaimed: Claimed, IsSaid: Hearsay, IsDisputed: Disputed, IsWithdrawing: Withdrawing, IsWithdrawn: Withdrawn, IsInvalid: Invalid,
}

// Is is as [RowFacts] says.
func (f *ViewFacts) Is(is Is) bool {
	switch {
	case is == IsForked:
		return f.View.Forked(f.Change().Author)
	case f.Book != nil && is == IsWaiting:
		return f.Book.Waits(f.row.Key)
	case f.Book != nil && int(is) < len(standingOf):
		return f.Book.Standing(f.row.Key) == standingOf[is]
	case is == IsInvalid:
		return f.Invalid()
	}
	return f.Has != nil && f.Has(f.row.Key, is)
}

// Invalid reports whether the row breaks a rule that needs no other row to be judged.
func (f *ViewFacts) Invalid() bool {
	f.Entry()
	return f.invalid
}
