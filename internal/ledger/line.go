package ledger

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLineBytes is more than any entry needs, each character escaped.
const MaxLineBytes = 12 << 10

// Fields is a set of parts of a line.
type Fields uint8

// The parts of a line, in the order in which they are typed.
const (
	FieldFrom Fields = 1 << iota
	FieldTo
	FieldAmount
	FieldUnit
	FieldMemo
	FieldParties // of a shared bill, instead of FieldTo
)

// A Draft is what was understood of a line so far, for a live preview: as much as
// was read before the first error. Only the parts in Read mean something.
type Draft struct {
	Read     Fields
	From, To string
	FromMe   bool  // From was not typed
	Amount   int64 // what was paid, of a shared bill
	Scale    int
	Unit     string
	Memo     string
	Open     OpenLabel

	Bill   bool    // a shared bill: From paid, To is not there
	Shares []Share // of a bill, as named; From may be among them
	Left   int64   // of a bill whose shares were typed: what they leave of Amount

	// Postings is what every party gets, as soon as the amount was read. That of a bill grows with its names, and sums to zero
	// at any time; it is whole only without an error.
	Postings []Posting
}

// Has reports whether all of f was read.
func (d *Draft) Has(f Fields) bool { return d.Read&f == f }

// Entry is what a line without error says.
func (d *Draft) Entry() Entry {
	if d.Bill {
		return Entry{Postings: d.Postings, Scale: d.Scale, Unit: d.Unit, Memo: d.Memo}
	}
	return NewTransfer(d.From, d.To, d.Amount, d.Scale, d.Unit, d.Memo)
}

// An OpenLabel is the name that a line ends within, or could begin next, so that
// it can be completed: line[Start:] is to be replaced by [QuoteLabel] of a label
// that [Complete] offers for Prefix.
type OpenLabel struct {
	Active bool
	Start  int // in bytes
	Prefix string
}

// ParseLine reads one line as people type it:
//
//	[FROM ->] TO AMOUNT [UNIT] [MEMO…]
//	[FROM] paid AMOUNT [UNIT] for NAME [AMOUNT], NAME [AMOUNT] … [: MEMO…]
//
// The second is a shared bill ([Split]), whose amounts have all or none of the names. FROM gets from each what was paid for it, and
// nothing from itself. `>` and `→` stand for `->`. Without FROM the giver is me, a label as it stands in
// entries; with me empty FROM must be there. A label with blanks or one of `",:>`
// goes in double quotes, as does one that looks like a number; within quotes \" is a
// quote and \\ a backslash. A memo is put in quotes, all of it, if it begins with
// what would be read as a unit. A line break at the end is ignored.
//
// The error is nil or says where and why. The entry shares memory with line. The
// cost is bounded by MaxLineBytes.
func ParseLine(line, me string) (Entry, *SyntaxError) {
	d, err := Parse(line, me)
	if err != nil {
		return Entry{}, err
	}
	return d.Entry(), nil
}

// Parse is [ParseLine] for a screen: with an error it still returns what was
// understood.
func Parse(line, me string) (Draft, *SyntaxError) {
	line = strings.TrimRight(line, "\r\n")
	p := parser{line: line, me: me}
	if len(line) > MaxLineBytes {
		return p.draft, tooLong(line, "one transaction a line")
	}
	err := p.transaction()
	return p.draft, err
}

// A parser reads a line from left to right, and never goes back. Every form begins
// with a label; what follows it tells which form it is.
type parser struct {
	line  string
	pos   int
	me    string
	list  bool // within the names of a shared bill
	draft Draft
}

const (
	wantAmount = "an amount, as in 12.50"
	wantName   = "a name"
)

func (p *parser) transaction() *SyntaxError {
	p.blanks()
	if p.atEnd() {
		p.openLabel(p.pos, "")
		return p.fail(ReasonEmpty, "a transaction", "", "as in alice -> bob 12.50 EUR dinner")
	}
	if p.arrow() > 0 {
		hint := "write your own name before the arrow"
		if p.me != "" {
			hint = "to give it yourself, leave the arrow out"
		}
		return p.fail(ReasonNoFrom, "who gives, before the arrow", p.word(), hint)
	}
	start := p.pos
	first, err := p.label()
	if err != nil {
		return err
	}
	unquoted := p.line[start] != '"'
	p.blanks()
	switch {
	case p.arrow() > 0:
		p.draft.From = first
		p.draft.Read |= FieldFrom
		p.pos += p.arrow()
		p.blanks()
		toAt := p.pos
		to, err := p.label()
		if err != nil {
			return err
		}
		return p.transfer(to, toAt)
	case p.word() == "paid":
		p.draft.From = first
		p.draft.Read |= FieldFrom
		p.pos += len("paid")
		return p.bill()
	case unquoted && first == "paid" && startsAmount(p.word()):
		if p.me == "" {
			p.pos = start
			return p.fail(ReasonNoFrom, "who paid, before paid", first, billForm)
		}
		p.draft.From, p.draft.FromMe = p.me, true
		p.draft.Read |= FieldFrom
		return p.bill()
	case p.atEnd():
		return p.fail(ReasonAmount, "-> and a name, or an amount, as in 12.50", "", "")
	case p.me == "":
		return p.fail(ReasonNoFrom, "-> and who gets it", p.word(), "")
	case !startsAmount(p.word()):
		return p.fail(ReasonAmount, "-> and a name, or an amount, as in 12.50", p.word(), "a name with blanks goes in double quotes")
	}
	p.draft.From, p.draft.FromMe = p.me, true
	p.draft.Read |= FieldFrom
	return p.transfer(first, start)
}

