//go:build unix

package tui

var _ terminalControl = (*runner)(nil)

func (r *runner) raw(seq string) { r.painter.Raw(seq) }

func (r *runner) repaint() {
	r.painter.Repaint()
	r.sendLater(resizedMsg{})
}

func (r *runner) stop() bool { return r.suspend() }

func (r *runner) mouse(on bool) {
	r.term.mu.Lock()
	r.term.mouse = on
	r.term.mu.Unlock()
	seq := mouseOff
	if on {
		seq = mouseOn
	}
	r.painter.Raw(seq)
}
