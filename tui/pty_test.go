//go:build unix

package tui

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// person sits at a terminal: a real pseudo-terminal, a screen emulator, and a program in it.
type person struct {
	tb          testing.TB
	master, tty *os.File
	cmd         *exec.Cmd
	before      unix.Termios
	ended       chan error

	mu      sync.Mutex
	screen  *vt.Emulator
	raw     bytes.Buffer
	changed chan struct{} // one place: something was written
	deaf    chan struct{} // closed: the terminal reads again
}

// sit starts a program at a terminal of a size. The terminal is mute; more than that: nobody takes the emulator's
// answers, so that a question asked of it would stop it for good, and the test with it.
func sit(tb testing.TB, w, h int, env []string, name string, args ...string) *person {
	tb.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		tb.Skipf("no pseudo-terminal here: %v", err)
	}
	p := &person{
		tb: tb, master: master, tty: tty, screen: vt.NewEmulator(w, h), changed: make(chan struct{}, 1), ended: make(chan error, 1), deaf: make(chan struct{}),
	}
	p.resize(w, h)
	state, err := unix.IoctlGetTermios(int(tty.Fd()), ioctlGetTermios)
	if err != nil {
		tb.Fatal(err)
	}
	p.before = *state
	p.cmd = exec.Command(name, args...)
	p.cmd.Env = append(append(os.Environ(), "TERM=xterm-256color", "LANG=C.UTF-8", "NO_COLOR=", "LC_ALL="), env...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = tty, tty, tty
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	tb.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		_ = p.master.Close()
		_ = p.tty.Close()
	})
	return p
}

// look begins to read what the program writes.
func (p *person) look() *person {
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := p.master.Read(buf)
			if err != nil {
				return
			}
			p.mu.Lock()
			p.raw.Write(buf[:n])
			_, _ = p.screen.Write(buf[:n]) // never fails
			p.mu.Unlock()
			select {
			case p.changed <- struct{}{}:
			default:
			}
		}
	}()
	return p
}

func child120(tb testing.TB, what string, env ...string) *person {
	tb.Helper()
	return sit(tb, 120, 36, append(env, childEnv+"="+what), os.Args[0]).look()
}

func (p *person) resize(w, h int) {
	p.tb.Helper()
	p.mu.Lock()
	p.screen.Resize(w, h)
	p.mu.Unlock()
	if err := pty.Setsize(p.master, &pty.Winsize{Cols: uint16(w), Rows: uint16(h)}); err != nil {
		p.tb.Fatal(err)
	}
}

func (p *person) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

func (p *person) written() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.raw.String()
}

func (p *person) types(s string) {
	p.tb.Helper()
	if _, err := p.master.WriteString(s); err != nil {
		p.tb.Fatal(err)
	}
}

// sees waits until all texts are on the screen.
func (p *person) sees(texts ...string) {
	p.tb.Helper()
	p.waits(func(s string) bool {
		for _, t := range texts {
			if !strings.Contains(s, t) {
				return false
			}
		}
		return true
	}, strings.Join(texts, ", "))
}

func (p *person) waits(ok func(string) bool, what string) {
	p.tb.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		if ok(p.text()) {
			return
		}
		select {
		case <-p.changed:
		case <-timeout.C:
			p.tb.Fatalf("never saw %s; the screen shows:\n%s", what, p.text())
		}
	}
}

// typesUntil types, and waits for what is written after that.
func (p *person) typesUntil(keys, text string) {
	p.tb.Helper()
	mark := len(p.written())
	p.types(keys)
	p.waits(func(string) bool { return strings.Contains(p.written()[mark:], text) }, text)
}

// leaves waits for the end and returns how long it took from now.
func (p *person) leaves() time.Duration {
	p.tb.Helper()
	begin := time.Now()
	select {
	case <-p.ended:
		return time.Since(begin)
	case <-time.After(patience):
		p.tb.Fatalf("does not end; the screen shows:\n%s", p.text())
		return 0
	}
}

var modeChange = regexp.MustCompile(`\x1b\[\?([0-9]+)([hl])`)

// clean verifies that the terminal is as it was: modes, line discipline, cursor, main screen.
func (p *person) clean() {
	p.tb.Helper()
	now, err := unix.IoctlGetTermios(int(p.tty.Fd()), ioctlGetTermios)
	if err != nil {
		p.tb.Fatal(err)
	}
	if *now != p.before {
		p.tb.Errorf("the line discipline is not as before: %+v, before %+v", *now, p.before)
	}
	on := map[string]bool{"7": true, "25": true} // of a fresh terminal
	state := map[string]bool{}
	for _, m := range modeChange.FindAllStringSubmatch(p.written(), -1) {
		state[m[1]] = m[2] == "h"
	}
	for mode, set := range state {
		if set != on[mode] {
			p.tb.Errorf("mode %s is left %v", mode, set)
		}
	}
	if i := strings.LastIndex(p.written(), "\x1b[?1049l"); i < 0 || strings.Contains(p.written()[i+8:], "\x1b") {
		p.tb.Errorf("after the alternate screen was left: %q", p.written()[max(i, 0):])
	}
}

