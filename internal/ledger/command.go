package ledger

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A Command is a line that asks the program for something instead of saying a transaction.
type Command struct {
	Verb string // as in [Commands]
	ID   string // the entry that is meant, as typed: digits of a change id, and .N; "" if the verb takes none
	Rest string // what else was typed: a memo, a filter, a unit, a room; it may be ""
}

// A CommandHelp says what a verb does. All texts are the program's own.
type CommandHelp struct {
	Verb, Args, What string
}

// Commands are the verbs that [ParseCommand] knows, in the order of help.
var Commands = []CommandHelp{
	{"agree", "ID", "agree to an entry"},
	{"dispute", "ID [MEMO]", "dispute an entry, and say why"},
	{"withdraw", "ID [MEMO]", "withdraw an entry, or ask for it"},
	{"undo", "", "take back what you said last"},
	{"list", "[FILTER]", "show the entries that a filter keeps"},
	{"inbox", "", "show the entries that wait for you"},
	{"balances", "[UNIT]", "show who stands where"},
	{"settle", "[UNIT]", "show the payments that settle up"},
	{"people", "", "show who is who in this room"},
	{"rooms", "", "show the rooms you joined"},
	{"join", "ROOM-OR-INVITATION", "join a room"},
}

// minIDDigits is how many digits name an entry at least.
const minIDDigits = 4

// ParseCommand reads a line that begins with a colon, as in `:agree 1a2b3c4d`, and `/join`, which is the same as `:join`. isCommand is
// false for any other line: it may be a transaction, which never begins so. The error is nil or says where and why.
func ParseCommand(line string) (_ Command, isCommand bool, _ *SyntaxError) {
	line = strings.TrimRight(line, "\r\n")
	p := parser{line: line}
	p.blanks()
	start := p.pos
	word := p.word()
	if !strings.HasPrefix(word, ":") && word != "/join" {
		return Command{}, false, nil
	}
	if len(line) > MaxLineBytes {
		_, err := Parse(line, "")
		return Command{}, true, err
	}
	p.pos++
	verb := word[1:]
	i := slices.IndexFunc(Commands, func(c CommandHelp) bool { return c.Verb == verb })
	if i < 0 {
		return Command{}, true, p.fail(ReasonCommand, "a command", verb, commandHint(verb))
	}
	for j := start; j < len(line); {
		r, size := utf8.DecodeRuneInString(line[j:])
		if r == utf8.RuneError && size == 1 || notTyped(r) {
			p.pos = j
			return Command{}, true, p.failCharacter(r, size, "leave it out: it would not be seen, or turn the text around")
		}
		j += size
	}
	help := Commands[i]
	c := Command{Verb: verb}
	p.pos = start + len(word)
	p.blanks()
	if strings.HasPrefix(help.Args, "ID") {
		id := p.word()
		if !isEntryID(id) {
			return c, true, p.fail(ReasonCommand, "an entry: 4 to 64 digits of its id, as in 1a2b3c4d", id, "the list shows the ids")
		}
		c.ID = id
		p.pos += len(id)
		p.blanks()
	}
	rest := strings.TrimRightFunc(line[p.pos:], isBlank)
	switch {
	case rest != "" && (help.Args == "" || help.Args == "ID"):
		return c, true, p.fail(ReasonCommand, "the end of the line", rest, "")
	case rest == "" && help.Args != "" && help.Args[0] != '[' && c.ID == "":
		return c, true, p.fail(ReasonCommand, "a room's name or an invitation", "", "")
	case strings.Contains(help.Args, "[MEMO]"):
		err := p.memo("")
		c.Rest = p.draft.Memo
		return c, true, err
	case strings.Contains(help.Args, "[UNIT]") && rest != "" && !isUnit(rest):
		return c, true, p.fail(ReasonUnit, "a unit, as in EUR", rest, "")
	}
	c.Rest = rest
	return c, true, nil
}

// isEntryID matches [0-9a-fA-F]{4,64}(\.[0-9]{1,4})?
func isEntryID(s string) bool {
	digits, n, dotted := strings.Cut(s, ".")
	if len(digits) < minIDDigits || len(digits) > 64 || dotted && (n == "" || len(n) > 4) {
		return false
	}
	for i := range len(digits) {
		if b := digits[i]; !isDigit(b) && (b|0x20 < 'a' || b|0x20 > 'f') {
			return false
		}
	}
	for i := range len(n) {
		if !isDigit(n[i]) {
			return false
		}
	}
	return true
}

// commandHint offers the verbs that begin with what was typed, or else all.
func commandHint(verb string) string {
	var like, all []string
	for _, c := range Commands {
		all = append(all, c.Verb)
		if verb != "" && (strings.HasPrefix(c.Verb, verb) || strings.HasPrefix(verb, c.Verb)) {
			like = append(like, ":"+c.Verb)
		}
	}
	if len(like) > 0 {
		return "did you mean " + strings.Join(like, " or ") + "?"
	}
	return "there are " + strings.Join(all, ", ")
}
