//go:build unix

package tui

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// What a screen needs: the alternate screen, marked pastes, and no wrapping, so that a character of unexpected width
// stays in its line. leaveModes takes everything back that may be on, the mouse and a picture half written included.
const (
	enterModes    = "\x1b[?1049h\x1b[?2004h\x1b[?7l\x1b[?25l"
	leaveModes    = "\x1b[?2026l\x1b[m\x1b[?1006l\x1b[?1000l\x1b[?7h\x1b[?2004l\x1b[?25h\x1b[?1049l"
	mouseOn       = "\x1b[?1000h\x1b[?1006h"
	mouseOff      = "\x1b[?1006l\x1b[?1000l"
	leaveDeadline = 80 * time.Millisecond // for a terminal that takes no more bytes
)

// terminal is the terminal's state before us, and whether it is ours now. Safe for concurrent use: signals, the model's
// commands and a panicking goroutine all may end it.
type terminal struct {
	in, tty *os.File // as they were given
	out     *os.File // tty once more, for us alone where the system allows it; never ask it for its Fd: deadlines would stop

	mu      sync.Mutex
	before  *term.State
	entered bool
	ended   bool
	mouse   bool // the mouse is on, while entered
}

// enter takes the terminal; a second time only repeats the modes, for a shell may have changed them while we stood still.
// After the end it does nothing.
func (t *terminal) enter() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return nil
	}
	state, err := term.MakeRaw(int(t.in.Fd()))
	if err != nil {
		return fmt.Errorf("terminal: raw mode: %w", err)
	}
	if !t.entered {
		t.before, t.entered = state, true
	}
	modes := enterModes
	if t.mouse {
		modes += mouseOn
	}
	if _, err := t.out.WriteString(modes); err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	return nil
}

// leave gives the terminal back as it was, for good if it is the end. It does nothing the second time, and takes no
// longer than leaveDeadline. stuck says that a picture could not be written to its end.
func (t *terminal) leave(end, stuck bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = t.ended || end
	if !t.entered {
		return
	}
	t.entered = false
	// Errors from here on are of a terminal that is gone: nothing can be done.
	if end {
		discardInput(t.in) // keys and pastes that were meant for the screen are no commands for the shell
	}
	_ = term.Restore(int(t.in.Fd()), t.before) // does not wait for output to drain
	if stuck {
		discardOutput(t.tty) // what waits is in the way of what matters
	}
	err := t.writeModes()
	if err != nil || !takesBytes(t.tty, leaveDeadline/4) {
		// It takes nothing. At least what is said next, on standard error, must not wait for it.
		discardOutput(t.tty)
		_ = t.writeModes() // once more: it was just dropped
	}
}

// writeModes writes leaveModes, for at most half of leaveDeadline.
func (t *terminal) writeModes() error {
	if t.out.SetWriteDeadline(time.Now().Add(leaveDeadline/2)) == nil {
		_, err := t.out.WriteString(leaveModes)
		_ = t.out.SetWriteDeadline(time.Time{}) // as it could be set, it can be taken back
		return err
	}
	// A file without deadlines.
	done := make(chan error, 1)
	go func() {
		_, err := t.out.WriteString(leaveModes)
		done <- err
	}()
	timeout := time.NewTimer(leaveDeadline / 2)
	defer timeout.Stop()
	select {
	case err := <-done:
		return err
	case <-timeout.C:
		return nil // it may come to its end yet; a second one behind it would not help
	}
}

// interrupt ends a write under way, if the file can do that; writing goes on after resumeWriting.
func (t *terminal) interrupt() { _ = t.out.SetWriteDeadline(time.Now()) }

func (t *terminal) resumeWriting() { _ = t.out.SetWriteDeadline(time.Time{}) }

// size returns the terminal's size, 80 x 24 if it does not tell.
func (t *terminal) size() (w, h int) {
	ws, err := unix.IoctlGetWinsize(int(t.tty.Fd()), unix.TIOCGWINSZ)
	if err != nil || ws.Col == 0 || ws.Row == 0 {
		return 80, 24
	}
	return int(ws.Col), int(ws.Row)
}

// stopSelf stops the process group, as a shell expects of ctrl+z, and returns after it was continued. In a group that no
// shell watches the kernel ignores the signal: then it returns false, after a moment.
func stopSelf(continued <-chan struct{}) bool {
	if err := syscall.Kill(0, syscall.SIGTSTP); err != nil {
		return false
	}
	wait := time.NewTimer(100 * time.Millisecond)
	defer wait.Stop()
	select {
	case <-continued:
		return true
	case <-wait.C:
	}
	// Time passes for the timer while we are stopped too: it may be seen before the signal that continued us.
	wait.Reset(100 * time.Millisecond)
	select {
	case <-continued:
		return true
	case <-wait.C:
		return false
	}
}

// Signals that the screen answers to. SIGTSTP is none: once it was asked for, Go does not give it its default back
// (signal.Reset leaves the runtime's handler, which drops it), and no ctrl+z would stop the program any more.
var (
	endSignals    = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}
	screenSignals = []os.Signal{syscall.SIGWINCH, syscall.SIGCONT}
)

// foreground reports whether the terminal is the process group's to use.
func (t *terminal) foreground() bool {
	group, err := unix.IoctlGetInt(int(t.in.Fd()), unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}
