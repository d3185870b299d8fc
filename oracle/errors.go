package oracle

import "errors"

// Reasons of errors; what wraps them says where.
var (
	// ErrTerms is a charter that founds no room of oracles: which parameter breaks
	// which rule the text says.
	ErrTerms = errors.New("not the terms of a room of oracles")
	// ErrStrategy is a name that no strategy has.
	ErrStrategy = errors.New("unknown strategy")
	// ErrPair is a pair that the charter does not list.
	ErrPair = errors.New("the room has no such pair")
	// ErrTime is a time out of range.
	ErrTime = errors.New("time out of range")

	// ErrPriceSyntax is text that is no decimal number.
	ErrPriceSyntax = errors.New("not a decimal number like 2500.25")
	// ErrPriceExponent is a number in exponent form.
	ErrPriceExponent = errors.New("a number in exponent form")
	// ErrPriceDigits is a number of more than MaxDigits digits, or too large for its unit.
	ErrPriceDigits = errors.New("more than 18 digits")
	// ErrPriceNotPositive is a price ≤ 0, or one that rounds to 0.
	ErrPriceNotPositive = errors.New("not above zero")
)
