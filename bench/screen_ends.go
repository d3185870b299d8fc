package main

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/internal/terminal"
)

const endingRuns = 5

// endings measures how long each way to end takes, and looks at what the terminal is left with.
func (s *screenRun) endings(ctx context.Context) error {
	for _, e := range []struct {
		name string
		keys string
		sig  syscall.Signal
	}{
		{name: "quit (q)", keys: "q"},
		{name: "SIGTERM", sig: syscall.SIGTERM},
		{name: "SIGHUP", sig: syscall.SIGHUP},
		{name: "SIGINT", sig: syscall.SIGINT},
	} {
		var took []time.Duration
		unclean, left := 0, []string(nil)
		for range endingRuns {
			if err := ctx.Err(); err != nil {
				return err
			}
			t, err := s.startLive(terminal.Options{Job: true})
			if err != nil {
				return err
			}
			if err := toNav(t); err != nil {
				return s.shown(t, err)
			}
			at := time.Now()
			if e.keys != "" {
				at, err = t.Send(e.keys)
			} else {
				err = t.Signal(e.sig)
			}
			if err != nil {
				return s.shown(t, err)
			}
			exit, err := t.Wait(patience)
			if err != nil {
				return s.shown(t, fmt.Errorf("%s: %w", e.name, err))
			}
			took = append(took, exit.At.Sub(at))
			on, err := t.Left()
			if err != nil {
				return err
			}
			if len(on) > 0 {
				unclean++
				left = on
			}
			if err := t.Close(); err != nil {
				return err
			}
		}
		s.figure(e.name+" to end", "ms", stat.Durations(took), "connected", report.AtMost("p50", 100))
		s.figure(e.name+": terminal left unclean", "times", report.Single(float64(unclean)), strings.Join(left, ", "), report.AtMost("max", 0))
	}
	if err := s.hangup(ctx); err != nil {
		return err
	}
	return s.suspend(ctx)
}

// hangup takes the terminal away, as a window that is closed does.
func (s *screenRun) hangup(ctx context.Context) error {
	var took []time.Duration
	for range endingRuns {
		t, err := s.startLive(terminal.Options{})
		if err != nil {
			return err
		}
		at, err := t.Hangup()
		if err != nil {
			return err
		}
		exit, err := t.Wait(patience)
		if err != nil {
			return fmt.Errorf("terminal closed: %w", err)
		}
		took = append(took, exit.At.Sub(at))
		if err := t.Close(); err != nil {
			return err
		}
	}
	s.figure("terminal closed to end", "ms", stat.Durations(took), "", report.AtMost("p50", 100))
	return nil
}

// suspend stops the program by ctrl+z and brings it back.
func (s *screenRun) suspend(ctx context.Context) error {
	t, err := s.startLive(terminal.Options{Job: true})
	if err != nil {
		return err
	}
	var stopped, resumed []time.Duration
	unclean := 0
	for range endingRuns {
		at, err := t.Send(keyCtrlZ)
		if err != nil {
			return s.shown(t, err)
		}
		if err := t.Stopped(patience); err != nil {
			return s.shown(t, fmt.Errorf("ctrl+z: %w", err))
		}
		stopped = append(stopped, time.Since(at))
		if on, err := t.Left(); err != nil || len(on) > 0 {
			unclean++
		}
		e := t.Expect(s.usable)
		if at, err = t.Continue(); err != nil {
			return s.shown(t, err)
		}
		f, err := e.Wait(patience)
		if err != nil {
			return s.shown(t, fmt.Errorf("after ctrl+z and fg: %w", err))
		}
		resumed = append(resumed, f.At.Sub(at))
		if err := t.Quiet(100*time.Millisecond, patience); err != nil {
			return s.shown(t, err)
		}
	}
	s.figure("ctrl+z to suspended", "ms", stat.Durations(stopped), "", report.AtMost("p50", 100))
	s.figure("ctrl+z: terminal left unclean", "times", report.Single(float64(unclean)), "", report.AtMost("max", 0))
	s.figure("fg to frame", "ms", stat.Durations(resumed), "")
	return t.Close()
}
