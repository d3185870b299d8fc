package ledger

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A Filter chooses rows: those that every one of its terms matches. The zero
// Filter matches all. It is immutable.
type Filter struct {
	terms []term
}

// A term is one condition.
type term struct {
	kind  termKind
	not   bool
	exact bool   // text is all there is, not a part
	text  string // folded, NFC
	key   string // the first digits of a key, as in bob#1a2b3c4d
	is    Is
	op    comparison
	than  Quantity
	day   int // of since and until: 20260203
}

type termKind uint8

const (
	termText termKind = iota
	termFrom
	termTo
	termWith
	termBy
	termUnit
	termMemo
	termIs
	termSince
	termUntil
	termAmount
)

// termWord is a word that a colon follows.
type termWord struct {
	word string
	kind termKind
	want string // what follows the colon
}

// termWords are in the order in which they are told.
var termWords = []termWord{
	{"from", termFrom, "a name, as in from:alice"},
	{"to", termTo, "a name, as in to:bob"},
	{"with", termWith, "a name, as in with:carol"},
	{"by", termBy, "a name, as in by:dave"},
	{"unit", termUnit, "a unit, as in unit:EUR"},
	{"is", termIs, ""},
	{"since", termSince, "a date, as in since:2026-01"},
	{"until", termUntil, "a date, as in until:2026-02-03"},
	{"memo", termMemo, "a text, as in memo:dinner"},
}

// Is is a question about a row that a filter asks with is:WORD.
type Is uint8

// What a row can be. The first are standings; several may hold at once.
const (
	IsTallied     Is = iota // by all sides
	IsClaimed               // by some of the bound sides
	IsSaid                  // by no bound side
	IsDisputed              // by a side
	IsWithdrawing           // a side asks to withdraw, another stands by it
	IsWithdrawn
	IsInvalid
	IsVoid    // without effect
	IsUnsent  // nobody else is known to have it
	IsRefused // by a relay
	IsForked  // there is evidence that its author has forked
	IsMine    // written by me, or I am a party
	IsWaiting // for me to agree to or dispute
)

var isWords = [...]string{
	"tallied", "claimed", "said", "disputed", "withdrawing", "withdrawn", "invalid", "void", "unsent", "refused", "fork", "mine", "waiting",
}

func (is Is) String() string {
	if int(is) < len(isWords) {
		return isWords[is]
	}
	return "unknown"
}

type comparison uint8

