package ledger

import "strings"

// A Share is the part of a shared bill that is for one party.
type Share struct {
	Label  string
	Amount int64 // in units of 10^-Scale of the draft; 0 while it is not known
}

// party is one that a line names after `for`.
type party struct {
	label    string
	at       int // where it begins
	amount   int64
	scale    int
	amountAt int // where its amount begins; 0 if it has none
}

const (
	billForm  = "as in alice paid 60 EUR for alice, bob: dinner"
	hintParts = "names are parted by commas; a name with blanks goes in double quotes"
)

// bill reads what follows `paid`:
//
//	AMOUNT [UNIT] for NAME [AMOUNT], NAME [AMOUNT] … [: MEMO…]
func (p *parser) bill() *SyntaxError {
	d := &p.draft
	d.Bill = true
	p.blanks()
	amount, err := p.amount(p.word())
	if err != nil {
		return err
	}
	p.blanks()
	p.unit()
	if p.word() != "for" {
		hint := billForm
		if d.Unit == "" && splitsThousands(amount, p.line[p.pos:]) {
			hint = "write 1_000 for a thousand"
		}
		return p.fail(ReasonBill, "for, and the names of those who share it", p.word(), hint)
	}
	p.pos += len("for")
	parties, err := p.parties()
	wrong := p.share(parties, err == nil)
	switch {
	case err != nil:
		return err
	case wrong != nil:
		return wrong
	}
	d.Read |= FieldParties
	if strings.HasPrefix(p.line[p.pos:], ":") {
		p.pos++
		p.blanks()
	}
	return p.memo("")
}

// parties reads the names up to the colon or the end of the line. With an error it still returns those before it.
func (p *parser) parties() ([]party, *SyntaxError) {
	var all []party
	others := 0
	for {
		p.blanks()
		it := party{at: p.pos}
		label, err := p.listed()
		if err != nil {
			return all, err
		}
		for i := range all {
			if all[i].label == label {
				p.pos = it.at
				return all, p.fail(ReasonPartyTwice, "another name", label, "everybody is named once")
			}
		}
		if label != p.draft.From {
			if others++; others == MaxPostings {
				p.pos = it.at
				return all, p.fail(ReasonPostings, "at most 64 parties", label, "part the bill in two")
			}
		}
		it.label = label
		p.blanks()
		if word := p.billWord(); startsAmount(word) {
			at := p.pos
			if len(all) > 0 && all[0].amountAt == 0 {
				return append(all, it), p.fail(ReasonBill, "a comma or a colon", word, "give each an amount, or none: "+quoteFound(all[0].label)+" has none")
			}
			mantissa, scale, bad := parseAmount(word)
			if bad != nil {
				p.pos += bad.offset
				return append(all, it), p.fail(bad.reason, bad.expected, word, bad.hint)
			}
			it.amount, it.scale, it.amountAt = mantissa, scale, at
			p.pos += len(word)
			p.blanks()
		} else if len(all) > 0 && all[0].amountAt > 0 {
			return append(all, it), p.fail(ReasonBill, wantAmount, word, "give each an amount, or none: "+quoteFound(all[0].label)+" has one")
		}
		all = append(all, it)
		switch word := p.word(); {
		case p.atEnd() || word[0] == ':':
			return all, nil
		case word[0] == ',':
			p.pos++
		case it.amountAt > 0 && isUnit(p.billWord()):
			return all, p.fail(ReasonUnit, "a comma or a colon", word, "the unit stands once, after the amount that was paid")
		case it.amountAt > 0:
			return all, p.fail(ReasonLabel, "a comma or a colon", word, hintParts)
		default:
			return all, p.fail(ReasonLabel, "a comma, a colon or an amount", word, hintParts)
		}
	}
}

// listed reads a name of a list, which a comma or colon may end.
func (p *parser) listed() (string, *SyntaxError) {
	p.list = true
	label, err := p.label()
	p.list = false
	return label, err
}

// billWord is what follows up to the next blank, comma or colon. A comma with a digit on either side was meant as part of
// an amount, and is, so that it can be refused.
func (p *parser) billWord() string {
	word := p.word()
	for i := range len(word) {
		switch word[i] {
		case ':':
			return word[:i]
		case ',':
			if i == 0 || !isDigit(word[i-1]) || !startsDigit(word[i+1:]) {
				return word[:i]
			}
		}
	}
	return word
}

