package relay

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Profiles are refused on any address that others could reach.
func TestPprofOnlyOnLoopback(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:0", "localhost.example.org:0", "127.0.0.1", "[::ffff:192.0.2.1]:0"} {
		r, err := New(Config{Addr: "127.0.0.1:0", Data: t.TempDir(), Pprof: addr})
		if !errors.Is(err, ErrNotLoopback) {
			t.Errorf("%s: got %v, want ErrNotLoopback", addr, err)
		}
		if err == nil {
			_ = r.Close() // it was not to be made
		}
	}
}

// What is served aside is served there alone, and nothing of it when it is not asked for.
func TestSideServers(t *testing.T) {
	t.Parallel()
	r := startRelayConfig(t, Config{Addr: "127.0.0.1:0", Data: t.TempDir(), Metrics: "127.0.0.1:0", Pprof: "localhost:0"})
	get := func(what, path, host string) (int, string) {
		t.Helper()
		addr := r.Addr()
		if what != "" {
			addr = r.SideAddr(what)
		}
		req, err := http.NewRequest(http.MethodGet, "http://"+addr.String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	for _, c := range []struct {
		on, path, host string
		want           int
	}{
		{"metrics", PathMetrics, "", 200},
		{"metrics", "/debug/pprof/", "", 404},
		{"metrics", PathWebsocket, "", 404},
		{"pprof", "/debug/pprof/", "", 200},
		{"pprof", "/debug/pprof/goroutine", "localhost", 200},
		{"pprof", "/debug/pprof/", "rebound.example.org", 403},
		{"pprof", PathMetrics, "", 404},
		{"", PathMetrics, "", 404},
		{"", "/debug/pprof/", "", 404},
	} {
		if got, _ := get(c.on, c.path, c.host); got != c.want {
			t.Errorf("%s on %q, host %q: got %d, want %d", c.path, c.on, c.host, got, c.want)
		}
	}
	if _, body := get("metrics", PathMetrics, ""); !strings.Contains(body, metricsPrefix+"connections ") {
		t.Error("no figures")
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := http.Get("http://" + r.SideAddr("metrics").String() + PathMetrics); err == nil {
		t.Error("figures are served after the end")
	}
}

// An address that is taken ends New, and gives back what it had listened on.
func TestSidePortInUse(t *testing.T) {
	t.Parallel()
	first := startRelayConfig(t, Config{Addr: "127.0.0.1:0", Data: t.TempDir(), Metrics: "127.0.0.1:0"})
	taken := first.SideAddr("metrics").String()
	if _, err := New(Config{Addr: "127.0.0.1:0", Data: t.TempDir(), Pprof: taken}); !errors.Is(err, ErrListen) {
		t.Errorf("got %v, want ErrListen", err)
	}
}
