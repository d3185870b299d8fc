package relay

import (
	"context"
	"net"
	"net/netip"
	"sync"
)

// verdict is what becomes of a TCP connection.
type verdict uint8

const (
	admitted verdict = iota
	overTotal
	overAddr
)

// admission is a listener that counts the connections that it accepted, in all and by address, until they are closed.
// Those beyond a limit are marked, so that the HTTP handler can say so; if too many of these are open, further ones are closed at
// once. It counts what the HTTP server has handed on to a websocket too, since that closes the same [net.Conn].
type admission struct {
	net.Listener
	policy Policy

	mu       sync.Mutex
	total    int // admitted
	refusing int // open, not admitted
	byAddr   map[netip.Prefix]int

	refused [3]uint64 // by verdict, for tests and metrics
	dropped uint64    // closed without a word
}

func newAdmission(ln net.Listener, p Policy) *admission {
	return &admission{Listener: ln, policy: p, byAddr: map[netip.Prefix]int{}}
}

// Accept returns the next connection that is to be served or to be told why not.
func (a *admission) Accept() (net.Conn, error) {
	for {
		nc, err := a.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := a.take(nc); c != nil {
			return c, nil
		}
		_ = nc.Close() // nothing was said on it
	}
}

// take counts nc, nil if it is one too many even to be refused.
func (a *admission) take(nc net.Conn) *conn {
	c := &conn{Conn: nc, admission: a}
	c.addr, c.limited = a.key(nc.RemoteAddr())
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.total >= a.policy.MaxConnections:
		c.verdict = overTotal
	case c.limited && a.byAddr[c.addr] >= a.policy.MaxConnectionsPerAddr:
		c.verdict = overAddr
	default:
		a.total++
		if c.limited {
			a.byAddr[c.addr]++
		}
		return c
	}
	a.refused[c.verdict]++
	if a.refusing >= a.policy.MaxRefusing {
		a.dropped++
		return nil
	}
	a.refusing++
	return c
}

// release gives back what take counted.
func (a *admission) release(c *conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.verdict != admitted {
		a.refusing--
		return
	}
	a.total--
	if !c.limited {
		return
	}
	if a.byAddr[c.addr]--; a.byAddr[c.addr] == 0 {
		delete(a.byAddr, c.addr)
	}
}

// key returns what counts as one address, and whether it is limited at all. An IPv6 customer has a /64.
func (a *admission) key(remote net.Addr) (netip.Prefix, bool) {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}, true // all of an unknown kind share one limit
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if ip.IsLoopback() && !a.policy.LimitLoopback {
		return netip.Prefix{}, false
	}
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.Prefix(bits)
	return p, err == nil
}

// connections is the number of admitted connections that are open.
func (a *admission) connections() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.total
}

// conn is a connection that its admission has counted.
type conn struct {
	net.Conn
	admission *admission
	addr      netip.Prefix
	limited   bool
	verdict   verdict
	once      sync.Once
}

// Close closes the connection and no longer counts it.
func (c *conn) Close() error {
	c.once.Do(func() { c.admission.release(c) })
	return c.Conn.Close()
}

type verdictKey struct{}

// withVerdict is [http.Server].ConnContext: it hands the verdict on to the handler.
func withVerdict(ctx context.Context, nc net.Conn) context.Context {
	if c, ok := nc.(*conn); ok {
		return context.WithValue(ctx, verdictKey{}, c.verdict)
	}
	return ctx
}
