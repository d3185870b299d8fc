package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/transport"
)

// plain is plain mode: one goroutine reads lines and submits them without waiting for any, another (run) prints what the
// node's snapshots show.
type plain struct {
	p     *program
	flags runFlags
	me    string
	room  string
	o     *opened
	d     *desk
	out   *eventWriter
	r     *eventReporter

	// Shared by the reader, the node (receipts) and run.
	under    atomic.Int64  // submitted, no receipt yet
	bad      atomic.Int64  // lines that were not sent
	lastMade atomic.Int64  // greatest log index of a receipt, plus one
	poke     chan struct{} // one place: something of this, or of the connections, has changed
	said     chan []byte   // what commands have to say: to be printed
	read     chan struct{} // closed when the reader has ended; then readErr is set
	readErr  error

	mu     sync.Mutex
	failed []failedLines // good lines that the node did not take
}

// failedLines are good lines, one after the other, that the node did not take, for one reason.
type failedLines struct {
	first, last int
	err         error
}

// plain runs plain mode to its end.
func (s *session) plain(ctx context.Context) (err error) {
	ctx, stop := interruptible(ctx)
	defer stop()
	m := &plain{
		p: s.p, flags: s.flags, me: s.person.Name.String(), room: s.room,
		out:  newEventWriter(bufio.NewWriterSize(s.p.Out, 64<<10), s.flags.json),
		poke: make(chan struct{}, 1), said: make(chan []byte), read: make(chan struct{}),
	}
	start := func(f func()) { go f() } // session.open waits for them
	if m.o, err = s.open(ctx, start, s.p.note, m.wake); err != nil {
		return err
	}
	m.d = m.o.desk(s.charter, s.person)
	m.r = &eventReporter{d: m.d, out: m.out, note: m.note}
	answering := s.answer(m.o)
	if s.p.InTerminal {
		s.p.note("type FROM -> TO AMOUNT [UNIT] [MEMO]; ctrl+d ends")
	}
	err = m.run(ctx)
	answering.end()
	if stopErr := m.o.stop(); err == nil {
		err = stopErr
	}
	return err
}

func (m *plain) wake() { poke(m.poke) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run prints what happens until the input has ended and all is stored, or the time for that is up.
func (m *plain) run(ctx context.Context) error {
	// Not waited for: it may be held up in a read of a terminal that nothing ends but the process.
	go m.readLines(ctx)

	var (
		over        bool // the input has ended
		late        bool // and --wait is over
		interrupted bool
		deadline    <-chan time.Time
		read        = m.read
		done        = ctx.Done()
	)
	if err := m.r.start(m.flags.tail); err != nil {
		return err
	}
	for {
		snap, err := m.r.report()
		if err != nil {
			return err
		}
		m.reportFailed()
		if err := m.out.flush(); err != nil {
			return err
		}
		if m.p.InTerminal && snap.Live > 0 {
			m.announce(ctx)
		}
		// Receipts come before or after the snapshot that shows their changes.
		saved := m.under.Load() == 0 && int64(snap.View.Changes()) >= m.lastMade.Load()
		if (over || interrupted) && saved &&
			(m.flags.offline || late || interrupted || snap.Unsent == 0 && m.o.links.settled(snap)) {
			return m.finish(snap)
		}
		select {
		case <-m.o.node.Changed():
		case <-m.poke:
		case lines := <-m.said:
			m.out.write(lines)
		case <-read:
			read, over = nil, true
			if m.readErr != nil && !interrupted {
				return m.readErr
			}
			timer := time.NewTimer(m.flags.wait)
			defer timer.Stop()
			deadline = timer.C
		case <-deadline:
			late = true
		case <-done:
			done, interrupted = nil, true
		case <-m.o.ended:
			_, _ = m.r.report() // as below
			_ = m.out.flush()   // the node's error is the one to report
			return fmt.Errorf("stopped: %w; see to the disk, then start again: what was printed is saved", m.o.nodeErr)
		}
	}
}

// readLines submits every line of the input.
func (m *plain) readLines(ctx context.Context) {
	defer close(m.read)
	lines := newLineReader(m.p.In, ledger.MaxLineBytes)
	for ctx.Err() == nil {
		line, length, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return
		case errors.Is(err, errLineTooLong):
			m.badLine(lines.n, fmt.Sprintf("%d bytes, at most %d: one transaction a line", length, ledger.MaxLineBytes))
			continue
		case err != nil:
			m.readErr = fmt.Errorf("standard input: after line %d: %w", lines.n, err)
			return
		}
		text := string(line)
		if strings.TrimSpace(text) == "" {
			continue
		}
		if command, is, wrong := ledger.ParseCommand(text); is {
			if wrong != nil {
				m.badLine(lines.n, wrong.Error())
			} else if err := m.command(ctx, command); err != nil && ctx.Err() == nil {
				m.badLine(lines.n, err.Error())
			}
			continue
		}
		entry, wrong := ledger.ParseLine(text, m.me)
		if wrong != nil {
			m.badLine(lines.n, wrong.Error())
			continue
		}
		if err := m.d.bind(&entry); err != nil {
			m.badLine(lines.n, err.Error())
			continue
		}
		if err := m.submit(ctx, lines.n, ledger.AppendEdit(entry, nil)); err != nil {
			if ctx.Err() == nil {
				m.readErr = fmt.Errorf("line %d and what follows it: not saved: %w", lines.n, err)
			}
			return
		}
	}
}

