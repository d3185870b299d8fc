package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tallystick/tallystick/bench/internal/plain"
	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/bench/internal/wire"
	"github.com/tallystick/tallystick/crdt"
)

// publishCase is one way to publish.
type publishCase struct {
	name      string
	clients   int
	under     int // changes under way, a client
	run       int // changes under one signature: what a node signs when so many wait
	perSecond int // for the number of packs that are made beforehand, a client: above what is expected
	budgets   []report.Budget
	latency   []report.Budget
}

var publishCases = []publishCase{
	{"1 publisher, one at a time", 1, 1, 1, 5_000, []report.Budget{report.AtLeast("p50", 1500)}, []report.Budget{report.AtMost("p50", 0.6)}},
	{"1 publisher, 64 under way in runs of 32", 1, 64, 32, 6_000, []report.Budget{report.AtLeast("p50", 60_000)}, nil},
	{"1 publisher, 64 under way, each signed", 1, 64, 1, 20_000, nil, nil},
	{"8 publishers, one at a time", 8, 1, 1, 3_000, nil, nil},
	{"8 publishers, 64 under way in runs of 32", 8, 64, 32, 1_000, []report.Budget{report.AtLeast("p50", 100_000)}, nil},
	{"8 publishers, 64 under way, each signed", 8, 64, 1, 4_000, nil, nil},
}

// relayPublish measures how many changes a second a relay checks, makes durable, and says to have stored.
func relayPublish(ctx context.Context, r *run, f *relayFlags) error {
	disk, err := r.measureDisk(200, messageBytes)
	if err != nil {
		return err
	}
	sync, appended := stat.Durations(disk.sync), stat.Durations(disk.append)
	r.add(report.Figure{Work: "relay", Name: "one fsync of 4 KiB", Unit: "ms", Summary: sync, Note: "same disk, idle"})
	r.add(report.Figure{Work: "relay", Name: "one append to a store", Unit: "ms", Summary: appended, Reference: sync.Median, Note: "plain: one fsync"})
	base, _, stopPlain, err := r.plainServer()
	if err != nil {
		return err
	}
	for i, c := range publishCases {
		rate, took, err := r.publish(ctx, f, c, fmt.Sprintf("publish %d", i))
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		echoRate, echoTook, err := echo(ctx, f.duration, base, c.clients, c.under)
		if err != nil {
			return fmt.Errorf("plain echo, %s: %w", c.name, err)
		}
		note := fmt.Sprintf("%d B a change; plain: echo", messageBytes)
		r.relayFigure(c.name, "changes/s", "more", report.Figure{Summary: report.Single(rate), Budgets: c.budgets, Note: note}, echoRate)
		r.relayFigure(c.name+": until stored", "ms", "", report.Figure{Summary: stat.Durations(took), Budgets: c.latency}, stat.Durations(echoTook).Median)
	}
	return stopPlain()
}

// publish runs one case against a relay of its own.
func (r *run) publish(ctx context.Context, f *relayFlags, c publishCase, room string) (rate float64, took []time.Duration, err error) {
	relay, stop, err := r.relayOf(ctx)
	if err != nil {
		return 0, nil, err
	}
	charter := crdt.OpenLedger(room)
	var publishers []*wire.Publisher
	for k := range c.clients {
		n := int(f.duration.Seconds() * float64(c.perSecond))
		chain, err := wire.NewChain(charter, sample.NewPerson(fmt.Sprintf("publisher %d", k)), n, c.run, messageBytes)
		if err != nil {
			return 0, nil, err
		}
		p, err := wire.NewPublisher(ctx, relay.URL, charter, chain, c.under)
		if err != nil {
			return 0, nil, err
		}
		publishers = append(publishers, p)
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
			took = append(took, t...)
			err = errors.Join(err, e)
		})
	}
	wg.Wait()
	rate = float64(total) / time.Since(start).Seconds()
	for _, p := range publishers {
		err = errors.Join(err, p.Client.Close())
	}
	return rate, took, errors.Join(err, stop())
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
