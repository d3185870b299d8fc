package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/tallystick/tallystick/oracle"
)

// Random makes the scenario of a seed: 4 to 10 oracles of which at most f ever lie, in any ways and at any times, any topology, faults
// of the network, partitions, crashes, restored disks, any policy. Whatever happens, replicas at equal heads have to say the same, and every
// price has to lie between honest votes: so it expects, and nothing else that could be expected of all. "Swarm testing" (Groce et
// al., 2012): each seed leaves out some of what may happen, so that what that hides is seen too.
func Random(seed uint64) Scenario {
	r := rand.New(rand.NewPCG(seed, 31))
	sc := Scenario{
		V: 1, Name: fmt.Sprint("random ", seed), Seed: seed, IntervalMS: 1000, DurationMS: 1000 * (8 + r.Int64N(9)),
		Expect: Expect{MaxErrorPPM: -1, MaxRMSPPM: -1, InsufficientMin: -1, DigestsEqual: true, InHonestRange: true},
	}
	setPolicy(r, &sc)
	for i := range 1 + r.IntN(2) {
		sc.Pairs = append(sc.Pairs, randomPair(r, i, sc.DurationMS))
	}
	n := int64(4 + r.IntN(7))
	liars := r.Int64N((n-1)/3 + 1)
	for i := range n {
		g := Group{
			Count: 1, ReliabilityPPM: million, Noise: Noise{Kind: pick(r, noiseKinds), PPM: r.Int64N(20_000)},
		}
		if r.IntN(4) == 0 {
			g.ReliabilityPPM = 500_000 + r.Int64N(500_000)
		}
		if r.IntN(3) == 0 {
			g.ClockMS = r.Int64N(2001) - 1000
		}
		if i >= n-liars {
			g.Byzantine = randomLie(r, &sc, n)
		}
		sc.Oracles = append(sc.Oracles, g)
	}
	randomNetwork(r, &sc)
	randomEvents(r, &sc, n, liars)
	return sc
}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

func setPolicy(r *rand.Rand, sc *Scenario) {
	p := &sc.Policy
	*p = Policy{
		Strategy: oracle.Median.String(), VoteK: 1 + r.Int64N(10), MaxAgeMS: 2000 + r.Int64N(9000), VoteSpanMS: 3000 + r.Int64N(9000),
		SkewMaxMS: r.Int64N(3000), LateMaxMS: 1000 + r.Int64N(5000), Fence: 3, FenceFloorPPM: 1000, WidePPM: 20_000, FloodMax: 1 + r.Int64N(20),
		DeviationPPM: 5000, HeartbeatMS: 60_000, HaltPPM: 100_000, MaxGapMS: 30_000, CommitReveal: r.IntN(8) == 0, MinSources: 1,
	}
	if r.IntN(2) == 0 {
		clamped := slices.DeleteFunc(oracle.Strategies(), func(s oracle.Strategy) bool { return s == oracle.MeanIQR })
		p.Strategy = pick(r, clamped).String()
	}
}

func randomPair(r *rand.Rand, i int, duration int64) Pair {
	p := Pair{Pair: []string{"ETH/USD", "BTC/USD"}[i], Expo: -int64(r.IntN(9))}
	p.Truth = Truth{Kind: pick(r, []string{Walk, Jump, OU}), Start: "2500", StepPPM: r.Int64N(2000), Speed: 1}
	if p.Truth.Kind == Jump {
		p.Truth.JumpPPM, p.Truth.AtMS = r.Int64N(400_001)-200_000, r.Int64N(duration)
	}
	if p.Truth.Kind == OU {
		p.Truth.PullPPM = r.Int64N(200_000)
	}
	return p
}

