package tui

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/oracle/sim"
)

// simulation is a run of a scenario, and what it takes to run it again. It belongs to whichever request is under way: the
// model makes one at a time, each on a goroutine of a command's own, and draws the frames that come back.
type simulation struct {
	scenario sim.Scenario // as it was chosen
	run      *sim.Run
	steps    int // made since its start
	ended    bool
}

// newSimulation begins a scenario anew.
func newSimulation(sc sim.Scenario) (*simulation, error) {
	run, err := sim.New(playable(sc))
	if err != nil {
		return nil, err
	}
	return &simulation{scenario: sc, run: run}, nil
}

// step makes so many steps, or as many as there are, or until ctx ends.
func (s *simulation) step(ctx context.Context, n int) {
	for range n {
		if s.ended || ctx.Err() != nil {
			return
		}
		if !s.run.Step() {
			s.ended = true
			return
		}
		s.steps++
	}
}

// rewind goes back by so many steps: it runs what was recorded again, up to there. What was done by hand is part of that, and
// what was done after will come again.
func (s *simulation) rewind(ctx context.Context, steps int) error {
	run, err := sim.New(s.run.Recorded())
	if err != nil {
		return err
	}
	to := max(s.steps-steps, 1) // at least what a picture needs
	s.run, s.steps, s.ended = run, 0, false
	s.step(ctx, to)
	return nil
}

// simAnswer is what came of a request.
type simAnswer struct {
	sim   *simulation // nil: there is none
	frame *sim.Frame
	err   error
	then  func(*Model) tea.Cmd // may be nil
}

type (
	simAnswerMsg struct {
		gen    int
		answer simAnswer
	}
	simDueMsg struct{ gen int } // the next step is due
)

// simRequest is something to do with the simulation, off the screen's goroutine.
type simRequest func(ctx context.Context, s *simulation) simAnswer

// Speeds of the simulation, in virtual time by real time, and the one that it begins with.
var simSpeeds = []struct {
	by   float64
	name string
}{{0.25, "¼"}, {0.5, "½"}, {1, "1"}, {2, "2"}, {4, "4"}, {8, "8"}, {16, "16"}, {32, "32"}, {64, "64"}}

const (
	startSpeed     = 2
	minSimPause    = time.Second / 25 // between two requests for steps: a faster pace makes more steps in one
	maxSimRequests = 64               // keys that wait for the simulation; more are refused
	maxStepsAtOnce = 64
)

// ask puts a request into the queue and begins it if none is under way.
func (m *Model) ask(f simRequest) tea.Cmd {
	o := &m.oracle
	if len(o.queue) >= maxSimRequests {
		m.tell(true, "the simulation does not keep up: wait a moment")
		return nil
	}
	o.queue = append(o.queue, f)
	return m.nextRequest()
}

func (m *Model) nextRequest() tea.Cmd {
	o := &m.oracle
	if o.busy || len(o.queue) == 0 {
		return nil
	}
	f := o.queue[0]
	o.queue = o.queue[1:]
	o.busy = true
	s, gen, fx := o.sim, o.gen, m.fx
	return func() tea.Msg { return simAnswerMsg{gen, f(fx.simContext(), s)} }
}

// onSimAnswer takes over what a request has brought, and goes on.
func (m *Model) onSimAnswer(msg simAnswerMsg) tea.Cmd {
	o := &m.oracle
	o.busy = false
	a := msg.answer
	if a.sim != nil {
		o.sim = a.sim
	}
	if a.frame != nil && a.frame != o.frame {
		o.take(a.frame)
		m.dirty = m.dirty || m.screen == oracleScreen
	}
	if a.err != nil {
		m.tell(true, "%v", a.err)
		if o.frame == nil {
			o.failed = m.cs.Text(a.err.Error(), noteCells)
		}
	}
	var cmd tea.Cmd
	if a.then != nil {
		m.dirty = true
		cmd = a.then(m)
	}
	return tea.Batch(cmd, m.nextRequest(), m.pace())
}

// simVisible reports whether the simulation is to be seen: else it waits.
func (m *Model) simVisible() bool {
	return m.screen == oracleScreen && len(m.overlay) == 0 && m.lay.shape != tooSmall
}

// simMoves reports whether the simulation goes on by itself.
func (m *Model) simMoves() bool {
	o := &m.oracle
	return o.sim != nil && o.frame != nil && !o.paused && !o.frame.Ended && m.simVisible()
}

// pace begins the simulation at the first look, and sees to its next step if it moves: one at a time is on its way.
func (m *Model) pace() tea.Cmd {
	o := &m.oracle
	if m.screen == oracleScreen && !o.begun {
		o.begun = true
		return m.ask(beginRequest(o.first))
	}
	if !m.simMoves() || o.waiting || o.busy {
		return nil
	}
	o.waiting = true
	wait := max(o.due.Sub(m.now()), 0)
	gen := o.gen
	return m.fx.ofProgram().after(wait, func(time.Time) tea.Msg { return simDueMsg{gen} })
}

// onSimDue makes the steps that are due.
func (m *Model) onSimDue(msg simDueMsg) tea.Cmd {
	o := &m.oracle
	o.waiting = false
	if !m.simMoves() || o.busy {
		return m.pace()
	}
	steps, period := o.steps()
	now := m.now()
	// What could not be kept up with is not made up for.
	if o.due = o.due.Add(period); o.due.Before(now) || o.due.After(now.Add(period)) {
		o.due = now.Add(period)
	}
	return m.ask(stepRequest(steps))
}

// steps is how many steps are made at once, and how often.
func (o *oracleState) steps() (n int, period time.Duration) {
	one := time.Duration(float64(o.frame.IntervalMS) / simSpeeds[o.speed].by * float64(time.Millisecond))
	one = max(one, time.Millisecond)
	n = min(int((minSimPause+one-1)/one), maxStepsAtOnce)
	return n, time.Duration(n) * one
}

func stepRequest(n int) simRequest {
	return func(ctx context.Context, s *simulation) simAnswer {
		s.step(ctx, n)
		return simAnswer{frame: s.run.Frame()}
	}
}

// eventRequest does something to the simulation from now on.
func eventRequest(e sim.Event, then func(*Model) tea.Cmd) simRequest {
	return func(_ context.Context, s *simulation) simAnswer {
		if err := s.run.Do(e); err != nil {
			return simAnswer{err: err}
		}
		return simAnswer{frame: s.run.Frame(), then: then}
	}
}

// beginRequest begins a scenario; the one before is dropped.
func beginRequest(load func() (sim.Scenario, error)) simRequest {
	return func(ctx context.Context, _ *simulation) simAnswer {
		sc, err := load()
		if err != nil {
			return simAnswer{err: fmt.Errorf("scenario: %w", err)}
		}
		s, err := newSimulation(sc)
		if err != nil {
			return simAnswer{err: fmt.Errorf("scenario: %w", err)}
		}
		s.step(ctx, 1) // the first picture has prices
		return simAnswer{sim: s, frame: s.run.Frame(), then: func(m *Model) tea.Cmd { m.oracle.fresh(m); return nil }}
	}
}
