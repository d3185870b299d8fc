package tui

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/race"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/input"
)

func TestTypeAndSend(t *testing.T) {
	t.Parallel()
	d := newDriver(t, newWorld(t).demo(20), 120, 36)
	d.sees("[TYPE]", "20 rows", "end: following")
	d.write("alice -> bob 12.5")
	d.sees("reads: from alice  to bob  amount 12.5")
	d.write("0 dinner, two of us")
	d.press("enter")
	if got := d.m.entry.line.String(); got != "" {
		t.Errorf("the line keeps %q after it was sent", got)
	}
	d.refresh()
	d.sees("21 rows", "dinner, two of us", "[TYPE]")
	if i := d.m.ledger.list.Index(); i != 20 {
		t.Errorf("cursor on row %d, want the new last row", i)
	}
	d.press("up")
	if got := d.m.entry.line.String(); got != "alice -> bob 12.50 dinner, two of us" {
		t.Errorf("history brings back %q", got)
	}
}

func TestWrongLinesAreNotSent(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ line, want string }{
		{"alice -> bob 12,50", "column 16"},
		{"alice -> bob 0", "column 14"},
		{"alice -> bob -3", "column 14"},
		{"alice -> bob 12345678901234567890", "column"},
		{"alice -> ", "then a name"},
		{"alice ->bob twelve", "column 13"},
		{"-> bob 3", "column 1"},
	} {
		t.Run(tc.line, func(t *testing.T) {
			t.Parallel()
			d := newDriver(t, newWorld(t), 120, 36)
			d.write(tc.line)
			d.sees(tc.want)
			d.press("enter")
			if d.m.entry.line.String() != tc.line || d.w.submitted.Load() != 0 {
				t.Errorf("line %q, %d submitted", d.m.entry.line.String(), d.w.submitted.Load())
			}
			if !d.m.note.bad {
				t.Errorf("no error is told: %q", d.m.note.text)
			}
		})
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	d := newDriver(t, newWorld(t).demo(20), 80, 24)
	d.write("jkq")
	if d.quit || d.m.entry.line.String() != "jkq" {
		t.Fatalf("in TYPE the line is %q, quit %v", d.m.entry.line.String(), d.quit)
	}
	d.press("esc")
	d.sees("[NAV]", "jkq") // the draft stays
	d.press("k")
	if d.m.entry.line.String() != "jkq" || d.m.ledger.list.Index() != 18 {
		t.Errorf("in NAV k typed into %q, row %d", d.m.entry.line.String(), d.m.ledger.list.Index())
	}
	d.press("n")
	d.sees("[TYPE]")
	d.press("ctrl+c")
	if d.m.entry.line.String() != "" || d.m.field != entryField {
		t.Error("ctrl+c does not clear the line first")
	}
	d.press("ctrl+c")
	d.sees("[NAV]")
}

func TestQuit(t *testing.T) {
	t.Parallel()
	t.Run("at once if all is sent", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.with(func(s *transport.Snapshot) { s.Unsent = 0 })
		d := newDriver(t, w, 80, 24)
		d.press("esc", "q")
		if !d.quit {
			t.Error("q does not quit")
		}
	})
	t.Run("asks if something is unsent", func(t *testing.T) {
		t.Parallel()
		for _, size := range [][2]int{{120, 36}, {80, 24}, {40, 12}, {20, 5}} {
			d := newDriver(t, newWorld(t), size[0], size[1])
			d.press("esc", "q")
			d.sees("y/N")
			if d.quit {
				t.Error("quits without asking")
			}
			d.press("enter")
			d.seesNot("y/N")
			if d.quit {
				t.Error("Enter means yes; the default must be no")
			}
			d.press("ctrl+c", "y")
			if !d.quit {
				t.Error("y does not quit")
			}
		}
	})
}

