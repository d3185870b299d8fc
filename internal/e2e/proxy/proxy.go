// Package proxy stands between two TCP ends and spoils the way between them: it delays, throttles, slices, stalls and corrupts
// what passes, cuts and half-closes, in either direction. All that is random follows from a seed.
//
// Why not Shopify/toxiproxy: its jitter and slices draw from the global source, so no seed repeats them; it neither corrupts nor
// half-closes; and as a library it links 60 packages of 12 further modules (an HTTP API, metrics, protobuf, two loggers), more
// than the program itself has. This is one file.
package proxy

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Direction is one of the two ways through a proxy.
type Direction int

// The directions: from who dialled to who listens, and back.
const (
	Up Direction = iota
	Down
)

// Weather is how one direction is. The zero value passes everything at once.
type Weather struct {
	Delay   time.Duration // every piece comes so much later
	Rate    int           // bytes a second; 0: no bound
	Slice   int           // pieces are of 1 to Slice bytes; 0: as they come
	Stall   bool          // nothing passes until the weather changes
	Corrupt int           // in as many bytes, on average, one bit is flipped; 0: none
}

// Counts is what a proxy has done.
type Counts struct {
	Connections int   // that it made to the target
	Refused     int   // that it did not pass on: it was told not to, or nobody listened
	Bytes       int64 // passed on, both ways
	Flipped     int   // bits
}

// A Proxy listens on an address of its own and passes connections on to a target. Safe for concurrent use.
type Proxy struct {
	target   string
	seed     uint64
	listener net.Listener
	work     sync.WaitGroup
	bytes    atomic.Int64
	flipped  atomic.Int64

	mu      sync.Mutex
	weather [2]Weather         // guarded by mu; by Direction
	changed chan struct{}      // guarded by mu; closed and made anew when weather changes
	refuse  bool               // guarded by mu
	lines   map[*line]struct{} // guarded by mu
	counts  Counts             // guarded by mu; without bytes and flipped
	closed  bool               // guarded by mu
}

// A line is one connection through the proxy.
type line struct {
	ends [2]*net.TCPConn // by Direction: whose bytes go that way
	dead chan struct{}   // closed when the line is cut
	once sync.Once
	mute [2]chan struct{} // by Direction: closed by HalfClose
	shut [2]sync.Once
}

// Listen makes a proxy to target on a free port of this machine. Nobody has to listen at target yet.
func Listen(target string, seed uint64) (*Proxy, error) {
	config := net.ListenConfig{Control: socket}
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0") // nothing to wait for
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, seed: seed, listener: l, changed: make(chan struct{}), lines: make(map[*line]struct{})}
	p.work.Go(p.accept)
	return p, nil
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Set sets the weather of one direction, for all connections and those to come.
func (p *Proxy) Set(d Direction, w Weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weather[d] = w
	close(p.changed)
	p.changed = make(chan struct{})
}

// Weather returns the weather of one direction.
func (p *Proxy) Weather(d Direction) Weather {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.weather[d]
}

// Refuse sets whether connections to come are reset at once.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
}

// Cut resets all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.lines {
		l.cut()
	}
}

// HalfClose ends one direction of all connections: whom the bytes go to sees their end, the rest is thrown away. The other
// direction goes on.
func (p *Proxy) HalfClose(d Direction) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.lines {
		l.shut[d].Do(func() { close(l.mute[d]) })
	}
}

// Counts returns what the proxy has done so far.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts
	c.Bytes, c.Flipped = p.bytes.Load(), int(p.flipped.Load())
	return c
}

// Close cuts everything and waits until all goroutines have ended.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	for l := range p.lines {
		l.cut()
	}
	p.mu.Unlock()
	err := p.listener.Close()
	p.work.Wait()
	return err
}

func (p *Proxy) accept() {
	for n := uint64(0); ; n++ {
		c, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // of one connection, which has gone already
		}
		p.work.Go(func() { p.serve(c.(*net.TCPConn), n) })
	}
}

