package editor

// MaxHistory bounds the lines that are remembered.
const MaxHistory = 500

// History is the lines that were sent, newest last, and where the user is among them. The zero History is empty.
type History struct {
	lines []string
	back  int    // how far back: 0 is the draft
	draft string // what was in the line before going back
}

// Add remembers a line that was sent, unless it is the newest already, and goes back to the draft.
func (h *History) Add(s string) {
	h.back = 0
	if s == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == s {
		return
	}
	h.lines = append(h.lines, s)
	if len(h.lines) > MaxHistory {
		h.lines = append(h.lines[:0], h.lines[len(h.lines)-MaxHistory:]...)
	}
}

// Older puts the line before the one shown into l; the first time it keeps the draft. It reports false at the oldest.
func (h *History) Older(l *Line) bool {
	if h.back >= len(h.lines) {
		return false
	}
	if h.back == 0 {
		h.draft = l.String()
	}
	h.back++
	l.Set(h.lines[len(h.lines)-h.back])
	return true
}

// Newer goes the other way, to the draft at last. It reports false if that is shown already.
func (h *History) Newer(l *Line) bool {
	if h.back == 0 {
		return false
	}
	h.back--
	if h.back == 0 {
		l.Set(h.draft)
	} else {
		l.Set(h.lines[len(h.lines)-h.back])
	}
	return true
}
