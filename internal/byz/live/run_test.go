package live

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/internal/byz"
)

// TestFaults: what must never be seen of a process is seen by the runner.
func TestFaults(t *testing.T) {
	for _, x := range []struct{ name, script, want string }{
		{"well", "echo well; echo well >&2", ""},
		{"panic", "echo 'panic: oh' >&2", "panicked"},
		{"fatal", "echo 'fatal error: oh' >&2", "panicked"},
		{"escape", `printf '\033[2J\n'`, "not safe"},
		{"escape on standard error", `printf '\033[2J\n' >&2`, "not safe"},
		{"format character", `printf 'a\342\200\256b\n'`, "not safe"},
		{"broken UTF-8", `printf '\377\n'`, "not safe"},
	} {
		t.Run(x.name, func(t *testing.T) {
			p, err := start(exec.Command("/bin/sh", "-c", x.script), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			<-p.done
			wantError(t, p.fault(), x.want)
		})
	}
}

// TestDeadNode: a node that has ended before its time, or without its last line, is an error; and so is waiting for it.
func TestDeadNode(t *testing.T) {
	for _, script := range []string{"kill -9 $$", "exit 3", "cat >/dev/null"} {
		n := &plainNode{}
		cmd := exec.Command("/bin/sh", "-c", script)
		var err error
		if n.stdin, err = cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if n.process, err = start(cmd, nil, nil); err != nil {
			t.Fatal(err)
		}
		if script != "cat >/dev/null" {
			<-n.done
			wantError(t, n.shows(t.Context(), "x"), "it has ended")
		}
		wantError(t, n.finish(t.Context()), "exit code")
	}
}

// TestBounds: memory above a bound is an error, and so are digests that differ.
func TestBounds(t *testing.T) {
	for _, x := range []struct {
		relay, node, file int64
		want              string
	}{
		{maxRelayBytes, maxNodeBytes, maxFileBytes, ""},
		{maxRelayBytes + 1, 0, 0, "the relay took"},
		{0, maxNodeBytes + 1, 0, "the node took"},
		{0, 0, maxFileBytes + 1, "the file of the node"},
	} {
		s := &scene{w: &World{relay: &relay{data: t.TempDir()}}, room: &byz.Room{}, result: &Result{Relay: x.relay, Node: x.node}}
		wantError(t, s.bounds(ending{FileBytes: x.file}), x.want)
	}
	one := ending{LogDigest: "a", DocDigest: "b"}
	wantError(t, one.equal(one), "")
	wantError(t, one.equal(ending{LogDigest: "c", DocDigest: "b"}), "log digests")
	wantError(t, one.equal(ending{LogDigest: "a", DocDigest: "c"}), "document digests")
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
}
