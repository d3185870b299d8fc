package chaos

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// The seed alone makes the schedule; another seed makes another.
func TestPlanFollowsFromSeed(t *testing.T) {
	t.Parallel()
	of := size{5, 2, 8}
	a, b := plan(1, time.Minute, time.Second, of), plan(1, time.Minute, time.Second, of)
	if !slices.Equal(a, b) {
		t.Error("one seed made two schedules")
	}
	if slices.Equal(a, plan(2, time.Minute, time.Second, of)) {
		t.Error("two seeds made one schedule")
	}
}

// Every kind comes, on everything there is, as often as wanted; what lasts ends once, in time, after it began.
func TestPlanHasEverything(t *testing.T) {
	t.Parallel()
	of := size{5, 2, 8}
	const span = 20 * time.Minute
	steps := plan(3, span, time.Second, of)
	on, begun, faults := make(map[string]bool), make(map[fault]int), 0
	for i, s := range steps {
		if i > 0 && s.at < steps[i-1].at || s.at > span {
			t.Errorf("step %d at %v", i, s.at)
		}
		if s.undo {
			if begun[s.fault]--; begun[s.fault] < 0 {
				t.Errorf("%v: not begun", s)
			}
			continue
		}
		begun[s.fault]++
		faults++
		on[fmt.Sprintf("%s %d", s.kind, s.on)] = true
	}
	if faults < 1000 || faults > 1400 {
		t.Errorf("%d faults in %v", faults, span)
	}
	for _, k := range kinds {
		n := of.lines
		switch k.kind {
		case KillNode, FreezeNode:
			n = of.nodes
		case KillRelay, FreezeRelay:
			n = of.relays
		}
		for i := range n {
			if !on[fmt.Sprintf("%s %d", k.kind, i)] {
				t.Errorf("no %s of %d", k.kind, i)
			}
		}
		for f, n := range begun {
			if f.kind == k.kind && k.most > 0 && n != 0 {
				t.Errorf("%+v does not end", f)
			}
		}
	}
}
