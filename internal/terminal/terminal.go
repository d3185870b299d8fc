package terminal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"golang.org/x/term"
)

// ErrTimeout is returned when what was waited for did not come.
var ErrTimeout = errors.New("nothing came in time")

// Options say how a program is started.
type Options struct {
	Cols, Rows int      // 0: 120x36
	Env        []string // the whole environment; nil: that of this process
	Dir        string   // working folder
	Screen     bool     // emulate, so that [Terminal.Expect] can look at what is shown. It costs a core's time: not for loads
	Mute       bool     // never answer what the program asks of the terminal. Without Screen it is mute anyway
	Job        bool     // start it as a shell would, as a job of a session that stays: see [Launch]
}

// Frame is one synchronised update, seen whole.
type Frame struct {
	Number int       // from 1
	At     time.Time // when its end was read
	Bytes  int       // since the end of the frame before it
}

// Terminal is a program that runs on a pseudo-terminal. Its methods are safe for concurrent use.
type Terminal struct {
	started time.Time
	cmd     *exec.Cmd // the program, or the launcher that runs it
	master  *os.File
	slave   *os.File // held so that the terminal outlives the program; its state is looked at afterwards
	before  *term.State
	job     *job // nil: the program is its own session
	mute    bool

	exited  chan struct{} // closed when cmd has ended
	readEnd chan struct{}
	exit    Exit // valid once exited is closed, or the job has ended

	mu       sync.Mutex
	changed  *sync.Cond
	scan     scanner
	bytes    int // read in all
	inFrame  int // of bytes, since the last frame's end
	frames   []Frame
	lastRead time.Time
	waiting  []*Expectation
	queue    []segment // for the emulator
	closed   bool      // nothing more will be read
	raw      []byte    // the newest output, for messages

	emuMu    sync.Mutex
	screen   *Screen // nil without Options.Screen
	emulated Frame   // the newest frame that screen shows
	watching []*Expectation
}

type segment struct {
	bytes []byte
	frame Frame // zero if no frame ends with bytes
}

// maxRaw bounds the output that is kept for messages.
const maxRaw = 16 << 10

// Start runs the program at path with args on a new pseudo-terminal. The caller must Close.
func Start(path string, args []string, o Options) (*Terminal, error) {
	if o.Cols == 0 {
		o.Cols, o.Rows = 120, 36
	}
	master, slave, err := open()
	if err != nil {
		return nil, fmt.Errorf("pseudo-terminal: %w", err)
	}
	t := &Terminal{master: master, slave: slave, mute: o.Mute, exited: make(chan struct{}), readEnd: make(chan struct{})}
	t.changed = sync.NewCond(&t.mu)
	if err = pty.Setsize(slave, &pty.Winsize{Rows: uint16(o.Rows), Cols: uint16(o.Cols)}); err == nil {
		t.before, err = term.GetState(int(slave.Fd()))
	}
	if err == nil {
		err = t.start(path, args, o)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s on a pseudo-terminal: %w", path, err), master.Close(), slave.Close())
	}
	if o.Screen {
		t.screen = NewScreen(vt.NewEmulator(o.Cols, o.Rows))
		go t.answer()
		go t.emulate()
	}
	go t.read()
	go t.reap()
	return t, nil
}

// open opens a pseudo-terminal of which the master can be closed while it is being read. What package pty returns cannot: it has
// made it block.
func open() (master, slave *os.File, err error) {
	m, slave, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer m.Close() // its duplicate stays
	fd, err := syscall.Dup(int(m.Fd()))
	if err != nil {
		return nil, nil, errors.Join(err, slave.Close())
	}
	syscall.CloseOnExec(fd)
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, nil, errors.Join(err, syscall.Close(fd), slave.Close())
	}
	return os.NewFile(uintptr(fd), m.Name()), slave, nil
}

