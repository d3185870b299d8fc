package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallystick/tallystick/bench/internal/job"
	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/bench/internal/trace"
	"github.com/tallystick/tallystick/bench/peers"
)

// tinyTraces has a trace of each format.
const tinyTraces = "internal/trace/testdata"

func runCRDT(t *testing.T, o crdtFlags) (*run, error) {
	t.Helper()
	r := &run{dir: t.TempDir(), diag: io.Discard}
	if o.runs == 0 {
		o.runs, o.limit = 2, time.Minute
	}
	return r, r.crdt(context.Background(), o)
}

// TestCRDT: both formats run through every work of ours, and the lines have the keys that are promised.
func TestCRDT(t *testing.T) {
	t.Parallel()
	var works []string
	for _, w := range crdtWorks {
		if w.ours != "edit" { // go test would run within go test
			works = append(works, w.ours)
		}
	}
	r, err := runCRDT(t, crdtFlags{traces: tinyTraces, trace: "greeting", works: strings.Join(works, ",")})
	if err != nil {
		t.Fatal(err)
	}
	live, err := runCRDT(t, crdtFlags{traces: tinyTraces, trace: "two", works: strings.Join(works, ",")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range append(r.lines, live.lines...) {
		b, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		keys := slices.Sorted(maps.Keys(m))
		if want := []string{"bytes", "heap_bytes", "lib", "median_ms", "runs", "trace", "work"}; !slices.Equal(keys, want) {
			t.Errorf("keys %v, want %v", keys, want)
		}
		line := l.(crdtLine)
		got = append(got, line.Work+" "+line.Trace)
		memory := line.Work == memoryWork
		if line.Lib != ours || (line.Median == nil) != memory || (line.Heap != nil) != memory || (line.Runs == 2) == memory {
			t.Errorf("got %s", b)
		}
	}
	for _, w := range crdtWorks {
		name := map[trace.Kind]string{trace.Text: "greeting", trace.Live: "two"}[w.kind]
		if has := slices.Contains(got, w.ours+" "+name); has != (name != "" && w.ours != "edit") {
			t.Errorf("work %s of %q: measured %v", w.ours, name, has)
		}
	}
	var text strings.Builder
	if err := report.Write(&text, report.Text, r.figures, nil); err != nil || !strings.Contains(text.String(), "make, runs of 256: bytes, greeting") {
		t.Errorf("%v, got\n%s", err, text.String())
	}
}

func TestCRDTRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("otherend.json", `{"endContent":"b","txns":[{"patches":[[0,0,"a"]]}]}`)
	write("damaged.json", `{"endContent":"b","txns":`)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte(`{"endContent":"a","txns":[{"patches":[[0,0,"a"]]}]}`)) // a Buffer takes everything
	_ = w.Close()
	write("short.json.gz", packed.String()[:packed.Len()-3])
	write("beyond.json", `{"kind":"concurrent","endContent":"a","numAgents":1,"txns":[{"parents":[],"agent":0,"patches":[[5,0,"a"]]}]}`)
	for name, c := range map[string]struct {
		flags crdtFlags
		want  error // may be nil
		said  string
	}{
		"no folder":     {crdtFlags{}, nil, "-traces DIR is missing"},
		"not there":     {crdtFlags{traces: filepath.Join(dir, "none")}, os.ErrNotExist, "none"},
		"empty":         {crdtFlags{traces: t.TempDir()}, trace.ErrNoTrace, "no .json"},
		"unknown trace": {crdtFlags{traces: tinyTraces, trace: "novel"}, trace.ErrNoTrace, "greeting, two"},
		"unknown work":  {crdtFlags{traces: tinyTraces, works: "make,cook"}, nil, `"cook"`},
		"no runs":       {crdtFlags{traces: tinyTraces, runs: -1, limit: 1}, nil, "-runs"},
		"no time":       {crdtFlags{traces: tinyTraces, runs: 1}, nil, "-limit"},
		"another end":   {crdtFlags{traces: dir, trace: "otherend"}, trace.ErrOtherEnd, "otherend"},
		"damaged":       {crdtFlags{traces: dir, trace: "damaged"}, trace.ErrDamaged, "damaged"},
		"damaged gzip":  {crdtFlags{traces: dir, trace: "short"}, trace.ErrDamaged, "short"},
		"one of all":    {crdtFlags{traces: dir}, trace.ErrDamaged, "damaged"},
		"beyond":        {crdtFlags{traces: dir, trace: "beyond", works: "merge"}, job.ErrFailed, "index out of range"},
	} {
		r, err := runCRDT(t, c.flags)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.said) {
			t.Errorf("%s: got %v, want %v with %q", name, err, c.want, c.said)
		}
		if len(r.figures) > 0 || len(r.lines) > 0 {
			t.Errorf("%s: measured %v", name, r.lines)
		}
	}
}

// TestCRDTNotInTime: what does not end in time is told as that.
func TestCRDTNotInTime(t *testing.T) {
	t.Parallel()
	r, err := runCRDT(t, crdtFlags{trace: "transactions", works: "append", runs: 1, limit: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	l := r.lines[0].(crdtLine)
	if l.Median != nil || l.Runs != 0 || r.figures[0].Note != "> 0 s" || r.figures[0].Verdict() != report.Failed {
		t.Errorf("got %+v, %+v", l, r.figures[0])
	}
}

// TestPeers runs every library on the tiny traces. It fetches their packages, so it runs only when it is asked for.
func TestPeers(t *testing.T) {
	if os.Getenv("TALLYSTICK_BENCH_PEERS") == "" {
		t.Skip("TALLYSTICK_BENCH_PEERS is not set")
	}
	for name, kind := range map[string]trace.Kind{"greeting": trace.Text, "two": trace.Live} {
		var works []string
		for _, w := range crdtWorks {
			if w.kind == kind && w.ours != "edit" {
				works = append(works, w.ours)
			}
		}
		r, err := runCRDT(t, crdtFlags{traces: tinyTraces, trace: name, works: strings.Join(works, ","), peers: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, lib := range peers.Libs() {
			if !slices.ContainsFunc(r.lines, func(l any) bool { return l.(crdtLine).Lib == lib.Name && l.(crdtLine).Runs > 0 }) {
				t.Errorf("%s: nothing of %s", name, lib.Name)
			}
		}
	}
}

func TestBesideCell(t *testing.T) {
	t.Parallel()
	own := stat.Of([]float64{10, 20, 30})
	of := func(o job.Outcome) (float64, bool) { return stat.Of(o.Ms).Median, len(o.Ms) > 0 }
	for want, o := range map[string]job.Outcome{
		"50 (2.5x)":        {Ms: []float64{50, 50, 50, 50, 50}, Runs: 5},
		"50 (2.5x), 1 run": {Ms: []float64{50}, Runs: 1},
		"> 60 s":           {Over: true},
		"":                 {Runs: 1},
	} {
		if got := besideCell(o, own, of, time.Minute); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestParseBenchmarks(t *testing.T) {
	t.Parallel()
	got := parseBenchmarks(`goos: linux
BenchmarkTrace/automerge-paper         	       5	   9100000 ns/op	        35.1 ns/edit	 12 B/op
BenchmarkTrace/automerge-paper         	       5	   9300000 ns/op	        35.9 ns/edit	 12 B/op
BenchmarkGrowth/head/125000            	       1	  5000000 ns/op
PASS
`)
	want := map[string][]float64{"BenchmarkTrace/automerge-paper": {9.1e6, 9.3e6}, "BenchmarkGrowth/head/125000": {5e6}}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}
