package study

import (
	"os"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/oracle"
)

// The committed document is what the command makes.
func TestDocument(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/oracle-study.md")
	if err != nil {
		t.Fatal(err)
	}
	all, text := committees, string(doc)
	if testing.Short() { // the smaller committee, and so the lines before the other
		all = committees[:1]
		text, _, _ = strings.Cut(text, "\n\n## 31 oracles")
	}
	got := strings.Split(markdown(all), "\n")
	for i, want := range strings.Split(text, "\n") {
		if i >= len(got) || got[i] != want {
			t.Fatalf("line %d is %q: make it anew with %s", i+1, want, Command)
		}
	}
}

// TestClaims: what the document is there to show. While f lie, nothing that is clamped leaves the honest votes; the clamp is what keeps
// some of them there; the ancestor's rule lets its own attack in.
func TestClaims(t *testing.T) {
	t.Parallel()
	unclamped := map[oracle.Strategy]int{}
	for _, c := range committees {
		c.rounds /= 4
		if testing.Short() {
			c.rounds = 10
		}
		f := (c.n - 1) / 3
		for _, a := range attacks {
			for _, s := range oracle.Strategies() {
				r := c.against(s, a, f, true)
				if s != oracle.MeanIQR && (r.outside > 0 || r.max > noisePPM || r.rounds != c.rounds) {
					t.Errorf("%d oracles, %s against %v: outside %d times of %d, off by %d", c.n, a.name, s, r.outside, r.rounds, r.max)
				}
				unclamped[s] += c.against(s, a, f, false).outside
			}
		}
	}
	for s, want := range map[oracle.Strategy]bool{oracle.Median: false, oracle.Fenced: true, oracle.Trimmed: false, oracle.Hodges: true, oracle.MeanIQR: true} {
		if (unclamped[s] > 0) != want {
			t.Errorf("%v leaves the honest votes %d times without the clamp", s, unclamped[s])
		}
	}
	if r := committees[0].against(oracle.MeanIQR, attacks[4], 2, true); attacks[4].name != "collude" || r.rms() < 30_000 {
		t.Errorf("the ancestor's rule is off by %d ppm by its own attack, want some 3.5 %%", r.rms())
	}
	for _, c := range committees[:1] { // the document has the other
		if got, want := c.breaks(oracle.Median), (c.n+1)/2; got != want {
			t.Errorf("of %d oracles %d break the median, want %d", c.n, got, want)
		}
	}
}
