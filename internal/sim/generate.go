package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// Generate makes the scenario of a seed: a network of some kind, edits, and faults of a few of all sorts ("swarm testing", Groce
// et al. 2012: each seed leaves out some, so that what they hide is seen too). attacks are those that may be in it. With faults,
// these verbs and no others are in it.
func Generate(seed uint64, attacks []string, faults ...string) Scenario {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 11)), attacks: attacks}
	g.sc = Scenario{Seed: seed, Kind: crdt.Ledger}
	if g.IntN(2) == 0 {
		g.sc.Kind = crdt.JSON
	}
	g.sc.Closed = g.IntN(4) == 0
	g.large = g.IntN(100) == 0
	g.network()
	g.chooseVerbs(faults)
	for phase := range 1 + g.IntN(3) {
		g.phase()
		g.do(Action{Verb: "quiet"})
		if phase == 0 && g.IntN(2) == 0 || g.IntN(4) == 0 {
			g.do(Action{Verb: "reopen"})
			g.do(Action{Verb: "quiet"})
		}
	}
	return g.sc
}

type generator struct {
	*rand.Rand
	sc      Scenario
	attacks []string
	large   bool
	verbs   []string // with repetition: how likely each is
	edits   int      // changes that are still to be made
	bursts  int      // the most at once
}

func (g *generator) do(a Action) { g.sc.Do = append(g.sc.Do, a) }

// upTo is a random time, more often a short one.
func (g *generator) upTo(most time.Duration) time.Duration {
	d := time.Duration(g.Int64N(int64(most) + 1))
	return d >> g.IntN(8) / time.Millisecond * time.Millisecond
}

func (g *generator) network() {
	relays, others := g.IntN(3), 2+g.IntN(3)
	if g.large {
		relays, others = 1+g.IntN(3), 4+g.IntN(5)
	}
	files := g.IntN(100) == 0
	if files {
		relays, others = g.IntN(2), 2
	}
	skew := time.Duration(g.IntN(2)) * time.Hour
	for i := range relays + others {
		spec := NodeSpec{Role: Relay, Files: files, Skew: time.Duration(g.Int64N(int64(skew) + 1)).Truncate(time.Second)}
		if i >= relays {
			spec.Role, spec.Key = Author, i
			if i > relays && g.IntN(6) == 0 {
				spec.Role = Reader
			}
			if i > relays && g.IntN(25) == 0 {
				spec.Role, spec.Key = Author, i-1 // a copied key
			}
		}
		g.sc.Nodes = append(g.sc.Nodes, spec)
	}
	fast := g.IntN(3) > 0
	link := func(from, to int) {
		l := LinkSpec{From: from, To: to, Delay: time.Duration(1+g.IntN(100)) * time.Millisecond, Rate: 1 << 20, Slots: 1 + g.IntN(8)}
		l.Jitter = time.Duration(g.IntN(50)) * time.Millisecond
		if !fast {
			l.Rate = 9_000 << g.IntN(7) // the slowest that is served: transport's slowestFrame
		}
		g.sc.Links = append(g.sc.Links, l)
	}
	// A tree, so that all are connected, with relays at its root; and a few links besides.
	for i := 1; i < len(g.sc.Nodes); i++ {
		to := g.IntN(i)
		if relays > 0 && i >= relays && g.IntN(5) > 0 {
			to = g.IntN(relays)
		}
		link(i, to)
		if g.IntN(3) == 0 {
			if to := g.IntN(len(g.sc.Nodes)); to != i {
				link(i, to)
			}
		}
	}
	g.edits = 10 + g.IntN(60)
	g.bursts = 1 + g.IntN(8)
	if g.large {
		g.edits, g.bursts = 200+g.IntN(400), 40
	}
	if files {
		g.edits = 10
	}
}

// chooseVerbs leaves out some faults.
func (g *generator) chooseVerbs(faults []string) {
	g.verbs = append(g.verbs, faults...)
	for _, verb := range []string{
		"crash", "crash", "fail", "freeze", "jump", "wall", "restore", "cut", "lose", "break", "break", "stall", "double", "split", "attack",
	} {
		if len(faults) == 0 && g.IntN(3) == 0 && (verb != "attack" || len(g.attacks) > 0) {
			g.verbs = append(g.verbs, verb)
		}
	}
	if slices.Contains(g.verbs, "restore") {
		g.verbs = append(g.verbs, "backup")
	}
	for range 1 + len(g.verbs)/2 {
		g.verbs = append(g.verbs, "edit")
	}
}

// phase is a while with edits and faults.
func (g *generator) phase() {
	pause := []time.Duration{50 * time.Millisecond, 500 * time.Millisecond, 5 * time.Second, 40 * time.Second}[g.IntN(4)]
	for range 4 + g.IntN(16) {
		a := Action{Wait: g.upTo(pause), Verb: g.verbs[g.IntN(len(g.verbs))]}
		if !g.fill(&a) {
			continue
		}
		g.do(a)
	}
}

// fill chooses what an action of its verb needs; false if there is nothing to be done.
func (g *generator) fill(a *Action) bool {
	word := func(words ...string) string { return words[g.IntN(len(words))] }
	a.A = g.IntN(len(g.sc.Nodes))
	switch a.Verb {
	case "edit":
		for g.sc.Nodes[a.A].Role != Author {
			a.A = g.IntN(len(g.sc.Nodes))
		}
		if a.B = min(1+g.IntN(g.bursts), g.edits); a.B <= 0 {
			return false
		}
		g.edits -= a.B
		if a.B > 2 && g.IntN(3) == 0 {
			a.Verb, a.For = "flood", g.upTo(200*time.Millisecond)
		}
	case "crash":
		a.Name = word("kill", "power", "before", "after", "last")
		g.do(*a)
		if a.Name == "kill" || a.Name == "power" {
			*a = Action{Wait: g.upTo(10 * time.Second), Verb: "start", A: a.A}
		} else {
			*a = Action{Wait: g.upTo(time.Second), Verb: "edit", A: a.A, B: 1}
		}
		return true
	case "fail":
		a.Name = word("none", "all")
	case "restore":
		a.Name = word("moved", "inplace", "moved", "inplace", "all")
		g.do(*a)
		g.do(Action{Wait: g.upTo(10 * time.Second), Verb: "start", A: a.A})
		*a = Action{Wait: g.upTo(time.Second), Verb: "edit", A: a.A, B: 1}
	case "cut", "lose":
		a.B = 1 + g.IntN(10)
		if a.Verb == "lose" && slices.Contains(g.verbs, "restore") {
			// An own change that nobody was sent is lost, another takes its place, and a backup brings the first one back: the
			// user has made two copies, and no guard can know.
			return false
		}
		g.do(*a)
		g.do(Action{Wait: g.upTo(10 * time.Second), Verb: "start", A: a.A})
		*a = Action{Wait: g.upTo(time.Second), Verb: "edit", A: a.A, B: 1}
	case "freeze":
		a.For = g.upTo(40 * time.Second)
	case "jump":
		a.For = g.upTo(2 * time.Hour)
	case "wall":
		a.For = g.upTo(100*time.Hour) - 50*time.Hour
	case "break", "stall", "double":
		a.A = g.IntN(len(g.sc.Links))
		a.Name = word("both", "from", "to")
		a.For = g.upTo(100 * time.Second)
	case "split":
		a.A = 1 + g.IntN(1<<len(g.sc.Nodes)-1)
		a.For = g.upTo(150 * time.Second)
	case "attack":
		a.Name = word(g.attacks...)
	}
	return true
}
