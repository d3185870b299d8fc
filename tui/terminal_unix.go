//go:build unix

package tui

import (
	"fmt"
	"os"
	"os/signal"
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
	in, out *os.File

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
// longer than leaveDeadline.
func (t *terminal) leave(end bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = t.ended || end
	if !t.entered {
		return
	}
	t.entered = false
	// What is pressed from here on is for the shell; restoring does not wait for output to drain.
	_ = term.Restore(int(t.in.Fd()), t.before) // the terminal may be gone: nothing can be done
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = t.out.WriteString(leaveModes) // as above
	}()
	timeout := time.NewTimer(leaveDeadline)
	defer timeout.Stop()
	select {
	case <-done:
	case <-timeout.C:
	}
}

// size returns the terminal's size, 80 x 24 if it does not tell.
func (t *terminal) size() (w, h int) {
	ws, err := unix.IoctlGetWinsize(int(t.out.Fd()), unix.TIOCGWINSZ)
	if err != nil || ws.Col == 0 || ws.Row == 0 {
		return 80, 24
	}
	return int(ws.Col), int(ws.Row)
}

// stopSelf stops the process group, as a shell expects of ctrl+z, and returns after it was continued. In a group that no
// shell watches the kernel ignores the signal: then it returns false, after a moment.
func stopSelf(continued <-chan struct{}) bool {
	signal.Reset(syscall.SIGTSTP)
	if err := syscall.Kill(0, syscall.SIGTSTP); err != nil {
		return false
	}
	wait := time.NewTimer(100 * time.Millisecond)
	defer wait.Stop()
	select {
	case <-continued:
		return true
	case <-wait.C:
		return false
	}
}

// Signals that the screen answers to.
var (
	endSignals    = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}
	screenSignals = []os.Signal{syscall.SIGWINCH, syscall.SIGCONT, syscall.SIGTSTP}
)

// foreground reports whether the terminal is the process group's to use.
func (t *terminal) foreground() bool {
	group, err := unix.IoctlGetInt(int(t.in.Fd()), unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}
