package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/internal/program"
	"github.com/tallystick/tallystick/internal/terminal"
)

// patience is how long anything on a screen is waited for before it counts as missing.
const patience = 30 * time.Second

// entriesEach is how many entries of the room each of its people writes: of 100,000 entries, 1,000 people write.
const entriesEach = 100

// screenParts are the works within the work, in the order in which they run, for each number of rows.
var screenParts = []struct {
	name string
	run  func(*screenRun, context.Context) error
}{
	{"book", (*screenRun).book},
	{"paint", (*screenRun).paint},
	{"keys", (*screenRun).keys},
	{"pages", (*screenRun).pages},
	{"memory", (*screenRun).memory},
	{"endings", (*screenRun).endings},
	{"load", (*screenRun).load},
	{"oracle", (*screenRun).oracle},
}

// screenRun is the measuring of the screen on a room of so many rows.
type screenRun struct {
	*run
	rows    int
	largest bool // of the numbers of rows that are measured
	room    *sample.Room
	me      sample.Person
	home    sample.Home
	relay   *program.Relay // has the room
	runs    int            // starts of the program, for figures that need one
}

func screenWork(flags *flag.FlagSet) func(context.Context, *run) error {
	rows := numbers{10_000, 100_000}
	flags.Var(&rows, "rows", "screen: `N,…` transactions of the rooms that are shown")
	runs := flags.Int("starts", 20, "screen: how often the program is started for the first paint")
	return func(ctx context.Context, r *run) error {
		most := 0
		for _, n := range rows {
			most = max(most, n)
		}
		for _, n := range rows {
			if err := r.screen(ctx, n, n == most, *runs); err != nil {
				return fmt.Errorf("screen: %d rows: %w", n, err)
			}
		}
		return nil
	}
}

func (r *run) screen(ctx context.Context, n int, largest bool, runs int) error {
	people := sample.Crowd(max(n/entriesEach, 5))
	s := &screenRun{run: r, rows: n, largest: largest, me: people[0], runs: runs}
	var err error
	r.say("screen: %d rows: made", n)
	if s.room, err = sample.NewLedger("main", people, n, 1); err != nil {
		return err
	}
	if s.home, err = r.home(s.me, s.room); err != nil {
		return err
	}
	relay, stop, err := r.relayOf(ctx, s.room)
	if err != nil {
		return err
	}
	s.relay = relay
	s.room.Packs = nil // they are on disk; a program that opens them has not had them in memory before
	for _, part := range screenParts {
		r.say("screen: %d rows: %s", n, part.name)
		if err := part.run(s, ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return stop()
}

// figure adds a figure of this work.
func (s *screenRun) figure(name, unit string, sum stat.Summary, note string, budgets ...report.Budget) {
	s.add(report.Figure{
		Work: "screen", Case: report.Number(float64(s.rows)) + " rows", Name: name, Unit: unit, Summary: sum, Note: note, Budgets: budgets, Beside: beside(name),
	})
}

// start starts the program on the room; network are its flags for that.
func (s *screenRun) start(o terminal.Options, network ...string) (*terminal.Terminal, error) {
	o.Env = s.home.Env()
	return terminal.Start(s.binary, append([]string{"run", s.me.Name}, network...), o)
}

// connected are the flags to be connected to the relay.
func (s *screenRun) connected() []string { return []string{"--connect", s.relay.URL} }

// usable reports whether the list shows the room.
func (s *screenRun) usable(scr *terminal.Screen) bool {
	_, y := scr.Find(report.Number(float64(s.rows)) + " rows")
	return y >= 0
}

// live reports whether the header says that the relay has all that we have.
func live(scr *terminal.Screen) bool {
	_, y := scr.Find("live 1/1")
	return y == 0
}

// startLive starts the program and waits until it shows the room and is equal with the relay.
func (s *screenRun) startLive(o terminal.Options) (*terminal.Terminal, error) {
	o.Screen = true
	t, err := s.start(o, s.connected()...)
	if err != nil {
		return nil, err
	}
	if _, err = t.WaitScreen(patience, func(scr *terminal.Screen) bool { return s.usable(scr) && live(scr) }); err == nil {
		err = t.Quiet(200*time.Millisecond, patience)
	}
	if err != nil {
		return nil, s.shown(t, err)
	}
	return t, nil
}

// shown closes t and puts what it showed beside err.
func (s *screenRun) shown(t *terminal.Terminal, err error) error {
	text := ""
	t.Look(func(scr *terminal.Screen) { text = scr.Text() })
	_ = t.Close() // what matters is err
	return fmt.Errorf("%w; the screen showed:\n%s", err, text)
}

// paint measures from the start of the process to the first frame, and to the list, in a terminal that answers what it is
// asked and in one that never does.
func (s *screenRun) paint(ctx context.Context) error {
	var usable []time.Duration
	for _, mute := range []bool{false, true} {
		var first []time.Duration
		for range s.runs {
			if err := ctx.Err(); err != nil {
				return err
			}
			t, err := s.start(terminal.Options{Screen: true, Mute: mute}, "--offline")
			if err != nil {
				return err
			}
			f, err := t.WaitScreen(patience, s.usable)
			if err != nil {
				return s.shown(t, err)
			}
			usable = append(usable, f.At.Sub(t.Started()))
			first = append(first, t.Frames(1)[0].At.Sub(t.Started()))
			if err := t.Close(); err != nil {
				return err
			}
		}
		name := "first paint"
		if mute {
			name = "first paint, mute terminal"
		}
		s.figure(name, "ms", stat.Durations(first), "", report.AtMost("p95", 40))
	}
	limit := 300.0
	if s.rows > 100_000 {
		limit = 1500
	}
	s.figure("list usable", "ms", stat.Durations(usable), "from the start of the process", report.AtMost("p50", limit))
	return nil
}