func (t *Terminal) start(path string, args []string, o Options) error {
	t.cmd = exec.Command(path, args...)
	t.cmd.Env = o.Env
	if o.Job {
		if err := t.prepareJob(path, args, o.Env); err != nil {
			return err
		}
	}
	t.cmd.Dir = o.Dir
	t.cmd.Stdin, t.cmd.Stdout, t.cmd.Stderr = t.slave, t.slave, t.slave
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	t.started = time.Now()
	if err := t.cmd.Start(); err != nil {
		return err
	}
	if t.job != nil {
		return t.job.begin()
	}
	return nil
}

// Started is when the program was started.
func (t *Terminal) Started() time.Time { return t.started }

// PID is the program's process.
func (t *Terminal) PID() int {
	if t.job != nil {
		return t.job.pid
	}
	return t.cmd.Process.Pid
}

func (t *Terminal) read() {
	defer close(t.readEnd)
	buf := make([]byte, 64<<10)
	for {
		n, err := t.master.Read(buf)
		now := time.Now()
		t.mu.Lock()
		t.take(buf[:n], now)
		if err != nil { // EIO: nobody holds the other side any more
			t.closed = true
		}
		t.changed.Broadcast()
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// take is called with mu held.
func (t *Terminal) take(b []byte, now time.Time) {
	if len(b) == 0 {
		return
	}
	t.lastRead = now
	t.bytes += len(b)
	t.raw = append(t.raw, b...)
	if len(t.raw) > 2*maxRaw {
		t.raw = append(t.raw[:0], t.raw[len(t.raw)-maxRaw:]...)
	}
	for len(b) > 0 {
		n, end := t.scan.next(b)
		t.inFrame += n
		s := segment{}
		if t.screen != nil {
			s.bytes = append(s.bytes, b[:n]...)
		}
		if end {
			s.frame = Frame{Number: len(t.frames) + 1, At: now, Bytes: t.inFrame}
			t.frames = append(t.frames, s.frame)
			t.inFrame = 0
			for _, e := range t.waiting {
				e.found <- s.frame
			}
			t.waiting = nil
		}
		if t.screen != nil {
			t.queue = append(t.queue, s)
		}
		b = b[n:]
	}
}

// emulate shows what was read, and looks for what is expected after each frame.
func (t *Terminal) emulate() {
	for {
		t.mu.Lock()
		for len(t.queue) == 0 && !t.closed {
			t.changed.Wait()
		}
		queue := t.queue
		t.queue = nil
		t.mu.Unlock()
		if len(queue) == 0 {
			// Ends answer. Not emulator.Close, which does not wait for a Read under way.
			if p, ok := t.screen.emulator.InputPipe().(io.Closer); ok {
				_ = p.Close() // it always works
			}
			return
		}
		for _, s := range queue {
			t.emuMu.Lock()
			_, _ = t.screen.emulator.Write(s.bytes) // it fails only when closed
			if s.frame.Number > 0 {
				t.emulated = s.frame
				kept := t.watching[:0]
				for _, e := range t.watching {
					if e.pred(t.screen) {
						e.found <- s.frame
					} else {
						kept = append(kept, e)
					}
				}
				t.watching = kept
			}
			t.emuMu.Unlock()
		}
	}
}

// answer passes on what the emulator answers to questions.
func (t *Terminal) answer() {
	var to io.Writer = t.master
	if t.mute {
		to = io.Discard
	}
	_, _ = io.Copy(to, t.screen.emulator) // it ends when the emulator or the terminal is closed
}

// Look calls f with the screen as it is after the newest frame that was emulated. It needs Options.Screen.
func (t *Terminal) Look(f func(*Screen)) {
	t.emuMu.Lock()
	defer t.emuMu.Unlock()
	f(t.screen)
}

// Expectation waits for a frame.
type Expectation struct {
	t     *Terminal
	pred  func(*Screen) bool
	found chan Frame
}

// Expect begins to wait for the next frame; with pred, for the next frame after which pred says true, which needs
// Options.Screen. Call it before what is to cause the frame: a frame that ended before does not count.
func (t *Terminal) Expect(pred func(*Screen) bool) *Expectation {
	e := &Expectation{t: t, pred: pred, found: make(chan Frame, 1)}
	if pred == nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.waiting = append(t.waiting, e)
		return e
	}
	t.emuMu.Lock()
	defer t.emuMu.Unlock()
	t.watching = append(t.watching, e)
	return e
}

// Wait waits for the frame. Errors: [ErrTimeout].
func (e *Expectation) Wait(timeout time.Duration) (Frame, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case f := <-e.found:
		return f, nil
	case <-timer.C:
		e.t.forget(e)
		return Frame{}, fmt.Errorf("frame of process %d: %w (%v)", e.t.PID(), ErrTimeout, timeout)
	}
}

