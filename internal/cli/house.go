package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/invite"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/transport"
)

const (
	// maxOpenRooms bounds the rooms that one node runs; maxBehind of them are opened without being asked for.
	maxOpenRooms = 64
	maxBehind    = 16

	// unreadEvery is how often at most what came to a room is counted, joinedEvery how often the file of joined rooms is
	// looked at, which a command may have written, and how far they were read is kept there: who is killed forgets no more than that.
	unreadEvery = 300 * time.Millisecond
	joinedEvery = 2 * time.Second
)

// house is the rooms that one node runs: the one it was started for, and others of the same person, on the same connections.
type house struct {
	s     *session
	first *opened
	start func(func()) // runs a goroutine
	say   func(string, ...any)

	ctx  context.Context // ends before the connections do
	end  context.CancelFunc
	busy sync.WaitGroup // openings and watches

	changed chan struct{} // one place: statuses would answer otherwise

	meetMu sync.Mutex // held while a room takes part in the default connection, or leaves it
	fileMu sync.Mutex // held while the file of joined rooms is taken over or written; before mu

	mu      sync.Mutex
	ended   bool                             // guarded by mu
	slots   map[crdt.RoomID]*roomSlot        // guarded by mu; rooms that run or are being opened
	joined  []profile.Joined                 // guarded by mu; as of the file
	shown   crdt.RoomID                      // guarded by mu; zero: none
	read    map[crdt.RoomID]int              // guarded by mu; changes that were shown
	count   map[crdt.RoomID]roomCount        // guarded by mu
	meeting meeting                          // guarded by mu; how the default connection stands
	met     map[crdt.RoomID]transport.PeerID // guarded by mu; rooms that take part in it
}

// roomSlot is a room that runs, or is being opened.
type roomSlot struct {
	done chan struct{} // closed when room or err is set
	room *opened
	err  error
}

// roomCount is what is new in a room.
type roomCount struct {
	upTo, unread, waiting int
	link                  transport.LinkState
}

// newHouse is the house of a room that runs.
func newHouse(s *session, first *opened, start func(func()), say func(string, ...any)) *house {
	h := &house{
		s: s, first: first, start: start, say: say, changed: make(chan struct{}, 1),
		slots: map[crdt.RoomID]*roomSlot{}, read: map[crdt.RoomID]int{}, count: map[crdt.RoomID]roomCount{}, met: map[crdt.RoomID]transport.PeerID{},
	}
	h.ctx, h.end = context.WithCancel(context.Background())
	done := make(chan struct{})
	close(done)
	h.slots[s.charter.ID()] = &roomSlot{done: done, room: first}
	return h
}

// run does f on a goroutine that stop waits for; false if the house has ended.
func (h *house) run(f func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return false
	}
	h.busy.Add(1)
	h.start(func() {
		defer h.busy.Done()
		f()
	})
	return true
}

