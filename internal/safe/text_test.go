package safe

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		max      int
		want     string
		cells    int
	}{
		{"empty", "", 10, "", 0},
		{"no room", "abc", 0, "", 0},
		{"negative room", "abc", -1, "", 0},
		{"ascii", "lunch", 10, "lunch", 5},
		{"ascii fits exactly", "lunch", 5, "lunch", 5},
		{"ascii cut", "lunch", 4, "lun…", 4},
		{"one cell", "lunch", 1, "…", 1},
		{"not utf-8", "a\xffb\xc3", 10, "a\ufffdb\ufffd", 4},
		{"surrogate bytes", "\xed\xa0\x80", 10, "\ufffd\ufffd\ufffd", 3},
		{"escape sequence", "\x1b[31mred", 20, `\x1b[31mred`, 11},
		{"nul, del, c1", "\x00\x7f\u009b", 20, `\x00\x7f\x9b`, 12},
		{"newline, tab, return", "a\nb\tc\rd", 20, `a⏎b c\x0dd`, 10},
		{"bidi", "\u061c\u200e\u200f\u202a\u202e\u2066\u2069", 99, `\u061c\u200e\u200f\u202a\u202e\u2066\u2069`, 42},
		{"zero width", "a\u200bb\u200cc\u200dd\u2060e\ufefff", 99, `a\u200bb\u200cc\u200dd\u2060e\ufefff`, 36},
		{"line separators", "\u2028\u2029\u0085", 99, `\u2028\u2029\x85`, 16},
		{"tags", "\U000e0001\U000e007f", 99, `\U000e0001\U000e007f`, 20},
		{"private use", "\ue000\U000f0000", 99, `\ue000\U000f0000`, 16},
		{"noncharacter", "\ufffe\U0010ffff", 99, `\ufffe\U0010ffff`, 16},
		{"fillers and other invisible ones", "\u00ad\u034f\u3164\uffa0\u2800\u115f", 99, `\u00ad\u034f\u3164\uffa0\u2800\u115f`, 36},
		{"two marks stay", "a\u0301\u0302", 10, "a\u0301\u0302", 1},
		{"third mark goes", "a\u0301\u0302\u0303b", 10, "a\u0301\u0302" + `\+b`, 4},
		{"mark alone", "\u0301a", 10, `\u0301a`, 7},
		{"mark after what was escaped", "\x1b\u0301", 20, `\x1b\u0301`, 10},
		{"many marks", "a" + strings.Repeat("\u0301", 34) + "b", 20, "a\u0301\u0301" + `\+b`, 4},
		{"wide", "日本語", 6, "日本語", 6},
		{"wide cut leaves half a cell", "日本語", 4, "日…", 3},
		{"wide cut", "日本語", 5, "日本…", 5},
		{"wide in one cell", "日", 1, "…", 1},
		{"ambiguous is one", "§½…±", 4, "§½…±", 4},
		{"flag", "🇩🇪x", 3, "🇩🇪x", 3},
		{"flag is not cut in half", "🇩🇪🇫🇷", 3, "🇩🇪…", 3},
		{"emoji with skin", "👍🏽!", 3, "👍🏽!", 3},
		{"emoji with too much skin", "👍🏽🏽🏽", 9, "👍🏽" + `\+`, 4},
		{"joined emoji come apart", "👩\u200d👧", 20, `👩\u200d👧`, 10},
		{"emoji form", "❤\ufe0f", 2, "❤\ufe0f", 2},
		{"emoji form of a letter", "a\ufe0f", 20, `a\ufe0f`, 7},
		{"emoji form twice", "❤\ufe0f\ufe0f", 20, "❤\ufe0f" + `\ufe0f`, 8},
		{"conjunct", "क्षत्रिय", 20, "क्षत्रिय", 3},
		{"endless conjunct", strings.Repeat("क\u094d", 30), 20, strings.Repeat("क\u094d", 4) + `\+`, 3},
		{"endless syllable", strings.Repeat("\u1100", 30), 20, "\u1100\u1100" + `\+`, 4},
		{"letter that joins what follows", "\u0d4e\x1b", 20, `\u0d4e\x1b`, 10},
		{"cut before the bad part", "ab\x1b[2J", 4, `ab\…`, 4},
		{"no-break space", "a\u00a0b", 5, "a\u00a0b", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := Text(c.in, c.max)
			if got.String() != c.want || got.Width() != c.cells {
				t.Errorf("Text(%+q, %d): got %+q (%d cells), want %+q (%d cells)", c.in, c.max, got.String(), got.Width(), c.want, c.cells)
			}
			check(t, Unicode, c.in, c.max)
			check(t, ASCII, c.in, c.max)
		})
	}
}

