package wire

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
	"github.com/tallystick/tallystick/transport"
)

// ErrPeer is returned when the other side has ended the session with an error message.
var ErrPeer = errors.New("the peer has refused")

// formFingerprint is the form of a tips message that opens or answers a round.
const formFingerprint = 0

// Client is one connection for one room.
type Client struct {
	ws   *websocket.Conn
	room crdt.RoomID
	live chan struct{} // closed when the other side has said hello
	done chan struct{} // closed when Run has returned

	// onStored is called on Run's goroutine with what the other side says to have stored.
	onStored func(*transport.Stored)

	changes  atomic.Int64 // received
	bytes    atomic.Int64 // received, of packs messages
	messages atomic.Int64 // received, of packs
	notify   chan struct{}
	want     atomic.Int64

	gate sync.Mutex // held while nothing is to be read

	mu sync.Mutex // guards writing

	closing atomic.Bool // Close was called

	round uint64 // owned by Run: the newest that was answered
}

// Dial connects to url for the room of charter, as somebody who has nothing. onStored may be nil. Run must be called.
func Dial(ctx context.Context, url string, charter crdt.Charter, onStored func(*transport.Stored)) (*Client, error) {
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, url, nil)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", url, err)
	}
	c := &Client{
		ws: ws, room: charter.ID(), live: make(chan struct{}), done: make(chan struct{}), onStored: onStored, notify: make(chan struct{}, 1),
	}
	c.want.Store(-1)
	hello := &transport.Hello{Charter: charter.Append(nil), Agent: "tallystick bench 0"}
	if err := c.write(transport.AppendMessage(nil, c.room, hello)); err != nil {
		return nil, errors.Join(err, ws.Close())
	}
	return c, nil
}

// Stall has the client read no further until Resume, as somebody whose program hangs: the connection stays.
func (c *Client) Stall() { c.gate.Lock() }

// Resume ends Stall.
func (c *Client) Resume() { c.gate.Unlock() }

// pass waits until nobody stalls the client.
func (c *Client) pass() {
	c.gate.Lock()
	defer c.gate.Unlock()
}

// Live is closed when the other side has said hello.
func (c *Client) Live() <-chan struct{} { return c.live }

// Close ends the connection, and Run.
func (c *Client) Close() error {
	c.closing.Store(true)
	return c.ws.Close()
}

// Done is closed when Run has returned.
func (c *Client) Done() <-chan struct{} { return c.done }

// Received is what has arrived so far.
func (c *Client) Received() (changes, messages, bytes int64) {
	return c.changes.Load(), c.messages.Load(), c.bytes.Load()
}

// Wait waits until n changes have arrived in all.
func (c *Client) Wait(ctx context.Context, n int64) error {
	c.want.Store(n)
	for c.changes.Load() < n {
		select {
		case <-c.notify:
		case <-c.done:
			return fmt.Errorf("%d of %d changes have arrived: %w", c.changes.Load(), n, ErrPeer)
		case <-ctx.Done():
			return fmt.Errorf("%d of %d changes have arrived: %w", c.changes.Load(), n, ctx.Err())
		}
	}
	return nil
}

func (c *Client) write(msg []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ws.WriteMessage(websocket.BinaryMessage, msg)
}

// Send sends packs in one message. The caller keeps within the protocol's window.
func (c *Client) Send(packs [][]byte) error {
	return c.write(transport.AppendMessage(nil, c.room, transport.Packs(packs)))
}

// Run reads until the connection ends. Its error is nil if Close ended it, whatever was under way.
func (c *Client) Run() error {
	defer close(c.done)
	if err := c.serve(); !c.closing.Load() {
		return err
	}
	return nil
}

// serve reads and answers until either fails.
func (c *Client) serve() error {
	for {
		c.pass()
		_, frame, err := c.ws.ReadMessage()
		if err != nil {
			var closed *websocket.CloseError
			if errors.As(err, &closed) {
				return fmt.Errorf("%w: %w", ErrPeer, err)
			}
			return err
		}
		m, err := transport.DecodeMessage(frame)
		if err != nil {
			return err
		}
		switch b := m.Body.(type) {
		case *transport.Hello:
			close(c.live)
		case transport.Packs:
			if err := c.onPacks(b, len(frame)); err != nil {
				return err
			}
		case *transport.Stored:
			if c.onStored != nil {
				c.onStored(b)
			}
		case *transport.Tips:
			// To say the same fingerprint is to say that nothing is lacking: true of all that was sent so far, and
			// the other side opens a round only when that has arrived.
			if b.Form == formFingerprint && b.Round > c.round && b.Round > 1 {
				c.round = b.Round
				answer := &transport.Tips{Round: b.Round, Form: formFingerprint, Count: b.Count, Fingerprint: b.Fingerprint}
				if err := c.write(transport.AppendMessage(nil, c.room, answer)); err != nil {
					return err
				}
			}
		case *transport.PeerError:
			return fmt.Errorf("%w: %s: %s", ErrPeer, b.ErrorCode, b.Text)
		}
	}
}

func (c *Client) onPacks(packs transport.Packs, size int) error {
	n := 0
	for _, p := range packs {
		n += CountChanges(p)
	}
	c.bytes.Add(int64(size))
	credit := c.messages.Add(1)
	if total := c.changes.Add(int64(n)); total >= c.want.Load() && c.want.Load() >= 0 {
		select {
		case c.notify <- struct{}{}:
		default:
		}
	}
	return c.write(transport.AppendMessage(nil, c.room, &transport.Stored{Credit: uint64(credit)}))
}

// CountChanges is the number of changes in a pack, 0 if it is none.
func CountChanges(pack []byte) int {
	r := dcbor.NewReader(pack)
	n := 0
	for range r.Array() {
		if r.Array() != 4 {
			return 0
		}
		r.Bytes() // author
		r.Bytes() // prev
		k := r.Array()
		for range k {
			r.Bytes()
		}
		r.Bytes() // signature
		n += k
	}
	if r.Done() != nil {
		return 0
	}
	return n
}

// WaitLive waits for the other side's hello.
func (c *Client) WaitLive(timeout time.Duration) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-c.live:
		return nil
	case <-c.done:
		return ErrPeer
	case <-timer.C:
		return fmt.Errorf("no hello within %v", timeout)
	}
}
