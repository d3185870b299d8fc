package ledger

// AppendParties appends what every party of an entry gets, as [ParseParties] reads it: `alice 30.00, "bob b" -30.00`.
func AppendParties(dst []byte, e *Entry) []byte {
	for i := range e.Postings {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(append(dst, QuoteLabel(e.Postings[i].Label)...), ' ')
		dst = AppendAmount(dst, e.Postings[i].Amount, e.Scale)
	}
	return dst
}

// ParseParties reads a list of what parties get, each a name and an amount that may be below zero. It returns them with the digits
// after the point that all have then. The names are not compared, nor do the amounts have to sum to zero: [Entry.Validate] sees to
// that.
func ParseParties(text string) ([]Posting, int, *SyntaxError) {
	if len(text) > MaxLineBytes {
		return nil, 0, tooLong(text, "")
	}
	p := parser{line: text}
	var postings []Posting
	var scales []int
	most := 0
	for {
		p.blanks()
		if len(postings) == MaxPostings {
			return nil, 0, p.fail(ReasonPostings, "at most 64 parties", p.word(), "")
		}
		label, err := p.listed()
		if err != nil {
			return nil, 0, err
		}
		p.blanks()
		word := p.billWord()
		negative := len(word) > 1 && word[0] == '-'
		digits := word
		if negative {
			digits = word[1:]
		}
		amount, scale, bad := parseAmount(digits)
		if bad != nil {
			p.pos += bad.offset
			return nil, 0, p.fail(bad.reason, bad.expected, word, bad.hint)
		}
		p.pos += len(word)
		if negative {
			amount = -amount
		}
		postings, scales, most = append(postings, Posting{Label: label, Amount: amount}), append(scales, scale), max(most, scale)
		p.blanks()
		if p.atEnd() {
			break
		}
		if p.line[p.pos] != ',' {
			return nil, 0, p.fail(ReasonLabel, "a comma", p.word(), hintParts)
		}
		p.pos++
	}
	for i := range postings {
		fine, ok := rescale(postings[i].Amount, scales[i], most)
		if !ok {
			return nil, 0, newSyntaxError(ReasonDigits, text, 0, "amounts of at most 18 digits", text, "the one with the most digits after the point counts")
		}
		postings[i].Amount = fine
	}
	return postings, most, nil
}

// ParseAmount reads an amount as a line has it: above zero, with a point.
func ParseAmount(text string) (mantissa int64, scale int, _ *SyntaxError) {
	mantissa, scale, bad := parseAmount(text)
	if bad != nil {
		if len(text) > MaxLineBytes {
			return 0, 0, tooLong(text, "")
		}
		return 0, 0, newSyntaxError(bad.reason, text, bad.offset, bad.expected, text, bad.hint)
	}
	return mantissa, scale, nil
}
