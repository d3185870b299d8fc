package byz

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// Opcodes of websocket frames (RFC 6455 §5.2).
const (
	opContinue = 0
	opText     = 1
	opBinary   = 2
	opClose    = 8
	opPing     = 9
	opPong     = 10

	finBit  = 0x80
	rsv1Bit = 0x40 // "compressed", if that was negotiated
	maskBit = 0x80
)

// wireConn is a websocket of which every bit can be wrong.
type wireConn struct {
	net.Conn
	r *bufio.Reader
	t *Target

	// The message that has begun and not ended: the victim may send any in fragments, with control frames between them.
	begun    byte // its opcode, 0 if there is none
	gathered []byte
}

// upgradeRequest is a handshake as it should be; more are further header lines, each with its CRLF.
func upgradeRequest(host, more string) string {
	return "GET /websocket HTTP/1.1\r\nHost: " + host + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + more + "\r\n"
}

const subprotocolHeader = "Sec-WebSocket-Protocol: tallystick.v1\r\n"

// request dials and sends raw bytes instead of, or as, a handshake. It returns the status of the answer, 0 if the victim
// just closed.
func (t *Target) request(ctx context.Context, raw string) (*wireConn, int, error) {
	nc, err := t.Dial(ctx)
	if err != nil {
		return nil, 0, err
	}
	if d, ok := ctx.Deadline(); ok {
		if err := nc.SetDeadline(d); err != nil {
			return nil, 0, errors.Join(err, nc.Close())
		}
	}
	c := &wireConn{Conn: nc, r: bufio.NewReader(nc), t: t}
	if _, err := io.WriteString(nc, raw); err != nil && !gone(err) {
		return nil, 0, errors.Join(err, nc.Close())
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		if gone(err) {
			return c, 0, nil
		}
		return nil, 0, errors.Join(err, nc.Close())
	}
	return c, resp.StatusCode, nil
}

// gone says that the other side has closed, in whatever way.
func gone(err error) bool {
	var timeout net.Error
	return err != nil && (!errors.As(err, &timeout) || !timeout.Timeout())
}

// open makes a websocket as it should be.
func (t *Target) open(ctx context.Context) (*wireConn, error) {
	c, status, err := t.request(ctx, upgradeRequest(t.Addr, subprotocolHeader))
	if err == nil && status != http.StatusSwitchingProtocols {
		err = errors.Join(fmt.Errorf("a good handshake was answered with status %d", status), c.Close())
	}
	return c, err
}

// frameHead is the head of a masked frame; the mask is zero, so the payload follows as it is.
func frameHead(first byte, length uint64) []byte {
	h := []byte{first}
	switch {
	case length < 126:
		h = append(h, maskBit|byte(length))
	case length < 1<<16:
		h = binary.BigEndian.AppendUint16(append(h, maskBit|126), uint16(length))
	default:
		h = binary.BigEndian.AppendUint64(append(h, maskBit|127), length)
	}
	return append(h, 0, 0, 0, 0)
}

func frame(first byte, payload []byte) []byte {
	return append(frameHead(first, uint64(len(payload))), payload...)
}

// send writes raw bytes; that the victim has closed meanwhile is no error: what it said is read next.
func (c *wireConn) send(raw []byte) error {
	if _, err := c.Write(raw); err != nil && !gone(err) {
		return err
	}
	return nil
}

// say sends a message as it should be.
func (c *wireConn) say(msg []byte) error { return c.send(frame(finBit|opBinary, msg)) }

// read returns the next message or control frame of the victim: no message of ours is answered with more than one MiB and its head.
func (c *wireConn) read() (op byte, payload []byte, err error) {
	for {
		fin, op, payload, err := c.readFrame()
		if err != nil || op >= opClose {
			return op, payload, err
		}
		if (op == opContinue) != (c.begun != 0) {
			return 0, nil, fmt.Errorf("the victim sends a frame of opcode %d where none may be", op)
		}
		if op != opContinue {
			c.begun = op
		}
		c.gathered = append(c.gathered, payload...)
		if len(c.gathered) > transport.MaxFrameBytes {
			return 0, nil, fmt.Errorf("the victim sends a message of more than %d bytes", len(c.gathered))
		}
		if fin {
			op, payload = c.begun, c.gathered
			c.begun, c.gathered = 0, nil
			return op, payload, nil
		}
	}
}

