package sim

import (
	"bytes"
	"encoding/json"
	"testing"
)

// The success criteria of docs/oracle.md §6.

func load(t testing.TB, name string) Scenario {
	t.Helper()
	sc, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// lied is two of seven that lie in a way, in a whole network.
func lied(t testing.TB, k Kind, collude bool) Scenario {
	sc := load(t, "two-of-seven")
	sc.Name, sc.Events, sc.DurationMS = string(k), nil, 16_000
	sc.Network = Network{LatencyMS: 40, JitterMS: 20, Bandwidth: 1_000_000, Topology: Relays, Relays: 1}
	sc.Policy.VoteK = 3
	sc.Expect = Expect{MaxErrorPPM: -1, MaxRMSPPM: -1, InsufficientMin: -1}
	lie := &Byzantine{Kind: k, Collude: collude, Of: -1}
	if k == Flood {
		lie.Times = 20
	}
	sc.Oracles[1] = Group{Count: 2, Noise: Noise{Kind: Uniform, PPM: 10_000}, ReliabilityPPM: million, Byzantine: lie}
	return sc
}

// TestKinds: with two of seven that lie, in every way and at one moment, every price of every honest replica lies between honest votes,
// and what the lie is shows where the log can show it.
func TestKinds(t *testing.T) {
	shows := map[Kind]string{
		Plus: "outlier", Minus: "outlier", Alternate: "outlier", Flood: "flood", ClockForward: "stale", Early: "clock", Late: "clock",
		ClockBack: "stale", Equivocate: "equivocation", Silent: "stale", Withhold: "outlier", Malformed: "void",
	}
	for _, k := range Kinds() {
		t.Run(string(k), func(t *testing.T) {
			r := play(t, lied(t, k, true))
			rep := r.Report()
			p := rep.Pairs[0]
			if p.OutsideHonest != 0 || r.pairs[0].judged < 70 || rep.Agreement.Mismatches != 0 || rep.Agreement.EqualHeadsChecks < 30 {
				t.Errorf("%d of %d prices outside of honest votes, %+v", p.OutsideHonest, r.pairs[0].judged, rep.Agreement)
			}
			for i, o := range rep.Oracles {
				if (k == Equivocate && i >= 5) != o.Convicted {
					t.Errorf("oracle %d, %s: convicted %v", i, o.Kind, o.Convicted)
				}
				if i < 5 && o.Void+o.Early+o.Late > 0 {
					t.Errorf("honest oracle %d: %+v", i, o)
				}
				if want := shows[k]; i >= 5 && want != "" && !containsWord(o.Findings, want) {
					t.Errorf("oracle %d lies by %s: found %v, want %s; %+v", i, k, o.Findings, want, o)
				}
			}
			if !r.convicts(map[bool][]int64{true: {5, 6}}[k == Equivocate]) {
				t.Errorf("convicted: %v", r.convicted())
			}
		})
	}
}

func containsWord(words []string, w string) bool {
	for _, x := range words {
		if x == w {
			return true
		}
	}
	return false
}

// TestLiesThatChangeNothing: a flood counts as one lie, and a forged clock as silence: the prices are the same, one by one. The
// ancestor's rule is off by 20 % and 12 % there.
func TestLiesThatChangeNothing(t *testing.T) {
	prices := func(k Kind) []int64 {
		sc := lied(t, k, true)
		sc.Network.JitterMS = 0
		var all []int64
		for _, p := range play(t, sc).Frame().Pairs[0].Series {
			all = append(all, p.Price)
		}
		return all
	}
	for _, c := range []struct{ lie, as Kind }{{Flood, Plus}, {ClockForward, Silent}, {ClockBack, Silent}} {
		got, want := prices(c.lie), prices(c.as)
		for i := range want {
			if got[i] != want[i] || want[i] == 0 {
				t.Errorf("%s, slot %d: %d, and by %s %d", c.lie, i, got[i], c.as, want[i])
				break
			}
		}
	}
}

// TestDeterministic: a file and a seed make one report and one stream; another seed makes others.
func TestDeterministic(t *testing.T) {
	run := func(seed uint64) []byte {
		sc := load(t, "two-of-seven")
		sc.Seed, sc.DurationMS = seed, 12_000
		sc.Events = sc.Events[:1]
		sc.Oracles[1].Byzantine = &Byzantine{Kind: Equivocate, PPM: 200_000, StartMS: 5000, Of: -1}
		r, err := New(sc)
		if err != nil {
			t.Fatal(err)
		}
		var out []any
		for r.Step() {
			out = append(out, r.Slot(), r.Frame())
		}
		b, err := json.Marshal(append(out, r.Report()))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	a, b, other := run(7), run(7), run(8)
	if !bytes.Equal(a, b) {
		t.Error("one seed made two reports")
	}
	if bytes.Equal(a, other) {
		t.Error("two seeds made one report")
	}
}

// TestRecorded: what is done by hand plays again to the same bytes, also from its file.
func TestRecorded(t *testing.T) {
	sc := load(t, "two-of-seven")
	sc.DurationMS = 16_000
	sc.Events = []Event{{AtMS: 3000, Kind: EventCrash, Node: 1}, {AtMS: 5000, Kind: EventRestart, Node: 1}, {AtMS: 9500, Kind: EventStrategy, Node: -1, Strategy: "fenced"}}
	r, err := New(sc)
	if err != nil {
		t.Fatal(err)
	}
	do := map[int64][]Event{
		0: {{Kind: EventByzantine, Node: 4, Byzantine: &Byzantine{Kind: Equivocate, Of: -1}}},
		3: {{Kind: EventPartition, Groups: [][]int64{{0, 1, 2}, {3, 4, 5, 6}}}, {Kind: EventCrash, Node: 0}},
		5: {{Kind: EventHeal}, {Kind: EventHonest, Node: 5}},
		6: {{Kind: EventRestart, Node: 0}, {Kind: EventByzantine, Node: 0, Byzantine: &Byzantine{Kind: Withhold, MS: 1500, Of: -1}}},
		9: {{Kind: EventHonest, Node: 0}, {Kind: EventHonest, Node: 4}},
	}
	for more := true; more; more = r.Step() {
		for _, e := range do[r.slot] {
			if err := r.Do(e); err != nil {
				t.Fatalf("%+v: %v", e, err)
			}
		}
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	want, err := json.Marshal([]any{r.Report(), r.Frame()})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("recorded.json", r.Recorded().JSON())
	if err != nil {
		t.Fatal(err)
	}
	r = play(t, again)
	got, err := json.Marshal([]any{r.Report(), r.Frame()})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("played again:\n%s\nwant\n%s", got, want)
	}
	if err := r.Do(Event{Kind: EventHeal}); err != ErrEnded {
		t.Errorf("after the end: %v", err)
	}
}
