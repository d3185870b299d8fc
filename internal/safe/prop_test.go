package safe

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"
)

// check holds the properties of Text for one input.
func check(t interface {
	Helper()
	Errorf(string, ...any)
}, c Charset, in string, maxCells int,
) {
	t.Helper()
	got := c.Text(in, maxCells)
	s := got.String()
	if got.Width() > max(0, maxCells) {
		t.Errorf("Text(%+q, %d): %d cells: %+q", in, maxCells, got.Width(), s)
	}
	if w := ansi.StringWidth(s); w != got.Width() {
		t.Errorf("Text(%+q, %d): says %d cells, the renderer says %d: %+q", in, maxCells, got.Width(), w, s)
	}
	if again := c.Text(s, maxCells); again != got {
		t.Errorf("Text(%+q, %d): got %+q, and from that %+q", in, maxCells, s, again.String())
	}
	if uncut := c.Text(s, NoLimit); uncut != got {
		t.Errorf("Text(%+q, %d): got %+q, which is not clean: %+q", in, maxCells, s, uncut.String())
	}
	if !utf8.ValidString(s) {
		t.Errorf("Text(%+q, %d): not UTF-8: %+q", in, maxCells, s)
	}
	marks := 0
	for i, r := range s {
		if c == ASCII && r > 0x7e {
			t.Errorf("Text(%+q, %d): %U is not ASCII", in, maxCells, r)
		}
		if r != 0xfe0e && r != 0xfe0f && invisible(r) {
			t.Errorf("Text(%+q, %d): %U got through: %+q", in, maxCells, r, s)
		}
		if !unicode.In(r, unicode.Mn, unicode.Me) || r == 0xfe0e || r == 0xfe0f {
			if !unicode.Is(unicode.Mc, r) {
				marks = 0
			}
		} else if marks++; marks > maxMarks || i == 0 {
			t.Errorf("Text(%+q, %d): mark %U without a base or as third: %+q", in, maxCells, r, s)
		}
	}
}

// invisible is written from Unicode's own properties, not from the tables of this
// package.
func invisible(r rune) bool {
	return !unicode.IsGraphic(r) || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Bidi_Control,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Join_Control) || r == 0x2800 || r == 0x34f
}

// hostile draws texts of what usually goes wrong.
func hostile() *rapid.Generator[string] {
	runes := rapid.RuneFrom([]rune("aZ1 ._\\\"\x00\x1b\x7f\n\r\t\u0085\u009b\u00ad\u0301\u0327\u0e31\u20dd\u094dक\u0903\u0d4e\u1100\u1161\u11a8\u3164\u200b\u200d\u202e\u2066\u2069\u2800"+
		"\ufe0f\ufe0e\u2764\U0001f1e9\U0001f1ea\U0001f44d\U0001f3fd日語\uff9e\ue000\ufffd\ufffe\U000e0041\U000e0100"), unicode.L, unicode.M, unicode.C)
	return rapid.OneOf(
		rapid.StringOf(runes),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.SliceOf(rapid.StringOfN(runes, 1, 3, -1)), func(parts []string) string {
			var b strings.Builder
			for i, p := range parts {
				b.WriteString(strings.Repeat(p, 1+i*7%11))
			}
			return b.String()
		}),
	)
}

func TestTextProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in, cells := hostile().Draw(t, "text"), rapid.IntRange(-1, 90).Draw(t, "cells")
		check(t, Unicode, in, cells)
		check(t, ASCII, in, cells)
	})
}

func TestPartsProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := Text(hostile().Draw(t, "a"), 40), Text(hostile().Draw(t, "b"), 40)
		ab := Concat(a, b)
		if w := ansi.StringWidth(ab.String()); w != ab.Width() {
			t.Fatalf("Concat(%+q, %+q): says %d cells, the renderer says %d", a, b, ab.Width(), w)
		}
		n := rapid.IntRange(0, 50).Draw(t, "cells")
		head, rest := ab.Split(n)
		if head.String()+rest.String() != ab.String() || head.Width()+rest.Width() != ab.Width() || head.Width() > n {
			t.Fatalf("Split(%+q, %d): got %+q (%d cells) and %+q (%d cells)", ab, n, head, head.Width(), rest, rest.Width())
		}
		for _, s := range []String{ab, head, rest} {
			if again := Text(s.String(), NoLimit); again != s {
				t.Fatalf("not clean: %+q (%d cells), should be %+q (%d cells)", s, s.Width(), again, again.Width())
			}
		}
	})
}

func checkJSON(t interface {
	Helper()
	Fatalf(string, ...any)
}, in string,
) {
	t.Helper()
	doc := AppendJSON(nil, in)
	for _, r := range string(doc) {
		if invisible(r) {
			t.Fatalf("AppendJSON(%+q): %U got through: %+q", in, r, doc)
		}
	}
	var got string
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatalf("AppendJSON(%+q): %v: %+q", in, err, doc)
	}
	if want := strings.ToValidUTF8(in, ""); utf8.ValidString(in) && got != want {
		t.Fatalf("AppendJSON(%+q): reads back as %+q", in, got)
	}
	if again := EscapeJSON(nil, doc); !bytes.Equal(again, doc) {
		t.Fatalf("EscapeJSON(%+q): got %+q", doc, again)
	}
}

func TestJSONProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { checkJSON(t, hostile().Draw(t, "text")) })
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "lunch", "\x1b[2J\x1b]0;x\x07", "\u202eab\u2066", "a\u0301\u0302\u0303", "日本語🇩🇪👍🏽", "\xff\xc3(", "क्षत्रिय\u0d4e"} {
		f.Add(s, 12)
	}
	f.Fuzz(func(t *testing.T, in string, cells int) {
		check(t, Unicode, in, cells)
		check(t, ASCII, in, cells)
	})
}

func FuzzEscapeJSON(f *testing.F) {
	for _, s := range []string{"", "\x1b\u009b\u202e\u2028", "\U000e0041<&>\"\\", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) { checkJSON(t, in) })
}
