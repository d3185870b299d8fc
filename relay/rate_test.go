package relay

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

var someTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// What is within the burst waits for nothing; beyond, who sends is held to the rate.
func TestBucket(t *testing.T) {
	t.Parallel()
	const rate = 1000
	burst := int(rateBurst.Seconds()) * rate
	var b bucket
	if wait := b.take(someTime, burst, rate); wait > 0 {
		t.Fatalf("the burst waits %v", wait)
	}
	if wait := b.take(someTime, rate, rate); wait != time.Second {
		t.Fatalf("a second's bytes more wait %v, want 1s", wait)
	}
	if wait := b.take(someTime.Add(time.Second), rate, rate); wait != time.Second {
		t.Fatalf("a second later, so many again wait %v, want 1s", wait)
	}
	now := someTime
	var sent, waited int64
	b = bucket{}
	for range 1000 { // who waits as told sends at the rate
		now = now.Add(max(0, b.take(now, 700, rate)))
		sent += 700
		waited = int64(now.Sub(someTime) / time.Second)
	}
	if got := (sent - int64(burst)) / waited; got < rate*99/100 || got > rate*101/100 {
		t.Errorf("got %d bytes a second, want %d", got, rate)
	}
	if wait := b.take(now, 1<<40, rate); wait != maxDelay {
		t.Errorf("a huge debt waits %v, want %v", wait, maxDelay)
	}
	if wait := b.take(now.Add(3*maxDelay+rateBurst), 1, rate); wait > 0 {
		t.Errorf("a debt that was waited for still waits %v", wait)
	}
}

// One author's excess makes who delivers it wait, and no other's; and the memory of rates is bounded.
func TestAuthorRates(t *testing.T) {
	t.Parallel()
	r := &authorRates{rate: 1000}
	author := func(n int) crdt.Author { return crdt.Author{byte(n), byte(n >> 8), byte(n >> 16)} }
	if wait := r.take(someTime, maps.All(map[crdt.Author]int{author(1): 5000, author(2): 10})); wait != time.Second {
		t.Errorf("got %v, want 1s for author 1", wait)
	}
	if wait := r.take(someTime, maps.All(map[crdt.Author]int{author(2): 10, author(3): 3000})); wait > 0 {
		t.Errorf("others wait %v", wait)
	}
	for n := range 3 * maxAuthorRates {
		r.take(someTime, maps.All(map[crdt.Author]int{author(n): 1}))
		if len(r.of) > maxAuthorRates {
			t.Fatalf("%d authors are remembered, want at most %d", len(r.of), maxAuthorRates)
		}
	}
}

// What is remembered of addresses is bounded, however many come and go in debt.
func TestAddressesAreBounded(t *testing.T) {
	t.Parallel()
	p := Policy{MaxConnections: 10}.withDefaults()
	a := newAdmission(nil, p)
	for i := range 1000 {
		c := a.take(&remoteConn{netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}), 1)})
		if c == nil || c.verdict != admitted {
			t.Fatalf("connection %d is refused", i)
		}
		a.charge(c, 100<<20) // in debt
		a.release(c)
		if len(a.byAddr) > 2*p.MaxConnections {
			t.Fatalf("%d addresses are remembered, want at most %d", len(a.byAddr), 2*p.MaxConnections)
		}
	}
}

// An address that leaves in debt and comes again still owes.
func TestAddressRateOutlivesConnections(t *testing.T) {
	t.Parallel()
	a := newAdmission(nil, Policy{}.withDefaults())
	addr := netip.MustParseAddrPort("192.0.2.1:1")
	first := a.take(&remoteConn{addr})
	if wait := a.charge(first, 1<<30); wait != maxDelay {
		t.Fatalf("a flood waits %v, want %v", wait, maxDelay)
	}
	a.release(first)
	if wait := a.charge(a.take(&remoteConn{addr}), 1); wait <= 0 {
		t.Error("a new connection owes nothing")
	}
	if wait := a.charge(a.take(&remoteConn{netip.MustParseAddrPort("192.0.2.2:1")}), 1); wait > 0 {
		t.Errorf("another address waits %v", wait)
	}
}