// open returns the room of that charter, and opens it if it does not run.
func (h *house) open(ctx context.Context, charter crdt.Charter) (*opened, error) {
	id := charter.ID()
	h.mu.Lock()
	slot := h.slots[id]
	if slot == nil {
		if h.ended {
			h.mu.Unlock()
			return nil, context.Canceled
		}
		if len(h.slots) >= maxOpenRooms {
			h.mu.Unlock()
			return nil, fmt.Errorf("room %s: %d rooms are open, at most %d: quit, and start with this one: tallystick run %s --room %s", charter.Name, maxOpenRooms, maxOpenRooms, h.s.person.Name, roomWord(charter))
		}
		slot = &roomSlot{done: make(chan struct{})}
		h.slots[id] = slot
		h.busy.Add(1)
		h.start(func() {
			defer h.busy.Done()
			h.fill(slot, charter)
		})
	}
	h.mu.Unlock()
	select {
	case <-slot.done:
		if slot.err == nil {
			return slot.room, nil
		}
		return nil, slot.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fill opens a room for its slot.
func (h *house) fill(slot *roomSlot, charter crdt.Charter) {
	id := charter.ID()
	slot.room, slot.err = h.move(charter)
	h.mu.Lock()
	if slot.err != nil {
		delete(h.slots, id) // to be tried again
	}
	close(slot.done) // from here on it is one of those that meets sees to
	h.mu.Unlock()
	if slot.err == nil {
		h.meet(id, slot.room)
		poke(h.changed)
	}
}

// move opens a room on the connections of this node.
func (h *house) move(charter crdt.Charter) (*opened, error) {
	room, err := openRoomOf(h.ctx, h.s.person, charter, h.s.flags.onlyCopy)
	if err != nil {
		return nil, err
	}
	o := &opened{openRoom: room, hub: h.first.hub, ended: make(chan struct{}), house: h}
	if err := o.hub.Add(room.node); err != nil {
		return nil, errors.Join(err, room.close())
	}
	ctx, end := context.WithCancel(context.Background())
	h.start(func() {
		defer close(o.ended)
		o.nodeErr = room.node.Run(ctx)
	})
	o.stop = sync.OnceValue(func() error {
		end()
		<-o.ended
		return errors.Join(o.nodeErr, room.close())
	})
	o.links = &links{hub: o.hub, node: room.node, say: h.say, changed: func() {}}
	// Who sent the invitation to one room learns nothing of the others by the relays that it names.
	connect, _ := h.s.flags.found(h.s.person, charter.ID(), slices.Clone(h.s.plan.shared), "")
	if err := o.links.run(h.ctx, linkPlan{connect: connect}, h.start); err != nil {
		o.hub.Remove(room.node, nil)
		return nil, errors.Join(err, o.stop())
	}
	return o, nil
}

// meets takes how the default connection stands now: the other rooms take part in it.
func (h *house) meets(m meeting) {
	h.mu.Lock()
	h.meeting = m
	rooms := h.runningLocked()
	h.mu.Unlock()
	for id, o := range rooms {
		h.meet(id, o)
	}
}

// meet lets a room take part in the default connection, if that is one to somebody, or else no more.
func (h *house) meet(id crdt.RoomID, o *opened) {
	if o == h.first {
		return
	}
	h.meetMu.Lock()
	defer h.meetMu.Unlock()
	h.mu.Lock()
	m := h.meeting
	old, was := h.met[id]
	h.mu.Unlock()
	switch {
	case m.state == meetDialled && !was:
		peer, err := h.first.hub.Connect(o.node, "ws://"+h.first.links.meetAt)
		if err != nil {
			return // the first room is told
		}
		h.mu.Lock()
		h.met[id] = peer
		h.mu.Unlock()
	case m.state != meetDialled && was:
		h.first.hub.Disconnect(old)
		h.mu.Lock()
		delete(h.met, id)
		h.mu.Unlock()
	}
}

// runningLocked are the rooms that run.
func (h *house) runningLocked() map[crdt.RoomID]*opened {
	rooms := map[crdt.RoomID]*opened{}
	for id, slot := range h.slots {
		select {
		case <-slot.done:
			if slot.err == nil {
				rooms[id] = slot.room
			}
		default:
		}
	}
	return rooms
}

// stop ends all rooms but the first, whose owner does, before their connections end.
func (h *house) stop() error {
	h.mu.Lock()
	h.ended = true
	h.mu.Unlock()
	h.end()
	h.busy.Wait()
	err := h.keepRead()
	h.mu.Lock()
	rooms := h.runningLocked()
	h.mu.Unlock()
	for _, o := range rooms {
		if o != h.first {
			err = errors.Join(err, o.stop())
		}
	}
	return err
}

// live opens the joined rooms behind the one that is shown, and counts what comes to them, until stop.
func (h *house) live() {
	h.mu.Lock()
	h.shown = h.s.charter.ID()
	h.mu.Unlock()
	h.reread()
	h.watch(h.s.charter.ID(), h.first)
	h.run(func() {
		failed := map[crdt.RoomID]bool{}
		h.openBehind(failed)
		tick := time.NewTicker(joinedEvery)
		defer tick.Stop()
		var read os.FileInfo
		var told string
		for {
			select {
			case <-h.ctx.Done():
				return
			case <-tick.C:
			}
			if err := h.keepRead(); err != nil && err.Error() != told {
				told = err.Error()
				h.say("%v", err)
			}
			info, err := os.Stat(h.s.person.JoinedPath())
			if err == nil && (read == nil || !os.SameFile(info, read) || !info.ModTime().Equal(read.ModTime())) {
				read = info
				h.reread()
				h.openBehind(failed)
			}
		}
	})
}

// openBehind opens joined rooms that do not run, as many as may be, and watches them. What could not be opened is among failed: it is
// told once, and tried again when the user wants to see it.
func (h *house) openBehind(failed map[crdt.RoomID]bool) {
	h.mu.Lock()
	joined := h.joined
	h.mu.Unlock()
	for i, r := range joined {
		if i >= maxBehind || h.ctx.Err() != nil {
			return
		}
		id := r.Charter.ID()
		if failed[id] {
			continue
		}
		o, err := h.open(h.ctx, r.Charter) // a command may have opened it already
		if err != nil {
			if h.ctx.Err() == nil {
				failed[id] = true
				h.say("room %s is not open: %v", r.Charter.Name, err)
			}
			continue
		}
		if h.watch(id, o) && len(o.found) > 0 {
			h.say("room %s: %s", r.Charter.Name, strings.Join(o.found, "; "))
		}
	}
}

// reread takes over the file of joined rooms.
func (h *house) reread() {
	h.fileMu.Lock()
	defer h.fileMu.Unlock()
	joined, err := h.s.person.Joined()
	if err != nil {
		h.say("%v", err)
		return
	}
	h.mu.Lock()
	h.joined = joined
	for _, r := range joined {
		id := r.Charter.ID()
		if _, known := h.read[id]; !known {
			h.read[id] = r.Read
		}
	}
	h.mu.Unlock()
	poke(h.changed)
}

// join puts a room among the joined ones. One that runs is looked for at relays that are new from now on.
func (h *house) join(in invite.Invitation) error {
	id := in.Charter.ID()
	before := relaysOf(h.s.person, id)
	if _, err := join(h.s.person, in); err != nil {
		return err
	}
	h.reread()
	h.mu.Lock()
	o := h.runningLocked()[id]
	h.mu.Unlock()
	if o == nil || h.s.flags.offline || len(h.s.flags.connect) > 0 {
		return nil
	}
	for _, u := range relaysOf(h.s.person, id) {
		if slices.Contains(before, u) {
			continue
		}
		if _, err := o.hub.Connect(o.node, u); err != nil {
			return err
		}
	}
	return nil
}

// watch counts what comes to a room. It reports whether it has not done so before.
func (h *house) watch(id crdt.RoomID, o *opened) bool {
	h.mu.Lock()
	_, counted := h.count[id]
	if !counted {
		h.count[id] = roomCount{upTo: -1}
	}
	h.mu.Unlock()
	if counted {
		return false
	}
	return h.run(func() {
		changed, stop := o.node.Watch()
		defer stop()
		for {
			select {
			case <-h.ctx.Done():
				return
			case <-o.ended:
				poke(h.changed)
				return
			case <-changed:
			}
			h.recount(id, o)
			if !pause(h.ctx, unreadEvery) {
				return
			}
		}
	})
}

// recount counts what a room has more than what was shown.
func (h *house) recount(id crdt.RoomID, o *opened) {
	snap := o.node.Snapshot()
	v := snap.View
	h.mu.Lock()
	old := h.count[id]
	c, read, shown := old, h.read[id], h.shown == id
	h.mu.Unlock()
	c.link = snap.Link
	switch {
	case shown:
		c.upTo, c.unread, c.waiting = v.Changes(), 0, 0 // the screen says what waits there
	default:
		if old.upTo < 0 {
			read = min(read, v.Changes()) // of a salvaged log: what comes to it is new, even if it was here once
		}
		if c.upTo < read {
			c.upTo, c.unread = min(read, v.Changes()), 0
		}
		me := crdt.Author(h.s.person.Author)
		for ; c.upTo < v.Changes(); c.upTo++ {
			if v.ChangeAt(c.upTo).Author != me {
				c.unread += len(v.RowsOf(c.upTo))
			}
		}
		d := o.desk(v.Charter(), h.s.person)
		d.look()
		c.waiting = d.book.WaitingCount()
	}
	h.mu.Lock()
	if shown = h.shown == id; shown {
		h.read[id] = v.Changes()
		c.unread, c.waiting = 0, 0
	} else if old.upTo < 0 {
		h.read[id] = read
	}
	h.count[id] = c
	h.mu.Unlock()
	if c.unread != old.unread || c.waiting != old.waiting || c.link != old.link {
		poke(h.changed)
	}
}

// show makes a room the one that is shown, whose rows are read.
func (h *house) show(id crdt.RoomID, o *opened) {
	h.mu.Lock()
	before := h.shown
	old := h.runningLocked()[before]
	h.shown = id
	h.mu.Unlock()
	if old != nil && before != id {
		h.mu.Lock()
		h.read[before] = old.node.Snapshot().View.Changes()
		h.count[before] = roomCount{upTo: h.read[before], link: h.count[before].link}
		h.mu.Unlock()
		h.run(func() { h.recount(before, old) }) // what waits there, the screen said until now; a book takes a while
	}
	h.watch(id, o)
	h.recount(id, o)
	if err := h.keepRead(); err != nil {
		h.say("%v", err)
	}
	poke(h.changed)
}

// keepRead writes how far the rooms were read.
func (h *house) keepRead() error {
	h.fileMu.Lock()
	defer h.fileMu.Unlock()
	h.mu.Lock()
	read := map[crdt.RoomID]int{}
	for _, r := range h.joined {
		if id := r.Charter.ID(); h.read[id] != r.Read {
			read[id] = h.read[id]
		}
	}
	h.mu.Unlock()
	if len(read) == 0 {
		return nil
	}
	var now []profile.Joined
	err := h.s.person.ChangeJoined(func(list []profile.Joined) ([]profile.Joined, error) {
		for i := range list {
			if n, ok := read[list[i].Charter.ID()]; ok {
				list[i].Read = n
			}
		}
		now = list
		return list, nil
	})
	if err == nil {
		h.mu.Lock()
		h.joined = now
		h.mu.Unlock()
	}
	return err
}