// serve passes on the n-th connection.
func (p *Proxy) serve(from *net.TCPConn, n uint64) {
	p.mu.Lock()
	refuse := p.refuse || p.closed
	p.mu.Unlock()
	var to net.Conn
	err := errors.New("refused")
	if !refuse {
		dialer := net.Dialer{Control: socket}
		to, err = dialer.Dial("tcp", p.target)
	}
	p.mu.Lock()
	if err != nil || p.closed {
		p.counts.Refused++
		p.mu.Unlock()
		reset(from)
		if err == nil {
			reset(to.(*net.TCPConn))
		}
		return
	}
	l := &line{ends: [2]*net.TCPConn{from, to.(*net.TCPConn)}, dead: make(chan struct{})}
	p.counts.Connections++
	p.lines[l] = struct{}{}
	for d := range l.mute {
		l.mute[d] = make(chan struct{})
	}
	p.mu.Unlock()
	var both sync.WaitGroup
	for _, d := range []Direction{Up, Down} {
		both.Go(func() { p.pass(l, d, rand.New(rand.NewPCG(p.seed, 2*n+uint64(d)))) })
	}
	both.Wait()
	for _, c := range l.ends {
		_ = c.Close() // in order: what was written still arrives; or it was cut
	}
	p.mu.Lock()
	delete(p.lines, l)
	p.mu.Unlock()
}

// reset closes a connection such that the other end gets an error, not an end.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0) // it may be over
	_ = c.Close()
}

func (l *line) cut() {
	l.once.Do(func() {
		close(l.dead)
		for _, c := range l.ends {
			reset(c)
		}
	})
}

// A piece is on its way.
type piece struct {
	due   time.Time
	bytes []byte
}

const (
	pieceBytes = 4 << 10
	// piecesOnWay bounds what is on the way in one direction: more makes the sender wait, as a real line does.
	piecesOnWay = 32
)

// pass passes on one direction of a line until it ends.
func (p *Proxy) pass(l *line, d Direction, random *rand.Rand) {
	from, to := l.ends[d], l.ends[1-d]
	onWay := make(chan piece, piecesOnWay)
	p.work.Go(func() {
		defer close(onWay)
		for {
			buf := make([]byte, pieceBytes)
			n, err := from.Read(buf)
			if n > 0 {
				select {
				case onWay <- piece{time.Now().Add(p.Weather(d).Delay), buf[:n]}:
				case <-l.dead:
					return
				}
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					l.cut() // a reset is passed on as one
				}
				return
			}
		}
	})
	muted := p.deliver(l, d, to, onWay, random)
	_ = to.CloseWrite() // the end is passed on; the line may be cut
	if muted {
		for range onWay { // the sender notices nothing
		}
	}
}

// deliver writes what is on the way until its end, the line's, or that of the direction.
func (p *Proxy) deliver(l *line, d Direction, to *net.TCPConn, onWay <-chan piece, random *rand.Rand) (muted bool) {
	untilFlip := 0
	for {
		var next piece
		var ok bool
		select {
		case next, ok = <-onWay:
			if !ok {
				return false
			}
		case <-l.mute[d]:
			return true
		}
		if !l.wait(d, time.Until(next.due)) {
			return l.muted(d)
		}
		for rest := next.bytes; len(rest) > 0; {
			w, ok := p.calm(l, d)
			if !ok {
				return l.muted(d)
			}
			n := len(rest)
			if w.Rate > 0 {
				n = min(n, max(1, w.Rate/20)) // a twentieth of a second's
			}
			if w.Slice > 0 {
				n = min(n, 1+random.IntN(w.Slice))
			}
			if w.Corrupt > 0 {
				if untilFlip <= 0 {
					untilFlip = 1 + random.IntN(2*w.Corrupt)
				}
				if untilFlip -= n; untilFlip <= 0 {
					rest[random.IntN(n)] ^= 1 << random.IntN(8)
					p.flipped.Add(1)
				}
			}
			p.bytes.Add(int64(n))
			if _, err := to.Write(rest[:n]); err != nil {
				l.cut()
				return false
			}
			rest = rest[n:]
			if w.Rate > 0 && !l.wait(d, time.Duration(n)*time.Second/time.Duration(w.Rate)) {
				return l.muted(d)
			}
		}
	}
}

// calm waits until the direction does not stall and returns its weather; false if the line or the direction ended before.
func (p *Proxy) calm(l *line, d Direction) (Weather, bool) {
	for {
		p.mu.Lock()
		w, changed := p.weather[d], p.changed
		p.mu.Unlock()
		if !w.Stall {
			return w, true
		}
		select {
		case <-changed:
		case <-l.dead:
			return w, false
		case <-l.mute[d]:
			return w, false
		}
	}
}

// wait waits; false if the line or the direction ended before.
func (l *line) wait(d Direction, span time.Duration) bool {
	if span <= 0 {
		return true
	}
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.dead:
		return false
	case <-l.mute[d]:
		return false
	}
}

// muted reports whether the direction was half-closed.
func (l *line) muted(d Direction) bool {
	select {
	case <-l.mute[d]:
		return true
	default:
		return false
	}
}