// TestRowsArrive: the cursor and the scroll stay on their change, whatever comes in, and Enter opens what was shown.
func TestRowsArrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t).demo(60)
	d := newDriver(t, w, 120, 36)
	d.press("esc", "k", "k", "k")
	key, _ := d.m.ledger.list.Cursor()
	id := string(shortHex(w.Snapshot().View.ChangeAt(key.Change).ID, 8))
	line := func() int {
		for y, s := range d.draw() {
			if strings.Contains(s, "> ") && strings.Contains(s, id) {
				return y
			}
		}
		return -1
	}
	before := line()
	other := newWorld(t)
	for i := range 40 {
		other.enter("zoe", fmt.Sprintf("zoe -> yan %d", i+1)) // low lamport: sorts above
	}
	w.receive(other)
	for range 5 {
		w.enter("bob", "bob -> alice 1")
	}
	d.m.takeSnapshot() // no picture yet
	d.press("enter")
	if o, ok := d.m.overlay[0].(*detailOverlay); !ok || o.entry != key {
		t.Errorf("Enter opened %+v, shown was %v", d.m.overlay, key)
	}
	d.press("esc")
	if got := line(); got != before || got < 0 {
		t.Errorf("the row went from line %d to %d", before, got)
	}
	d.sees("5 new below: G")
	d.press("G")
	d.seesNot("new below")
	d.sees("end: following")
}

func TestFilter(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	w := newWorld(t).demo(300)
	d := newDriver(t, w, 120, 36)
	d.press("esc", "k", "k")
	at, _ := d.m.ledger.list.Cursor()
	d.press("/")
	d.write("CAROL")
	d.sees("3 of 300 rows", "[TYPE]", "rent share", "tickets, two")
	d.seesNot("coffee")
	if now, _ := d.m.ledger.list.Cursor(); now != at {
		t.Errorf("the cursor left its row, which matches: %v, before %v", now, at)
	}
	w.enter("carol", "carol -> zoe 77")
	w.enter("bob", "bob -> zoe 78")
	d.refresh()
	d.sees("4 of 302 rows", "77")
	d.press("enter")
	d.sees("[NAV]", "4 of 302 rows")
	d.press("g", "N")
	if d.m.ledger.list.Index() != 1 {
		t.Errorf("N leads to hit %d, want 1", d.m.ledger.list.Index())
	}
	d.press("p", "p")
	if d.m.ledger.list.Index() != 3 {
		t.Errorf("p twice leads to hit %d, want the last: around the end", d.m.ledger.list.Index())
	}
	d.press("esc")
	d.sees("302 rows · list order · filter off")
	d.press("/")
	d.write("no such row")
	d.sees("Nothing matches the filter")
	d.press("esc")
	d.sees("filter off")
	// By the beginning of an id.
	id := string(shortHex(w.Snapshot().View.ChangeAt(7).ID, 12))
	d.press("/")
	d.write(id)
	d.sees("1 of 302 rows", id[:8])
}

func TestFilterOfManyRows(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	w := newWorld(t)
	for i := range 3 * firstSearchRows / 2 {
		memo := ""
		if i%1000 == 3 {
			memo = "needle"
		}
		w.append("bob", w.encode(ledger.NewTransfer("bob", "alice", int64(i+1), 2, "", memo)))
	}
	w.publish()
	d := newDriver(t, w, 120, 36)
	d.press("esc", "/")
	d.write("needle")
	d.sees("7 of 6,144 rows")
	d.seesNot("searching")
}