// command carries out a command that was typed, after all lines before it are saved. What it writes, run tells.
func (m *plain) command(ctx context.Context, command ledger.Command) error {
	verb, ok := deskVerbs[command.Verb]
	if !ok {
		return fmt.Errorf("%q is no command of plain mode: tallystick %s, beside this, is", ":"+command.Verb, command.Verb)
	}
	if err := m.saved(ctx); err != nil {
		return err
	}
	c := &deskCall{Verb: command.Verb, JSON: m.flags.json, Wait: m.flags.wait, Offline: m.flags.offline, live: true}
	switch {
	case command.ID != "":
		c.Args, c.Memo = []string{command.ID}, command.Rest
	case command.Rest != "":
		c.Args = []string{command.Rest}
	}
	var said bytes.Buffer
	out := newDeskOut(&said, m.p.Err, m.flags.json)
	out.p = m.p // whose notes do not mix
	if err := verb.run(ctx, m.d, c, out); err != nil {
		return err
	}
	if err := out.flush(); err != nil || verb.writes && command.Verb != settleVerb {
		return err
	}
	select {
	case m.said <- said.Bytes():
	case <-ctx.Done():
	case <-m.o.ended:
	}
	return nil
}

// saved waits until all lines that were submitted are saved, and known to the desk.
func (m *plain) saved(ctx context.Context) error {
	changed, stop := m.o.node.Watch()
	defer stop()
	for m.under.Load() > 0 || int64(m.d.look().View.Changes()) < m.lastMade.Load() {
		select {
		case <-changed:
		case <-m.o.ended:
			return transport.ErrStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// announce says the name in the room, once, so that others can mean it.
func (m *plain) announce(ctx context.Context) {
	if !m.d.unannounced() {
		return
	}
	nothing := func(*crdt.Tx) error { return nil }
	m.under.Add(1)
	if err := m.d.submit(ctx, nothing, m.receipt(func(error) {})); err != nil {
		m.under.Add(-1) // it goes with the first line then
	}
}

// badLine says that a line was not sent.
func (m *plain) badLine(n int, why string) {
	m.bad.Add(1)
	m.p.note("line %d: not sent: %s", n, why)
}

// submit hands an edit to the node without waiting until it is durable.
func (m *plain) submit(ctx context.Context, line int, edit func(*crdt.Tx) error) error {
	m.under.Add(1)
	err := m.d.patiently(ctx, m.flags.wait, m.p.note, edit, m.receipt(func(err error) { m.fail(line, err) }))
	if err != nil {
		m.under.Add(-1)
		m.wake()
	}
	return err
}

// receipt takes what became of an edit that was counted in under.
func (m *plain) receipt(failed func(error)) func(transport.Receipt) {
	return func(r transport.Receipt) {
		if r.Err != nil {
			failed(r.Err)
		} else if made := int64(r.Index) + 1; made > m.lastMade.Load() {
			m.lastMade.Store(made) // receipts come on one goroutine
		}
		if m.under.Add(-1) == 0 {
			m.wake()
		}
	}
}

// submitHint adds what to do.
func submitHint(err error) error {
	switch {
	case errors.Is(err, transport.ErrGuarded):
		return fmt.Errorf("%w; connect to a peer that knows this key, or, if no other copy is in use and nothing newer was sent, give --only-copy", err)
	case errors.Is(err, transport.ErrNoAuthor):
		return errors.New("you may read this room, not write: its charter names who writes, and you are none of them")
	case errors.Is(err, transport.ErrSelfFork):
		return fmt.Errorf("%w; go on under a new name: tallystick run NAME", err)
	}
	return err
}

// note says on standard error what the user has to know and what no event of the output tells.
func (m *plain) note(e transport.Event) {
	switch e.Kind {
	case transport.EventGuard:
		m.p.note("%s: %s", e.Code, e.Text)
	case transport.EventFork:
		m.p.note("author %v signed two changes after one, %v and %v; the proof as a file, once this has ended: %s", e.Author, e.Change, e.Other, m.proofCommand(e.Author))
	case transport.EventSalvage:
		m.p.note("store %s: %s", e.Code, e.Text)
	case transport.EventSelfFork:
		m.p.note("this key has written in two places, changes %v and %v: nothing more is written with it; go on under a new name: tallystick run NAME", e.Change, e.Other)
	}
}

// proofCommand is what to type for the proof that an author forked.
func (m *plain) proofCommand(a crdt.Author) string {
	room := ""
	if m.room != defaultRoom {
		room = fmt.Sprintf(" --room %q", m.room)
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

// finish prints the last line and decides the exit code.
func (m *plain) finish(snap *transport.Snapshot) error {
	end := endEvent(snap.View)
	bad := m.bad.Load()
	end.Unsent, end.Bad, end.Live, end.Of = &snap.Unsent, &bad, &snap.Live, &snap.Of
	m.out.end(end)
	if err := m.out.flush(); err != nil {
		return err
	}
	if snap.Unsent > 0 {
		m.p.note("saved here, not yet stored by any peer: %d; sent next time", snap.Unsent)
	}
	switch {
	case bad > 0:
		return &codedError{ExitError, fmt.Errorf("bad lines, not sent: %d; the others were saved", bad)}
	case snap.Unsent > 0:
		return &codedError{code: ExitUnsent}
	}
	return nil
}
