package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/wire"
	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/program"
	"github.com/tallystick/tallystick/relay"
)

const (
	stallReaders = 6
	stallRun     = 32
	stallUnder   = 64
	stallPackets = 6000 // packs of a chain: more than are published in the time
	stallClosed  = 75 * time.Second
)

// relayStall measures what the other readers of a room notice of one that stops reading, and what becomes of that one.
func relayStall(ctx context.Context, r *run, f *relayFlags) error {
	server, stop, err := r.relayOf(ctx)
	if err != nil {
		return err
	}
	charter := crdt.OpenLedger("stall")
	var readers []*wire.Client
	for range stallReaders {
		c, err := reader(ctx, server.URL, charter)
		if err != nil {
			return err
		}
		readers = append(readers, c)
	}
	total := 0
	phase := func(who string) (perSecond float64, err error) {
		chain, err := wire.NewChain(charter, sample.NewPerson(who), stallPackets, stallRun, messageBytes)
		if err != nil {
			return 0, err
		}
		p, err := wire.NewPublisher(ctx, server.URL, charter, chain, stallUnder)
		if err != nil {
			return 0, err
		}
		for _, c := range readers[1:] { // what was before has arrived: the publisher was sent it as well
			if err := c.Wait(ctx, int64(total)); err != nil {
				return 0, err
			}
		}
		phaseCtx, cancel := context.WithTimeout(ctx, f.duration)
		defer cancel()
		start := time.Now()
		n, _, err := p.Run(phaseCtx)
		if err != nil {
			return 0, err
		}
		total += n
		for _, c := range readers[1:] {
			if err := c.Wait(ctx, int64(total)); err != nil {
				return 0, err
			}
		}
		return float64(n*(stallReaders-1)) / time.Since(start).Seconds(), p.Client.Close()
	}
	quiet, err := phase("before")
	if err != nil {
		return err
	}
	readers[0].Stall()
	stalledAt := time.Now()
	stalled, err := phase("meanwhile")
	if err != nil {
		return err
	}
	closedAfter, err := awaitConnections(ctx, server, stallReaders-1, stalledAt.Add(stallClosed))
	if err != nil {
		return err
	}
	closed := closedAfter.Sub(stalledAt)
	readers[0].Resume()
	<-readers[0].Done()
	start := time.Now()
	again, err := reader(ctx, server.URL, charter)
	if err != nil {
		return err
	}
	if err := again.Wait(ctx, int64(total)); err != nil {
		return err
	}
	caughtUp := time.Since(start)
	for _, c := range append(readers[1:], again) {
		err = errors.Join(err, c.Close())
	}
	name := fmt.Sprintf("one of %d readers stalls", stallReaders)
	r.relayFigure(name+": deliveries to the others", "deliveries/s", "more", report.Figure{
		Summary: report.Single(stalled), Note: "plain: nobody stalls"}, quiet)
	r.relayFigure(name+": it is closed after", "s", "", report.Figure{
		Summary: report.Single(closed.Seconds()), Budgets: []report.Budget{report.AtMost("max", 60)}}, 0)
	r.relayFigure(name+": it has caught up in", "ms", "", report.Figure{
		Summary: report.Single(float64(caughtUp.Milliseconds())), Note: fmt.Sprintf("all %s changes", report.Number(float64(total)))}, 0)
	return errors.Join(err, stop())
}

// reader connects somebody who only reads.
func reader(ctx context.Context, url string, charter crdt.Charter) (*wire.Client, error) {
	c, err := wire.Dial(ctx, url, charter, nil)
	if err != nil {
		return nil, err
	}
	go c.Run() // its error is seen by Wait
	return c, c.WaitLive(10 * time.Second)
}

// awaitConnections waits until the relay has no more than n connections besides the one that asks, and returns when that was.
func awaitConnections(ctx context.Context, server *program.Relay, n int, until time.Time) (time.Time, error) {
	for {
		h, err := health(ctx, server)
		if err != nil {
			return time.Time{}, err
		}
		if h.Connections <= n+1 || time.Now().After(until) {
			return time.Now(), nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return time.Time{}, err
		}
	}
}

func health(ctx context.Context, server *program.Relay) (h relay.Health, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+server.Addr+relay.PathHealth, nil)
	if err != nil {
		return h, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return h, err
	}
	defer resp.Body.Close() // it was read
	return h, json.NewDecoder(resp.Body).Decode(&h)
}
