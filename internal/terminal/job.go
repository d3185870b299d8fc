package terminal

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// launchVariable tells a process of ours that it is the launcher.
const launchVariable = "TALLYSTICK_BENCH_LAUNCH"

var errClosed = os.ErrClosed

// job is a program started by a launcher: a process that leads the session and does what a shell does for one job. The
// kernel resets the line settings of a terminal whose session leader ends, and stops no program that has no such parent: so
// only of a job it can be known what it leaves behind, and whether it can be suspended.
type job struct {
	launcher *exec.Cmd
	pid      int
	lines    chan string // what the launcher tells, closed at its end
	ended    chan struct{}
	exit     Exit
	report   *os.File
	child    *os.File // the launcher's end of report, closed here once it runs
}

func (t *Terminal) prepareJob(path string, args, env []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	t.cmd = exec.Command(self, append([]string{path}, args...)...)
	t.cmd.Env = env
	t.cmd.Env = append(t.cmd.Environ(), launchVariable+"=1") // without env that of this process
	t.cmd.ExtraFiles = []*os.File{w}
	t.job = &job{launcher: t.cmd, lines: make(chan string, 16), ended: make(chan struct{}), report: r, child: w}
	return nil
}

// begin waits until the program runs.
func (j *job) begin() error {
	_ = j.child.Close() // our copy; the launcher has its own
	scan := bufio.NewScanner(j.report)
	if !scan.Scan() {
		return errors.Join(errors.New("the launcher said nothing"), scan.Err())
	}
	pid, ok := strings.CutPrefix(scan.Text(), "pid ")
	if !ok {
		return errors.New(scan.Text())
	}
	var err error
	if j.pid, err = strconv.Atoi(pid); err != nil {
		return err
	}
	go func() {
		defer close(j.lines)
		for scan.Scan() {
			what, value, _ := strings.Cut(scan.Text(), " ")
			n, _ := strconv.Atoi(value) // ours: always a number
			switch what {
			case "exited":
				j.exit = Exit{At: time.Now(), Code: n}
				close(j.ended)
			case "killed":
				j.exit = Exit{At: time.Now(), Code: -1, Signal: syscall.Signal(n)}
				close(j.ended)
			}
			j.lines <- what
		}
	}()
	return nil
}

func (j *job) kill() {
	select {
	case <-j.ended:
	default:
		_ = syscall.Kill(j.pid, syscall.SIGKILL) // it may have ended just now
	}
	go func() { // nobody listens any more
		for range j.lines {
		}
	}()
}

// Stopped waits until the job has been suspended. Errors: [ErrTimeout].
func (t *Terminal) Stopped(timeout time.Duration) error { return t.told("stopped", timeout) }

// Continue brings the suspended job to the foreground again and returns the time just before.
func (t *Terminal) Continue() (time.Time, error) {
	now := time.Now()
	return now, t.cmd.Process.Signal(syscall.SIGUSR1)
}

func (t *Terminal) told(what string, timeout time.Duration) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		select {
		case line, ok := <-t.job.lines:
			if line == what {
				return nil
			}
			if !ok {
				return fmt.Errorf("process %d ended, was to be %s", t.PID(), what)
			}
		case <-timer.C:
			return fmt.Errorf("process %d was to be %s: %w (%v)", t.PID(), what, ErrTimeout, timeout)
		}
	}
}

// Launch makes this process the launcher of a job if it was started as one, and then does not return. Programs that use
// Options.Job call it first of all.
func Launch() {
	if os.Getenv(launchVariable) == "" {
		return
	}
	report := os.NewFile(3, "report")
	_, _ = fmt.Fprintln(report, launch(report, os.Args[1:])) // who started us may be gone
	os.Exit(1)
}
