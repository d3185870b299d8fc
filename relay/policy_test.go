package relay

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/transport"
)

// Each limit of Policy has a test here.

func TestEveryLimitHasADefault(t *testing.T) {
	t.Parallel()
	got := reflect.ValueOf(Policy{}.withDefaults())
	for i := range got.NumField() {
		if f := got.Type().Field(i); f.Name != "LimitLoopback" && got.Field(i).IsZero() {
			t.Errorf("%s has no default", f.Name)
		}
	}
	if set := (Policy{MaxRooms: 3}).withDefaults().MaxRooms; set != 3 {
		t.Errorf("MaxRooms: got %d, want the 3 that was set", set)
	}
}

func TestMaxRooms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startRelay(t, dir, Policy{MaxRooms: 1}, nil)
	a := join(t, r.URL(), "one")
	a.say(1, 1)
	a.live(1)
	join(t, r.URL(), "two").refused(CodeRoomsFull)
	join(t, r.URL(), "one").live(1) // the one that is kept goes on
	a.stop()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = startRelay(t, dir, Policy{MaxRooms: 1}, nil)
	join(t, r.URL(), "two").refused(CodeRoomsFull)
}

// The damaged file of a room counts besides the new one, at once and after a restart.
func TestMaxTotalBytesCountsDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "rooms", roomFile(crdt.OpenLedger("one").ID()))
	r := startRelay(t, dir, Policy{}, nil)
	a := join(t, r.URL(), "one")
	a.say(3, 100)
	a.live(3)
	a.stop()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(content[:2*4096]) // both meta pages
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}

	// Enough for either file, not for both.
	policy := Policy{MaxTotalBytes: int64(len(content)) + 1}
	r = startRelay(t, dir, policy, nil)
	join(t, r.URL(), "one").live(3)
	if _, err := os.Stat(path + store.DamagedInfix + "1"); err != nil {
		t.Fatal(err)
	}
	join(t, r.URL(), "two").refused(CodeRoomsFull)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = startRelay(t, dir, policy, nil)
	join(t, r.URL(), "two").refused(CodeRoomsFull)
	if got, least := r.figure(t, "rooms_bytes"), float64(len(content)); got <= least {
		t.Errorf("%v bytes, of which a damaged file has %v", got, least)
	}
}

func TestMaxTotalBytes(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{MaxTotalBytes: 1}, nil)
	a := join(t, r.URL(), "one")
	a.say(1, 1)
	a.live(1)
	join(t, r.URL(), "two").refused(CodeRoomsFull)
	a.say(1, 1)
	a.live(2)
}

func TestMaxRoomBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := Policy{MaxRoomBytes: 256 << 10}
	r := startRelay(t, dir, p, nil)
	a, other := join(t, r.URL(), "main"), join(t, r.URL(), "other")
	a.say(8, 40<<10)
	a.refused(CodeRoomFull)
	join(t, r.URL(), "main").refused(CodeRoomFull)
	other.say(1, 1)
	other.live(1) // rooms beside it go on
	a.stop()
	other.stop()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = startRelay(t, dir, p, nil)
	join(t, r.URL(), "main").refused(CodeRoomFull)
}

func TestMaxOpenRooms(t *testing.T) {
	t.Parallel()
	testMaxOpen(t, Policy{MaxOpenRooms: 1})
}

func TestMaxOpenBytes(t *testing.T) {
	t.Parallel()
	testMaxOpen(t, Policy{MaxOpenBytes: 1})
}

// testMaxOpen: as long as somebody is in the one open room, another is refused; then it takes its place.
func testMaxOpen(t *testing.T, p Policy) {
	r := startRelay(t, t.TempDir(), p, nil)
	a := join(t, r.URL(), "one")
	a.say(1, 1)
	a.live(1)
	b := join(t, r.URL(), "two")
	b.say(1, 1)
	b.refused(CodeBusy)
	a.stop()
	b.live(1)
	if got := r.Health(); got.Open != 1 || got.Rooms != 2 {
		t.Errorf("got %+v, want 1 of 2 rooms open", got)
	}
}

func TestIdleRoom(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{IdleRoom: 30 * time.Millisecond}, nil)
	a := join(t, r.URL(), "main")
	a.say(2, 1)
	a.live(2)
	a.stop()
	eventually(t, "room closed", func() bool { return r.Health().Open == 0 })
	if got := r.Health().Rooms; got != 1 {
		t.Errorf("got %d rooms, want 1", got)
	}
	join(t, r.URL(), "main").live(2) // opened again
}

func TestRetryStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id := crdt.OpenLedger("main").ID()
	path := filepath.Join(dir, "rooms", roomFile(id))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("not a store"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startRelay(t, dir, Policy{RetryStore: 30 * time.Millisecond}, nil)
	a := join(t, r.URL(), "main")
	a.refused(CodeStoreError)
	if b, err := os.ReadFile(path); err != nil || string(b) != "not a store" {
		t.Fatalf("the file was changed: %q, %v", b, err)
	}
	if err := os.Rename(path, path+".damaged"); err != nil {
		t.Fatal(err)
	}
	a.say(1, 1)
	a.live(1)
}

