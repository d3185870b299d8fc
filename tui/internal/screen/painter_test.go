package screen

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"
)

// gate is a terminal that takes a write only when told to.
type gate struct {
	mu    sync.Mutex
	begun chan struct{} // one for each write that has begun
	let   chan error    // one for each write that may end
	got   bytes.Buffer
}

func newGate() *gate { return &gate{begun: make(chan struct{}, 100), let: make(chan error, 100)} }

func (g *gate) Write(b []byte) (int, error) {
	g.begun <- struct{}{}
	if err := <-g.let; err != nil {
		return 0, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.got.Write(b)
}

func picture(s Const) *Grid {
	g := New(10, 1)
	g.All().Const(0, 0, Default, s)
	return g
}

// TestPainterShowsTheNewestOnly: while the terminal takes its time, pictures replace one another.
func TestPainterShowsTheNewestOnly(t *testing.T) {
	t.Parallel()
	term, free := newGate(), make(chan struct{}, 1)
	p := NewPainter(term, func() { free <- struct{}{} })
	ended := make(chan error, 1)
	go func() { ended <- p.Run() }()
	p.Show(picture("one"))
	<-term.begun
	if !p.Busy() {
		t.Fatal("not busy while it writes")
	}
	p.Show(picture("two"))
	p.Show(picture("three"))
	term.let <- nil
	<-free
	<-term.begun
	term.let <- nil
	p.Pause(time.Minute) // waits for the write
	out := term.got.String()
	if bytes.Contains([]byte(out), []byte("two")) || !bytes.Contains([]byte(out), []byte("three")) {
		t.Errorf("got %q, want one and three", out)
	}
	if frames, n := p.Written(); frames != 2 || n != len(out) {
		t.Errorf("got %d frames of %d bytes, want 2 of %d", frames, n, len(out))
	}
	p.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestPainterPauseResume: nothing is written while paused, a whole picture after it.
func TestPainterPauseResume(t *testing.T) {
	t.Parallel()
	term := newGate()
	p := NewPainter(term, nil)
	go func() { _ = p.Run() }() // ends with Close
	defer p.Close()
	p.Show(picture("one"))
	<-term.begun
	term.let <- nil
	p.Pause(time.Minute)
	p.Show(picture("one"))
	if p.Busy() {
		t.Error("busy while paused: the loop would wait for ever")
	}
	if n := len(term.begun); n != 0 {
		t.Errorf("%d writes while paused", n)
	}
	p.Resume()
	<-term.begun
	term.let <- nil
	p.Pause(time.Minute)
	if !bytes.Contains(term.got.Bytes(), []byte("\x1b[2J\x1b[1Hone")) {
		t.Errorf("got %q, want a whole picture at the end", term.got.String())
	}
}

func TestPainterPauseGivesUp(t *testing.T) {
	t.Parallel()
	term := newGate()
	p := NewPainter(term, nil)
	go func() { _ = p.Run() }() // ends with Close
	defer p.Close()
	p.Show(picture("one"))
	<-term.begun
	if p.Pause(time.Millisecond) {
		t.Error("says that the write came to its end; the terminal takes nothing")
	}
	term.let <- nil
}

func TestPainterError(t *testing.T) {
	t.Parallel()
	term, gone := newGate(), errors.New("gone")
	p := NewPainter(term, nil)
	ended := make(chan error, 1)
	go func() { ended <- p.Run() }()
	p.Show(picture("one"))
	<-term.begun
	term.let <- gone
	if err := <-ended; !errors.Is(err, gone) {
		t.Errorf("got %v, want %v", err, gone)
	}
}
