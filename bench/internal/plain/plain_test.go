package plain

import (
	"context"
	"net"
	"runtime"
	"testing"
	"time"
)

func start(t *testing.T) (base string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- Serve(l) }()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "ws://" + l.Addr().String()
}

func TestEcho(t *testing.T) {
	t.Parallel()
	base := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	took, err := EchoFor(ctx, base, 300, 8)
	if err != nil || len(took) == 0 {
		t.Errorf("got %d echoes, %v", len(took), err)
	}
}

func TestBroadcastLosesNothing(t *testing.T) {
	t.Parallel()
	base := start(t)
	var all []*Subscriber
	for range 5 {
		s, err := Subscribe(context.Background(), base)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	const n = 2 * queueMessages
	for range n {
		if err := all[0].Send(make([]byte, 300)); err != nil {
			t.Fatal(err)
		}
	}
	end := time.Now().Add(20 * time.Second)
	for i, s := range all {
		for s.Got() < n && time.Now().Before(end) {
			runtime.Gosched()
		}
		if got := s.Got(); got != n {
			t.Errorf("subscriber %d got %d messages, want %d", i, got, n)
		}
	}
	for _, s := range all {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestBulk(t *testing.T) {
	t.Parallel()
	if took, err := Fetch(context.Background(), start(t), 1_000_001, 1000); err != nil || took <= 0 {
		t.Errorf("got %v, %v", took, err)
	}
}
