package terminal

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/term"
	"pgregory.net/rapid"
)

// The test binary is the program under test as well, and the launcher.
func TestMain(m *testing.M) {
	Launch()
	if os.Getenv("TERMINAL_TEST_PROGRAM") != "" {
		program()
		return
	}
	os.Exit(m.Run())
}

// program echoes each line in a frame of its own. Lines: quit, leave (ends without cleaning up), stop, ask, die.
func program() {
	before, err := term.MakeRaw(0)
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	frame := func(s string) { fmt.Printf("\x1b[?2026h\x1b[H\x1b[2J%s\x1b[?2026l", s) }
	sizes := make(chan os.Signal, 1)
	signal.Notify(sizes, syscall.SIGWINCH)
	resumed := make(chan os.Signal, 1)
	signal.Notify(resumed, syscall.SIGCONT)
	fmt.Print("\x1b[?1049h\x1b[?2004h\x1b[>1u")
	frame("ready")
	go func() {
		for range sizes {
			w, h, _ := term.GetSize(0) // a pseudo-terminal: it has a size
			frame(fmt.Sprintf("size %dx%d", w, h))
		}
	}()
	clean := func() {
		fmt.Print("\x1b[<u\x1b[?2004l\x1b[?1049l")
		_ = term.Restore(0, before) // seen by the test
	}
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadString('\r')
		if err != nil {
			os.Exit(3)
		}
		switch line = strings.TrimSuffix(line, "\r"); line {
		case "quit":
			clean()
			os.Exit(7)
		case "leave":
			os.Exit(0)
		case "stop":
			clean()
			_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) // seen by the test
			<-resumed                                      // this thread may go on for a while before it is stopped
			_, _ = term.MakeRaw(0)
			fmt.Print("\x1b[?1049h\x1b[?2004h\x1b[>1u")
			frame("again")
		case "ask":
			fmt.Print("\x1b[6n")
			answer, _ := in.ReadString('R')
			frame("answer " + strings.TrimPrefix(answer, "\x1b"))
		default:
			frame("got " + line)
		}
	}
}

const patience = 20 * time.Second

func start(t *testing.T, o Options) *Terminal {
	t.Helper()
	o.Env = append(os.Environ(), "TERMINAL_TEST_PROGRAM=1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tt, err := Start(self, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tt.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return tt
}

func shows(text string) func(*Screen) bool {
	return func(s *Screen) bool { return s.Row(0) == text }
}

func TestKeysAndFrames(t *testing.T) {
	t.Parallel()
	tt := start(t, Options{Screen: true})
	f, err := tt.WaitScreen(patience, shows("ready"))
	if err != nil {
		t.Fatal(err)
	}
	if f.Number != 1 || !f.At.After(tt.Started()) {
		t.Errorf("first frame: got %+v", f)
	}
	took, f, err := tt.Key("abc\r", patience)
	if err != nil {
		t.Fatal(err)
	}
	if want := len("\x1b[?2026h\x1b[H\x1b[2Jgot abc\x1b[?2026l"); f.Number != 2 || f.Bytes != want || took <= 0 {
		t.Errorf("frame of a key: got %+v after %v, want number 2 of %d bytes", f, took, want)
	}
	if _, err := tt.WaitScreen(patience, shows("got abc")); err != nil {
		t.Error(err)
	}
	// Two lines at once: the expectation gets the frame that shows what it wants, whatever else comes.
	e := tt.Expect(shows("got two"))
	if _, err := tt.Send("one\rtwo\r"); err != nil {
		t.Fatal(err)
	}
	if f, err = e.Wait(patience); err != nil || f.Number != 4 {
		t.Errorf("frame of the second line: got %+v, %v, want number 4", f, err)
	}
	if got := tt.Frames(3); len(got) != 2 || got[1] != f {
		t.Errorf("frames from 3 on: got %v", got)
	}
}

func TestResizeAndAnswers(t *testing.T) {
	t.Parallel()
	tt := start(t, Options{Screen: true})
	if _, err := tt.WaitScreen(patience, shows("ready")); err != nil {
		t.Fatal(err)
	}
	if _, err := tt.Resize(44, 12); err != nil {
		t.Fatal(err)
	}
	if _, err := tt.WaitScreen(patience, shows("size 44x12")); err != nil {
		t.Error(err)
	}
	if _, err := tt.Send("ask\r"); err != nil {
		t.Fatal(err)
	}
	if _, err := tt.WaitScreen(patience, shows("answer [1;11R")); err != nil {
		t.Error(err)
	}
}

func TestEndings(t *testing.T) {
	t.Parallel()
	dirty := []string{"mode ?1049 set", "mode ?2004 set", "keyboard flags pushed", "line settings"}
	for _, c := range []struct {
		name   string
		keys   string
		signal syscall.Signal
		code   int
		left   []string
	}{
		{"clean", "quit\r", 0, 7, nil},
		{"leaves everything on", "leave\r", 0, 0, dirty},
		{"killed", "", syscall.SIGKILL, -1, dirty},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tt := start(t, Options{Screen: true, Job: true})
			if _, err := tt.WaitScreen(patience, shows("ready")); err != nil {
				t.Fatal(err)
			}
			if c.signal != 0 {
				if err := tt.Signal(c.signal); err != nil {
					t.Fatal(err)
				}
			} else if _, err := tt.Send(c.keys); err != nil {
				t.Fatal(err)
			}
			exit, err := tt.Wait(patience)
			if err != nil {
				t.Fatal(err)
			}
			if exit.Code != c.code || exit.Signal != c.signal {
				t.Errorf("got code %d, signal %d, want %d, %d", exit.Code, exit.Signal, c.code, c.signal)
			}
			left, err := tt.Left()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(left, c.left) {
				t.Errorf("left: got %q, want %q", left, c.left)
			}
		})
	}
}

