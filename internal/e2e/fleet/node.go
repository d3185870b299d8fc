package fleet

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// A Node is a person's node in plain mode, over all its lives. Its methods are for one goroutine, but for what says otherwise.
type Node struct {
	Name string // also the beginning of the memos of its entries, up to a hyphen

	fleet *Fleet
	book  *Book
	args  []string
	said  atomic.Int64 // entries typed, over all lives
	run   *nodeRun     // guarded by book.mu; the newest life, nil before the first
}

// nodeRun is one life of a node.
type nodeRun struct {
	*process
	stdin   io.WriteCloser
	seen    map[string]struct{} // guarded by book.mu; memos that it has shown
	missing map[string]struct{} // guarded by book.mu; acknowledged in earlier lives and not shown in this one yet
	typed   int                 // guarded by book.mu; own entries typed in this life
	shown   int                 // guarded by book.mu; of them shown
	first   int64               // the number of the first that is typed in this life
	end     *End                // guarded by book.mu
	over    bool                // guarded by book.mu; it has ended and all it said was read
}

// End is the last line of a node.
type End struct {
	Rows      int    `json:"rows"`
	Changes   int    `json:"changes"`
	Forks     int    `json:"forks"`
	LogDigest string `json:"log_digest"`
	DocDigest string `json:"doc_digest"`
	Unsent    int    `json:"unsent"`
	Live      int    `json:"live"`
	Of        int    `json:"of"`
}

// Node makes a node of that name, which runs with args and whose entries are in book. It does not run yet.
func (f *Fleet) Node(name string, book *Book, args ...string) *Node {
	return &Node{Name: name, fleet: f, book: book, args: args}
}

// line is a line of what a node says.
type line struct {
	Kind  string `json:"kind"`
	ID    string `json:"id"`
	Memo  string `json:"memo"`
	State string `json:"state"`
	Code  string `json:"code"`
	Text  string `json:"text"`
	Peer  string `json:"peer"`
	N     int    `json:"n"`
	End
}

