//go:build unix

package input

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

// reading starts Read on a pipe and returns what it sends, and how it ended.
func reading(t *testing.T) (in *os.File, got chan string, ended chan error, stop context.CancelFunc) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	got, ended = make(chan string, 100), make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ended <- Read(ctx, r, func(msgs []tea.Msg) { got <- names(msgs) })
	}()
	t.Cleanup(func() {
		stop()
		<-done
		_ = w.Close() // one of the tests has closed it
		_ = r.Close()
	})
	return w, got, ended, stop
}

func wants(t *testing.T, got chan string, want string) {
	t.Helper()
	var all []string
	timeout := time.After(20 * time.Second)
	for strings.Join(all, " ") != want {
		select {
		case s := <-got:
			all = append(all, s)
		case <-timeout:
			t.Fatalf("got %q, want %q", all, want)
		}
	}
}

func write(t *testing.T, f *os.File, s string) {
	t.Helper()
	if _, err := f.WriteString(s); err != nil {
		t.Fatal(err)
	}
}

// TestRead: an ESC alone becomes a key after a moment, the beginning of a sequence waits for its end.
func TestRead(t *testing.T) {
	t.Parallel()
	in, got, _, _ := reading(t)
	write(t, in, "ab")
	wants(t, got, "a b")
	write(t, in, "\x1b")
	wants(t, got, "esc")
	write(t, in, "\x1b[200~some ")
	write(t, in, "text\x1b[201~\x1b[A")
	wants(t, got, "paste(some text) up")
}

func TestReadEnds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		end  func(in *os.File, stop context.CancelFunc)
		ok   bool
	}{
		{"with its context", func(_ *os.File, stop context.CancelFunc) { stop() }, true},
		{"with the terminal", func(in *os.File, _ context.CancelFunc) { _ = in.Close() }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in, got, ended, stop := reading(t)
			write(t, in, "a")
			wants(t, got, "a")
			tc.end(in, stop)
			select {
			case err := <-ended:
				if (err == nil) != tc.ok {
					t.Errorf("ended with %v", err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("does not end")
			}
		})
	}
}
