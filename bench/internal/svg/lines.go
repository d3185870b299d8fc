package svg

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Directions in which a box character has a line from the middle of its cell.
const (
	up = 1 << iota
	down
	left
	right
)

var boxes = map[string]int{
	"─": left | right, "│": up | down, "┌": down | right, "┐": down | left, "└": up | right, "┘": up | left,
	"├": up | down | right, "┤": up | down | left, "┬": left | right | down, "┴": left | right | up, "┼": up | down | left | right,
	"╭": down | right, "╮": down | left, "╰": up | right, "╯": up | left,
	"━": left | right, "┃": up | down, "┏": down | right, "┓": down | left, "┗": up | right, "┛": up | left,
}

func isLine(text string) bool { return boxes[text] != 0 }

// stroke is how lines are drawn: those of one look go into one path.
type stroke struct {
	fg       string
	dim, bld bool
}

func (d *drawing) strokeAt(x, y int) (stroke, int) {
	text, _, l := d.at(x, y)
	return stroke{l.fg, l.dim, l.bold}, boxes[text]
}

// lines draws the box characters, pieces that continue one another as one.
func (d *drawing) lines(b *strings.Builder) {
	paths := map[stroke]*strings.Builder{}
	piece := func(s stroke, format string, args ...any) {
		if paths[s] == nil {
			paths[s] = &strings.Builder{}
		}
		fmt.Fprintf(paths[s], format, args...)
	}
	midX := func(x int) float64 { return (float64(x) + 0.5) * cellWidth }
	midY := func(y int) float64 { return (float64(y) + 0.5) * cellHeight }
	for y := range d.rows {
		for x := 0; x < d.cols; x++ {
			s, box := d.strokeAt(x, y)
			if box&(left|right) == 0 {
				continue
			}
			from := midX(x)
			if box&left != 0 {
				from -= cellWidth / 2
			}
			for box&right != 0 && x+1 < d.cols {
				next, nextBox := d.strokeAt(x+1, y)
				if next != s || nextBox&left == 0 {
					break
				}
				box = nextBox
				x++
			}
			to := midX(x)
			if box&right != 0 {
				to += cellWidth / 2
			}
			piece(s, "M%s %sH%s", num(from), num(midY(y)), num(to))
		}
	}
	for x := range d.cols {
		for y := 0; y < d.rows; y++ {
			s, box := d.strokeAt(x, y)
			if box&(up|down) == 0 {
				continue
			}
			from := midY(y)
			if box&up != 0 {
				from -= cellHeight / 2
			}
			for box&down != 0 && y+1 < d.rows {
				next, nextBox := d.strokeAt(x, y+1)
				if next != s || nextBox&up == 0 {
					break
				}
				box = nextBox
				y++
			}
			to := midY(y)
			if box&down != 0 {
				to += cellHeight / 2
			}
			piece(s, "M%s %sV%s", num(midX(x)), num(from), num(to))
		}
	}
	keys := slices.SortedFunc(maps.Keys(paths), func(a, b stroke) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	for _, s := range keys {
		attrs := ""
		if s.dim {
			attrs += ` class="d"`
		}
		if s.bld {
			attrs += ` stroke-width="2"`
		}
		if s.fg != "" {
			attrs += fmt.Sprintf(` style="stroke:%s"`, lineColour(s.fg))
		}
		fmt.Fprintf(b, `<path%s d="%s"/>`+"\n", attrs, paths[s].String())
	}
}

func lineColour(fg string) string {
	var i int
	if n, _ := fmt.Sscanf(fg, "f%d", &i); n == 1 {
		return palette[i]
	}
	return fg
}
