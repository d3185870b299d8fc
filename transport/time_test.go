package transport

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tallystick/tallystick/crdt"
)

// TestBackoff: pauses stay below a bound that doubles, are random, and begin anew after a reset.
func TestBackoff(t *testing.T) {
	b := backoff{min: 250 * time.Millisecond, max: time.Minute}
	bound := b.min
	var differ bool
	var before time.Duration
	for range 40 {
		d := b.next()
		if d < backoffFloor || d >= bound+backoffFloor {
			t.Fatalf("pause %v, want below %v", d, bound)
		}
		differ = differ || before != 0 && d != before
		before = d
		bound = min(2*bound, b.max)
	}
	if !differ {
		t.Error("all pauses are alike")
	}
	b.reset()
	if d := b.next(); d >= b.min+backoffFloor {
		t.Errorf("pause after reset %v, want below %v", d, b.min)
	}
}

// pipeHubs makes a dialling and a listening hub whose connections are pipes, inside a synctest bubble.
func pipeHubs(t *testing.T, server http.Handler, limits Limits) *Hub {
	dialler, _ := pipeHubsOver(t, server, limits, buffer)
	return dialler
}

// pipeHubsOver is pipeHubs with ends of pipes that are made by end.
func pipeHubsOver(t *testing.T, server http.Handler, limits Limits, end func(net.Conn) net.Conn) (*Hub, *pipeListener) {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{}), end: end}
	srv := &http.Server{Handler: server}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(l) }) // ends with ErrServerClosed
	dialler := NewHub(HubConfig{Agent: "tallystick node test", Limits: limits})
	dialler.dialer.NetDialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return l.dial(ctx) }
	dialler.dialer.Proxy = nil
	t.Cleanup(func() {
		srv.Close()
		wg.Wait()
		pass(time.Minute) // for what bufConns still have to write
	})
	return dialler, l
}

type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
	end   func(net.Conn) net.Conn // of a pipe

	mu    sync.Mutex
	dials []time.Time // guarded by mu
}

var errPipe = errors.New("refused by the test")

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	l.mu.Lock()
	l.dials = append(l.dials, time.Now())
	l.mu.Unlock()
	select {
	case <-l.done:
		return nil, errPipe
	default:
	}
	p, q := net.Pipe()
	a, b := l.end(p), l.end(q)
	select {
	case l.conns <- b:
		return a, nil
	case <-l.done:
		return nil, errPipe
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A bufConn gives a pipe what a network has: writes that need not wait for the reader. Write deadlines are not kept.
type bufConn struct {
	net.Conn
	queue chan []byte
	once  sync.Once
	end   chan struct{}
}

func buffer(c net.Conn) net.Conn {
	b := &bufConn{Conn: c, queue: make(chan []byte, 1000), end: make(chan struct{})}
	go func() {
		defer c.Close()
		for {
			select {
			case data := <-b.queue:
				if _, err := c.Write(data); err != nil {
					return
				}
				continue
			default:
			}
			select {
			case data := <-b.queue:
				if _, err := c.Write(data); err != nil {
					return
				}
			case <-b.end:
				return
			}
		}
	}()
	return b
}

func (b *bufConn) Write(data []byte) (int, error) {
	select {
	case b.queue <- bytes.Clone(data):
		return len(data), nil
	case <-b.end:
		return 0, net.ErrClosed
	}
}

func (b *bufConn) Close() error {
	b.once.Do(func() {
		_ = b.Conn.SetDeadline(time.Now().Add(time.Second)) // for what is still to be written
		close(b.end)
	})
	return nil
}

func (b *bufConn) SetWriteDeadline(time.Time) error { return nil }

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// runAll runs hubs and nodes until the test's function returns.
func runAll(t *testing.T, run ...func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, f := range run {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

func mustNode(t testing.TB, key int) *Node {
	t.Helper()
	n, err := OpenNode(context.Background(), NodeConfig{Charter: testCharter, Store: &memStore{}, Key: testKey(key), Last: &memLast{}})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestIdleConnection: an idle connection lives by its pings alone, for hours, and says nothing else.
func TestIdleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := mustNode(t, 1), mustNode(t, 2)
		server := NewHub(HubConfig{Agent: "tallystick relay test"})
		dialler := pipeHubs(t, server, Limits{})
		if err := server.Add(a); err != nil {
			t.Fatal(err)
		}
		stop := runAll(t, a.Run, b.Run, server.Run, dialler.Run)
		synctest.Wait()
		if _, err := dialler.Connect(b, "ws://pipe"); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		synctest.Wait()
		before := b.Snapshot()
		if before.Link != LinkLive {
			t.Fatalf("link %v, want live; %+v", before.Link, before.Peers)
		}
		stats := dialler.peers[before.Peers[0].ID].sub.peer.Stats
		said := stats.BytesOut.Load()
		pass(5 * time.Hour)
		synctest.Wait()
		after := b.Snapshot()
		if after.Version != before.Version {
			t.Errorf("%d snapshots while idle, want none", after.Version-before.Version)
		}
		if got := stats.BytesOut.Load(); got != said {
			t.Errorf("%d bytes of messages sent while idle", got-said)
		}
		if stats.RTT.Load() == 0 {
			t.Error("no round trip measured")
		}
		stop()
	})
}

// TestSilentPeer: a peer that says nothing is closed: without hello after HelloTimeout, later after ReadTimeout.
func TestSilentPeer(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hello bool
		after time.Duration
		code  string
	}{
		{"before hello", false, 10 * time.Second, "hello-timeout"},
		{"after hello", true, 60 * time.Second, "read-timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := mustNode(t, 1)
				server := NewHub(HubConfig{Agent: "tallystick relay test"})
				dialler := pipeHubs(t, server, Limits{})
				if err := server.Add(a); err != nil {
					t.Fatal(err)
				}
				stop := runAll(t, a.Run, server.Run)
				synctest.Wait()
				ws, _, err := dialler.dialer.Dial("ws://pipe", nil)
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				if tt.hello {
					hello := AppendMessage(nil, testCharter.ID(), &Hello{Charter: testCharter.Append(nil), Agent: "raw node"})
					if err := ws.WriteMessage(websocket.BinaryMessage, hello); err != nil {
						t.Fatal(err)
					}
				}
				ws.SetPingHandler(func(string) error { return nil }) // no pong
				for err == nil {
					_, _, err = ws.ReadMessage()
				}
				var closed *websocket.CloseError
				if !errors.As(err, &closed) || closed.Text != tt.code {
					t.Errorf("closed with %v, want %s", err, tt.code)
				}
				if took := time.Since(began); took < tt.after || took > tt.after+time.Second {
					t.Errorf("closed after %v, want %v", took, tt.after)
				}
				ws.Close()
				stop()
			})
		})
	}
}