// drained waits until what the program wrote last was read.
func (p *person) drained(text string) {
	p.tb.Helper()
	p.waits(func(string) bool { return strings.Contains(p.written(), text) }, text)
}

func TestEndings(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		child string
		end   func(*person)
		last  string // on the main screen
	}{
		{"q", "demo 50", func(p *person) { p.types("\x1b"); p.sees("[NAV]"); p.types("q"); p.sees("y/N"); p.types("y") }, "ended: quit"},
		{"ctrl+c", "demo 50", func(p *person) { p.types("\x03"); p.sees("[NAV]"); p.types("\x03"); p.sees("y/N"); p.types("y") }, "ended: quit"},
		{"SIGTERM", "demo 50", func(p *person) { p.signal(syscall.SIGTERM) }, "ended by signal: terminated"},
		{"SIGINT", "demo 50", func(p *person) { p.signal(syscall.SIGINT) }, "ended by signal: interrupt"},
		{"SIGHUP", "demo 50", func(p *person) { p.signal(syscall.SIGHUP) }, "ended by signal: hangup"},
		{"SIGQUIT", "demo 50", func(p *person) { p.signal(syscall.SIGQUIT) }, "ended by signal: quit"},
		{"SIGTERM with the mouse on and keys under way", "demo 50", func(p *person) {
			p.types("\x1b")
			p.sees("[NAV]")
			p.types("m")
			p.sees("mouse on")
			p.types(strings.Repeat("kj", 500))
			p.signal(syscall.SIGTERM)
		}, "ended by signal: terminated"},
		{"panic of a goroutine", "panic", nil, "in a goroutine of the node"},
		{"panic of a command", "command", nil, "in a command"},
		{"cannot open", "fail", nil, "the store of alice is in use"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := child120(t, tc.child)
			if tc.end != nil {
				p.sees("end: following", "[TYPE]")
				tc.end(p)
			}
			took := p.leaves()
			p.drained(tc.last)
			p.clean()
			t.Logf("ended after %v", took.Round(time.Millisecond)) // the budget is 100 ms; how busy the machine is, nobody knows
		})
	}
}

func (p *person) signal(s syscall.Signal) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.tb.Fatal(err)
	}
}

// TestDeafTerminal: a terminal that takes no bytes holds up neither the program nor its end.
func TestDeafTerminal(t *testing.T) {
	t.Parallel()
	p := sit(t, 500, 200, []string{childEnv + "=demo 400"}, os.Args[0]) // nobody reads: the first pictures fill the line
	raw := func() bool {
		s, err := unix.IoctlGetTermios(int(p.tty.Fd()), ioctlGetTermios)
		return err == nil && s.Lflag&unix.ECHO == 0
	}
	for begin := time.Now(); !raw(); { // it writes nothing that could be waited for
		if time.Since(begin) > patience {
			t.Fatal("never begins")
		}
	}
	p.signal(syscall.SIGTERM)
	t.Logf("ended after %v", p.leaves().Round(time.Millisecond))
	if now, err := unix.IoctlGetTermios(int(p.tty.Fd()), ioctlGetTermios); err != nil || *now != p.before {
		t.Errorf("the line discipline is not as before: %v, %v", now, err)
	}
}

func TestResizeToNothingAndBack(t *testing.T) {
	t.Parallel()
	p := child120(t, "demo 50")
	p.sees("end: following")
	p.types("\x1b")
	p.sees("[NAV]")
	p.types("kkk")
	p.sees("row 47 of 50")
	for _, s := range [][2]int{{1, 1}, {10, 3}, {40, 12}, {200, 60}, {1, 50}, {80, 24}, {120, 36}} {
		p.resize(s[0], s[1])
	}
	p.sees("row 47 of 50", "┌ Peers", "New transaction")
	p.types("n")
	p.sees("[TYPE]")
	p.types("alice -> bob 3 after the storm\r")
	p.sees("51", "after the storm")
}