const (
	equal comparison = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// MinIDDigits is how many hex digits at least are taken for the beginning of a
// change's id or a key.
const MinIDDigits = 4

// ParseFilter reads a filter:
//
//	dinner "two of us"              rows with these texts: in a name, the memo, the amount or the unit, or as the first digits of an id or a key
//	from:alice to:bob with:carol by:dave      who gives, who gets, who is a party, who wrote it; me is me
//	unit:EUR memo:dinner
//	is:disputed                     see [Is]
//	since:2026-01 until:2026-02-03  days, both included, of the time that the writer claims
//	>100 >=100 <100 <=100 =12.50    what changes hands
//	-TERM                           what TERM does not match
//
// The case of letters tells nothing. A name in quotes is the whole name, and
// NAME#DIGITS the one with that key.
//
// With an error the filter holds the terms before it. One at the end of the line
// is of a term that is not complete yet.
func ParseFilter(text string) (Filter, *SyntaxError) {
	text = strings.TrimRight(text, "\r\n")
	if len(text) > MaxLineBytes {
		return Filter{}, tooLong(text, "a shorter filter")
	}
	p := filterParser{parser{line: text}}
	var f Filter
	for {
		p.blanks()
		if p.atEnd() {
			return f, nil
		}
		t, err := p.term()
		if err != nil {
			return f, err
		}
		f.terms = append(f.terms, t)
	}
}

// IsZero reports whether f matches every row because it has no term.
func (f Filter) IsZero() bool { return len(f.terms) == 0 }

// Changes reports whether it may change with time which rows f matches, because it
// asks how they stand.
func (f Filter) Changes() bool {
	return slices.ContainsFunc(f.terms, func(t term) bool { return t.kind == termIs && t.is != IsMine })
}

// Asks reports whether f asks whether a row is or is not so.
func (f Filter) Asks(is Is) bool {
	return slices.ContainsFunc(f.terms, func(t term) bool { return t.kind == termIs && t.is == is })
}

// filterParser reads a filter from left to right.
type filterParser struct{ parser }

func (p *filterParser) term() (t term, err *SyntaxError) {
	if rest := p.line[p.pos:]; rest[0] == '-' {
		if arrowAt(rest) > 0 {
			return t, p.fail(ReasonFilter, "a term", p.word(), "who gives and who gets: from:alice to:bob")
		}
		t.not = true
		p.pos++
		if p.atEnd() || p.word() == "" {
			return t, p.missing("a term right after -, as in -from:alice")
		}
	}
	switch c := p.line[p.pos]; c {
	case '<', '>', '=':
		return t, p.amount(&t)
	case '"':
		t.text, _, err = p.value("a text")
		if err == nil && t.text == "" {
			err = p.fail(ReasonFilter, "a text between the quotes", `""`, "")
		}
		return t, err
	}
	word := p.word()
	if n := strings.IndexByte(word, ':'); n > 1 && onlyLetters(word[:n]) {
		return t, p.keyword(&t, word[:n])
	}
	p.pos += len(word)
	t.text = fold(word)
	return t, nil
}

// keyword reads WORD:VALUE.
func (p *filterParser) keyword(t *term, word string) *SyntaxError {
	lower := fold(word)
	i := slices.IndexFunc(termWords, func(w termWord) bool { return w.word == lower })
	if i < 0 {
		all := make([]string, len(termWords))
		for i := range termWords {
			all[i] = termWords[i].word + ":"
		}
		return p.fail(ReasonFilter, strings.Join(all[:len(all)-1], " ")+" or "+all[len(all)-1], word+":", "put it in quotes to look for the text")
	}
	t.kind = termWords[i].kind
	p.pos += len(word) + 1
	start, want := p.pos, termWords[i].want
	if p.atEnd() || p.word() == "" {
		if t.kind == termIs {
			want = strings.Join(isWords[:], " ")
		}
		return p.missing(want)
	}
	switch t.kind {
	case termIs:
		return p.is(t)
	case termSince, termUntil:
		return p.date(t)
	}
	var quoted bool
	var err *SyntaxError
	if t.text, quoted, err = p.value(want); err != nil {
		return err
	}
	switch t.kind {
	case termUnit:
		unit := strings.ToUpper(t.text)
		switch {
		case unit == "" || isUnit(unit):
		case p.atEnd() && isUnit(unit+"X"):
			return p.fail(ReasonUnit, want, "", "")
		default:
			p.pos = start
			return p.fail(ReasonUnit, "a unit of 2 to 8 letters and digits, as in unit:EUR", p.word(), `unit:"" finds rows without one`)
		}
		return nil
	case termMemo:
		t.exact = t.text == ""
		return nil
	}
	if t.text == "" {
		p.pos = start
		return p.fail(ReasonLabel, want, p.word(), "")
	}
	t.exact = quoted
	if quoted {
		return nil
	}
	if name, digits, ok := strings.Cut(t.text, "#"); ok {
		if !isHex(digits) || len(digits) > 64 {
			p.pos = start + strings.LastIndexByte(p.line[start:p.pos], '#') + 1
			return p.fail(ReasonKey, "digits of a key, as in bob#1a2b3c4d", p.word(), "a name that holds # goes in double quotes")
		}
		t.text, t.key = name, digits
		t.exact = name != "" // names this person alone
		if digits == "" && name == "" {
			return p.missing(want)
		}
	}
	return nil
}

// value reads a text up to the next blank, or a quoted one.
func (p *filterParser) value(want string) (text string, quoted bool, err *SyntaxError) {
	rest := p.line[p.pos:]
	if rest[0] != '"' {
		word := p.word()
		p.pos += len(word)
		return fold(word), false, nil
	}
	text, n := unquote(rest)
	if n == 0 {
		p.pos = len(p.line) // it may yet come
		return "", true, p.fail(ReasonQuote, `a closing "`, "", "")
	}
	p.pos += n
	if !p.atEnd() && p.word() != "" {
		return "", true, p.fail(ReasonQuote, "a blank after the closing quote", p.word(), `write \" for a quote within `+want)
	}
	return fold(text), true, nil
}

// is reads what follows is:
func (p *filterParser) is(t *term) *SyntaxError {
	word := p.word()
	lower := fold(word)
	i := slices.Index(isWords[:], lower)
	if i < 0 {
		begins := slices.DeleteFunc(slices.Clone(isWords[:]), func(s string) bool { return !strings.HasPrefix(s, lower) })
		if p.pos+len(word) == len(p.line) && len(begins) > 0 {
			p.pos += len(word)
			return p.fail(ReasonFilter, "the rest of "+strings.Join(begins, " or "), "", "")
		}
		return p.fail(ReasonFilter, "a word for how rows stand", word, "one of "+strings.Join(isWords[:], " "))
	}
	t.is = Is(i)
	p.pos += len(word)
	return nil
}

// date reads 2026, 2026-02 or 2026-02-03.
func (p *filterParser) date(t *term) *SyntaxError {
	const want = "a date, as in 2026, 2026-02 or 2026-02-03"
	word := p.word()
	part := [3]int{0, 0, 0}
	last := [3]int{9999, 12, 31}
	at := 0
	for i, digits := range [...]int{4, 2, 2} {
		if i > 0 {
			if at == len(word) {
				break
			}
			if word[at] != '-' {
				p.pos += at
				return p.fail(ReasonFilter, want, p.word(), "")
			}
			at++
		}
		for n := range digits {
			if at+n == len(word) {
				p.pos += at + n
				return p.missing(want)
			}
			if !isDigit(word[at+n]) {
				p.pos += at + n
				return p.fail(ReasonFilter, want, p.word(), "")
			}
			part[i] = 10*part[i] + int(word[at+n]-'0')
		}
		if i == 2 {
			last[2] = daysIn(part[0], part[1])
		}
		if part[i] < 1 || part[i] > last[i] {
			p.pos += at
			return p.fail(ReasonFilter, [...]string{"a year", "a month from 01 to 12", "a day of that month"}[i], p.word(), "")
		}
		at += digits
	}
	if at < len(word) {
		p.pos += at
		return p.fail(ReasonFilter, "a blank after the date", p.word(), "")
	}
	p.pos += len(word)
	if t.kind == termUntil { // the last day of what is named
		for i := range part {
			if part[i] == 0 {
				part[i] = last[i]
			}
		}
	}
	t.day = dayNumber(part[0], part[1], part[2])
	return nil
}

// dayNumber is a day as a number that grows with it.
func dayNumber(year, month, day int) int { return 10_000*year + 100*month + day }

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// amount reads a comparison.
func (p *filterParser) amount(t *term) *SyntaxError {
	t.kind = termAmount
	rest := p.line[p.pos:]
	n := 1
	switch {
	case strings.HasPrefix(rest, ">="):
		t.op, n = greaterOrEqual, 2
	case strings.HasPrefix(rest, "<="):
		t.op, n = lessOrEqual, 2
	case rest[0] == '>':
		t.op = greater
	case rest[0] == '<':
		t.op = less
	}
	p.pos += n
	word := p.word()
	if word == "" {
		return p.missing(wantAmount)
	}
	mantissa, scale, bad := parseAmount(word)
	switch {
	case bad == nil:
		p.pos += len(word)
		t.than = quantity(uint64(mantissa), scale)
		return nil
	case bad.reason == ReasonZero && p.pos+len(word) == len(p.line):
		p.pos = len(p.line) // 0 may become 0.5
		return p.fail(ReasonZero, bad.expected, "", "")
	}
	p.pos += bad.offset
	found := word
	if bad.offset == len(word) {
		found = ""
		if p.pos < len(p.line) {
			found = word
		}
	}
	return p.fail(bad.reason, bad.expected, found, bad.hint)
}

// missing is the error where something is still to be typed.
func (p *filterParser) missing(want string) *SyntaxError {
	found := ""
	if !p.atEnd() {
		found = p.line[p.pos:]
	}
	return p.fail(ReasonFilter, want, found, "")
}

func onlyLetters(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// isHex reports whether s holds nothing but digits of an id in lower case.
func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// fold is s as filters compare it.
func fold(s string) string { return string(AppendFolded(nil, norm.NFC.String(s))) }

// tooLong refuses a line of more than MaxLineBytes.
func tooLong(line, hint string) *SyntaxError {
	cut := MaxLineBytes
	for !utf8.RuneStart(line[cut]) && cut > MaxLineBytes-utf8.UTFMax {
		cut--
	}
	return &SyntaxError{
		Reason: ReasonTooLong, Column: 1 + utf8.RuneCountInString(line[:cut]), Offset: cut,
		Expected: "a line of at most 12288 bytes", Found: "a longer one", Hint: hint,
	}
}
