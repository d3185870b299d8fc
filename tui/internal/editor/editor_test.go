package editor

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/tui/internal/screen"
)

func (l *Line) check(t *rapid.T) {
	if !utf8.ValidString(l.text) || len(l.text) > MaxBytes || strings.ContainsAny(l.text, "\r\n\t") {
		t.Fatalf("text %q", l.text)
	}
	boundary := func(at int) bool {
		for p := 0; p < len(l.text); p = l.after(p) {
			if p >= at {
				return p == at
			}
		}
		return at == len(l.text)
	}
	if !boundary(l.cursor) || !boundary(l.scroll) {
		t.Fatalf("cursor %d or scroll %d inside a cluster of %q", l.cursor, l.scroll, l.text)
	}
}

// TestEditing does anything in any order: the cursor stays between clusters, the drawing within its area, and the
// terminal's cursor in it.
func TestEditing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var l Line
		var h History
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 15).Draw(t, "do") {
			case 0, 1, 2, 3:
				l.Insert(rapid.SampledFrom([]string{
					"a", "alice -> bob 12.5", " ", "é", "\u0301", "日本", "👩", "\u200d", "🇫🇷", "🇫", "\x1b[31m", "\r\n", "\t", "\xff", "\u202e",
				}).Draw(t, "text"))
			case 4:
				l.Backspace()
			case 5:
				l.Delete()
			case 6:
				l.Left()
			case 7:
				l.Right()
			case 8:
				l.Home()
			case 9:
				l.End()
			case 10:
				l.KillWord()
			case 11:
				l.WordLeft()
			case 12:
				l.WordRight()
			case 13:
				if rapid.Bool().Draw(t, "side") {
					l.KillLeft()
				} else {
					l.KillRight()
				}
			case 14:
				h.Add(l.String())
				h.Older(&l)
			case 15:
				h.Newer(&l)
			}
			g := screen.New(rapid.IntRange(0, 30).Draw(t, "width"), 1)
			l.Draw(g.All(), min(2, g.All().W), 0, screen.Default, true, 3, screen.Reverse)
			l.check(t)
			if w, _ := g.Size(); w > 3 && !g.Cursor.Visible {
				t.Fatalf("cursor not shown in %d cells of %q", w, l.text)
			}
		}
	})
}

func TestKeysOfALine(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		do   func(*Line)
		want string // the cursor is |
	}{
		{"insert in the middle", func(l *Line) { l.Set("ac"); l.Left(); l.Insert("b") }, "ab|c"},
		{"backspace takes a whole cluster", func(l *Line) { l.Set("ae\u0301"); l.Backspace() }, "a|"},
		{"kill word with blanks", func(l *Line) { l.Set("alice -> bob  "); l.KillWord() }, "alice -> |"},
		{"kill left", func(l *Line) { l.Set("alice"); l.Left(); l.KillLeft() }, "|e"},
		{"kill right", func(l *Line) { l.Set("alice"); l.Left(); l.KillRight() }, "alic|"},
		{"words", func(l *Line) { l.Set("a bc d"); l.WordLeft(); l.WordLeft() }, "a |bc d"},
		{"word right", func(l *Line) { l.Set("a bc d"); l.Home(); l.WordRight(); l.WordRight() }, "a bc| d"},
		{"newlines become spaces", func(l *Line) { l.Insert("a\r\nb\nc\td") }, "a b c d|"},
		{"too long changes nothing", func(l *Line) { l.Set("a"); l.Insert(strings.Repeat("x", MaxBytes)) }, "a|"},
		{"replace", func(l *Line) { l.Set("bo 12"); l.Replace(0, 2, "bob") }, "bob| 12"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var l Line
			tc.do(&l)
			if got := l.text[:l.cursor] + "|" + l.text[l.cursor:]; got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestDrawScrolls(t *testing.T) {
	t.Parallel()
	var l Line
	l.Set("alice -> bob 12.50 dinner")
	for _, tc := range []struct {
		name string
		do   func()
		want string
		x    int
	}{
		{"end", func() { l.End() }, "…50 dinner", 10},
		{"home", func() { l.Home() }, "alice -> b…", 0},
		{"right end of the window", func() {
			for range 10 {
				l.Right()
			}
		}, "…ice -> bo…", 9},
	} {
		tc.do()
		g := screen.New(11, 1)
		l.Draw(g.All(), 0, 0, screen.Default, true, -1, 0)
		if g.Line(0) != tc.want || g.Cursor.X != tc.x {
			t.Errorf("%s: got %q with the cursor at %d, want %q at %d", tc.name, g.Line(0), g.Cursor.X, tc.want, tc.x)
		}
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	var l Line
	var h History
	h.Add("one")
	h.Add("two")
	h.Add("two")
	l.Set("draft")
	var got []string
	for range 3 {
		h.Older(&l)
		got = append(got, l.String())
	}
	for range 3 {
		h.Newer(&l)
		got = append(got, l.String())
	}
	if s := strings.Join(got, " "); s != "two one one two draft draft" {
		t.Errorf("got %q", s)
	}
}

// BenchmarkDrawLong draws a line as long as it may be, scrolled to its end: the time must be linear in it.
func BenchmarkDrawLong(b *testing.B) {
	for _, size := range []int{MaxBytes / 16, MaxBytes} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			const clusters = "日e\u0301\u0302\u0303a"
			text := strings.Repeat(clusters, size/len(clusters))
			g := screen.New(100, 1)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				l := Line{text: text, cursor: len(text)} // not scrolled yet
				l.Draw(g.All(), 0, 0, screen.Default, true, -1, 0)
			}
		})
	}
}
