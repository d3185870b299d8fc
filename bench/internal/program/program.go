// Package program builds the real program and runs its relay, as processes of their own.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Package is what Build builds.
const Package = "github.com/tallystick/tallystick"

// Build builds the program into dir and returns its path. It is called within the module.
func Build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "tallystick")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, Package)
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as what is released
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the program: %w: %s", err, bytes.TrimSpace(out))
	}
	return path, nil
}

// FreeAddr returns an address of this machine on which nobody listens at this moment.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Process is a program without a terminal.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid once done is closed

	mu  sync.Mutex
	log bytes.Buffer // standard output and error; its newest part
}

// maxLog bounds what is kept of a process's output.
const maxLog = 64 << 10

// Write keeps output; it is for the process.
func (p *Process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.log.Len() > maxLog {
		p.log.Reset()
	}
	return p.log.Write(b)
}

// Output is the newest part of what the process wrote.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// Start starts path with args. env is its whole environment; nil: ours.
func Start(path string, env []string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(path, args...), done: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, p, p
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
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.Addr+"/healthz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close() // only the status matters
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-r.Done():
			return fmt.Errorf("the relay ended: %w: %s", r.err, r.Output())
		case <-ctx.Done():
			return fmt.Errorf("the relay at %s does not serve: %w: %s", r.Addr, ctx.Err(), r.Output())
		case <-time.After(5 * time.Millisecond):
		}
	}
}
