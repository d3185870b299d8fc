package control

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// folder is a new one with a path short enough for a socket.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ctl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // what is left of it does no harm
	return dir
}

// serving listens in a new folder.
func serving(t testing.TB, h Handler) (*Server, []string) {
	t.Helper()
	paths := []string{filepath.Join(folder(t), "tallystick", "alice.sock")}
	s, err := Listen(paths, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // a second Close does nothing
	return s, paths
}

// What goes in comes out, whatever its length, each output in its order.
func TestCallRoundTrip(t *testing.T) {
	t.Parallel()
	_, paths := serving(t, func(_ context.Context, call, input []byte, out, errs io.Writer) Result {
		for part := range bytes.SplitSeq(call, []byte{','}) {
			_, _ = errs.Write(part) // a client that is gone is not this test's
		}
		_, _ = out.Write(input) // as above
		return Result{Code: len(call) % 7, Error: string(call)}
	})
	rapid.Check(t, func(t *rapid.T) {
		call := []byte(rapid.StringMatching(`[a-z,]{0,300}`).Draw(t, "call"))
		input := bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, rapid.IntRange(0, 3*MaxFrameBytes).Draw(t, "length"))
		var out, errs bytes.Buffer
		r, err := Do(t.Context(), paths, call, input, &out, &errs)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), input) || errs.String() != strings.ReplaceAll(string(call), ",", "") || r.Code != len(call)%7 || r.Error != string(call) {
			t.Fatalf("got %d bytes, %q, %+v", out.Len(), errs.String(), r)
		}
	})
}

func TestDoWithoutServer(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := filepath.Join(dir, "alice.sock")
	never := func(want error) {
		t.Helper()
		if _, err := Do(t.Context(), []string{path}, nil, nil, io.Discard, io.Discard); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	never(ErrNobody)
	// A killed process leaves its socket.
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	never(ErrNobody)
	s, err := Listen([]string{path}, func(context.Context, []byte, []byte, io.Writer, io.Writer) Result { return Result{} })
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket is left behind")
	}
	never(ErrNobody)
	// A folder in which others may write is not trusted, by neither side.
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen([]string{path}, nil); !errors.Is(err, ErrFolder) {
		t.Error(err)
	}
	ln, err = net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() // with its file
	never(ErrNobody)
}

// What is there and is no socket stays.
func TestListenLeavesFiles(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	file, free := filepath.Join(dir, "file"), filepath.Join(dir, "free")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen([]string{file, "/" + strings.Repeat("x", 200)}, nil); err == nil {
		t.Error("listens")
	}
	s, err := Listen([]string{file, free}, nil)
	if err != nil || s.Path() != free {
		t.Fatal(s, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "mine" {
		t.Errorf("%q, %v", b, err)
	}
}

// Close ends calls by their context, and their answers arrive; afterwards nobody is there.
func TestCloseEndsCalls(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 2)
	s, paths := serving(t, func(ctx context.Context, _, _ []byte, out, _ io.Writer) Result {
		_, _ = out.Write([]byte("begun\n")) // told by the answer
		begun <- struct{}{}
		<-ctx.Done()
		return Result{Code: 3}
	})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			var out bytes.Buffer
			r, err := Do(t.Context(), paths, []byte("watch"), nil, &out, io.Discard)
			if err != nil || r.Code != 3 || out.String() != "begun\n" {
				t.Errorf("%+v, %v, %q", r, err, out.String())
			}
		})
	}
	<-begun
	<-begun
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if _, err := Do(t.Context(), paths, nil, nil, io.Discard, io.Discard); !errors.Is(err, ErrNobody) {
		t.Error(err)
	}
}

// A client that goes ends its call.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	begun := make(chan struct{})
	_, paths := serving(t, func(ctx context.Context, _, _ []byte, _, _ io.Writer) Result {
		close(begun)
		<-ctx.Done()
		close(ended)
		return Result{}
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	if _, err := Do(ctx, paths, nil, nil, io.Discard, io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-ended
}

func TestLimits(t *testing.T) {
	t.Parallel()
	hold, begun := make(chan struct{}), make(chan struct{}, maxCalls)
	_, paths := serving(t, func(context.Context, []byte, []byte, io.Writer, io.Writer) Result {
		begun <- struct{}{}
		<-hold
		return Result{}
	})
	if _, err := Do(t.Context(), paths, make([]byte, MaxCallBytes+1), nil, io.Discard, io.Discard); err == nil {
		t.Error("a call that is too large is taken")
	}
	if _, err := Do(t.Context(), paths, nil, make([]byte, MaxInputBytes+1), io.Discard, io.Discard); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	var wg sync.WaitGroup
	for range maxCalls {
		wg.Go(func() {
			if _, err := Do(t.Context(), paths, nil, nil, io.Discard, io.Discard); err != nil {
				t.Error(err)
			}
		})
	}
	for range maxCalls {
		<-begun
	}
	if _, err := Do(t.Context(), paths, nil, nil, io.Discard, io.Discard); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	close(hold)
	wg.Wait()
}

// What is no answer is an error, never a result.
func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte("o\x00\x00\x00\x02hix\x00\x00\x00\x0a{\"code\":3}"))
	f.Add([]byte("x\x00\x00\x00\x02{}"))
	f.Add([]byte("o\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var out, errs bytes.Buffer
		_, err := readAnswer(bytes.NewReader(b), &out, &errs, t.Context())
		if out.Len()+errs.Len() > len(b) {
			t.Fatal("more came out than went in")
		}
		if err != nil && !errors.Is(err, ErrCut) {
			t.Fatal(err)
		}
	})
}

// A client that reads nothing is left when the program quits: Close waits for its call, and not for the client.
func TestCloseLeavesWhoReadsNothing(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	s, paths := serving(t, func(_ context.Context, _, _ []byte, out, _ io.Writer) Result {
		var err error
		for b := make([]byte, MaxFrameBytes); err == nil; {
			_, err = out.Write(b)
		}
		ended <- err
		return Result{}
	})
	client := &stuck{begun: make(chan struct{}), over: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = Do(t.Context(), paths, nil, nil, client, io.Discard) }) // cut off, or a write that fails
	<-client.begun
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("cut off by %v", err)
		}
	default:
		t.Error("the call goes on after Close")
	}
	close(client.over)
	wg.Wait()
}

// stuck takes nothing until it is over.
type stuck struct {
	once        sync.Once
	begun, over chan struct{}
}

func (s *stuck) Write([]byte) (int, error) {
	s.once.Do(func() { close(s.begun) })
	<-s.over
	return 0, io.ErrClosedPipe
}
