package live

import (
	"context"
	"fmt"
)

// An honest is an honest node of one room: the program in plain mode, or for a room that the program does not open by itself,
// a node of this process.
type honest interface {
	// begin starts it, again, on its files.
	begin(ctx context.Context) error
	// say makes an edit and returns its id once it is durable.
	say(ctx context.Context, text string) (id string, err error)
	// shows waits until it has that edit.
	shows(ctx context.Context, id string) error
	// misses waits until it has noticed that a peer at one of the addresses no longer shows what it said to have stored.
	misses(ctx context.Context, addrs map[string]bool) error
	// finish ends it; all that it has must have been stored by a peer.
	finish(ctx context.Context) error
	// verify reads its files anew, while it does not run.
	verify(ctx context.Context) (ending, error)
	// abandon ends it at once, wherever it is.
	abandon()
	// check says what must never be seen of it, nil if nothing was.
	check() error

	address() string // where it listens, "" if it does not
	counted() *codes
	peakBytes() int64
}

// ending is what a node has in the end.
type ending struct {
	LogDigest, DocDigest string
	Changes, Rows        int
	Forked               int // authors
	FileBytes            int64
}

func (e ending) equal(o ending) error {
	if e.LogDigest != o.LogDigest || e.DocDigest != o.DocDigest {
		return fmt.Errorf("log digests %.8s and %.8s, document digests %.8s and %.8s, changes %d and %d", e.LogDigest, o.LogDigest, e.DocDigest, o.DocDigest, e.Changes, o.Changes)
	}
	return nil
}
