package tui

import (
	"context"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/list"
)

// Node is a room that runs. A *transport.Node is one. All methods are safe for concurrent use.
type Node interface {
	// Snapshot returns the newest state; it never blocks and never returns nil.
	Snapshot() *transport.Snapshot
	// Changed is poked (one place) when there is a newer Snapshot. The screen is its only reader.
	Changed() <-chan struct{}
	// Submit hands over an intent; it may wait for room in a queue, until ctx ends. An error means that Done is not called.
	Submit(ctx context.Context, in transport.Intent) error
	// Evidence encodes a fork of the newest Snapshot's View as proof; it may wait, until ctx ends.
	Evidence(ctx context.Context, f crdt.Fork) ([]byte, error)
	// ConfirmOnlyCopy says, for the user, that no other copy of key and store exists.
	ConfirmOnlyCopy()
}

var _ Node = (*transport.Node)(nil)

// Network changes the room's connections. All methods are safe for concurrent use; Connect may take its time.
type Network interface {
	// Connect keeps up a connection to an address as the user typed it.
	Connect(address string) error
	Disconnect(id transport.PeerID)
	Retry(id transport.PeerID)
}

// minSnapshot is the least time between two snapshots that are taken.
const minSnapshot = time.Second / 30

// viewRows are rows of a view: all, or some of them, in an order of their own.
type viewRows interface {
	list.Rows[crdt.Key]
	// window appends the places in the view of the n rows from top on.
	window(dst []int, top, n int) []int
}

// allRows are the rows of a view, as a list sees them.
type allRows struct{ view *crdt.View }

func (r allRows) Len() int                       { return r.view.Len() }
func (r allRows) Key(i int) crdt.Key             { return r.view.Row(i).Key }
func (r allRows) IndexOf(k crdt.Key) (int, bool) { return r.view.IndexOf(k) }

func (r allRows) window(dst []int, top, n int) []int {
	for i := range n {
		dst = append(dst, top+i)
	}
	return dst
}

// hitRows are the rows that a filter has found, in the view's order.
type hitRows struct {
	view *crdt.View
	keys []crdt.Key
}

func (r hitRows) Len() int           { return len(r.keys) }
func (r hitRows) Key(i int) crdt.Key { return r.keys[i] }

// IndexOf searches by position in the view: O(log hits · log² rows).
func (r hitRows) IndexOf(k crdt.Key) (int, bool) {
	row, ok := r.view.IndexOf(k)
	if !ok {
		return 0, false
	}
	i := r.place(row)
	return i, i < len(r.keys) && r.keys[i] == k
}

func (r hitRows) window(dst []int, top, n int) []int {
	for _, k := range r.keys[top : top+n] {
		at, _ := r.view.IndexOf(k)
		dst = append(dst, at)
	}
	return dst
}

// place is where a row of the view stands, or would stand, among the hits.
func (r hitRows) place(row int) int {
	lo, hi := 0, len(r.keys)
	for lo < hi {
		mid := (lo + hi) / 2
		if at, _ := r.view.IndexOf(r.keys[mid]); at < row {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

var (
	_ viewRows = allRows{}
	_ viewRows = hitRows{}
)

// takeSnapshot takes over the node's newest state.
func (m *Model) takeSnapshot() {
	old := m.snap
	m.snap = m.node.Snapshot()
	if old == m.snap {
		return
	}
	m.dirty = true
	m.readOn()
	if old == nil || old.View.Changes() != m.snap.View.Changes() {
		m.ledger.sync(old, m.snap)
		m.names.update(old, m.snap)
		m.welcome.follow(old, m.snap)
	}
	forks := len(m.snap.View.Forks())
	if old != nil && len(old.View.Forks()) < forks || old == nil && forks > 0 {
		author := m.snap.View.Forks()[forks-1].Author
		m.tell(true, "FORK: author %s has signed two changes after the same one; {ledger.evidence} shows the evidence", shortHex(author, 8))
	}
	m.events.take(m.snap.Events)
	m.peers.sync(m.snap)
}
