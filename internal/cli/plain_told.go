package cli

import (
	"fmt"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// failedLines are good lines, one after the other, that the node did not take, for one reason.
type failedLines struct {
	first, last int
	err         error
}

// last tells what became of the lines that were taken in, before an error ends the run: that is the one to report.
func (m *plain) last() {
	_, _ = m.here.r.report()
	m.reportFailed()
	_ = m.out.flush()
}

// note says on standard error what the user has to know and what no event of the output tells.
func (m *plain) note(room *plainRoom, e transport.Event) {
	switch e.Kind {
	case transport.EventGuard:
		m.p.note("%s: %s", e.Code, e.Text)
	case transport.EventFork:
		m.p.note("author %v signed two changes after one, %v and %v; the proof as a file, once this has ended: %s", e.Author, e.Change, e.Other, m.proofCommand(room, e.Author))
	case transport.EventSalvage:
		m.p.note("store %s: %s", e.Code, e.Text)
	case transport.EventSelfFork:
		m.p.note("this key has written in two places, changes %v and %v: nothing more is written with it; go on under a new name: tallystick run NAME", e.Change, e.Other)
	}
}

// proofCommand is what to type for the proof that an author forked.
func (m *plain) proofCommand(in *plainRoom, a crdt.Author) string {
	room := ""
	if name := in.charter.Name; name != defaultRoom {
		room = fmt.Sprintf(" --room %q", name)
	}
	return fmt.Sprintf("tallystick evidence %s%s %v --save .", m.me, room, a)
}

// fail takes in that a line was not saved.
func (m *plain) fail(line int, err error) {
	m.bad.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.failed); n > 0 && m.failed[n-1].err.Error() == err.Error() {
		m.failed[n-1].last = line
		return
	}
	m.failed = append(m.failed, failedLines{line, line, err})
}

func (m *plain) reportFailed() {
	m.mu.Lock()
	failed := m.failed
	m.failed = nil
	m.mu.Unlock()
	for _, f := range failed {
		if f.first == f.last {
			m.p.note("line %d: not saved: %v", f.first, f.err)
		} else {
			m.p.note("lines %d to %d: not saved: %v", f.first, f.last, f.err)
		}
	}
}

// finish prints the last line and decides the exit code. unsent is of all rooms.
func (m *plain) finish(snap *transport.Snapshot, unsent int) error {
	end := endEvent(snap.View)
	bad := m.bad.Load()
	end.Unsent, end.Bad, end.Live, end.Of = &unsent, &bad, &snap.Live, &snap.Of
	m.out.end(end)
	if err := m.out.flush(); err != nil {
		return err
	}
	if unsent > 0 {
		m.p.note("saved here, not yet stored by any peer: %d; sent next time", unsent)
	}
	switch {
	case bad > 0:
		return &codedError{ExitError, fmt.Errorf("bad lines, not sent: %d; the others were saved", bad)}
	case unsent > 0:
		return &codedError{code: ExitUnsent}
	}
	return nil
}
