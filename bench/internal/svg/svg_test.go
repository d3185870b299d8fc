package svg

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/vt"
)

var update = flag.Bool("update", false, "write the golden files")

type emulated struct{ *vt.Emulator }

func (e emulated) Size() (cols, rows int)   { return e.Width(), e.Height() }
func (e emulated) Cell(x, y int) *uv.Cell   { return e.CellAt(x, y) }
func (e emulated) Cursor() (x, y int)       { p := e.CursorPosition(); return p.X, p.Y }
func show(w, h int, output string) emulated { return emulated{screen(w, h, output)} }

func screen(w, h int, output string) *vt.Emulator {
	e := vt.NewEmulator(w, h)
	_, _ = e.WriteString(output) // it is not closed
	return e
}

func TestDrawGolden(t *testing.T) {
	t.Parallel()
	const path = "testdata/picture.golden.svg"
	s := show(30, 9, strings.Join([]string{
		"┌ \x1b[1mTitle\x1b[m ─────┬──┐",
		"│ plain  text │\x1b[32mok\x1b[m│",
		"├────────────┼──┤ <&\">",
		"│ \x1b[2mfaint\x1b[m \x1b[1;33mwarn\x1b[m │\x1b[91mno\x1b[m│",
		"└────────────┴──┘",
		"\x1b[7m> reversed row    \x1b[m",
		"\x1b[38;2;1;2;3mtrue\x1b[38;5;9m ninth\x1b[m \x1b[44mblue\x1b[m \x1b[3;4mboth\x1b[m",
		"wide 漢字 after é",
		"\x1b[2m──\x1b[m \x1b[31m│\x1b[m",
	}, "\r\n"))
	got := Draw(s, `a "picture"`, true)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestDrawText: the picture is well-formed, and its text is that of the screen, blanks and lines aside.
func TestDrawText(t *testing.T) {
	t.Parallel()
	for _, output := range []string{
		"", "a", "one two  three   four", "<b>&amp;</b>", "漢字 x 漢", "\x1b[1mbold\x1b[mplain \x1b[2m faint", "──a──b┐",
	} {
		var got strings.Builder
		dec := xml.NewDecoder(strings.NewReader(string(Draw(show(24, 2, output), "t", false))))
		inText := 0
		for {
			tok, err := dec.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%q: %v", output, err)
			}
			switch tok := tok.(type) {
			case xml.StartElement:
				if tok.Name.Local == "text" {
					inText++
				}
			case xml.EndElement:
				if tok.Name.Local == "text" {
					inText--
				}
			case xml.CharData:
				if inText > 0 {
					got.Write(tok)
				}
			}
		}
		strip := func(s string) string {
			for text := range boxes {
				s = strings.ReplaceAll(s, text, "")
			}
			return strings.Join(strings.Fields(s), "")
		}
		want := strip(screen(24, 2, output).String())
		if strip(got.String()) != want {
			t.Errorf("%q: got text %q, want %q", output, got.String(), want)
		}
	}
}