// TestLateTurn: a peer whose packs wait here for longer than ReadTimeout was not silent, and is read further.
func TestLateTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := mustNode(t, 1), mustNode(t, 2)
		server := NewHub(HubConfig{
			Agent:  "tallystick relay test",
			Charge: func(net.Conn, iter.Seq2[crdt.Author, int]) time.Duration { return 90 * time.Second },
		})
		dialler := pipeHubs(t, server, Limits{})
		if err := server.Add(a); err != nil {
			t.Fatal(err)
		}
		stop := runAll(t, a.Run, b.Run, server.Run, dialler.Run)
		synctest.Wait()
		if _, err := dialler.Connect(b, "ws://pipe"); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		mustAppend(t, b, "one")
		pass(5 * time.Minute)
		synctest.Wait()
		if got := a.Snapshot(); got.View.Changes() != 1 || len(got.Peers) != 1 || got.Peers[0].State != PeerLive {
			t.Errorf("%d changes, peers %+v; want 1 change, and one peer since the beginning", got.View.Changes(), got.Peers)
		}
		stop()
	})
}

// TestHelloTimeoutOfListener: who dials a listener that says no hello gives up and tries again.
func TestHelloTimeoutOfListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mustNode(t, 1)
		dialler := pipeHubs(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ws, err := (&websocket.Upgrader{Subprotocols: []string{subprotocol}}).Upgrade(w, r, nil)
			if err != nil {
				return
			}
			for err == nil {
				_, _, err = ws.ReadMessage()
			}
			ws.Close()
		}), Limits{})
		stop := runAll(t, n.Run, dialler.Run)
		synctest.Wait()
		id, err := dialler.Connect(n, "ws://pipe")
		if err != nil {
			t.Fatal(err)
		}
		ended := dialler.Ended(id)
		<-ended
		synctest.Wait()
		if p, _ := n.Snapshot().Peer(id); p.State != PeerRetry || p.Reason.Code != "hello-timeout" {
			t.Errorf("state %v, reason %+v; want retry, hello-timeout", p.State, p.Reason)
		}
		stop()
	})
}

// TestRedial: a peer that cannot be reached is tried again, ever more rarely, and at once on Retry.
func TestRedial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mustNode(t, 1)
		l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
		l.Close()
		dialler := NewHub(HubConfig{Agent: "tallystick node test"})
		dialler.dialer.NetDialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return l.dial(ctx) }
		dialler.dialer.Proxy = nil
		stop := runAll(t, n.Run, dialler.Run)
		synctest.Wait()
		id, err := dialler.Connect(n, "ws://pipe")
		if err != nil {
			t.Fatal(err)
		}
		pass(time.Hour)
		synctest.Wait()
		l.mu.Lock()
		tries := len(l.dials)
		l.mu.Unlock()
		if tries < 60 || tries > 300 {
			t.Errorf("%d tries in an hour, want about one in half a minute", tries)
		}
		p, ok := n.Snapshot().Peer(id)
		if !ok || p.State != PeerRetry || p.Reason.Code != "unreachable" || !p.RetryAt.After(time.Now()) {
			t.Errorf("peer %+v, want a retry to come", p)
		}
		dialler.Retry(id)
		synctest.Wait()
		l.mu.Lock()
		again := len(l.dials)
		l.mu.Unlock()
		if again != tries+1 {
			t.Errorf("%d tries after Retry, want %d", again, tries+1)
		}
		dialler.Disconnect(id)
		synctest.Wait()
		if _, ok := n.Snapshot().Peer(id); ok {
			t.Error("the peer is still shown after Disconnect")
		}
		pass(time.Hour)
		synctest.Wait()
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.dials) != again {
			t.Errorf("dialled %d times more after Disconnect", len(l.dials)-again)
		}
		stop()
	})
}

// pass lets time pass, on the clock of the bubble.
func pass(d time.Duration) { <-time.After(d) }
