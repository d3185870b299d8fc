package tui

import (
	"context"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/internal/race"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// fakeTerminal notes what commands do to the terminal.
type fakeTerminal struct {
	rawSeq   []string
	repaints int
	stops    int
	mouseOn  bool
}

func (t *fakeTerminal) raw(seq string) { t.rawSeq = append(t.rawSeq, seq) }
func (t *fakeTerminal) mouse(on bool)  { t.mouseOn = on }
func (t *fakeTerminal) repaint()       { t.repaints++ }
func (t *fakeTerminal) stop() bool     { t.stops++; return true }

// driver is a model without a program: it runs commands at once, in order, except those that wait. It is one goroutine: under
// the race detector only what a whole program shows is tested.
type driver struct {
	tb     testing.TB
	m      *Model
	w      *world
	term   *fakeTerminal
	quit   bool
	queued []tea.Cmd
	grid   screen.Grid
}

// newDriver opens a world's room at a size.
func newDriver(tb testing.TB, w *world, width, height int, set ...func(*Options)) *driver {
	tb.Helper()
	race.OneGoroutine(tb)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	d := &driver{tb: tb, w: w, term: &fakeTerminal{}}
	o := Options{
		Name: "alice", Room: "main", Now: func() time.Time { return noon }, state: demoState,
		Open: func(context.Context, *Guard) (Opened, error) { return Opened{Node: w}, nil },
	}
	for _, f := range set {
		f(&o)
	}
	d.m = newModel(o, effects{ctx: ctx, sim: context.Background(), guard: &Guard{}, terminal: d.term, clipboard: o.Clipboard, tmux: o.Tmux})
	if w != nil {
		d.m.announced[w.Snapshot().Room] = true // most tests count what is sent
	}
	d.m.resize(width, height)
	d.run(d.m.Init())
	return d
}

// run runs a command and everything that follows from it. What waits for time or for the node is left out: tests say
// when a snapshot is taken.
func (d *driver) run(cmd tea.Cmd) {
	d.queued = append(d.queued, cmd)
	for len(d.queued) > 0 {
		cmd := d.queued[0]
		d.queued = d.queued[1:]
		if cmd == nil {
			continue
		}
		switch msg := d.call(cmd).(type) {
		case nil:
		case tea.BatchMsg:
			d.queued = append(d.queued, msg...)
		case tea.QuitMsg:
			d.quit = true
		default:
			d.send(msg)
		}
	}
}

// call runs one command. The context of the effects has ended, so what waits for time or for the node returns at once.
func (d *driver) call(cmd tea.Cmd) tea.Msg {
	msg := cmd()
	if msg == (pokedMsg{}) { // the test takes snapshots itself
		return nil
	}
	return msg
}

func (d *driver) send(msg tea.Msg) {
	_, cmd := d.m.Update(msg)
	d.queued = append(d.queued, cmd)
}

// update gives the model a message and runs what follows.
func (d *driver) update(msg tea.Msg) {
	_, cmd := d.m.Update(msg)
	d.run(cmd)
}

// press presses keys by name; a picture is drawn after each, as a person sees it.
func (d *driver) press(names ...string) {
	for _, n := range names {
		d.update(keyNamed(n))
		d.draw()
	}
}

// write types text.
func (d *driver) write(s string) {
	for _, r := range s {
		if r == ' ' {
			d.update(keyNamed("space"))
			continue
		}
		d.update(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
	d.draw()
}

// refresh takes the world's newest snapshot.
func (d *driver) refresh() {
	d.m.takeSnapshot()
	d.run(d.m.afterSnapshot())
	d.draw()
}

func (d *driver) draw() []string {
	d.m.draw(&d.grid)
	return d.grid.Lines()
}

func (d *driver) text() string { return strings.Join(d.draw(), "\n") }

// sees fails unless every text is on the screen.
func (d *driver) sees(texts ...string) {
	d.tb.Helper()
	all := d.text()
	for _, s := range texts {
		if !strings.Contains(all, s) {
			d.tb.Errorf("the screen does not show %q:\n%s", s, all)
		}
	}
}

// seesNot fails if a text is on the screen.
func (d *driver) seesNot(texts ...string) {
	d.tb.Helper()
	all := d.text()
	for _, s := range texts {
		if strings.Contains(all, s) {
			d.tb.Errorf("the screen shows %q:\n%s", s, all)
		}
	}
}
