package tui

import (
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/oracle/sim"
)

// simDriver shows the screen over a real simulation of a shipped scenario. It steps only when a test says so.
func simDriver(tb testing.TB, scenario string, width, height int, set ...func(*Options)) *driver {
	tb.Helper()
	set = append([]func(*Options){func(o *Options) {
		o.Open = nil
		o.Scenario = func() (sim.Scenario, error) { return sim.Load(scenario) }
	}}, set...)
	return newDriver(tb, nil, width, height, set...)
}

// rounds lets so many steps pass, as the pace does.
func (d *driver) rounds(n int) {
	for range n {
		d.update(simDueMsg{d.m.oracle.gen})
	}
	d.draw()
}

func (d *driver) at() int64 { return d.m.oracle.frame.AtMS }

// TestOracleFlow: what a person does at the screen does what it says to the network that runs behind it.
func TestOracleFlow(t *testing.T) {
	t.Parallel()
	d := simDriver(t, "two-of-seven", 120, 36)
	d.rounds(3)
	d.sees("THE PRICE HOLDS", "2 of 7 lie", "Votes in order", "5/5", "whole")

	d.press("space")
	d.sees("paused")
	at := d.at()
	d.rounds(3)
	if d.at() != at {
		t.Errorf("paused at %d ms, it went on to %d", at, d.at())
	}
	d.press(".")
	if d.at() != at+1000 {
		t.Errorf("one step went from %d to %d ms", at, d.at())
	}

	d.press("b")
	d.sees("how shall o0 lie?", "20 % too much", "two prices at once")
	d.press("j", "enter")
	d.sees("o0 lies from now on: minus")
	d.press("space")
	d.rounds(1)
	d.sees("LIES minus", "NOT PROVED", "3 of 7 lie")
	d.press("o")
	d.sees("o0 tells the truth from now on")
	d.rounds(1)
	d.sees("THE PRICE HOLDS", "2 of 7 lie")

	d.press("p")
	d.sees("the network is cut in two: o0-o2 hear nothing of o3-o6")
	d.press("p")
	d.sees("cut already")
	d.rounds(6)
	d.sees("CUT", "NO NEW PRICE", "no new price for")
	d.press("h")
	d.rounds(2)
	d.sees("THE PRICE HOLDS", "whole", "5/5")

	d.press("j", "c")
	d.sees("o1 has crashed", "crashed")
	d.rounds(1)
	d.press("c")
	d.sees("o1 is started again")
	d.rounds(2)
	d.seesNot("crashed")
}

// TestOracleRewind: going back runs the same again, with what was done by hand.
func TestOracleRewind(t *testing.T) {
	t.Parallel()
	d := simDriver(t, "two-of-seven", 120, 36)
	d.rounds(4)
	d.press("b", "enter")
	d.rounds(8)
	d.press("esc") // the note goes
	was := d.text()
	d.press("r")
	d.sees("what you did comes again")
	at := d.at()
	if at != 3000 {
		t.Fatalf("10 rounds back from 13 s is %d ms", at)
	}
	d.sees("2 of 7 lie")
	d.rounds(2)
	d.sees("3 of 7 lie")
	d.rounds(8)
	d.press("esc") // the note goes
	if again := d.text(); again != was {
		t.Errorf("the same time again looks different:\n%s\n\n%s", was, again)
	}
	d.press("R")
	d.sees("without what you did")
	d.rounds(12)
	d.sees("2 of 7 lie")
}

