package relay

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
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
	byAddr   map[netip.Prefix]*address

	refused [3]uint64 // by verdict
	taken   uint64    // admitted, ever
	dropped uint64    // closed without a word

	byConn, byAddress delays // by the rates
	unspoken          atomic.Uint64
}

// address is what one address costs. It is remembered for as long as it has a connection or owes for what it has sent.
type address struct {
	connections int
	rate        bucket
}

func newAdmission(ln net.Listener, p Policy) *admission {
	return &admission{Listener: ln, policy: p, byAddr: map[netip.Prefix]*address{}}
}

// Accept returns the next connection that is to be served or to be told why not.
func (a *admission) Accept() (net.Conn, error) {
	for {
		nc, err := a.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := a.take(nc); c != nil {
			if tcp, ok := nc.(*net.TCPConn); ok {
				return &tcpConn{tcp, c}, nil
			}
			return c, nil
		}
		_ = nc.Close() // nothing was said on it
	}
}

// take counts nc, nil if it is one too many even to be refused.
func (a *admission) take(nc net.Conn) *conn {
	c := &conn{Conn: nc, admission: a, gone: make(chan struct{})}
	c.addr, c.limited = a.key(nc.RemoteAddr())
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.total >= a.policy.MaxConnections:
		c.verdict = overTotal
	case c.limited && a.address(c.addr).connections >= a.policy.MaxConnectionsPerAddr:
		c.verdict = overAddr
	default:
		a.total++
		a.taken++
		if c.limited {
			a.address(c.addr).connections++
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
	a.byAddr[c.addr].connections--
}

// address returns the account of an address. Accounts that nobody needs any more are closed when there are many. a.mu is held.
func (a *admission) address(of netip.Prefix) *address {
	if s := a.byAddr[of]; s != nil {
		return s
	}
	if len(a.byAddr) >= 2*a.policy.MaxConnections {
		a.forget(time.Now())
	}
	s := new(address)
	a.byAddr[of] = s
	return s
}

// forget closes the accounts of addresses that have no connection and owe nothing; if too many are left, also of those
// that owe: no more than MaxConnections addresses have a connection.
func (a *admission) forget(now time.Time) {
	for of, s := range a.byAddr {
		if s.rate.leak(now, a.policy.AddrBytesPerSecond); s.connections == 0 && s.rate.used == 0 {
			delete(a.byAddr, of)
		}
	}
	for of, s := range a.byAddr {
		if len(a.byAddr) <= a.policy.MaxConnections+a.policy.MaxConnections/2 {
			return
		}
		if s.connections == 0 {
			delete(a.byAddr, of)
		}
	}
}

// charge takes n bytes that c has sent, and returns how long it is to wait.
func (a *admission) charge(c *conn, n int) time.Duration {
	if !c.limited || c.verdict != admitted {
		return 0
	}
	now := time.Now()
	alone := c.rate.take(now, n, a.policy.ConnBytesPerSecond)
	a.mu.Lock()
	all := a.address(c.addr).rate.take(now, n, a.policy.AddrBytesPerSecond)
	a.mu.Unlock()
	switch {
	case alone <= 0 && all <= 0:
		return 0
	case all > alone:
		a.byAddress.add(all)
	default:
		a.byConn.add(alone)
	}
	return max(alone, all)
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
	gone      chan struct{} // closed by Close
	asked     atomic.Bool   // an HTTP request came over it
	rate      bucket        // owned by who reads
}

// Read reads, and returns only once what it has read is within the rates: so the sender waits, and its queue, not ours, grows.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if wait := c.admission.charge(c, n); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-c.gone:
		}
	}
	return n, err
}

// Close closes the connection and no longer counts it.
func (c *conn) Close() error {
	c.once.Do(func() {
		close(c.gone)
		c.admission.release(c)
		if c.verdict == admitted && !c.asked.Load() {
			c.admission.unspoken.Add(1)
		}
	})
	return c.Conn.Close()
}

// tcpConn is a conn over TCP. [net.Buffers] writes all of its pieces in one call to the system only if it is given what a
// *net.TCPConn is or embeds: otherwise a websocket message of more than the writer's buffer takes two, and its reader wakes twice.
type tcpConn struct {
	*net.TCPConn
	counted *conn
}

func (c *tcpConn) Read(p []byte) (int, error) { return c.counted.Read(p) }

func (c *tcpConn) Close() error { return c.counted.Close() }

// WriteTo reads within the rates, too: that of a *net.TCPConn would not.
func (c *tcpConn) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{c.counted})
}

// countedConn is what the admission knows of a connection.
func countedConn(nc net.Conn) (*conn, bool) {
	if c, ok := nc.(*tcpConn); ok {
		return c.counted, true
	}
	c, ok := nc.(*conn)
	return c, ok
}

type connKey struct{}

// withConn is [http.Server].ConnContext: it hands the connection on to the handler.
func withConn(ctx context.Context, nc net.Conn) context.Context {
	if c, ok := countedConn(nc); ok {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

// verdictOf is what the admission has said of the connection of a request, and notes that there was one.
func verdictOf(req *http.Request) verdict {
	c, ok := req.Context().Value(connKey{}).(*conn)
	if !ok {
		return admitted
	}
	c.asked.Store(true)
	return c.verdict
}
