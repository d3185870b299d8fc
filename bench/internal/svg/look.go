package svg

import (
	"fmt"
	"image/color"
	"slices"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
)

const (
	background = "#16181d"
	foreground = "#d5d8de"
)

// palette are the 16 colours of ANSI, on the picture's background each of enough contrast to be read.
var palette = [16]string{
	"#3b4048", "#e06c75", "#8cc570", "#e2b86b", "#6cb0ef", "#c98bdd", "#5bc0c8", "#c8ccd4",
	"#7d8590", "#ff8088", "#a5e082", "#f5cf85", "#8cc8ff", "#dea6f0", "#7fdbe3", "#ffffff",
}

// look is the style of a cell as it is drawn.
type look struct {
	fg   string // a class "f0" to "f15", a colour "#rrggbb", or "" for the picture's own
	bg   string // a colour, or "" for the picture's own
	bold bool
	dim  bool
	ital bool
	line bool // underlined
}

func lookOf(s *uv.Style) look {
	l := look{
		bold: s.Attrs&uv.AttrBold != 0, dim: s.Attrs&uv.AttrFaint != 0,
		ital: s.Attrs&uv.AttrItalic != 0, line: s.Underline != uv.UnderlineNone,
	}
	if s.Attrs&uv.AttrReverse != 0 {
		l.fg, l.bg = background, foreground
		if s.Bg != nil {
			l.fg = hex(s.Bg)
		}
		if s.Fg != nil {
			l.bg = hex(s.Fg)
		}
		return l
	}
	if s.Fg != nil {
		l.fg = hex(s.Fg)
		if i := slices.Index(palette[:], l.fg); i >= 0 {
			l.fg = fmt.Sprintf("f%d", i)
		}
	}
	if s.Bg != nil {
		l.bg = hex(s.Bg)
	}
	return l
}

// hex is a terminal's colour as the picture has it.
func hex(c color.Color) string {
	switch c := c.(type) {
	case ansi.BasicColor:
		return palette[c&15]
	case ansi.IndexedColor:
		if c < 16 {
			return palette[c]
		}
	}
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}

// rgb reports whether the colour of the text is none that has a class.
func (l look) rgb() bool { return strings.HasPrefix(l.fg, "#") }

func (l look) class() string {
	var classes []string
	if l.fg != "" && !l.rgb() {
		classes = append(classes, l.fg)
	}
	for _, c := range []struct {
		on   bool
		name string
	}{{l.bold, "b"}, {l.dim, "d"}, {l.ital, "i"}, {l.line, "u"}} {
		if c.on {
			classes = append(classes, c.name)
		}
	}
	return strings.Join(classes, " ")
}

// css has the rules for the looks that occur.
func (d *drawing) css() string {
	used := map[string]bool{}
	for y := range d.rows {
		for x := range d.cols {
			_, _, l := d.at(x, y)
			for _, class := range strings.Fields(l.class()) {
				used[class] = true
			}
		}
	}
	css := fmt.Sprintf("text{font:%dpx ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:%s;white-space:pre}path{stroke:%s;fill:none}",
		fontSize, foreground, foreground)
	for i, c := range palette {
		if name := fmt.Sprintf("f%d", i); used[name] {
			css += fmt.Sprintf(".%s{fill:%s}", name, c)
		}
	}
	for _, rule := range [][2]string{{"b", "font-weight:bold"}, {"d", "opacity:.6"}, {"i", "font-style:italic"}, {"u", "text-decoration:underline"}} {
		if used[rule[0]] {
			css += "." + rule[0] + "{" + rule[1] + "}"
		}
	}
	return css
}
