package transport

import (
	"context"
	"net"
	"testing"
)

// A server that takes the connection and says nothing does not hold up who gives up.
func TestDialGivesUpAtOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		accepted <- c
		buf := make([]byte, 1)
		if _, err := c.Read(buf); err == nil { // the request has come: now nothing but the answer is waited for
			cancel()
		}
	}()
	hub := NewHub(HubConfig{Agent: "tallystick node test", Limits: Limits{DialTimeout: 1 << 40}})
	if _, err := hub.dial(ctx, "ws://"+l.Addr().String()+"/websocket", new(LinkStats)); err == nil {
		t.Error("a dial that was given up succeeded")
	}
	(<-accepted).Close()
}
