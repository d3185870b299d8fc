package screen

import "strconv"

// Style is how a cell looks: one of the terminal's 16 colours or its default, and attributes. The zero Style is the
// terminal's default. There are no background colours: light and dark themes both work, and nothing has to be asked.
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

// appendSGR appends the sequence that leads from style `from` to style `to`: nothing if they are equal.
func appendSGR(dst []byte, from, to Style) []byte {
	if from == to {
		return dst
	}
	if to == 0 {
		return append(dst, "\x1b[m"...)
	}
	dst = append(dst, '\x1b', '[')
	// What `from` has and `to` has not can only be taken back one by one or all at once; all at once is shorter.
	if from&^colourMask&^to != 0 || (from&colourMask != 0 && to&colourMask == 0) {
		dst = append(dst, '0', ';')
		from = 0
	}
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
	if c := to & colourMask; c != from&colourMask {
		dst = strconv.AppendInt(dst, 30+int64(c-Black), 10)
		dst = append(dst, ';')
	}
	dst[len(dst)-1] = 'm' // in place of the last semicolon
	return dst
}