// share fills in what every party gets: as far as that is known, unless all were read.
func (p *parser) share(parties []party, all bool) *SyntaxError {
	d := &p.draft
	end := p.pos
	fail := func(at int, r Reason, expected, found, hint string) *SyntaxError {
		p.pos = at
		err := p.fail(r, expected, found, hint)
		p.pos = end
		return err
	}
	if len(parties) == 0 {
		return nil
	}
	if all && len(parties) == 1 && parties[0].label == d.From {
		return fail(parties[0].at, ReasonSelf, "somebody else than the one who paid", d.From, "")
	}
	d.Shares = make([]Share, len(parties))
	for i := range parties {
		d.Shares[i].Label = parties[i].label
	}
	var wrong *SyntaxError
	if parties[0].amountAt == 0 {
		shares, total, scale, ok := Split(d.Amount, d.Scale, d.Unit, len(parties))
		if !ok {
			if !all {
				return nil
			}
			return fail(end, ReasonBill, "fewer names: "+FormatAmount(d.Amount, d.Scale)+" is too little to share", "", "everybody gets a part of it")
		}
		for i := range shares {
			d.Shares[i].Amount = shares[i]
		}
		d.Amount, d.Scale = total, scale
	} else {
		wrong = p.shareAsTyped(parties, all, fail)
	}
	d.Postings = append(make([]Posting, 0, len(parties)+1), Posting{Label: d.From})
	for _, s := range d.Shares {
		if s.Label != d.From && s.Amount != 0 {
			d.Postings[0].Amount += s.Amount
			d.Postings = append(d.Postings, Posting{Label: s.Label, Amount: -s.Amount})
		}
	}
	return wrong
}

func (p *parser) shareAsTyped(parties []party, all bool, fail func(at int, r Reason, expected, found, hint string) *SyntaxError) *SyntaxError {
	d := &p.draft
	scale := d.Scale
	for i := range parties {
		scale = max(scale, parties[i].scale)
	}
	total, ok := rescale(d.Amount, d.Scale, scale)
	if !ok {
		return fail(p.pos, ReasonDigits, "amounts of at most 18 digits", "", "the share with the most digits after the point counts")
	}
	d.Amount, d.Scale, d.Left = total, scale, total
	for i := range parties {
		it := &parties[i]
		amount, ok := rescale(it.amount, it.scale, scale)
		if it.amountAt == 0 { // the last, before an error
			break
		}
		if !ok || amount > d.Left {
			return fail(it.amountAt, ReasonBill, "at most "+FormatAmount(d.Left, scale)+", which is left", p.line[it.amountAt:p.pos],
				"the shares add up to more than the "+FormatAmount(total, scale)+" that was paid")
		}
		d.Left -= amount
		d.Shares[i].Amount = amount
	}
	if all && d.Left > 0 {
		return fail(p.pos, ReasonBill, "shares that add up to "+FormatAmount(total, scale)+": "+FormatAmount(d.Left, scale)+" is left", p.word(), "")
	}
	return nil
}

// rescale is amount, of the digits after the point that from says, with to of them; false if it has more than MaxDigits then.
func rescale(amount int64, from, to int) (int64, bool) {
	for ; from < to; from++ {
		if amount > int64(maxAmount)/10 || amount < -int64(maxAmount)/10 {
			return 0, false
		}
		amount *= 10
	}
	return amount, true
}

// Split parts total among n as a shared bill does: equal shares, and what does not divide a smallest unit each to the first.
// Shares that do not come out even have the digits that are usual for the unit. It returns the total with as many, and is
// false if there is too little for everybody.
func Split(total int64, scale int, unit string, n int) (shares []int64, _ int64, _ int, ok bool) {
	if n < 1 || total < 1 {
		return nil, total, scale, false
	}
	if total%int64(n) != 0 {
		if finer := minorDigits(unit); finer > scale {
			if t, fits := rescale(total, scale, finer); fits {
				total, scale = t, finer
			}
		}
	}
	each, rest := total/int64(n), total%int64(n)
	if each == 0 {
		return nil, total, scale, false
	}
	shares = make([]int64, n)
	for i := range shares {
		shares[i] = each
		if int64(i) < rest {
			shares[i]++
		}
	}
	return shares, total, scale, true
}

// minorDigits are the digits after the point that amounts of a unit usually have: ISO 4217 for its currencies, and else two.
func minorDigits(unit string) int {
	switch unit {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	}
	return 2
}