func TestPaste(t *testing.T) {
	t.Parallel()
	t.Run("one line is text", func(t *testing.T) {
		t.Parallel()
		d := newDriver(t, newWorld(t), 120, 36)
		d.update(tea.PasteMsg{Content: "alice -> bob 3\r\n"})
		if d.w.submitted.Load() != 0 || d.m.entry.line.String() != "alice -> bob 3" {
			t.Errorf("line %q, %d submitted", d.m.entry.line.String(), d.w.submitted.Load())
		}
	})
	t.Run("no byte is a command", func(t *testing.T) {
		t.Parallel()
		d := newDriver(t, newWorld(t), 120, 36)
		d.press("esc")
		d.update(tea.PasteMsg{Content: "q\x03\x1bq"})
		d.sees("[TYPE]", `q\x03\x1bq`)
		if d.quit {
			t.Error("a pasted q quits")
		}
	})
	t.Run("several lines are shown, then sent", func(t *testing.T) {
		t.Parallel()
		d := newDriver(t, newWorld(t), 120, 36)
		d.update(tea.PasteMsg{Content: "alice -> bob 1\rbob -> carol 2\r\n\rcarol ->\rdave -> erin 3\r"})
		d.sees("3 transactions, 1 wrong: line 4", "Enter sends the good ones")
		if d.w.submitted.Load() != 0 {
			t.Error("sent before Enter")
		}
		d.press("enter")
		if d.w.submitted.Load() != 3 {
			t.Errorf("%d submitted, want 3", d.w.submitted.Load())
		}
		if got := d.m.entry.line.String(); got != "carol ->" {
			t.Errorf("the wrong line is not there to be mended: %q", got)
		}
		d.refresh()
		d.sees("3 rows")
	})
	t.Run("can be dropped", func(t *testing.T) {
		t.Parallel()
		d := newDriver(t, newWorld(t), 120, 36)
		d.write("draft")
		d.update(tea.PasteMsg{Content: "alice -> bob 1\rbob -> carol 2"})
		d.press("x", "esc", "enter")
		if d.w.submitted.Load() != 0 || d.m.entry.line.String() != "draft" {
			t.Errorf("%d submitted, line %q", d.w.submitted.Load(), d.m.entry.line.String())
		}
	})
	t.Run("a line of a megabyte", func(t *testing.T) {
		t.Parallel()
		d := newDriver(t, newWorld(t), 120, 36)
		d.update(tea.PasteMsg{Content: strings.Repeat("x", 1<<20)})
		d.sees("1,048,576 bytes in one line were pasted")
	})
	t.Run("too long", func(t *testing.T) {
		t.Parallel()
		d := newDriver(t, newWorld(t), 120, 36)
		d.update(input.PasteTooLong{Bytes: 9 << 20})
		d.sees("9,437,184 bytes were pasted")
	})
	t.Run("two thousand lines keep their order", func(t *testing.T) {
		t.Parallel()
		d := newDriver(t, newWorld(t), 120, 36)
		var b strings.Builder
		for i := range 2000 {
			fmt.Fprintf(&b, "alice -> bob %d\r", i+1)
		}
		d.m.Update(tea.PasteMsg{Content: b.String()})
		d.m.Update(d.m.fx.readPaste(b.String(), "alice", d.m.entry.gen)())
		d.sees("2,000 transactions")
		_, cmd := d.m.Update(keyNamed("enter"))
		d.m.Update(cmd())
		d.refresh()
		d.sees("2,000 rows", "2,000 transactions saved")
		d.press("esc", "g")
		if got := d.m.entryText(d.m.snap.View.Row(0)).amount; got != 1 {
			t.Errorf("the first row is the one of %d", got)
		}
	})
}

func TestStoreErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		set  func(*transport.Snapshot)
		want []string
	}{
		{"store error", func(s *transport.Snapshot) {
			s.Writing, s.StoreErr = transport.WriteStoreError, errors.New("store /home/a/rooms/x.db: no space left on device")
		}, []string{"store error", "not saved: store /home/a/rooms/x.db: no space left"}},
		{"self fork", func(s *transport.Snapshot) { s.Writing = transport.WriteSelfFork }, []string{"SELF FORK", "go on under another NAME"}},
		{"reading only", func(s *transport.Snapshot) { s.Writing = transport.WriteNoAuthor }, []string{"reading only", "may read this room"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t).demo(5)
			w.with(tc.set)
			d := newDriver(t, w, 120, 36)
			d.write("alice -> bob 3")
			d.press("enter")
			d.sees(tc.want...)
			if w.submitted.Load() != 0 || d.m.entry.line.String() != "alice -> bob 3" {
				t.Errorf("%d submitted, line %q", w.submitted.Load(), d.m.entry.line.String())
			}
		})
	}
	t.Run("submit fails", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.err = errors.New("disk on fire")
		d := newDriver(t, w, 120, 36)
		d.write("alice -> bob 3")
		d.press("enter")
		d.sees("1 not saved: disk on fire")
		d.press("up")
		if d.m.entry.line.String() != "alice -> bob 3" {
			t.Errorf("Up brings back %q", d.m.entry.line.String())
		}
	})
	t.Run("copied store", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.with(func(s *transport.Snapshot) { s.Writing = transport.WriteGuarded })
		d := newDriver(t, w, 120, 36)
		d.write("alice -> bob 3")
		d.press("enter")
		d.sees("only copy?", "writing waits")
		d.press("enter")
		if w.confirmed.Load() != 0 {
			t.Error("the default is yes")
		}
		d.press("enter", "y")
		if w.confirmed.Load() != 1 {
			t.Error("y does not confirm")
		}
	})
}

