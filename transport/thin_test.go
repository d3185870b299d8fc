package transport

import (
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A thinConn passes on so many bytes a second, and holds nothing: who writes waits for all of it, up to the deadline.
type thinConn struct {
	net.Conn
	rate int

	mu    sync.Mutex
	until time.Time // guarded by mu
}

func (c *thinConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.until = t
	c.mu.Unlock()
	return c.Conn.SetWriteDeadline(t)
}

func (c *thinConn) SetDeadline(t time.Time) error {
	if err := c.SetWriteDeadline(t); err != nil {
		return err
	}
	return c.SetReadDeadline(t)
}

func (c *thinConn) Write(b []byte) (n int, err error) {
	const atOnce = 64
	for n < len(b) && err == nil {
		m := min(len(b)-n, atOnce)
		c.mu.Lock()
		until := c.until
		c.mu.Unlock()
		took := time.Duration(m) * time.Second / time.Duration(c.rate)
		if !until.IsZero() && time.Now().Add(took).After(until) {
			time.Sleep(time.Until(until))
			return n, os.ErrDeadlineExceeded
		}
		time.Sleep(took) // the clock of the bubble
		m, err = c.Conn.Write(b[n : n+m])
		n += m
	}
	return n, err
}

// TestThinLine: over 8 KiB/s a message of a quarter of a mebibyte takes longer than WriteTimeout and RoundTimeout. It comes all the same, at the
// first attempt: as long as the line moves, nobody is taken for dead.
func TestThinLine(t *testing.T) {
	thin := func(c net.Conn) net.Conn { return &thinConn{Conn: c, rate: 8 << 10} }
	for name, end := range map[string]func(net.Conn) net.Conn{
		"up": thin, "down": thin,
		"up, and the network holds much": func(c net.Conn) net.Conn { return buffer(thin(c)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := mustNode(t, 1), mustNode(t, 2)
				server := NewHub(HubConfig{Agent: "tallystick relay test"})
				dialler, l := pipeHubsOver(t, server, Limits{}, end)
				if err := server.Add(a); err != nil {
					t.Fatal(err)
				}
				stop := runAll(t, a.Run, b.Run, server.Run, dialler.Run)
				defer stop()
				writer, reader := b, a
				if name == "down" {
					writer, reader = a, b
				}
				const entries = 18
				for range entries {
					mustAppend(t, writer, strings.Repeat("x", 60_000))
				}
				if _, err := dialler.Connect(b, "ws://pipe"); err != nil {
					t.Fatal(err)
				}
				pass(10 * time.Minute) // the bytes alone take 132 s
				synctest.Wait()
				for _, n := range []*Node{writer, reader} {
					s := n.Snapshot()
					if s.View.Len() != entries || s.Link != LinkLive {
						t.Errorf("%d entries of %d, link %v, peers %+v", s.View.Len(), entries, s.Link, s.Peers)
					}
				}
				l.mu.Lock()
				defer l.mu.Unlock()
				if len(l.dials) != 1 {
					t.Errorf("%d connections were made, want 1", len(l.dials))
				}
			})
		})
	}
}

// TestStalledLine: who takes nothing is closed as soon as before, also within a message.
func TestStalledLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := mustNode(t, 1), mustNode(t, 2)
		server := NewHub(HubConfig{Agent: "tallystick relay test"})
		stalled := make(chan struct{})
		var once sync.Once
		dialler, l := pipeHubsOver(t, server, Limits{}, func(c net.Conn) net.Conn {
			return &stallConn{thinConn{Conn: c, rate: 5000}, 100_000, func() { once.Do(func() { close(stalled) }) }}
		})
		if err := server.Add(a); err != nil {
			t.Fatal(err)
		}
		stop := runAll(t, a.Run, b.Run, server.Run, dialler.Run)
		defer stop()
		for range 5 {
			mustAppend(t, b, strings.Repeat("x", 60_000))
		}
		if _, err := dialler.Connect(b, "ws://pipe"); err != nil {
			t.Fatal(err)
		}
		<-stalled
		pass(DefaultLimits().WriteTimeout + closeGrace + time.Second)
		synctest.Wait()
		if p := b.Snapshot().Peers[0]; p.Reason.Code != Code(ErrSlowReader) {
			t.Errorf("after WriteTimeout the peer is %v: %+v", p.State, p.Reason)
		}
		l.Close()
	})
}

// A stallConn takes left bytes and then none any more, until the deadline.
type stallConn struct {
	thinConn
	left    int
	stalled func()
}

func (c *stallConn) Write(b []byte) (int, error) {
	if c.left -= len(b); c.left > 0 {
		return c.thinConn.Write(b)
	}
	c.stalled()
	c.mu.Lock()
	until := c.until
	c.mu.Unlock()
	time.Sleep(time.Until(until))
	return 0, os.ErrDeadlineExceeded
}
