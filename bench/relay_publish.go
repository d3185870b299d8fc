package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tallystick/tallystick/bench/internal/plain"
	"github.com/tallystick/tallystick/bench/internal/proc"
	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/bench/internal/wire"
	"github.com/tallystick/tallystick/crdt"
)

// publishCase is one way to publish.
type publishCase struct {
	name    string
	clients int
	under   int // changes under way, a client
	run     int // changes under one signature: what a node signs when so many wait
	budgets []report.Budget
	latency []report.Budget
}

var publishCases = []publishCase{
	{"1 publisher, one at a time", 1, 1, 1, []report.Budget{report.AtLeast("p50", 1500)}, []report.Budget{report.AtMost("p50", 0.6)}},
	{"1 publisher, 64 under way in runs of 32", 1, 64, 32, []report.Budget{report.AtLeast("p50", 60_000)}, nil},
	{"1 publisher, 64 under way, each signed", 1, 64, 1, nil, nil},
	{"8 publishers, one at a time", 8, 1, 1, nil, nil},
	{"8 publishers, 64 under way in runs of 32", 8, 64, 32, []report.Budget{report.AtLeast("p50", 100_000)}, nil},
	{"8 publishers, 64 under way, each signed", 8, 64, 1, nil, nil},
}

// chains are what the publishers publish, made once: each case has a relay of its own. A publisher that is alone is
// faster, so the first chain is longer; it is as long as takes the whole time at rates above those that are hoped for.
type chains map[int][]*wire.Chain // by changes in a run

func makeChains(charter crdt.Charter, d time.Duration) (chains, error) {
	const publishers = 8
	all := chains{1: make([]*wire.Chain, publishers), 32: make([]*wire.Chain, publishers)}
	var mu sync.Mutex
	var failed error
	var wg sync.WaitGroup
	for run, list := range all {
		for k := range list {
			perSecond := map[int]int{1: 3_000, 32: 500}[run]
			if k == 0 {
				perSecond = map[int]int{1: 12_000, 32: 3_000}[run]
			}
			wg.Go(func() {
				person := sample.NewPerson(fmt.Sprintf("publisher %d", k))
				chain, err := wire.NewChain(charter, person, int(d.Seconds()*float64(perSecond)), run, messageBytes)
				mu.Lock()
				defer mu.Unlock()
				list[k], failed = chain, errors.Join(failed, err)
			})
		}
	}
	wg.Wait()
	return all, failed
}

// relayPublish measures how many changes a second a relay checks, makes durable, and says to have stored.
func relayPublish(ctx context.Context, r *run, f *relayFlags) error {
	disk, err := r.measureDisk(200, messageBytes)
	if err != nil {
		return err
	}
	sync, floor, appended := stat.Durations(disk.sync), stat.Durations(disk.commit), stat.Durations(disk.append)
	r.add(report.Figure{Work: "relay", Name: "one fsync of 4 KiB", Unit: "ms", Summary: sync, Note: "same disk, idle"})
	r.add(report.Figure{Work: "relay", Name: "two fdatasyncs, as of one commit", Unit: "ms", Summary: floor, Note: "what any commit of bbolt waits for"})
	r.add(report.Figure{Work: "relay", Name: "one append to a store", Unit: "ms", Summary: appended, Reference: floor.Median, Note: "plain: two fdatasyncs"})
	base, _, stopPlain, err := r.plainServer()
	if err != nil {
		return err
	}
	charter := crdt.OpenLedger("publish")
	chains, err := makeChains(charter, f.duration)
	if err != nil {
		return err
	}
	for _, c := range publishCases {
		if !strings.Contains(c.name, f.only) {
			continue
		}
		got, err := r.publish(ctx, f, c, charter, chains[c.run][:c.clients])
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		echoRate, echoTook, err := echo(ctx, f.duration, base, c.clients, c.under)
		if err != nil {
			return fmt.Errorf("plain echo, %s: %w", c.name, err)
		}
		note := fmt.Sprintf("µs of CPU a change: relay %s, load %s; plain: echo", report.Number(got.relay), report.Number(got.load))
		r.relayFigure(c.name, "changes/s", "more", report.Figure{Summary: report.Single(got.rate), Budgets: c.budgets, Note: note}, echoRate)
		r.relayFigure(c.name+": until stored", "ms", "", report.Figure{Summary: stat.Durations(got.took), Budgets: c.latency}, stat.Durations(echoTook).Median)
	}
	return stopPlain()
}

// published is what came of one case.
type published struct {
	rate        float64 // changes a second
	relay, load float64 // CPU time of the relay and of this process, in microseconds a change
	took        []time.Duration
}

// publish runs one case against a relay of its own.
func (r *run) publish(ctx context.Context, f *relayFlags, c publishCase, charter crdt.Charter, chains []*wire.Chain) (got published, err error) {
	relay, stop, err := r.relayOf(ctx)
	if err != nil {
		return got, err
	}
	var publishers []*wire.Publisher
	for _, chain := range chains {
		p, err := wire.NewPublisher(ctx, relay.URL, charter, chain, c.under)
		if err != nil {
			return got, err
		}
		publishers = append(publishers, p)
	}
	cpu, err := startClock(relay.PID(), os.Getpid())
	if err != nil {
		return got, err
	}
	publishCtx, cancel := context.WithTimeout(ctx, f.duration)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	total := 0
	start := time.Now()
	for _, p := range publishers {
		wg.Go(func() {
			n, t, e := p.Run(publishCtx)
			mu.Lock()
			defer mu.Unlock()
			total += n
			got.took = append(got.took, t...)
			err = errors.Join(err, e)
		})
	}
	wg.Wait()
	got.rate = float64(total) / time.Since(start).Seconds()
	spent, e := cpu.spent()
	err = errors.Join(err, e)
	if e == nil && total > 0 {
		got.relay, got.load = micros(spent[0].CPU)/float64(total), micros(spent[1].CPU)/float64(total)
	}
	for _, p := range publishers {
		err = errors.Join(err, p.Client.Close())
	}
	return got, errors.Join(err, stop())
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// clock measures what processes use meanwhile.
type clock struct {
	pids   []int
	before []proc.Usage
}

func startClock(pids ...int) (*clock, error) {
	c := &clock{pids: pids}
	for _, pid := range pids {
		u, err := proc.Read(pid)
		if err != nil {
			return nil, err
		}
		c.before = append(c.before, u)
	}
	return c, nil
}

// spent is what each process has used since the start.
func (c *clock) spent() (spent []proc.Spent, err error) {
	for i, pid := range c.pids {
		u, err := proc.Read(pid)
		if err != nil {
			return nil, err
		}
		spent = append(spent, u.Since(c.before[i]))
	}
	return spent, nil
}

// echo does the same with messages of the same size and the plain server.
func echo(ctx context.Context, d time.Duration, base string, clients, under int) (rate float64, took []time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, d/2)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := time.Now()
	for range clients {
		wg.Go(func() {
			t, e := plain.EchoFor(ctx, base, messageBytes, under)
			mu.Lock()
			defer mu.Unlock()
			took = slices.Concat(took, t)
			err = errors.Join(err, e)
		})
	}
	wg.Wait()
	return float64(len(took)) / time.Since(start).Seconds(), took, err
}
