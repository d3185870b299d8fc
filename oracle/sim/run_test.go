package sim

import "testing"

// TestTwoOfSeven: the specification's first scenario keeps to its figures.
func TestTwoOfSeven(t *testing.T) {
	sc, err := Load("two-of-seven")
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(sc)
	if err != nil {
		t.Fatal(err)
	}
	for r.Step() {
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	p := r.Frame().Pairs[0]
	if p.MaxPPM > 10_000 || p.RMSPPM > 3_000 || p.NaiveRMSPPM < 30_000 {
		t.Errorf("got max %d, rms %d ppm, the ancestor's rule %d; want at most 10000 and 3000, and more than 30000", p.MaxPPM, p.RMSPPM, p.NaiveRMSPPM)
	}
	if r.agree.mismatches > 0 || r.agree.heads == 0 || r.pairs[0].outside > 0 || r.pairs[0].judged == 0 {
		t.Errorf("%d of %d digests differ, %d of %d prices outside of honest votes", r.agree.mismatches, r.agree.heads, r.pairs[0].outside, r.pairs[0].judged)
	}
}
