package ledger

import (
	"strings"
	"unicode/utf8"
)

// Format is the line that [ParseLine] reads as e, keys and what it replaces left
// out, the giver always named. It is false for an entry that no line says: an
// invalid one, one of more than two postings, or one whose memo holds what cannot
// be typed.
func Format(e Entry) (string, bool) {
	from, to, ok := e.Transfer()
	if !ok || e.Validate() != nil || from.Label == to.Label || strings.IndexFunc(e.Memo, func(r rune) bool {
		return r == '\t' || notTyped(r)
	}) >= 0 {
		return "", false
	}
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
