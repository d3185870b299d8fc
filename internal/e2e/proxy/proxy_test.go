package proxy

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"testing"
	"time"
)

// hail is what was passed up, before a test begins.
const hail = 1

// ends makes a proxy with one connection through it, over which hail bytes have gone.
func ends(t *testing.T, seed uint64) (p *Proxy, near, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if p, err = Listen(l.Addr().String(), seed); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	f, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	for _, c := range []net.Conn{c, f} { // no test hangs
		if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, hail) // who accepted does not know that the proxy is ready
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(f, b); err != nil {
		t.Fatal(err)
	}
	return p, c.(*net.TCPConn), f.(*net.TCPConn)
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// through sends b from one end to the other, ends that direction, and returns what came.
func through(t *testing.T, from, to *net.TCPConn, b []byte) []byte {
	t.Helper()
	go func() {
		_, _ = from.Write(b) // an error shows in what comes
		_ = from.CloseWrite()
	}()
	got, err := io.ReadAll(to)
	if err != nil {
		t.Fatalf("%v after %d bytes", err, len(got))
	}
	return got
}

// All bytes come, in order, each way, however the way is cut up, delayed or throttled, and the ends are passed on.
func TestPasses(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]Weather{
		"calm":  {},
		"delay": {Delay: 3 * time.Millisecond},
		"rate":  {Rate: 1 << 20},
		"slice": {Slice: 200},
		"all":   {Delay: time.Millisecond, Rate: 8 << 20, Slice: 2000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, near, far := ends(t, 1)
			p.Set(Up, w)
			p.Set(Down, w)
			b := noise(200_000)
			if got := through(t, near, far, b); !bytes.Equal(got, b) {
				t.Errorf("up: %d bytes came, not those %d that were sent", len(got), len(b))
			}
			if got := through(t, far, near, b); !bytes.Equal(got, b) {
				t.Errorf("down: %d bytes came, not those %d that were sent", len(got), len(b))
			}
			if c := p.Counts(); c.Connections != 1 || c.Bytes != int64(hail+2*len(b)) || c.Flipped != 0 {
				t.Errorf("counts are %+v", c)
			}
		})
	}
}

// A rate is a lower bound of the time that something takes, a delay too.
func TestTakesTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		w     Weather
		bytes int
		least time.Duration
	}{
		{Weather{Rate: 100_000}, 30_000, 280 * time.Millisecond}, // the last piece is not waited for
		{Weather{Delay: 200 * time.Millisecond}, 1, 200 * time.Millisecond},
	} {
		p, near, far := ends(t, 1)
		p.Set(Down, c.w)
		start := time.Now()
		through(t, far, near, noise(c.bytes))
		if took := time.Since(start); took < c.least-100*time.Millisecond {
			t.Errorf("%+v: %d bytes took %v, at least %v", c.w, c.bytes, took, c.least)
		}
	}
}

// The same seed flips the same bits of the same bytes; about as many as wanted.
func TestCorruptsBySeed(t *testing.T) {
	t.Parallel()
	b := noise(pieceBytes) // one piece, if it comes as it was sent
	corrupted := func(seed uint64) []byte {
		p, near, far := ends(t, seed)
		p.Set(Up, Weather{Slice: 40, Corrupt: 100})
		if _, err := near.Write(b); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(b))
		if _, err := io.ReadFull(far, got); err != nil {
			t.Fatal(err)
		}
		bits := 0
		for i := range got {
			for x := got[i] ^ b[i]; x != 0; x &= x - 1 {
				bits++
			}
		}
		if c := p.Counts(); bits != c.Flipped || bits < 20 || bits > 80 {
			t.Errorf("%d bits differ, %d were flipped, about 40 were wanted", bits, c.Flipped)
		}
		return got
	}
	if !bytes.Equal(corrupted(7), corrupted(7)) {
		t.Error("one seed corrupts in two ways")
	}
	if bytes.Equal(corrupted(7), corrupted(8)) {
		t.Error("two seeds corrupt alike")
	}
}

// A cut is an error at both ends.
func TestCuts(t *testing.T) {
	t.Parallel()
	p, near, far := ends(t, 1)
	p.Cut()
	for _, c := range []*net.TCPConn{near, far} {
		if n, err := c.Read(make([]byte, 1)); n > 0 || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read %d bytes, %v", n, err)
		}
	}
}

// After a half-close one side sees the end while what it sends itself still arrives; the sender of the closed direction
// notices nothing.
func TestHalfCloses(t *testing.T) {
	t.Parallel()
	p, near, far := ends(t, 1)
	p.HalfClose(Up)
	if n, err := far.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		t.Fatalf("read %d bytes, %v: not the end", n, err)
	}
	if _, err := near.Write(noise(1 << 20)); err != nil { // more than any buffer holds: it is taken off the line
		t.Errorf("the sender is held up: %v", err)
	}
	b := noise(10_000)
	if got := through(t, far, near, b); !bytes.Equal(got, b) {
		t.Errorf("%d bytes came the other way, not %d", len(got), len(b))
	}
}

// Nothing passes a stalled direction; all of it when the stall ends.
func TestStalls(t *testing.T) {
	t.Parallel()
	p, near, far := ends(t, 1)
	p.Set(Up, Weather{Stall: true})
	b := noise(3000)
	if _, err := near.Write(b); err != nil {
		t.Fatal(err)
	}
	if got := through(t, far, near, b); !bytes.Equal(got, b) { // the other direction is free, and ends later
		t.Errorf("%d bytes came the other way, not %d", len(got), len(b))
	}
	if c := p.Counts(); c.Bytes != int64(hail+len(b)) {
		t.Errorf("%d bytes passed, %d of them through the stall", c.Bytes, c.Bytes-int64(hail+len(b)))
	}
	p.Set(Up, Weather{})
	got := make([]byte, len(b))
	if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, b) {
		t.Errorf("after the stall: %v", err)
	}
}

// Who is refused, or finds nobody, gets an error; later connections pass.
func TestRefuses(t *testing.T) {
	t.Parallel()
	p, _, _ := ends(t, 1)
	for _, refuse := range []bool{true, false} { // told to; nobody listens any more
		p.Refuse(refuse)
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			continue // reset before it was made
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute)) // no test hangs
		if n, err := c.Read(make([]byte, 1)); n > 0 || errors.Is(err, io.EOF) || err == nil {
			t.Errorf("refuse %v: read %d bytes, %v", refuse, n, err)
		}
		c.Close()
	}
	if c := p.Counts(); c.Refused != 2 || c.Connections != 1 {
		t.Errorf("counts are %+v", c)
	}
}
