package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/invite"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/lines"
	"github.com/tallystick/tallystick/transport"
)

// plain is plain mode: one goroutine reads lines and submits them without waiting for any, another (run) prints what the
// node's snapshots show.
type plain struct {
	p     *program
	s     *session
	flags runFlags
	me    string
	house *house

	// Owned by run.
	out   *eventWriter
	here  *plainRoom   // whose events are told
	rooms []*plainRoom // that were told of

	// Owned by the reader.
	in   *plainRoom // where lines go
	been map[crdt.RoomID]*plainRoom
	sure string // the room that join has shown: it is joined when it is said again
	lost int    // the line that should have gone to another room and has not; 0: there is none

	// Shared by the reader, the nodes (receipts) and run.
	bad     atomic.Int64    // lines that were not sent
	poke    chan struct{}   // one place: something of this, or of the connections, has changed
	said    chan []byte     // what commands have to say: to be printed
	enter   chan *plainRoom // where lines go now: to be told of
	read    chan struct{}   // closed when the reader has ended; then readErr is set
	readErr error

	mu     sync.Mutex
	failed []failedLines // good lines that the node did not take
}

// plainRoom is a room of plain mode: the one that it began in, or one that a line has gone to.
type plainRoom struct {
	charter crdt.Charter
	o       *opened
	d       *desk
	r       *eventReporter // owned by run

	under    atomic.Int64 // submitted, no receipt yet
	lastMade atomic.Int64 // greatest log index of a receipt, plus one
}

// saved says whether all that was submitted is in the log that a snapshot shows. Receipts come before or after it.
func (r *plainRoom) saved(snap *transport.Snapshot) bool {
	return r.under.Load() == 0 && int64(snap.View.Changes()) >= r.lastMade.Load()
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
		p: s.p, s: s, flags: s.flags, me: s.person.Name.String(), been: map[crdt.RoomID]*plainRoom{},
		out:  newEventWriter(bufio.NewWriterSize(s.p.Out, 64<<10), s.flags.json),
		poke: make(chan struct{}, 1), said: make(chan []byte), enter: make(chan *plainRoom), read: make(chan struct{}),
	}
	start := func(f func()) { go f() } // session.open waits for them
	o, err := s.open(ctx, start, s.p.note, m.wake)
	if err != nil {
		return err
	}
	m.house = o.house
	m.in = m.visit(s.charter, o)
	m.here, m.rooms = m.in, []*plainRoom{m.in}
	answering := s.answer(o)
	if s.p.InTerminal {
		s.p.note("type FROM -> TO AMOUNT [UNIT] [MEMO]; ctrl+d ends")
	}
	err = m.run(ctx)
	answering.end()
	if stopErr := o.stop(); err == nil {
		err = stopErr
	}
	return err
}

func (m *plain) wake() { poke(m.poke) }

// visit makes what plain mode keeps of a room that runs.
func (m *plain) visit(charter crdt.Charter, o *opened) *plainRoom {
	room := &plainRoom{charter: charter, o: o, d: o.desk(charter, m.s.person)}
	room.r = &eventReporter{d: room.d, out: m.out, note: func(e transport.Event) { m.note(room, e) }}
	m.been[charter.ID()] = room
	changed, stop := o.node.Watch()
	go func() { // ends with the room, which session.open or the house ends
		defer stop()
		for {
			select {
			case <-changed:
				m.wake()
			case <-o.ended:
				return
			}
		}
	}()
	return room
}

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
	if err := m.here.r.start(m.flags.tail); err != nil {
		return err
	}
	for {
		snap, err := m.here.r.report()
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
		if over || interrupted {
			if saved, unsent, settled := m.reached(snap); saved && (m.flags.offline || late || interrupted || unsent == 0 && settled) {
				return m.finish(snap, unsent)
			}
		}
		select {
		case <-m.poke:
		case room := <-m.enter:
			if err := m.goTo(room); err != nil {
				return err
			}
		case lines := <-m.said:
			m.out.write(lines)
		case <-read:
			read, over = nil, true
			if m.readErr != nil && !interrupted {
				m.last()
				return m.readErr
			}
			timer := time.NewTimer(m.flags.wait)
			defer timer.Stop()
			deadline = timer.C
		case <-deadline:
			late = true
		case <-done:
			done, interrupted = nil, true
		case <-m.here.o.ended:
			m.last()
			return fmt.Errorf("stopped: %w; see to the disk, then start again: what was printed is saved", m.here.o.nodeErr)
		}
	}
}

// last tells what became of the lines that were taken in, before an error ends the run: that is the one to report.
func (m *plain) last() {
	_, _ = m.here.r.report()
	m.reportFailed()
	_ = m.out.flush()
}

// reached says how far all rooms have got; snap is of the one that is told of.
func (m *plain) reached(snap *transport.Snapshot) (saved bool, unsent int, settled bool) {
	saved, settled = true, true
	for _, room := range m.rooms {
		now := snap
		if room != m.here {
			now = room.o.node.Snapshot()
		}
		saved = saved && room.saved(now)
		settled = settled && room.o.links.settled(now)
		unsent += now.Unsent
	}
	return saved, unsent, settled
}

// goTo tells of another room from now on: from where it was left, if it was told of before.
func (m *plain) goTo(room *plainRoom) error {
	m.here = room
	m.out.room(room.charter)
	if slices.Contains(m.rooms, room) {
		return nil
	}
	m.rooms = append(m.rooms, room)
	return room.r.start(m.flags.tail)
}

