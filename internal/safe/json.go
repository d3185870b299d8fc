package safe

import (
	"encoding/json"
	"unicode/utf8"
)

// EscapeJSON appends a JSON document to dst with every character that does not
// belong on a terminal written as \u202e. No text is changed or cut: a JSON reader
// gets what it would have got from doc. encoding/json escapes only C0, so what it
// wrote goes through here before it is printed.
//
// doc must be valid JSON; bytes in it that are not UTF-8 become \ufffd.
func EscapeJSON(dst, doc []byte) []byte {
	for i := 0; i < len(doc); {
		if b := doc[i]; b < 0x7f { // control characters are white space here
			dst = append(dst, b)
			i++
			continue
		}
		r, size := utf8.DecodeRune(doc[i:])
		switch kind := classify(r); {
		case r == utf8.RuneError && size == 1, kind == escaped, kind == selector:
			dst = appendJSONEscape(dst, r)
		default:
			dst = append(dst, doc[i:i+size]...)
		}
		i += size
	}
	return dst
}

// AppendJSON appends s as one JSON string, quotes included, escaped as
// [EscapeJSON] does.
func AppendJSON(dst []byte, s string) []byte {
	b, _ := json.Marshal(s) // a string always has a JSON form
	return EscapeJSON(dst, b)
}

func appendJSONEscape(dst []byte, r rune) []byte {
	if r >= 0x10000 {
		r -= 0x10000
		dst = appendJSONEscape(dst, 0xd800|r>>10)
		r = 0xdc00 | r&0x3ff
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&0xf], hexDigits[r>>8&0xf], hexDigits[r>>4&0xf], hexDigits[r&0xf])
}
