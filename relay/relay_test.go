package relay

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tallystick/tallystick/transport"
)

func TestForwardsAndKeeps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startRelay(t, dir, Policy{}, nil)
	alice, bob := join(t, r.URL(), "main"), join(t, r.URL(), "main")
	other := join(t, r.URL(), "other")
	alice.say(3, 10)
	bob.say(2, 10)
	other.say(1, 10)
	a, b := alice.live(5), bob.live(5)
	other.live(1)
	if a.View.LogDigest() != b.View.LogDigest() || a.View.DocDigest() != b.View.DocDigest() {
		t.Error("digests differ")
	}
	if got := r.Health(); got.Rooms != 2 || got.Open != 2 || got.Connections != 3 {
		t.Errorf("got %+v, want 2 rooms, 2 open, 3 connections", got)
	}
	alice.stop()
	bob.stop()
	other.stop()
	if err := r.stop(); err != nil {
		t.Fatalf("Run: %v", err)
	}

	r = startRelay(t, dir, Policy{}, nil)
	if got := r.Health(); got.Rooms != 2 || got.Open != 0 {
		t.Errorf("after a restart: got %+v, want 2 rooms, none open", got)
	}
	carol := join(t, r.URL(), "main")
	if c := carol.live(5); c.View.LogDigest() != a.View.LogDigest() {
		t.Error("log digest differs after a restart")
	}
}

// A peer that names a room and writes nothing must not cost disk.
func TestNamingARoomMakesNoFile(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{IdleRoom: 20 * time.Millisecond}, nil)
	p := join(t, r.URL(), "main")
	p.live(0)
	if got := r.files(); len(got) != 0 {
		t.Errorf("got files %v, want none", got)
	}
	p.stop()
	eventually(t, "room closed", func() bool { return r.Health().Open == 0 })
	if got := r.Health().Rooms; got != 0 {
		t.Errorf("got %d rooms, want 0", got)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{}, nil)
	status, body := r.get(PathHealth)
	var h Health
	if err := json.Unmarshal([]byte(body), &h); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	if status != http.StatusOK || h.Status != "ok" || h.Version != "test" {
		t.Errorf("got %d %+v, want 200, ok, test", status, h)
	}
	if status, _ := r.get("/else"); status != http.StatusNotFound {
		t.Errorf("other path: got %d, want 404", status)
	}
	resp, err := http.Post(r.base()+PathHealth, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d, want 405", resp.StatusCode)
	}
	r.draining.Store(true)
	if status, body := r.get(PathHealth); status != http.StatusServiceUnavailable || !strings.Contains(body, statusDraining) {
		t.Errorf("draining: got %d %s, want 503", status, body)
	}
}

func TestOneRelayPerFolder(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{}, nil)
	if _, err := New(Config{Addr: "127.0.0.1:0", Data: r.data}); !errors.Is(err, ErrDataLocked) {
		t.Fatalf("got %v, want ErrDataLocked", err)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again, err := New(Config{Addr: "127.0.0.1:0", Data: r.data})
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dir := t.TempDir()
	if _, err := New(Config{Addr: ln.Addr().String(), Data: dir}); !errors.Is(err, ErrListen) || !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("got %v, want ErrListen and EADDRINUSE", err)
	}
	r, err := New(Config{Addr: "127.0.0.1:0", Data: dir}) // nothing is left locked
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Run(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Run after Close: got %v, want ErrClosed", err)
	}
}

func TestUnusableFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Addr: "127.0.0.1:0", Data: file}); !errors.Is(err, ErrDataFolder) {
		t.Errorf("got %v, want ErrDataFolder", err)
	}
}

// A drain tells the peers, keeps what was acknowledged, and ends in time.
func TestDrainUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startRelay(t, dir, Policy{}, nil)
	p := join(t, r.URL(), "main")
	p.say(20, 100)
	p.until("some stored", func(s *transport.Snapshot) bool { return s.Unsent < 20 })
	if err := r.stop(); err != nil {
		t.Fatalf("Run: %v", err)
	}
	p.until("told why", func(s *transport.Snapshot) bool {
		return slices.ContainsFunc(s.Events, func(e transport.Event) bool {
			return e.Kind == transport.EventPeerClosed && e.Code == transport.Code(transport.ErrGoingAway)
		})
	})
	said := 20 - p.node.Snapshot().Unsent
	again := startRelay(t, dir, Policy{}, nil)
	q := join(t, again.URL(), "main")
	q.until("all that was acknowledged", func(s *transport.Snapshot) bool { return s.View.Changes() >= said && s.Live == 1 })
}

func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	r := startRelay(t, t.TempDir(), Policy{Drain: 30 * time.Millisecond}, nil)
	stuck := make(chan struct{})
	r.rooms.wg.Go(func() { <-stuck })
	t.Cleanup(func() { close(stuck) })
	if err := r.stop(); !errors.Is(err, ErrDrain) {
		t.Errorf("got %v, want ErrDrain", err)
	}
}

// What a peer sends must not reach the log raw, whatever the logger does with it.
func TestLogIsSafe(t *testing.T) {
	t.Parallel()
	log := &rawLog{}
	r := startRelay(t, t.TempDir(), Policy{IdleRoom: 20 * time.Millisecond}, slog.New(log))
	p := join(t, r.URL(), "x\x1b[31m\u202e\ny")
	p.say(1, 1)
	p.live(1)
	p.stop()
	eventually(t, "room closed", func() bool { return r.Health().Open == 0 })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	text := log.String()
	if !strings.Contains(text, `name=x\x1b[31m\u202e⏎y`) {
		t.Fatalf("the room's name is not in the log:\n%s", text)
	}
	if i := strings.IndexAny(text, "\x1b\u202e"); i >= 0 {
		t.Errorf("byte %d of the log is raw: %q", i, text)
	}
}

func TestSafeLog(t *testing.T) {
	t.Parallel()
	const bad = "a\x1b[2J\u202e"
	log := &rawLog{}
	safeLog(slog.New(log)).With(bad, bad).WithGroup(bad).Info(bad, bad, bad, "err", errors.New(bad), slog.Group(bad, bad, bad), "n", 7)
	text := log.String()
	if strings.ContainsAny(text, "\x1b\u202e") || !strings.Contains(text, "n=7") || strings.Count(text, `a\x1b[2J\u202e`) != 10 {
		t.Errorf("got %q", text)
	}
}

// rawLog is a slog.Handler that keeps every text as it is.
type rawLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *rawLog) Enabled(context.Context, slog.Level) bool { return true }

func (l *rawLog) Handle(_ context.Context, r slog.Record) error {
	l.add(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		l.add(a.String())
		return true
	})
	return nil
}

func (l *rawLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		l.add(a.String())
	}
	return l
}

func (l *rawLog) WithGroup(name string) slog.Handler {
	l.add(name)
	return l
}

func (l *rawLog) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(s + "\n")
}

func (l *rawLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Run ends by itself, with the reason, if its listener breaks.
func TestListenerBreaks(t *testing.T) {
	t.Parallel()
	r, err := New(Config{Addr: "127.0.0.1:0", Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run(context.Background()) }()
	eventually(t, "serving", func() bool {
		resp, err := http.Get("http://" + r.Addr().String() + PathHealth)
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil
	})
	_ = r.admission.Listener.Close()
	if err := <-ended; !errors.Is(err, ErrListen) {
		t.Errorf("got %v, want ErrListen", err)
	}
}
