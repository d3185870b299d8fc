package transport

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func mustURL(t testing.TB, s string) string {
	t.Helper()
	u, err := ParseURL(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func startHTTP(t testing.TB, f http.HandlerFunc) (url string) {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

func startHTTPS(t testing.TB) (url string) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "https")
}

// startTCP accepts connections and says one thing; "silent" says nothing and keeps them open.
func startTCP(t testing.TB, say string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if say == "silent" {
				defer c.Close()
				continue
			}
			buf := make([]byte, 4096)
			_, _ = c.Read(buf) // the request, or as much of it as comes
			_, _ = c.Write([]byte(say))
			c.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return "ws://" + l.Addr().String()
}

// refusedAddress is one where nobody listens.
func refusedAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "ws://" + l.Addr().String()
}

func TestParseURL(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"ws://127.0.0.1:8080", "ws://127.0.0.1:8080/websocket"},
		{"ws://127.0.0.1:8080/", "ws://127.0.0.1:8080/websocket"},
		{"http://relay.example", "ws://relay.example/websocket"},
		{"https://relay.example/path", "wss://relay.example/path"},
		{"wss://[::1]:443/websocket", "wss://[::1]:443/websocket"},
		{"127.0.0.1:8080", ""},
		{"localhost:8080", ""},
		{"ws://", ""},
		{"ftp://host", ""},
		{"ws://user:secret@host", ""},
		{"ws://host/?a=b", ""},
		{"ws://host/#x", ""},
		{"ws://host:port", ""},
		{"ws://host:99999", ""},
		{"ws://host:0", ""},
		{"ws://user:secret@host:99999", ""},
		{"", ""},
	} {
		got, err := ParseURL(tt.in)
		if got != tt.want || (tt.want == "") != (Code(err) == "bad-url") {
			t.Errorf("ParseURL(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// TestEarly: who comes before the hub runs is served once it does, and is not turned away.
func TestEarly(t *testing.T) {
	hub := NewHub(HubConfig{Agent: "tallystick test"})
	server := httptest.NewServer(hub)
	defer server.Close()
	type answer struct {
		ws  *websocket.Conn
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		ws, _, err := hub.dialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
		answers <- answer{ws, err}
	}()
	for shaking := 0; shaking == 0; time.Sleep(time.Millisecond) {
		hub.mu.Lock()
		shaking = hub.shaking
		hub.mu.Unlock()
	}
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := hub.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	a := <-answers
	if a.err != nil {
		t.Errorf("connected before the hub ran: %v", a.err)
	} else if err := a.ws.Close(); err != nil {
		t.Error(err)
	}
	end()
	running.Wait()
	// Nor does one wait whom a hub that has ended will never serve.
	if _, resp, err := hub.dialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil); err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("connected after the hub ended: %v", err)
	}
}

// serveRelay runs a relay with one room over a store until stop.
func serveRelay(t testing.TB, s Store, l net.Listener) (stop func()) {
	t.Helper()
	n, err := OpenNode(context.Background(), NodeConfig{Charter: testCharter, Store: s})
	if err != nil {
		t.Fatal(err)
	}
	hub := NewHub(HubConfig{Agent: "tallystick relay test"})
	if err := hub.Add(n); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{Handler: hub}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(l) }) // ends with ErrServerClosed
	wg.Go(func() {
		if err := n.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		if err := hub.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return func() {
		cancel()
		server.Close()
		wg.Wait()
	}
}
