package relay

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// scrape returns what the relay answers for figures.
func (r *running) scrape(t testing.TB) string {
	t.Helper()
	w := httptest.NewRecorder()
	r.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, PathMetrics, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("got %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// figure returns one figure by its name, with its label if it has one; 0 if it is not there.
func (r *running) figure(t testing.TB, name string) float64 {
	t.Helper()
	for line := range strings.Lines(r.scrape(t)) {
		if rest, ok := strings.CutPrefix(line, metricsPrefix+name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			return v
		}
	}
	return 0
}

// What goes through a relay is counted, and nothing that a peer chose is in the figures.
func TestMetrics(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{}, nil)
	a, b := join(t, r.URL(), "secretname"), join(t, r.URL(), "secretname")
	a.say(3, 100)
	a.live(3)
	b.live(3)
	for name, want := range map[string]float64{
		"connections": 2, "connections_accepted_total": 2, "rooms": 1, "rooms_open": 1,
		"changes_accepted_total": 3, "changes_received_total": 3, "pending_bytes": 0, "checks_waiting": 0,
		`connections_refused_total{limit="address"}`: 0, "commit_changes_sum": 3,
	} {
		if got := r.figure(t, name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{
		"messages_received_total", "messages_sent_total", "bytes_received_total", "bytes_sent_total", "packs_received_total",
		"changes_sent_total", "rooms_bytes", "commit_seconds_count", "commit_bytes_sum",
	} {
		if got := r.figure(t, name); got <= 0 {
			t.Errorf("%s: got %v, want more", name, got)
		}
	}
	all := r.scrape(t)
	for _, want := range []string{"go_goroutines ", "process_start_time_seconds "} {
		if !strings.Contains(all, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
	id := crdt.OpenLedger("secretname").ID()
	for what, said := range map[string]string{"name": "secretname", "agent": "tallystick node", "room": id.String(), "address": "127.0.0.1"} {
		if strings.Contains(all, said) {
			t.Errorf("the figures say a peer's %s", what)
		}
	}
	if problems, err := testutil.GatherAndLint(r.metrics.registry); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

// The code that a peer gives as its reason is no label.
func TestMetricsLabelsAreOurs(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{}, nil)
	ws := dialRelay(t, r)
	if err := ws.WriteMessage(websocket.BinaryMessage, transport.AppendMessage(nil, crdt.RoomID{}, &transport.PeerError{ErrorCode: "my-own-code", Text: "x"})); err != nil {
		t.Fatal(err)
	}
	readToEnd(t, ws)
	eventually(t, "the end is counted", func() bool { return r.figure(t, `connections_closed_total{code="peer-error"}`) == 1 })
	if strings.Contains(r.scrape(t), "my-own-code") {
		t.Error("a peer's code is a label")
	}
}

// Each way to be refused has its counter.
func TestRefusalsAreCounted(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{MaxRooms: 1, MaxConnectionsPerAddr: 3, LimitLoopback: true, Handshake: 100 * time.Millisecond}, nil)
	a := join(t, r.URL(), "one")
	a.say(1, 1)
	a.live(1)
	b := join(t, r.URL(), "two")
	b.refused(CodeRoomsFull)
	b.stop()

	ws := dialRelay(t, r)
	charter := crdt.OpenLedger("one")
	for _, m := range [][]byte{
		transport.AppendMessage(nil, charter.ID(), &transport.Hello{Charter: charter.Append(nil), Agent: "raw node"}),
		transport.AppendMessage(nil, charter.ID(), transport.Packs{[]byte("no pack")}),
	} {
		if err := ws.WriteMessage(websocket.BinaryMessage, m); err != nil {
			t.Fatal(err)
		}
	}
	readToEnd(t, ws)
	if n, err := net.Dial("tcp", r.Addr().String()); err != nil {
		t.Fatal(err)
	} else {
		readToEnd(t, n) // nothing is said: closed when the time is up
	}
	for _, name := range []string{
		`rooms_refused_total{code="rooms-full"}`, `packs_refused_total{code="malformed"}`, `connections_closed_total{code="malformed"}`,
		"connections_unspoken_total",
	} {
		eventually(t, name, func() bool { return r.figure(t, name) >= 1 })
	}
	eventually(t, "only one is connected", func() bool { return r.Health().Connections == 1 })
	join(t, r.URL(), "one").live(1)
	join(t, r.URL(), "one").live(1)
	if status, _ := r.get(PathHealth); status != http.StatusTooManyRequests {
		t.Errorf("got %d, want 429", status)
	}
	if got := r.figure(t, `connections_refused_total{limit="address"}`); got != 1 {
		t.Errorf("refused by address: got %v, want 1", got)
	}
}

// dialRelay opens a websocket on which nothing was said.
func dialRelay(t testing.TB, r *running) *websocket.Conn {
	t.Helper()
	ws, _, err := (&websocket.Dialer{Subprotocols: []string{"tallystick.v1"}}).Dial(r.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	return ws
}

// readToEnd reads until the other side has closed.
func readToEnd(t testing.TB, c any) {
	t.Helper()
	nc, ok := c.(net.Conn)
	if ws, is := c.(*websocket.Conn); is {
		nc, ok = ws.NetConn(), true
	}
	if !ok {
		t.Fatalf("%T is no connection", c)
	}
	if err := nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_, err := io.Copy(io.Discard, nc)
	if ne, is := err.(net.Error); is && ne.Timeout() {
		t.Fatal("it was not closed")
	}
	_ = nc.Close() // the other side has
}

// A peer that stops reading is closed and counted; others in its room get everything.
func TestStalledReader(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// The same times hold for those that do read: long enough for them on a busy machine.
	r := startRelayLimits(t, dir, Policy{}, transport.Limits{
		WriteTimeout: 2 * time.Second, PingPeriod: 500 * time.Millisecond, ReadTimeout: 3 * time.Second,
	})
	a, b := join(t, r.URL(), "main"), join(t, r.URL(), "main")
	ws := dialRelay(t, r)
	charter := crdt.OpenLedger("main")
	if err := ws.WriteMessage(websocket.BinaryMessage, transport.AppendMessage(nil, charter.ID(), &transport.Hello{Charter: charter.Append(nil), Agent: "raw node"})); err != nil {
		t.Fatal(err)
	}
	// From here on it reads nothing, pings included.
	a.say(40, 40<<10)
	a.live(40)
	b.live(40)
	// On a busy machine the others may be as slow once, and come back: so the count may be more than one.
	eventually(t, "the stalled one is closed", func() bool {
		return r.figure(t, `connections_closed_total{code="slow-reader"}`)+r.figure(t, `connections_closed_total{code="read-timeout"}`) >= 1
	})
	readToEnd(t, ws)
	a.say(1, 1)
	b.live(41)
}