// While RetryStore runs, the store is not read again.
func TestRetryStoreWaits(t *testing.T) {
	t.Parallel()
	id := crdt.OpenLedger("main").ID()
	rs := &rooms{policy: Policy{}.withDefaults(), kept: map[crdt.RoomID]int64{id: 1}, open: map[crdt.RoomID]*room{}, refused: map[crdt.RoomID]refusal{
		id: {err: refuseStore(), until: time.Now().Add(time.Hour)},
	}}
	if _, err := rs.Open(t.Context(), id, crdt.OpenLedger("main")); transport.Code(err) != CodeStoreError {
		t.Errorf("got %v, want %s", err, CodeStoreError)
	}
}

func TestMaxOpening(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	rs, err := newRooms(ctx, t.TempDir(), Policy{MaxOpening: 1}.withDefaults(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		rs.wg.Wait()
	})
	rs.slots <- struct{}{} // one is being opened
	charter := crdt.OpenLedger("main")
	short, stop := context.WithTimeout(ctx, 20*time.Millisecond)
	defer stop()
	if _, err := rs.Open(short, charter.ID(), charter); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want to wait", err)
	}
	<-rs.slots
	if n, err := rs.Open(ctx, charter.ID(), charter); err != nil || n == nil {
		t.Errorf("got %v, %v, want the node", n, err)
	}
}

func TestMaxConnections(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{MaxConnections: 1}, nil)
	a := join(t, r.URL(), "main")
	a.live(0)
	if status, body := r.get(PathHealth); status != http.StatusServiceUnavailable || !strings.Contains(body, "too many connections") {
		t.Errorf("got %d %q, want 503", status, body)
	}
	a.stop()
	eventually(t, "place again", func() bool { return r.Health().Connections == 0 })
	join(t, r.URL(), "main").live(0)
}

func TestMaxConnectionsPerAddr(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{MaxConnectionsPerAddr: 1, LimitLoopback: true}, nil)
	a := join(t, r.URL(), "main")
	a.live(0)
	if status, body := r.get(PathHealth); status != http.StatusTooManyRequests || !strings.Contains(body, "this address") {
		t.Errorf("got %d %q, want 429", status, body)
	}
	a.stop()
	eventually(t, "place again", func() bool { return r.Health().Connections == 0 })
	join(t, r.URL(), "main").live(0)
}

func TestMaxRefusing(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{MaxConnections: 1, MaxRefusing: 1, Handshake: patience}, nil)
	dial := func() net.Conn {
		c, err := net.Dial("tcp", r.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	dial()
	eventually(t, "the first is counted", func() bool { return r.Health().Connections == 1 })
	dial()
	eventually(t, "the second is to be refused", func() bool {
		r.admission.mu.Lock()
		defer r.admission.mu.Unlock()
		return r.admission.refusing == 1
	})
	third := dial()
	if err := third.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := third.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("got %d bytes, %v: want it closed without a word", n, err)
	}
	r.admission.mu.Lock()
	defer r.admission.mu.Unlock()
	if r.admission.dropped != 1 {
		t.Errorf("got %d dropped, want 1", r.admission.dropped)
	}
}

// What counts as one address.
func TestAdmissionKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8::ffff:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
	} {
		a := newAdmission(nil, Policy{}.withDefaults())
		key := func(s string) netip.Prefix {
			k, limited := a.key(net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(s), 1)))
			if !limited {
				t.Errorf("%s is not limited", s)
			}
			return k
		}
		if got := key(c.a) == key(c.b); got != c.same {
			t.Errorf("%s and %s: got same %v, want %v", c.a, c.b, got, c.same)
		}
	}
	for _, s := range []string{"127.0.0.1", "::1", "127.9.9.9"} {
		if _, limited := newAdmission(nil, Policy{}).key(net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(s), 1))); limited {
			t.Errorf("%s is limited", s)
		}
	}
}

func TestMaxRoomsPerConnection(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{MaxRoomsPerConnection: 1}, nil)
	a := join(t, r.URL(), "one")
	a.live(0)
	second := newNode(t, "two")
	if err := a.hub.Add(second); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = second.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	b := &person{t: t, node: second, hub: a.hub}
	var err error
	if b.peer, err = a.hub.Connect(second, r.URL()); err != nil {
		t.Fatal(err)
	}
	b.refused(transport.Code(transport.ErrTooManyAsk))
}

// Who connects and then says nothing is closed, before and after the upgrade.
func TestHandshake(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{Handshake: time.Second}, nil)
	t.Run("http", func(t *testing.T) {
		c, err := net.Dial("tcp", r.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("got %v, want the connection closed", err)
		}
	})
	t.Run("hello", func(t *testing.T) {
		ws, _, err := (&websocket.Dialer{Subprotocols: []string{"tallystick.v1"}}).Dial(r.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		if err := ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, _, err = ws.ReadMessage()
		}
		var closed *websocket.CloseError
		if !errors.As(err, &closed) || closed.Text != transport.Code(transport.ErrHelloTimeout) {
			t.Errorf("got %v, want it closed with %s", err, transport.Code(transport.ErrHelloTimeout))
		}
	})
}

func TestMaxHeaderBytes(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{MaxHeaderBytes: 1 << 10}, nil)
	req, err := http.NewRequest(http.MethodGet, r.base()+PathHealth, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Long", strings.Repeat("x", 16<<10))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %d, want 431", resp.StatusCode)
	}
}
