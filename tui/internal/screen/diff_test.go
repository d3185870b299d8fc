package screen

import (
	"strings"
	"testing"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"pgregory.net/rapid"
)

// texts are what a picture may be asked to hold: plain, wide, combining, broken, hostile.
var texts = []string{
	"a", "alice", "12.50", "bob -> carol", "──────", "│", "é", "e\u0301", "日本語", "한글", "🙂", "👩\u200d👩\u200d👧", "🇫🇷", "\u0301x",
	"a\u0300\u0301\u0302\u0303b", "\x1b[31mred", "\x1b]0;t\x07", "\x9b2J", "\u009b2J", "\r\n", "\t", "\x00", "\x7f", "\xff\xfe", "\u202e", "…",
}

func drawRandom(t *rapid.T, g *Grid) {
	w, h := g.Size()
	for range rapid.IntRange(0, 12).Draw(t, "texts") {
		a := g.All().Sub(rapid.IntRange(-2, w+2).Draw(t, "x"), rapid.IntRange(-2, h+2).Draw(t, "y"),
			rapid.IntRange(0, w+2).Draw(t, "w"), rapid.IntRange(0, h+2).Draw(t, "h"))
		st := Style(rapid.SampledFrom([]Style{0, Red, Bold, Reverse, Underline, Faint | Cyan, Bold | Yellow, Reverse | Green, Paper, Paper | Reverse}).Draw(t, "style"))
		s := strings.Join(rapid.SliceOfN(rapid.SampledFrom(texts), 0, 4).Draw(t, "s"), "")
		switch rapid.IntRange(0, 4).Draw(t, "how") {
		case 4:
			a.Toggle(0, 0, a.W, Reverse)
		case 0:
			a.put(rapid.IntRange(-1, w).Draw(t, "tx"), rapid.IntRange(-1, h).Draw(t, "ty"), w, st, s)
		case 1:
			a.put(0, 0, rapid.IntRange(0, w).Draw(t, "tw"), st, s)
		case 2:
			a.Frame(Faint, Bold, Const(s), "12 rows")
		case 3:
			a.Clear()
		}
	}
	g.Cursor = Cursor{
		X: rapid.IntRange(0, max(w-1, 0)).Draw(t, "cx"), Y: rapid.IntRange(0, max(h-1, 0)).Draw(t, "cy"),
		Visible: rapid.Bool().Draw(t, "visible"),
	}
}

// checkGrid verifies the invariant of Grid, and that no line is wider than the grid by any other measure either.
func checkGrid(t interface {
	Helper()
	Fatalf(string, ...any)
}, g *Grid,
) {
	t.Helper()
	w, h := g.Size()
	for y := range h {
		row := g.row(y)
		for x, c := range row {
			switch c.Width {
			case 0:
				if x == 0 || row[x-1].Width != 2 || c.Text != "" {
					t.Fatalf("line %d column %d: right half %q without a left one", y, x, c.Text)
				}
			case 1:
				if c.Text == "" {
					t.Fatalf("line %d column %d: empty narrow cell", y, x)
				}
			case 2:
				if x+1 >= w || row[x+1].Width != 0 {
					t.Fatalf("line %d column %d: wide cell %q without a right half", y, x, c.Text)
				}
			}
			for _, r := range c.Text {
				if r < 0x20 || r >= 0x7f && r < 0xa0 {
					t.Fatalf("line %d column %d: control character %q", y, x, c.Text)
				}
			}
		}
		if got := ansi.StringWidth(g.Line(y)); got > w {
			t.Fatalf("line %d is %d cells wide, the grid %d: %q", y, got, w, g.Line(y))
		}
	}
}

// styleOf is the style of an emulator's cell.
func styleOf(s uv.Style) Style {
	var st Style
	for _, a := range []struct {
		has bool
		st  Style
	}{{s.Attrs&uv.AttrBold != 0, Bold}, {s.Attrs&uv.AttrFaint != 0, Faint}, {s.Attrs&uv.AttrReverse != 0, Reverse}, {s.Underline != 0, Underline}} {
		if a.has {
			st |= a.st
		}
	}
	if c, ok := s.Fg.(ansi.BasicColor); ok {
		st |= Black + Style(c)
	}
	if s.Bg == ansi.BrightWhite {
		st += Paper - Black
	}
	return st
}