// TestSubmittedInOrder: lines that are sent while others are on their way wait their turn.
func TestSubmittedInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hold = true
	d := newDriver(t, w, 120, 36)
	for i := range 3 {
		d.write(fmt.Sprintf("alice -> bob %d", i+1))
		d.press("enter")
	}
	d.sees("3 saving")
	if w.submitted.Load() != 1 {
		t.Errorf("%d handed over while the first is not durable, want 1", w.submitted.Load())
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	d := newDriver(t, newWorld(t).demo(5), 120, 36)
	d.press("esc", "y")
	d.sees("id copied; the terminal does not confirm")
	if len(d.term.rawSeq) != 1 || !strings.HasPrefix(d.term.rawSeq[0], "\x1b]52;c;") {
		t.Errorf("wrote %q", d.term.rawSeq)
	}
	var got string
	d = newDriver(t, newWorld(t).demo(5), 120, 36, func(o *Options) {
		o.Clipboard = func(s string) error { got = s; return nil }
	})
	d.press("esc", "Y")
	if !strings.Contains(got, `"lamport": 5`) || !strings.Contains(got, `"postings"`) {
		t.Errorf("copied %s", got)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, s := range []string{"bob -> alice 1", "bonnie -> alice 2", `bob -> "mary ann" 3`} {
		w.enter("bob", s)
	}
	d := newDriver(t, w, 120, 36)
	d.write("bon")
	d.press("tab")
	if got := d.m.entry.line.String(); got != "bonnie " {
		t.Errorf("completed to %q", got)
	}
	d.write("-> ma")
	d.sees("names:", "mary ann")
	d.press("tab")
	if got := d.m.entry.line.String(); got != `bonnie -> "mary ann" ` {
		t.Errorf("completed to %q", got)
	}
	d.press("ctrl+u")
	d.write("bo")
	var seen []string
	for range 3 {
		d.press("tab")
		seen = append(seen, d.m.entry.line.String())
	}
	if seen[0] == seen[1] || seen[0] != seen[2] {
		t.Errorf("Tab again and again offers %q", seen)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	d := newDriver(t, newWorld(t), 80, 24)
	d.press("f1")
	d.sees("Typing", "clear to the right")
	d.press("esc", "esc", "?")
	d.sees("Ledger", "copy id")
	d.press("/")
	d.write("evid")
	d.sees("[TYPE]", "evidence of forks")
	d.seesNot("copy id")
	d.press("enter", "esc", "esc")
	d.seesNot("evidence of forks")
}

func TestOpening(t *testing.T) {
	t.Parallel()
	w := newWorld(t).demo(3)
	d := newDriver(t, w, 120, 36)
	m := newModel(d.m.options, d.m.fx)
	m.resize(120, 36)
	m.draw(&d.grid)
	if s := strings.Join(d.grid.Lines(), "\n"); !strings.Contains(s, "opening the room") || !strings.Contains(s, "room main") {
		t.Errorf("while opening:\n%s", s)
	}
	for _, k := range []string{"x", "esc", "k", "G", "enter", "y", "Y", "E", "N", "tab", "+", "-", "/", "a", "esc", "2", "r", "j", "4", "j", "enter", "1", "m", "?", "esc", "n", "enter"} {
		m.Update(keyNamed(k)) // nothing to fall over
		m.draw(&d.grid)
	}
	boom := errors.New("the store is locked")
	_, cmd := m.Update(openedMsg{err: boom})
	if _, ok := cmd().(tea.QuitMsg); !ok || !errors.Is(m.failed, boom) {
		t.Error("an error of Open does not end the program")
	}
}

func TestPanes(t *testing.T) {
	t.Parallel()
	d := newDriver(t, newWorld(t).demo(30), 120, 36)
	d.press("esc", "tab", "enter")
	if d.m.screen != peersScreen {
		t.Error("Enter on the peers pane does not open its screen")
	}
	d.press("1", "shift+tab", "+")
	if d.m.screen != eventsScreen {
		t.Error("+ on the events pane does not open its screen")
	}
	d.press("1", "+")
	d.seesNot("Peers ─")
	d.press("-")
	d.sees("Peers ─")
	d.press("tab", "tab", "enter")
	d.sees("lamport", "Esc back")
	d.update(tea.WindowSizeMsg{Width: 80, Height: 24})
	d.press("esc")
	if d.m.pane != listPane {
		t.Error("the focus stays on a pane that is not shown")
	}
}

func TestMouse(t *testing.T) {
	t.Parallel()
	d := newDriver(t, newWorld(t).demo(60), 120, 36)
	d.press("esc", "m")
	if !d.term.mouseOn {
		t.Error("m does not turn the mouse on")
	}
	d.update(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
	if d.m.ledger.list.Index() != 56 {
		t.Errorf("the wheel leads to row %d, want 56", d.m.ledger.list.Index())
	}
	top, _ := d.m.ledger.list.Window(d.m.listHeight())
	d.draw()
	d.update(tea.MouseClickMsg{Button: tea.MouseLeft, X: 10, Y: 5})
	if d.m.ledger.list.Index() != top+2 {
		t.Errorf("a click on line 5 selects row %d, want %d", d.m.ledger.list.Index(), top+2)
	}
}

// listHeight is how many rows the list shows.
func (m *Model) listHeight() int {
	switch {
	case m.lay.shape == tiny:
		return 1
	case m.lay.shape >= medium:
		h := m.lay.list.h - 3
		return h - m.welcomeHeight(h)
	}
	return m.lay.list.h
}

func TestSuspendAndRepaint(t *testing.T) {
	t.Parallel()
	d := newDriver(t, newWorld(t), 80, 24)
	d.press("ctrl+z", "ctrl+l", "esc", "ctrl+z", "ctrl+l")
	if d.term.stops != 2 || d.term.repaints != 2 {
		t.Errorf("%d suspended, %d repainted; want 2 and 2", d.term.stops, d.term.repaints)
	}
}

// TestZeroSize: Bubble Tea sends a size of 0x0 after ours.
func TestZeroSize(t *testing.T) {
	t.Parallel()
	d := newDriver(t, newWorld(t).demo(3), 80, 24)
	d.update(tea.WindowSizeMsg{})
	if w, h := d.m.w, d.m.h; w != 80 || h != 24 {
		t.Errorf("size is %dx%d", w, h)
	}
}
