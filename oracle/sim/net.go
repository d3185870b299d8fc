package sim

import (
	"crypto/ed25519"
	"math"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/sim"
)

// slots is how many messages wait at each end of a connection: as in a program.
const slots = 64

// linkSpec is every link's.
func (r *Run) linkSpec() sim.LinkSpec {
	n := r.sc.Network
	return sim.LinkSpec{
		Delay: time.Duration(n.LatencyMS) * time.Millisecond, Jitter: time.Duration(n.JitterMS) * time.Millisecond, Rate: int(n.Bandwidth), Slots: slots,
		LossPPM: int(n.LossPPM), DuplicatePPM: int(n.DuplicatePPM), ReorderPPM: int(n.ReorderPPM),
	}
}

// build makes the machines: oracles, relays, and behind each relay that withholds one for every oracle, which nobody else ever meets.
func (r *Run) build(charter crdt.Charter) error {
	n, net := int(r.sc.oracles()), r.sc.Network
	of := sim.Scenario{Seed: r.sc.Seed, Kind: crdt.Oracle}
	for _, g := range r.sc.Oracles {
		for range g.Count {
			of.Nodes = append(of.Nodes, sim.NodeSpec{Role: sim.Author, Key: len(of.Nodes), Skew: time.Duration(g.ClockMS) * time.Millisecond})
		}
	}
	link := func(a, b int) {
		l := r.linkSpec()
		l.From, l.To = a, b
		of.Links = append(of.Links, l)
	}
	var behind [][]int
	switch net.Topology {
	case Full:
		for a := range n {
			for b := range a {
				link(a, b)
			}
		}
	case Ring:
		for a := 1; a < n; a++ {
			link(a, a-1)
		}
		if n > 2 {
			link(0, n-1)
		}
	case Relays:
		for k := range net.Relays + net.Withholding {
			var machines []int
			for a := range n {
				if k < net.Relays && a > 0 {
					link(a, machines[0])
					continue
				}
				machines = append(machines, len(of.Nodes))
				of.Nodes = append(of.Nodes, sim.NodeSpec{Role: sim.Relay})
				link(a, machines[len(machines)-1])
			}
			behind = append(behind, machines)
		}
	}
	var err error
	r.net, err = sim.New(sim.Config{
		Scenario: of, Charter: &charter, Trusting: !r.checked(), MaxEvents: math.MaxInt,
		Key: func(k int) ed25519.PrivateKey { return r.keys[k] },
	})
	if err != nil {
		return err
	}
	for _, machines := range behind {
		var nodes []*sim.Node
		for _, m := range machines {
			nodes = append(nodes, r.net.Nodes()[m])
		}
		r.behind = append(r.behind, nodes)
	}
	return nil
}

// checkEverything has every run check what internal/sim checks of machines and network: for tests.
var checkEverything = false

func (r *Run) checked() bool { return checkEverything }

// partition stalls everything between groups.
func (r *Run) partition(groups [][]int64) {
	r.endPartition()
	side := make([]int, len(r.net.Nodes()))
	of := make(map[int64]int)
	for g, group := range groups {
		for _, k := range group {
			of[k] = g
		}
	}
	for i, p := range r.players {
		side[p.node.ID()] = of[int64(i)]
		if p.twin != nil {
			side[p.twin.ID()] = of[int64(i)]
		}
	}
	for k, machines := range r.behind {
		for _, m := range machines {
			side[m.ID()] = of[int64(len(r.players)+k)]
		}
	}
	r.net.Divide(side)
	r.groups, r.divided, r.healed = groups, r.net.Elapsed(), nil
	r.counters.partitions++
}

func (r *Run) heal() {
	if r.groups == nil {
		return
	}
	r.endPartition()
	r.net.Heal()
	r.watchFrom()
}

func (r *Run) endPartition() {
	if r.groups != nil {
		r.counters.partitionMS += (r.net.Elapsed() - r.divided).Milliseconds()
		r.groups = nil
	}
}

// healingStep is how often a healing is looked at.
const healingStep = 10 * time.Millisecond

// A healing is what honest replicas lacked when a partition ended.
type healing struct {
	at    time.Duration
	lacks [][]crdt.ChangeID // by player
}

// watchFrom notes what each honest replica lacks of what another has.
func (r *Run) watchFrom() {
	all := make(map[crdt.ChangeID]bool)
	var order []crdt.ChangeID
	for _, p := range r.players {
		if !p.honest() || !p.up() {
			continue
		}
		rep := p.node.Core().Replica()
		for i := range rep.Len() {
			if id := rep.ID(i); !all[id] {
				all[id] = true
				order = append(order, id)
			}
		}
	}
	r.healed = &healing{at: r.net.Elapsed(), lacks: make([][]crdt.ChangeID, len(r.players))}
	for i, p := range r.players {
		if p.honest() && p.up() {
			r.healed.lacks[i] = order
		}
	}
	r.watchHealing()
}

// watchHealing looks whether all have it.
func (r *Run) watchHealing() {
	h := r.healed
	if h == nil {
		return
	}
	left := false
	for i, p := range r.players {
		if !p.up() || !p.honest() {
			h.lacks[i] = nil
			continue
		}
		rep := p.node.Core().Replica()
		for len(h.lacks[i]) > 0 {
			if _, ok := rep.Index(h.lacks[i][0]); !ok {
				left = true
				break
			}
			h.lacks[i] = h.lacks[i][1:]
		}
	}
	if !left {
		r.agree.converged = append(r.agree.converged, (r.net.Elapsed() - h.at).Milliseconds())
		r.healed = nil
	}
}

// settle lets the network go on after the last slot, until all honest replicas that can meet are equal.
func (r *Run) settle() {
	end := r.elapsedMS() + maxSettleMS
	for _, p := range r.players {
		p.release()
	}
	for {
		if r.settled() {
			r.agree.settledMS = r.elapsedMS()
			break
		}
		if r.elapsedMS() >= end || r.groups != nil || r.Err() != nil {
			r.agree.settledMS = -1
			break
		}
		r.until(r.elapsedMS() + healingStep.Milliseconds())
	}
	if r.healed != nil {
		r.agree.converged = append(r.agree.converged, math.MaxInt64)
	}
	r.endPartition()
	r.look()
}

func (r *Run) settled() bool {
	var first *player
	for _, p := range r.players {
		if !p.honest() || !p.up() {
			continue
		}
		if first == nil {
			first = p
		} else if p.node.Core().Replica().LogDigest() != first.node.Core().Replica().LogDigest() {
			return false
		}
	}
	return r.healed == nil
}