// TestOracleInspect: from an oracle's newest attestation along its parents to the beginning of its chain, and back.
func TestOracleInspect(t *testing.T) {
	t.Parallel()
	d := simDriver(t, "two-of-seven", 120, 36)
	d.rounds(3)
	id := d.m.oracle.frame.Oracles[0].Last
	d.press("enter")
	d.sees("What nobody can alter unseen", hexOf(id)[:8], "ETH/USD", "prev")
	seq := d.m.overlay[0].(*inspectOverlay).seen.Seq
	for depth := uint64(1); depth < seq; depth++ {
		d.press("enter")
		o := d.m.overlay[len(d.m.overlay)-1].(*inspectOverlay)
		if o.seen.Seq != seq-depth {
			t.Fatalf("Enter on prev went from %d to %d", seq-depth+1, o.seen.Seq)
		}
	}
	d.sees("begins a chain")
	at := d.at()
	d.rounds(2)
	if d.at() != at {
		t.Error("the simulation does not wait while something lies over it")
	}
	for range seq {
		d.press("esc")
	}
	d.sees("Votes in order", "running")
	d.rounds(1)
	if d.at() == at {
		t.Error("the simulation still waits")
	}
}

// TestOracleSave: what was done is in the file that x makes, and running that comes to the same.
func TestOracleSave(t *testing.T) {
	t.Parallel()
	var name string
	var content []byte
	d := simDriver(t, "two-of-seven", 120, 36, func(o *Options) {
		o.Save = func(n string, b []byte) (string, error) {
			name, content = n, b
			return "/somewhere/" + n, nil
		}
	})
	d.rounds(3)
	d.press("j", "b", "enter", "p")
	d.rounds(5)
	d.press("x")
	d.sees("saved as /somewhere/oracle-20261121-120000.json")
	sc, err := sim.Parse(name, content)
	if err != nil {
		t.Fatalf("%v\n%s", err, content)
	}
	if sc.DurationMS != d.at() {
		t.Errorf("the file ends after %d ms, it was saved after %d", sc.DurationMS, d.at())
	}
	run, err := sim.New(sc)
	if err != nil {
		t.Fatal(err)
	}
	for range 9 {
		run.Step()
	}
	if got, want := run.Frame().Pairs[0].Digest, d.m.oracle.frame.Pairs[0].Digest; got != want {
		t.Errorf("the saved scenario comes to %x, shown was %x", got, want)
	}

	early := simDriver(t, "two-of-seven", 120, 36, func(o *Options) {
		o.Save = func(n string, b []byte) (string, error) { name, content = n, b; return n, nil }
	})
	early.rounds(2)
	early.press("x")
	if sc, err = sim.Parse(name, content); err != nil {
		t.Fatal(err)
	}
	if run, err = sim.New(sc); err != nil {
		t.Fatal(err)
	}
	for run.Step() {
	}
	if rep := run.Report(); !rep.OK {
		t.Errorf("a run saved before its script's end does not come to what its file expects: %v", rep.Expect)
	}

	failing := simDriver(t, "two-of-seven", 120, 36, func(o *Options) {
		o.Save = func(string, []byte) (string, error) { return "", errors.New("the disk is full") }
	})
	failing.rounds(1)
	failing.press("x")
	failing.sees("not saved: the disk is full")
}

// TestOracleScenarios: every shipped scenario can be chosen, and is played.
func TestOracleScenarios(t *testing.T) {
	t.Parallel()
	d := simDriver(t, "two-of-seven", 120, 36)
	for i, name := range sim.Shipped() {
		if testing.Short() && i%4 != 0 {
			continue
		}
		d.press("l")
		d.sees("a scenario", name)
		for range i {
			d.press("j")
		}
		d.press("enter")
		d.rounds(2)
		if o := &d.m.oracle; o.failed.Width() > 0 || o.frame == nil || o.frame.AtMS < 2*o.frame.IntervalMS {
			t.Errorf("%s does not run: %s\n%s", name, o.failed.String(), d.text())
		}
	}
}

// TestOracleStrategies: t goes through them all, and comes back.
func TestOracleStrategies(t *testing.T) {
	t.Parallel()
	d := simDriver(t, "two-of-seven", 120, 36)
	d.rounds(3)
	for _, name := range []string{"fenced", "trimmed", "weighted", "three_vote", "hodges", "mean_iqr", "median"} {
		d.press("t")
		d.sees("strategy " + name)
		d.rounds(1)
		d.sees("strategy " + name)
	}
}