func randomLie(r *rand.Rand, sc *Scenario, n int64) *Byzantine {
	b := &Byzantine{Kind: pick(r, Kinds()), Of: -1, Collude: r.IntN(3) == 0}
	if r.IntN(3) == 0 {
		b.StartMS = r.Int64N(sc.DurationMS)
	}
	if r.IntN(3) == 0 {
		b.EndMS = b.StartMS + 1 + r.Int64N(sc.DurationMS)
	}
	if r.IntN(4) == 0 {
		b.Pair = pick(r, sc.Pairs).Pair
	}
	if r.IntN(4) == 0 {
		b.Of = r.Int64N(n)
	}
	if r.IntN(4) == 0 {
		b.PPM = 1 + r.Int64N(900_000)
	}
	if r.IntN(4) == 0 {
		b.MS = r.Int64N(20_000)
	}
	if b.Kind == Flood {
		b.Times = 2 + r.Int64N(30)
	}
	return b
}

func randomNetwork(r *rand.Rand, sc *Scenario) {
	net := &sc.Network
	*net = Network{LatencyMS: r.Int64N(200), JitterMS: r.Int64N(100), Bandwidth: 1_000_000, Topology: pick(r, topologies)}
	for _, ppm := range []*int64{&net.LossPPM, &net.DuplicatePPM, &net.ReorderPPM} {
		if r.IntN(2) == 0 {
			*ppm = r.Int64N(100_000)
		}
	}
	if r.IntN(4) == 0 {
		net.Bandwidth = 20_000 + r.Int64N(100_000)
	}
	if net.Topology == Relays {
		net.Relays, net.Withholding = 1+r.Int64N(2), r.Int64N(2)
	}
}

// randomEvents adds some. Who lies in an event, or gets an old disk, counts among those that may.
func randomEvents(r *rand.Rand, sc *Scenario, n, liars int64) {
	at := func() int64 { return r.Int64N(sc.DurationMS + 1) }
	add := func(e Event) {
		if !slices.Contains(eventFields[e.Kind], "node") {
			e.Node = -1
		}
		sc.Events = append(sc.Events, e)
	}
	if r.IntN(2) == 0 {
		for range 1 + r.IntN(2) {
			groups := make([][]int64, 2+r.IntN(2))
			for i := range n + sc.Network.Relays + sc.Network.Withholding {
				g := r.IntN(len(groups))
				groups[g] = append(groups[g], i)
			}
			add(Event{AtMS: at(), Kind: EventPartition, Groups: slices.DeleteFunc(groups, func(g []int64) bool { return len(g) == 0 })})
			add(Event{AtMS: at(), Kind: EventHeal})
		}
	}
	if r.IntN(2) == 0 {
		for range 1 + r.IntN(3) {
			node := r.Int64N(n)
			add(Event{AtMS: at(), Kind: EventCrash, Node: node})
			add(Event{AtMS: at(), Kind: EventRestart, Node: node})
		}
	}
	if liars < (n-1)/3 && r.IntN(2) == 0 {
		node := r.Int64N(n - liars)
		if r.IntN(2) == 0 {
			from := at()
			add(Event{AtMS: min(from+1+r.Int64N(5000), sc.DurationMS+1), Kind: EventRestore, Node: node, FromMS: from})
			if last := &sc.Events[len(sc.Events)-1]; last.AtMS > sc.DurationMS {
				last.AtMS, last.FromMS = sc.DurationMS, sc.DurationMS-1
			}
		} else {
			lie := randomLie(r, sc, n)
			lie.StartMS, lie.EndMS = 0, 0
			add(Event{AtMS: at(), Kind: EventByzantine, Node: node, Byzantine: lie})
			if r.IntN(2) == 0 {
				add(Event{AtMS: at(), Kind: EventHonest, Node: node})
			}
		}
	}
	if r.IntN(4) == 0 {
		add(Event{AtMS: at(), Kind: EventStrategy, Strategy: pick(r, []string{"fenced", "trimmed", "hodges", "three_vote", "weighted"})})
	}
	slices.SortStableFunc(sc.Events, func(a, b Event) int { return int(a.AtMS - b.AtMS) })
}
