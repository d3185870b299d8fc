package screen

import "strconv"

// Style is how a cell looks: one of the terminal's 16 colours or its default, and attributes. The zero Style is the
// terminal's default. There are no background colours but that of Paper: light and dark themes both work, and nothing has to be
// asked.
type Style uint16

// Colours. The low five bits of a Style hold one of them.
const (
	Default Style = iota
	Black
	Red
	Green
	Yellow
	Blue
	Magenta
	Cyan
	White
	Paper // black on white, whatever the terminal's own colours are: for what a camera reads

	colourMask Style = 1<<5 - 1
)

// Attributes, to be combined with a colour by |. Reverse is toggled by [Area.Toggle], so that what is reversed already
// stands out in a reversed row.
const (
	Bold Style = 1 << (5 + iota)
	Faint
	Underline
	Reverse
)

// covers reports whether a blank of this style can be seen.
func (s Style) covers() bool { return s&(Reverse|Underline) != 0 || s&colourMask == Paper }

// appendSGR appends the shortest sequence that leads from style `from` to style `to`: nothing if they are equal.
func appendSGR(dst []byte, from, to Style) []byte {
	if from == to {
		return dst
	}
	if to == 0 {
		return append(dst, "\x1b[m"...)
	}
	start := len(dst)
	dst = append(dst, '\x1b', '[')
	// What `from` has and `to` has not is taken back one by one, or all at once.
	gone, kept := from&^colourMask&^to, from
	if gone&(Bold|Faint) != 0 { // one code for both
		dst, kept = append(dst, "22;"...), kept&^(Bold|Faint)
	}
	if gone&Underline != 0 {
		dst, kept = append(dst, "24;"...), kept&^Underline
	}
	if gone&Reverse != 0 {
		dst, kept = append(dst, "27;"...), kept&^Reverse
	}
	switch was, is := from&colourMask, to&colourMask; {
	case was == Paper && is != Paper:
		dst, kept = append(dst, "39;49;"...), kept&^colourMask
	case was != 0 && is == 0:
		dst, kept = append(dst, "39;"...), kept&^colourMask
	}
	taken := kept != from
	dst = appendAdded(dst, kept, to)
	if one := len(dst); taken {
		dst = append(dst, "\x1b[0;"...)
		if dst = appendAdded(dst, 0, to); len(dst)-one < one-start {
			return append(dst[:start], dst[one:]...)
		}
		dst = dst[:one]
	}
	return dst
}

// appendAdded ends a sequence by what `to` has and `from` has not.
func appendAdded(dst []byte, from, to Style) []byte {
	add := to &^ colourMask &^ from
	if add&Bold != 0 {
		dst = append(dst, '1', ';')
	}
	if add&Faint != 0 {
		dst = append(dst, '2', ';')
	}
	if add&Underline != 0 {
		dst = append(dst, '4', ';')
	}
	if add&Reverse != 0 {
		dst = append(dst, '7', ';')
	}
	switch c := to & colourMask; {
	case c == from&colourMask:
	case c == Paper:
		dst = append(dst, "30;107;"...)
	default:
		dst = strconv.AppendInt(dst, 30+int64(c-Black), 10)
		dst = append(dst, ';')
	}
	dst[len(dst)-1] = 'm' // in place of the last semicolon
	return dst
}