// readLines submits every line of the input.
func (m *plain) readLines(ctx context.Context) {
	defer close(m.read)
	in := lines.NewReader(m.p.In, ledger.MaxLineBytes)
	for ctx.Err() == nil {
		line, length, err := in.Next()
		switch {
		case errors.Is(err, io.EOF):
			return
		case errors.Is(err, lines.ErrTooLong):
			m.badLine(in.N, fmt.Sprintf("%d bytes, at most %d: one transaction a line", length, ledger.MaxLineBytes))
			continue
		case err != nil:
			m.readErr = fmt.Errorf("standard input: after line %d: %w", in.N, err)
			return
		}
		text := string(line)
		if strings.TrimSpace(text) == "" {
			continue
		}
		if word := strings.Fields(text)[0]; word == ":join" || word == "/join" {
			if !m.p.InTerminal { // nobody is there who would see that it went wrong
				m.lost = in.N
			}
		} else if m.lost > 0 {
			m.badLine(in.N, fmt.Sprintf("line %d did not go to the room that it names", m.lost))
			continue
		}
		if command, is, wrong := ledger.ParseCommand(text); is {
			if wrong != nil {
				m.badLine(in.N, wrong.Error())
			} else if err := m.command(ctx, command); err != nil && ctx.Err() == nil {
				m.badLine(in.N, err.Error())
			}
			continue
		}
		if err := m.in.d.mayWrite(); err != nil {
			m.badLine(in.N, err.Error())
			continue
		}
		entry, wrong := ledger.ParseLine(text, m.me)
		if wrong != nil {
			m.badLine(in.N, wrong.Error())
			continue
		}
		if err := m.in.d.bind(&entry); err != nil {
			m.badLine(in.N, err.Error())
			continue
		}
		if err := m.submit(ctx, in.N, ledger.AppendEdit(entry, nil)); err != nil {
			if ctx.Err() == nil {
				m.readErr = fmt.Errorf("line %d and what follows it: not saved: %w", in.N, err)
				_ = m.saved(ctx) // or lost, if the node has ended: what came before is told of first
			}
			return
		}
	}
}

// command carries out a command that was typed, after all lines before it are saved. What it writes, run tells.
func (m *plain) command(ctx context.Context, command ledger.Command) error {
	if err := m.saved(ctx); err != nil {
		return err
	}
	if command.Verb == joinVerb {
		return m.join(ctx, command.Rest)
	}
	verb := deskVerbs[command.Verb] // of all others; a test sees to that
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
	if err := verb.run(ctx, m.in.d, c, out); err != nil {
		return err
	}
	if err := out.flush(); err != nil || verb.writes && command.Verb != settleVerb {
		return err
	}
	select {
	case m.said <- said.Bytes():
	case <-ctx.Done():
	case <-m.in.o.ended:
	}
	return nil
}

const joinVerb = "join"

// join goes to a room: a joined one by its name or the digits of its id, an open one by its name, or that of an invitation. What
// an invitation says is shown first, as well as what a name could be taken for; it is joined when that is said again.
func (m *plain) join(ctx context.Context, word string) error {
	joined, err := m.s.person.Joined()
	if err != nil {
		return err
	}
	charter, sure := crdt.Charter{}, m.sure == word
	m.sure = ""
	if found, err := findJoined(joined, word); err != nil {
		return err
	} else if found != nil {
		charter = found.Charter
	} else {
		in, err := look(m.s.person, word)
		if err != nil {
			return err
		}
		if !sure && (invite.Is(word) && (in.at < 0 || len(in.relays) > 0) || len(in.care) > 0) {
			m.sure = word
			err := in.say(m.s.person, func(format string, args ...any) error {
				m.p.note(format, args...)
				return nil
			})
			m.p.note("to join it, say it again: the same line")
			return err
		}
		if err := m.house.join(in.Invitation); err != nil {
			return err
		}
		charter = in.Charter
	}
	room := m.been[charter.ID()]
	if room == nil {
		o, err := m.house.open(ctx, charter)
		if err != nil {
			return err
		}
		room = m.visit(charter, o)
	}
	select {
	case m.enter <- room:
		m.in, m.lost = room, 0
	case <-ctx.Done():
	case <-m.in.o.ended:
	}
	return nil
}

// saved waits until all lines that were submitted are saved, and known to the desk.
func (m *plain) saved(ctx context.Context) error {
	changed, stop := m.in.o.node.Watch()
	defer stop()
	for !m.in.saved(m.in.d.look()) {
		select {
		case <-changed:
		case <-m.in.o.ended:
			return transport.ErrStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// announce says the name in the room, once, so that others can mean it.
func (m *plain) announce(ctx context.Context) {
	if !m.here.d.unannounced() {
		return
	}
	nothing := func(*crdt.Tx) error { return nil }
	m.here.under.Add(1)
	if err := m.here.d.submit(ctx, nothing, m.receipt(m.here, func(error) {})); err != nil {
		m.here.under.Add(-1) // it goes with the first line then
	}
}

// badLine says that a line was not sent.
func (m *plain) badLine(n int, why string) {
	m.bad.Add(1)
	m.p.note("line %d: not sent: %s", n, why)
}

// submit hands an edit to the node without waiting until it is durable.
func (m *plain) submit(ctx context.Context, line int, edit func(*crdt.Tx) error) error {
	m.in.under.Add(1)
	err := m.in.d.patiently(ctx, m.flags.wait, m.p.note, edit, m.receipt(m.in, func(err error) { m.fail(line, err) }))
	if err != nil {
		m.in.under.Add(-1)
		m.wake()
	}
	return err
}

// receipt takes what became of an edit that was counted in under.
func (m *plain) receipt(room *plainRoom, failed func(error)) func(transport.Receipt) {
	return func(r transport.Receipt) {
		if r.Err != nil {
			failed(r.Err)
		} else if made := int64(r.Index) + 1; made > room.lastMade.Load() {
			room.lastMade.Store(made) // receipts come on one goroutine
		}
		if room.under.Add(-1) == 0 {
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