func (c *wireConn) readFrame() (fin bool, op byte, payload []byte, err error) {
	var h [8]byte
	if _, err := io.ReadFull(c.r, h[:2]); err != nil {
		return false, 0, nil, err
	}
	fin = h[0]&finBit != 0
	op, n := h[0]&0xf, uint64(h[1]&0x7f)
	ext := map[uint64]int{126: 2, 127: 8}[n]
	if ext > 0 {
		if _, err := io.ReadFull(c.r, h[8-ext:]); err != nil {
			return false, 0, nil, err
		}
		clear(h[:8-ext])
		n = binary.BigEndian.Uint64(h[:])
	}
	if n > transport.MaxFrameBytes {
		return false, 0, nil, fmt.Errorf("the victim sends a frame of %d bytes", n)
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c.r, payload)
	return fin, op, payload, err
}

// meet says hello and waits for the victim's.
func (c *wireConn) meet(t *Target) error {
	if err := c.say(t.hello()); err != nil {
		return err
	}
	return c.greeted(t.Room.Charter.ID())
}

// greeted waits for the victim's hello.
func (c *wireConn) greeted(room crdt.RoomID) error {
	for {
		op, msg, err := c.read()
		if err != nil {
			return fmt.Errorf("no hello came back: %w", err)
		}
		if op != opBinary {
			continue
		}
		m, err := transport.DecodeMessage(msg)
		if err != nil {
			return err
		}
		switch b := m.Body.(type) {
		case *transport.PeerError:
			return fmt.Errorf("no hello came back but %w", b)
		case *transport.Hello:
			if m.Room == room {
				return nil
			}
		}
	}
}

// ends reads on until the connection is over and returns the code that the victim has said why: that of its error message
// or the text of its close frame; "" if it said nothing.
func (c *wireConn) ends() (code string, err error) {
	for {
		op, payload, err := c.read()
		switch {
		case err != nil && !gone(err):
			return code, fmt.Errorf("the connection goes on: %w", err)
		case err != nil:
			return code, nil
		case op == opClose:
			if len(payload) > 2 && code == "" {
				code = string(payload[2:])
			}
			return code, nil
		case op == opBinary:
			if m, err := transport.DecodeMessage(payload); err == nil {
				if e, ok := m.Body.(*transport.PeerError); ok {
					code = strings.Clone(e.ErrorCode)
					c.t.Told(c.Conn, code)
				}
			}
		}
	}
}

// anyCode stands for whatever the websocket library says of a broken frame.
const anyCode = "*"

// wantEnd is ends, with the code that must have been said.
func (c *wireConn) wantEnd(code string) error {
	defer c.Close()
	got, err := c.ends()
	if err != nil {
		return err
	}
	if got != code && code != anyCode {
		return fmt.Errorf("the victim closed with %q, want %q", got, code)
	}
	return nil
}

// once is an attack of one connection: a good handshake, raw bytes, and the code with which it must end.
func once(raw func(*Target) []byte, code string) func(context.Context, *Target) error {
	return func(ctx context.Context, t *Target) error {
		c, err := t.open(ctx)
		if err != nil {
			return err
		}
		if err := c.send(raw(t)); err != nil {
			return errors.Join(err, c.Close())
		}
		return c.wantEnd(code)
	}
}

// status is an attack of one request that must be answered with a status, or closed without a word if it is 0.
func status(raw func(*Target) string, want ...int) func(context.Context, *Target) error {
	return func(ctx context.Context, t *Target) error {
		c, got, err := t.request(ctx, raw(t))
		if err != nil {
			return err
		}
		defer c.Close()
		for _, w := range want {
			if got == w {
				return nil
			}
		}
		return fmt.Errorf("answered with status %d, want %v", got, want)
	}
}

// slowly writes raw, a byte each period, until it is through or the victim closes.
func (c *wireConn) slowly(ctx context.Context, raw []byte, period time.Duration) error {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for i := range raw {
		if _, err := c.Write(raw[i : i+1]); err != nil {
			if gone(err) {
				return nil
			}
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
