package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tallystick/tallystick/bench/internal/job"
	"github.com/tallystick/tallystick/bench/internal/trace"
	"github.com/tallystick/tallystick/bench/peers"
)

// crdtFlags are the flags of work crdt.
type crdtFlags struct {
	traces, trace, works string
	peers, growth        bool
	runs                 int
	limit                time.Duration
}

func crdtWork(flags *flag.FlagSet) func(context.Context, *run) error {
	var o crdtFlags
	flags.StringVar(&o.traces, "traces", "", "crdt: `folder` with editing traces, .json or .json.gz")
	flags.StringVar(&o.trace, "trace", "", "crdt: only this one: a trace's `name` without ending, heads-causal, heads-random or transactions")
	flags.StringVar(&o.works, "work", "", "crdt: only these works, `NAME,…`, as -json calls them")
	flags.BoolVar(&o.peers, "peers", false, "crdt: run the other libraries as well: needs node and npm")
	flags.BoolVar(&o.growth, "growth", false, "crdt: the cost of the sequence against its length as well, or, without -traces and -trace, alone")
	flags.IntVar(&o.runs, "runs", 5, "crdt: runs that count, one more warms up")
	flags.DurationVar(&o.limit, "limit", time.Minute, "crdt: time for all runs of one work in one library, and for preparing it")
	return func(ctx context.Context, r *run) error {
		if err := r.crdt(ctx, o); err != nil {
			return fmt.Errorf("crdt: %w", err)
		}
		return nil
	}
}

// ours is what tallystick is called among the libraries.
const ours = "tallystick"

// crdtLine is a line of -json of this work: always these keys.
type crdtLine struct {
	Work   string   `json:"work"`
	Trace  string   `json:"trace"`
	Lib    string   `json:"lib"`
	Median *float64 `json:"median_ms"` // null: no run ended in time, or the work is not about time
	Bytes  *int64   `json:"bytes"`
	Heap   *int64   `json:"heap_bytes"`
	Runs   int      `json:"runs"`
}

func (o *crdtFlags) check() error {
	if o.runs < 1 || o.limit <= 0 {
		return errors.New("-runs and -limit must be above zero")
	}
	for work := range strings.SplitSeq(o.works, ",") {
		if work != "" && !slices.ContainsFunc(crdtWorks, func(w crdtMeasure) bool { return w.ours == work }) {
			return fmt.Errorf("-work: there is no %q", work)
		}
	}
	return nil
}

// Sizes of the cases that need no trace.
const (
	headsAgents, headsInserts = 50, 200
	transactions              = 100_000
)

// cases are what is to be measured, everything read and checked.
func (o *crdtFlags) cases() ([]*trace.Case, error) {
	made := []*trace.Case{
		trace.NewHeads(headsAgents, headsInserts, false), trace.NewHeads(headsAgents, headsInserts, true), trace.NewAppend(transactions),
	}
	for _, c := range made {
		if o.trace == c.Name {
			return []*trace.Case{c}, nil
		}
	}
	if o.traces == "" {
		return nil, errors.New("-traces DIR is missing: a folder with editing traces")
	}
	names := []string{o.trace}
	if o.trace == "" {
		var err error
		if names, err = trace.Names(o.traces); err != nil {
			return nil, err
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("%w: %s has no .json or .json.gz", trace.ErrNoTrace, o.traces)
		}
	}
	var cases []*trace.Case
	for _, name := range names {
		c, err := trace.Load(o.traces, name)
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	if o.trace == "" {
		cases = append(cases, made...)
	}
	return cases, nil
}

func (r *run) crdt(ctx context.Context, o crdtFlags) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.growth && o.traces == "" && o.trace == "" {
		return r.growth(ctx, o)
	}
	cases, err := o.cases()
	if err != nil {
		return err
	}
	m := &crdtRun{run: r, flags: o}
	if o.peers {
		r.say("crdt: packages of the peers")
		if m.installed, err = peers.Install(ctx); err != nil {
			return err
		}
		m.libs = peers.Libs()
	}
	for _, c := range cases {
		if err := m.measure(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	if o.growth {
		return r.growth(ctx, o)
	}
	return nil
}

// crdtRun measures case after case.
type crdtRun struct {
	*run
	flags     crdtFlags
	installed *peers.Installed
	libs      []peers.Lib
}

// measure runs all works of one case: each of ours, and right after it the same of the peers.
func (m *crdtRun) measure(ctx context.Context, c *trace.Case) error {
	file := filepath.Join(m.dir, "case.json")
	if err := c.Write(file); err != nil {
		return err
	}
	done := make(map[string][]besideResult) // of the peers, by their work
	for _, w := range crdtWorks {
		if w.kind != c.Kind || m.flags.works != "" && !slices.Contains(strings.Split(m.flags.works, ","), w.ours) {
			continue
		}
		own, err := m.own(ctx, w, c, file)
		if err != nil {
			return fmt.Errorf("%s: %w", w.ours, err)
		}
		m.line(w.ours, c.Name, ours, own)
		if _, ok := done[w.peers]; !ok && w.peers != "" {
			if done[w.peers], err = m.beside(ctx, w.peers, c, file); err != nil {
				return fmt.Errorf("%s: %w", w.peers, err)
			}
		}
		m.figures = append(m.figures, w.figures(c, own, done[w.peers], m.flags.limit)...)
	}
	return nil
}

// runs is how many runs a process makes: one that measures memory makes one, since it would measure what the one before left.
func (m *crdtRun) runs(work string) int {
	if work == memoryWork {
		return 1
	}
	return m.flags.runs + 1
}

func (m *crdtRun) own(ctx context.Context, w crdtMeasure, c *trace.Case, file string) (job.Outcome, error) {
	m.say("crdt: %s, %s", w.ours, c.Name)
	if w.ours == "edit" {
		return m.sequence(ctx, c)
	}
	cmd, err := m.child(crdtRole, w.ours, fmt.Sprint(m.runs(w.ours)), file)
	if err != nil {
		return job.Outcome{}, err
	}
	return job.Run(ctx, cmd, m.flags.limit)
}

// besideResult is what a library measured.
type besideResult struct {
	lib  peers.Lib
	what job.Outcome
}

func (m *crdtRun) beside(ctx context.Context, work string, c *trace.Case, file string) ([]besideResult, error) {
	var all []besideResult
	for _, lib := range m.libs {
		if lib.TextOnly && c.Kind == trace.Append {
			continue
		}
		if c.Wide {
			m.say("crdt: %s is left out: positions of characters beyond U+FFFF in a concurrent trace are known as code points only", lib.Name)
			continue
		}
		m.say("crdt: %s, %s: %s", work, c.Name, lib.Name)
		o, err := job.Run(ctx, m.installed.Command(ctx, lib, work, m.runs(work), file), m.flags.limit)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", lib.Name, err)
		}
		m.line(work, c.Name, lib.Name, o)
		all = append(all, besideResult{lib, o})
	}
	return all, nil
}
