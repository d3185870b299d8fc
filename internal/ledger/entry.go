package ledger

import (
	"math/bits"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/tallystick/tallystick/crdt"
)

// Limits of an entry.
const (
	MinPostings   = 2
	MaxPostings   = 64
	MaxLabelBytes = 64
	MaxMemoBytes  = 512
	MaxUnitBytes  = 8
	MaxScale      = 18
	MaxDigits     = 18

	maxAmount = 1e18 - 1 // MaxDigits nines
)

// An Entry is one transaction: what each party gives (below zero) or gets, as in
// double-entry accounting. The zero value is not valid.
type Entry struct {
	Postings []Posting
	Scale    int    // digits after the point of all amounts, 0 … MaxScale
	Unit     string // as in EUR; "" if it has none
	Memo     string // "" if it has none. It may hold any character but line breaks
	Replaces Ref    // the entry that this one corrects; zero if none
}

// A Posting is one party's part in an entry.
type Posting struct {
	Label  string       // what the party is called, as typed, NFC
	Key    *crdt.Author // who the party is; nil if the label was not resolved
	Amount int64        // in units of 10^-Scale; never zero; at most MaxDigits digits
}

// party reports whether p and q are one party: the key tells if there is one, the
// label only if not.
func (p *Posting) party(q *Posting) bool {
	if p.Key == nil || q.Key == nil {
		return p.Key == nil && q.Key == nil && p.Label == q.Label
	}
	return *p.Key == *q.Key
}

// A Ref names an older entry as the change with the newer one does (design: §2,
// "an element is named"): K > 0 so many changes back on the author's own chain, K < 0
// the change's link -1-K, and then D changes back on its chain. I counts within
// that change. The zero Ref names nothing.
type Ref struct {
	K int64
	I uint32
	D int64 // only with K < 0, never below 0
}

// IsZero reports whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// NewTransfer is the entry by which from gives amount to to. It is not checked.
func NewTransfer(from, to string, amount int64, scale int, unit, memo string) Entry {
	return Entry{
		Postings: []Posting{{Label: from, Amount: -amount}, {Label: to, Amount: amount}},
		Scale:    scale, Unit: unit, Memo: memo,
	}
}

// Transfer is the two sides of an entry with two postings, that of the giver
// first. The amount of to is what is given, above zero. It is false for any other
// entry.
func (e *Entry) Transfer() (from, to *Posting, ok bool) {
	if len(e.Postings) != 2 {
		return nil, nil, false
	}
	from, to = &e.Postings[0], &e.Postings[1]
	if from.Amount > 0 {
		from, to = to, from
	}
	return from, to, from.Amount < 0 && to.Amount > 0
}

// Equal reports whether e and f say the same, postings in the same order.
func (e *Entry) Equal(f *Entry) bool {
	return e.Scale == f.Scale && e.Unit == f.Unit && e.Memo == f.Memo && e.Replaces == f.Replaces &&
		slices.EqualFunc(e.Postings, f.Postings, func(p, q Posting) bool {
			return p.Label == q.Label && p.Amount == q.Amount && (p.Key == nil) == (q.Key == nil) && (p.Key == nil || *p.Key == *q.Key)
		})
}

// Validate checks the rules of an entry, in a fixed order, and returns an
// *[InvalidError] with the first that is broken. Whether Replaces names an entry
// is for those to say who have the document.
//
// It costs at most MaxPostings² comparisons.
func (e *Entry) Validate() error {
	if n := len(e.Postings); n < MinPostings || n > MaxPostings {
		return invalid(ReasonPostings)
	}
	for i := range e.Postings {
		p := &e.Postings[i]
		switch {
		case !validLabel(p.Label):
			return invalidPosting(ReasonLabel, i)
		case p.Amount == 0 || p.Amount > maxAmount || p.Amount < -maxAmount:
			return invalidPosting(ReasonAmount, i)
		}
		for j := range i {
			if p.party(&e.Postings[j]) {
				return invalidPosting(ReasonPartyTwice, i)
			}
		}
	}
	switch {
	case !sumsToZero(e.Postings):
		return invalid(ReasonSum)
	case e.Scale < 0 || e.Scale > MaxScale:
		return invalid(ReasonScale)
	case e.Unit != "" && !isUnit(e.Unit):
		return invalid(ReasonUnit)
	case !validMemo(e.Memo):
		return invalid(ReasonMemo)
	case !e.Replaces.IsZero() && !e.Replaces.valid():
		return invalid(ReasonReplaces)
	}
	return nil
}

// sumsToZero adds in 128 bits: 64 amounts of 18 digits exceed int64, and a sum
// that wraps around to zero would make money.
func sumsToZero(postings []Posting) bool {
	var lo, hi, carry uint64
	for i := range postings {
		a := postings[i].Amount
		lo, carry = bits.Add64(lo, uint64(a), 0)
		hi, _ = bits.Add64(hi, uint64(a>>63), carry)
	}
	return lo == 0 && hi == 0
}

// valid reports whether r is in the form of a name that points back.
func (r Ref) valid() bool {
	return r.K != 0 && r.D >= 0 && (r.D == 0 || r.K < 0)
}

// validLabel is the rule for labels: NFC, 1 … MaxLabelBytes bytes, and only
// characters that were assigned in Unicode 15.0 and are no control or format
// characters. Of those, NFC is the same in all later versions.
func validLabel(s string) bool {
	if len(s) == 0 || len(s) > MaxLabelBytes {
		return false
	}
	ascii := true
	for i := range len(s) {
		b := s[i]
		if b < 0x20 || b == 0x7f {
			return false
		}
		ascii = ascii && b < utf8.RuneSelf
	}
	if ascii {
		return true
	}
	for _, r := range s {
		if !plain(r) {
			return false
		}
	}
	return utf8.ValidString(s) && (norm.NFC.QuickSpanString(s) == len(s) || norm.NFC.IsNormalString(s))
}

//go:generate go run gen_plain.go

// plain reports whether r may stand in a label.
func plain(r rune) bool {
	if 0x20 <= r && r < 0x7f {
		return true
	}
	i, found := slices.BinarySearch(plainBounds[:], r)
	if found {
		i++
	}
	return i%2 == 1
}

// validMemo is the rule for memos: UTF-8, at most MaxMemoBytes, one line.
func validMemo(s string) bool {
	if len(s) > MaxMemoBytes {
		return false
	}
	ascii := true
	for i := range len(s) {
		b := s[i]
		if '\n' <= b && b <= '\r' {
			return false
		}
		ascii = ascii && b < utf8.RuneSelf
	}
	if ascii {
		return true
	}
	for _, r := range s {
		if breaksLine(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// breaksLine are the mandatory line breaks of UAX 14: LF, VT, FF, CR, NEL, and the
// two separators.
func breaksLine(r rune) bool {
	return '\n' <= r && r <= '\r' || r == 0x85 || r == 0x2028 || r == 0x2029
}

// isUnit matches [A-Z][A-Z0-9]{1,7}.
func isUnit(s string) bool {
	if len(s) < 2 || len(s) > MaxUnitBytes || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if b := s[i]; (b < 'A' || b > 'Z') && (b < '0' || b > '9') {
			return false
		}
	}
	return true
}
