package live

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"
)

// A news is something that many wait for: whoever changes it calls tell.
type news struct {
	mu      sync.Mutex
	changed chan struct{}
}

// change runs f alone and wakes those who wait.
func (n *news) change(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
	if n.changed != nil {
		close(n.changed)
		n.changed = nil
	}
}

// see runs f alone.
func (n *news) see(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

// wait waits until cond, which is run alone, holds, or ctx ends: with ctx's cause.
func (n *news) wait(ctx context.Context, cond func() bool) error {
	for {
		n.mu.Lock()
		if cond() {
			n.mu.Unlock()
			return nil
		}
		if n.changed == nil {
			n.changed = make(chan struct{})
		}
		changed := n.changed
		n.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// within is ctx with a patience, and what was awaited as its cause.
func within(ctx context.Context, d time.Duration, format string, args ...any) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("waited %v in vain until "+format, append([]any{d}, args...)...))
}

// A process is the program, running.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and all of its output was read

	news
	last  []string // the newest lines on standard error; guarded by news
	raw   string   // the first line of output with something in it that may not reach a terminal; guarded by news
	panic bool     // standard error looks like the end of a Go program; guarded by news
}

const keptLines = 40

// start starts cmd; out and diag get the lines of its output and standard error, each on one goroutine.
func start(cmd *exec.Cmd, out, diag func(line string)) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var readers sync.WaitGroup
	readers.Go(func() { p.read(stdout, out) })
	readers.Go(func() {
		p.read(stderr, func(line string) {
			p.change(func() {
				p.last = append(p.last[max(0, len(p.last)-keptLines):], line)
				p.panic = p.panic || strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") || strings.HasPrefix(line, "goroutine ")
			})
			if diag != nil {
				diag(line)
			}
		})
	})
	go func() {
		readers.Wait()
		_ = cmd.Wait() // how it ended is looked at by exit
		p.change(func() { close(p.done) })
	}()
	return p, nil
}

func (p *process) read(r io.Reader, each func(string)) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if unsafeText(line) {
			p.change(func() {
				if p.raw == "" {
					p.raw = line
				}
			})
		}
		if each != nil {
			each(line)
		}
	}
	_, _ = io.Copy(io.Discard, r) // after a line that is too long: it must not stand still
}

// unsafeText reports whether a line has in it what a terminal might act on or hide: controls, format characters, broken UTF-8. It
// is written anew here, on purpose: what is tested does not test itself.
func unsafeText(line string) bool {
	if !utf8.ValidString(line) {
		return true
	}
	for _, r := range line {
		if r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)) {
			return true
		}
	}
	return false
}

// fault says what must never be seen of a process, nil if nothing was.
func (p *process) fault() (err error) {
	p.see(func() {
		if p.panic {
			err = fmt.Errorf("it panicked: %s", strings.Join(p.last, "\n"))
		} else if p.raw != "" {
			err = fmt.Errorf("a line of its output is not safe for a terminal: %q", p.raw)
		}
	})
	return err
}

// stderr is the newest of what it said.
func (p *process) stderr() (text string) {
	p.see(func() { text = strings.Join(p.last, "\n") })
	return text
}

// ended reports whether the process has ended.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// exit waits for the end and returns the exit code, -1 for a signal.
func (p *process) exit(ctx context.Context) (int, error) {
	ctx, cancel := within(ctx, patience, "%s has ended", p)
	defer cancel()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("%w; it says: %s", context.Cause(ctx), p.stderr())
	}
}

// String is the command line, less the path.
func (p *process) String() string {
	return strings.Join(append([]string{"tallystick"}, p.cmd.Args[1:]...), " ")
}

// kill ends the process as a power cut would, as far as it is concerned.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// terminate asks the process to end.
func (p *process) terminate(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	_, err := p.exit(ctx)
	return err
}

// peakBytes is the most memory that the process has had in use since forgetPeak, 0 where /proc does not tell.
func (p *process) peakBytes() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, after, ok := strings.Cut(string(b), "VmHWM:")
	if !ok {
		return 0
	}
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	kb, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 0
	}
	return kb << 10
}

// forgetPeak begins peakBytes anew, where that can be done.
func (p *process) forgetPeak() {
	// Where it cannot, the peak is that of an earlier attack: an upper bound.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}