func TestTextASCII(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		max      int
		want     string
	}{
		{"cut", "alice and bob", 8, "alice..."},
		{"cut to two", "alice", 2, ".."},
		{"letters", "Zoë", 20, `Zo\u00eb`},
		{"newline", "a\nb\tc", 20, `a\nb c`},
		{"marks", "a\u0301", 20, `a\u0301`},
		{"not utf-8", "\xff", 20, `\ufffd`},
		{"emoji", "👍", 20, `\U0001f44d`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := ASCII.Text(c.in, c.max); got.String() != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestStringParts(t *testing.T) {
	t.Parallel()
	if got := Literal("unsent"); got.String() != "unsent" || got.Width() != 6 {
		t.Errorf("Literal: got %q, %d cells", got, got.Width())
	}
	s := Concat(Text("alice", 10), Literal(" → "), Text("日本", 10))
	if s.String() != "alice → 日本" || s.Width() != 12 {
		t.Errorf("Concat: got %q, %d cells", s, s.Width())
	}
	if got := Concat(Text("🇩", 10), Text("🇪", 10)); got.Width() != 2 {
		t.Errorf("two halves of a flag: got %d cells, want 2", got.Width())
	}
	if got := Unicode.Cut(s, 7); got.String() != "alice …" || got.Width() != 7 {
		t.Errorf("Cut: got %q, %d cells", got, got.Width())
	}
	if got := ASCII.Cut(Literal("alice"), 4); got.String() != "a..." {
		t.Errorf("Cut: got %q", got)
	}
	head, rest := s.Split(9)
	if head.String() != "alice → " || head.Width() != 8 || rest.String() != "日本" || rest.Width() != 4 {
		t.Errorf("Split: got %q (%d) and %q (%d)", head, head.Width(), rest, rest.Width())
	}
	if head, rest := rest.Split(1); head != (String{}) || rest.Width() != 4 {
		t.Errorf("Split of a wide character: got %q and %q", head, rest)
	}
	if head, rest := s.Split(99); head != s || rest != (String{}) {
		t.Errorf("Split of what fits: got %q and %q", head, rest)
	}
}

// The cost is bounded by the cells asked for: what follows must not be read.
func TestTextReadsNoMoreThanItShows(t *testing.T) {
	for _, c := range []struct{ name, in string }{
		{"letters", strings.Repeat("é", 1<<20)},
		{"ascii", strings.Repeat("a", 1<<20)},
		{"marks", "a" + strings.Repeat("\u0301", 1<<20)},
		{"escapes", strings.Repeat("\x1b", 1<<20)},
		{"one cluster", strings.Repeat("क\u094d", 1<<19)},
		{"not utf-8", strings.Repeat("\xff", 1<<20)},
		{"half characters", "é" + strings.Repeat("\x80", 1<<20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			whole := Text(c.in, 40)
			part := Text(c.in[:16<<10], 40)
			if whole != part {
				t.Errorf("the end of a long text changes its beginning: %q and %q", whole, part)
			}
			if allocs := testing.AllocsPerRun(10, func() { Text(c.in, 40) }); allocs > 5 {
				t.Errorf("got %v allocations, want a few small ones", allocs)
			}
			check(t, Unicode, c.in, 40)
		})
	}
}

// Every code point by itself, after a letter and before one.
func TestTextEveryCharacter(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= 0x10ffff; r++ {
		if invisible(r) && r%251 != 0 && r > 0x3000 {
			continue // nearly all are alike: a sample will do
		}
		if s := Text(string(r), 20); s.Width() < 1 {
			t.Errorf("%U: shown as %q, which takes no cell", r, s)
		}
		for _, in := range [...]string{"a" + string(r), string(r) + "a"} {
			s := Text(in, 20)
			if w := ansi.StringWidth(s.String()); w != s.Width() {
				t.Errorf("%+q: %d cells, the renderer says %d", in, s.Width(), w)
			}
			if !strings.Contains(s.String(), "a") {
				t.Errorf("%+q: shown as %+q without its letter", in, s)
			}
		}
		// A mark of ours after r must be a cluster of its own.
		a, b := Text(string(r), 20), Text(string(r)+"\x1b", 30)
		if b.Width() != a.Width()+4 {
			t.Errorf("%U joins what follows: %d cells alone, %d with \\x1b", r, a.Width(), b.Width())
		}
	}
}