func (t *Terminal) forget(e *Expectation) {
	drop := func(from []*Expectation) []*Expectation {
		kept := from[:0]
		for _, x := range from {
			if x != e {
				kept = append(kept, x)
			}
		}
		return kept
	}
	t.mu.Lock()
	t.waiting = drop(t.waiting)
	t.mu.Unlock()
	t.emuMu.Lock()
	t.watching = drop(t.watching)
	t.emuMu.Unlock()
}

// WaitScreen waits until pred says true of the screen, which may be so at once, and returns the newest frame then.
func (t *Terminal) WaitScreen(timeout time.Duration, pred func(*Screen) bool) (Frame, error) {
	t.emuMu.Lock()
	if t.emulated.Number > 0 && pred(t.screen) {
		defer t.emuMu.Unlock()
		return t.emulated, nil
	}
	e := &Expectation{t: t, pred: pred, found: make(chan Frame, 1)}
	t.watching = append(t.watching, e)
	t.emuMu.Unlock()
	return e.Wait(timeout)
}

// Send types keys and returns the time just before.
func (t *Terminal) Send(keys string) (time.Time, error) {
	now := time.Now()
	if _, err := t.master.WriteString(keys); err != nil {
		return now, fmt.Errorf("type into process %d: %w", t.PID(), err)
	}
	return now, nil
}

// Key types keys and waits for the next frame. It returns the time from before the first to the frame's end.
func (t *Terminal) Key(keys string, timeout time.Duration) (time.Duration, Frame, error) {
	e := t.Expect(nil)
	at, err := t.Send(keys)
	if err != nil {
		return 0, Frame{}, err
	}
	f, err := e.Wait(timeout)
	return f.At.Sub(at), f, err
}

// Counts are totals since the start.
type Counts struct {
	Bytes, Frames int
	Last          time.Time // when something was read last
}

// Counts returns the totals so far.
func (t *Terminal) Counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Counts{t.bytes, len(t.frames), t.lastRead}
}

// Frames returns the frames from number from on (1 is the first).
func (t *Terminal) Frames(from int) []Frame {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Frame(nil), t.frames[min(from-1, len(t.frames)):]...)
}

// Quiet waits until nothing was written for d, counted from now at the earliest. Errors: [ErrTimeout].
func (t *Terminal) Quiet(d, timeout time.Duration) error {
	from := time.Now()
	for end := from.Add(timeout); time.Now().Before(end); {
		last := t.Counts().Last
		if last.Before(from) {
			last = from
		}
		rest := time.Until(last.Add(d))
		if rest <= 0 {
			return nil
		}
		time.Sleep(rest)
	}
	return fmt.Errorf("quiet of process %d: %w (%v)", t.PID(), ErrTimeout, timeout)
}

// Resize gives the terminal another size and returns the time just before.
func (t *Terminal) Resize(cols, rows int) (time.Time, error) {
	if t.screen != nil {
		t.emuMu.Lock()
		t.screen.emulator.Resize(cols, rows)
		t.emuMu.Unlock()
	}
	now := time.Now()
	if err := pty.Setsize(t.slave, &pty.Winsize{Rows: uint16(rows), Cols: uint16(cols)}); err != nil {
		return now, fmt.Errorf("resize: %w", err)
	}
	return now, nil
}

// Raw is the newest output as it came, for messages.
func (t *Terminal) Raw() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.raw[max(0, len(t.raw)-maxRaw):])
}