// transfer reads what follows the names: AMOUNT [UNIT] [MEMO…]
func (p *parser) transfer(to string, toAt int) *SyntaxError {
	d := &p.draft
	d.To = to
	d.Read |= FieldTo
	if to == d.From {
		p.pos = toAt
		return p.fail(ReasonSelf, "somebody else than the giver", to, "")
	}
	p.blanks()
	word, err := p.amount(p.word())
	if err != nil {
		return err
	}
	d.Postings = NewTransfer(d.From, d.To, d.Amount, d.Scale, "", "").Postings
	p.blanks()
	p.unit()
	return p.memo(word)
}

// amount reads a word as the amount of the line, and returns it.
func (p *parser) amount(word string) (string, *SyntaxError) {
	amount, scale, bad := parseAmount(word)
	if bad != nil {
		p.pos += bad.offset
		return word, p.fail(bad.reason, bad.expected, word, bad.hint)
	}
	p.draft.Amount, p.draft.Scale = amount, scale
	p.draft.Read |= FieldAmount
	p.pos += len(word)
	return word, nil
}

// unit reads a unit, if one follows, and the blanks after it.
func (p *parser) unit() {
	if unit := p.word(); isUnit(unit) {
		p.draft.Unit = unit
		p.draft.Read |= FieldUnit
		p.pos += len(unit)
		p.blanks()
	}
}

// memo reads the rest of the line. amount is how the amount was typed, if it stands before the memo.
func (p *parser) memo(amount string) *SyntaxError {
	start := p.pos
	memo := strings.TrimRightFunc(p.line[start:], isBlank)
	quoted := false
	if strings.HasPrefix(memo, `"`) {
		text, n := unquote(memo)
		if n == 0 {
			return p.fail(ReasonQuote, `a closing "`, memo, `a memo that begins with a quote ends with one; write \" for one within`)
		}
		if quoted = n == len(memo); quoted {
			memo = text
		}
	}
	if !quoted && amount != "" && p.draft.Unit == "" && splitsThousands(amount, memo) {
		return p.fail(ReasonAmount, "a unit or a memo", p.word(),
			"write 1_000 for a thousand; put a memo that begins with a number in quotes")
	}
	for i := start; i < len(p.line); {
		r, size := utf8.DecodeRuneInString(p.line[i:])
		if r == utf8.RuneError && size == 1 || notTyped(r) {
			p.pos = i
			return p.failCharacter(r, size, "leave it out: it would not be seen, or turn the text around")
		}
		i += size
	}
	if len(memo) > MaxMemoBytes {
		p.pos = start + MaxMemoBytes
		for p.pos > start && !utf8.RuneStart(p.line[p.pos]) {
			p.pos--
		}
		return p.fail(ReasonMemo, "a memo of at most 512 bytes", p.line[p.pos:], "")
	}
	p.draft.Memo = strings.ReplaceAll(memo, "\t", " ")
	p.draft.Read |= FieldMemo
	return nil
}

// splitsThousands reports whether an amount like 1 with a memo like 000.25 was
// most likely meant as one number.
func splitsThousands(amount, memo string) bool {
	if len(amount) > 3 || strings.Contains(amount, ".") || len(memo) < 3 {
		return false
	}
	for i := range 3 {
		if !isDigit(memo[i]) {
			return false
		}
	}
	if len(memo) == 3 || memo[3] == '.' || memo[3] == ',' {
		return true
	}
	r, _ := utf8.DecodeRuneInString(memo[3:])
	return isBlank(r)
}

// notTyped are the characters that a memo of a hostile author may hold, but that
// nobody types: control and bidi characters and line breaks. A tab is a blank.
func notTyped(r rune) bool {
	return unicode.IsControl(r) && r != '\t' || unicode.Is(unicode.Bidi_Control, r) || breaksLine(r)
}

func (p *parser) atEnd() bool { return p.pos == len(p.line) }

func isBlank(r rune) bool { return r == ' ' || r == '\t' || unicode.Is(unicode.Zs, r) }

func (p *parser) blanks() {
	for i, r := range p.line[p.pos:] {
		if !isBlank(r) {
			p.pos += i
			return
		}
	}
	p.pos = len(p.line)
}

// word is what follows up to the next blank.
func (p *parser) word() string {
	rest := p.line[p.pos:]
	if i := strings.IndexFunc(rest, isBlank); i >= 0 {
		return rest[:i]
	}
	return rest
}

// arrow is the length of the arrow that follows, 0 if none does.
func (p *parser) arrow() int { return arrowAt(p.line[p.pos:]) }

func arrowAt(s string) int {
	for _, a := range [...]string{"->", ">", "→"} {
		if strings.HasPrefix(s, a) {
			return len(a)
		}
	}
	return 0
}

func (p *parser) fail(r Reason, expected, found, hint string) *SyntaxError {
	return newSyntaxError(r, p.line, p.pos, expected, found, hint)
}

// failCharacter refuses the character r that the line goes on with.
func (p *parser) failCharacter(r rune, size int, hint string) *SyntaxError {
	expected := "another character"
	if r == utf8.RuneError && size == 1 {
		expected, hint = "UTF-8 text", ""
	}
	return p.fail(ReasonControl, expected, p.line[p.pos:p.pos+size], hint)
}
