package relay

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/transport"
)

const (
	roomSuffix    = ".db"
	roomNameCells = 64
	// evictAfter is how long a room that was asked for is left open for the peer to come, however busy the relay is.
	evictAfter = time.Second
)

// sessions is the part of a [transport.Hub] that rooms need. Remove ends the sessions of a room and tells the peers why.
type sessions interface {
	Remove(n *transport.Node, why error)
}

// rooms are the rooms of a relay: those on disk, and which of them are open.
//
// Invariant: a room has at most one entry in open, from before its file is opened until after it was closed.
type rooms struct {
	dir     string
	policy  Policy
	log     *slog.Logger
	hub     sessions
	ctx     context.Context // of the nodes
	meter   *transport.Meter
	pending *transport.PendingBudget
	metrics *metrics       // nil: nothing is measured
	slots   chan struct{}  // of those that are being opened
	kick    chan struct{}  // one place: a room has become full
	wg      sync.WaitGroup // open rooms

	mu      sync.Mutex
	kept    map[crdt.RoomID]int64 // those with a file, and its size when it was last closed, with its journal's; open ones know better
	open    map[crdt.RoomID]*room
	refused map[crdt.RoomID]refusal // rooms with a file, so no more than kept
	damaged map[crdt.RoomID]int64   // bytes of the damaged files beside rooms, as of the start or of the newest salvage
	closed  bool                    // no more are opened
}

// refusal is why a room that is kept is not opened.
type refusal struct {
	err   error
	until time.Time // zero: for as long as this relay runs
}

// room is one open room.
type room struct {
	id     crdt.RoomID
	name   safe.String
	ready  chan struct{} // closed when node or err is set
	done   chan struct{} // closed when the store is closed and the entry is gone
	cancel context.CancelFunc

	// Set before ready is closed, read only after.
	node  *transport.Node
	store *roomStore
	err   error

	// Owned by rooms.mu.
	asked   time.Time // when a peer named it last, or was last seen connected
	closing bool
}

// newRooms finds the rooms that are kept in dir.
func newRooms(ctx context.Context, dir string, p Policy, log *slog.Logger) (*rooms, error) {
	rs := &rooms{
		dir: dir, policy: p, log: log, ctx: ctx,
		meter: new(transport.Meter), pending: &transport.PendingBudget{Bytes: p.MaxPendingBytes, Floor: p.PendingFloorBytes},
		slots: make(chan struct{}, p.MaxOpening), kick: make(chan struct{}, 1),
		kept: map[crdt.RoomID]int64{}, open: map[crdt.RoomID]*room{}, refused: map[crdt.RoomID]refusal{}, damaged: map[crdt.RoomID]int64{},
	}
	if err := disk.MkdirAll(dir); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		// Of a journal that a crash has left the room is kept, though its file be gone. What else stands there is of no use to it.
		name, _, damaged := strings.Cut(e.Name(), store.DamagedInfix)
		name, rest, _ := strings.Cut(name, store.JournalInfix)
		damaged = damaged || rest != ""
		id, ok := parseRoomFile(name)
		if !ok {
			continue
		}
		info, err := e.Info()
		switch {
		case errors.Is(err, fs.ErrNotExist) && damaged: // taken away just now
		case err != nil:
			return nil, err
		case damaged:
			rs.damaged[id] += info.Size()
		default:
			rs.kept[id] += info.Size()
		}
	}
	return rs, nil
}

// damagedBytes is the size of all damaged files beside the store at path, and of damaged journals.
func damagedBytes(path string) (sum int64) {
	for n := 1; n <= store.MaxDamaged; n++ {
		for _, of := range []string{path, path + store.JournalInfix} {
			if info, err := os.Lstat(fmt.Sprintf("%s%s%d", of, store.DamagedInfix, n)); err == nil {
				sum += info.Size()
			}
		}
	}
	return sum
}

