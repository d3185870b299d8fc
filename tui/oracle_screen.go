package tui

import (
	"context"
	"fmt"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/sim"
	"github.com/tallystick/tallystick/tui/internal/chart"
	"github.com/tallystick/tallystick/tui/internal/list"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// defaultScenario is what screen 3 shows unless another was asked for.
const defaultScenario = "two-of-seven"

// oracleState is the oracle screen: a simulation that goes on while it is looked at, and how it is looked at.
type oracleState struct {
	begun  bool                         // the simulation was asked for: by the first look at the screen
	first  func() (sim.Scenario, error) // the scenario that it begins with
	sim    *simulation                  // nil until it runs; only requests touch what it holds
	frame  *sim.Frame                   // the newest
	failed safe.String                  // why there is none

	queue   []simRequest
	busy    bool // a request is under way
	waiting bool // a simDueMsg is on its way
	gen     int
	due     time.Time // of the next step
	paused  bool
	speed   int // place in simSpeeds

	pane     oraclePane
	rows     list.List[int] // oracles, by number
	findings list.List[uint64]
	found    findingRows
	faults   bool // network and findings are shown in place of the oracles, where there is no room for both
	pair     int
	zoom     int // place in chartWindows
	scale    chart.Scale
}

// oraclePane is what has the focus on the oracle screen.
type oraclePane uint8

const (
	oraclesPane oraclePane = iota
	findingsPane
)

// chartWindows are how many slots the chart shows; startZoom is the first.
var chartWindows = []int{15, 30, 60, 120, 300, 600}

const startZoom = 1

// oracleRows are the oracles of a frame.
type oracleRows int

func (r oracleRows) Len() int                  { return int(r) }
func (r oracleRows) Key(i int) int             { return i }
func (r oracleRows) IndexOf(i int) (int, bool) { return i, i >= 0 && i < int(r) }

// findingRows are the findings of a frame, oldest first.
type findingRows []sim.FrameFinding

func (r findingRows) Len() int         { return len(r) }
func (r findingRows) Key(i int) uint64 { return r[i].Seq }
func (r findingRows) IndexOf(seq uint64) (int, bool) {
	for i := range r {
		if r[i].Seq >= seq {
			return i, r[i].Seq == seq
		}
	}
	return 0, false
}

var (
	_ list.Rows[int]    = oracleRows(0)
	_ list.Rows[uint64] = findingRows(nil)
)

func newOracleState(o Options) oracleState {
	s := oracleState{speed: startSpeed, zoom: startZoom, first: o.Scenario}
	if s.first == nil {
		s.first = func() (sim.Scenario, error) { return sim.Load(defaultScenario) }
	}
	s.findings.Follow = true
	return s
}

// take takes over a newer frame.
func (o *oracleState) take(f *sim.Frame) {
	o.frame = f
	o.rows.Sync(oracleRows(len(f.Oracles)))
	o.found = f.Findings
	o.findings.Sync(o.found)
	o.pair = min(o.pair, max(len(f.Pairs)-1, 0))
}

// fresh begins to look at another simulation.
func (o *oracleState) fresh(m *Model) {
	o.scale, o.pair, o.failed = chart.Scale{}, 0, safe.String{}
	o.due = m.now()
	o.rows.To(oracleRows(o.rows.Len()), 0)
}

// price returns the pair that is shown.
func (o *oracleState) price() *sim.FramePair {
	if o.frame == nil || o.pair >= len(o.frame.Pairs) {
		return &sim.FramePair{}
	}
	return &o.frame.Pairs[o.pair]
}

// selected is the number of the oracle under the cursor, -1 if there is none.
func (o *oracleState) selected() int {
	if o.frame == nil || o.rows.Index() >= len(o.frame.Oracles) {
		return -1
	}
	return o.rows.Index()
}

func (m *Model) onOracleKey(msg tea.KeyPressMsg) (tea.Cmd, bool) {
	o, k := &m.oracle, &m.keys.Oracle
	switch {
	case key.Matches(msg, m.keys.Global.Next, m.keys.Global.Previous):
		m.nextOraclePane()
		return nil, true
	case key.Matches(msg, k.Back):
		switch {
		case o.pane != oraclesPane:
			o.pane = oraclesPane
		case o.faults:
			o.faults = false
		case m.options.Open != nil:
			m.show(ledgerScreen)
		}
		return nil, true
	case key.Matches(msg, k.Load):
		return m.chooseScenario(), true
	}
	if o.frame == nil {
		return nil, false
	}
	if m.moveOracle(msg) {
		return nil, true
	}
	switch {
	case key.Matches(msg, k.Pause):
		o.paused = !o.paused
		o.due = m.now()
		if o.paused {
			m.tell(false, "paused: {oracle.pause} goes on, {oracle.step} makes one step")
		}
		return m.pace(), true
	case key.Matches(msg, k.Step):
		o.paused = true
		return m.ask(stepRequest(1)), true
	case key.Matches(msg, k.Slower):
		m.setSpeed(o.speed - 1)
		return m.pace(), true
	case key.Matches(msg, k.Faster):
		m.setSpeed(o.speed + 1)
		return m.pace(), true
	case key.Matches(msg, k.Rewind):
		return m.rewind(), true
	case key.Matches(msg, k.Restart):
		return m.restart(), true
	case key.Matches(msg, k.Strategy):
		return m.nextStrategy(), true
	case key.Matches(msg, m.keys.Global.Zoom):
		o.zoom = max(o.zoom-1, 0)
	case key.Matches(msg, m.keys.Global.Unzoom):
		o.zoom = min(o.zoom+1, len(chartWindows)-1)
	case key.Matches(msg, k.Pair):
		if n := len(o.frame.Pairs); n > 1 {
			o.pair = (o.pair + 1) % n
			o.scale = chart.Scale{}
		} else {
			m.tell(false, "this scenario has one pair only")
		}
	case key.Matches(msg, k.Faults):
		o.faults = !o.faults
		o.pane = oraclesPane
		if o.faults {
			o.pane = findingsPane
		}
	case key.Matches(msg, k.Save):
		return m.saveScenario(), true
	case key.Matches(msg, k.Inspect):
		return m.inspectSelected(), true
	case key.Matches(msg, k.Lie, k.Honest, k.Partition, k.Heal, k.Crash):
		return m.onAttackKey(msg), true
	default:
		return nil, false
	}
	return nil, true
}

// moveOracle moves the cursor of the pane that has the focus.
func (m *Model) moveOracle(msg tea.KeyPressMsg) bool {
	o := &m.oracle
	if o.pane == findingsPane {
		return moveIn(&m.keys.Move, msg, &o.findings, list.Rows[uint64](o.found))
	}
	return moveIn(&m.keys.Move, msg, &o.rows, list.Rows[int](oracleRows(len(o.frame.Oracles))))
}

// nextOraclePane moves the focus, to what is shown.
func (m *Model) nextOraclePane() {
	o := &m.oracle
	if o.pane == oraclesPane {
		o.pane = findingsPane
	} else {
		o.pane = oraclesPane
	}
	if !m.oracleLayout().wide {
		o.faults = o.pane == findingsPane
	}
}

func (m *Model) setSpeed(to int) {
	o := &m.oracle
	o.speed = min(max(to, 0), len(simSpeeds)-1)
	o.due = m.now()
	m.tell(false, "speed ×%s", simSpeeds[o.speed].name)
}

// rewindSlots is how far back one key goes.
const rewindSlots = 10

func (m *Model) rewind() tea.Cmd {
	m.tell(false, "going back %d rounds…", rewindSlots)
	return m.ask(func(ctx context.Context, s *simulation) simAnswer {
		if err := s.rewind(ctx, rewindSlots); err != nil {
			return simAnswer{err: err}
		}
		return simAnswer{frame: s.run.Frame(), then: func(m *Model) tea.Cmd {
			m.tell(false, "%d rounds back: what you did comes again at its time; {oracle.restart} starts over without it", rewindSlots)
			m.oracle.due = m.now().Add(time.Second / 2)
			return nil
		}}
	})
}

// restart begins the scenario anew, without what was done by hand.
func (m *Model) restart() tea.Cmd {
	return m.ask(func(ctx context.Context, s *simulation) simAnswer {
		a := beginRequest(func() (sim.Scenario, error) { return s.scenario, nil })(ctx, nil)
		if a.err == nil {
			again := a.then
			a.then = func(m *Model) tea.Cmd {
				m.tell(false, "from the beginning, without what you did")
				return again(m)
			}
		}
		return a
	})
}

func (m *Model) nextStrategy() tea.Cmd {
	all := oracle.Strategies()
	next := all[0]
	for i, s := range all {
		if s == m.oracle.frame.Strategy {
			next = all[(i+1)%len(all)]
		}
	}
	return m.ask(eventRequest(strategyEvent(next), func(m *Model) tea.Cmd {
		m.tell(false, "strategy %s: %s", next, strategyWords(next).rule)
		return nil
	}))
}

// saveScenario writes what was run, with all that was done by hand, as a scenario file.
func (m *Model) saveScenario() tea.Cmd {
	if m.options.Save == nil {
		m.tell(true, "scenarios cannot be saved here")
		return nil
	}
	save, at := m.options.Save, m.now()
	return m.ask(func(_ context.Context, s *simulation) simAnswer {
		name := fmt.Sprintf("oracle-%s.json", at.Format("20060102-150405"))
		where, err := save(name, recordedFile(s))
		if err != nil {
			return simAnswer{err: fmt.Errorf("not saved: %w", err)}
		}
		return simAnswer{then: func(m *Model) tea.Cmd {
			m.tell(false, "saved as %s: tallystick oracle %s shows it again", where, name)
			return nil
		}}
	})
}

// drawTitle writes text from outside into the upper border of a frame, after its title.
func drawTitle(a screen.Area, style screen.Style, after screen.Const, s safe.String) {
	x := 3 + screen.Width(after)
	if after == "" {
		x = 2
	}
	end := a.Text(x, 0, max(a.W-x-4, 0), style, s)
	a.Const(end, 0, style, " ")
}
