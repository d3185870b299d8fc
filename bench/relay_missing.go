package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tallystick/tallystick/bench/internal/plain"
	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/bench/internal/wire"
	"github.com/tallystick/tallystick/transport"
)

const (
	missingRuns    = 5
	missingChanges = 100 // an equal part of each author
)

// relayMissing measures how long a node that holds all but 100 changes of a long room, an equal part of each author, takes to find out
// which they are, get them, check them and make them durable, and how many bytes that takes both ways.
func relayMissing(ctx context.Context, r *run, f *relayFlags) error {
	people := sample.People()
	room, err := sample.NewRoom("missing", people, f.changes-missingChanges, 1)
	if err != nil {
		return err
	}
	relay, stop, err := r.relayOf(ctx, room)
	if err != nil {
		return err
	}
	var nodes []*localNode
	for i := range missingRuns {
		reader := sample.NewPerson(fmt.Sprintf("reader %d", i))
		home, err := r.home(reader, room)
		if err != nil {
			return err
		}
		n, err := openNode(ctx, home, reader, room.Charter)
		if err != nil {
			return err
		}
		nodes = append(nodes, n)
	}
	all, err := addTo(ctx, relay.URL, room, people)
	if err != nil {
		return err
	}
	var took []time.Duration
	var bytes []float64
	for _, n := range nodes {
		start := time.Now()
		if _, err := n.hub.Connect(n.Node, relay.URL); err != nil {
			return err
		}
		if err := n.await(ctx, func(s *transport.Snapshot) bool { return s.View.Len() == all }); err != nil {
			return err
		}
		took = append(took, time.Since(start))
		// What the peers say to each other to part as equals is of the exchange too.
		if err := n.await(ctx, func(s *transport.Snapshot) bool { return s.Link == transport.LinkLive }); err != nil {
			return err
		}
		p := n.Snapshot().Peers[0]
		bytes = append(bytes, float64(p.BytesIn+p.BytesOut)/1000)
		if err := n.close(); err != nil {
			return err
		}
	}
	base, _, stopPlain, err := r.plainServer()
	if err != nil {
		return err
	}
	var fetched []time.Duration
	for range missingRuns {
		t, err := plain.Fetch(ctx, base, int(1000*stat.Of(bytes).Median), 256<<10)
		if err != nil {
			return err
		}
		fetched = append(fetched, t)
	}
	name := fmt.Sprintf("%d missing of %s changes", missingChanges, report.Number(float64(f.changes)))
	note := fmt.Sprintf("%d authors; connected, found, checked, durable; plain: as many bytes", len(people))
	r.relayFigure(name, "ms", "", report.Figure{Summary: stat.Durations(took), Note: note, Budgets: []report.Budget{report.AtMost("p50", 20)}}, stat.Durations(fetched).Median)
	r.relayFigure(name+": bytes", "kB", "", report.Figure{Summary: stat.Of(bytes), Note: "both ways", Budgets: []report.Budget{report.AtMost("p50", 40)}}, 0)
	return errors.Join(stop(), stopPlain())
}

// addTo has each of people go on in the room at url, as somebody who has all of it, and returns how many changes there are then.
func addTo(ctx context.Context, url string, room *sample.Room, people []sample.Person) (int, error) {
	each := missingChanges / len(people)
	chains, err := wire.Continue(room, people, each, messageBytes)
	if err != nil {
		return 0, err
	}
	stored := 0
	for _, chain := range chains {
		p, err := wire.NewPublisher(ctx, url, room.Charter, chain, each)
		if err != nil {
			return 0, err
		}
		n, _, err := p.Run(ctx)
		if err := errors.Join(err, p.Client.Close()); err != nil {
			return 0, err
		}
		stored += n
	}
	if want := len(people) * each; stored != want {
		return 0, fmt.Errorf("%d changes were added, not %d", stored, want)
	}
	return room.Changes + stored, nil
}