func roomFile(id crdt.RoomID) string { return hex.EncodeToString(id[:]) + roomSuffix }

func parseRoomFile(name string) (id crdt.RoomID, ok bool) {
	digits, ok := strings.CutSuffix(name, roomSuffix)
	if !ok || len(digits) != 2*len(id) || strings.ToLower(digits) != digits {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(digits))
	return id, err == nil
}

// Open is [transport.HubConfig].Open: it returns the running node of a room, opening it if need be, and counts refusals.
func (rs *rooms) Open(ctx context.Context, id crdt.RoomID, charter crdt.Charter) (*transport.Node, error) {
	n, err := rs.find(ctx, id, charter)
	if err != nil && ctx.Err() == nil {
		rs.metrics.roomRefused(transport.Code(err))
	}
	return n, err
}

func (rs *rooms) find(ctx context.Context, id crdt.RoomID, charter crdt.Charter) (*transport.Node, error) {
	for {
		r, wait, err := rs.admit(id, charter)
		if err != nil {
			return nil, err
		}
		if wait == nil {
			wait = r.ready
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if r != nil {
			return r.node, r.err
		}
	}
}

// admit returns the room, open or being opened; or what to wait for before asking again; or why it is not opened.
func (rs *rooms) admit(id crdt.RoomID, charter crdt.Charter) (r *room, wait <-chan struct{}, err error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	now := time.Now()
	if rs.closed {
		return nil, nil, refuseLeaving()
	}
	if r := rs.open[id]; r != nil {
		if r.closing {
			return nil, r.done, nil
		}
		r.asked = now
		return r, nil, nil
	}
	if no, ok := rs.refused[id]; ok {
		if no.until.IsZero() || now.Before(no.until) {
			return nil, nil, no.err
		}
		delete(rs.refused, id)
	}
	if wait, err := rs.place(id, now); wait != nil || err != nil {
		return nil, wait, err
	}
	ctx, cancel := context.WithCancel(rs.ctx)
	r = &room{
		id: id, name: safe.Text(charter.Name, roomNameCells), asked: now, cancel: cancel,
		ready: make(chan struct{}), done: make(chan struct{}),
	}
	rs.open[id] = r
	rs.wg.Go(func() { rs.run(ctx, r, charter) })
	return r, nil, nil
}

// place looks whether there is room for one more open room, and closes an idle one if that is what it takes.
func (rs *rooms) place(id crdt.RoomID, now time.Time) (wait <-chan struct{}, err error) {
	size, kept := rs.kept[id]
	if !kept {
		count, bytes := rs.all(func(*room) bool { return true })
		if count >= rs.policy.MaxRooms {
			return nil, refuseRooms(fmt.Sprintf("%d rooms", rs.policy.MaxRooms))
		}
		if bytes >= rs.policy.MaxTotalBytes {
			return nil, refuseRooms(fmt.Sprintf("%d bytes", rs.policy.MaxTotalBytes))
		}
	}
	if len(rs.open) < rs.policy.MaxOpenRooms && (len(rs.open) == 0 || rs.openBytes()+size <= rs.policy.MaxOpenBytes) {
		return nil, nil
	}
	var oldest *room
	for _, r := range rs.open {
		if r.closing {
			return r.done, nil
		}
		if now.Sub(r.asked) >= evictAfter && idle(r) && (oldest == nil || r.asked.Before(oldest.asked)) {
			oldest = r
		}
	}
	if oldest == nil {
		return nil, refuseBusy()
	}
	rs.startClose(oldest, nil)
	return oldest.done, nil
}

// openBytes is what all open rooms hold, about; of one that is being opened, the size of its file.
func (rs *rooms) openBytes() int64 {
	var sum int64
	for _, r := range rs.open {
		held := rs.kept[r.id]
		if opened(r) && r.store != nil {
			held = max(held, r.store.held.Load()) + r.store.waiting.Load()
		}
		sum += held
	}
	return sum
}

// all counts the rooms that are kept and those of the open ones that are not yet, if also says so; and the bytes of all,
// damaged files among them. It costs O(kept).
func (rs *rooms) all(also func(*room) bool) (count int, bytes int64) {
	count = len(rs.kept)
	for _, size := range rs.damaged {
		bytes += size
	}
	for id, size := range rs.kept {
		if r := rs.open[id]; r != nil {
			size = max(size, r.bytes())
		}
		bytes += size
	}
	for id, r := range rs.open {
		if _, ok := rs.kept[id]; !ok && also(r) {
			count++
			bytes += r.bytes()
		}
	}
	return count, bytes
}

// bytes is the size of the room's file and its journal's, 0 as long as it is not open or there is none.
func (r *room) bytes() int64 {
	if !opened(r) || r.store == nil {
		return 0
	}
	return r.store.size.Load() + r.store.beside.Load()
}

// opened says whether r.node, r.store and r.err may be read.
func opened(r *room) bool {
	select {
	case <-r.ready:
		return true
	default:
		return false
	}
}

// idle says whether r is open and nobody is connected to it.
func idle(r *room) bool {
	if !opened(r) || r.err != nil {
		return false
	}
	for _, p := range r.node.Snapshot().Peers {
		if p.State != transport.PeerClosed {
			return false
		}
	}
	return true
}

// run is the life of one open room.
func (rs *rooms) run(ctx context.Context, r *room, charter crdt.Charter) {
	defer r.cancel()
	select {
	case rs.slots <- struct{}{}:
	case <-ctx.Done():
		r.err = refuseLeaving()
		rs.forget(r, nil)
		close(r.ready)
		return
	}
	cause := rs.load(ctx, r, charter)
	<-rs.slots
	close(r.ready)
	if r.err == nil {
		rs.log.Info("room open", "room", r.id.String(), "name", r.name, "bytes", r.store.size.Load(), "changes", r.node.Snapshot().View.Changes())
		cause = r.node.Run(ctx)
	}
	if r.store != nil {
		if err := r.store.Close(); err != nil && cause == nil {
			cause = err
		}
	}
	rs.forget(r, cause)
}

// load opens store and node of r. It sets r.err to what the peer is told, and returns the cause, which is for the log.
func (rs *rooms) load(ctx context.Context, r *room, charter crdt.Charter) error {
	err := rs.loadOnce(ctx, r, charter, nil)
	var refused *crdt.RefusedError
	if errors.As(err, &refused) && r.store != nil && r.store.salvaged == nil {
		// Every checksum is good and what they are of is not: the file was damaged before it was written, or by somebody.
		if closing := r.store.Close(); closing != nil {
			return closing
		}
		r.store, r.err = nil, nil
		err = rs.loadOnce(ctx, r, charter, err)
	}
	return err
}

// loadOnce is load; with why, the store is salvaged first.
func (rs *rooms) loadOnce(ctx context.Context, r *room, charter crdt.Charter, why error) error {
	s, err := openRoomStore(filepath.Join(rs.dir, roomFile(r.id)), charter, rs.policy.MaxRoomBytes, rs.onFull, why)
	if err != nil {
		r.err = refuseStore()
		return err
	}
	r.store, s.metrics = s, rs.metrics
	found := ""
	if s.salvaged != nil || s.foundJournal() != nil {
		rs.mu.Lock()
		rs.damaged[r.id] = damagedBytes(s.path)
		rs.mu.Unlock()
	}
	if s.gone {
		rs.metrics.storeSalvaged()
		rs.log.Error("room's file gone: what its journal holds is in a new one", "room", r.id.String(), "name", r.name, "records", s.file.Len())
	}
	if s.salvaged != nil {
		rs.metrics.storeSalvaged()
		found = s.salvaged.String()
		rs.log.Error("room salvaged", "room", r.id.String(), "name", r.name, "kept", s.salvaged.Kept, "changes", s.salvaged.Changes,
			"waiting", s.salvaged.Waiting, "found", found)
	}
	if damaged := s.foundJournal(); damaged != nil {
		rs.metrics.storeSalvaged()
		rs.log.Error("room's journal damaged", "room", r.id.String(), "name", r.name, "kept", damaged.Kept, "records", damaged.Frames, "found", damaged.Damage.Error())
	}
	if s.full.Load() {
		r.err = refuseFull(rs.policy.MaxRoomBytes)
		return nil
	}
	r.node, err = transport.OpenNode(ctx, transport.NodeConfig{Charter: charter, Keeper: true, Store: s, Salvaged: found, Meter: rs.meter, Pending: rs.pending, Log: rs.log})
	switch {
	case err == nil && s.full.Load(): // as its changes were counted
		r.node, r.err = nil, refuseFull(rs.policy.MaxRoomBytes)
		return nil
	case err == nil:
		return nil
	case ctx.Err() != nil:
		r.err = refuseLeaving()
		return nil
	default:
		r.err = refuseStore()
		return err
	}
}

// onFull is called when a room has become full.
func (rs *rooms) onFull() {
	select {
	case rs.kick <- struct{}{}:
	default:
	}
}

// forget takes r, which has ended, out of the open rooms.
func (rs *rooms) forget(r *room, cause error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	delete(rs.open, r.id)
	if size := r.bytes(); size > 0 {
		rs.kept[r.id] = size
		if r.store.full.Load() {
			rs.refused[r.id] = refusal{err: refuseFull(rs.policy.MaxRoomBytes)}
		}
	}
	if cause != nil {
		rs.metrics.storeFailed()
		rs.log.Error("room closed: store", "room", r.id.String(), "name", r.name, "err", safe.Text(cause.Error(), safe.MaxLogCells))
		if _, ok := rs.kept[r.id]; ok {
			rs.refused[r.id] = refusal{err: refuseStore(), until: time.Now().Add(rs.policy.RetryStore)}
		}
	} else {
		rs.log.Info("room closed", "room", r.id.String(), "name", r.name)
	}
	close(r.done)
}

// startClose ends r and tells its peers why; nil: nobody is there to be told. rs.mu is held.
func (rs *rooms) startClose(r *room, why error) {
	r.closing = true
	// Not under the mutex, and not on this goroutine: Remove may wait for the node, and that for a connection.
	rs.wg.Go(func() {
		rs.hub.Remove(r.node, why)
		r.cancel()
	})
}

// sweep closes full and idle rooms until ctx ends.
func (rs *rooms) sweep(ctx context.Context) {
	tick := time.NewTicker(max(rs.policy.IdleRoom/4, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-rs.kick:
		case <-ctx.Done():
			return
		}
		rs.sweepOnce(time.Now())
	}
}

func (rs *rooms) sweepOnce(now time.Time) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.open {
		switch {
		case r.closing || !opened(r) || r.err != nil:
		case r.store.full.Load():
			rs.log.Warn("room full", "room", r.id.String(), "name", r.name, "bytes", r.store.held.Load(), "limit", rs.policy.MaxRoomBytes)
			full := refuseFull(rs.policy.MaxRoomBytes)
			rs.refused[r.id] = refusal{err: full}
			rs.startClose(r, full)
		case !idle(r):
			r.asked = now
		case now.Sub(r.asked) >= rs.policy.IdleRoom:
			rs.startClose(r, nil)
		}
	}
}

// shut lets no more rooms be opened; those that are open end with the context given to newRooms.
func (rs *rooms) shut() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.closed = true
}

// counts returns how many rooms are kept and how many are open.
func (rs *rooms) counts() (kept, open int) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	kept, _ = rs.all(func(r *room) bool { return r.bytes() > 0 })
	return kept, len(rs.open)
}