func TestSuspend(t *testing.T) {
	t.Parallel()
	tt := start(t, Options{Screen: true, Job: true})
	if _, err := tt.WaitScreen(patience, shows("ready")); err != nil {
		t.Fatal(err)
	}
	if _, err := tt.Send("stop\r"); err != nil {
		t.Fatal(err)
	}
	if err := tt.Stopped(patience); err != nil {
		t.Fatal(err)
	}
	if left, err := tt.Left(); err != nil || left != nil {
		t.Errorf("left by a suspended program: %q, %v", left, err)
	}
	if _, err := tt.Continue(); err != nil {
		t.Fatal(err)
	}
	if _, err := tt.WaitScreen(patience, shows("again")); err != nil {
		t.Error(err)
	}
}

// TestScanChunks: frames and modes are the same wherever chunks end.
func TestScanChunks(t *testing.T) {
	t.Parallel()
	const stream = "\x1b[?1049h\x1b]0;a [?2026l title\x07\x1b[?2026hone\x1b[?2026l\x1b[>4;2m\x1b[1;2;3;4;5mx\x1bP?2026l\x1b\\" +
		"\x1b[?2026;25htwo\x1b[?25l\x1b[?2026ltail\x1b[?7l\x1b[22;0t\x1b="
	whole := scanner{}
	var want []int
	for at := 0; at < len(stream); {
		n, frame := whole.next([]byte(stream[at:]))
		at += n
		if frame {
			want = append(want, at)
		}
	}
	if len(want) != 2 {
		t.Fatalf("got frames that end at %v, want two", want)
	}
	wantLeft := []string{"mode ?7 reset", "mode ?25 reset", "mode ?1049 set", "modified keys", "application keypad", "title pushed"}
	if got := whole.left(); !slices.Equal(got, wantLeft) {
		t.Fatalf("left: got %q, want %q", got, wantLeft)
	}
	rapid.Check(t, func(t *rapid.T) {
		var s scanner
		var got []int
		for at := 0; at < len(stream); {
			end := at + rapid.IntRange(1, len(stream)-at).Draw(t, "chunk")
			n, frame := s.next([]byte(stream[at:end]))
			at += n
			if frame {
				got = append(got, at)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("frames end at %v, want %v", got, want)
		}
		if left := s.left(); !slices.Equal(left, wantLeft) {
			t.Fatalf("left: got %q, want %q", left, wantLeft)
		}
	})
}

func TestHangup(t *testing.T) {
	t.Parallel()
	tt := start(t, Options{Screen: true})
	if _, err := tt.WaitScreen(patience, shows("ready")); err != nil {
		t.Fatal(err)
	}
	if _, err := tt.Hangup(); err != nil {
		t.Fatal(err)
	}
	exit, err := tt.Wait(patience)
	if err != nil {
		t.Fatal(err)
	}
	if exit.Signal != syscall.SIGHUP && exit.Code != 3 { // its end of input may come first
		t.Errorf("got %+v, want the end by SIGHUP or at the end of input", exit)
	}
}
