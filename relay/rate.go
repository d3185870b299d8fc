package relay

import (
	"iter"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

const (
	// rateBurst is for how long a rate may be exceeded before it delays anything.
	rateBurst = 4 * time.Second
	// maxDelay bounds one delay, so that a connection that is delayed is not taken for dead.
	maxDelay = 5 * time.Second
	// maxAuthorRates bounds the authors whose rate is remembered. Beyond, those that owe nothing are forgotten, then all.
	maxAuthorRates = 1 << 16
)

// bucket is a token bucket of bytes; its zero value is full. It may go into debt: what has arrived is never refused, it
// makes who sent it wait.
type bucket struct {
	used float64 // bytes that count, as of at; below nothing: full
	at   time.Time
}

// take charges n bytes at a rate in bytes a second, and returns how long whoever sent them is to wait.
func (b *bucket) take(now time.Time, n int, rate int64) time.Duration {
	b.leak(now, rate)
	b.used += float64(n)
	burst := rateBurst.Seconds() * float64(rate)
	b.used = min(b.used, burst+2*maxDelay.Seconds()*float64(rate)) // a debt that waits could not pay is forgiven
	return min(maxDelay, time.Duration((b.used-burst)/float64(rate)*float64(time.Second)))
}

func (b *bucket) leak(now time.Time, rate int64) {
	if now.After(b.at) {
		b.used = max(0, b.used-now.Sub(b.at).Seconds()*float64(rate))
		b.at = now
	}
}

// delays counts what a rate has made wait.
type delays struct{ n, nanos atomic.Uint64 }

func (d *delays) add(wait time.Duration) {
	d.n.Add(1)
	d.nanos.Add(uint64(wait))
}

// authorRates charge what authors' new changes take to the connection that delivers them: it waits, and nothing is left
// out. Safe for concurrent use.
type authorRates struct {
	rate    int64 // bytes a second
	delayed delays

	mu sync.Mutex
	of map[crdt.Author]*bucket // guarded by mu; at most maxAuthorRates
}

// charge is [transport.HubConfig].Charge.
func (r *authorRates) charge(remote net.Conn, runs iter.Seq2[crdt.Author, int]) time.Duration {
	if c, ok := countedConn(remote); !ok || !c.limited {
		return 0
	}
	wait := r.take(time.Now(), runs)
	if wait > 0 {
		r.delayed.add(wait)
	}
	return wait
}

// take charges the runs and returns the longest wait of their authors.
func (r *authorRates) take(now time.Time, runs iter.Seq2[crdt.Author, int]) (wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for author, n := range runs {
		b := r.of[author]
		if b == nil {
			if len(r.of) >= maxAuthorRates {
				r.forget(now)
			}
			if r.of == nil {
				r.of = make(map[crdt.Author]*bucket)
			}
			b = new(bucket)
			r.of[author] = b
		}
		wait = max(wait, b.take(now, n, r.rate))
	}
	return wait
}

// forget makes room: those that owe nothing go, and if these are not half of all, all do.
func (r *authorRates) forget(now time.Time) {
	for author, b := range r.of {
		if b.leak(now, r.rate); b.used == 0 {
			delete(r.of, author)
		}
	}
	if len(r.of) > maxAuthorRates/2 {
		clear(r.of)
	}
}
