package svg

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	uv "github.com/charmbracelet/ultraviolet"
)

// Still is what a terminal showed at one moment.
type Still struct {
	cols, rows int
	cells      []*uv.Cell
	x, y       int
}

// Take keeps what s shows.
func Take(s Source) *Still {
	cols, rows := s.Size()
	still := &Still{cols: cols, rows: rows}
	for y := range rows {
		for x := range cols {
			c := s.Cell(x, y)
			if c != nil {
				c = c.Clone()
			}
			still.cells = append(still.cells, c)
		}
	}
	still.x, still.y = s.Cursor()
	return still
}

// Size is the number of columns and of rows.
func (s *Still) Size() (cols, rows int) { return s.cols, s.rows }

// Cell is the cell at column x of row y.
func (s *Still) Cell(x, y int) *uv.Cell { return s.cells[y*s.cols+x] }

// Cursor is where the cursor was.
func (s *Still) Cursor() (x, y int) { return s.x, s.y }

// Frame is what a film shows for some time: a caption, and what every terminal shows.
type Frame struct {
	For     time.Duration
	Caption string
	Panes   []*Still // of the same sizes in all frames
	Acts    int      // the pane of which the cursor is drawn, -1 for none
}

// headHeight is what a caption, and the name above a pane, take.
const headHeight = 26

