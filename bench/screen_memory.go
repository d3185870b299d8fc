package main

import (
	"bufio"
	"context"
	"errors"
	"os/exec"
	"time"

	"github.com/tallystick/tallystick/bench/internal/proc"
	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/internal/terminal"
)

const mib = 1 << 20

// memory measures what the process holds at rest, and of that the screen's own part: what the same program holds beyond what it
// holds without a screen on the same store.
func (s *screenRun) memory(ctx context.Context) error {
	runs := min(5, s.runs)
	var with, without, own []float64
	for range runs {
		t, err := s.start(terminal.Options{Screen: true}, "--offline")
		if err != nil {
			return err
		}
		if _, err := t.WaitScreen(patience, s.usable); err != nil {
			return s.shown(t, err)
		}
		if err := toNav(t); err != nil {
			return s.shown(t, err)
		}
		if _, err := do(ctx, t, append(times(keyPageUp, 20), "G")...); err != nil {
			return s.shown(t, err)
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
		u, err := proc.Read(t.PID())
		if err = errors.Join(err, t.Close()); err != nil {
			return err
		}
		p, err := s.plainMemory(ctx)
		if err != nil {
			return err
		}
		with, without = append(with, float64(u.Resident)/mib), append(without, float64(p.Resident)/mib)
		own = append(own, with[len(with)-1]-without[len(without)-1])
	}
	s.figure("memory (RSS)", "MiB", stat.Of(with), "whole process")
	s.figure("memory without a screen", "MiB", stat.Of(without), "the same store in plain mode")
	s.figure("memory of the screen's own part", "MiB", stat.Of(own), "the difference", report.AtMost("p50", 12))
	return nil
}

// plainMemory is what plain mode holds of the same store.
func (s *screenRun) plainMemory(ctx context.Context) (u proc.Usage, err error) {
	cmd := exec.CommandContext(ctx, s.binary, "run", s.me.Name, "--offline", "--plain", "--tail", "1", "--wait", "0s")
	cmd.Env = s.home.Env()
	in, err := cmd.StdinPipe()
	if err != nil {
		return u, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return u, err
	}
	if err := cmd.Start(); err != nil {
		return u, err
	}
	// The entry that it prints says that all is loaded.
	if _, err = bufio.NewReader(out).ReadString('\n'); err == nil {
		if err = pause(ctx, 500*time.Millisecond); err == nil {
			u, err = proc.Read(cmd.Process.Pid)
		}
	}
	err = errors.Join(err, in.Close())
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()         // killed, or with 3: what is in the store is unsent
	return u, err
}
