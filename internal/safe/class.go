package safe

import "unicode"

// class is what step 2 to 4 of the package comment do with a character.
type class uint8

const (
	escaped     class = iota // escaped
	letter                   // shown: anything that is seen by itself
	mark                     // takes no cell of its own: allowed twice on a base
	spacingMark              // takes a cell, allowed on a base
	selector                 // chooses the emoji or text form of the symbol before it
	newline
	tab
)

// classify knows what may be shown, not what may not: code points that later
// versions of Unicode assign are escaped until the program is built with them.
func classify(r rune) class {
	switch {
	case 0x20 <= r && r <= 0x7e:
		return letter
	case r == '\n':
		return newline
	case r == '\t':
		return tab
	case r < 0xa0:
		return escaped
	case r == 0xfe0e || r == 0xfe0f:
		return selector
	case r <= 0x2ff && r != 0xad: // Latin, but for the soft hyphen
		return letter
	case 0x4e00 <= r && r <= 0x9fff, 0xac00 <= r && r <= 0xd7a3: // most of Han, Hangul: for speed
		return letter
	case unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S, unicode.Zs):
		if unicode.In(r, hidden, joinsNext) {
			return escaped
		}
		return letter
	case unicode.In(r, unicode.Mn, unicode.Me):
		if unicode.Is(hidden, r) {
			return escaped
		}
		return mark
	case unicode.Is(unicode.Mc, r):
		return spacingMark
	default: // Cc, Cf, Co, Cs, Zl, Zp, and what is not assigned
		return escaped
	}
}

// takesSelector reports whether r may stand before a variation selector. Digits
// may too, by Unicode, but hardly any terminal agrees on the width that follows.
func takesSelector(r rune) bool {
	switch r {
	case 0x203c, 0x2049, 0x3030:
		return true
	}
	return r >= 0xa9 && unicode.In(r, unicode.So, unicode.Sm)
}

// hidden are letters, marks and symbols that are not seen: those that Unicode
// calls default ignorable, and the empty Braille pattern.
var hidden = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x034f, Hi: 0x034f, Stride: 1},
		{Lo: 0x115f, Hi: 0x1160, Stride: 1},
		{Lo: 0x17b4, Hi: 0x17b5, Stride: 1},
		{Lo: 0x180b, Hi: 0x180f, Stride: 1},
		{Lo: 0x2800, Hi: 0x2800, Stride: 1},
		{Lo: 0x3164, Hi: 0x3164, Stride: 1},
		{Lo: 0xfe00, Hi: 0xfe0d, Stride: 1},
		{Lo: 0xffa0, Hi: 0xffa0, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0xe0100, Hi: 0xe01ef, Stride: 1},
	},
}

// joinsNext are letters that make one cluster with whatever follows (Prepend of
// UAX 29), a mark of ours too. A test compares them with the segmenter.
var joinsNext = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x0d4e, Hi: 0x0d4e, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x111c2, Hi: 0x111c3, Stride: 1},
		{Lo: 0x1193f, Hi: 0x1193f, Stride: 1},
		{Lo: 0x11941, Hi: 0x11941, Stride: 1},
		{Lo: 0x11a3a, Hi: 0x11a3a, Stride: 1},
		{Lo: 0x11a84, Hi: 0x11a89, Stride: 1},
		{Lo: 0x11d46, Hi: 0x11d46, Stride: 1},
		{Lo: 0x11f02, Hi: 0x11f02, Stride: 1},
	},
}
