//go:build unix

package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tallystick/tallystick/internal/terminal"
)

// A hand uses a running program, at a screen or in plain mode.
type hand interface {
	// writes types a line, which it may have to go to the input line for.
	writes(line string)
	// does presses keys at a screen, one by one, and in plain mode types the line; nothing if it is empty. "NAV" leaves the
	// input line, and "see X" waits until X is on the screen.
	does(keys []string, line string)
	// sees waits until all texts are shown, on the screen or since the start.
	sees(texts ...string)
	// moment compares what is shown with a golden file: the screen; in plain mode what commands beside the program say.
	moment(name string, commands ...[]string)
	// ends quits the program.
	ends()
}

// hero opens the program for the person whose story it is, in the scene's form.
func (m *machine) hero(args ...string) hand {
	m.s.t.Helper()
	if m.s.form.cols == 0 {
		return m.talks(args...)
	}
	return m.sits(args...)
}

// online are the arguments for a program that reaches the others.
func (m *machine) online(args ...string) []string {
	return append(append([]string{"run", m.name}, args...), "--connect", m.s.relay().URL)
}

// A seat is a screen.
type seat struct {
	m *machine
	t *terminal.Terminal
}

func (m *machine) sits(args ...string) *seat {
	m.s.t.Helper()
	f := m.s.form
	t, err := terminal.Start(binary, append(args, f.args...), terminal.Options{
		Cols: f.cols, Rows: f.rows, Env: append(m.env(), f.env...), Dir: m.home, Screen: true, Mute: true,
	})
	if err != nil {
		m.s.t.Skipf("no pseudo-terminal here: %v", err)
	}
	s := &seat{m, t}
	m.s.t.Cleanup(func() {
		if m.s.t.Failed() {
			m.s.t.Logf("the screen of %s shows:\n%s", m.name, s.text())
		}
		_ = t.Close() // it may have ended
	})
	return s
}

// until waits for a whole frame that is as wanted.
func (s *seat) until(what string, ok func(text string) bool) {
	s.m.s.t.Helper()
	if _, err := s.t.WaitScreen(patience, func(scr *terminal.Screen) bool { return ok(scr.Text()) }); err != nil {
		s.m.s.t.Fatalf("%s never saw %s; the screen shows:\n%s", s.m.name, what, s.text())
	}
}

func (s *seat) text() (text string) {
	s.t.Look(func(scr *terminal.Screen) { text = scr.Text() })
	return text
}

func (s *seat) types(keys string) {
	s.m.s.t.Helper()
	if _, err := s.t.Send(keys); err != nil {
		s.m.s.t.Fatal(err)
	}
}

func (s *seat) writes(line string) {
	s.m.s.t.Helper()
	s.does([]string{"NAV"}, "")
	s.types("n")
	s.until("the input line", func(text string) bool { return !nav(text) })
	s.types(line + "\r")
}

// nav reports whether printable keys are commands.
func nav(text string) bool {
	rows := strings.Split(strings.TrimRight(text, "\n "), "\n")
	last := rows[len(rows)-1]
	return strings.Contains(last, "[NAV]") || strings.HasPrefix(last, "n new")
}

func (s *seat) does(keys []string, _ string) {
	s.m.s.t.Helper()
	for _, k := range keys {
		text, see := strings.CutPrefix(k, "see ")
		switch {
		case see:
			s.sees(text)
		case k == "NAV" && !nav(s.text()):
			s.types("\x1b")
			s.until("the keys of NAV", nav)
		case k != "NAV":
			s.types(k)
		}
	}
}

func (s *seat) sees(texts ...string) {
	s.m.s.t.Helper()
	s.until(strings.Join(texts, ", "), func(text string) bool {
		for _, t := range texts {
			if !strings.Contains(text, t) {
				return false
			}
		}
		return true
	})
}

func (s *seat) moment(name string, _ ...[]string) {
	t := s.m.s.t
	t.Helper()
	path := s.m.s.golden(name)
	if *updateStories {
		if err := s.t.Quiet(1500*time.Millisecond, patience); err != nil {
			t.Fatal(err)
		}
		s.m.s.write(path, masked(s.text())+"\n")
	}
	want := strings.TrimSuffix(s.m.s.read(path), "\n")
	if _, err := s.t.WaitScreen(patience, func(scr *terminal.Screen) bool { return masked(scr.Text()) == want }); err != nil {
		t.Fatalf("%s: the screen shows:\n%s\n\nwant:\n%s", path, masked(s.text()), want)
	}
	s.t.Look(func(scr *terminal.Screen) { s.inLook(path, scr) })
}

