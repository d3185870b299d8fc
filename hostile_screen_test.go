//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"github.com/tallystick/tallystick/crdt"
)

// TestHostileTextAtATerminal is the program itself at a pseudo-terminal. After each step the emulator's cells are compared
// with where the frames, the mark of the row and the cursor must be; no sequence may come out that is not the program's own.
func TestHostileTextAtATerminal(t *testing.T) {
	t.Parallel()
	sizes := [][2]int{{120, 36}, {80, 24}}
	if testing.Short() {
		sizes = sizes[:1]
	}
	for _, size := range sizes {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			charter := crdt.OpenLedger("main")
			file, rows := hostileRoom(t, charter)
			if err := os.WriteFile(filepath.Join(p.home, "room"), file, 0o600); err != nil {
				t.Fatal(err)
			}
			p.says("init", "init", "alice")
			p.says("load", "load", "alice", "room")
			args := []string{"alice"}
			urls := hostilePeers(t, charter)
			for _, u := range urls {
				args = append(args, "--connect", u)
			}
			s := p.sit(size[0], size[1], args...)
			s.until("the room", func(text string) bool { return strings.Contains(text, "[TYPE]") && strings.Contains(text, "1 fork") })
			s.intact("at first")
			// What is typed and pasted, with the names that complete it.
			for _, h := range append(hostile, struct{ name, text string }{"not UTF-8", notUTF8}) {
				if strings.ContainsAny(h.text, "\n\r") {
					continue // a paste of several lines is another matter
				}
				s.step("a paste of "+h.name, "\x1b[200~"+strings.ReplaceAll(h.text, "\x1b[201~", "")+"\x1b[201~", nil)
				s.step("after it", "\x05", nil)
				s.step("cleared", "\x15", nil)
			}
			s.step("several lines", "\x1b[200~"+hostile[0].text+"\n"+hostile[13].text+"\nalice -> bob 3 "+hostile[22].text+"\x1b[201~", func(text string) bool { return strings.Contains(text, "wrong") })
			s.step("dropped", "\x1b", func(text string) bool { return strings.Contains(text, "the paste was dropped") })
			s.step("nav", "\x1b", func(text string) bool { return strings.Contains(text, "[NAV]") })
			s.step("first row", "g", nil)
			for i := range rows - 1 {
				if i%3 != 1 && testing.Short() { // the second of three has hostile text in each of its parts
					s.step("next row", "j", nil)
					s.marked(fmt.Sprintf("row %d", i+2))
					continue
				}
				s.step(fmt.Sprintf("change of row %d", i+1), "\r", func(text string) bool {
					return strings.Contains(text, "┌ Change") && strings.Contains(text, "Esc back")
				})
				s.step("the end of it", "G", nil)
				s.step("back", "\x1b", func(text string) bool { return strings.Contains(text, "┌ List") })
				s.marked(fmt.Sprintf("row %d", i+1))
				s.step("next row", "j", nil)
			}
			s.step("evidence", "E", func(text string) bool { return strings.Contains(text, "┌ Evidence") })
			s.step("saved", "x", func(text string) bool {
				return strings.Contains(text, `saved  `) && strings.Contains(text, `\x1b]0;owned\x07`)
			})
			s.step("its end", "G", nil)
			s.step("to the change", "\r", func(text string) bool { return strings.Contains(text, "┌ List") })
			s.step("peers", "2", func(text string) bool {
				return strings.Contains(text, "log digest") || strings.Contains(text, "┌ Peers ")
			})
			s.step("first peer", "g", nil)
			for i := range urls {
				s.marked(fmt.Sprintf("peer %d", i+1))
				s.step("next peer", "j", nil)
			}
			s.step("events", "4", func(text string) bool { return strings.Contains(text, "┌ Events ") })
			s.until("events of hostile peers", func(text string) bool { return strings.Contains(text, `x1b`) })
			s.step("first event", "g", nil)
			for range 30 {
				s.marked("events")
				s.step("next event", "j", nil)
			}
			s.step("help", "?", func(text string) bool { return strings.Contains(text, "┌ Keys") })
			s.step("no help", "\x1b", func(text string) bool { return !strings.Contains(text, "┌ Keys") })
			s.step("ledger", "1", func(text string) bool { return strings.Contains(text, "┌ List") })
			s.step("filter", "/", func(text string) bool { return strings.Contains(text, "[TYPE]") })
			s.step("filter of a paste", "\x1b[200~"+hostile[13].text+"\x1b[201~", nil)
			s.step("kept", "\r", nil)
			s.step("cleared", "\x1b", func(text string) bool { return strings.Contains(text, "filter off") })
			s.ends()
		})
	}
}

// seat is the program at a pseudo-terminal, with a screen emulator.
type seat struct {
	t       *testing.T
	w, h    int
	master  *os.File
	cmd     *exec.Cmd
	mu      sync.Mutex
	screen  *vt.Emulator
	raw     bytes.Buffer
	changed chan struct{}
	gone    chan struct{} // closed when the terminal gives no more
}

func (p *place) sit(w, h int, args ...string) *seat {
	p.t.Helper()
	cmd := p.command(args...)
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(w), Rows: uint16(h)})
	if err != nil {
		p.t.Skipf("no pseudo-terminal here: %v", err)
	}
	s := &seat{t: p.t, w: w, h: h, master: master, cmd: cmd, screen: vt.NewEmulator(w, h), changed: make(chan struct{}, 1), gone: make(chan struct{})}
	_, _ = s.screen.WriteString("\x1b[?2027h") // widths by grapheme, as the terminals of today
	go func() {
		defer close(s.gone)
		buf := make([]byte, 64<<10)
		for {
			n, err := master.Read(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.raw.Write(buf[:n])
			_, _ = s.screen.Write(buf[:n]) // never fails
			s.mu.Unlock()
			select {
			case s.changed <- struct{}{}:
			default:
			}
		}
	}()
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		_ = master.Close()
	})
	return s
}

