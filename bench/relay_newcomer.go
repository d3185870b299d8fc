package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tallystick/tallystick/bench/internal/plain"
	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/bench/internal/wire"
	"github.com/tallystick/tallystick/transport"
)

const newcomerRuns = 5

// relayNewcomer measures how long it takes somebody who has nothing to get a long room: as fast as it can be received, and by a
// real node that checks and stores all of it.
func relayNewcomer(ctx context.Context, r *run, f *relayFlags) error {
	room, err := sample.NewRoom("newcomer", sample.People(), f.changes, 1)
	if err != nil {
		return err
	}
	relay, stop, err := r.relayOf(ctx, room)
	if err != nil {
		return err
	}
	var sent, checked []time.Duration
	var bytes int64
	for i := range newcomerRuns + 1 {
		took, n, err := receiveAll(ctx, relay.URL, room)
		if err != nil {
			return err
		}
		if i == 0 {
			continue // the relay had to open the room first
		}
		sent, bytes = append(sent, took), n
		if took, err = r.joinAs(ctx, relay.URL, room, sample.NewPerson(fmt.Sprintf("newcomer %d", i))); err != nil {
			return err
		}
		checked = append(checked, took)
	}
	base, _, stopPlain, err := r.plainServer()
	if err != nil {
		return err
	}
	var fetched []time.Duration
	for range newcomerRuns {
		took, err := plain.Fetch(ctx, base, int(bytes), 256<<10)
		if err != nil {
			return err
		}
		fetched = append(fetched, took)
	}
	plainMedian := stat.Durations(fetched).Median
	name := fmt.Sprintf("newcomer to %s changes", report.Number(float64(f.changes)))
	note := fmt.Sprintf("%s B a change; plain: as many bytes", report.Number(float64(bytes)/float64(f.changes)))
	r.relayFigure(name+": all received", "ms", "", report.Figure{Summary: stat.Durations(sent), Note: note, Budgets: []report.Budget{report.AtMost("p50", 150)}}, plainMedian)
	r.relayFigure(name+": all checked and stored", "ms", "", report.Figure{Summary: stat.Durations(checked), Budgets: []report.Budget{report.AtMost("p50", 500)}}, plainMedian)
	return errors.Join(stop(), stopPlain())
}

// receiveAll takes all of the room without looking at it.
func receiveAll(ctx context.Context, url string, room *sample.Room) (took time.Duration, bytes int64, err error) {
	start := time.Now()
	c, err := wire.Dial(ctx, url, room.Charter, nil)
	if err != nil {
		return 0, 0, err
	}
	go c.Run() // its error is seen by Wait
	err = c.Wait(ctx, int64(room.Changes))
	took = time.Since(start)
	_, _, bytes = c.Received()
	err = errors.Join(err, c.Close())
	<-c.Done()
	return took, bytes, err
}

// joinAs has a new node connect, and waits until it shows all of the room.
func (r *run) joinAs(ctx context.Context, url string, room *sample.Room, p sample.Person) (time.Duration, error) {
	home, err := r.home(p, nil)
	if err != nil {
		return 0, err
	}
	n, err := openNode(ctx, home, p, room.Charter)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	_, err = n.hub.Connect(n.Node, url)
	if err == nil {
		err = n.await(ctx, func(s *transport.Snapshot) bool { return s.View.Len() == room.Changes })
	}
	took := time.Since(start)
	if err == nil {
		// The same rows: the newest change of every author is there.
		v := n.Snapshot().View
		heads := v.Heads()
		for _, id := range room.Newest {
			if v.ChangeAt(v.Changes()-1).ID == id && !slices.Contains(heads, id) {
				err = errors.New("the newcomer's heads are not the room's")
			}
		}
	}
	return took, errors.Join(err, n.close())
}
