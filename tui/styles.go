package tui

import (
	"strings"

	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// Color says whether the screen uses the terminal's 16 colours. It never uses more.
type Color uint8

const (
	ColorAuto  Color = iota // unless NO_COLOR or TERM=dumb
	ColorNever              // attributes alone
	Color16                 // in spite of NO_COLOR
)

// Look is what the terminal can show, decided once at the start.
type Look struct {
	Mono  bool // no colours: bold and reverse only
	ASCII bool // no character beyond ASCII, in borders and in texts
}

// LookFromEnv decides by the flags --color and --ascii and by NO_COLOR, TERM, LC_ALL, LC_CTYPE and LANG as getenv gives
// them. The terminal itself is asked nothing.
func LookFromEnv(color Color, ascii bool, getenv func(string) string) Look {
	l := Look{ASCII: ascii}
	dumb := getenv("TERM") == "dumb"
	switch color {
	case ColorNever:
		l.Mono = true
	case ColorAuto:
		l.Mono = dumb || getenv("NO_COLOR") != ""
	case Color16:
	}
	locale := ""
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale = getenv(name); locale != "" {
			break
		}
	}
	folded := strings.ToLower(strings.ReplaceAll(locale, "-", ""))
	// No locale at all is a container or a bare login far more often than a terminal without UTF-8.
	l.ASCII = l.ASCII || dumb || locale != "" && !strings.Contains(folded, "utf8")
	return l
}

func (l Look) charset() safe.Charset {
	if l.ASCII {
		return safe.ASCII
	}
	return safe.Unicode
}

// Styles are the looks of what the screen says, by meaning. No state is said by a look alone: there is always a word.
type Styles struct {
	Text   screen.Style
	Dim    screen.Style // void, claims, borders
	OK     screen.Style // sent, live
	Info   screen.Style // connecting, catching up
	Warn   screen.Style // unsent, offline
	Error  screen.Style // FORK, refused
	Title  screen.Style // of a pane
	Focus  screen.Style // title of the pane that has the focus; the screen that is shown
	Key    screen.Style // a key in a line of hints
	Cursor screen.Style // toggled over the row under the cursor
	Paper  screen.Style // what a camera reads: dark on light
}

func newStyles(l Look) Styles {
	s := Styles{
		Dim: screen.Faint, OK: screen.Green, Info: screen.Cyan, Warn: screen.Yellow | screen.Bold, Error: screen.Red | screen.Bold,
		Title: screen.Default, Focus: screen.Bold, Key: screen.Bold, Cursor: screen.Reverse, Paper: screen.Paper,
	}
	if l.Mono {
		s.Dim, s.OK, s.Info, s.Warn, s.Error = 0, 0, 0, screen.Bold, screen.Reverse
		s.Paper = 0
	}
	return s
}
