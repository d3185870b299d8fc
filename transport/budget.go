package transport

import (
	"sync/atomic"

	"github.com/tallystick/tallystick/crdt"
)

// A PendingBudget bounds what is pending in many nodes together: at most Bytes, and Floor for each node besides. While
// all of them hold more than Bytes, a node keeps no more than Floor; so nobody can fill the budget in some rooms and
// leave nothing to the others. Safe for concurrent use.
type PendingBudget struct {
	Bytes int64
	Floor int64 // of one node

	held    atomic.Int64
	trimmed atomic.Uint64
}

// Held is what is pending in all nodes now, in bytes as [crdt.Replica.Pending] counts them.
func (b *PendingBudget) Held() int64 { return b.held.Load() }

// Trimmed is how often a node had to give something up.
func (b *PendingBudget) Trimmed() uint64 { return b.trimmed.Load() }

// settle takes in what is pending in r, of which was is counted already, makes it less if need be, and returns what is
// counted now.
func (b *PendingBudget) settle(r *crdt.Replica, was int64) (now int64, trimmed bool) {
	if b == nil {
		return 0, false
	}
	_, n := r.Pending()
	if now = int64(n); now == was {
		return now, false
	}
	over := b.held.Add(now-was) - b.Bytes
	if over <= 0 || now <= b.Floor {
		return now, false
	}
	r.TrimPending(int(max(b.Floor, now-over)))
	b.trimmed.Add(1)
	_, n = r.Pending()
	b.held.Add(int64(n) - now)
	return int64(n), true
}

// release gives back what is counted for a node that has ended.
func (b *PendingBudget) release(was int64) {
	if b != nil {
		b.held.Add(-was)
	}
}
