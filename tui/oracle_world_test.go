package tui

import (
	"fmt"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/sim"
)

// noise is a fixed walk between -1 and 1, the same on every machine.
func noise(i, j int) float64 {
	x := uint64(i*1_000_003+j*7_919+12_345) * 6_364_136_223_846_793_005
	return float64(x>>33)/float64(1<<30) - 1
}

// picture is a frame of n oracles of which the last liars say 20 % too much, after 42 rounds: what the golden pictures show. The
// simulator's own frames are in the tests of what keys do; they change with it, the pictures should not.
func picture(n, liars int) *sim.Frame {
	const unit = 100_000_000
	f := &sim.Frame{
		Name: "two of seven", AtMS: 42_000, DurationMS: 600_000, IntervalMS: 1000, Slot: 42, N: n, F: (n - 1) / 3, Agree: n - liars, Replicas: n - liars,
		Changes: 42 * n, Bytes: int64(42 * n * 210), PerSecond: float64(n),
	}
	p := sim.FramePair{Name: "ETH/USD", Expo: -8, Votes: n, Need: 2*f.F + 1, ErrorPPM: -1234, RMSPPM: 2101, MaxPPM: 9003, NaiveRMSPPM: 34_800, NaiveMaxPPM: 59_200}
	truth := 2500.0
	for i := range 42 {
		truth += noise(i, 1)
		price := truth + 3*noise(i, 2)
		p.Series = append(p.Series, sim.Point{
			AtMS: int64(i) * 1000, Truth: int64(truth * unit), Price: int64(price * unit), Low: int64((price - 9) * unit), High: int64((price + 8) * unit), Naive: int64(truth * 1.0348 * unit),
		})
	}
	last := p.Series[41]
	p.Truth, p.Price, p.Low, p.High, p.Naive = last.Truth, last.Price, last.Low, last.High, last.Naive
	p.Digest = [32]byte{0xd1, 0x6e, 0x57, 0x00}
	for i := range n {
		o := sim.FrameOracle{
			Name: fmt.Sprintf("o%d", i), Author: crdt.Author{byte(i), 0xa0}, Up: true, State: "voted", Votes: 42, ScorePPM: 640_000 + int64(i)*10_000,
			Price: p.Price + int64(12*noise(i, 3)*unit), Last: crdt.ChangeID{byte(i + 1), 0x1d},
		}
		if i >= n-liars {
			o.Kind, o.PPM, o.ScorePPM, o.Price = sim.Plus, 200_000, 131_000, p.Truth/10*12
		}
		o.GapPPM = (o.Price - p.Price) / (p.Price / 1_000_000)
		o.Said = []sim.FrameSaid{{State: o.State, Price: o.Price, GapPPM: o.GapPPM, Vote: o.Price}}
		f.Oracles = append(f.Oracles, o)
		for j := range i {
			f.Net.Links = append(f.Net.Links, sim.Link{A: j, B: i, Up: true})
		}
	}
	f.Net.LatencyMS, f.Net.JitterMS, f.Net.LossPPM, f.Net.Messages, f.Net.Lost = 50, 20, 10_000, 12_345, 120
	for i := range 9 {
		f.Findings = append(f.Findings, sim.FrameFinding{
			Seq: uint64(i + 1), AtMS: int64(i) * 3000, Kind: "outlier", Oracle: n - 1 - i%max(liars, 1), Text: "20 of 20 slots, mean 20.1 %", Change: crdt.ChangeID{byte(i), 0xf1},
		})
	}
	f.Pairs = []sim.FramePair{p}
	return f
}

