package plain

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

func dial(ctx context.Context, url string) (*websocket.Conn, error) {
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, url, nil)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", url, err)
	}
	return ws, nil
}

// EchoFor sends messages of size bytes to the server at base, up to under of them under way, until ctx ends. It returns how
// many came back and how long each took.
func EchoFor(ctx context.Context, base string, size, under int) (took []time.Duration, err error) {
	ws, err := dial(ctx, base+Echo)
	if err != nil {
		return nil, err
	}
	defer ws.Close() // nothing more is expected
	msg := make([]byte, size)
	sent := make(chan time.Time, under) // full: so many are under way
	failed := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			sent <- time.Now()
			if err := ws.WriteMessage(websocket.BinaryMessage, msg); err != nil {
				failed <- err
				return
			}
		}
		close(sent)
	}()
	for {
		at, ok := <-sent
		if !ok {
			return took, nil
		}
		if _, _, err := ws.ReadMessage(); err != nil {
			select {
			case err = <-failed:
			default:
			}
			return nil, err
		}
		took = append(took, time.Since(at))
	}
}

// Subscriber counts what it gets of a broadcast.
type Subscriber struct {
	ws   *websocket.Conn
	got  atomic.Int64
	done chan struct{}
}

// Subscribe connects to the broadcast of the server at base. What is sent after it has returned arrives.
func Subscribe(ctx context.Context, base string) (*Subscriber, error) {
	ws, err := dial(ctx, base+Broadcast)
	if err != nil {
		return nil, err
	}
	if _, _, err := ws.ReadMessage(); err != nil { // the welcome
		return nil, errors.Join(fmt.Errorf("subscribe at %s: %w", base, err), ws.Close())
	}
	s := &Subscriber{ws: ws, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for {
			if _, _, err := ws.ReadMessage(); err != nil {
				return
			}
			s.got.Add(1)
		}
	}()
	return s, nil
}

// Got is the number of messages so far.
func (s *Subscriber) Got() int64 { return s.got.Load() }

// Send broadcasts a message.
func (s *Subscriber) Send(msg []byte) error { return s.ws.WriteMessage(websocket.BinaryMessage, msg) }

// Close ends the connection.
func (s *Subscriber) Close() error {
	err := s.ws.Close()
	<-s.done
	return err
}

// Fetch takes total bytes from the server at base, in frames of size frame, and returns how long that took.
func Fetch(ctx context.Context, base string, total, frame int) (time.Duration, error) {
	start := time.Now()
	ws, err := dial(ctx, fmt.Sprintf("%s%s?bytes=%d&frame=%d", base, Bulk, total, frame))
	if err != nil {
		return 0, err
	}
	defer ws.Close() // nothing more is expected
	for total > 0 {
		_, msg, err := ws.ReadMessage()
		if err != nil {
			return 0, err
		}
		total -= len(msg)
	}
	return time.Since(start), nil
}
