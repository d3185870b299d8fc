package tui

// Sizes at which the layout changes, in cells.
const (
	wideColumns   = 110 // side panes
	narrowColumns = 60  // below: no header, no borders
	tinyColumns   = 30  // below, or below tinyLines: one row, counts, the input line
	tinyLines     = 8
	leastColumns  = 10 // below, or below leastLines: "too small"
	leastLines    = 3

	sideColumns   = 30
	peerPaneLines = 6
	boxLines      = 5  // the input line in a box with two lines of help
	boxFromLines  = 20 // of height on
)

type shape uint8

const (
	tooSmall shape = iota
	tiny
	narrow
	medium
	wide
)

// rect is a rectangle of the screen; an empty one is not shown.
type rect struct{ x, y, w, h int }

func (r rect) empty() bool { return r.w <= 0 || r.h <= 0 }

func (r rect) has(x, y int) bool { return x >= r.x && x < r.x+r.w && y >= r.y && y < r.y+r.h }

// layout is where everything is at one size. It depends on the size and on zoom alone, so that nothing jumps while one
// types, moves or waits.
type layout struct {
	shape    shape
	header   rect
	body     rect // what a screen other than the ledger's fills
	list     rect
	peers    rect // side panes, wide only
	change   rect
	events   rect
	below    rect // two lines between list and input: what the cursor is on, or what the line typed is read as
	balances rect // one line
	input    rect // the input line; its box if boxed
	boxed    bool
	status   rect
}

// newLayout divides w x h cells. With zoom the list takes the side panes' place.
func newLayout(w, h int, zoom bool) layout {
	l := layout{shape: shapeOf(w, h)}
	switch l.shape {
	case tooSmall:
		return l
	case tiny:
		// From below, by what is given up last: input, counts, the selected row.
		l.input = rect{0, h - 1, w, 1}
		l.header = rect{0, h - 2, w, 1}
		l.list = rect{0, 0, w, h - 2}
		l.body = l.list
		return l
	case narrow:
		l.header = rect{0, 0, w, 1}
		l.status = rect{0, h - 1, w, 1}
		l.input = rect{0, h - 2, w, 1}
		l.below = rect{0, h - 3, w, 1}
		l.list = rect{0, 1, w, h - 4}
		l.body = rect{0, 1, w, h - 3}
		return l
	}
	l.header = rect{0, 0, w, 1}
	l.status = rect{0, h - 1, w, 1}
	bottom := h - 1
	if l.shape == wide && h >= boxFromLines {
		l.boxed = true
		l.input = rect{0, bottom - boxLines, w, boxLines}
		bottom -= boxLines + 1
		l.balances = rect{0, bottom, w, 1}
	} else {
		l.input = rect{0, bottom - 1, w, 1}
		bottom--
		if h >= 10 {
			l.below = rect{0, bottom - 2, w, 2}
			bottom -= 2
		}
	}
	l.body = rect{0, 1, w, bottom - 1}
	l.list = l.body
	if l.shape == wide && !zoom {
		l.divideSide(w)
	}
	return l
}

// divideSide puts peers, change and events beside the list, as many as the height allows.
func (l *layout) divideSide(w int) {
	l.list.w = w - sideColumns
	x, y, h := l.list.w, l.body.y, l.body.h
	const leastChange = 12
	if h >= leastChange+peerPaneLines {
		l.peers = rect{x, y, sideColumns, peerPaneLines}
		y, h = y+peerPaneLines, h-peerPaneLines
	}
	events := 0
	if h >= leastChange+4 {
		events = min(max(h-18, 4), h/3)
	}
	l.change = rect{x, y, sideColumns, h - events}
	if events > 0 {
		l.events = rect{x, y + h - events, sideColumns, events}
	}
}

func shapeOf(w, h int) shape {
	switch {
	case w < leastColumns || h < leastLines:
		return tooSmall
	case w < tinyColumns || h < tinyLines:
		return tiny
	case w < narrowColumns:
		return narrow
	case w < wideColumns:
		return medium
	}
	return wide
}
