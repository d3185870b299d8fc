package sim

import (
	"testing"

	"github.com/tallystick/tallystick/oracle"
)

// TestShipped: every scenario within the program comes to what it expects.
func TestShipped(t *testing.T) {
	for _, name := range Shipped() {
		t.Run(name, func(t *testing.T) {
			if name == "thirty-one" && testing.Short() {
				t.Skip("it takes seconds")
			}
			sc, err := Load(name)
			if err != nil {
				t.Fatal(err)
			}
			r := play(t, sc)
			rep := r.Report()
			if !rep.OK || len(rep.Expect) == 0 || sc.About == "" {
				t.Errorf("%q: %+v", sc.About, rep.Expect)
			}
			p := rep.Pairs[0]
			ancestor := p.ByStrategy[oracle.MeanIQR.String()]
			t.Logf("rms %d ppm, at most %d; the ancestor's rule rms %d, at most %d; %+v", p.RMSPPM, p.MaxPPM, ancestor.RMSPPM, ancestor.MaxPPM, rep.Expect)
			if name == example && ancestor.RMSPPM < 34_800 {
				t.Errorf("the ancestor's rule: rms %d ppm", ancestor.RMSPPM)
			}
		})
	}
}

// play plays a scenario to its end.
func play(t testing.TB, sc Scenario) *Run {
	t.Helper()
	r, err := New(sc)
	if err != nil {
		t.Fatal(err)
	}
	for r.Step() {
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return r
}
