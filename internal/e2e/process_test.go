package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/tallystick/tallystick/internal/cli" // what is built: a change of it makes a cached result stale
	"github.com/tallystick/tallystick/internal/program"
)

// patience bounds every wait. It decides nothing but when a stuck test gives up.
const patience = 2 * time.Minute

var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tallystick-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary, err = program.Build(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// world is a machine of its own: home, ports, processes.
type world struct {
	t    *testing.T
	home string
}

func newWorld(t *testing.T) *world { return &world{t: t, home: t.TempDir()} }

func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = program.Environment(w.home)
	return cmd
}

// run runs a command to its end and returns what it printed; it must succeed.
func (w *world) run(args ...string) string {
	w.t.Helper()
	out, err := w.command(args...).Output()
	if err != nil {
		var stderr []byte
		if exit, ok := err.(*exec.ExitError); ok {
			stderr = exit.Stderr
		}
		w.t.Fatalf("tallystick %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr)
	}
	return string(out)
}

// freePort is a port that nobody listens on now.
func freePort(t *testing.T) string {
	t.Helper()
	addr, err := program.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// relay is a relay that can be killed and started again on the same address and data.
type relay struct {
	w    *world
	addr string
	cmd  *exec.Cmd
}

func (w *world) relay() *relay {
	r := &relay{w: w, addr: freePort(w.t)}
	r.start()
	w.t.Cleanup(r.kill)
	return r
}

func (r *relay) url() string { return "ws://" + r.addr }

func (r *relay) start() {
	r.w.t.Helper()
	r.cmd = r.w.command("--relay", "--listen", r.addr, "--data", filepath.Join(r.w.home, "relay"))
	if err := r.cmd.Start(); err != nil {
		r.w.t.Fatal(err)
	}
	until(r.w.t, "the relay listens", func() bool {
		c, err := net.Dial("tcp", r.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (r *relay) kill() {
	_ = r.cmd.Process.Kill() // it may be dead already
	_ = r.cmd.Wait()         // killed: an error by nature
}

// until polls; what it waits for has no event of its own.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %v in vain until %s", patience, what)
		}
	}
}

// event is a line of plain mode with --json.
type event struct {
	Kind      string `json:"kind"`
	ID        string `json:"id"`
	Author    string `json:"author"`
	Memo      string `json:"memo"`
	State     string `json:"state"`
	Rows      int    `json:"rows"`
	LogDigest string `json:"log_digest"`
	DocDigest string `json:"doc_digest"`
}

// person is a node in plain mode.
type person struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	err   bytes.Buffer

	mu      sync.Mutex
	changed *sync.Cond
	memos   map[string]string // of every entry that it has shown, to its id
	end     *event
	closed  bool // its output has ended
}

// plain starts a node and waits until it has shown what its store holds.
func (w *world) plain(name string, args ...string) *person {
	w.t.Helper()
	p := &person{t: w.t, cmd: w.command(append([]string{"run", name, "--plain", "--json"}, args...)...), memos: make(map[string]string)}
	p.changed = sync.NewCond(&p.mu)
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		w.t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	p.cmd.Stderr = &p.err
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it may have ended
	go p.read(stdout)
	return p
}

func (p *person) read(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	torn := "" // a line cut off by a kill: the last one
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			torn = lines.Text()
			continue
		}
		p.mu.Lock()
		if torn != "" {
			p.t.Errorf("a line of output that is no JSON: %q", torn)
		}
		switch e.Kind {
		case "entry":
			if id, again := p.memos[e.Memo]; again {
				p.t.Errorf("entry %q is shown twice: %s and %s", e.Memo, id, e.ID)
			}
			p.memos[e.Memo] = e.ID
		case "end":
			p.end = &e
		}
		p.changed.Broadcast()
		p.mu.Unlock()
	}
	p.mu.Lock()
	p.closed = true
	p.changed.Broadcast()
	p.mu.Unlock()
}

// wait waits until cond, which sees p's state, holds. It reports false if p's output ended before.
func (p *person) wait(what string, cond func() bool) bool {
	p.t.Helper()
	late := time.AfterFunc(patience, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.closed = true
		p.changed.Broadcast()
	})
	defer late.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for !cond() {
		if p.closed {
			return false
		}
		p.changed.Wait()
	}
	return true
}

func (p *person) mustWait(what string, cond func() bool) {
	p.t.Helper()
	if !p.wait(what, cond) {
		p.t.Fatalf("%s ended or stood still before %s; it has %d entries; stderr:\n%s", p.cmd.Args[2], what, len(p.memos), &p.err)
	}
}

// shown is the id of the entry with that memo, "" if it was not shown.
func (p *person) shown(memo string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.memos[memo]
}

// say types a transaction and waits until it is shown, which is when it is durable. It reports false if p died first.
func (p *person) say(memo string) bool {
	if _, err := fmt.Fprintf(p.stdin, "alice -> bob 1.25 %s\n", memo); err != nil {
		return false
	}
	return p.wait("its own entry is shown", func() bool { return p.memos[memo] != "" })
}

func (p *person) kill() {
	_ = p.cmd.Process.Kill() // it may be dead already
	_ = p.cmd.Wait()         // killed: an error by nature
}

// finish ends the input and returns the last line. The exit code must be want.
func (p *person) finish(want int) event {
	p.t.Helper()
	if err := p.stdin.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.wait("the end", func() bool { return p.closed })
	_ = p.cmd.Wait() // the code is looked at next
	if got := p.cmd.ProcessState.ExitCode(); got != want {
		p.t.Fatalf("%s: exit code %d, want %d; stderr:\n%s", p.cmd.Args[2], got, want, &p.err)
	}
	if p.end == nil {
		p.t.Fatalf("%s: no end line", p.cmd.Args[2])
	}
	return *p.end
}
