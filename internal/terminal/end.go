package terminal

import (
	"errors"
	"fmt"
	"reflect"
	"syscall"
	"time"

	"golang.org/x/term"
)

// Exit is how a program ended.
type Exit struct {
	At     time.Time      // when that was noticed
	Code   int            // -1 if Signal ended it
	Signal syscall.Signal // 0 if it ended by itself
}

func exitOf(s syscall.WaitStatus, at time.Time) Exit {
	if s.Signaled() {
		return Exit{At: at, Code: -1, Signal: s.Signal()}
	}
	return Exit{At: at, Code: s.ExitStatus()}
}

// reap waits for the process that was started, so that it leaves no zombie.
func (t *Terminal) reap() {
	_ = t.cmd.Wait() // how it ended is read from ProcessState
	if t.job == nil {
		t.exit = exitOf(t.cmd.ProcessState.Sys().(syscall.WaitStatus), time.Now())
	}
	close(t.exited)
}

// Wait waits for the program's end. Errors: [ErrTimeout].
func (t *Terminal) Wait(timeout time.Duration) (Exit, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	ended := t.exited
	if t.job != nil {
		ended = t.job.ended
	}
	select {
	case <-ended:
		if t.job != nil {
			return t.job.exit, nil
		}
		return t.exit, nil
	case <-timer.C:
		return Exit{}, fmt.Errorf("end of process %d: %w (%v)", t.PID(), ErrTimeout, timeout)
	}
}

// Signal sends a signal to the program.
func (t *Terminal) Signal(s syscall.Signal) error { return syscall.Kill(t.PID(), s) }

// Left names what the terminal is left with that it did not start with: modes, and line settings. Call it when the program
// has ended or stopped. Of a program that was not started as a job the line settings are not known: they go with its session.
func (t *Terminal) Left() ([]string, error) {
	// What it wrote last may not have been read yet: its end is told another way.
	if err := t.Quiet(20*time.Millisecond, time.Second); err != nil {
		return nil, err
	}
	t.mu.Lock()
	left := t.scan.left()
	t.mu.Unlock()
	if t.job == nil {
		return left, nil
	}
	now, err := term.GetState(int(t.slave.Fd()))
	if err != nil {
		return left, fmt.Errorf("line settings: %w", err)
	}
	if !reflect.DeepEqual(now, t.before) {
		left = append(left, "line settings")
	}
	return left, nil
}

// Hangup takes the terminal away, as a window that is closed does, and returns the time just before. Nothing can be read
// or typed after that.
func (t *Terminal) Hangup() (time.Time, error) {
	now := time.Now()
	return now, t.master.Close()
}

// Close ends the program, by force if need be, and lets go of the terminal.
func (t *Terminal) Close() error {
	if t.job != nil {
		t.job.kill()
	}
	select {
	case <-t.exited:
	default:
		_ = t.cmd.Process.Kill() // it may have ended just now
	}
	<-t.exited
	err := t.slave.Close() // now that nobody holds it, read gets what is left, and then an error
	<-t.readEnd
	if e := t.master.Close(); e != nil && !errors.Is(e, errClosed) {
		err = errors.Join(err, e)
	}
	return err
}
