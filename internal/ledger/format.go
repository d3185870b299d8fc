package ledger

import (
	"strings"
	"unicode/utf8"
)

// Format is the line that [ParseLine] reads as e, keys and what it replaces left
// out, the giver always named. It is false for an entry that no line says: an
// invalid one; one whose memo holds what cannot be typed, or two of whose parties
// are called the same; and one of many postings that is no shared bill of the
// party that stands first.
func Format(e Entry) (string, bool) {
	if e.Validate() != nil || strings.IndexFunc(e.Memo, func(r rune) bool { return r == '\t' || notTyped(r) }) >= 0 {
		return "", false
	}
	for i := range e.Postings {
		for j := range i {
			if e.Postings[i].Label == e.Postings[j].Label {
				return "", false
			}
		}
	}
	if e.Postings[0].Amount > 0 {
		return formatBill(&e)
	}
	if len(e.Postings) > 2 {
		return "", false
	}
	from, to := &e.Postings[0], &e.Postings[1]
	amount := FormatAmount(to.Amount, e.Scale)
	parts := append(make([]string, 0, 6), QuoteLabel(from.Label), "->", QuoteLabel(to.Label), amount)
	if e.Unit != "" {
		parts = append(parts, e.Unit)
	}
	if e.Memo != "" {
		parts = append(parts, quoteMemo(e.Memo, e.Unit, amount))
	}
	return strings.Join(parts, " "), true
}

// formatBill is the line of a valid entry whose first party gets something from all others.
func formatBill(e *Entry) (string, bool) {
	total, others := e.Postings[0].Amount, e.Postings[1:]
	even, _, scale, _ := Split(total, e.Scale, e.Unit, len(others))
	equal := len(even) == len(others) && scale == e.Scale
	for i := range others {
		if others[i].Amount > 0 {
			return "", false
		}
		equal = equal && -others[i].Amount == even[i]
	}
	b := append(make([]byte, 0, 128), QuoteLabel(e.Postings[0].Label)...)
	b = AppendAmount(append(b, " paid "...), total, e.Scale)
	if e.Unit != "" {
		b = append(append(b, ' '), e.Unit...)
	}
	b = append(b, " for "...)
	for i := range others {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, QuoteLabel(others[i].Label)...)
		if !equal {
			b = AppendAmount(append(b, ' '), -others[i].Amount, e.Scale)
		}
	}
	if e.Memo != "" {
		const any = "XX" // a memo after a colon is not taken for a unit
		b = append(append(b, ": "...), quoteMemo(e.Memo, any, "")...)
	}
	return string(b), true
}

// quoteMemo is memo as it is typed after an amount and a unit, which may be "".
func quoteMemo(memo, unit, amount string) string {
	first, _ := utf8.DecodeRuneInString(memo)
	last, _ := utf8.DecodeLastRuneInString(memo)
	word := memo
	if i := strings.IndexFunc(memo, isBlank); i >= 0 {
		word = memo[:i]
	}
	if first == '"' || isBlank(first) || isBlank(last) || unit == "" && (isUnit(word) || splitsThousands(amount, memo)) {
		return quote(memo)
	}
	return memo
}
