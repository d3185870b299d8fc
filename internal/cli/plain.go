package cli

import (
	"bufio"
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
	out   *eventWriter

	// Shared by the reader, the node (receipts) and run.
	under    atomic.Int64  // submitted, no receipt yet
	bad      atomic.Int64  // lines that were not sent
	lastMade atomic.Int64  // greatest log index of a receipt, plus one
	poke     chan struct{} // one place: something of this, or of the connections, has changed
	news     chan struct{} // one place: run has seen a newer snapshot
	read     chan struct{} // closed when the reader has ended; then readErr is set
	readErr  error

	mu     sync.Mutex
	failed []failedLines // good lines that the node did not take

	// Owned by run.
	printed  int    // changes below this log index were printed
	waiting  []int  // log indexes of own changes whose last state was not sent, in order
	refused  int    // log index + 1 of the own change whose refusal was printed last
	eventSeq uint64 // of the last event
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
		poke: make(chan struct{}, 1), news: make(chan struct{}, 1), read: make(chan struct{}),
	}
	start := func(f func()) { go f() } // session.open waits for them
	if m.o, err = s.open(ctx, start, s.p.note, m.wake); err != nil {
		return err
	}
	if s.p.InTerminal {
		s.p.note("type FROM -> TO AMOUNT [UNIT] [MEMO]; ctrl+d ends")
	}
	err = m.run(ctx)
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
	m.start(m.o.node.Snapshot())
	for {
		snap := m.o.node.Snapshot()
		m.report(snap)
		if err := m.out.flush(); err != nil {
			return err
		}
		poke(m.news)
		// Receipts come before or after the snapshot that shows their changes.
		saved := m.under.Load() == 0 && int64(snap.View.Changes()) >= m.lastMade.Load()
		if (over || interrupted) && saved &&
			(m.flags.offline || late || interrupted || snap.Unsent == 0 && m.o.links.settled(snap)) {
			return m.finish(snap)
		}
		select {
		case <-m.o.node.Changed():
		case <-m.poke:
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
			m.report(m.o.node.Snapshot())
			_ = m.out.flush() // the node's error is the one to report
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
		entry, wrong := ledger.ParseLine(text, m.me)
		if wrong != nil {
			m.badLine(lines.n, wrong.Error())
			continue
		}
		literal, err := ledger.Encode(entry)
		if err != nil {
			m.badLine(lines.n, err.Error())
			continue
		}
		if err := m.submit(ctx, lines.n, literal); err != nil {
			if ctx.Err() == nil {
				m.readErr = fmt.Errorf("line %d and what follows it: not saved: %w", lines.n, err)
			}
			return
		}
	}
}

// badLine says that a line was not sent.
func (m *plain) badLine(n int, why string) {
	m.bad.Add(1)
	m.p.note("line %d: not sent: %s", n, why)
}

// submit hands an entry to the node without waiting until it is durable.
func (m *plain) submit(ctx context.Context, line int, literal crdt.Literal) error {
	intent := transport.AppendIntent(time.Now().Unix(), literal, func(r transport.Receipt) {
		if r.Err != nil {
			m.fail(line, r.Err)
		} else if made := int64(r.Index) + 1; made > m.lastMade.Load() {
			m.lastMade.Store(made) // receipts come on one goroutine
		}
		if m.under.Add(-1) == 0 {
			m.wake()
		}
	})
	var patience <-chan time.Time
	for {
		m.under.Add(1)
		err := m.o.node.Submit(ctx, intent)
		if err == nil {
			return nil
		}
		m.under.Add(-1)
		m.wake()
		if !errors.Is(err, transport.ErrGuarded) {
			return submitHint(err)
		}
		if patience == nil {
			m.p.note("this store looks copied, restored or salvaged: writing waits, up to %v, for a peer that knows this key; if no other copy is in use, and nothing newer was sent: --only-copy", m.flags.wait)
			timer := time.NewTimer(m.flags.wait)
			defer timer.Stop()
			patience = timer.C
		}
		select {
		case <-m.news:
		case <-patience:
			return submitHint(err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// submitHint adds what to do.
func submitHint(err error) error {
	switch {
	case errors.Is(err, transport.ErrGuarded):
		return fmt.Errorf("%w; connect to a peer that knows this key, or, if no other copy is in use and nothing newer was sent, give --only-copy", err)
	case errors.Is(err, transport.ErrSelfFork):
		return fmt.Errorf("%w; go on under a new name: tallystick run NAME", err)
	}
	return err
}

// start prints the entries that are here already.
func (m *plain) start(snap *transport.Snapshot) {
	v := snap.View
	skip := 0
	if m.flags.tail >= 0 {
		skip = max(0, v.Len()-m.flags.tail)
	}
	i, shown := 0, make(map[int]bool, min(v.Len()-skip, v.Changes()))
	v.Rows(func(row crdt.Row) bool {
		if i >= skip {
			m.entry(snap, row)
			shown[row.Key.Change] = true
		}
		i++
		return m.out.err == nil
	})
	// What was printed as unsent is told when it is sent, in the order of the chain.
	for i := range v.Changes() {
		if shown[i] {
			m.watch(snap, i)
		}
	}
	m.printed = v.Changes()
}

// report prints what snap has more than what was printed.
func (m *plain) report(snap *transport.Snapshot) {
	for _, e := range snap.Events {
		if e.Seq > m.eventSeq {
			m.eventSeq = e.Seq
			m.note(e)
			m.out.event(e)
		}
	}
	m.states(snap)
	v := snap.View
	for ; m.printed < v.Changes(); m.printed++ {
		if v.ChangeAt(m.printed).Author == snap.Me && snap.State(m.printed).Standing == transport.Saving {
			break // an entry that was printed is saved: it may come to nothing yet
		}
		for _, row := range v.RowsOf(m.printed) {
			m.entry(snap, row)
		}
		m.watch(snap, m.printed)
	}
	m.reportFailed()
}

// entry prints one row with its state.
func (m *plain) entry(snap *transport.Snapshot, row crdt.Row) {
	state := ""
	if snap.View.ChangeAt(row.Key.Change).Author == snap.Me {
		state = stateWord(snap.State(row.Key.Change))
	}
	m.out.entry(snap.View, row, state)
}

// watch remembers the change at a log index if it is our own and not sent.
func (m *plain) watch(snap *transport.Snapshot, i int) {
	if snap.View.ChangeAt(i).Author == snap.Me && snap.State(i).Standing != transport.Sent {
		m.waiting = append(m.waiting, i)
	}
}

// states prints which own changes have been sent. Peers store a chain in its order, so it stops at the first that is
// not.
func (m *plain) states(snap *transport.Snapshot) {
	n := 0
	for _, i := range m.waiting {
		s := snap.State(i)
		if s.Standing == transport.Refused && m.refused <= i {
			m.refused = i + 1
			m.out.state(time.Now(), snap.View.ChangeAt(i), s)
		}
		if s.Standing != transport.Sent {
			break
		}
		m.out.state(time.Now(), snap.View.ChangeAt(i), s)
		n++
	}
	m.waiting = m.waiting[n:]
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
