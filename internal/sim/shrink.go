package sim

import (
	"errors"
	"slices"
	"time"
)

// shrinkRuns bounds how often Shrink plays a scenario.
const shrinkRuns = 400

// Shrink makes a scenario that breaks a promise smaller while it breaks the same one: it leaves out actions, by halves and
// then one by one (delta debugging, Zeller & Hildebrandt 2002), then links and machines. The result is what fails with the least found;
// cfg.Scenario itself if it keeps all promises.
func Shrink(cfg Config) Scenario {
	cfg.Trace = nil
	sh := shrinker{cfg: cfg, left: shrinkRuns}
	sh.kind = sh.failure(cfg.Scenario)
	if sh.kind == "" {
		return cfg.Scenario
	}
	for changed := true; changed && sh.left > 0; {
		changed = sh.actions()
		changed = sh.parts() || changed
	}
	return sh.cfg.Scenario
}

type shrinker struct {
	cfg  Config
	kind string // of the failure
	left int    // runs
}

// failure is the kind of promise that a scenario breaks, empty if none.
func (sh *shrinker) failure(sc Scenario) string {
	sh.left--
	cfg := sh.cfg
	cfg.Scenario = sc
	_, err := Run(cfg)
	var f *Failure
	if errors.As(err, &f) {
		return f.Kind
	}
	return ""
}

// try keeps a scenario that fails alike.
func (sh *shrinker) try(sc Scenario) bool {
	if sh.left <= 0 || sh.failure(sc) != sh.kind {
		return false
	}
	sh.cfg.Scenario = sc
	return true
}

// actions leaves out actions. The waits of those left out are kept if it fails only so.
func (sh *shrinker) actions() (changed bool) {
	for size := max(1, len(sh.cfg.Scenario.Do)/2); size > 0; size /= 2 {
		for at := 0; at < len(sh.cfg.Scenario.Do) && sh.left > 0; {
			if sh.try(sh.without(at, size, false)) || size == 1 && sh.try(sh.without(at, size, true)) {
				changed = true
			} else {
				at += size
			}
		}
	}
	return changed
}

func (sh *shrinker) without(at, size int, wait bool) Scenario {
	sc := sh.cfg.Scenario
	end := min(at+size, len(sc.Do))
	rest := slices.Clone(sc.Do[end:])
	if wait && len(rest) > 0 {
		for _, a := range sc.Do[at:end] {
			rest[0].Wait += a.Wait
		}
	}
	sc.Do = append(slices.Clone(sc.Do[:at]), rest...)
	return sc
}

// parts leaves out machines with their links, and makes what is left simpler.
func (sh *shrinker) parts() (changed bool) {
	for i := range sh.cfg.Scenario.Nodes {
		if sh.cfg.Scenario.Nodes[i].Role == Absent {
			continue
		}
		sc := sh.cfg.Scenario
		sc.Nodes = slices.Clone(sc.Nodes)
		sc.Nodes[i].Role = Absent
		changed = sc.connected() && sh.try(sc) || changed
	}
	for i := len(sh.cfg.Scenario.Links) - 1; i >= 0; i-- {
		if sc := sh.cfg.Scenario.withoutLink(i); sc.connected() {
			changed = sh.try(sc) || changed
		}
	}
	for i, a := range sh.cfg.Scenario.Do {
		if a.B <= 1 {
			continue
		}
		sc := sh.cfg.Scenario
		sc.Do = slices.Clone(sc.Do)
		sc.Do[i].B = 1
		changed = sh.try(sc) || changed
	}
	return changed
}

// withoutLink leaves out a link, and what happens to it.
func (s Scenario) withoutLink(link int) Scenario {
	s.Links = slices.Delete(slices.Clone(s.Links), link, link+1)
	var do []Action
	wait := time.Duration(0)
	for _, a := range s.Do {
		if verbs[a.Verb] != "" && verbs[a.Verb][0] == 'l' {
			if a.A == link {
				wait += a.Wait
				continue
			}
			if a.A > link {
				a.A--
			}
		}
		a.Wait += wait
		wait = 0
		do = append(do, a)
	}
	s.Do = do
	return s
}

// connected reports whether the machines that are there reach each other: those that do not can never be equal.
func (s Scenario) connected() bool {
	group := make([]int, len(s.Nodes))
	for i := range group {
		group[i] = i
	}
	for range s.Nodes {
		for _, l := range s.Links {
			if s.Nodes[l.From].Role != Absent && s.Nodes[l.To].Role != Absent {
				least := min(group[l.From], group[l.To])
				group[l.From], group[l.To] = least, least
			}
		}
	}
	first := -1
	for i, n := range s.Nodes {
		switch {
		case n.Role == Absent:
		case first < 0:
			first = group[i]
		case group[i] != first:
			return false
		}
	}
	return true
}
