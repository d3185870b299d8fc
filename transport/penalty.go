package transport

import (
	"net/netip"
	"sync"
	"time"
)

const (
	penaltyMin    = 50 * time.Millisecond
	penaltyMax    = 5 * time.Second        // less than a HelloTimeout: who shares the address is late, not shut out
	penaltyLocal  = 250 * time.Millisecond // on the loopback, where a proxy makes all of its clients look alike
	penaltyForget = time.Minute            // without a further refusal
	maxPenalties  = 4096
)

// Penalties remember the addresses (see shareOf) that have delivered what was refused for its bytes, which no honest peer does.
// A new connection from there is read no sooner than a while later, twice as long each time, so that to be thrown out and to
// come again is no way to flood. Connections that there are go on. Safe for concurrent use; the zero value is ready.
type penalties struct {
	mu sync.Mutex
	of map[string]penalty // guarded by mu; at most maxPenalties
}

type penalty struct {
	at   time.Time // of the newest refusal
	wait time.Duration
}

// add notes a refusal.
func (p *penalties) add(share string, now time.Time) {
	most := penaltyMax
	if ip, err := netip.ParseAddr(share); err == nil && ip.IsLoopback() || share == "::/64" {
		most = penaltyLocal
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = make(map[string]penalty)
	}
	old, again := p.of[share]
	if !again && len(p.of) >= maxPenalties {
		p.forget(now)
	}
	wait := penaltyMin
	if again && now.Sub(old.at) < penaltyForget {
		wait = min(2*old.wait, most)
	}
	p.of[share] = penalty{now, wait}
}

// forget drops what is over and, if too little is, any half of the rest. Call it with mu held.
func (p *penalties) forget(now time.Time) {
	for share, old := range p.of {
		if now.Sub(old.at) >= penaltyForget {
			delete(p.of, share)
		}
	}
	for share := range p.of {
		if len(p.of) <= maxPenalties/2 {
			return
		}
		delete(p.of, share)
	}
}

// wait is how long a connection that was made at now is not to be read.
func (p *penalties) wait(share string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, ok := p.of[share]
	if !ok {
		return 0
	}
	return max(0, old.wait-now.Sub(old.at))
}