// TestSuspend stops the program from a shell and continues it.
func TestSuspend(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	p := sit(t, 120, 36, []string{childEnv + "=", "PS1=ready> ", "HISTFILE="}, bash, "--norc", "--noediting", "-i").look()
	p.sees("ready>")
	p.types(fmt.Sprintf("%s='demo 50' %s\n", childEnv, os.Args[0]))
	p.sees("end: following")
	p.types("half a line")
	p.sees("half a line")
	p.typesUntil("\x1a", "ready> ")
	p.sees("Stopped", "ready>")
	if strings.Contains(p.text(), "New transaction") {
		t.Errorf("the alternate screen was not left:\n%s", p.text())
	}
	p.waits(func(string) bool {
		s, _ := unix.IoctlGetTermios(int(p.tty.Fd()), ioctlGetTermios)
		return s.Lflag&unix.ECHO != 0
	}, "echo")
	p.types("fg\n")
	p.sees("end: following", "half a line", "[TYPE]")
	p.types(" more")
	p.sees("half a line more")

	// A second time by a signal from outside, and resized while stopped.
	p.types("\x03\x03")
	p.sees("[NAV]")
	p.typesUntil("\x1a", "ready> ")
	p.resize(80, 24)
	p.types("fg\n")
	p.sees("[NAV]", "1 Ledger 2 Peers") // the header of 80 columns
	p.typesUntil("\x1a", "ready> ")
	p.types("kill %1\n")
	p.sees("ended by signal: terminated")
	p.types("exit\nexit\n") // a second time if it still counts a job as stopped
	p.leaves()
	p.clean()
}

// TestSuspendWithoutShell: where nobody could continue the program, it says so and goes on.
func TestSuspendWithoutShell(t *testing.T) {
	t.Parallel()
	p := child120(t, "demo 50")
	p.sees("end: following")
	p.types("\x1a")
	p.sees("cannot suspend", "end: following")
	p.types("alive")
	p.sees("alive")
}

// TestStopped: after SIGSTOP and SIGCONT, which cannot be prepared for, all is painted again.
func TestStopped(t *testing.T) {
	t.Parallel()
	p := child120(t, "demo 50")
	p.sees("end: following")
	p.signal(syscall.SIGSTOP)
	p.mu.Lock()
	_, _ = p.screen.WriteString("\x1b[2J") // somebody else writes
	p.mu.Unlock()
	p.signal(syscall.SIGCONT)
	p.sees("end: following", "[TYPE]")
}

func TestPasteOfManyLines(t *testing.T) {
	t.Parallel()
	p := child120(t, "demo 10")
	p.sees("end: following")
	var b strings.Builder
	b.WriteString("\x1b[200~")
	n, said, rows := 10_000, "10,000 transactions", "10,010 rows"
	if testing.Short() {
		n, said, rows = 2_000, "2,000 transactions", "2,010 rows"
	}
	for i := range n {
		fmt.Fprintf(&b, "alice -> bob %d pasted\r", i+1)
	}
	b.WriteString("\x1b[201~")
	go p.types(b.String())
	p.sees(said, "Enter sends them")
	p.types("\r")
	p.sees(said+" saved", rows, fmt.Sprint(n), "end: following")
}

// TestHostileTextOnATerminal puts hostile text in every place that shows some, and compares what a terminal makes of it:
// its modes, its size and its title stay.
func TestHostileTextOnATerminal(t *testing.T) {
	t.Parallel()
	p := child120(t, "evil")
	p.sees("store error")
	for _, step := range [][2]string{
		{"\x1b", "[NAV]"},
		{"g", "row 1 of"},
		{"\r", "Esc back"},
		{"\x1b", "┌ List"},
		{"E", "Evidence"},
		{"\x1b", "┌ List"},
		{"2", "log digest"},
		{"jjjjjj", "says it is"},
		{"4", "┌ Events ───────────"},
		{"g", "relay-a"},
		{"1", "┌ List"},
		{"\t\t", "Change"},
		{"/", "[TYPE]"},
	} {
		p.types(step[0])
		p.sees(step[1])
	}
	p.signal(syscall.SIGTERM)
	p.leaves()
	p.drained("ended by signal")
	p.clean()
	body := strings.ReplaceAll(strings.ReplaceAll(p.written(), enterModes, ""), leaveModes, "")
	body, _, _ = strings.Cut(body, "ended by")
	checkBytes(t, body)
}

// TestQuietWhenIdle: nothing is written while nothing happens.
func TestQuietWhenIdle(t *testing.T) {
	t.Parallel()
	p := child120(t, "still")
	p.sees("end: following", "doc ")
	p.waits(func(s string) bool {
		return !strings.Contains(s, "doc …") && !strings.Contains(s, "saving") && strings.Contains(s, "said by alice")
	}, "digests, standings, and the own name sent")
	n := len(p.written())
	<-time.After(1500 * time.Millisecond) // longer than any tick would take
	if got := len(p.written()); got != n {
		t.Errorf("%d bytes while idle: %q", got-n, p.written()[n:])
	}
}
