package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

// write is the writer's goroutine: it writes what is queued, and closes if that was the last.
func (c *conn) write() {
	moving := c.movement()
	for {
		msg, more, end := c.pop()
		if end {
			c.close()
			close(c.done)
			return
		}
		if !more {
			return
		}
		err := c.writeControl()
		if err == nil && msg != nil {
			err = c.writeMessage(msg, moving)
		}
		if err != nil {
			c.mu.Lock()
			c.queue, c.bytes = nil, 0
			c.mu.Unlock()
			c.fail(writeError(err))
		}
	}
}

// writeControl answers the newest ping, if there is one, and pings, if that is due. The reader, which takes pings, never writes:
// it would wait for a peer who may be waiting for it; and a second, which the library gives a pong, is not enough on a thin line.
func (c *conn) writeControl() error {
	now := time.Now()
	until := now.Add(c.hub.limits.WriteTimeout)
	c.mu.Lock()
	data, answer, ping := c.pong, c.ponging && !c.ending, c.pinging && !c.ending // the end is not put off for them
	c.pong, c.ponging, c.pinging = "", false, false
	if ping {
		c.pinged = now.UnixNano()
	}
	c.mu.Unlock()
	if answer {
		if err := c.ws.WriteControl(websocket.PongMessage, []byte(data), until); err != nil {
			return err
		}
	}
	if ping {
		return c.ws.WriteControl(websocket.PingMessage, binary.BigEndian.AppendUint64(nil, uint64(now.UnixNano())), until)
	}
	return nil
}

// onPing has the writer answer.
func (c *conn) onPing(data string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ending {
		c.pong, c.ponging = data, true
		c.wakeLocked()
	}
	return nil
}

// writePieceBytes is what a peer has to read within WriteTimeout, or less if that is all there is: a message of a mebibyte over
// a thin line takes minutes, and would be sent in vain again and again if all of it had to be read in that time.
const writePieceBytes = 32 << 10

// writeMessage writes one message and calls moving after each piece of it. Pings go between the pieces.
func (c *conn) writeMessage(msg []byte, moving func()) error {
	c.stats.BytesOut.Add(uint64(len(msg)))
	m := c.hub.cfg.Meter
	m.MessagesOut.Add(1)
	m.BytesOut.Add(uint64(len(msg)))
	var goodbye time.Time // until when all must be written once the connection ends; zero before
	if err := c.allowPiece(&goodbye); err != nil {
		return err
	}
	if len(msg) <= writePieceBytes {
		defer moving()
		return c.ws.WriteMessage(websocket.BinaryMessage, msg)
	}
	w, err := c.ws.NextWriter(websocket.BinaryMessage)
	if err != nil {
		return err
	}
	for len(msg) > 0 {
		n := min(len(msg), writePieceBytes)
		if _, err := w.Write(msg[:n]); err != nil {
			return err
		}
		moving()
		if err := c.writeControl(); err != nil {
			return err
		}
		if err := c.allowPiece(&goodbye); err != nil {
			return err
		}
		msg = msg[n:]
	}
	return w.Close()
}

// allowPiece sets the deadline for the next piece.
func (c *conn) allowPiece(goodbye *time.Time) error {
	c.mu.Lock()
	ending := c.ending
	c.mu.Unlock()
	now := time.Now()
	until := now.Add(c.hub.limits.WriteTimeout)
	if ending {
		if goodbye.IsZero() {
			*goodbye = now.Add(min(c.hub.limits.WriteTimeout, closeGrace))
		}
		until = *goodbye
	}
	return c.ws.SetWriteDeadline(until)
}

// movement returns a function to be called when a part of a message has been read or written. Where that goes on for long,
// it tells the nodes now and then that the line moves: what they wait for of the peer may stand behind it. It is for one
// goroutine, and one run of messages without a pause.
func (c *conn) movement() func() {
	period := c.hub.limits.RoundTimeout / 4
	last := time.Now()
	return func() {
		if now := time.Now(); now.Sub(last) >= period {
			last = now
			c.tellMoves()
		}
	}
}

// tellMoves tells every node of the connection that its line moves.
func (c *conn) tellMoves() {
	c.mu.Lock()
	links := make([]*link, 0, len(c.links))
	for _, l := range c.links {
		links = append(links, l)
	}
	c.mu.Unlock()
	for _, l := range links {
		// The node may be waiting for room in this very queue, but it never waits for a connection: it takes this in time.
		l.node.send(c.done, input{do: func(now time.Time) { l.node.core.Moves(now, l.peer.ID) }})
	}
}

func writeError(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return ErrSlowReader
	}
	return fmt.Errorf("%w: %w", ErrConnection, err)
}

// pop takes the oldest message; it is nil if there is only a ping to be sent or answered. end: nothing is left and nothing more
// will come. Nodes that wait for room are poked when the queue is half empty.
func (c *conn) pop() (msg []byte, more, end bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		if (c.ponging || c.pinging) && !c.ending {
			return nil, true, false
		}
		c.writing, c.closed = c.ending, c.ending
		return nil, false, c.ending
	}
	msg = c.queue[0]
	c.queue[0] = nil
	if c.queue = c.queue[1:]; len(c.queue) == 0 {
		c.queue = nil
	}
	c.bytes -= len(msg)
	if len(c.waiting) > 0 && len(c.queue) <= c.hub.limits.QueueMessages/2 && c.bytes <= c.hub.limits.QueueBytes/2 {
		for _, n := range c.waiting {
			n.poke()
		}
		c.waiting = nil
	}
	return msg, true, false
}

// close says goodbye as far as that is possible; the reader ends with it.
func (c *conn) close() {
	c.mu.Lock()
	err := c.err
	c.mu.Unlock()
	code := websocket.CloseNormalClosure
	switch {
	case errors.Is(err, ErrTextFrame):
		code = websocket.CloseUnsupportedData
	case errors.Is(err, ErrTooLarge):
		code = websocket.CloseMessageTooBig
	case errors.Is(err, ErrGoingAway):
		code = websocket.CloseGoingAway
	case tellsPeer(err):
		code = websocket.ClosePolicyViolation
	}
	// The connection ends whether this can be written or not; and so it does if the deadline cannot be set.
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, Code(err)), time.Now().Add(closeGrace))
	grace := closeGrace
	if !tellsPeer(err) || errors.Is(err, ErrGoingAway) {
		grace = 0
	}
	_ = c.ws.NetConn().SetReadDeadline(time.Now().Add(grace))
}

// sendPing has the writer ping, and comes again after PingPeriod.
func (c *conn) sendPing() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending {
		return
	}
	c.pinging = true
	c.wakeLocked()
	c.ping.Reset(c.hub.limits.PingPeriod)
}

// onPong measures the round trip, if the pong is the answer to our last ping.
func (c *conn) onPong(data string) {
	if len(data) != 8 {
		return
	}
	at := int64(binary.BigEndian.Uint64([]byte(data)))
	c.mu.Lock()
	ours := at == c.pinged && at != 0
	c.pinged = 0
	c.mu.Unlock()
	if ours {
		c.stats.RTT.Store(max(1, time.Now().UnixNano()-at))
	}
}