// until waits for a whole picture that is as wanted.
func (s *seat) until(what string, ok func(text string) bool) {
	s.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		whole := bytes.HasSuffix(s.raw.Bytes(), []byte("\x1b[?2026l"))
		text := s.screen.String()
		s.mu.Unlock()
		if whole && ok(text) {
			return
		}
		select {
		case <-s.changed:
		case <-timeout.C:
			s.t.Fatalf("never saw %s; the screen shows:\n%s", what, text)
		}
	}
}

// step types keys, waits for a picture as wanted (nil: for ctrl+l's, a whole new one), and looks whether all is in its place.
func (s *seat) step(what, keys string, ok func(text string) bool) {
	s.t.Helper()
	s.mu.Lock()
	mark := s.raw.Len()
	s.mu.Unlock()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
	if ok == nil {
		// A repaint comes after whatever the keys have changed. (Not after a lone Esc: it would make one key of both.)
		if _, err := s.master.WriteString("\x0c"); err != nil {
			s.t.Fatal(err)
		}
		ok = func(string) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return bytes.Contains(s.raw.Bytes()[mark:], []byte("\x1b[2J"))
		}
	}
	s.until(what, ok)
	s.intact(what)
}

func (s *seat) cell(x, y int) string {
	if c := s.screen.CellAt(x, y); c != nil && c.Content != "" {
		return c.Content
	}
	return " "
}

// still waits until a picture is whole, and returns with the lock held, so that it stays so.
func (s *seat) still(what string) {
	s.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		if bytes.HasSuffix(s.raw.Bytes(), []byte("\x1b[?2026l")) {
			return
		}
		s.mu.Unlock()
		select {
		case <-s.changed:
		case <-timeout.C:
			s.t.Fatalf("%s: never a whole picture", what)
		}
	}
}

// intact looks whether every frame is whole and in its columns.
func (s *seat) intact(what string) {
	s.t.Helper()
	s.still(what)
	defer s.mu.Unlock()
	bad := func(x, y int, want string) {
		s.t.Fatalf("%s: column %d of line %d is %q, want one of %q; the screen shows:\n%s", what, x, y, s.cell(x, y), want, s.screen.String())
	}
	in := func(x, y int, want string) {
		if !strings.Contains(want, s.cell(x, y)) {
			bad(x, y, want)
		}
	}
	frames := 0
	for y := 0; y < s.h; y++ {
		if s.cell(0, y) != "┌" {
			continue
		}
		frames++
		in(s.w-1, y, "┐")
		var inner []int // of frames beside one another
		if side := s.w - 30; s.w >= 110 && s.cell(side, y) == "┌" && s.cell(side-1, y) == "┐" {
			inner = []int{side - 1, side}
		}
		for y++; y < s.h && s.cell(0, y) != "└"; y++ {
			in(0, y, "│")
			in(s.w-1, y, "│┐┘")
			for _, x := range inner {
				in(x, y, "│┌└┐┘")
			}
		}
		if y == s.h {
			bad(0, s.h-1, "└")
		}
		in(s.w-1, y, "┘")
	}
	if frames == 0 {
		s.t.Fatalf("%s: no frame at all; the screen shows:\n%s", what, s.screen.String())
	}
	pos := s.screen.CursorPosition()
	if pos.X < 0 || pos.X >= s.w || pos.Y < 0 || pos.Y >= s.h {
		s.t.Fatalf("%s: the cursor is at %v", what, pos)
	}
	last := s.cell(1, s.h-1)
	if last != "[" {
		s.t.Fatalf("%s: the bottom line does not name the mode; the screen shows:\n%s", what, s.screen.String())
	}
}

// marked looks whether the cursor is led to the row that is marked.
func (s *seat) marked(what string) {
	s.t.Helper()
	s.still(what)
	defer s.mu.Unlock()
	pos := s.screen.CursorPosition()
	for x := range 4 {
		if s.cell(x, pos.Y) == ">" {
			return
		}
	}
	s.t.Fatalf("%s: the cursor is at %v, and no row is marked there; the screen shows:\n%s", what, pos, s.screen.String())
}

// own are the sequences of the program.
var ownSequences = regexp.MustCompile(`\x1b\[(\?(1049|2004|7|25|2026|1000|1006)[hl]|[0-9;]*[mCHGKXJ])`)

// ends stops the program and looks at every byte that it wrote.
func (s *seat) ends() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.gone:
	case <-time.After(patience):
		s.t.Fatal("does not end")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if rest := ownSequences.ReplaceAll(s.raw.Bytes(), nil); bytes.ContainsFunc(rest, func(r rune) bool {
		return r != '\r' && unseen(r) || r == utf8.RuneError && !bytes.Contains(rest, []byte("\ufffd"))
	}) {
		checkOutput(s.t, "the screen", bytes.ReplaceAll(rest, []byte("\r"), nil))
	}
	modes := map[string]bool{"7": true, "25": true}
	for _, m := range regexp.MustCompile(`\x1b\[\?([0-9]+)([hl])`).FindAllSubmatch(s.raw.Bytes(), -1) {
		modes[string(m[1])] = string(m[2]) == "h"
	}
	for mode, on := range modes {
		if on != (mode == "7" || mode == "25") {
			s.t.Errorf("mode %s is left %v", mode, on)
		}
	}
}
