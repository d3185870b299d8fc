package tui

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

func sprintf(format string, args ...any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

// number formats n with a comma between thousands, as figures on the screen are. (Amounts are never grouped.)
func number(n int) screen.Const {
	var stack [32]byte
	digits := strconv.AppendInt(stack[:0], int64(n), 10)
	if len(digits) <= 3 {
		return screen.Const(digits)
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteByte(d)
	}
	return screen.Const(b.String())
}

// plural is "1 row", "2 rows".
func plural(n int, one, many screen.Const) screen.Const {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// shortHex is the first n hex digits of an id.
func shortHex(id [32]byte, n int) screen.Const {
	var b [64]byte
	hex.Encode(b[:], id[:])
	return screen.Const(b[:min(max(n, 0), 64)])
}

// groupedHex is an id in groups of four digits, the first eight together, cut at n digits.
func groupedHex(id [32]byte, n int) screen.Const {
	s := shortHex(id, n)
	var b strings.Builder
	for i, r := range s {
		if i >= 8 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return screen.Const(b.String())
}

// hexIn is the first n digits of an id, in groups if that leaves all of them visible in w cells.
func hexIn(id [32]byte, n, w int) screen.Const {
	if s := groupedHex(id, n); screen.Width(s) <= w {
		return s
	}
	return shortHex(id, n)
}

// bytesRate is a rate in bytes a second.
func bytesRate(perSecond float64) screen.Const {
	switch {
	case perSecond < 1000:
		return screen.Const(strconv.FormatFloat(perSecond, 'f', 0, 64)) + " B/s"
	case perSecond < 1e6:
		return screen.Const(strconv.FormatFloat(perSecond/1e3, 'f', 1, 64)) + " kB/s"
	}
	return screen.Const(strconv.FormatFloat(perSecond/1e6, 'f', 1, 64)) + " MB/s"
}

// countRate is a rate in things a second.
func countRate(perSecond float64) screen.Const {
	if perSecond < 1000 {
		return screen.Const(strconv.FormatFloat(perSecond, 'f', 0, 64)) + "/s"
	}
	return screen.Const(strconv.FormatFloat(perSecond/1e3, 'f', 0, 64)) + "k/s"
}

// wait is a duration that somebody waits for: whole seconds, rounded up.
func wait(d time.Duration) screen.Const {
	s := max(int((d+time.Second-1)/time.Second), 0)
	if s < 120 {
		return number(s) + " s"
	}
	return number((s+59)/60) + " min"
}

// claimed is the time that an author claims, in the local zone; what no calendar holds is shown as the number it is.
func (m *Model) claimed(unix int64, layout string) screen.Const {
	if unix < -62135596800 || unix > 253402300799 { // years 1 to 9999
		return screen.Const(strconv.FormatInt(unix, 10))
	}
	return screen.Const(time.Unix(unix, 0).In(m.now().Location()).Format(layout))
}

// address is a peer's address without what all have in common.
func (m *Model) address(s string) safe.String {
	return m.cs.Text(bareAddress(s), noteCells)
}

func bareAddress(s string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(s, "ws://"), "wss://"), "/websocket")
}

// part is a piece of a line: text of the program, or cleaned text.
type part struct {
	style screen.Style
	own   screen.Const
	text  safe.String
}

func (p part) width() int {
	if p.own != "" {
		return screen.Width(p.own)
	}
	return p.text.Width()
}

// textLine is a line made of parts.
type textLine []part

func (l textLine) width() int {
	n := 0
	for _, p := range l {
		n += p.width()
	}
	return n
}

// say draws the parts from column x on and returns the column after them.
func say(a screen.Area, x, y int, parts ...part) int {
	for _, p := range parts {
		if p.own != "" {
			x = a.ConstCut(x, y, a.W-x, p.style, p.own)
		} else {
			x = a.Text(x, y, a.W-x, p.style, p.text)
		}
	}
	return x
}

func own(style screen.Style, s screen.Const) part    { return part{style: style, own: s} }
func outside(style screen.Style, s safe.String) part { return part{style: style, text: s} }

// appendWrapped appends a text as several lines, each led by a label or as much blank.
func appendWrapped(lines []textLine, w int, label screen.Const, labelStyle, style screen.Style, s safe.String) []textLine {
	lead := screen.Width(label)
	room := max(w-lead, 1)
	for first := true; first || s.Width() > 0; first = false {
		head, rest := s.Split(room)
		if head.Width() == 0 && rest.Width() > 0 { // not even one cluster fits
			break
		}
		if rest.Width() > 0 {
			// Between words, where there are some.
			if i := strings.LastIndexByte(head.String(), ' '); i > 0 {
				head, rest = s.Split(safe.Text(head.String()[:i+1], safe.NoLimit).Width())
			}
		}
		l := textLine{own(labelStyle, label), outside(style, head)}
		if !first {
			l[0] = own(labelStyle, screen.Const(strings.Repeat(" ", lead)))
		}
		lines, s = append(lines, l), rest
	}
	return lines
}
