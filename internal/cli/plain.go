package cli

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tallystick/tallystick/crdt"
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
