package byz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// Attacks by sheer number: what one connection or one address uses up is its own, and the honest room beside it goes on.
var floodWires = []Wire{
	{
		Class: Transport, Name: "transport/room-flood", What: "one connection says hello for 65 rooms",
		Run: func(ctx context.Context, t *Target) error {
			c, err := t.open(ctx)
			if err != nil {
				return err
			}
			for i := range 65 {
				if err := c.say(roomHello(fmt.Sprintf("%s-%d", t.Room.Charter.Name, i))); err != nil {
					return errors.Join(err, c.Close())
				}
			}
			return c.wantEnd("too-many-rooms")
		},
		Want: Want{Refused: []string{"too-many-rooms"}, Closed: true}, Heavy: true,
	},
	{
		Class: Transport, Name: "transport/room-floods", What: "six connections say hello for 60 rooms each: more than a relay opens",
		Run: func(ctx context.Context, t *Target) error {
			busy := 0
			for k := range 6 {
				c, err := t.open(ctx)
				if err != nil {
					return err
				}
				defer c.Close()
				for i := range 60 {
					name := fmt.Sprintf("%s-%d-%d", t.Room.Charter.Name, k, i)
					if err := c.say(roomHello(name)); err != nil {
						return err
					}
					var refused *transport.PeerError
					if err := c.greeted(crdt.OpenLedger(name).ID()); errors.As(err, &refused) && refused.ErrorCode == "relay-busy" {
						busy++
					} else if err != nil {
						return err
					}
				}
			}
			if busy == 0 {
				return errors.New("the relay opened all 360 rooms")
			}
			return nil
		},
		Relay: true, Heavy: true,
	},
	{
		Class: Transport, Name: "transport/connection-flood", What: "500 connections that say nothing, at a time",
		Run: func(ctx context.Context, t *Target) error {
			var err error
			var all []*wireConn
			for range 500 {
				c, e := t.open(ctx)
				if e != nil {
					err = e
					break
				}
				all = append(all, c)
			}
			for _, c := range all {
				err = errors.Join(err, c.Close())
			}
			return err
		},
		Heavy: true,
	},
	{
		Class: Transport, Name: "transport/reconnect-flood", What: "300 connections one after the other: hello and away",
		Run: func(ctx context.Context, t *Target) error {
			for range 300 {
				c, err := t.open(ctx)
				if err != nil {
					return err
				}
				if err := errors.Join(c.meet(t), c.reset()); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		Class: Transport, Name: "transport/forgery-flood", What: "four connections at full speed send forged packs of one change, 200 in all, and come again when they are closed",
		Run: func(ctx context.Context, t *Target) error {
			c := t.Room.Crew("forgery-flood")
			forged := c.Chain(0, 1)
			forged.Signature = bytes.Repeat([]byte{1}, 64)
			return t.forge(ctx, 50, Pack(forged))
		},
		Want: Want{Refused: []string{"bad-signature"}, Closed: true},
	},
	{
		Class: Transport, Name: "transport/forgery-flood-large", What: "the same with packs of 4,096 changes: a signature at the end of as much hashing as may be",
		Run: func(ctx context.Context, t *Target) error {
			c := t.Room.Crew("forgery-flood-large")
			forged := c.Chain(0, crdt.MaxPackChanges)
			forged.Signature = bytes.Repeat([]byte{1}, 64)
			return t.forge(ctx, 10, Pack(forged))
		},
		Want: Want{Refused: []string{"bad-signature"}, Closed: true},
	},
	{
		Class: Transport, Name: "transport/forgery-flood-runs", What: "the same with packs of 256 runs, of which the last alone is forged",
		Run: func(ctx context.Context, t *Target) error {
			c := t.Room.Crew("forgery-flood-runs")
			var runs []Run
			for i := range crdt.MaxPackRuns {
				runs = append(runs, c.Chain(i, 1))
			}
			runs[len(runs)-1].Signature = bytes.Repeat([]byte{1}, 64)
			return t.forge(ctx, 10, Pack(runs...))
		},
		Want: Want{Refused: []string{"bad-signature"}, Closed: true},
	},
	{
		Class: Transport, Name: "transport/need-flood", What: "1,000 messages of 256 ids that nobody has, at full speed",
		Run: func(ctx context.Context, t *Target) error {
			need := make(transport.Need, transport.MaxNeedIDs)
			for i := range need {
				need[i][0], need[i][1] = byte(i), byte(i>>8)
			}
			return t.flood(ctx, need, 1000)
		},
	},
	{
		Class: Transport, Name: "transport/message-flood", What: "100,000 messages that are ignored, at full speed",
		Run: func(ctx context.Context, t *Target) error {
			return t.flood(ctx, transport.Presence("x"), 100_000)
		},
	},
	{
		Class: Transport, Name: "transport/slow-readers", What: "5 MiB are put into the room; six newcomers ask for them and read nothing",
		Run: func(ctx context.Context, t *Target) error {
			if err := t.fill(ctx, slowReaderChanges); err != nil {
				return err
			}
			const readers = 6
			ended := make(chan error, readers)
			for range readers {
				go func() { ended <- t.readNothing(ctx) }()
			}
			var err error
			for range readers {
				err = errors.Join(err, <-ended)
			}
			return err
		},
		Want: Want{Refused: []string{"slow-reader"}, Closed: true, Accepted: slowReaderChanges}, Slow: true,
	},
}

// slowReaderChanges of 60 KiB each are 5 MiB: more than the window of a connection and the buffers of its socket.
const slowReaderChanges = 88

// forge sends a forged pack on four connections at a time, each again and again; each must end with bad-signature.
func (t *Target) forge(ctx context.Context, times int, pack []byte) error {
	msg := transport.AppendMessage(nil, t.Room.ID(), transport.Packs{pack})
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for k := range errs {
		wg.Go(func() {
			for i := 0; i < times && errs[k] == nil; i++ {
				c, err := t.open(ctx)
				if err != nil {
					errs[k] = err
					return
				}
				errs[k] = errors.Join(c.say(t.hello()), c.say(msg), c.wantEnd("bad-signature"))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// flood says one message so often, then asks for a sign of life: the answer to a round.
func (t *Target) flood(ctx context.Context, b transport.Body, times int) error {
	c, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.meet(t); err != nil {
		return err
	}
	raw := frame(finBit|opBinary, transport.AppendMessage(nil, t.Room.ID(), b))
	for left := times; left > 0; left -= 100 {
		if err := c.send(bytes.Repeat(raw, min(left, 100))); err != nil {
			return err
		}
	}
	if err := c.say(transport.AppendMessage(nil, t.Room.ID(), &transport.Tips{Round: 1 << 40})); err != nil {
		return err
	}
	for {
		op, msg, err := c.read()
		if err != nil {
			return fmt.Errorf("no answer after the flood: %w", err)
		}
		if m, err := transport.DecodeMessage(msg); op == opBinary && err == nil {
			if tips, ok := m.Body.(*transport.Tips); ok && tips.Round == 1<<40 {
				return nil
			}
		}
	}
}

// fill puts changes of 60 KiB into the room and waits until all are stored.
func (t *Target) fill(ctx context.Context, changes int) error {
	c, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.meet(t); err != nil {
		return err
	}
	crew := t.Room.Crew("fill")
	var prev crdt.ChangeID
	for i := range changes {
		run := crew.Run(0, prev, crew.Say(bytes.Repeat([]byte{byte(i)}, 60<<10)))
		prev = run.Last()
		if err := c.say(transport.AppendMessage(nil, t.Room.ID(), transport.Packs{Pack(run)})); err != nil {
			return err
		}
		for credit := uint64(0); credit <= uint64(i); { // one under way at a time
			op, msg, err := c.read()
			if err != nil {
				return fmt.Errorf("change %d was not stored: %w", i, err)
			}
			if op != opBinary {
				continue
			}
			m, err := transport.DecodeMessage(msg)
			if err != nil {
				return err
			}
			if s, ok := m.Body.(*transport.Stored); ok {
				credit = s.Credit
			}
		}
	}
	return nil
}

// readNothing says hello as one who has nothing, and reads no further than the victim's hello, until the victim gives it up.
func (t *Target) readNothing(ctx context.Context) error {
	c, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if tcp, ok := c.Conn.(interface{ SetReadBuffer(int) error }); ok {
		if err := tcp.SetReadBuffer(4 << 10); err != nil {
			return err
		}
	}
	if err := c.meet(t); err != nil {
		return err
	}
	return t.AwaitEnd(ctx, c.Conn)
}
