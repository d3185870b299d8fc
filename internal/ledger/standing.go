package ledger

import (
	"errors"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// Standing is what the marks that stand now make of an entry (docs/protocol.md §8).
type Standing uint8

// The standings, in the order in which they are looked for: the first that holds.
const (
	None        Standing = iota // no entry
	Invalid                     // it breaks a rule of entries
	Withdrawn                   // its writer or a side says withdraw, no bound side stands by it
	Disputed                    // a side says dispute
	Withdrawing                 // a side says withdraw, a bound side still stands by it
	Tallied                     // all sides are bound and stand by it
	Claimed                     // a bound side stands by it, not all do
	Hearsay                     // no bound side stands by it
)

var standings = [...]string{"", "invalid", "withdrawn", "disputed", "withdrawal asked", "tallied", "claimed", "said"}

// String is the word on the screen, without whom it names.
func (s Standing) String() string {
	if int(s) < len(standings) {
		return standings[s]
	}
	return "unknown"
}

// Say is what a mark says of an entry.
type Say uint8

// What a mark can say. Nothing is what a mark says that was taken back.
const (
	Nothing Say = iota
	Agree
	Dispute
	Withdraw
)

var says = [...]string{"", "agree", "dispute", "withdraw"}

// String is the word as it lies in a mark; "" for Nothing.
func (s Say) String() string {
	if int(s) < len(says) {
		return says[s]
	}
	return "unknown"
}

// ParseSay is the Say of a word.
func ParseSay(word string) (Say, bool) {
	for s := Agree; s <= Withdraw; s++ {
		if says[s] == word {
			return s, true
		}
	}
	return Nothing, false
}

// A Status is where an entry stands, and by whom.
type Status struct {
	Standing Standing
	Reason   Reason // why, if Invalid
	// By is whom the word names: who disputes, who withdraws or asks to, who claims (the
	// first), or who said it. For Tallied and Invalid it is the writer.
	By             crdt.Author
	Writer         crdt.Author
	StandBy, Sides int        // bound sides that stand by it, and all sides: "2 of 3"
	Replaces       crdt.Key   // what it corrects, if IsCorrection
	IsCorrection   bool       // it is valid and corrects another
	ReplacedBy     []crdt.Key // valid entries that correct it directly, oldest arrival first
}

// verdict is a Status by numbers.
type verdict struct {
	standing       Standing
	by             uint32
	standBy, sides int
}

// whatIf is what somebody might say, in place of what stands.
type whatIf struct {
	author uint32
	say    Say
}

// judge is docs/protocol.md §8: the first row that holds, from the top.
func (b *Book) judge(e *bookEntry, maybe *whatIf) verdict {
	if e.sides == 0 {
		return verdict{standing: Invalid, by: e.writer}
	}
	disputer, withdrawer, stander := nobody, nobody, nobody
	standBy, bound := 0, 0
	postings := b.postingsOf(e)
	for i := range postings {
		p := &postings[i]
		a, ok := b.cells[p.cell].party.author()
		if !ok {
			continue
		}
		bound++
		say := b.sayAt(p.mark)
		if maybe != nil && maybe.author == a {
			say = maybe.say
		}
		if say == Dispute && disputer == nobody {
			disputer = a
		}
		switch {
		case say == Withdraw || p.below > 0:
			if withdrawer == nobody {
				withdrawer = a
			}
		case standsBy(say, a == e.writer):
			standBy++
			if stander == nobody {
				stander = a
			}
		}
	}
	v := verdict{by: e.writer, standBy: standBy, sides: int(e.sides)}
	writerSay := e.writerSay
	if maybe != nil && maybe.author == e.writer {
		writerSay = maybe.say
	}
	switch {
	case standBy == 0 && withdrawer != nobody:
		v.standing, v.by = Withdrawn, withdrawer
	case standBy == 0 && writerSay == Withdraw:
		v.standing = Withdrawn
	case disputer != nobody:
		v.standing, v.by = Disputed, disputer
	case withdrawer != nobody:
		v.standing, v.by = Withdrawing, withdrawer
	case bound == v.sides && standBy == v.sides:
		v.standing = Tallied
	case standBy > 0:
		v.standing, v.by = Claimed, stander
	default:
		v.standing = Hearsay
	}
	return v
}

// standsBy is the rule for one author and one entry, corrections aside.
func standsBy(say Say, wrote bool) bool { return say == Agree || wrote && say == Nothing }

func (b *Book) status(e *bookEntry, v verdict) Status {
	s := Status{
		Standing: v.standing, By: b.authors[v.by].key, Writer: b.authors[e.writer].key,
		StandBy: v.standBy, Sides: v.sides,
	}
	if v.standing == Invalid {
		s.Reason = b.invalid[b.numberOf(e)]
	}
	if e.parent != none {
		s.Replaces, s.IsCorrection = b.entries[e.parent].key(), true
	}
	for c := e.child; c != none; c = b.entries[c].sibling {
		s.ReplacedBy = append(s.ReplacedBy, b.entries[c].key())
	}
	for i, j := 0, len(s.ReplacedBy)-1; i < j; i, j = i+1, j-1 {
		s.ReplacedBy[i], s.ReplacedBy[j] = s.ReplacedBy[j], s.ReplacedBy[i]
	}
	return s
}

// decodeSay reads a mark on an entry: {"say": "agree" | "dispute" | "withdraw",
// "memo"?: text of the rule for memos}. All else says nothing, null among it.
func decodeSay(l crdt.Literal) (Say, string) {
	for s := Agree; s <= Withdraw; s++ {
		if string(l) == bareSays[s] {
			return s, ""
		}
	}
	r := dcbor.NewReader(l)
	n := r.Map()
	if r.Err() != nil || n < 1 || n > 2 || r.Text() != "say" {
		return Nothing, ""
	}
	say, ok := ParseSay(r.Text())
	memo := ""
	if n == 2 {
		if r.Text() != "memo" {
			return Nothing, ""
		}
		if memo = r.Text(); memo == "" || !validMemo(memo) {
			return Nothing, ""
		}
	}
	if r.Done() != nil || !ok {
		return Nothing, ""
	}
	return say, memo
}

// bareSays are the marks without a memo, as most are.
var bareSays = func() (bare [len(says)]string) {
	for s := range bare {
		l, _ := encodeSay(Say(s), "")
		bare[s] = string(l)
	}
	return bare
}()

// encodeSay is what decodeSay reads.
func encodeSay(s Say, memo string) (crdt.Literal, error) {
	switch {
	case s == Nothing:
		return dcbor.AppendNull(nil), nil
	case s > Withdraw:
		return nil, errors.New("a mark says agree, dispute or withdraw")
	case !validMemo(memo):
		return nil, invalid(ReasonMemo)
	}
	n := 1
	if memo != "" {
		n++
	}
	l := dcbor.AppendText(dcbor.AppendText(dcbor.AppendMap(nil, n), "say"), s.String())
	if memo != "" {
		l = dcbor.AppendText(dcbor.AppendText(l, "memo"), memo)
	}
	return l, nil
}

// decodeName reads a mark on the root: {"name": label}. All else is no name.
func decodeName(l crdt.Literal) string {
	r := dcbor.NewReader(l)
	if n := r.Map(); r.Err() != nil || n != 1 || r.Text() != "name" {
		return ""
	}
	name := r.Text()
	if r.Done() != nil || !validLabel(name) {
		return ""
	}
	return name
}

// encodeName is what decodeName reads.
func encodeName(name string) (crdt.Literal, error) {
	if !validLabel(name) {
		return nil, invalid(ReasonLabel)
	}
	return dcbor.AppendText(dcbor.AppendText(dcbor.AppendMap(nil, 1), "name"), name), nil
}
