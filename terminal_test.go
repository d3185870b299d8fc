//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// What needs no screen asks the terminal nothing, which a mute terminal would never answer, and sends it no escape.
func TestAsksTheTerminalNothing(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("tallystick") // testscript.Main puts it there
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"help":        {"--help"},
		"usage error": {"--nonsense"},
		"error":       {"show", "nobody"},
		"version":     {"version"},
		"completion":  {"completion", "bash"},
		"relay":       {"--relay", "--listen", "nonsense"},
		"plain":       {"alice", "--plain", "--offline", "--wait", "0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(program, args...)
			cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "TERM=xterm-256color", "XDG_DATA_HOME=", "XDG_CONFIG_HOME=")
			tty, err := pty.Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			defer tty.Close()
			stuck := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
			defer stuck.Stop()
			if _, err := tty.Write([]byte{4}); err != nil { // ctrl+d: the end of plain mode's input
				t.Fatal(err)
			}
			said, err := io.ReadAll(tty)
			if err != nil && !errors.Is(err, syscall.EIO) { // EIO: the other side is closed
				t.Fatal(err)
			}
			var exit *exec.ExitError
			if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if len(said) == 0 {
				t.Error("it said nothing")
			}
			if i := bytes.IndexByte(said, 0x1b); i >= 0 {
				t.Errorf("byte %d is an escape: %q", i, said[max(0, i-20):min(len(said), i+40)])
			}
		})
	}
}
