package terminal

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// scanner follows a stream of output as far as modes are concerned. It needs no whole sequences: chunks may end anywhere.
type scanner struct {
	state scanState
	seq   []byte // parameters of the control sequence under way, the final byte not included

	modes    map[int]bool // DEC private modes that were touched: set or reset
	keyboard int          // kitty keyboard flags pushed and not popped
	modify   bool         // XTMODKEYS is not at its default
	keypad   bool         // application keypad
	title    int          // titles pushed and not popped
}

type scanState uint8

const (
	scanText scanState = iota
	scanEscape
	scanControl
	scanString    // OSC, DCS, APC, PM, SOS: up to BEL or ST
	scanStringEnd // ESC within a string
)

// maxSequenceBytes bounds what is kept of a control sequence; longer ones are none that matter here.
const maxSequenceBytes = 64

// initial are the modes that a terminal starts with set; all others start reset.
var initial = map[int]bool{7: true, 12: true, 25: true}

const syncMode = 2026

// next takes bytes from b up to and including the end of the next frame and returns how many it took, and whether a frame
// ended there; without such an end it takes all.
func (s *scanner) next(b []byte) (n int, frame bool) {
	for i, c := range b {
		switch s.state {
		case scanText:
			if c == 0x1b {
				s.state = scanEscape
			}
		case scanEscape:
			s.escape(c)
		case scanControl:
			switch {
			case c >= 0x40 && c <= 0x7e:
				s.state = scanText
				if s.control(string(s.seq), c) {
					return i + 1, true
				}
			case len(s.seq) < maxSequenceBytes:
				s.seq = append(s.seq, c)
			}
		case scanString:
			switch c {
			case 0x07:
				s.state = scanText
			case 0x1b:
				s.state = scanStringEnd
			}
		case scanStringEnd:
			if c == '\\' {
				s.state = scanText
			} else {
				s.escape(c)
			}
		}
	}
	return len(b), false
}

func (s *scanner) escape(c byte) {
	s.state = scanText
	switch c {
	case '[':
		s.state, s.seq = scanControl, s.seq[:0]
	case ']', 'P', '_', '^', 'X':
		s.state = scanString
	case 0x1b:
		s.state = scanEscape
	case '=':
		s.keypad = true
	case '>':
		s.keypad = false
	case 'c':
		*s = scanner{seq: s.seq}
	}
}

// control takes a whole control sequence and says whether it ends a frame.
func (s *scanner) control(params string, final byte) (frame bool) {
	private, rest := "", params
	if params != "" && strings.ContainsRune("<=>?", rune(params[0])) {
		private, rest = params[:1], params[1:]
	}
	switch {
	case private == "?" && (final == 'h' || final == 'l'):
		for p := range strings.SplitSeq(rest, ";") {
			mode, err := strconv.Atoi(p)
			if err != nil {
				continue
			}
			if s.modes == nil {
				s.modes = map[int]bool{}
			}
			s.modes[mode] = final == 'h'
			frame = frame || mode == syncMode && final == 'l'
		}
	case private == ">" && final == 'u':
		s.keyboard++
	case private == "<" && final == 'u':
		n, err := strconv.Atoi(rest)
		if err != nil {
			n = 1
		}
		s.keyboard = max(s.keyboard-n, 0)
	case private == ">" && final == 'm':
		s.modify = strings.HasPrefix(rest, "4;") && rest != "4;0"
	case private == "" && final == 't' && strings.HasPrefix(rest, "22"):
		s.title++
	case private == "" && final == 't' && strings.HasPrefix(rest, "23"):
		s.title = max(s.title-1, 0)
	}
	return frame
}

// left names what is not as a terminal starts, sorted; nothing if all is.
func (s *scanner) left() []string {
	var left []string
	for _, mode := range slices.Sorted(maps.Keys(s.modes)) {
		if on := s.modes[mode]; on != initial[mode] {
			left = append(left, fmt.Sprintf("mode ?%d %s", mode, map[bool]string{true: "set", false: "reset"}[on]))
		}
	}
	if s.keyboard > 0 {
		left = append(left, "keyboard flags pushed")
	}
	if s.modify {
		left = append(left, "modified keys")
	}
	if s.keypad {
		left = append(left, "application keypad")
	}
	if s.title > 0 {
		left = append(left, "title pushed")
	}
	if s.state != scanText {
		left = append(left, "an unfinished sequence")
	}
	return left
}