// Film returns an animated picture that plays frames in a loop, the panes below one another under their names. It has no script:
// each thing drawn is there once, with the times at which it is seen. Who wants no motion, or has a viewer that knows none, sees
// the frame number still.
func Film(frames []Frame, names []string, title string, still int) []byte {
	f := film{where: map[string]int{}}
	var all time.Duration
	for _, frame := range frames {
		f.starts = append(f.starts, all)
		all += frame.For
	}
	f.starts = append(f.starts, all)
	css := map[string]bool{}
	var base, width, height string
	for i, frame := range frames {
		y, w := float64(headHeight), 0.0
		f.see(i, "", fmt.Sprintf(`<text x="0" y="%s" class="b">%s</text>`, num(baseline), escape(frame.Caption)))
		for p, pane := range frame.Panes {
			d := drawing{source: pane, cols: pane.cols, rows: pane.rows}
			name := fmt.Sprintf(`<text x="0" y="%s" class="d">%s</text>`, num(baseline), escape(names[p]))
			f.see(i, fmt.Sprintf(`<g transform="translate(0 %s)">`, num(y)), name)
			y += headHeight
			f.draw(i, fmt.Sprintf(`<g transform="translate(0 %s)">`, num(y)), &d, p == frame.Acts)
			y += float64(pane.rows*cellHeight) + headHeight/2
			w = max(w, float64(pane.cols)*cellWidth)
			var rest string
			base, rest, _ = strings.Cut(d.css(), "}.")
			base += "}"
			for rule := range strings.SplitAfterSeq("."+rest, "}") {
				css[rule] = rest != "" && rule != ""
			}
		}
		width, height = num(w+2*margin), num(y-headHeight/2+2*margin)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" role="img" aria-label="%s">`+"\n", width, height, escape(title))
	// What has class d in every frame must be there, too, if no screen has it.
	css[".b{font-weight:bold}"], css[".d{opacity:.6}"] = true, true
	b.WriteString("<style>" + base)
	var rules []string
	for rule, used := range css {
		if used {
			rules = append(rules, rule)
		}
	}
	slices.Sort(rules)
	b.WriteString(strings.Join(rules, "") + "\n")
	f.times(&b, still)
	b.WriteString("</style>\n")
	fmt.Fprintf(&b, `<rect width="%s" height="%s" rx="8" fill="%s"/>`+"\n", width, height, background)
	fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", margin, margin)
	f.write(&b)
	b.WriteString("</g>\n</svg>\n")
	return []byte(b.String())
}

// A film's drawn things, in the order in which they were first seen.
type film struct {
	starts []time.Duration // of the frames; then the end
	things []thing
	where  map[string]int // by what is drawn, and in what
}

// thing is one element, and the frames in which it is seen.
type thing struct {
	in, drawn string
	layer     int
	frames    []int
	class     string
}

// Layers lie above one another.
const (
	below = iota
	lines
	texts
	above
)

func (f *film) see(frame int, in, drawn string) { f.seeIn(frame, in, texts, drawn) }

func (f *film) seeIn(frame int, in string, layer int, drawn string) {
	if drawn == "" {
		return
	}
	key := in + strconv.Itoa(layer) + drawn
	at, ok := f.where[key]
	if !ok {
		at = len(f.things)
		f.where[key] = at
		f.things = append(f.things, thing{in: in, drawn: drawn, layer: layer})
	}
	t := &f.things[at]
	if n := len(t.frames); n == 0 || t.frames[n-1] != frame {
		t.frames = append(t.frames, frame)
	}
}

// draw sees each element of a terminal.
func (f *film) draw(frame int, in string, d *drawing, cursor bool) {
	for layer, part := range []func(*strings.Builder){below: d.backgrounds, lines: d.lines, texts: d.texts} {
		var b strings.Builder
		part(&b)
		for drawn := range strings.SplitSeq(b.String(), "\n") {
			f.seeIn(frame, in, layer, drawn)
		}
	}
	if cursor {
		x, y := d.source.Cursor()
		f.seeIn(frame, in, above, d.cursorAt(x, y))
	}
}

// times gives each thing the class of its times, and writes the rules of these classes.
func (f *film) times(b *strings.Builder, still int) {
	classes := map[string]string{}
	all := f.starts[len(f.starts)-1]
	seconds := strconv.FormatFloat(all.Seconds(), 'f', -1, 64)
	percent := func(frame int) string {
		return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(100*float64(f.starts[frame])/float64(all), 'f', 3, 64), "0"), ".") + "%"
	}
	for i := range f.things {
		t := &f.things[i]
		if len(t.frames) == len(f.starts)-1 {
			continue // always there
		}
		key := fmt.Sprint(t.frames)
		if t.class = classes[key]; t.class != "" {
			continue
		}
		t.class = "t" + strconv.Itoa(len(classes))
		classes[key] = t.class
		base := 0
		if slices.Contains(t.frames, still) {
			base = 1
		}
		fmt.Fprintf(b, ".%s{opacity:%d;animation:%s %ss step-end infinite}@keyframes %s{", t.class, base, t.class, seconds, t.class)
		if t.frames[0] > 0 {
			b.WriteString("0%{opacity:0}")
		}
		for n, frame := range t.frames {
			if n == 0 || t.frames[n-1] != frame-1 {
				b.WriteString(percent(frame) + "{opacity:1}")
			}
			if end := frame + 1; (n+1 == len(t.frames) || t.frames[n+1] != end) && end < len(f.starts)-1 {
				b.WriteString(percent(end) + "{opacity:0}")
			}
		}
		last := 0
		if t.frames[len(t.frames)-1] == len(f.starts)-2 {
			last = 1
		}
		fmt.Fprintf(b, "to{opacity:%d}}\n", last)
	}
	b.WriteString("@media(prefers-reduced-motion:reduce){g{animation:none!important}}\n")
}

// write writes the things, layer by layer, those of the same times together.
func (f *film) write(b *strings.Builder) {
	type group struct {
		layer     int
		in, class string
	}
	var order []group
	members := map[group][]string{}
	for _, t := range f.things {
		g := group{t.layer, t.in, t.class}
		if members[g] == nil {
			order = append(order, g)
		}
		members[g] = append(members[g], t.drawn)
	}
	slices.SortStableFunc(order, func(a, b group) int { return a.layer - b.layer })
	for _, g := range order {
		open, end := g.in, ""
		if open != "" {
			end = "</g>"
		}
		if g.class != "" {
			open, end = fmt.Sprintf(`<g class="%s">`, g.class)+open, end+"</g>"
		}
		b.WriteString(open + strings.Join(members[g], "\n") + end + "\n")
	}
}
