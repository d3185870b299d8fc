package sim

import "testing"

// TestShipped: every scenario within the program comes to what it expects.
func TestShipped(t *testing.T) {
	for _, name := range Shipped() {
		t.Run(name, func(t *testing.T) {
			sc, err := Load(name)
			if err != nil {
				t.Fatal(err)
			}
			r := play(t, sc)
			rep := r.Report()
			if !rep.OK || len(rep.Expect) == 0 || sc.About == "" {
				t.Errorf("%q: %+v", sc.About, rep.Expect)
			}
			t.Logf("%+v", rep.Expect)
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