// Start starts the node; it must not run.
func (n *Node) Start() error {
	cmd := n.fleet.command(append([]string{"run", n.Name, "--plain", "--json"}, n.args...)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	n.book.mu.Lock()
	r := &nodeRun{stdin: stdin, seen: make(map[string]struct{}, len(n.book.ids)), missing: maps.Clone(n.book.own[n.Name]), first: n.said.Load()}
	n.book.mu.Unlock()
	read := make(chan struct{})
	r.process, err = launch(cmd, read, func(p *process) {
		n.book.mu.Lock()
		defer n.book.mu.Unlock()
		r.over = true
		n.book.changed.Broadcast()
		if err := p.unwanted(); err != nil {
			n.book.wrongLocked("node %s %w", n.Name, err)
		}
	})
	if err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	n.book.mu.Lock()
	n.run = r
	n.book.mu.Unlock()
	go func() {
		defer close(read)
		n.read(r, stdout)
	}()
	return nil
}

// read takes in what the node says until its output ends.
func (n *Node) read(r *nodeRun, stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	torn := "" // a line that a kill has cut off: the last
	for lines.Scan() {
		var l line
		bad := json.Unmarshal(lines.Bytes(), &l)
		n.book.mu.Lock()
		if torn != "" {
			n.book.wrongLocked("node %s: a line of output that is no JSON: %q", n.Name, torn)
			torn = ""
		}
		if bad != nil {
			torn = lines.Text()
		} else {
			n.takeLocked(r, &l)
			n.book.changed.Broadcast()
		}
		n.book.mu.Unlock()
	}
}

// takeLocked takes in one line.
func (n *Node) takeLocked(r *nodeRun, l *line) {
	switch l.Kind {
	case "entry":
		if _, again := r.seen[l.Memo]; again {
			n.book.wrongLocked("node %s shows %q twice", n.Name, l.Memo)
		}
		r.seen[l.Memo] = struct{}{}
		delete(r.missing, l.Memo)
		own := strings.HasPrefix(l.Memo, n.Name+"-")
		n.book.shownLocked(n.Name, l.Memo, l.ID, own)
		if own && n.number(l.Memo) >= r.first {
			r.shown++
		}
	case "peer":
		switch l.State {
		case "live":
			n.book.live++
		case "closed":
			n.book.closed[l.Code]++
		default:
			if n.book.Lies != nil && n.book.Lies(l.Peer) {
				n.book.lies++
			} else {
				n.book.wrongLocked("node %s: peer %s %s %d changes where nobody lies", n.Name, l.Peer, l.State, l.N)
			}
		}
	case "refused":
		n.book.refused[l.Code]++
	case "evidence":
		n.book.wrongLocked("node %s shows evidence of a fork where everybody is honest: change %s", n.Name, l.ID)
	case "end":
		end := l.End
		r.end = &end
	}
}

// number is that of an own memo.
func (n *Node) number(memo string) int64 {
	var i int64
	_, _ = fmt.Sscanf(memo[len(n.Name)+1:], "%d", &i) // ours: a number
	return i
}

// Type types one more entry, without waiting for anything but the pipe. It returns false if the node does not run, or died.
func (n *Node) Type() bool {
	n.book.mu.Lock()
	r := n.run
	if r == nil || r.over {
		n.book.mu.Unlock()
		return false
	}
	r.typed++
	n.book.mu.Unlock()
	_, err := fmt.Fprintf(r.stdin, "alice -> bob 1.25 %s-%d\n", n.Name, n.said.Add(1)-1)
	return err == nil
}

// Behind returns how many entries were typed in this life and not yet acknowledged.
func (n *Node) Behind() int {
	n.book.mu.Lock()
	defer n.book.mu.Unlock()
	if n.run == nil {
		return 0
	}
	return n.run.typed - n.run.shown
}

// Typed returns how many entries were typed, over all lives: acknowledged or not.
func (n *Node) Typed() int { return int(n.said.Load()) }

// Settled waits until all that was typed in this life is acknowledged.
func (n *Node) Settled(ctx context.Context) error {
	return n.book.wait(ctx, func() (bool, error) {
		if n.run.over {
			return false, fmt.Errorf("node %s has ended", n.Name)
		}
		return n.run.shown == n.run.typed, nil
	}, func() string {
		return fmt.Sprintf("node %s has acknowledged %d of %d entries", n.Name, n.run.shown, n.run.typed)
	})
}

// Kept reads the store of a node that does not run: all that it has acknowledged must be there, under its id.
func (n *Node) Kept() error {
	out, err := n.fleet.Output("show", n.Name, "--json")
	if err != nil {
		return err
	}
	n.book.mu.Lock()
	defer n.book.mu.Unlock()
	missing := maps.Clone(n.book.own[n.Name])
	for text := range strings.Lines(out) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			return fmt.Errorf("show %s: %w: %q", n.Name, err, text)
		}
		if known, ok := n.book.ids[l.Memo]; ok && l.Kind == "entry" && known != l.ID {
			return fmt.Errorf("the store of %s has %q as %s, which was shown as %s", n.Name, l.Memo, l.ID, known)
		}
		delete(missing, l.Memo)
	}
	for memo := range missing {
		return fmt.Errorf("the store of %s lacks %d entries that it acknowledged, one of them %q", n.Name, len(missing), memo)
	}
	return nil
}

// Kill ends the node at once, wherever it stands.
func (n *Node) Kill() {
	if n.run != nil {
		n.run.kill()
	}
}

// Freeze stops the node until Thaw. Its connections stay, and nobody answers.
func (n *Node) Freeze() { n.run.freeze() }

// Thaw lets it go on.
func (n *Node) Thaw() { n.run.thaw() }

// PID is the number of the process, 0 if none runs. Safe for concurrent use.
func (n *Node) PID() int {
	n.book.mu.Lock()
	defer n.book.mu.Unlock()
	if n.run == nil || n.run.over {
		return 0
	}
	return n.run.cmd.Process.Pid
}