// cutPicture is the same while the network is cut: no price, one crashed, one found out.
func cutPicture() *sim.Frame {
	f := picture(7, 2)
	p := &f.Pairs[0]
	p.Carried, p.CarriedAtMS, p.Price, p.Low, p.High, p.Status, p.Votes = p.Price, 36_000, 0, 0, 0, oracle.Insufficient, 4
	p.Sides = []sim.SidePrice{
		{Nodes: []int{0, 1, 2}, Status: oracle.Insufficient, Carried: p.Carried, CarriedAtMS: 34_000},
		{Nodes: []int{3, 4, 5, 6}, Status: oracle.Insufficient, Carried: p.Carried, CarriedAtMS: 36_000},
	}
	f.Net.Groups = [][]int{{0, 1, 2}, {3, 4, 5, 6}}
	for i, o := range f.Oracles {
		if i < 3 {
			o.State = "stale"
		}
		if i == 4 {
			o.Up, o.State = false, "silent"
		}
		if i == 6 {
			o.Convicted, o.State, o.Kind = true, "convicted", sim.Equivocate
		}
		o.Said = []sim.FrameSaid{{State: o.State, Price: o.Price, GapPPM: o.GapPPM, Vote: o.Price}}
		f.Oracles[i] = o
	}
	f.Findings = append(f.Findings, sim.FrameFinding{Seq: 10, AtMS: 31_000, Kind: "partition", Oracle: -1, Text: "o0-o2 | o3-o6"},
		sim.FrameFinding{Seq: 11, AtMS: 40_000, Kind: "equivocation", Oracle: 6, Text: "two changes after one", Change: crdt.ChangeID{9}})
	return f
}

// evilPicture has hostile texts and numbers wherever a scenario or a log may bring some.
func evilPicture() *sim.Frame {
	f := cutPicture()
	f.Name = evil[0] + evil[9]
	f.AtMS, f.Changes, f.Bytes, f.PerSecond = 1<<62, 1<<60, 1<<62, 1e18
	for i, s := range evil {
		o := f.Oracles[i%7]
		o.Name, o.Kind, o.Price, o.GapPPM, o.ScorePPM, o.PPM = s, sim.Kind(s), 1<<62, -1<<62, 1<<62, 1<<62
		o.State = "voted"
		o.Said = []sim.FrameSaid{{State: "voted", Price: 1 << 62, GapPPM: 1 << 62, Vote: 1 << 62}, {State: s, Price: -1 << 63, GapPPM: -1 << 63, Vote: -1 << 63}}
		f.Oracles = append(f.Oracles, o)
		f.Findings = append(f.Findings, sim.FrameFinding{Seq: uint64(100 + i), AtMS: -1 << 63, Kind: s, Text: s, Pair: s, Oracle: i * 5})
	}
	f.Net.Groups = append(f.Net.Groups, []int{-1, 1 << 20})
	p := f.Pairs[0]
	p.Name, p.Status, p.Price, p.Low, p.High, p.Truth, p.Naive = evil[5]+evil[6], oracle.Wide, 1<<62, 1, 1<<63-1, 1, 1<<63-1
	p.Expo, p.Digest = -18, [32]byte{0xff}
	p.Series = append(p.Series[:20:20], sim.Point{AtMS: 1 << 62, Price: 1 << 62, Low: 1, High: 1<<63 - 1, Truth: -1 << 62}, sim.Point{AtMS: -1 << 62, Price: 1})
	f.Pairs = append(f.Pairs, p, sim.FramePair{Expo: 0}, sim.FramePair{Name: evil[1], Expo: -400, Price: 1})
	return f
}

// oracleDriver shows a frame without a room and without a simulation behind it.
func oracleDriver(tb testing.TB, f *sim.Frame, width, height int, set ...func(*Options)) *driver {
	tb.Helper()
	set = append([]func(*Options){func(o *Options) {
		o.Open = nil
		o.Scenario = func() (sim.Scenario, error) { return sim.Scenario{}, fmt.Errorf("none here") }
	}}, set...)
	d := newDriver(tb, nil, width, height, set...)
	d.m.note, d.m.oracle.failed = note{}, d.m.cs.Text("", 0)
	d.m.oracle.take(f)
	return d
}
