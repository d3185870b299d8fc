package fleet

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/tallystick/tallystick/internal/program"
)

// A Relay is a relay of the program, over all its lives: always on the same address and data. Its methods are for one
// goroutine, but for what says otherwise.
type Relay struct {
	Name string
	Addr string // host:port

	fleet *Fleet
	book  *Book
	args  []string

	mu  sync.Mutex
	run *process // guarded by mu; nil before the first
}

// Relay makes a relay with its own data folder and further args. It does not run yet.
func (f *Fleet) Relay(name string, book *Book, args ...string) (*Relay, error) {
	addr, err := program.FreeAddr()
	if err != nil {
		return nil, err
	}
	return &Relay{Name: name, Addr: addr, fleet: f, book: book, args: args}, nil
}

// Start starts the relay, which must not run, and waits until it serves.
func (r *Relay) Start(ctx context.Context) error {
	args := append([]string{"--relay", "--listen", r.Addr, "--data", filepath.Join(r.fleet.Home, r.Name)}, r.args...)
	read := make(chan struct{})
	close(read) // it says nothing on standard output
	p, err := launch(r.fleet.command(args...), read, func(p *process) {
		if err := p.unwanted(); err != nil {
			r.book.Wrong("relay %s %w", r.Name, err)
		}
	})
	if err != nil {
		return fmt.Errorf("relay %s: %w", r.Name, err)
	}
	r.mu.Lock()
	r.run = p
	r.mu.Unlock()
	if err := program.Serves(ctx, r.Addr, p.done); err != nil {
		return fmt.Errorf("relay %s: %w: %s", r.Name, err, &p.diag)
	}
	return nil
}

// Kill ends the relay at once.
func (r *Relay) Kill() {
	if r.run != nil {
		r.run.kill()
	}
}

// Freeze stops the relay until Thaw. Its connections stay, and nobody answers.
func (r *Relay) Freeze() { r.run.freeze() }

// Thaw lets it go on.
func (r *Relay) Thaw() { r.run.thaw() }

// Finish asks the relay to end, which it must within patience with exit code 0.
func (r *Relay) Finish(patience time.Duration) error {
	code, err := r.run.end(func() error { return r.run.cmd.Process.Signal(syscall.SIGTERM) }, patience)
	if err == nil && code != 0 {
		err = fmt.Errorf("ended with code %d: %s", code, &r.run.diag)
	}
	if err != nil {
		return fmt.Errorf("relay %s %w", r.Name, err)
	}
	return nil
}

// PID is the number of the process, 0 if none runs. Safe for concurrent use.
func (r *Relay) PID() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run == nil {
		return 0
	}
	select {
	case <-r.run.done:
		return 0
	default:
		return r.run.cmd.Process.Pid
	}
}
