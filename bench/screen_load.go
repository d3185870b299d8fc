package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/tallystick/tallystick/bench/internal/proc"
	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/internal/terminal"
)

const (
	loadRate = 1000 // changes a second
	loadSpan = 5 * time.Second
)

// load measures the screen while others write: a second process publishes 1,000 changes a second through the relay.
func (s *screenRun) load(ctx context.Context) error {
	if !s.largest {
		return nil
	}
	publisher, stopPublisher, err := s.helper("publish", s.relay.URL, s.room.Charter.Name, fmt.Sprint(loadRate), fmt.Sprint(loadSpan*5))
	if err != nil {
		return err
	}
	t, err := s.startLive(terminal.Options{})
	if err != nil {
		return err
	}
	if err := publisher.begin(); err != nil {
		return s.shown(t, err)
	}
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	for _, part := range []func(context.Context, *terminal.Terminal) error{s.loadFrames, s.loadKeys} {
		if err := part(ctx, t); err != nil {
			return s.shown(t, err)
		}
	}
	return errors.Join(t.Close(), stopPublisher())
}

// loadFrames counts frames and CPU time, nobody typing. For the screen's part the terminal is then made so small that
// there is nothing to draw, and the process has only the rest of its work.
func (s *screenRun) loadFrames(ctx context.Context, t *terminal.Terminal) error {
	counts := t.Counts()
	whole, err := use(ctx, t.PID())
	if err != nil {
		return err
	}
	now := t.Counts()
	seconds := whole.Wall.Seconds()
	if _, err := t.Resize(9, 2); err != nil {
		return err
	}
	if err := pause(ctx, 200*time.Millisecond); err != nil {
		return err
	}
	bare, err := use(ctx, t.PID())
	if err != nil {
		return err
	}
	if _, err := t.Resize(120, 36); err != nil {
		return err
	}
	if _, err := t.WaitScreen(patience, func(scr *terminal.Screen) bool { // the cursor is where keys will move it from
		_, y := scr.Find("New transaction")
		_, at := scr.Cursor()
		return y >= 0 && at == y+1
	}); err != nil {
		return err
	}
	s.figure("1,000 changes/s arriving: frames", "/s", report.Single(float64(now.Frames-counts.Frames)/seconds), "", report.AtMost("p50", 30))
	s.figure("1,000 changes/s arriving: output", "B/s", report.Single(float64(now.Bytes-counts.Bytes)/seconds), "")
	s.figure("1,000 changes/s arriving: CPU of the process", "%", report.Single(whole.Percent()), "with checking and storing")
	s.figure("1,000 changes/s arriving: CPU for the screen", "%", report.Single(whole.Percent()-bare.Percent()),
		fmt.Sprintf("beyond the same at 9x2, where nothing is drawn: %s %%", report.Number(bare.Percent())), report.AtMost("p50", 15))
	return pause(ctx, 200*time.Millisecond)
}

// use is what a process uses within loadSpan.
func use(ctx context.Context, pid int) (proc.Spent, error) {
	before, err := proc.Read(pid)
	if err != nil {
		return proc.Spent{}, err
	}
	if err := pause(ctx, loadSpan); err != nil {
		return proc.Spent{}, err
	}
	after, err := proc.Read(pid)
	return after.Since(before), err
}

// loadKeys types while the changes arrive. The frame of a key is the first that shows the cursor one column on.
func (s *screenRun) loadKeys(ctx context.Context, t *terminal.Terminal) error {
	var took []time.Duration
	for range 4 {
		x := 0
		t.Look(func(scr *terminal.Screen) { x, _ = scr.Cursor() })
		for _, key := range split("alice -> bob 12.50 dinner of the club") {
			x++
			e := t.Expect(func(scr *terminal.Screen) bool {
				at, _ := scr.Cursor()
				return at == x
			})
			at, err := t.Send(key)
			if err != nil {
				return err
			}
			f, err := e.Wait(patience)
			if err != nil {
				return fmt.Errorf("key %q: %w", key, err)
			}
			took = append(took, f.At.Sub(at))
			if err := pause(ctx, typedPerson); err != nil {
				return err
			}
		}
		if _, err := t.Send(keyCtrlU); err != nil {
			return err
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	s.figure("1,000 changes/s arriving: typed character to frame", "ms", stat.Durations(took), "", report.AtMost("p95", keyTop))
	return nil
}

// helper is a process of ours that has said that it is ready.
type helper struct {
	pid int
	in  io.WriteCloser
}

// begin tells it to begin.
func (h *helper) begin() error {
	_, err := io.WriteString(h.in, "go\n")
	return err
}

// helper starts a process of ours and waits until it is ready. stop ends it.
func (r *run) helper(role string, args ...string) (h *helper, stop func() error, err error) {
	cmd, err := r.child(role, args...)
	if err != nil {
		return nil, nil, err
	}
	h = &helper{}
	if h.in, err = cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	h.pid = cmd.Process.Pid
	stop = r.onClose(func() error {
		_ = cmd.Process.Kill() // it may have ended
		err := cmd.Wait()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() < 0 {
			return nil // killed, as it should be
		}
		return err
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		return nil, nil, errors.Join(fmt.Errorf("%s did not become ready: %q", role, line), stop())
	}
	return h, stop, nil
}
