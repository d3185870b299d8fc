package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// digestState is the digests shown. Hashing a document costs as much as it is long, so it is done off the screen's
// goroutine, for the newest view only, and rests afterwards for twenty times as long as it took.
type digestState struct {
	of       *crdt.View // what log and doc are of; nil: nothing yet
	log, doc [32]byte
	running  bool
	resting  bool
}

const (
	leastDigestRest = 300 * time.Millisecond
	digestRestRatio = 20
)

// nextDigest computes the digests of the newest view, if they are shown, not known and not being computed.
func (m *Model) nextDigest() tea.Cmd {
	d := &m.digest
	if m.snap == nil || d.running || d.resting || d.fresh(m) || m.lay.shape < medium && m.screen != peersScreen {
		return nil
	}
	d.running = true
	return m.fx.digests(m.snap.View)
}

func (m *Model) onDigest(msg digestMsg) tea.Cmd {
	d := &m.digest
	d.of, d.log, d.doc, d.running, d.resting = msg.view, msg.log, msg.doc, false, true
	m.dirty = true
	return m.fx.after(max(leastDigestRest, digestRestRatio*msg.took), func(time.Time) tea.Msg { return digestDueMsg{} })
}

// fresh reports whether the digests known are those of what is shown.
func (d *digestState) fresh(m *Model) bool {
	return d.of != nil && d.of.Changes() == m.snap.View.Changes()
}

// digestNote is both digests for the list's border, eight digits each.
func (m *Model) digestNote() screen.Const {
	if !m.digest.fresh(m) {
		return " log …  doc … "
	}
	return " log " + shortHex(m.digest.log, 8) + "  doc " + shortHex(m.digest.doc, 8) + " "
}
