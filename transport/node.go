package transport

import (
	"context"

	"github.com/tallystick/tallystick/crdt"
)

// Node is one room in this process: the one goroutine (Run) that owns replica, store and sessions. Intents go in,
// immutable snapshots come out.
type Node struct{}

// OpenNode loads the store into a new replica and checks every hash link and tip signature. It takes about 5 µs a
// change: call it off a screen's goroutine. The node does nothing until Run.
func OpenNode(ctx context.Context, cfg NodeConfig) (*Node, error) { panic("not yet") }

// Run owns the node until ctx ends; then it commits what was submitted, ends all sessions and returns nil. It returns
// an error that wraps [ErrFatal] when a write to disk went wrong.
func (n *Node) Run(ctx context.Context) error { panic("not yet") }

// Room returns the room's id.
func (n *Node) Room() crdt.RoomID { panic("not yet") }

// Snapshot returns the newest state: never nil, never blocks, from any goroutine.
func (n *Node) Snapshot() *Snapshot { panic("not yet") }

// Changed returns the channel of one place that is poked when there is a newer Snapshot. It has one reader at most.
func (n *Node) Changed() <-chan struct{} { panic("not yet") }

// Submit hands over an intent, from any goroutine. It waits while the queue is full, until ctx ends. The result comes by
// Intent.Done. Errors: [ErrStopped], [ErrNoAuthor], [ErrGuarded], [ErrSelfFork], ctx.Err().
func (n *Node) Submit(ctx context.Context, in Intent) error { panic("not yet") }

// Append submits one literal for the feed list and waits until it is durable.
func (n *Node) Append(ctx context.Context, unix int64, entry crdt.Literal) (Receipt, error) {
	panic("not yet")
}

// ConfirmOnlyCopy says, for the user, that no other copy of key and store exists. It ends the guard of a copied store.
func (n *Node) ConfirmOnlyCopy() { panic("not yet") }
