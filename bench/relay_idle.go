package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tallystick/tallystick/bench/internal/plain"
	"github.com/tallystick/tallystick/bench/internal/proc"
	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/wire"
)

const (
	idleConnections = 1000
	idleSettle      = 4 * time.Second // connections come to rest: their first comparison is done after one second
)

// relayIdle measures what one idle connection costs a relay: memory, and CPU time.
func relayIdle(ctx context.Context, r *run, f *relayFlags) error {
	room, err := sample.NewRoom("idle", sample.People(), 100, 1)
	if err != nil {
		return err
	}
	relay, stop, err := r.relayOf(ctx, room)
	if err != nil {
		return err
	}
	// The room is open before the first reading.
	if _, _, err := receiveAll(ctx, relay.URL, room); err != nil {
		return err
	}
	var clients []*wire.Client
	perConnection, cpu, err := r.idle(ctx, relay.PID(), func() error {
		c, err := wire.Dial(ctx, relay.URL, room.Charter, nil)
		if err != nil {
			return err
		}
		go c.Run() // its error is seen by Wait
		clients = append(clients, c)
		return c.Wait(ctx, int64(room.Changes))
	})
	if err != nil {
		return err
	}
	for _, c := range clients {
		err = errors.Join(err, c.Close())
	}
	err = errors.Join(err, stop())
	base, pid, stopPlain, e := r.plainServer()
	if err = errors.Join(err, e); err != nil {
		return err
	}
	var plainConns []*websocket.Conn
	plainPer, _, err := r.idle(ctx, pid, func() error {
		ws, _, err := websocket.DefaultDialer.DialContext(ctx, base+plain.Echo, nil)
		plainConns = append(plainConns, ws)
		return err
	})
	if err != nil {
		return err
	}
	for _, ws := range plainConns {
		err = errors.Join(err, ws.Close())
	}
	note := fmt.Sprintf("of %s; plain: echo server", strconv.Itoa(idleConnections))
	r.relayFigure("memory of an idle connection", "KiB", "", report.Figure{
		Summary: report.Single(perConnection), Budgets: []report.Budget{report.AtMost("p50", 20)}, Note: note}, plainPer)
	r.relayFigure(fmt.Sprintf("CPU of %d idle connections", idleConnections), "%", "", report.Figure{Summary: report.Single(cpu), Note: "of one core"}, 0)
	return errors.Join(err, stopPlain())
}

// idle makes connections and returns what each adds to the memory of process pid, in KiB, and its CPU time at rest.
func (r *run) idle(ctx context.Context, pid int, connect func() error) (perConnection, cpu float64, err error) {
	before, err := proc.Read(pid)
	if err != nil {
		return 0, 0, err
	}
	for range idleConnections {
		if err := connect(); err != nil {
			return 0, 0, err
		}
	}
	if err := pause(ctx, idleSettle); err != nil {
		return 0, 0, err
	}
	rest, err := proc.Read(pid)
	if err != nil {
		return 0, 0, err
	}
	if err := pause(ctx, 2*time.Second); err != nil {
		return 0, 0, err
	}
	after, err := proc.Read(pid)
	return float64(after.Private-before.Private) / 1024 / idleConnections, after.Since(rest).Percent(), err
}
