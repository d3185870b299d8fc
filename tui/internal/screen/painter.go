package screen

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// Painter writes pictures to a terminal, the newest only: a picture that comes while another is being written replaces
// the one that waits. Its methods are safe for concurrent use.
type Painter struct {
	out  io.Writer
	idle func() // called without the lock after each write for which Busy said true

	mu      sync.Mutex
	wake    *sync.Cond
	next    *Grid  // what to show; owned by whoever holds mu
	fresh   bool   // next was not shown yet
	raw     []byte // sequences to write as they are, before the next picture
	repaint bool   // what the terminal shows is not known
	paused  bool
	closed  bool
	writing bool
	asked   bool // Busy said true: call idle
	frames  int
	bytes   int

	// Owned by Run.
	front, work *Grid
	buf         []byte
}

// NewPainter returns a painter that writes to out once Run runs. idle may be nil; it tells that a Busy painter has
// become free, and must not block.
func NewPainter(out io.Writer, idle func()) *Painter {
	p := &Painter{out: out, idle: idle, next: New(0, 0), front: New(0, 0), work: New(0, 0), repaint: true}
	p.wake = sync.NewCond(&p.mu)
	return p
}

// Run writes until Close. It returns nil, or the error of the terminal after which nothing more is written.
func (p *Painter) Run() error {
	for {
		p.mu.Lock()
		for !p.closed && (p.paused || (!p.fresh && len(p.raw) == 0)) {
			p.wake.Wait()
		}
		if p.closed {
			p.mu.Unlock()
			return nil
		}
		buf := append(p.buf[:0], p.raw...)
		p.raw = p.raw[:0]
		fresh, repaint := p.fresh, p.repaint
		if fresh {
			p.next, p.work = p.work, p.next
			p.fresh, p.repaint = false, false
		}
		p.writing = true
		p.mu.Unlock()

		if fresh {
			old := p.front
			if repaint {
				old = nil
			}
			buf = Diff(buf, old, p.work)
			p.front, p.work = p.work, p.front
		}
		written, err := 0, error(nil)
		if len(buf) > 0 {
			written, err = p.out.Write(buf)
		}
		p.buf = buf

		p.mu.Lock()
		p.writing = false
		p.repaint = p.repaint || written < len(buf)
		if written > 0 {
			p.frames++
			p.bytes += written
		}
		asked := p.asked
		p.asked = false
		p.wake.Broadcast()
		p.mu.Unlock()
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if asked && p.idle != nil {
			p.idle()
		}
	}
}

// Show hands over a picture, which is copied. It never waits for the terminal.
func (p *Painter) Show(g *Grid) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next.copyFrom(g)
	p.fresh = true
	p.wake.Broadcast()
}

// Raw hands over sequences to be written as they are, between two pictures: for the clipboard, never for the picture.
func (p *Painter) Raw(seq string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.raw = append(p.raw, seq...)
	p.wake.Broadcast()
}

// Busy reports whether a picture is still being written, or waits to be; idle is called when that is over.
func (p *Painter) Busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	busy := p.writing || p.fresh && !p.paused
	p.asked = p.asked || busy
	return busy
}

// Repaint makes the next picture a whole one, since something else has written to the terminal.
func (p *Painter) Repaint() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.repaint = true
}

// Pause stops writing; it reports whether the write under way came to its end within limit. Pictures handed over meanwhile
// wait. (A write that a deadline of the file cuts short is no error: the next picture is a whole one.)
func (p *Painter) Pause(limit time.Duration) bool {
	expired := false
	timeout := time.AfterFunc(limit, func() {
		p.mu.Lock()
		expired = true
		p.mu.Unlock()
		p.wake.Broadcast()
	})
	defer timeout.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = true
	for p.writing && !expired {
		p.wake.Wait()
	}
	return !p.writing
}

// Resume ends a Pause; the next picture is a whole one.
func (p *Painter) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused, p.repaint = false, true
	p.wake.Broadcast()
}

// Close ends Run, without waiting for a write under way.
func (p *Painter) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.wake.Broadcast()
}

// Written returns how many writes were made, and of how many bytes, since the start: for tests and measurements.
func (p *Painter) Written() (frames, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frames, p.bytes
}