// remoteConn is a connection from somewhere of which nothing is read.
type remoteConn struct{ from netip.AddrPort }

func (c *remoteConn) RemoteAddr() net.Addr             { return net.TCPAddrFromAddrPort(c.from) }
func (c *remoteConn) LocalAddr() net.Addr              { return nil }
func (c *remoteConn) Read([]byte) (int, error)         { return 0, net.ErrClosed }
func (c *remoteConn) Write([]byte) (int, error)        { return 0, net.ErrClosed }
func (c *remoteConn) Close() error                     { return nil }
func (c *remoteConn) SetDeadline(time.Time) error      { return nil }
func (c *remoteConn) SetReadDeadline(time.Time) error  { return nil }
func (c *remoteConn) SetWriteDeadline(time.Time) error { return nil }

// Whoever sends faster than a rate waits, is counted under that rate, and loses nothing; and another in the room goes on.
func TestRatesOverWebsockets(t *testing.T) {
	t.Parallel()
	const rate, size = 20 << 10, 50 << 10 // two are beyond the burst of four seconds
	for name, p := range map[string]Policy{
		"connection": {ConnBytesPerSecond: rate},
		"address":    {AddrBytesPerSecond: rate},
		"author":     {AuthorBytesPerSecond: rate},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.LimitLoopback = true
			r := startRelay(t, t.TempDir(), p, nil)
			a, b := join(t, r.URL(), "main"), join(t, r.URL(), "main")
			// A slow machine may not reach the rate with the first ones.
			changes := 0
			eventually(t, "a delay by "+name, func() bool {
				a.say(1, size)
				changes++
				a.live(changes)
				return r.figure(t, fmt.Sprintf("delays_total{rate=%q}", name)) > 0
			})
			b.say(1, 1)
			a.live(changes + 1)
			b.live(changes + 1)
			if got := r.figure(t, "delay_seconds_total"); got == 0 {
				t.Error("no delay was measured")
			}
		})
	}
}

// Local connections are exempt, as long as nothing else is asked for.
func TestRatesExemptLoopback(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{ConnBytesPerSecond: 1, AddrBytesPerSecond: 1, AuthorBytesPerSecond: 1}, nil)
	a := join(t, r.URL(), "main")
	a.say(2, 50<<10)
	a.live(2)
	if got := r.figure(t, "delay_seconds_total"); got != 0 {
		t.Errorf("a local connection waited for %v s", got)
	}
}

// However a connection over TCP is read, all that is read of it is charged; and to close it counts once.
func TestTCPConnIsCharged(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	a := newAdmission(ln, Policy{}.withDefaults())
	for name, read := range map[string]func(net.Conn) (int64, error){
		"Read":    func(c net.Conn) (int64, error) { return io.Copy(io.Discard, struct{ io.Reader }{c}) },
		"WriteTo": func(c net.Conn) (int64, error) { return io.Copy(struct{ io.Writer }{io.Discard}, c) },
	} {
		out, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		in, err := a.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c, ok := countedConn(in)
		if !ok {
			t.Fatalf("%T is not counted", in)
		}
		c.limited = true // as one from elsewhere
		a.mu.Lock()
		a.address(c.addr).connections++
		a.mu.Unlock()
		buffers := net.Buffers{make([]byte, 100), make([]byte, 5000)}
		if n, err := buffers.WriteTo(in); n != 5100 || err != nil {
			t.Errorf("%s: %d bytes were written: %v", name, n, err)
		}
		if _, err := io.CopyN(io.Discard, out, 5100); err != nil {
			t.Errorf("%s: what was written: %v", name, err)
		}
		const sent = 10_000
		if _, err := out.Write(make([]byte, sent)); err != nil {
			t.Fatal(err)
		}
		if err := out.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		idle := c.rate
		if n, err := read(in); n != sent || err != nil {
			t.Errorf("%s: got %d bytes, %v", name, n, err)
		}
		if c.rate == idle {
			t.Errorf("%s: nothing was charged", name)
		}
		for range 2 {
			_ = in.Close() // the second does nothing
		}
		if got := a.connections(); got != 0 {
			t.Errorf("%s: %d connections are counted after it was closed", name, got)
		}
	}
}