// TestOracleWaits: the simulation begins at the first look, and rests while it is not seen, paused or at its end: no message is under way
// that would wake anybody up.
func TestOracleWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t).demo(3)
	begun := false
	d := newDriver(t, w, 120, 36, func(o *Options) {
		o.Scenario = func() (sim.Scenario, error) { begun = true; return sim.Load("two-of-seven") }
	})
	if begun || d.m.pace() != nil {
		t.Fatal("a simulation that nobody looks at was begun")
	}
	d.press("esc", "3")
	if !begun || d.m.oracle.frame == nil {
		t.Fatal("the first look begins none")
	}
	d.sees("3 Oracle", "running")
	if !d.m.oracle.waiting {
		t.Error("it is seen, and no step is on its way")
	}
	still := func(what string, keys ...string) {
		t.Helper()
		d.press(keys...)
		d.rounds(1) // the one that was on its way
		if d.m.oracle.waiting {
			t.Errorf("%s: a step is on its way", what)
		}
	}
	still("another screen", "1")
	d.press("3")
	if !d.m.oracle.waiting {
		t.Error("seen again, and no step is on its way")
	}
	still("help over it", "?")
	d.press("esc")
	still("paused", "space")
	d.press("space")
	d.m.resize(5, 2)
	still("too small to be seen")
	d.m.resize(120, 36)
}

// TestOraclePace: the steps follow the speed, and what is missed is not made up for.
func TestOraclePace(t *testing.T) {
	t.Parallel()
	now := noon
	d := simDriver(t, "two-of-seven", 120, 36, func(o *Options) { o.Now = func() time.Time { return now } })
	for _, tc := range []struct {
		speed  int
		steps  int
		period time.Duration
	}{{0, 1, 4 * time.Second}, {2, 1, time.Second}, {4, 1, 250 * time.Millisecond}, {6, 1, 62500 * time.Microsecond}, {8, 3, 46875 * time.Microsecond}} {
		d.m.oracle.speed = tc.speed
		if n, period := d.m.oracle.steps(); n != tc.steps || period != tc.period {
			t.Errorf("×%s: %d steps every %v, want %d every %v", simSpeeds[tc.speed].name, n, period, tc.steps, tc.period)
		}
	}
	d.press("<", "<", "<", "<", "<", "<", "<", "<", "<")
	d.sees("×¼")
	d.press(strings.Split(strings.Repeat(">", 12), "")...)
	d.sees("×64")
	at := d.at()
	now = now.Add(time.Hour) // the terminal was asleep
	d.rounds(1)
	if d.at() != at+3000 {
		t.Errorf("after an hour it went from %d to %d ms", at, d.at())
	}
	if wait := d.m.oracle.due.Sub(now); wait <= 0 || wait > time.Second {
		t.Errorf("the next step is due in %v", wait)
	}
}

// TestOracleWithoutRoom: the keys of what is not there say so.
func TestOracleWithoutRoom(t *testing.T) {
	t.Parallel()
	d := simDriver(t, "two-of-seven", 120, 36)
	for _, key := range []string{"1", "2", "4", "n"} {
		d.press(key)
		d.sees("there is no room here", "Votes in order")
	}
	d.update(tea.PasteMsg{Content: "alice -> bob 1"})
	d.sees("no room here to type into", "Oracles")
	d.press("q")
	if !d.quit {
		t.Error("q asks though nothing is unsent")
	}
}

// TestOracleBadScenario: why nothing is shown is told, and another can be chosen.
func TestOracleBadScenario(t *testing.T) {
	t.Parallel()
	d := simDriver(t, "no-such", 120, 36)
	d.sees("scenario", "no-such")
	d.press("b", "p", "c", "enter", "x", "r", "R", "t", "f", "space", ".")
	d.press("l", "enter")
	d.rounds(1)
	d.sees("THE PRICE HOLDS")
}
