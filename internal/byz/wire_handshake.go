package byz

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Attacks on the way to the websocket: whoever does not come through the handshake reaches no room, and holds nothing for long.
var handshakeWires = []Wire{
	{
		Class: Transport, Name: "transport/handshake-garbage", What: "random bytes in place of HTTP",
		Run: func(ctx context.Context, t *Target) error {
			raw := make([]byte, 4<<10)
			for i := range raw {
				raw[i] = byte(t.Room.Rand.Uint32())
			}
			return status(func(*Target) string { return string(raw) + "\r\n\r\n" }, http.StatusBadRequest, 0)(ctx, t)
		},
	},
	{
		Class: Transport, Name: "transport/handshake-tls", What: "the beginning of TLS on a plain port",
		Run: status(func(*Target) string {
			return "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 64) + "\r\n\r\n"
		}, http.StatusBadRequest, 0),
	},
	{
		Class: Transport, Name: "transport/handshake-no-upgrade", What: "GET /websocket without a wish for one",
		Run: status(func(t *Target) string { return "GET /websocket HTTP/1.1\r\nHost: " + t.Addr + "\r\n\r\n" }, http.StatusBadRequest),
	},
	{
		Class: Transport, Name: "transport/handshake-version", What: "a websocket version that is none",
		Run: status(func(t *Target) string {
			return strings.Replace(upgradeRequest(t.Addr, subprotocolHeader), "Version: 13", "Version: 99", 1)
		}, http.StatusBadRequest, http.StatusUpgradeRequired),
	},
	{
		Class: Transport, Name: "transport/handshake-headers", What: "64 KiB of HTTP headers",
		Run: status(func(t *Target) string {
			return upgradeRequest(t.Addr, subprotocolHeader+strings.Repeat("X-Filler: "+strings.Repeat("x", 1000)+"\r\n", 64))
		}, http.StatusRequestHeaderFieldsTooLarge, 0),
	},
	{
		Class: Transport, Name: "transport/handshake-other-origin", What: "a web page of somewhere else connects from a visitor's browser",
		Run: status(func(t *Target) string {
			return upgradeRequest(t.Addr, subprotocolHeader+"Origin: https://evil.example\r\n")
		}, http.StatusForbidden),
	},
	{
		Class: Transport, Name: "transport/handshake-other-subprotocol", What: "a websocket of another protocol, then silence: it names no room",
		Run: func(ctx context.Context, t *Target) error {
			c, got, err := t.request(ctx, upgradeRequest(t.Addr, "Sec-WebSocket-Protocol: mqtt\r\n"))
			if err != nil {
				return err
			}
			defer c.Close()
			if got != http.StatusSwitchingProtocols {
				return fmt.Errorf("answered with status %d", got)
			}
			code, err := c.ends()
			if err == nil && code != "hello-timeout" {
				err = fmt.Errorf("closed with %q", code)
			}
			return err
		},
		Want: Want{Refused: []string{"hello-timeout"}, Closed: true}, Slow: true,
	},
	{
		Class: Transport, Name: "transport/handshake-paths", What: "paths that climb out, of 8 KiB, and with controls in them",
		Run: func(ctx context.Context, t *Target) error {
			for _, path := range []string{"/../../etc/passwd", "/websocket/..%2f..%2f", "/%00", "/" + strings.Repeat("a", 6<<10), "/\x1b[2J"} {
				c, got, err := t.request(ctx, "GET "+path+" HTTP/1.1\r\nHost: "+t.Addr+"\r\n\r\n")
				if err != nil {
					return err
				}
				_ = c.Close() // answered
				if got < 300 && got != 0 {
					return fmt.Errorf("%.40q was answered with status %d", path, got)
				}
			}
			return nil
		},
	},
	{
		Class: Transport, Name: "transport/handshake-body", What: "an upgrade that announces a body of 2^62 bytes and sends 1 MiB of it",
		Run: func(ctx context.Context, t *Target) error {
			c, _, err := t.request(ctx, upgradeRequest(t.Addr, subprotocolHeader+"Content-Length: 4611686018427387904\r\n"))
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.send(make([]byte, 1<<20)); err != nil {
				return err
			}
			_, err = c.ends()
			return err
		},
		Want: Want{Closed: true},
	},
	{
		Class: Transport, Name: "transport/slowloris", What: "32 requests of which a byte comes each second",
		Run: func(ctx context.Context, t *Target) error {
			const connections = 32
			ended := make(chan error, connections)
			for range connections {
				go func() { ended <- slowRequest(ctx, t) }()
			}
			var err error
			for range connections {
				err = errors.Join(err, <-ended)
			}
			return err
		},
		Slow: true,
	},
}

// slowRequest sends a request a byte a second. It must be closed before the first 30 bytes are through.
func slowRequest(ctx context.Context, t *Target) error {
	nc, err := t.Dial(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	c := &wireConn{Conn: nc}
	began := time.Now()
	over := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, nc)
		over <- err
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { _ = c.slowly(ctx, []byte(upgradeRequest(t.Addr, subprotocolHeader)), time.Second) }() // ends with the connection
	select {
	case <-over:
	case <-ctx.Done():
		return fmt.Errorf("a request was awaited for %v", time.Since(began).Round(time.Second))
	}
	if took := time.Since(began); took > 30*time.Second {
		return fmt.Errorf("a request was awaited for %v", took.Round(time.Second))
	}
	return nil
}
