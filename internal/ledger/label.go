package ledger

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ParseLabel is s in the form in which it stands in entries, NFC; false if it
// cannot be a label.
func ParseLabel(s string) (string, bool) {
	if len(s) > 4*MaxLabelBytes { // NFC shortens no text to less than a third
		return "", false
	}
	if s = norm.NFC.String(s); !validLabel(s) {
		return "", false
	}
	return s, true
}

// QuoteLabel is a label as it is typed: in double quotes if it needs them.
func QuoteLabel(label string) string {
	if needsQuotes(label) {
		return quote(label)
	}
	return label
}

func needsQuotes(label string) bool {
	return label == "" || looksLikeNumber(label) || strings.IndexFunc(label, func(r rune) bool {
		return isBlank(r) || endsLabel(r)
	}) >= 0 || strings.Contains(label, "->")
}

// endsLabel are the characters besides blanks and -> that end a label without
// quotes. Comma and colon are of the shared bill's form.
func endsLabel(r rune) bool { return strings.ContainsRune("\">→,:", r) }

// Complete returns those labels that begin with prefix, whatever the case of its
// letters, in the order given, at most limit of them.
func Complete(prefix string, labels []string, limit int) []string {
	prefix = norm.NFC.String(prefix)
	var found []string
	for _, l := range labels {
		if len(found) >= limit {
			break
		}
		if hasPrefixFold(l, prefix) {
			found = append(found, l)
		}
	}
	return found
}

// hasPrefixFold compares as many characters as prefix has: folding may change
// their length in bytes.
func hasPrefixFold(s, prefix string) bool {
	n, end := utf8.RuneCountInString(prefix), len(s)
	for i := range s {
		if n == 0 {
			end = i
			break
		}
		n--
	}
	return n == 0 && strings.EqualFold(s[:end], prefix)
}

// label reads a label, which must be there.
func (p *parser) label() (string, *SyntaxError) {
	start := p.pos
	rest := p.line[start:]
	if p.atEnd() {
		p.openLabel(start, "")
		return "", p.fail(ReasonLabel, wantName, "", "")
	}
	if p.arrow() > 0 {
		return "", p.fail(ReasonLabel, wantName, p.word(), "one arrow is enough")
	}
	var text string
	if rest[0] == '"' {
		var n int
		if text, n = unquote(rest); n == 0 {
			p.openLabel(start, text)
			return "", p.fail(ReasonQuote, `a closing "`, rest, "")
		}
		p.pos += n
	} else {
		n := labelEnd(rest)
		text = rest[:n]
		p.pos += n
		if p.atEnd() {
			p.openLabel(start, text)
		}
		switch {
		case n < len(rest) && strings.IndexByte(`",:`, rest[n]) >= 0 && (!p.list || n == 0 || rest[n] == '"'):
			if n == 0 {
				return "", p.fail(ReasonLabel, wantName, rest, "")
			}
			return "", p.fail(ReasonLabel, "a blank after the name", rest[n:], "a name that holds \", comma or colon goes in double quotes")
		case looksLikeNumber(text):
			p.pos = start
			return "", p.fail(ReasonLabel, wantName, text, "the name comes before the amount; one that is a number goes in double quotes")
		}
	}
	end := p.pos
	for i, r := range p.line[start:end] {
		_, size := utf8.DecodeRuneInString(p.line[start+i:])
		if r == utf8.RuneError && size == 1 || !plain(r) {
			p.pos = start + i
			return "", p.failCharacter(r, size, "names hold no control or format characters, and none newer than Unicode 15.0")
		}
	}
	label, ok := ParseLabel(text)
	if !ok {
		p.pos = start
		return "", p.fail(ReasonLabel, "a name of 1 to 64 bytes", p.line[start:end], "")
	}
	return label, nil
}

// openLabel notes that the line ends within a label or before one.
func (p *parser) openLabel(start int, prefix string) {
	p.draft.Open = OpenLabel{Active: true, Start: start, Prefix: prefix}
}

// labelEnd is the length of the label without quotes that s begins with.
func labelEnd(s string) int {
	for i, r := range s {
		if isBlank(r) || endsLabel(r) || r == '-' && arrowAt(s[i:]) > 0 {
			return i
		}
	}
	return len(s)
}

// quote puts s in double quotes.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// unquote reads the quoted text that s begins with, and its length, quotes
// included. Without a closing quote the length is 0, and the text is all there is.
func unquote(s string) (text string, n int) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), i + 1
		case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), 0
}
