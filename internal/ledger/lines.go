package ledger

import "strings"

// MaxLines is how many lines [ParseLines] reads.
const MaxLines = 20_000

// Lines is what a text of several lines says. Numbers count from 1, blank lines
// included.
type Lines struct {
	Entries []LineEntry
	Errors  []LineError
}

// A LineEntry is a line that was understood.
type LineEntry struct {
	Number int
	Entry  Entry
}

// A LineError is a line that was not.
type LineError struct {
	Number int
	Err    *SyntaxError
}

// ParseLines reads a text that was pasted, a transaction a line, as [ParseLine]
// does. Blank lines are left out. Lines end in LF, CR LF or CR. A text of more
// than MaxLines lines has one error more, for the first line that was not read.
//
// The entries share memory with text. The cost is linear in MaxLines, and in the
// length of text only to find where lines end.
func ParseLines(text, me string) Lines {
	var all Lines
	text = strings.TrimPrefix(text, "\ufeff")
	for n := 1; text != ""; n++ {
		line, rest := nextLine(text)
		if n > MaxLines {
			all.Errors = append(all.Errors, LineError{n, &SyntaxError{
				Reason: ReasonTooMany, Column: 1,
				Expected: "at most 20000 lines at once", Found: "more", Hint: "send the rest by itself",
			}})
			break
		}
		text = rest
		if strings.TrimFunc(line, isBlank) == "" {
			continue
		}
		if e, err := ParseLine(line, me); err != nil {
			all.Errors = append(all.Errors, LineError{n, err})
		} else {
			all.Entries = append(all.Entries, LineEntry{n, e})
		}
	}
	return all
}

func nextLine(text string) (line, rest string) {
	i := strings.IndexAny(text, "\r\n")
	if i < 0 {
		return text, ""
	}
	line, rest = text[:i], text[i+1:]
	if text[i] == '\r' {
		rest = strings.TrimPrefix(rest, "\n")
	}
	return line, rest
}
