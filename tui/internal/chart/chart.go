package chart

import (
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// None is the value of a slot that has none.
const None = int64(-1 << 63)

// Signs are how a line is drawn: along, up and down, and the four corners, named by where the line comes from and goes to.
// An empty Up draws points without anything between.
type Signs struct {
	Along, Up                                          screen.Const
	LeftToTop, LeftToBottom, TopToRight, BottomToRight screen.Const
}

// Signs of lines: thick, thin, and points; and the same where there is ASCII alone.
var (
	Thick       = Signs{"━", "┃", "┛", "┓", "┗", "┏"}
	Thin        = Signs{"─", "│", "╯", "╮", "╰", "╭"}
	Points      = Signs{Along: "•"}
	ThickASCII  = Signs{"*", "*", "*", "*", "*", "*"}
	ThinASCII   = Signs{"-", "|", "-", "-", "-", "-"}
	PointsASCII = Signs{Along: "o"}
)

// Line is values by slot, oldest first, with None for gaps.
type Line struct {
	Values []int64
	Signs  Signs
	Style  screen.Style
}

// Band is what lies between two lines of values.
type Band struct {
	Low, High []int64
	Sign      screen.Const
	Style     screen.Style
}

// Chart is what one picture shows. All values are of the same slots: the first value of each is that of slot First.
type Chart struct {
	First int    // number of the first slot
	Slots int    // of the window
	Band  Band   // drawn first
	Lines []Line // each over those before it
}

// Start returns the number of the slot at which a window of so many slots begins, so that slot last is within it. It moves
// by a quarter of the window at a time.
func Start(last, slots int) int {
	if last < slots {
		return 0
	}
	quarter := max(slots/4, 1)
	return (last - slots + quarter) / quarter * quarter
}

// Scale is the range of values that a picture shows, from its last line to its first. The zero Scale is of nothing yet.
type Scale struct{ Min, Max float64 }

// Fit makes the scale hold the values from lo to hi. It stays as it is while they are within it and fill half of it.
func (s *Scale) Fit(lo, hi int64) {
	l, h := float64(lo), float64(hi)
	if s.Max > s.Min && l >= s.Min && h <= s.Max && (h-l)*2 >= (s.Max-s.Min)*0.9 {
		return
	}
	pad := (h - l) / 12
	if pad <= 0 {
		pad = max(h/1000, 1)
	}
	s.Min, s.Max = l-pad, h+pad
}

// Value returns the value at the middle of a line of a picture of h lines.
func (s Scale) Value(y, h int) float64 {
	return s.Max - (float64(y)+0.5)*(s.Max-s.Min)/float64(max(h, 1))
}

// line returns the line of a picture of h lines that a value is on; false if it is outside.
func (s Scale) line(v int64, h int) (int, bool) {
	if s.Max <= s.Min {
		return 0, false
	}
	y := (s.Max - float64(v)) / (s.Max - s.Min) * float64(h)
	if y < 0 || y > float64(h) {
		return 0, false
	}
	return min(int(y), h-1), true
}

// Clamped is like line, and puts what is outside on the first or last line.
func (s Scale) clamped(v int64, h int) int {
	if y, ok := s.line(v, h); ok {
		return y
	}
	if float64(v) > s.Max {
		return 0
	}
	return h - 1
}

// Range returns the least and the greatest value in the window from slot start on; false if there is none.
func (c *Chart) Range(start int) (lo, hi int64, ok bool) {
	take := func(values []int64) {
		for i, v := range values {
			if at := c.First + i; at < start || at >= start+c.Slots || v == None {
				continue
			}
			if !ok || v < lo {
				lo = v
			}
			if !ok || v > hi {
				hi = v
			}
			ok = true
		}
	}
	for _, l := range c.Lines {
		take(l.Values)
	}
	take(c.Band.Low)
	take(c.Band.High)
	return lo, hi, ok
}

// Draw draws the window that begins at slot start into a, from its left edge on.
func (c *Chart) Draw(a screen.Area, start int, s Scale) {
	if a.Empty() || c.Slots <= 0 {
		return
	}
	for x := range a.W {
		low, high := c.at(c.Band.Low, start, x, a.W), c.at(c.Band.High, start, x, a.W)
		if low == None || high == None || float64(high) < s.Min || float64(low) > s.Max {
			continue
		}
		for y := s.clamped(high, a.H); y <= s.clamped(low, a.H); y++ {
			a.Const(x, y, c.Band.Style, c.Band.Sign)
		}
	}
	for i := range c.Lines {
		c.line(a, &c.Lines[i], start, s)
	}
}

// at is the value in column x of w: that of the newest slot that falls into it, or of the one that spans it.
func (c *Chart) at(values []int64, start, x, w int) int64 {
	i := start + ((x+1)*c.Slots-1)/w - c.First
	if i < 0 || i >= len(values) {
		return None
	}
	return values[i]
}

func (c *Chart) line(a screen.Area, l *Line, start int, s Scale) {
	before := -1 // line of the column before; -1: none
	for x := range a.W {
		v := c.at(l.Values, start, x, a.W)
		if v == None {
			before = -1
			continue
		}
		y, ok := s.line(v, a.H)
		if !ok {
			before = -1
			continue
		}
		if before < 0 || before == y || l.Signs.Up == "" {
			a.Const(x, y, l.Style, l.Signs.Along)
			before = y
			continue
		}
		for between := min(before, y) + 1; between < max(before, y); between++ {
			a.Const(x, between, l.Style, l.Signs.Up)
		}
		if y < before { // up
			a.Const(x, before, l.Style, l.Signs.LeftToTop)
			a.Const(x, y, l.Style, l.Signs.BottomToRight)
		} else {
			a.Const(x, before, l.Style, l.Signs.LeftToBottom)
			a.Const(x, y, l.Style, l.Signs.TopToRight)
		}
		before = y
	}
}
