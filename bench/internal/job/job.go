// Package job runs a process that measures something several times, and stops it when its time is up. The process prints lines of JSON:
// {"ready":true} when it has prepared itself, one line for each run, or {"error":"…"}.
package job

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// ErrFailed is returned with what the process said.
var ErrFailed = errors.New("the measuring process failed")

// Line is what the process prints.
type Line struct {
	Ready bool     `json:"ready,omitempty"`
	Error string   `json:"error,omitempty"`
	Ms    *float64 `json:"ms,omitempty"`
	Bytes *int64   `json:"bytes,omitempty"`
	Heap  *int64   `json:"heap_bytes,omitempty"`
}

// Outcome is what was measured. Without a run in time Over is true and the rest is empty.
type Outcome struct {
	Ms          []float64 // of each run but the first, which warms up, unless there is no other
	Bytes, Heap *int64    // of the last run
	Runs        int       // that count
	Over        bool
}

// maxLine bounds what is read of one line.
const maxLine = 1 << 16

// Run starts cmd, whose standard output it takes, and waits for its end. limit is the time for preparing and, after that, for all runs: what is
// done by then counts. The error is [ErrFailed], or that of ctx.
func Run(ctx context.Context, cmd *exec.Cmd, limit time.Duration) (Outcome, error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return Outcome{}, err
	}
	var diag tail
	cmd.Stderr = &diag
	if err := cmd.Start(); err != nil {
		return Outcome{}, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	lines := make(chan Line)
	stop := make(chan struct{})
	go func() {
		defer close(lines)
		read(out, lines, stop)
	}()
	runs, cut, err := collect(ctx, lines, limit)
	close(stop)
	kill := func() { _ = cmd.Process.Kill() } // it may have ended by itself
	if cut || err != nil {
		kill()
	}
	for range lines { // until the reader has gone, as Wait asks for
	}
	late := time.AfterFunc(limit, kill)
	ended := cmd.Wait()
	late.Stop()
	switch {
	case err != nil:
		return Outcome{}, err
	case !cut && ended != nil:
		return Outcome{}, fmt.Errorf("%w: %w: %s", ErrFailed, ended, diag.String())
	case !cut && len(runs) == 0:
		return Outcome{}, fmt.Errorf("%w: it measured nothing: %s", ErrFailed, diag.String())
	}
	return sum(runs), nil
}

// read hands on what is said, the first nonsense as an error and nothing after it.
func read(r io.Reader, lines chan<- Line, stop <-chan struct{}) {
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, maxLine)
	for scan.Scan() {
		var l Line
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			l = Line{Error: fmt.Sprintf("it said %.200q", scan.Text())}
		}
		select {
		case lines <- l:
		case <-stop:
			return
		}
	}
}

// collect gathers the runs until the process has no more, or time is up.
func collect(ctx context.Context, lines <-chan Line, limit time.Duration) (runs []Line, cut bool, err error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, true, ctx.Err()
		case <-timer.C:
			return runs, true, nil
		case l, more := <-lines:
			switch {
			case !more:
				return runs, false, nil
			case l.Error != "":
				return nil, true, fmt.Errorf("%w: %s", ErrFailed, l.Error)
			case l.Ready:
				timer.Reset(limit)
			default:
				runs = append(runs, l)
			}
		}
	}
}

func sum(runs []Line) Outcome {
	if len(runs) == 0 {
		return Outcome{Over: true}
	}
	if len(runs) > 1 {
		runs = runs[1:]
	}
	o := Outcome{Runs: len(runs)}
	for _, l := range runs {
		if l.Ms != nil {
			o.Ms = append(o.Ms, *l.Ms)
		}
		o.Bytes, o.Heap = l.Bytes, l.Heap
	}
	return o
}

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(b []byte) (int, error) {
	const most = 2000
	t.b = append(t.b, b...)
	t.b = t.b[max(0, len(t.b)-most):]
	return len(b), nil
}

func (t *tail) String() string { return strings.TrimSpace(string(t.b)) }
