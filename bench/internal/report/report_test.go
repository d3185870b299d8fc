package report

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/bench/internal/stat"
)

func TestVerdict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		samples []float64
		budgets []Budget
		want    Verdict
	}{
		{"no budget", []float64{1}, nil, Unheld},
		{"at the limit", []float64{5}, []Budget{AtMost("p50", 5)}, Met},
		{"above", []float64{5.1}, []Budget{AtMost("p50", 5)}, Missed},
		{"twice", []float64{10}, []Budget{AtMost("p50", 5)}, Failed},
		{"above zero", []float64{1}, []Budget{AtMost("p50", 0)}, Failed},
		{"rate at the limit", []float64{5}, []Budget{AtLeast("p50", 5)}, Met},
		{"rate below", []float64{4}, []Budget{AtLeast("p50", 5)}, Missed},
		{"half the rate", []float64{2.5}, []Budget{AtLeast("p50", 5)}, Failed},
		{"worst counts, last", []float64{1, 1, 9}, []Budget{AtMost("p50", 2), AtMost("p95", 5)}, Missed},
		{"worst counts, first", []float64{9, 9, 9}, []Budget{AtMost("p50", 2), AtMost("p95", 10)}, Failed},
		{"nothing measured", nil, []Budget{AtMost("p50", 5)}, Failed},
	} {
		f := Figure{Summary: stat.Of(c.samples), Budgets: c.budgets}
		if got := f.Verdict(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{
		0: "0", 0.00004: "0", 0.03: "0.03", 0.5: "0.5", 1: "1", 1.257: "1.26", 12.34: "12.3", 99.96: "100", 100.4: "100",
		1234.5: "1,234", 1e6: "1,000,000", -1234: "-1,234",
	} {
		if got := Number(v); got != want {
			t.Errorf("Number(%v): got %q, want %q", v, got, want)
		}
	}
	if got := Number(math.NaN()); got != "none" {
		t.Errorf("Number(NaN): got %q, want none", got)
	}
}

func figures() []Figure {
	return []Figure{
		{Work: "screen", Case: "100,000 rows", Name: "first paint", Unit: "ms", Summary: stat.Of([]float64{20, 30, 90}), Budgets: []Budget{AtMost("p95", 40)}},
		{Work: "screen", Name: "idle bytes", Unit: "B", Summary: Single(0), Budgets: []Budget{AtMost("p50", 0)}},
		{Work: "relay", Name: "echo", Unit: "/s", Summary: Single(5000), Reference: 10000, Better: "more", Note: "checked"},
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	last := map[string]float64{"screen/first paint, 100,000 rows": 25}
	for _, c := range []struct {
		format Format
		want   string
	}{
		{Text, `== screen
figure                     median  p95  p99  unit  runs  budget                last
first paint, 100,000 rows      30   90   90  ms       3  p95 <= 40  MISSED 2x    25
idle bytes                      0            B        1  <= 0       met

== relay
figure  median  unit  runs   plain  ratio  note
echo     5,000  /s       1  10,000    0.5  checked
`},
		{Markdown, `| figure | median | p95 | p99 | unit | runs | budget |  | last |
| --- | ---: | ---: | ---: | --- | ---: | --- | --- | ---: |
| first paint, 100,000 rows | 30 | 90 | 90 | ms | 3 | p95 <= 40 | MISSED 2x | 25 |
| idle bytes | 0 |  |  | B | 1 | <= 0 | met |  |

| figure | median | unit | runs | plain | ratio | note |
| --- | ---: | --- | ---: | ---: | ---: | --- |
| echo | 5,000 | /s | 1 | 10,000 | 0.5 | checked |
`},
		{JSON, `{"work":"screen","case":"100,000 rows","figure":"first paint","unit":"ms","runs":3,"median":30,"p95":90,"p99":90,"min":20,"max":90,"budget":[{"of":"p95","at_most":40}],"verdict":"MISSED 2x"}
{"work":"screen","figure":"idle bytes","unit":"B","runs":1,"median":0,"budget":[{"of":"p50","at_most":0}],"verdict":"met"}
{"work":"relay","figure":"echo","unit":"/s","runs":1,"median":5000,"plain":10000,"ratio":0.5,"note":"checked"}
`},
	} {
		var b strings.Builder
		if err := Write(&b, c.format, figures(), last); err != nil {
			t.Fatal(err)
		}
		if b.String() != c.want {
			t.Errorf("format %d: got\n%q\nwant\n%q", c.format, b.String(), c.want)
		}
	}
}

func TestWriteMissed(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := WriteMissed(&b, figures()); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "MISSED 2x: screen first paint, 100,000 rows: p95 90 ms, budget <= 40\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLast(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "folder", "last.jsonl")
	if last, err := ReadLast(path); err != nil || last != nil {
		t.Fatalf("without a file: got %v, %v", last, err)
	}
	if err := SaveLast(path, figures()); err != nil {
		t.Fatal(err)
	}
	// A run of one work keeps what another left.
	if err := SaveLast(path, []Figure{{Work: "relay", Name: "fan-out", Unit: "/s", Summary: Single(7)}}); err != nil {
		t.Fatal(err)
	}
	last, err := ReadLast(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"screen/first paint, 100,000 rows": 30, "screen/idle bytes": 0, "relay/fan-out": 7}
	if len(last) != len(want) {
		t.Errorf("got %v, want %v", last, want)
	}
	for k, v := range want {
		if last[k] != v {
			t.Errorf("%s: got %v, want %v", k, last[k], v)
		}
	}
}
