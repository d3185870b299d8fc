package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tallystick/tallystick/bench/internal/plain"
	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/wire"
	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// child is what this command is when it was started by run.child.
func child(role string, args []string) error {
	switch role {
	case "plain":
		l, err := net.Listen("tcp", args[0])
		if err != nil {
			return err
		}
		fmt.Println("ready")
		return plain.Serve(l)
	case "publish":
		return childPublish(args)
	case "flood":
		return childFlood(args)
	case crdtRole:
		return childCRDT(args)
	}
	return fmt.Errorf("bench: there is no role %q", role)
}

// childPublish publishes to a room at a rate, one signed change at a time, once it is told to begin.
func childPublish(args []string) error {
	url, charter := args[0], crdt.OpenLedger(args[1])
	rate, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	span, err := time.ParseDuration(args[3])
	if err != nil {
		return err
	}
	n := int(float64(rate) * span.Seconds())
	chain, err := wire.NewChain(charter, sample.NewPerson("publisher"), n, 1, 120)
	if err != nil {
		return err
	}
	var credit atomic.Uint64
	c, err := wire.Dial(context.Background(), url, charter, func(s *transport.Stored) { credit.Store(s.Credit) })
	if err != nil {
		return err
	}
	go c.Run() // its end is noticed by Send
	if err := c.WaitLive(10 * time.Second); err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	start := time.Now()
	for i, sent := 0, uint64(0); i < n; {
		due := min(int(time.Since(start).Seconds()*float64(rate))+1, n)
		if due > i && sent-credit.Load() < transport.WindowMessages {
			if err := c.Send(chain.Packs[i:due]); err != nil {
				return err
			}
			i = due
			sent++
		}
		time.Sleep(max(time.Until(start.Add(time.Duration(i)*time.Second/time.Duration(rate))), 100*time.Microsecond))
	}
	select {} // the connection stays; we are killed
}
