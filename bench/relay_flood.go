package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tallystick/tallystick/bench/internal/plain"
	"github.com/tallystick/tallystick/bench/internal/proc"
	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/bench/internal/wire"
	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

const (
	flooders   = 10
	floodPacks = 1000 // forged ones in a large message
	// floodGrowth is how much more memory the relay may have at the end of a flood than early in it, in MiB: the collector's part.
	floodGrowth = 32
)

// relayFlood measures what an honest publisher notices of ten peers who send forgeries as fast as they can, each from an address of
// its own, and connect again whenever they are thrown out; they run at the lowest priority. Beside it the same flood at a plain echo server, which does no
// work for it: what the machine alone loses to the flooders.
func relayFlood(ctx context.Context, r *run, f *relayFlags) error {
	charter := crdt.OpenLedger("flood")
	server, stop, err := r.relayOf(ctx)
	if err != nil {
		return err
	}
	honest := func(who string) (stat.Summary, error) {
		chain, err := wire.NewChain(charter, sample.NewPerson(who), int(f.duration.Seconds()*6000), 1, messageBytes)
		if err != nil {
			return stat.Summary{}, err
		}
		p, err := wire.NewPublisher(ctx, server.URL, charter, chain, 1)
		if err != nil {
			return stat.Summary{}, err
		}
		runCtx, cancel := context.WithTimeout(ctx, 2*f.duration)
		defer cancel()
		_, took, err := p.Run(runCtx)
		return stat.Durations(took), errors.Join(err, p.Client.Close())
	}
	quiet, err := honest("before the flood")
	if err != nil {
		return err
	}
	flood, stopFlood, err := r.helper("flood", "relay", server.URL, charter.Name)
	if err != nil {
		return err
	}
	if err := flood.begin(); err != nil {
		return err
	}
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	early, err := proc.Read(server.PID())
	if err != nil {
		return err
	}
	flooded, err := honest("in the flood")
	if err != nil {
		return err
	}
	late, err := proc.Read(server.PID())
	if err := errors.Join(err, stopFlood(), stop()); err != nil {
		return err
	}
	plainQuiet, plainFlooded, err := r.plainFlood(ctx, f)
	if err != nil {
		return fmt.Errorf("plain echo: %w", err)
	}
	name := fmt.Sprintf("%d peers flood forgeries", flooders)
	r.relayFigure("honest p99, nobody floods", "ms", "", report.Figure{Summary: report.Single(quiet.P99)}, plainQuiet.P99)
	r.relayFigure(name+": honest p99", "ms", "", report.Figure{Summary: report.Single(flooded.P99), Note: "plain: echo, flooded alike"}, plainFlooded.P99)
	r.relayFigure(name+": honest p99, of quiet", "times", "", report.Figure{
		Summary: report.Single(flooded.P99 / quiet.P99), Budgets: []report.Budget{report.AtMost("max", 3)},
		Note: fmt.Sprintf("p50 %.2g times; plain: echo, likewise", flooded.Median/quiet.Median)}, plainFlooded.P99/plainQuiet.P99)
	r.relayFigure(name+": memory grows by", "MiB", "", report.Figure{
		Summary: report.Single(float64(late.Private-early.Private) / (1 << 20)), Budgets: []report.Budget{report.AtMost("max", floodGrowth)},
		Note: fmt.Sprintf("to %.0f MiB, over %v", float64(late.Private)/(1<<20), 2*f.duration)}, 0)
	return nil
}

// plainFlood is the same at a plain echo server.
func (r *run) plainFlood(ctx context.Context, f *relayFlags) (quiet, flooded stat.Summary, err error) {
	base, _, stop, err := r.plainServer()
	if err != nil {
		return quiet, flooded, err
	}
	_, took, err := echo(ctx, 2*f.duration, base, 1, 1)
	if err != nil {
		return quiet, flooded, err
	}
	quiet = stat.Durations(took)
	flood, stopFlood, err := r.helper("flood", "plain", base, "flood")
	if err != nil {
		return quiet, flooded, err
	}
	if err := flood.begin(); err != nil {
		return quiet, flooded, err
	}
	_, took, err = echo(ctx, 2*f.duration, base, 1, 1)
	return quiet, stat.Durations(took), errors.Join(err, stopFlood(), stop())
}

// childFlood floods until it is killed, once it is told to begin.
func childFlood(args []string) error {
	kind, url, charter := args[0], args[1], crdt.OpenLedger(args[2])
	messages, err := forgeries(charter)
	if err != nil {
		return err
	}
	// They have machines of their own: on this one they get what the honest and the relay leave.
	if err := lowestPriority(); err != nil {
		return err
	}
	hello := transport.AppendMessage(nil, charter.ID(), &transport.Hello{Charter: charter.Append(nil), Agent: "tallystick bench 0"})
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	var all sync.WaitGroup
	for k := range flooders {
		// Linux has all of 127.0.0.0/8 on the loopback; elsewhere all come from one address.
		from := &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+k))}
		all.Go(func() {
			if kind == "plain" {
				floodPlain(url+plain.Echo, from, messages)
				return
			}
			for i := 0; ; i++ {
				floodOnce(url, from, hello, messages[(i+k)%len(messages)])
			}
		})
	}
	all.Wait()
	return nil
}

// forgeries are messages whose packs look right but for their signatures: a single pack, and many.
func forgeries(charter crdt.Charter) ([][]byte, error) {
	chain, err := wire.NewChain(charter, sample.NewPerson("forger"), floodPacks, 1, messageBytes)
	if err != nil {
		return nil, err
	}
	for _, p := range chain.Packs {
		p[len(p)-32] ^= 1 // the signature is the last thing in it, its number s the last of that
	}
	small := transport.AppendMessage(nil, charter.ID(), transport.Packs(chain.Packs[:1]))
	large := transport.AppendMessage(nil, charter.ID(), transport.Packs(chain.Packs))
	return [][]byte{small, large}, nil
}

func floodDial(url string, from net.Addr) (*websocket.Conn, error) {
	d := websocket.Dialer{NetDialContext: (&net.Dialer{LocalAddr: from}).DialContext}
	ws, _, err := d.Dial(url, nil)
	if err != nil {
		d.NetDialContext = nil
		ws, _, err = d.Dial(url, nil)
	}
	return ws, err
}

// floodOnce connects, sends as much as it can, and returns when it is thrown out.
func floodOnce(url string, from net.Addr, hello, msg []byte) {
	ws, err := floodDial(url, from)
	if err != nil {
		return // refused: again
	}
	defer ws.Close() // it is over
	for _, m := range slices.Repeat([][]byte{msg}, transport.WindowMessages+1) {
		if hello != nil {
			if ws.WriteMessage(websocket.BinaryMessage, hello) != nil {
				return
			}
			hello = nil
		}
		if ws.WriteMessage(websocket.BinaryMessage, m) != nil {
			return
		}
	}
	for {
		if _, _, err := ws.NextReader(); err != nil {
			return
		}
	}
}

func floodPlain(url string, from net.Addr, messages [][]byte) {
	ws, err := floodDial(url, from)
	if err != nil {
		fmt.Fprintln(os.Stderr, "flood:", strconv.Quote(err.Error()))
		return
	}
	for i := 0; ; i++ {
		if ws.WriteMessage(websocket.BinaryMessage, messages[i%len(messages)]) != nil {
			return
		}
		if _, _, err := ws.ReadMessage(); err != nil {
			return
		}
	}
}
