package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tallystick/tallystick/bench/internal/plain"
	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/wire"
	"github.com/tallystick/tallystick/crdt"
)

const (
	subscribers   = 100
	fanoutRun     = 32
	fanoutUnder   = 512 // changes under way of the one publisher: enough that the fan-out is what limits
	fanoutChanges = 40_000
	plainMessages = 20_000
)

// relayFanout measures how many deliveries a second a relay makes to 100 subscribers of one room, and that none is lost.
func relayFanout(ctx context.Context, r *run, f *relayFlags) error {
	rate, lost, err := r.fanout(ctx)
	if err != nil {
		return err
	}
	plainRate, err := r.plainFanout(ctx)
	if err != nil {
		return fmt.Errorf("plain broadcast: %w", err)
	}
	name := fmt.Sprintf("fan-out to %d", subscribers)
	r.relayFigure(name, "deliveries/s", "more", report.Figure{
		Summary: report.Single(rate), Budgets: []report.Budget{report.AtLeast("p50", 1_000_000)},
		Note: fmt.Sprintf("changes × subscribers, runs of %d; plain: broadcast", fanoutRun),
	}, plainRate)
	r.relayFigure(name+": lost", "deliveries", "", report.Figure{Summary: report.Single(float64(lost)), Budgets: []report.Budget{report.AtMost("max", 0)}}, 0)
	return nil
}

func (r *run) fanout(ctx context.Context) (rate float64, lost int64, err error) {
	relay, stop, err := r.relayOf(ctx)
	if err != nil {
		return 0, 0, err
	}
	charter := crdt.OpenLedger("fan-out")
	chain, err := wire.NewChain(charter, sample.NewPerson("publisher"), fanoutChanges/fanoutRun, fanoutRun, messageBytes)
	if err != nil {
		return 0, 0, err
	}
	var clients []*wire.Client
	for range subscribers {
		c, err := wire.Dial(ctx, relay.URL, charter, nil)
		if err != nil {
			return 0, 0, err
		}
		go c.Run() // its error is seen by Wait
		if err := c.WaitLive(10 * time.Second); err != nil {
			return 0, 0, err
		}
		clients = append(clients, c)
	}
	p, err := wire.NewPublisher(ctx, relay.URL, charter, chain, fanoutUnder)
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	n, _, err := p.Run(ctx)
	if err != nil {
		return 0, 0, err
	}
	waitCtx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for _, c := range clients {
		if err := c.Wait(waitCtx, int64(n)); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return 0, 0, err
		}
	}
	took := time.Since(start)
	delivered := int64(0)
	for _, c := range clients {
		got, _, _ := c.Received()
		delivered += got
		err = errors.Join(err, c.Close())
	}
	lost = int64(n)*subscribers - delivered
	return float64(delivered) / took.Seconds(), lost, errors.Join(err, p.Client.Close(), stop())
}

// plainFanout does it with the plain server: one message is one delivery.
func (r *run) plainFanout(ctx context.Context) (rate float64, err error) {
	base, _, stop, err := r.plainServer()
	if err != nil {
		return 0, err
	}
	var all []*plain.Subscriber
	for range subscribers {
		s, err := plain.Subscribe(ctx, base)
		if err != nil {
			return 0, err
		}
		all = append(all, s)
	}
	msg := make([]byte, messageBytes)
	start := time.Now()
	for i := range plainMessages {
		// 512 under way at most, as above: the sender is a subscriber too.
		for all[0].Got() < int64(i-fanoutUnder) {
			time.Sleep(50 * time.Microsecond)
		}
		if err := all[0].Send(msg); err != nil {
			return 0, err
		}
	}
	for _, s := range all {
		for s.Got() < plainMessages {
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
			time.Sleep(100 * time.Microsecond)
		}
	}
	took := time.Since(start)
	for _, s := range all {
		err = errors.Join(err, s.Close())
	}
	return plainMessages * subscribers / took.Seconds(), errors.Join(err, stop())
}
