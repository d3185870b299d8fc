package ledger

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// badAmount says where in a word and why it is no amount.
type badAmount struct {
	reason   Reason
	offset   int
	expected string
	hint     string
}

const hintPlainAmount = "digits with a point, as in 12.50"

// parseAmount reads a word like 12, 12.5 or 1_000.25: above zero, exact, at most
// MaxDigits digits (zeros in front do not count) and MaxScale after the point.
func parseAmount(word string) (mantissa int64, scale int, bad *badAmount) {
	if !startsDigit(word) {
		return 0, 0, noAmount(word)
	}
	digits, point := 0, -1
	for i := range len(word) {
		switch b := word[i]; {
		case isDigit(b):
			if digits > 0 || b != '0' {
				digits++
			}
			if point >= 0 {
				scale++
			}
			if digits > MaxDigits || scale > MaxScale {
				return 0, 0, &badAmount{ReasonDigits, 0, "an amount of at most 18 digits", ""}
			}
			mantissa = 10*mantissa + int64(b-'0')
		case b == '.' && point < 0 && i+1 < len(word) && isDigit(word[i+1]) && isDigit(word[i-1]):
			point = i
		case b == '_' && point < 0 && i+1 < len(word) && isDigit(word[i+1]) && isDigit(word[i-1]):
		default:
			return 0, 0, wrongInAmount(word, i, point)
		}
	}
	if mantissa == 0 {
		return 0, 0, &badAmount{ReasonZero, 0, "an amount above zero", ""}
	}
	return mantissa, scale, nil
}

// noAmount explains a word that begins with no digit.
func noAmount(word string) *badAmount {
	r, size := utf8.DecodeRuneInString(word)
	after := word[size:]
	switch {
	case (r == '-' || r == '−' || r == '–') && startsDigit(after):
		return &badAmount{ReasonNegative, 0, "an amount above zero", "to turn it around, swap the names"}
	case r == '+' && startsDigit(after):
		return &badAmount{ReasonAmount, 0, "an amount without a sign", ""}
	case r == '.' && startsDigit(after):
		return &badAmount{ReasonAmount, 0, "a digit before the point", "as in 0.50"}
	case unicode.Is(unicode.Sc, r):
		return &badAmount{ReasonAmount, 0, wantAmount, "the unit follows, in letters: 12.50 EUR"}
	default:
		return &badAmount{ReasonAmount, 0, wantAmount, ""}
	}
}

// wrongInAmount explains the character at i of a word that begins with a digit.
func wrongInAmount(word string, i, point int) *badAmount {
	r, size := utf8.DecodeRuneInString(word[i:])
	rest := word[i+size:]
	switch {
	case r == ',':
		return &badAmount{
			ReasonComma, i, "an amount without a comma",
			"a comma means different things to different people: write 12.50, and 1_000 for a thousand",
		}
	case (r == 'e' || r == 'E') && startsDigit(strings.TrimLeft(rest, "+-")):
		return &badAmount{ReasonExponent, i, "an amount written out", "as in 1_000 for 1e3"}
	case r == '.' && point >= 0:
		return &badAmount{ReasonAmount, i, "one point only", "write 1_000.25 for a thousand and a quarter"}
	case r == '.':
		return &badAmount{ReasonAmount, i + 1, "a digit after the point", ""}
	case r == '_':
		return &badAmount{ReasonAmount, i, "_ between digits, before the point", hintPlainAmount}
	case unicode.IsLetter(r) || unicode.Is(unicode.Sc, r):
		return &badAmount{ReasonAmount, i, "a blank after the amount", "as in 12.50 EUR"}
	default:
		return &badAmount{ReasonAmount, i, hintPlainAmount, ""}
	}
}

// startsAmount reports whether a word is an amount or an attempt at one.
func startsAmount(word string) bool {
	r, size := utf8.DecodeRuneInString(word)
	switch {
	case r == '-' || r == '−' || r == '–' || r == '+' || r == '.' || unicode.Is(unicode.Sc, r):
		return startsDigit(word[size:])
	default:
		return startsDigit(word)
	}
}

// looksLikeNumber reports whether a label would be taken for an amount: it begins
// like one and has no letter.
func looksLikeNumber(s string) bool {
	return startsAmount(s) && strings.IndexFunc(s, unicode.IsLetter) < 0
}

func startsDigit(s string) bool { return s != "" && isDigit(s[0]) }

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