// TestDiffReachesNext paints a sequence of random pictures by their differences into a screen emulator and compares what
// it shows.
func TestDiffReachesNext(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var old *Grid
		var term *vt.Emulator
		w, h := 0, 0
		for step := range rapid.IntRange(1, 6).Draw(t, "steps") {
			if step == 0 || rapid.IntRange(0, 9).Draw(t, "resize") == 0 {
				w, h = rapid.IntRange(1, 40).Draw(t, "width"), rapid.IntRange(1, 6).Draw(t, "height")
				term = vt.NewEmulator(w, h)
				if _, err := term.WriteString("\x1b[?2027h\x1b[?7l"); err != nil { // widths by grapheme, no wrapping
					t.Fatal(err)
				}
				old = nil
			}
			g := New(w, h)
			if old != nil {
				copy(g.cells, old.cells)
			}
			drawRandom(t, g)
			checkGrid(t, g)
			out := Diff(nil, old, g)
			if _, err := term.WriteString(string(out)); err != nil {
				t.Fatal(err)
			}
			for y := range h {
				for x, want := range g.row(y) {
					if want.Width == 0 || want.doubtful() {
						continue // the emulator has its own opinion of what these look like, not of where the next one is
					}
					got := term.CellAt(x, y)
					if got == nil || got.Content != want.Text && (got.Content != "" || want.Text != " ") {
						t.Fatalf("step %d line %d column %d: got %+v, want %q\nbytes %q", step, y, x, got, want.Text, out)
					}
					if !want.empty() && styleOf(got.Style) != want.Style || want.empty() && styleOf(got.Style)&(Reverse|Underline) != 0 {
						t.Fatalf("step %d line %d column %d: %q in style %b, want %b\nbytes %q", step, y, x, want.Text, styleOf(got.Style), want.Style, out)
					}
				}
			}
			if pos := term.CursorPosition(); pos.X != g.Cursor.X || pos.Y != g.Cursor.Y {
				t.Fatalf("cursor at %v, want %+v", pos, g.Cursor)
			}
			if again := Diff(nil, g, g); len(again) != 0 {
				t.Fatalf("no difference, yet bytes %q", again)
			}
			old = g
		}
	})
}

func TestDiffBytes(t *testing.T) {
	t.Parallel()
	base := New(40, 3)
	base.All().Const(0, 1, Default, "alice -> bob 12.5")
	base.Cursor = Cursor{X: 17, Y: 1, Visible: true}
	typed := New(40, 3)
	typed.copyFrom(base)
	typed.All().Const(17, 1, Default, "0")
	typed.Cursor.X = 18
	moved := New(40, 3)
	moved.copyFrom(base)
	moved.Cursor = Cursor{X: 3, Y: 0}
	blanked := New(40, 3)
	blanked.Cursor = base.Cursor
	for _, tc := range []struct {
		name      string
		old, next *Grid
		want      string
	}{
		{"nothing", base, base, ""},
		{"one character", base, typed, syncBegin + "\x1b[2;18H0\x1b[2;19H" + syncEnd},
		{"cursor hidden and moved", base, moved, syncBegin + "\x1b[?25l\x1b[1;4H" + syncEnd},
		{"line erased", base, blanked, syncBegin + "\x1b[2H\x1b[K\x1b[2;18H" + syncEnd},
		{"whole", nil, typed, syncBegin + "\x1b[m\x1b[H\x1b[2J\x1b[2Halice -> bob 12.50\x1b[2;19H\x1b[?25h" + syncEnd},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := string(Diff(nil, tc.old, tc.next)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestStyleTransitions(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		from, to Style
		want     string
	}{
		{0, 0, ""},
		{0, Bold, "\x1b[1m"},
		{Bold, 0, "\x1b[m"},
		{Bold, Bold | Red, "\x1b[31m"},
		{Bold | Red, Red, "\x1b[22m"},
		{Reverse | Red, Reverse, "\x1b[39m"},
		{Bold | Reverse | Red, Faint, "\x1b[0;2m"},
		{Bold | Faint | Red, Faint | Red, "\x1b[22;2m"},
		{Reverse | Green, Cyan, "\x1b[0;36m"},
		{Underline, Bold, "\x1b[0;1m"},
		{Red, Green, "\x1b[32m"},
		{Red, Faint, "\x1b[0;2m"},
		{Reverse, Reverse | Yellow | Bold, "\x1b[1;33m"},
	} {
		if got := string(appendSGR(nil, tc.from, tc.to)); got != tc.want {
			t.Errorf("from %b to %b: got %q, want %q", tc.from, tc.to, got, tc.want)
		}
	}
}

func TestTextIsCutWithAMark(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		s     string
		w     int
		ascii bool
		want  string
	}{
		{"tickets, two of them", 10, false, "tickets, …"},
		{"tickets", 7, false, "tickets"},
		{"日本語", 5, false, "日本…"},
		{"日本語", 4, false, "日 …"},
		{"日本語", 6, true, "??????"},
		{"tickets…", 4, true, "tic~"},
		{"x", 0, false, ""},
		{"a\x1b[31mb", 20, false, "a\uFFFD[31mb"},
	} {
		g := New(20, 1)
		g.ASCII = tc.ascii
		g.All().put(0, 0, tc.w, Default, tc.s)
		if got := g.Line(0); got != tc.want {
			t.Errorf("%q in %d: got %q, want %q", tc.s, tc.w, got, tc.want)
		}
		checkGrid(t, g)
	}
}

func BenchmarkDiffCursorMove(b *testing.B) {
	old, next := New(120, 36), New(120, 36)
	for y := range 36 {
		old.All().Const(0, y, Default, "│   8097  a91c07d0  bob         alice            35.00                         sent 3/3  │")
	}
	next.copyFrom(old)
	old.All().Toggle(1, 10, 86, Reverse)
	next.All().Toggle(1, 11, 86, Reverse)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = Diff(buf[:0], old, next)
	}
	b.ReportMetric(float64(len(buf)), "bytes/frame")
}
