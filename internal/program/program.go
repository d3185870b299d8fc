// Package program builds the real program and runs its relay, as processes of their own.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Package is what Build builds.
const Package = "github.com/tallystick/tallystick"

// Build builds the program into dir and returns its path: as it is released, or, in a test under the race detector, under that too.
// It is called within the module.
func Build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "tallystick")
	build := exec.CommandContext(ctx, "go", append(append([]string{"build"}, buildFlags...), "-o", path, Package)...)
	build.Env = append(os.Environ(), buildEnvironment)
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the program: %w: %s", err, bytes.TrimSpace(out))
	}
	return path, nil
}

// Process is a program without a terminal.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid once done is closed
	log  Tail  // standard output and error
}

// Output is the newest part of what the process wrote.
func (p *Process) Output() string { return p.log.String() }

// Start starts path with args. env is its whole environment; nil: ours.
func Start(path string, env []string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(path, args...), done: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Stop asks the process to end, by force after some time, and waits for it.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
		return p.err
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill() // it may have ended just now
		<-p.done
		return fmt.Errorf("process %d did not end when asked to: %s", p.PID(), p.Output())
	}
}

// Relay is a running relay.
type Relay struct {
	*Process
	Addr string // host:port
	URL  string // of its websocket
}

// StartRelay starts a relay of the program at path on a free port, with its rooms in the folder data, and waits until it
// serves. home is its environment.
func StartRelay(ctx context.Context, path, data string, env []string) (*Relay, error) {
	addr, err := FreeAddr()
	if err != nil {
		return nil, err
	}
	return StartRelayAt(ctx, path, data, addr, env)
}

// StartRelayAt is StartRelay on the given address.
func StartRelayAt(ctx context.Context, path, data, addr string, env []string) (*Relay, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	p, err := Start(path, env, "--relay", "--listen", addr, "--data", data)
	if err != nil {
		return nil, err
	}
	r := &Relay{p, addr, "ws://" + addr + "/websocket"}
	if err := r.healthy(ctx); err != nil {
		return nil, errors.Join(err, r.Stop())
	}
	return r, nil
}

func (r *Relay) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := Serves(ctx, r.Addr, r.Done()); err != nil {
		return fmt.Errorf("%w: %s", err, r.Output())
	}
	return nil
}
