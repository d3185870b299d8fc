package byz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tallystick/tallystick/transport"
)

// Attacks with websocket frames: each ends its own connection, with the code of its fault where there is one, and costs the victim
// no memory by what it claims.
var frameWires = []Wire{
	{
		Class: Transport, Name: "transport/text-frame", What: "a message in a text frame",
		Run:  once(func(t *Target) []byte { return frame(finBit|opText, t.hello()) }, "text-frame"),
		Want: Want{Refused: []string{"text-frame"}, Closed: true},
	},
	{
		Class: Transport, Name: "transport/oversize-frame", What: "a message of one byte more than 1 MiB + 64 KiB",
		Run:  once(func(*Target) []byte { return frame(finBit|opBinary, make([]byte, transport.MaxFrameBytes+1)) }, "too-large"),
		Want: Want{Refused: []string{"too-large"}, Closed: true},
	},
	{
		Class: Transport, Name: "transport/claimed-length", What: "64 frames that claim 2^62 bytes, of which none come",
		Run: func(ctx context.Context, t *Target) error {
			var err error
			var all []*wireConn
			for range 64 {
				c, e := t.open(ctx)
				if err = errors.Join(err, e); err != nil {
					break
				}
				all = append(all, c)
				err = errors.Join(err, c.send(frameHead(finBit|opBinary, 1<<62)))
			}
			for _, c := range all {
				err = errors.Join(err, c.Close())
			}
			return err
		},
	},
	{
		Class: Transport, Name: "transport/negative-length", What: "a frame that claims 2^63 bytes",
		Run:  once(func(*Target) []byte { return frameHead(finBit|opBinary, 1<<63) }, anyCode),
		Want: Want{Closed: true},
	},
	{
		Class: Transport, Name: "transport/fragments", What: "a message that is ignored, in 60,000 fragments of a byte; then the room's hello on the same connection",
		Run: func(ctx context.Context, t *Target) error {
			c, err := t.open(ctx)
			if err != nil {
				return err
			}
			defer c.Close()
			id := t.Room.Charter.ID()
			msg := append(transport.AppendMessage(nil, id, transport.Grease(40)), make([]byte, 60_000)...)
			var raw bytes.Buffer
			raw.Write(frame(opBinary, msg[:1]))
			for i := 1; i < len(msg)-1; i++ {
				raw.Write(frame(opContinue, msg[i:i+1]))
			}
			raw.Write(frame(finBit|opContinue, msg[len(msg)-1:]))
			if err := c.send(raw.Bytes()); err != nil {
				return err
			}
			return c.meet(t)
		},
	},
	{
		Class: Transport, Name: "transport/endless-fragments", What: "fragments of 64 KiB without an end",
		Run: once(func(*Target) []byte {
			part := make([]byte, 64<<10)
			raw := frame(opBinary, part)
			for len(raw) < 2*transport.MaxFrameBytes {
				raw = append(raw, frame(opContinue, part)...)
			}
			return raw
		}, "too-large"),
		Want: Want{Refused: []string{"too-large"}, Closed: true},
	},
	{
		Class: Transport, Name: "transport/empty-fragments", What: "200,000 fragments of no byte, then the end of the connection",
		Run: func(ctx context.Context, t *Target) error {
			c, err := t.open(ctx)
			if err != nil {
				return err
			}
			raw := append(frame(opBinary, nil), bytes.Repeat(frame(opContinue, nil), 200_000)...)
			return errors.Join(c.send(raw), c.Close())
		},
	},
	{
		Class: Transport, Name: "transport/slow-frame", What: "a message of which a byte comes each second, on a connection that has named no room",
		Run: func(ctx context.Context, t *Target) error {
			c, err := t.open(ctx)
			if err != nil {
				return err
			}
			go func() { _ = c.slowly(ctx, frame(finBit|opBinary, t.hello()), time.Second) }() // ends with the connection
			return c.wantEnd("hello-timeout")
		},
		Want: Want{Refused: []string{"hello-timeout"}, Closed: true}, Slow: true,
	},
	{
		Class: Transport, Name: "transport/control-flood", What: "100,000 pings, as fast as they are answered",
		Run: func(ctx context.Context, t *Target) error {
			c, err := t.open(ctx)
			if err != nil {
				return err
			}
			if err := c.meet(t); err != nil {
				return errors.Join(err, c.Close())
			}
			go func() { _, _ = io.Copy(io.Discard, c.r) }() // ends with the connection
			return errors.Join(c.send(bytes.Repeat(frame(finBit|opPing, make([]byte, 125)), 100_000)), c.Close())
		},
	},
	{
		Class: Transport, Name: "transport/pong-flood", What: "100,000 pongs that nobody asked for, then the room's hello on the same connection",
		Run: func(ctx context.Context, t *Target) error {
			c, err := t.open(ctx)
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.send(bytes.Repeat(frame(finBit|opPong, make([]byte, 8)), 100_000)); err != nil {
				return err
			}
			return c.meet(t)
		},
	},
	{
		Class: Transport, Name: "transport/long-control", What: "a ping of 126 bytes",
		Run:  once(func(*Target) []byte { return frame(finBit|opPing, make([]byte, 126)) }, anyCode),
		Want: Want{Closed: true},
	},
	{
		Class: Transport, Name: "transport/compressed", What: "a frame marked as compressed, which was not agreed: a bomb",
		Run:  once(func(*Target) []byte { return frame(finBit|rsv1Bit|opBinary, []byte{0xca, 0x48, 0x04, 0x00}) }, anyCode),
		Want: Want{Closed: true},
	},
	{
		Class: Transport, Name: "transport/unmasked", What: "a frame of a client without a mask",
		Run:  once(func(*Target) []byte { return []byte{finBit | opBinary, 1, 0} }, anyCode),
		Want: Want{Closed: true},
	},
	{
		Class: Transport, Name: "transport/unknown-opcode", What: "a frame of an opcode that is not taken",
		Run:  once(func(*Target) []byte { return frame(finBit|3, []byte("x")) }, anyCode),
		Want: Want{Closed: true},
	},
	{
		Class: Transport, Name: "transport/continuation-first", What: "the continuation of nothing",
		Run:  once(func(*Target) []byte { return frame(finBit|opContinue, []byte("x")) }, anyCode),
		Want: Want{Closed: true},
	},
	{
		Class: Transport, Name: "transport/cut-frame", What: "half a frame, then the connection is cut",
		Run: func(ctx context.Context, t *Target) error {
			c, err := t.open(ctx)
			if err != nil {
				return err
			}
			if err := c.meet(t); err != nil {
				return errors.Join(err, c.Close())
			}
			return errors.Join(c.send(frameHead(finBit|opBinary, 1<<20)), c.send(make([]byte, 1<<19)), c.reset())
		},
	},
	{
		Class: Transport, Name: "transport/half-close", What: "the attacker says hello, closes its side only and goes on reading",
		Run: func(ctx context.Context, t *Target) error {
			c, err := t.open(ctx)
			if err != nil {
				return err
			}
			if err := c.meet(t); err != nil {
				return errors.Join(err, c.Close())
			}
			tcp, ok := c.Conn.(interface{ CloseWrite() error })
			if !ok {
				return errors.Join(fmt.Errorf("%T cannot be closed by halves", c.Conn), c.Close())
			}
			if err := tcp.CloseWrite(); err != nil {
				return errors.Join(err, c.Close())
			}
			return c.wantEnd("closed")
		},
		Want: Want{Closed: true},
	},
}

// reset ends the connection by a TCP reset.
func (c *wireConn) reset() error {
	if tcp, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		if err := tcp.SetLinger(0); err != nil {
			return err
		}
	}
	return c.Close()
}
