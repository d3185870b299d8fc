//go:build unix

package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"golang.org/x/term"

	"github.com/tallystick/tallystick/tui/internal/input"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// Run shows the screen until the user quits (nil), ctx ends (its error), a signal ends it ([*SignalError]), Open fails (its
// error), or something panics ([*PanicError]). The terminal is then as it was before. It owns the process's signals
// SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH and SIGCONT while it runs. Errors besides: [ErrNoTerminal].
func Run(ctx context.Context, o Options) error {
	if o.In == nil {
		o.In = os.Stdin
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	if !term.IsTerminal(int(o.In.Fd())) || !term.IsTerminal(int(o.Out.Fd())) {
		return fmt.Errorf("%w: standard input and output must both be one for the screen; --plain works without", ErrNoTerminal)
	}
	if err := CheckKeys(o.Keys); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := openOwn(o.Out)
	if out != o.Out {
		defer func() { _ = out.Close() }() // nothing is written after leave
	}
	r := &runner{
		ctx: ctx, cancel: cancel, term: &terminal{in: o.In, tty: o.Out, out: out},
		signals: make(chan os.Signal, 8), continued: make(chan struct{}, 1),
	}
	r.guard = &Guard{fail: r.fail}

	signal.Notify(r.signals, endSignals...)
	signal.Notify(r.signals, screenSignals...)
	defer signal.Stop(r.signals)

	if err := r.term.enter(); err != nil {
		r.term.leave(true, false)
		return err
	}
	defer r.term.leave(true, false) // also if what follows panics on this goroutine

	r.painter = screen.NewPainter(out, func() { r.sendLater(paintMsg{}) })
	r.model = newModel(o, effects{ctx: ctx, guard: r.guard, terminal: r, clipboard: o.Clipboard, tmux: o.Tmux})
	r.program = tea.NewProgram(&loop{Model: r.model, runner: r},
		tea.WithContext(ctx), tea.WithInput(nil), tea.WithOutput(io.Discard), tea.WithoutRenderer(), tea.WithFPS(1),
		tea.WithoutSignalHandler(), tea.WithoutCatchPanics(), tea.WithColorProfile(colorprofile.ANSI))

	// The first picture goes out before anything is opened or started.
	r.model.resize(r.term.size())
	r.paint()

	var running sync.WaitGroup
	start := func(f func()) {
		running.Add(1)
		r.guard.Go(func() {
			defer running.Done()
			f()
		})
	}
	r.guard.Go(func() { // not waited for: a terminal that takes no bytes holds it up
		if err := r.painter.Run(); err != nil {
			r.fail(fmt.Errorf("terminal: %w", err))
		}
	})
	start(r.watchSignals)
	read := make(chan struct{})
	r.guard.Go(func() {
		defer close(read)
		if err := input.Read(ctx, o.In, func(msgs []tea.Msg) { r.send(inputMsg(msgs)) }); err != nil {
			r.fail(err)
		}
	})
	r.guard.Do(func() { _, _ = r.program.Run() }) // its error says that ctx ended; the cause is asked for below
	cancel(errQuit)
	running.Wait()
	select {
	case <-read:
	case <-time.After(leaveDeadline):
		// It was about to read keys that were thrown away as the terminal was given back, and waits now for a line of what is
		// typed for the shell. The process ends before there is one.
	}
	r.giveBack(true)
	r.painter.Close()
	if err := context.Cause(ctx); !errors.Is(err, errQuit) {
		return err
	}
	return r.model.failed
}

var errQuit = errors.New("quit")

// runner ties the program's loop to the terminal.
type runner struct {
	term    *terminal
	painter *screen.Painter
	program *tea.Program
	model   *Model
	guard   *Guard
	ctx     context.Context // of this one run
	cancel  context.CancelCauseFunc
	signals chan os.Signal

	suspended atomic.Bool   // from ctrl+z until the screen is back
	continued chan struct{} // one place: SIGCONT came while suspended

	// Owned by the program's loop.
	pace  pace
	armed bool // a paintMsg is on its way
	grid  screen.Grid
}

// Pictures come at most one in minFrame on average; maxBurst of them may follow one another at once, since an action often
// has two: the line that is cleared, and the row that came of it.
const (
	minFrame = 8 * time.Millisecond
	maxBurst = 3
)

// pace counts the pictures that may be painted: one more for each minFrame that has passed since at.
type pace struct {
	left int
	at   time.Time
}

// next returns 0 if a picture may be painted now, which it counts; else how long to wait.
func (p *pace) next(now time.Time) time.Duration {
	if gained := now.Sub(p.at) / minFrame; gained > 0 {
		p.left = int(min(time.Duration(p.left)+gained, maxBurst))
		if p.at = p.at.Add(gained * minFrame); p.left == maxBurst {
			p.at = now
		}
	}
	if p.left == 0 {
		return minFrame - now.Sub(p.at)
	}
	p.left--
	return 0
}

// loop is the model as Bubble Tea runs it: it draws into the painter, not into a string.
type loop struct {
	*Model
	runner *runner
}

func (l *loop) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg.(type) {
	case paintMsg:
		l.runner.armed = false
		return l, nil
	case resizedMsg: // asked for here, so that of several the last counts
		l.Model.resize(l.runner.term.size())
		l.Model.dirty = true
		l.runner.painter.Repaint() // also at the size that it has: in between it may have had another, and lost what was shown
		return l, nil
	}
	_, cmd := l.Model.Update(msg)
	return l, l.runner.guarded(cmd)
}