// Remembers waits until the node has shown all that it acknowledged in earlier lives.
func (n *Node) Remembers(ctx context.Context) error {
	return n.book.wait(ctx, func() (bool, error) {
		if len(n.run.missing) > 0 && n.run.over {
			return false, fmt.Errorf("node %s ended before it showed all that it had acknowledged", n.Name)
		}
		return len(n.run.missing) == 0, nil
	}, func() string {
		for memo := range n.run.missing {
			return fmt.Sprintf("node %s does not show %d entries that it acknowledged before, one of them %q", n.Name, len(n.run.missing), memo)
		}
		return ""
	})
}

// Shown waits until as many different entries were shown.
func (b *Book) Shown(ctx context.Context, count int) error {
	return b.wait(ctx, func() (bool, error) { return len(b.ids) >= count, nil }, func() string {
		return fmt.Sprintf("%d entries of %d were shown", len(b.ids), count)
	})
}

// Complete waits until every one of nodes shows all that any node has ever shown.
func (b *Book) Complete(ctx context.Context, nodes ...*Node) error {
	return b.wait(ctx, func() (bool, error) {
		all := true
		for _, n := range nodes {
			if n.run.over {
				return false, fmt.Errorf("node %s has ended", n.Name)
			}
			all = all && len(n.run.seen) == len(b.ids)
		}
		return all, nil
	}, func() string {
		text := fmt.Sprintf("of %d entries", len(b.ids))
		for _, n := range nodes {
			text += fmt.Sprintf(", %s shows %d", n.Name, len(n.run.seen))
		}
		return text
	})
}

// wait waits until done, which is called with mu held, returns true or an error. When ctx ends, what stands there is the error.
func (b *Book) wait(ctx context.Context, done func() (bool, error), standing func() string) error {
	stop := context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.changed.Broadcast()
	})
	defer stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %s", ctx.Err(), standing())
		}
		b.changed.Wait()
	}
}

// Finish ends the input and waits for the node's end, which must come within patience with exit code 0.
func (n *Node) Finish(patience time.Duration) (End, error) {
	code, err := n.run.process.end(n.run.stdin.Close, patience)
	if err != nil {
		return End{}, fmt.Errorf("node %s %w", n.Name, err)
	}
	n.book.mu.Lock()
	defer n.book.mu.Unlock()
	switch {
	case n.run.end == nil:
		return End{}, fmt.Errorf("node %s ended with code %d and without its last line: %s", n.Name, code, &n.run.diag)
	case code != 0:
		return *n.run.end, fmt.Errorf("node %s ended with code %d, %+v: %s", n.Name, code, *n.run.end, &n.run.diag)
	}
	return *n.run.end, nil
}

// Verify checks the node's store with the program's own verify: the digests are those of end, and nobody has forked. The
// node must not run.
func (n *Node) Verify(end End) error {
	out, err := n.fleet.Output("verify", n.Name)
	if err != nil {
		return err
	}
	for _, want := range []string{"log digest: " + end.LogDigest, "doc digest: " + end.DocDigest, "forks: 0", fmt.Sprintf("rows: %d", end.Rows)} {
		if !strings.Contains(out, want) {
			return fmt.Errorf("verify %s does not say %q:\n%s", n.Name, want, out)
		}
	}
	return nil
}

// Goroutines ends the node by SIGQUIT, upon which Go tells where each goroutine stands, and returns how many there were.
func (n *Node) Goroutines(patience time.Duration) (int, error) {
	ask := func() error { return n.run.cmd.Process.Signal(syscall.SIGQUIT) }
	if _, err := n.run.process.end(ask, patience); err != nil {
		return 0, fmt.Errorf("node %s %w", n.Name, err)
	}
	told := n.run.diag.String()
	count := strings.Count(told, "\ngoroutine ")
	if count == 0 {
		return 0, fmt.Errorf("node %s told of no goroutine: %s", n.Name, told)
	}
	return count, nil
}
