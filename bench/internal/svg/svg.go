// Package svg draws what a terminal shows as an SVG picture: text stays text, in runs of one style, and lines drawn with
// box characters become paths, so that they meet whatever font the viewer has.
package svg

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	uv "github.com/charmbracelet/ultraviolet"
)

// Source is what is drawn.
type Source interface {
	Size() (cols, rows int)
	Cell(x, y int) *uv.Cell // nil: the right half of a wide one
	Cursor() (x, y int)
}

// A cell's size in the picture's units, and where its text stands.
const (
	cellWidth  = 8.4
	cellHeight = 18
	baseline   = 13.5
	fontSize   = 14
	margin     = 14
)

// Draw returns the picture. title is for those who do not see it; cursor says whether the cursor is drawn.
func Draw(s Source, title string, cursor bool) []byte {
	cols, rows := s.Size()
	d := drawing{source: s, cols: cols, rows: rows}
	var b strings.Builder
	w, h := float64(cols)*cellWidth+2*margin, float64(rows*cellHeight)+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" role="img" aria-label="%s">`+"\n", num(w), num(h), escape(title))
	b.WriteString("<style>" + d.css() + "</style>\n")
	fmt.Fprintf(&b, `<rect width="%s" height="%s" rx="8" fill="%s"/>`+"\n", num(w), num(h), background)
	fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", margin, margin)
	d.backgrounds(&b)
	d.lines(&b)
	d.texts(&b)
	if cursor {
		b.WriteString(d.cursorAt(s.Cursor()) + "\n")
	}
	b.WriteString("</g>\n</svg>\n")
	return []byte(b.String())
}

type drawing struct {
	source     Source
	cols, rows int
}

// cursorAt draws the cursor.
func (d *drawing) cursorAt(x, y int) string {
	return fmt.Sprintf(`<rect x="%s" y="%d" width="%s" height="%d" fill="%s" opacity=".7"/>`,
		num(float64(x)*cellWidth), y*cellHeight, num(cellWidth), cellHeight, foreground)
}

// at returns what column x of row y shows; blank cells and right halves have no text.
func (d *drawing) at(x, y int) (text string, width int, l look) {
	c := d.source.Cell(x, y)
	if c == nil {
		return "", 1, look{}
	}
	text = c.Content
	if text == " " {
		text = ""
	}
	return text, max(c.Width, 1), lookOf(&c.Style)
}

// backgrounds fills what has another than the picture's.
func (d *drawing) backgrounds(b *strings.Builder) {
	for y := range d.rows {
		for x := 0; x < d.cols; {
			from := x
			_, w, l := d.at(x, y)
			for x += w; x < d.cols; x += w {
				var next look
				if _, w, next = d.at(x, y); next.bg != l.bg {
					break
				}
			}
			if l.bg != "" {
				fmt.Fprintf(b, `<rect x="%s" y="%d" width="%s" height="%d" fill="%s"/>`+"\n", num(float64(from)*cellWidth), y*cellHeight, num(float64(x-from)*cellWidth), cellHeight, l.bg)
			}
		}
	}
}

// texts writes each row as runs of one look, without blanks at their ends; two or more blanks part runs.
func (d *drawing) texts(b *strings.Builder) {
	for y := range d.rows {
		var row strings.Builder
		for x := 0; x < d.cols; {
			text, w, l := d.at(x, y)
			if text == "" || isLine(text) {
				x += w
				continue
			}
			from, end, run := x, x+w, text
			for x += w; x < d.cols; x += w {
				var next look
				text, w, next = d.at(x, y)
				if text == "" && x-end < 1 {
					continue // one blank may stand within a run
				}
				if text == "" || isLine(text) || next != l {
					break
				}
				run += strings.Repeat(" ", x-end) + text
				end = x + w
			}
			x = end
			fmt.Fprintf(&row, `<tspan x="%s"`, num(float64(from)*cellWidth))
			if class := l.class(); class != "" {
				fmt.Fprintf(&row, ` class="%s"`, class)
			}
			if l.rgb() {
				fmt.Fprintf(&row, ` fill="%s"`, l.fg)
			}
			if utf8.RuneCountInString(run) > 1 {
				// The viewer's font may be wider or narrower: the columns stay where they are.
				fmt.Fprintf(&row, ` textLength="%s"`, num(float64(end-from)*cellWidth))
			}
			fmt.Fprintf(&row, `>%s</tspan>`, escape(run))
		}
		if row.Len() > 0 {
			fmt.Fprintf(b, `<text y="%s">%s</text>`+"\n", num(float64(y*cellHeight)+baseline), row.String())
		}
	}
}

// num writes a number with one digit after the point at most.
func num(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

var escapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func escape(s string) string { return escapes.Replace(s) }
