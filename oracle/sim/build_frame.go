package sim

import (
	"slices"

	"github.com/tallystick/tallystick/oracle"
)

// Frame is what is to be seen now. O(oracles · pairs + links), and what the log has not yet judged.
func (r *Run) Frame() *Frame {
	f := &Frame{
		Name: r.sc.Name, About: r.sc.About, Seed: r.sc.Seed, AtMS: r.elapsedMS(), DurationMS: r.sc.DurationMS, IntervalMS: r.sc.IntervalMS,
		Slot: r.slot, Ended: r.slot >= r.slots(), N: len(r.players), F: r.terms.F(), Strategy: r.strategy,
		Agree: r.agree.equal, Replicas: r.agree.of, Findings: r.tell.last(), Viewer: -1,
	}
	v := r.viewer()
	var standings []oracle.Standing
	votes := make([][]oracle.Vote, len(r.pairs))
	if v != nil {
		f.Viewer, f.Changes, f.Bytes = v.i, v.log.Changes(), v.node.DiskBytes()
		standings = v.log.Oracles()
		if v.watch == nil {
			v.watch = newEyes(r)
		}
		v.watch.look(v.node)
		accepted := 0
		for _, s := range standings {
			accepted += s.Accepted
		}
		if f.AtMS > 0 {
			f.PerSecond = float64(accepted) * 1000 / float64(f.AtMS)
		}
		for i := range r.pairs {
			votes[i] = v.log.Votes(r.sc.Pairs[i].Pair, -1)
		}
	}
	for i := range r.pairs {
		f.Pairs = append(f.Pairs, r.framePair(i, v))
	}
	for i, p := range r.players {
		o := FrameOracle{Name: p.name, Author: r.terms.Oracles[i], Up: p.up(), State: oracle.Silent.String()}
		if p.lie != nil {
			o.Kind, o.PPM = p.lie.Kind, p.lie.PPM
		}
		if v != nil {
			o.ScorePPM, o.Flags, o.Convicted = standings[i].Least, standings[i].Flags, standings[i].Convicted
			o.Last = v.watch.last[i]
			for k := range r.pairs {
				vote := votes[k][i]
				said := FrameSaid{State: vote.State.String(), Vote: vote.Value, Price: v.watch.newest(k, i)}
				if p := f.Pairs[k].reference(); p > 0 && said.Price > 0 {
					said.GapPPM = gap(said.Price, p)
				}
				o.Said = append(o.Said, said)
			}
			o.State, o.Price, o.GapPPM, o.Vote = o.Said[0].State, o.Said[0].Price, o.Said[0].GapPPM, votes[0][i].Value
			o.Votes = p.voted
		}
		f.Oracles = append(f.Oracles, o)
	}
	f.Net = r.frameNet()
	return f
}

// reference is the price that others are compared with: the newest.
func (p *FramePair) reference() int64 {
	if p.Price > 0 {
		return p.Price
	}
	return p.Carried
}

func (r *Run) framePair(i int, v *player) FramePair {
	sc, st := r.sc.Pairs[i], &r.pairs[i]
	p := FramePair{
		Name: sc.Pair, Expo: int(sc.Expo), Status: oracle.Insufficient, Need: r.terms.Quorum(),
		ErrorPPM: st.newest, RMSPPM: st.errors.rms(), MaxPPM: st.errors.most, Series: st.last(),
	}
	if n := len(st.series); n > 0 {
		p.Truth, p.Naive = st.series[n-1].Truth, st.series[n-1].Naive
	} else {
		p.Truth = r.markets[i].at(0)
	}
	if k := slices.Index(r.compare, oracle.MeanIQR); k >= 0 {
		p.NaiveRMSPPM, p.NaiveMaxPPM = st.by[k].rms(), st.by[k].most
	}
	if v == nil {
		return p
	}
	s := &v.view[i]
	p.Status, p.Votes, p.Digest, p.Need = s.price.Status, s.price.Votes, s.price.Digest, 2*s.price.F+1
	if s.fresh {
		p.Price, p.Low, p.High = s.price.Price, s.price.Low, s.price.High
	}
	p.Carried, p.CarriedAtMS = s.carried, s.carriedMS
	for _, group := range r.groups {
		side := SidePrice{Status: oracle.Insufficient}
		asked := false
		for _, k := range group {
			side.Nodes = append(side.Nodes, int(k))
			if k >= int64(len(r.players)) {
				continue
			}
			if o := r.players[k]; !asked && o.honest() && o.up() && o.log != nil {
				asked = true
				s := &o.view[i]
				side.Status, side.Carried, side.CarriedAtMS = s.price.Status, s.carried, s.carriedMS
				if s.fresh {
					side.Price = s.price.Price
				}
			}
		}
		p.Sides = append(p.Sides, side)
	}
	return p
}

func (r *Run) frameNet() FrameNet {
	n, stats := r.sc.Network, r.net.Stats()
	net := FrameNet{
		Relays: len(r.behind), LatencyMS: n.LatencyMS, JitterMS: n.JitterMS, LossPPM: n.LossPPM,
		Messages: stats.Messages, Bytes: stats.Bytes, Lost: stats.Lost,
	}
	for _, group := range r.groups {
		var nodes []int
		for _, k := range group {
			nodes = append(nodes, int(k))
		}
		net.Groups = append(net.Groups, nodes)
	}
	number := make(map[int]int) // of machines
	for i, p := range r.players {
		number[p.node.ID()] = i
		if p.twin != nil {
			number[p.twin.ID()] = i
		}
	}
	for k, machines := range r.behind {
		for _, m := range machines {
			number[m.ID()] = len(r.players) + k
		}
	}
	for _, l := range r.net.Lines() {
		a, okA := number[l.From]
		b, okB := number[l.To]
		if okA && okB {
			net.Links = append(net.Links, Link{A: a, B: b, Up: l.Up, LossPPM: n.LossPPM})
		}
	}
	return net
}
