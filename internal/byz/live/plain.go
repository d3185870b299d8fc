package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tallystick/tallystick/internal/program"
)

// plainNode is the program in plain mode.
type plainNode struct {
	binary, home, name, room string
	args                     []string // besides
	listen                   string

	*process
	stdin io.WriteCloser
	codes codes
	memos map[string]string // of the entries shown, to their ids; guarded by process.news
	shown map[string]bool   // guarded by process.news
	// withholding are the addresses of peers that were noticed to withhold; guarded by process.news.
	withholding []string
	ending      string // the log digest of the end line; guarded by process.news
}

// event is a line of plain mode with --json.
type event struct {
	Kind, ID, Memo, Peer, Code, State, By string
	LogDigest                             string `json:"log_digest"`
}

func (n *plainNode) begin(context.Context) error {
	args := append([]string{"run", n.name, "--plain", "--json", "--room", n.room, "--wait", "30s"}, n.args...)
	if n.listen != "" {
		args = append(args, "--listen", n.listen)
	}
	cmd := exec.Command(n.binary, args...)
	cmd.Env = program.Environment(n.home)
	n.memos, n.shown, n.ending = make(map[string]string), make(map[string]bool), ""
	var err error
	if n.stdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	// The first lines may come before start returns: event waits for n.process.
	ready := make(chan struct{})
	defer close(ready)
	n.process, err = start(cmd, func(line string) { <-ready; n.event(line) }, nil)
	return err
}

func (n *plainNode) event(line string) {
	var e event
	if json.Unmarshal([]byte(line), &e) != nil {
		n.change(func() { n.raw = "no JSON: " + line })
		return
	}
	switch {
	case e.Kind == "entry":
		n.change(func() {
			n.shown[e.ID] = true
			n.memos[e.Memo] = e.ID
		})
	case e.Kind == "refused" && e.By == "us", e.Kind == "peer" && e.State == "closed":
		n.codes.add(e.Peer, e.Code)
	case e.Kind == "peer" && e.State == "withholds":
		n.change(func() { n.withholding = append(n.withholding, e.Peer) })
	case e.Kind == "end":
		n.change(func() { n.ending = e.LogDigest })
	}
}

func (n *plainNode) say(ctx context.Context, text string) (id string, err error) {
	ctx, cancel := within(ctx, patience, "%s shows its own entry %q", n, text)
	defer cancel()
	if _, err := fmt.Fprintf(n.stdin, "alice -> bob 1.25 %s\n", text); err != nil {
		return "", fmt.Errorf("%s: %w; it says: %s", n, err, n.stderr())
	}
	err = n.await(ctx, func() bool { id = n.memos[text]; return id != "" })
	return id, err
}

func (n *plainNode) shows(ctx context.Context, id string) error {
	ctx, cancel := within(ctx, patience, "%s shows entry %.8s", n, id)
	defer cancel()
	return n.await(ctx, func() bool { return n.shown[id] })
}

func (n *plainNode) misses(ctx context.Context, addrs map[string]bool) error {
	ctx, cancel := within(ctx, patience, "%s shows that an attacker withholds", n)
	defer cancel()
	return n.await(ctx, func() bool {
		return slices.ContainsFunc(n.withholding, func(addr string) bool { return addrs[addr] })
	})
}

// await is wait, but ends with the process.
func (n *plainNode) await(ctx context.Context, cond func() bool) error {
	held := false
	err := n.wait(ctx, func() bool { held = cond(); return held || n.ended() })
	if err == nil && !held {
		err = errors.New("it has ended")
	}
	if err != nil {
		err = fmt.Errorf("%w: %s says: %s", err, n, n.stderr())
	}
	return err
}

func (n *plainNode) finish(ctx context.Context) error {
	if err := n.stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) { // it has ended already: exit says how
		return err
	}
	code, err := n.exit(ctx)
	if err != nil {
		return err
	}
	if code != 0 || n.ending == "" {
		return fmt.Errorf("%s: exit code %d: %s", n, code, n.stderr())
	}
	return nil
}

// verified matches what verify prints of a store, and forked a line for each fork.
var (
	verified = regexp.MustCompile(`(?m)^([a-z ]+): (\S+)`)
	forked   = regexp.MustCompile(`(?m)^fork: author ([0-9a-f]+) `)
)

func (n *plainNode) verify(ctx context.Context) (ending, error) {
	cmd := exec.CommandContext(ctx, n.binary, "verify", n.name, "--room", n.room)
	cmd.Env = program.Environment(n.home)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return ending{}, fmt.Errorf("verify %s: %w", n.name, err)
	}
	said := make(map[string]string)
	for _, m := range verified.FindAllStringSubmatch(string(out), -1) {
		said[m[1]] = strings.TrimSuffix(m[2], ",")
	}
	e := ending{LogDigest: said["log digest"], DocDigest: said["doc digest"]}
	if e.Changes, err = strconv.Atoi(said["changes"]); err != nil {
		return e, fmt.Errorf("verify %s says nothing of changes: %s", n.name, out)
	}
	if e.Rows, err = strconv.Atoi(said["rows"]); err != nil {
		return e, fmt.Errorf("verify %s says nothing of rows: %s", n.name, out)
	}
	if e.FileBytes, err = strconv.ParseInt(said["file"], 10, 64); err != nil {
		return e, fmt.Errorf("verify %s says nothing of its file: %s", n.name, out)
	}
	authors := make(map[string]bool)
	for _, m := range forked.FindAllStringSubmatch(string(out), -1) {
		authors[m[1]] = true
	}
	e.Forked = len(authors)
	if len(e.LogDigest) != 64 || len(e.DocDigest) != 64 {
		return e, fmt.Errorf("verify %s prints no digests: %s", n.name, out)
	}
	if n.ending != "" && n.ending != e.LogDigest {
		return e, fmt.Errorf("%s had log digest %.8s when it ended, its file has %.8s", n.name, n.ending, e.LogDigest)
	}
	return e, nil
}

func (n *plainNode) abandon() {
	if n.process != nil {
		n.kill()
	}
}

func (n *plainNode) check() error {
	if err := n.fault(); err != nil {
		return fmt.Errorf("%s: %w", n, err)
	}
	return nil
}

func (n *plainNode) address() string { return n.listen }
func (n *plainNode) counted() *codes { return &n.codes }

// freeAddr is an address of this machine on which nobody listens at this moment.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