// inLook verifies that the screen keeps to the look.
func (s *seat) inLook(path string, scr *terminal.Screen) {
	t, f := s.m.s.t, s.m.s.form
	t.Helper()
	cols, rows := scr.Size()
	coloured := false
	for y := range rows {
		for x := range cols {
			c := scr.Cell(x, y)
			if c == nil {
				continue
			}
			coloured = coloured || c.Style.Fg != nil || c.Style.Bg != nil
			if f.ascii && strings.ContainsFunc(c.Content, func(r rune) bool { return r >= 0x7f }) {
				t.Errorf("%s: column %d of line %d is %q, which is not ASCII", path, x, y, c.Content)
			}
		}
	}
	if coloured && !f.colours {
		t.Errorf("%s: there are colours, and none were wanted", path)
	}
}

func (s *seat) ends() {
	t := s.m.s.t
	t.Helper()
	if err := s.t.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := s.t.Wait(patience); err != nil {
		t.Fatal(err)
	}
	left, err := s.t.Left()
	if err != nil || len(left) > 0 {
		t.Errorf("the terminal is left with %v, %v", left, err)
	}
}

// A talker is a program in plain mode.
type talker struct {
	m     *machine
	cmd   *exec.Cmd
	stdin io.WriteCloser

	mu      sync.Mutex
	said    bytes.Buffer
	changed chan struct{}
	ended   chan struct{}
}

func (m *machine) talks(args ...string) *talker {
	m.s.t.Helper()
	p := &talker{m: m, cmd: m.command(append(args, "--plain", "--wait", "30s")...), changed: make(chan struct{}, 1), ended: make(chan struct{})}
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		m.s.t.Fatal(err)
	}
	p.stdin = stdin
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		m.s.t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		m.s.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		m.s.t.Fatal(err)
	}
	m.s.t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it may have ended
	var readers sync.WaitGroup
	for _, from := range []io.Reader{stdout, stderr} {
		readers.Go(func() { p.read(from) })
	}
	go func() {
		readers.Wait()
		_ = p.cmd.Wait() // how it ended is looked at
		close(p.ended)
	}()
	return p
}

func (p *talker) read(from io.Reader) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.said.Write(append(lines.Bytes(), '\n'))
		p.mu.Unlock()
		select {
		case p.changed <- struct{}{}:
		default:
		}
	}
}

func (p *talker) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

func (p *talker) writes(line string) {
	p.m.s.t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		p.m.s.t.Fatalf("%s has ended: %v; it said:\n%s", p.m.name, err, p.text())
	}
}

func (p *talker) does(_ []string, line string) {
	p.m.s.t.Helper()
	if line != "" {
		p.writes(line)
	}
}

func (p *talker) sees(texts ...string) {
	p.m.s.t.Helper()
	late := time.After(patience)
	for {
		said := p.text()
		missing := ""
		for _, t := range texts {
			if !strings.Contains(said, t) {
				missing = t
			}
		}
		if missing == "" {
			return
		}
		select {
		case <-p.changed:
		case <-p.ended:
			if !strings.Contains(p.text(), missing) {
				p.m.s.t.Fatalf("%s ended before it said %q; it said:\n%s", p.m.name, missing, p.text())
			}
		case <-late:
			p.m.s.t.Fatalf("%s never said %q; it said:\n%s", p.m.name, missing, p.text())
		}
	}
}

// moment compares what commands beside the program say.
func (p *talker) moment(name string, commands ...[]string) {
	s := p.m.s
	s.t.Helper()
	path := s.golden(name)
	say := func() string {
		var b strings.Builder
		for _, args := range commands {
			b.WriteString("$ tallystick " + strings.Join(args, " ") + "\n")
			b.WriteString(masked(p.m.does(0, append(args, "--as", p.m.name)...)))
		}
		return b.String()
	}
	if *updateStories {
		s.write(path, say())
	}
	want, got := s.read(path), ""
	until(s.t, path, func() bool { got = say(); return got == want })
}

func (p *talker) ends() {
	t := p.m.s.t
	t.Helper()
	if err := p.stdin.Close(); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("%s does not end; it said:\n%s", p.m.name, p.text())
	}
}
