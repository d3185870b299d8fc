package transport

import (
	"errors"
	"maps"
	"sync"
	"sync/atomic"
)

// A Meter counts what the hubs and nodes do that it is given to, since it was made. It knows no rooms, authors or
// addresses. Safe for concurrent use; its zero value is ready.
type Meter struct {
	MessagesIn, MessagesOut atomic.Uint64 // websocket messages
	BytesIn, BytesOut       atomic.Uint64 // of them
	PacksIn                 atomic.Uint64 // checked, up to the first of a message that is refused
	ChangesIn               atomic.Uint64 // of the packs that were good and new when they were checked
	ChangesOut              atomic.Uint64 // sent to a peer, each as often as it was
	ChangesAdded            atomic.Uint64 // to a log, by whomever
	Waiting                 atomic.Int64  // parts of packs messages that wait to be checked at this moment, those included that are checked with another
	Checking                atomic.Int64  // and places where some are being checked
	Pended                  atomic.Uint64 // packs that had to wait for a parent
	Forks                   atomic.Uint64 // that rooms have seen while they were open
	Delays                  atomic.Uint64 // packs messages that waited because HubConfig.Charge said so
	DelayNanos              atomic.Uint64 // and for how long, in all

	refused counts // packs, by the code of why
	closed  counts // connections that were accepted, by the code of why they ended
}

// Refused returns how many packs were refused, by code: a closed list.
func (m *Meter) Refused() map[string]uint64 { return m.refused.all() }

// Closed returns how many accepted connections have ended, by code: a closed list. What a peer gives as its reason is
// "peer-error".
func (m *Meter) Closed() map[string]uint64 { return m.closed.all() }

// codePeerError stands for all that a peer may say.
const codePeerError = "peer-error"

// meterCode is Code, but never a peer's words.
func meterCode(err error) string {
	var said *PeerError
	if errors.As(err, &said) {
		return codePeerError
	}
	return Code(err)
}

// counts are few: their codes are of closed lists.
type counts struct {
	mu sync.Mutex
	n  map[string]uint64 // guarded by mu
}

func (c *counts) add(code string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = make(map[string]uint64)
	}
	c.n[code]++
}

func (c *counts) all() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.n)
}
