package tui

import (
	"slices"

	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/sim"
)

// playOnMS is how long a simulation goes on to be played with when its script is over, in virtual time; playOnWork bounds it
// where there are many oracles: each replica holds what all of them say.
const (
	playOnMS   = 10 * 60_000
	playOnWork = 200_000
)

// playable is a scenario that goes on after its script, so that there is time to attack by hand.
func playable(sc sim.Scenario) sim.Scenario {
	n := int64(0)
	for i := range sc.Oracles {
		n += max(sc.Oracles[i].Count, 1)
	}
	slots := playOnWork / max(n*n, 1)
	sc.DurationMS = max(sc.DurationMS, min(playOnMS, slots*sc.IntervalMS))
	return sc
}

// recordedFile is what was run so far as a scenario file: it ends now.
func recordedFile(s *simulation) []byte {
	sc := s.run.Recorded()
	sc.DurationMS = max(s.run.Frame().AtMS, s.scenario.IntervalMS)
	interfered := len(sc.Events) > len(s.scenario.Events)
	if interfered || !s.run.Report().OK { // what was expected was of the whole script, and of nothing else than it
		sc.Expect = sim.Expect{DigestsEqual: sc.Expect.DigestsEqual, MaxErrorPPM: -1, MaxRMSPPM: -1, InsufficientMin: -1}
	}
	sc.Events = slices.DeleteFunc(sc.Events, func(e sim.Event) bool { return e.AtMS > sc.DurationMS })
	return sc.JSON()
}

// What is done by hand.

func byzantineEvent(node int, kind sim.Kind) sim.Event {
	return sim.Event{Kind: sim.EventByzantine, Node: int64(node), Byzantine: &sim.Byzantine{Kind: kind, PPM: sim.DefaultPPM(kind), Of: -1}}
}

func honestEvent(node int) sim.Event  { return sim.Event{Kind: sim.EventHonest, Node: int64(node)} }
func crashEvent(node int) sim.Event   { return sim.Event{Kind: sim.EventCrash, Node: int64(node)} }
func restartEvent(node int) sim.Event { return sim.Event{Kind: sim.EventRestart, Node: int64(node)} }
func healEvent() sim.Event            { return sim.Event{Kind: sim.EventHeal, Node: -1} }

func partitionEvent(groups [][]int) sim.Event {
	e := sim.Event{Kind: sim.EventPartition, Node: -1}
	for _, g := range groups {
		var side []int64
		for _, i := range g {
			side = append(side, int64(i))
		}
		e.Groups = append(e.Groups, side)
	}
	return e
}

func strategyEvent(s oracle.Strategy) sim.Event {
	return sim.Event{Kind: sim.EventStrategy, Node: -1, Strategy: s.String()}
}
