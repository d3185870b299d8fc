//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt"
)

// hostile is text that people send to break a screen. Each goes through every place that shows text from outside: entries
// (memo, labels, unit), names of peers, what relays say, what is no relay says, paths, config, command line, what is pasted.
var hostile = []struct{ name, text string }{
	{"clear", "\x1b[2J\x1b[H\x1b[3J"},
	{"colours", "\x1b[31;7mred\x1b[0m"},
	{"title", "\x1b]0;owned\x07\x1b]2;owned\x1b\\"},
	{"clipboard", "\x1b]52;c;b3duZWQ=\x07"},
	{"link", "\x1b]8;;http://example.org/\x07pay here\x1b]8;;\x07"},
	{"alternate screen", "\x1b[?1049l\x1b[?25l\x1b[?1000h\x1b[?2004l"},
	{"questions", "\x1b[c\x1b[6n\x1b]11;?\x07\x1bP$q\"p\x1b\\\x05"},
	{"device control", "\x1bPq#0;2;0;0;0#0~~\x1b\\\x1b_G\x1b\\\x1b^x\x1b\\"},
	{"charset", "\x1b(0lqqk\x0e\x0f"},
	{"C1", "\u009b2J\u009d0;x\u009c\u0090\u0085\u0084"},
	{"C0", "\x00\x01\a\b\b\b\v\f\x7f"},
	{"lines", "a\nb\rc\td\r\n"},
	{"line separators", "a\u2028b\u2029c"},
	{"bidi", "pay \u202e00.9\u202c \u2066x\u2069 \u061c\u200e\u200f"},
	{"zero width", "a\u200bl\u200ci\u200dc\u2060e\ufeff\u00ad\u034f\u180e"},
	{"tags", "\U000e0001\U000e0061\U000e007f"},
	{"private use", "\ue000\uf8ff\U000f0000\U0010fffd"},
	{"noncharacters", "\ufffe\uffff\U0001ffff"},
	{"fillers", "\u3164\u115f\u1160\uffa0\u2800"},
	{"selectors", "a\ufe0f\ufe0e\U000e0100❤\ufe0f"},
	{"wide", strings.Repeat("日本語", 40)},
	{"wide and narrow", strings.Repeat("a日", 60)},
	{"combining", "e" + strings.Repeat("\u0301\u0327\u20dd", 60) + "x"},
	{"marks alone", "\u0301\u0302\u20dd"},
	{"emoji", "👩\u200d👩\u200d👧\u200d👦🇫🇷🇩🇪👍🏽☺\ufe0f"},
	{"conjuncts", strings.Repeat("क\u094d", 50)},
	{"jamo", strings.Repeat("\u1100", 60)},
	{"prepend", "\u0600\u06dd\u0d4e\U000110bd"},
	{"ambiguous", "§±½…─│┌┐└┘═║█▒①Ⅳ"},
	{"very wide", "﷽ﷺ𒐫⸻"},
	{"look-alikes", "аlісе ａｌｉｃｅ 𝐚𝐥𝐢𝐜𝐞 ɑlice"},
	{"frame", "│ FORK │ > confirmed ✓"},
	{"quotes", `"; rm -rf ~ $(reboot) ` + "`id`" + ` ' \x1b \u202e %s %n`},
	{"long", strings.Repeat("x", 10_000)},
	{"long and hostile", strings.Repeat("\x1b[2J\u202e日e\u0301\u0302\u0303", 450)},
}

// notUTF8 cannot stand in CBOR, but in paths, arguments, config files and pastes.
const notUTF8 = "\xff\xfe\xc3(\xed\xa0\x80\xf5\x80 \x9b2J"

// unseen reports whether r must not reach a terminal: written from Unicode's properties, not from the tables of safe.
func unseen(r rune) bool {
	return r != '\n' && r != '\t' && r != 0xfe0f && r != 0xfe0e && (!unicode.IsGraphic(r) || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp,
		unicode.Bidi_Control, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Join_Control) || r == 0x2800 || r == 0x34f)
}

// checkOutput verifies that lines for a terminal hold nothing that is not seen, and no pile of marks but in JSON, which
// alters no text.
func checkOutput(t testing.TB, what string, b []byte) {
	t.Helper()
	if !utf8.Valid(b) {
		t.Errorf("%s is not UTF-8: %q", what, cut(string(b)))
	}
	marks := 0
	for i, r := range string(b) {
		if unseen(r) {
			t.Errorf("%s: %U got through: %q", what, r, b[max(i-60, 0):min(i+60, len(b))])
			return
		}
		if marks++; !unicode.In(r, unicode.Mn, unicode.Me) {
			marks = 0
		} else if marks > 4 && !strings.Contains(what, "json") { // two combining marks, and selectors
			t.Errorf("%s: %d marks on one character", what, marks)
			return
		}
	}
}

func mustLiteral(t testing.TB, v any) crdt.Literal {
	t.Helper()
	l, err := crdt.EncodeLiteral(v)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// place is a machine whose very paths are hostile.
type place struct {
	t       *testing.T
	program string
	home    string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	program, err := exec.LookPath("tallystick") // testscript.Main puts it there
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), "h \x1b]0;owned\x07\x1b[2J\u202e日e\u0301\u0302\u0303"+notUTF8)
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Skipf("this file system has no such names: %v", err)
	}
	return &place{t, program, home}
}

func (p *place) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.program, args...)
	cmd.Dir = p.home
	cmd.Env = append(os.Environ(), "HOME="+p.home, "TERM=xterm-256color", "XDG_DATA_HOME=", "XDG_CONFIG_HOME=", "LANG=C.UTF-8", "NO_COLOR=", "LC_ALL=", "TMUX=")
	return cmd
}

// says runs a command to its end, checks all that it says, and returns it.
func (p *place) says(what string, args ...string) (out string) {
	p.t.Helper()
	cmd := p.command(args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := runs(cmd)
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		p.t.Fatal(err)
	}
	checkOutput(p.t, what, said.Bytes())
	return said.String()
}
