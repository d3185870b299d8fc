package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tallystick/tallystick/bench/internal/job"
	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/bench/internal/trace"
)

// The sequence is not public: its own benchmarks measure it, in its package.
const (
	sequencePackage = "./crdt/internal/fugue"
	traceBenchmark  = "BenchmarkTrace"
	growBenchmark   = "BenchmarkGrowth"
)

// tracesVariable tells the package's benchmarks where the traces are.
const tracesVariable = "TALLYSTICK_TRACES"

// sequence measures the edits of a trace on the sequence alone; no runs if the benchmark leaves the trace out.
func (m *crdtRun) sequence(ctx context.Context, c *trace.Case) (job.Outcome, error) {
	pattern := "^" + traceBenchmark + "$/^" + regexp.QuoteMeta(c.Name) + "$"
	ns, err := goBenchmark(ctx, m.flags, pattern, m.flags.runs, "10x")
	if err != nil {
		return job.Outcome{}, err
	}
	o := job.Outcome{}
	for _, v := range ns[traceBenchmark+"/"+c.Name] {
		o.Ms = append(o.Ms, v/1e6)
	}
	o.Runs = len(o.Ms)
	return o, nil
}

// growth measures what an element costs against how many there are.
func (r *run) growth(ctx context.Context, o crdtFlags) error {
	r.say("crdt: growth")
	ns, err := goBenchmark(ctx, o, "^"+growBenchmark+"$", o.runs, "1x")
	if err != nil {
		return err
	}
	shapes := map[string]map[int][]float64{} // ns an element, by shape and number of elements
	for name, values := range ns {
		shape, number, ok := strings.Cut(strings.TrimPrefix(name, growBenchmark+"/"), "/")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n < 1 {
			return fmt.Errorf("growth: benchmark %q is not SHAPE/ELEMENTS", name)
		}
		if shapes[shape] == nil {
			shapes[shape] = map[int][]float64{}
		}
		for _, v := range values {
			shapes[shape][n] = append(shapes[shape][n], v/float64(n))
		}
		median := stat.Of(values).Median / 1e6
		r.lines = append(r.lines, crdtLine{Work: "growth", Trace: shape + "/" + number, Lib: ours, Median: &median, Runs: len(values)})
	}
	for _, shape := range slices.Sorted(maps.Keys(shapes)) {
		sizes := slices.Sorted(maps.Keys(shapes[shape]))
		first, last := stat.Of(shapes[shape][sizes[0]]), stat.Of(shapes[shape][sizes[len(sizes)-1]])
		f := report.Figure{Work: "growth", Name: strings.ReplaceAll(shape, "_", " "), Unit: "ns an element", Summary: last}
		f.P95, f.P99 = last.Max, last.Max
		for _, n := range sizes {
			f.Beside = append(f.Beside, report.Cell{Head: report.Number(float64(n)), Text: report.Number(stat.Of(shapes[shape][n]).Median)})
		}
		f.Note = fmt.Sprintf("%s times as many: %sx each", report.Number(float64(sizes[len(sizes)-1])/float64(sizes[0])), report.Number(last.Median/first.Median))
		r.add(f)
	}
	return nil
}

// goBenchmark runs the sequence's benchmarks that match, each so often, on one core, and returns their ns/op by name.
func goBenchmark(ctx context.Context, o crdtFlags, pattern string, count int, benchtime string) (map[string][]float64, error) {
	dir, err := root()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", pattern, "-cpu", "1", "-benchtime", benchtime,
		"-count", strconv.Itoa(count), "-timeout", "30m", sequencePackage)
	cmd.Dir = dir
	cmd.Env = os.Environ()
	if o.traces != "" {
		traces, err := filepath.Abs(o.traces)
		if err != nil {
			return nil, err
		}
		cmd.Env = append(cmd.Env, tracesVariable+"="+traces)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", cmd, err, out)
	}
	return parseBenchmarks(string(out)), nil
}

// parseBenchmarks takes ns/op out of what go test prints, by name without the number of cores, which is 1.
func parseBenchmarks(out string) map[string][]float64 {
	ns := map[string][]float64{}
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil && f[i+1] == "ns/op" {
				ns[f[0]] = append(ns[f[0]], v)
			}
		}
	}
	return ns
}
