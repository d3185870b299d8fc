package fleet

import (
	"fmt"
	"maps"
	"sync"
)

// A Book knows what all nodes of a room have acknowledged and shown, over all their lives, and notes every contradiction:
// what was acknowledged and is gone, one text under two ids or shown twice, an author who forked, a process that ended by itself.
// Safe for concurrent use.
//
// Each entry is known by its memo, which is never used twice.
type Book struct {
	// Lies says of a peer's address whether the peer may seem to lie, as it does over a line that flips bits: then it may seem
	// to withhold what it said to have stored. Nil: nobody lies. It is set before any node runs.
	Lies func(peer string) bool

	mu      sync.Mutex
	changed *sync.Cond                     // guarded by mu; something of the book or of a node has changed
	ids     map[string]string              // guarded by mu; of every entry that anybody has shown, by memo
	own     map[string]map[string]struct{} // guarded by mu; by node: what it has acknowledged
	refused map[string]int                 // guarded by mu; refusals that nodes told, by code
	closed  map[string]int                 // guarded by mu; connections that nodes told to have ended, by code
	live    int                            // guarded by mu; connections that nodes told to be live
	lies    int                            // guarded by mu; times that a peer seemed to withhold something, and might
	wrong   []error                        // guarded by mu; the first few
	more    int                            // guarded by mu; that wrong does not hold
}

// NewBook returns an empty book.
func NewBook() *Book {
	b := &Book{
		ids: make(map[string]string), own: make(map[string]map[string]struct{}),
		refused: make(map[string]int), closed: make(map[string]int),
	}
	b.changed = sync.NewCond(&b.mu)
	return b
}

const maxWrong = 20

// Wrong notes that something is not as it must be.
func (b *Book) Wrong(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrongLocked(format, args...)
}

func (b *Book) wrongLocked(format string, args ...any) {
	if len(b.wrong) == maxWrong {
		b.more++
		return
	}
	b.wrong = append(b.wrong, fmt.Errorf(format, args...))
	b.changed.Broadcast()
}

// Err returns the contradictions so far, nil if there are none.
func (b *Book) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch n := len(b.wrong) + b.more; n {
	case 0:
		return nil
	case 1:
		return b.wrong[0]
	default:
		return fmt.Errorf("%d things are wrong, first of them: %w", n, b.wrong[0])
	}
}

// Tally is what a book has counted.
type Tally struct {
	Entries      int            // different ones that were shown
	Acknowledged int            // of them shown by their author
	Live         int            // connections of nodes that became live
	Lies         int            // times that a peer seemed to withhold something, and might, since its line flips bits
	Refused      map[string]int // refusals that nodes told, by code
	Closed       map[string]int // connections that nodes told to have ended, by code
}

// Tally returns the counts so far.
func (b *Book) Tally() Tally {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := Tally{Entries: len(b.ids), Live: b.live, Lies: b.lies, Refused: maps.Clone(b.refused), Closed: maps.Clone(b.closed)}
	for _, own := range b.own {
		t.Acknowledged += len(own)
	}
	return t
}

// shownLocked takes in that the node shows an entry.
func (b *Book) shownLocked(node, memo, id string, own bool) {
	if known, ok := b.ids[memo]; !ok {
		b.ids[memo] = id
	} else if known != id {
		b.wrongLocked("%s shows %q as %s; it was %s before", node, memo, id, known)
	}
	if own {
		if b.own[node] == nil {
			b.own[node] = make(map[string]struct{})
		}
		b.own[node][memo] = struct{}{}
	}
}