func (l *loop) Init() tea.Cmd { return l.runner.guarded(tea.Batch(l.Model.Init(), l.runner.stopTicks)) }

// stopTicks ends Bubble Tea's own renderer, which draws nothing here, yet would wake the process every second.
func (r *runner) stopTicks() tea.Msg {
	_ = r.program.ReleaseTerminal() // it holds none: the terminal is ours
	return nil
}

// View is called after each message. It hands over a picture if there is something new, the painter is free and the pace
// allows it; else it sees to being called again.
func (l *loop) View() tea.View {
	r := l.runner
	if !l.dirty || r.armed {
		return tea.View{}
	}
	if r.painter.Busy() {
		r.armed = true // the painter sends the paintMsg
		return tea.View{}
	}
	now := time.Now()
	if wait := r.pace.next(now); wait > 0 {
		r.armed = true
		time.AfterFunc(wait, func() { r.send(paintMsg{}) })
		return tea.View{}
	}
	r.paint()
	return tea.View{}
}

// paint draws the model and hands the picture over.
func (r *runner) paint() {
	r.model.draw(&r.grid)
	r.painter.Show(&r.grid)
}

// send gives the program a message; it waits until the program takes it or has ended.
func (r *runner) send(msg tea.Msg) { r.program.Send(msg) }

// sendLater is send for who must not wait.
func (r *runner) sendLater(msg tea.Msg) { go r.program.Send(msg) }

// fail ends the program with an error; the first one counts.
func (r *runner) fail(err error) {
	r.cancel(err)
}

// guarded makes the panic of a command, or of one in a batch, end the program in order.
func (r *runner) guarded(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() (msg tea.Msg) {
		r.guard.Do(func() { msg = cmd() })
		if batch, ok := msg.(tea.BatchMsg); ok {
			for i := range batch {
				batch[i] = r.guarded(batch[i])
			}
		}
		return msg
	}
}

// giveBack stops painting and gives the terminal back, for good if it is the end. It does nothing the second time.
func (r *runner) giveBack(end bool) {
	stuck := !r.painter.Pause(leaveDeadline / 2)
	if stuck {
		r.term.interrupt()
		r.painter.Pause(leaveDeadline / 4)
		r.term.resumeWriting()
	}
	r.term.leave(end, stuck)
}

// takeBack takes the terminal again, and paints all of it: its size may have changed, and its contents.
func (r *runner) takeBack() {
	if err := r.term.enter(); err != nil {
		r.fail(err)
		return
	}
	r.painter.Resume()
	r.sendLater(resizedMsg{})
}

// watchSignals answers the process's signals until ctx ends.
func (r *runner) watchSignals() {
	for {
		select {
		case <-r.ctx.Done():
			return
		case s := <-r.signals:
			switch s {
			case syscall.SIGWINCH:
				r.sendLater(resizedMsg{})
			case syscall.SIGCONT:
				if r.suspended.Load() {
					select {
					case r.continued <- struct{}{}:
					default:
					}
				} else {
					r.guard.Go(r.takeBack) // after SIGSTOP: the shell has used the terminal
				}
			default:
				r.fail(&SignalError{Signal: s})
				// At once: the loop may hang. A second signal then finds its default, and a clean terminal.
				r.giveBack(true)
				signal.Stop(r.signals)
				return
			}
		}
	}
}

// suspend gives the terminal back, stops the process group and, continued, takes the terminal again. It reports false if
// there is no shell that could continue us.
func (r *runner) suspend() bool {
	if !r.suspended.CompareAndSwap(false, true) {
		return true
	}
	defer r.suspended.Store(false)
	select {
	case <-r.continued:
	default:
	}
	r.giveBack(false)
	stopped := stopSelf(r.continued)
	if stopped && !r.term.foreground() {
		// Continued in the background: by `kill`, whose signal comes along and ends us, or by `bg`, and then taking the
		// terminal stops us again, as it should.
		time.Sleep(20 * time.Millisecond)
	}
	if r.ctx.Err() != nil {
		return stopped
	}
	r.takeBack()
	return stopped
}
