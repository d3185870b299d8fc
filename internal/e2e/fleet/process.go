package fleet

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/tallystick/tallystick/internal/program"
)

// Fleet is where processes live: a machine with one program and one home.
type Fleet struct {
	Binary string // the built program
	Home   string // of all of them
}

// command makes a process of the program.
func (f *Fleet) command(args ...string) *exec.Cmd {
	cmd := exec.Command(f.Binary, args...)
	cmd.Env = program.Environment(f.Home)
	return cmd
}

// Output runs the program to its end and returns what it printed. An exit code other than zero is an error that tells
// what it said.
func (f *Fleet) Output(args ...string) (string, error) {
	cmd := f.command(args...)
	var diag program.Tail
	cmd.Stderr = &diag
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("tallystick %q: %w: %s", args, err, &diag)
	}
	return string(out), nil
}

// process is one run of a program.
type process struct {
	cmd  *exec.Cmd
	diag program.Tail
	done chan struct{} // closed when it has ended and was waited for

	mu     sync.Mutex
	wanted bool // guarded by mu; its end was wanted
}

// launch starts cmd. Its end is taken in when read is closed too: all that it said was read. ended is called once then, before
// done is closed.
func launch(cmd *exec.Cmd, read <-chan struct{}, ended func(*process)) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	cmd.Stderr = &p.diag
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		<-read         // Wait closes the pipe of the output
		_ = cmd.Wait() // the state is looked at
		ended(p)
		close(p.done)
	}()
	return p, nil
}

// want notes that the process's end is wanted from now on.
func (p *process) want() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = true
}

// unwanted says why the process ended, nil if that was wanted.
func (p *process) unwanted() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wanted {
		return nil
	}
	return fmt.Errorf("ended by itself: %v: %s", p.cmd.ProcessState, &p.diag)
}

// kill ends the process at once and waits for it. It may have ended, or be frozen.
func (p *process) kill() {
	p.want()
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// freeze stops the process until thaw: it neither computes nor answers, and its connections stay.
func (p *process) freeze() { p.signal(syscall.SIGSTOP) }
func (p *process) thaw()   { p.signal(syscall.SIGCONT) }

func (p *process) signal(s os.Signal) { _ = p.cmd.Process.Signal(s) } // it may have ended

// end asks the process to end and waits, by force after patience. It returns the exit code.
func (p *process) end(ask func() error, patience time.Duration) (int, error) {
	p.want()
	if err := ask(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, err
	}
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(patience):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // Go tells where its goroutines stand
		select {
		case <-p.done:
		case <-time.After(5 * time.Second):
			p.kill()
		}
		return 0, fmt.Errorf("did not end within %v: %s", patience, &p.diag)
	}
}
