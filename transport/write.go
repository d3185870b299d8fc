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
		if err := c.writeMessage(msg); err != nil {
			c.mu.Lock()
			c.queue, c.bytes = nil, 0
			c.mu.Unlock()
			c.fail(writeError(err))
		}
	}
}

func (c *conn) writeMessage(msg []byte) error {
	c.mu.Lock()
	wait := c.hub.limits.WriteTimeout
	if c.ending {
		wait = min(wait, closeGrace)
	}
	c.mu.Unlock()
	if err := c.ws.SetWriteDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	c.stats.BytesOut.Add(uint64(len(msg)))
	m := c.hub.cfg.Meter
	m.MessagesOut.Add(1)
	m.BytesOut.Add(uint64(len(msg)))
	return c.ws.WriteMessage(websocket.BinaryMessage, msg)
}

func writeError(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return ErrSlowReader
	}
	return fmt.Errorf("%w: %w", ErrConnection, err)
}

// pop takes the oldest message. end: nothing is left and nothing more will come. Nodes that wait for room are poked
// when the queue is half empty.
func (c *conn) pop() (msg []byte, more, end bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
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

// sendPing pings, and comes again after PingPeriod.
func (c *conn) sendPing() {
	now := time.Now()
	c.mu.Lock()
	ending := c.ending
	c.pinged = now.UnixNano()
	c.mu.Unlock()
	if ending {
		return
	}
	err := c.ws.WriteControl(websocket.PingMessage, binary.BigEndian.AppendUint64(nil, uint64(now.UnixNano())), now.Add(c.hub.limits.WriteTimeout))
	if err != nil {
		c.fail(fmt.Errorf("%w: %w", ErrConnection, err))
		return
	}
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
